"""`testmon explain`: what a test relies on, or which tests reach a place in the code."""

from testmon_cli.api import Project
from testmon_cli.application.settings import Settings
from testmon_cli.rendering import explain as rendering
from testmon_cli.rendering import terminal


def run(
    settings: Settings, what: str, *, everything: bool, format_: str, would_select: bool = False
) -> int:
    """Print the answer; 0 also where no test reaches the place."""
    answer = Project(settings).explain(what, would_select=would_select)
    if format_ == "json":
        terminal.write(rendering.as_json(answer))
    else:
        terminal.write(rendering.as_text(answer, everything=everything), rendering.STYLES)
    return 0
