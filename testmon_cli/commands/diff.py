"""`testmon diff`: show what has changed since the tests ran."""

from testmon_cli.application import diff
from testmon_cli.application.settings import Settings
from testmon_cli.rendering import diff as rendering
from testmon_cli.rendering import terminal


def run(settings: Settings, *, base: str | None, format_: str) -> int:
    """Print the changes; 0 whether there are some or not."""
    found = diff.diff(settings, base=base)
    if format_ == "json":
        terminal.write(rendering.as_json(found))
    else:
        terminal.write(rendering.as_text(found), rendering.STYLES)
    return 0
