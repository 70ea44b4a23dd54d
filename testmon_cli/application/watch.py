"""`testmon watch`: which saved files matter, and what is to run for them."""

import os
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from testmon_cli.application.select.filters import narrowing_of
from testmon_cli.application.select.use_case import select
from testmon_cli.application.settings import Settings
from testmon_cli.domain import selection as kinds
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.selection import Selected

_OURS = (".testmondata", ".testmon_cache")
_SKIPPED = frozenset({
    ".git", ".hg", ".svn", "__pycache__", ".testmon_cache", ".pytest_cache", ".mypy_cache", ".ruff_cache",
    ".hypothesis", "node_modules", ".venv", ".tox", ".nox",
})  # fmt: skip
_OF_EDITORS = ("~", ".swp", ".swx", ".pyc", ".tmp")


class Wanted(NamedTuple):
    """Tests to run, in words and as arguments of pytest; no arguments stand for all tests."""

    title: str
    arguments: tuple[str, ...]
    tests: int
    seconds: float


def is_watched(path: str, root: str) -> bool:
    """Tell whether a saved file may matter, by its name."""
    relative = os.path.relpath(path, root)
    parts = relative.split(os.sep)
    name = parts[-1]
    return (
        _SKIPPED.isdisjoint(parts) and not name.startswith(_OURS) and not name.endswith(_OF_EDITORS)
    )


def without_ignored(root: Path, paths: Iterable[str]) -> list[str]:
    """The files that git does not ignore; all of them where there is no git."""
    paths = sorted(paths)
    if not paths:
        return []
    command = ["git", "-C", str(root), "check-ignore", "-z", "--stdin"]
    try:
        done = subprocess.run(
            command, input=os.fsencode("\0".join(paths)), capture_output=True, check=False
        )
    except OSError:
        return paths
    ignored = {os.fsdecode(path) for path in done.stdout.split(b"\0")}
    return [path for path in paths if path not in ignored]


class Decider:
    """Says what is to run.

    It remembers what ran last, so that nothing runs twice for the same reason.
    """

    def __init__(self, load: Callable[[], Settings]) -> None:
        self._load = load
        self._done: set[tuple[str, str]] = set()

    def of_changes(self) -> Wanted | None:
        """Choose what must run now; None where nothing has come since the last run."""
        selection = select(self._load(), exact=True)
        fresh = [test for test in selection.tests if self._is_fresh(test)]
        if not fresh:
            return None
        self._done = {_key(test) for test in selection.tests}
        title = fresh[0].reason.text
        number, seconds = len(selection.tests), selection.selected_seconds
        if selection.known == 0:
            note = next(iter(selection.notes), title)
            why, _, _ = note.partition(": everything is selected")  # what to do is done here
            return Wanted(f"all tests: {why}", (), number, seconds)
        return Wanted(title, selection.arguments, number, seconds)

    def of_failures(self) -> Wanted | None:
        """The tests that failed last time; None where none did."""
        selection = select(self._load(), exact=True)
        failed = tuple(t for t in selection.tests if t.reason.kind == kinds.FAILED)
        if not failed:
            return None
        chosen = selection._replace(tests=failed)
        seconds = sum(test.execution.duration for test in failed if test.execution is not None)
        return Wanted("failed last time", chosen.arguments, len(failed), seconds)

    def is_outdated_by(self, paths: Iterable[str]) -> bool:
        """Tell whether saved files affect a test, so that a run begun before is worth nothing."""
        settings = self._load()
        try:
            narrowing = narrowing_of(
                settings, [path for path in paths if os.path.exists(path)] or None
            )
            tests = select(settings, narrowing=narrowing).tests
        except TestmonError:
            return True
        return any(
            test.reason.kind not in (kinds.FAILED, kinds.ALWAYS, kinds.UNKNOWN) for test in tests
        )

    def _is_fresh(self, test: Selected) -> bool:
        if test.reason.kind in (kinds.AFFECTED, kinds.CANARY):
            return True
        return test.reason.kind not in (kinds.FAILED, kinds.ALWAYS) and _key(test) not in self._done


def _key(test: Selected) -> tuple[str, str]:
    return test.nodeid, test.reason.text
