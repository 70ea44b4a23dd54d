"""Hooks for coding agents, by which an agent hears which tests its edits affect.

Nothing is written here: a configuration is made as text from the one that is there, and what others
put there stays.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from testmon_cli.domain.errors import TestmonError

HOOK: Final = "testmon agent hook"
_BEGIN, _END = "# testmon: begin", "# testmon: end"
_TEST_COMMAND = "testmon collect --select -q"


class Edit(NamedTuple):
    """A file, as it is and as it is to be; None for one that is not there."""

    path: Path
    before: str | None
    after: str | None


class _Host(NamedTuple):
    """An agent, and how its configuration gets and loses our hook."""

    path: str  # relative to the root
    add: Callable[[str], str]
    remove: Callable[[str], str]


def install(host: str, root: Path) -> Edit:
    """The change that puts our hook into an agent's configuration.

    Raises TestmonError for one that cannot be read.
    """
    found = HOSTS[host]
    return _edit(root / found.path, found.add)


def uninstall(host: str, root: Path) -> Edit:
    """The change that takes our hook out of a host's configuration again.

    `host` is a name in `HOSTS`, `root` the folder of the project.
    """
    found = HOSTS[host]
    return _edit(root / found.path, found.remove)


def _edit(path: Path, change: Callable[[str], str]) -> Edit:
    try:
        before = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        before = None
    except (OSError, UnicodeDecodeError) as error:
        raise TestmonError(f"{path} cannot be read: {error}") from error
    try:
        after = change(before or "")
    except ValueError as error:
        raise TestmonError(
            f"{path} {error}; add the hook by hand, see the documentation"
        ) from error
    return Edit(path, before, after if after.strip() else None)


def write(edit: Edit) -> None:
    """Put a file in place when it is whole, or remove one of which nothing is left."""
    if edit.after is None:
        if edit.before is not None:
            edit.path.unlink()
        return
    edit.path.parent.mkdir(parents=True, exist_ok=True)
    temporary = edit.path.with_name(f"{edit.path.name}.{os.getpid()}.tmp")
    temporary.write_text(edit.after, encoding="utf-8")
    temporary.replace(edit.path)


# JSON: hooks in lists by event


def _loaded(text: str) -> dict[str, object]:
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise ValueError(f"is not valid JSON: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.setdefault("hooks", {}), dict):
        raise ValueError("has no object of hooks")
    return found


def _is_ours(entry: object) -> bool:
    return HOOK in json.dumps(entry)


def _with(event: str, entry: dict[str, object], **top: object) -> Callable[[str], str]:
    def add(text: str) -> str:
        found = _loaded(text)
        hooks = found["hooks"]
        assert isinstance(hooks, dict)
        entries = hooks.setdefault(event, [])
        if not isinstance(entries, list):
            raise ValueError(f"has no list of {event} hooks")
        if entry in entries:
            return text
        hooks[event] = [other for other in entries if not _is_ours(other)] + [entry]
        return json.dumps({**top, **found}, indent=2, ensure_ascii=False) + "\n"

    return add


def _without(text: str) -> str:
    found = _loaded(text)
    hooks = found["hooks"]
    assert isinstance(hooks, dict)
    if not any(_is_ours(entries) for entries in hooks.values()):
        return text
    left = {
        event: kept
        for event, entries in hooks.items()
        if (
            kept := [entry for entry in entries if not _is_ours(entry)]
            if isinstance(entries, list)
            else entries
        )
    }
    if left:
        found["hooks"] = left
    else:
        del found["hooks"]
    is_empty = not found or found.keys() == {"version"}
    return "" if is_empty else json.dumps(found, indent=2, ensure_ascii=False) + "\n"


# YAML: lines between marks, since a parser would lose comments


def _with_lines(text: str) -> str:
    own = "\n".join([_BEGIN, f"test-cmd: {_TEST_COMMAND}", "auto-test: true", _END]) + "\n"
    rest = _without_lines(text)
    for line in rest.splitlines():
        if line.partition(":")[0].strip() in ("test-cmd", "auto-test"):
            raise ValueError(f"already says {line.strip()!r}")
    gap = "" if not rest or rest.endswith("\n") else "\n"
    return rest + gap + own


def _without_lines(text: str) -> str:
    if _BEGIN not in text or _END not in text:
        return text
    before, _, rest = text.partition(f"{_BEGIN}\n")
    return before + rest.partition(f"{_END}\n")[2]


def _hook(matcher: str) -> dict[str, object]:
    return {"matcher": matcher, "hooks": [{"type": "command", "command": HOOK, "timeout": 30}]}


HOSTS: Final = {
    "claude": _Host(
        ".claude/settings.json",
        _with("PostToolUse", _hook("Edit|MultiEdit|Write|NotebookEdit")),
        _without,
    ),
    "codex": _Host(
        ".codex/hooks.json", _with("PostToolUse", _hook("apply_patch|Edit|Write")), _without
    ),
    "cursor": _Host(
        ".cursor/hooks.json",
        _with("stop", {"command": f"{HOOK} --reply cursor"}, version=1),
        _without,
    ),
    "aider": _Host(".aider.conf.yml", _with_lines, _without_lines),
}
