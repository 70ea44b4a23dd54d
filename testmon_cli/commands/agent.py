"""`testmon agent`: tell coding agents which tests their edits affect."""

import difflib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from testmon_cli.application import agent
from testmon_cli.application.agent import Edit
from testmon_cli.application.settings import Settings, find_root
from testmon_cli.domain.errors import TestmonError
from testmon_cli.rendering import agent as rendering
from testmon_cli.rendering import terminal

TESTS_TO_RUN = 2  # the exit code that agents take for "read stderr"


def install(settings: Settings, host: str, *, yes: bool, confirm: Callable[[str], bool]) -> int:
    """Show what changes in the agent's configuration, then write it where that is wanted."""
    return _change(
        agent.install(host, settings.root), "the hook is there already", yes=yes, confirm=confirm
    )


def uninstall(settings: Settings, host: str, *, yes: bool, confirm: Callable[[str], bool]) -> int:
    """Show what goes, then take it out where that is wanted."""
    return _change(
        agent.uninstall(host, settings.root),
        "there is no hook of testmon",
        yes=yes,
        confirm=confirm,
    )


def _change(edit: Edit, nothing: str, *, yes: bool, confirm: Callable[[str], bool]) -> int:
    if (edit.before or "") == (edit.after or ""):
        terminal.say(f"testmon: {nothing}: {edit.path}\n")
        return 0
    before, after = ((text or "").splitlines() for text in (edit.before, edit.after))
    name = str(edit.path)
    terminal.write(terminal.joined(difflib.unified_diff(before, after, name, name, lineterm="")))
    can_ask = sys.stdin is not None and sys.stdin.isatty()
    if not yes and not (can_ask and confirm(f"Write {name}?")):
        terminal.say("testmon: nothing was written; --yes writes it\n")
        return 0
    agent.write(edit)
    terminal.say(f"testmon: {name} was {'written' if edit.after is not None else 'removed'}\n")
    return 0


def hook(load: Callable[[Path | None], Settings], reply: str) -> int:
    """Answer an agent that has edited a file, named in JSON on stdin.

    Returns 0 when no test must run, 2 when some must.

    Which ones stands on stderr, or in the reply that the agent wants. A project that was never
    collected is silent.
    """
    given = _payload()
    file = _file_of(given)
    settings, directory = _place_of(load, file)
    if not _is_collected(settings):
        return _answered("", reply)
    from testmon_cli.application.select.filters import narrowing_of
    from testmon_cli.application.select.use_case import select

    paths = [str(file)] if file is not None and file.exists() else None
    try:
        narrowing = narrowing_of(settings, paths)
    except TestmonError:  # it is outside of the project
        return _answered("", reply)
    selection = select(settings, narrowing=narrowing)
    shown = [os.path.relpath(path, directory or None) for path in paths or ()]
    return _answered(
        rendering.as_text(selection, rendering.command([], shown, directory=directory)), reply
    )


def _payload() -> dict[str, object]:
    if sys.stdin is None:
        raise TestmonError(
            'stdin is closed: the hook reads JSON from it, like {"tool_input": {"file_path": ...}}'
        )
    text = sys.stdin.read()
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise TestmonError(f"what came on stdin is not JSON: {error}") from error
    return found if isinstance(found, dict) else {}


def _file_of(given: dict[str, object]) -> Path | None:
    tool = given.get("tool_input")
    for holder in (tool, given):
        name = holder.get("file_path") if isinstance(holder, dict) else None
        if isinstance(name, str) and name and "\0" not in name:
            return Path(os.path.abspath(name))
    return None


def _place_of(load: Callable[[Path | None], Settings], file: Path | None) -> tuple[Settings, str]:
    """The project around the working directory.

    Where that does not hold the file, it is the one around the file.
    """
    settings = load(None)
    root = Path(os.path.realpath(settings.root))
    if file is None or Path(os.path.realpath(file)).is_relative_to(root):
        return settings, ""
    around = find_root(file.parent)
    return load(around), str(around)


def _is_collected(settings: Settings) -> bool:
    return "://" in settings.datafile or os.path.exists(settings.datafile)


def _answered(text: str, reply: str) -> int:
    if reply == "cursor":
        terminal.write(json.dumps({"followup_message": text} if text else {}) + "\n")
        return 0
    terminal.say(text)
    return TESTS_TO_RUN if text else 0


def skill() -> int:
    """Print a description of testmon for agents."""
    from importlib import resources

    terminal.write(resources.files("testmon_cli").joinpath("SKILL.md").read_text(encoding="utf-8"))
    return 0
