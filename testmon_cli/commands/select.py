"""`testmon select`: print what pytest must run."""

import os
import sys

from testmon_cli.application import selecting
from testmon_cli.application.select_filters import narrowing_of, paths_in
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import TestmonError
from testmon_cli.rendering import selection as rendering
from testmon_cli.rendering import terminal


def run(
    settings: Settings,
    *,
    paths: tuple[str, ...],
    stdin: bool,
    staged: bool,
    base: str | None,
    keyword: str,
    failed: bool,
    explain: bool,
    why_not: str | None,
    null: bool,
    format_: str,
) -> int:
    """Print the selection; 0 whether it is empty or not. What must be said besides goes to stderr."""
    if why_not is not None:
        from testmon_cli.application import explaining

        answer = explaining.why_not(settings, why_not)
        terminal.write(rendering.why_not_as_json(answer) if format_ == "json" else rendering.why_not_as_text(answer))
        return 0
    if stdin:
        if sys.stdin is None:
            raise TestmonError("stdin is closed: --stdin reads paths from it")
        paths = (*paths, *paths_in(sys.stdin.buffer.read()))
    narrowing = narrowing_of(settings, paths if paths or stdin else None, keyword, is_listed=stdin)
    selection = selecting.select(settings, narrowing=narrowing, failed=failed, exact=null, staged=staged, base=base)
    terminal.say(rendering.notes(selection))
    if format_ == "json":
        at_root = os.path.realpath(settings.root) == os.path.realpath(os.curdir)
        question = _question(keyword=keyword, failed=failed, staged=staged, base=base, paths=paths)
        terminal.write(rendering.as_json(selection, at_root=at_root, question=question))
    elif explain:
        terminal.write(rendering.explained(selection))
    else:
        terminal.write_arguments(rendering.arguments(selection, end="\0" if null else "\n"))
    return 0


def _question(*, keyword: str, failed: bool, staged: bool, base: str | None, paths: tuple[str, ...]) -> list[str]:
    """The options that would lead to the same answer."""
    question = ["-k", keyword] if keyword else []
    question += [] if failed else ["--no-failed"]
    question += ["--staged"] if staged else []
    question += ["--base", base] if base is not None else []
    return [*question, "--", *paths]
