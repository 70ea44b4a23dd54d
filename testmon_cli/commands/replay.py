"""`testmon replay`: prove selection on the history of the project."""

import os
from collections.abc import Sequence

from testmon_cli.application.proof import replay as use_case
from testmon_cli.application.proof.replay import Request
from testmon_cli.application.settings import Settings
from testmon_cli.domain.proof import ESCAPED
from testmon_cli.rendering import progress, terminal
from testmon_cli.rendering import replay as rendering

EXIT_ESCAPED = 1


def run(settings: Settings, request: Request, *, html: str | None, format_: str) -> int:
    """Replay and print what was found; 1 where something escaped."""
    with progress.bar("replaying commits") as shown:
        found = use_case.replay(settings, request, progress=shown, say=_say)
    if html is not None:
        from testmon_cli.application.report import html_page
        from testmon_cli.rendering.replay_page import as_html

        html_page.write(html, as_html(found, settings.root.name))
        _say(f"wrote the page to {html}")
    if format_ == "json":
        terminal.write(rendering.as_json(found))
    else:
        terminal.write(rendering.as_text(found), rendering.STYLES)
    return EXIT_ESCAPED if found.findings(ESCAPED) else 0


def words_of(words: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """Tell a range of git, which comes first, from arguments for pytest."""
    first, dots, _ = words[0].partition("..") if words else ("", "", "")
    if first and dots and not first.startswith("-") and not os.path.exists(words[0]):
        return words[0], tuple(words[1:])
    return None, tuple(words)


def _say(text: str) -> None:
    terminal.say(terminal.joined([f"testmon: {text}"]))
