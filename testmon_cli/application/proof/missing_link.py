"""Finds out why a change did not select a test, as far as that can be found."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from testmon_cli.application import diff
from testmon_cli.application.explain import one_test
from testmon_cli.application.settings import Settings
from testmon_cli.domain.difference import Change
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.proof import MissingLink
from testmon_cli.domain.reliance import Reliance

# Rows of docs/limits.md, by their first cell.
SERVICES: Final = "Services outside the process: databases, web servers, the clock, randomness"
EXTENSIONS: Final = "What compiled extensions do and read"
SUBPROCESSES: Final = (
    "What subprocesses other than Python read, except files and folders named in their arguments and data files in the"
    " folder where they start, if that is not the root"
)
BYPASSES: Final = (
    "Reads of files through `os.stat` itself, by names in an open folder (`dir_fd`), or by memory maps and libraries"
    " that bypass Python's `open`"
)
VARIABLES: Final = (
    "A walk over all environment variables (`for name in os.environ`, `dict(os.environ)`): most are made to start"
    " processes. Single ones are seen"
)
ORDER: Final = "Order: a test that passes only after another one ran"
LIMITS: Final = (SERVICES, EXTENSIONS, SUBPROCESSES, BYPASSES, VARIABLES, ORDER)

_COMPILED: Final = (".so", ".pyd", ".c", ".cpp", ".pyx", ".pxd", ".rs")
_STARTERS: Final = ("subprocess", "os.system", "os.popen", "os.exec", "os.posix_spawn")
_RESOURCES: Final = frozenset({"data file", "folder", "pattern"})
_SHOWN: Final = 12  # changes of each kind
_SAID: Final = 3


class Links:
    """Finds missing links. The datafile is as it was when tests were selected."""

    def __init__(self, settings: Settings, changed: Mapping[str, float]) -> None:
        """Take files that are not as they were, with the moment of their change."""
        self._settings = settings
        self._changed = changed
        try:
            self._difference: Sequence[Change] = diff.diff(settings).changes
        except TestmonError:
            self._difference = ()

    def of(self, nodeid: str, *, passes_alone: bool = False) -> MissingLink:
        """Why a test was not selected."""
        try:
            reliance = one_test.relies_on(self._settings, nodeid)
        except TestmonError:
            return MissingLink(
                self._files(0.0),
                (),
                "",
                "no evidence of it was found, and nothing told that it is new",
            )
        relied: list[str] = []
        unseen: list[str] = []
        for change in self._difference:
            (relied if _relies(reliance, change) else unseen).append(_named(change))
        known = {name for _, name in reliance.resources}
        for change in self._difference:
            known.update((change.path, change.name))
        files = [path for path in self._files(reliance.started) if path not in known]
        limit = ORDER if passes_alone else self._limit(reliance, files)
        unseen = [*files, *unseen]
        text = _sentence(reliance, files, unseen, limit)
        return MissingLink(tuple(unseen[:_SHOWN]), tuple(relied[:_SHOWN]), limit, text)

    def _files(self, since: float) -> tuple[str, ...]:
        """Files other than Python source that have changed since a moment.

        Selection knows changes of sources by itself.
        """
        changed = [path for path, when in self._changed.items() if when >= since]
        return tuple(sorted(path for path in changed if not path.endswith(".py")))

    def _limit(self, reliance: Reliance, files: Sequence[str]) -> str:
        """The limit that explains it, by what has changed without being read."""
        if any(file.endswith(_COMPILED) for file in files):
            return EXTENSIONS
        unread = {change.detail for change in self._difference if not _relies(reliance, change)}
        if files or not _RESOURCES.isdisjoint(unread):
            return SUBPROCESSES if self._starts_programs(reliance) else BYPASSES
        if "environment variable" in unread:
            return VARIABLES
        return "" if self._difference else SERVICES

    def _starts_programs(self, reliance: Reliance) -> bool:
        """Tell whether a file of which a test ran something starts programs."""
        for path, _ in reliance.ran:
            try:
                text = Path(self._settings.root, path).read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            if any(word in text for word in _STARTERS):
                return True
        return False


def _relies(reliance: Reliance, change: Change) -> bool:
    """Tell whether a test is known to rely on the file, folder, variable or package of a change."""
    if change.category == "resource":
        names = {name for _, name in reliance.resources}
        return change.name in names or change.path in names
    if change.category == "package":
        return change.name in reliance.packages
    return change.path in reliance.imports or any(change.path == path for path, _ in reliance.ran)


def _named(change: Change) -> str:
    name = "::".join(filter(None, (change.path, change.name)))
    return f"{name} ({change.detail or change.category} {change.how.value})"


def _sentence(reliance: Reliance, files: Sequence[str], unseen: Sequence[str], limit: str) -> str:
    if limit == ORDER:
        return "it fails only beside other tests: alone it comes out as before"
    if reliance.selected:
        return f"it is selected now: {reliance.selected}"
    if files:
        return f"it was not seen to read {_some(files)}"
    if unseen:
        return f"it was not seen to rely on {_some(unseen)}"
    if limit == SERVICES:
        return "nothing has changed that tests of this project were seen to rely on"
    changed = "what has changed in the files that it relies on"
    return f"{changed} was found not to concern it: please report this"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SAID} more" if len(names) > _SAID else ""
    return ", ".join(names[:_SAID]) + more


def written(root: Path) -> Iterator[tuple[str, float]]:
    """Files below a root, but for hidden ones and caches, with the time of their change."""
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not _is_aside(folder, name)]
        for name in files:
            path = os.path.join(folder, name)
            if not name.startswith(".") and os.path.isfile(path):
                yield os.path.relpath(path, root).replace(os.sep, "/"), os.stat(path).st_mtime


def _is_aside(folder: str, name: str) -> bool:
    """Tell whether nobody edits a folder: a cache, a repository, an environment."""
    return (
        name.startswith(".")
        or name == "__pycache__"
        or os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
    )
