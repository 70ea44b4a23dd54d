"""Files and folders below the root.

It tells how they are named, what the run wrote of them, and which are ignored.
"""

import os
import stat
import time
from collections.abc import Collection
from typing import Any, NamedTuple, Protocol

from testmon_cli.tracing.originals import (
    get_folder,
    get_own_state,
    get_state,
    is_folder,
    is_there,
    paths,
    read_link,
)
from testmon_cli.tracing.settings import MEMO_LIMIT, Scope, TraceSettings, matches
from testmon_cli.tracing.watch.states import MISSING, existence_state, file_state, is_debris

_OPEN_FILES = ("/proc/self/fd", "/dev/fd")  # folders of links to what a process has open
_NOTHING = -1  # the size of what is not there
_UNKNOWN = ""  # the state of what was below a folder that is elsewhere now


class Identities(Protocol):
    """Tells for whom code runs now, and what that relies on."""

    def whose(self) -> str:
        """The identity for which code runs now."""

    def is_made_for_it(self, writer: str) -> bool:
        """Whether what an identity wrote was written for the one that runs now."""


class _Written(NamedTuple):
    """A place that the run wrote."""

    size: int  # before the run wrote, see `_size_of`
    state: str  # before the run wrote, as of a file, or _UNKNOWN
    writer: str  # the identity that was the last to write

    @property
    def is_new(self) -> bool:
        """Whether the run created it."""
        return self.state == MISSING


class Places:
    """The files and folders below the root, by their absolute paths."""

    def __init__(self, settings: TraceSettings, scope: Scope, identities: Identities) -> None:
        self._identities = identities
        self._began = time.time()
        self._scope = scope
        self._root = settings.root.rstrip(paths.sep)
        self._ignored = settings.ignore_files
        self._found: dict[str, str | None] = {}
        self._states: dict[str, tuple[int, int, str]] = {}
        self._written: dict[str, _Written] = {}
        self._created: dict[str, set[str]] = {}  # folder -> names that the run created in it

    def in_folder(self, path: Any, folder: int) -> str | None:
        """As `of`, for a path that begins in an open folder.

        `folder` is the number of that, -1 for none.
        """
        if folder < 0:
            return self.of(path)
        name = os.fsdecode(path)
        if paths.isabs(name):
            return self.of(name)
        opened = _path_of_open(folder)
        return None if opened is None else self.of(paths.join(opened, name))

    def of_open_folder(self, number: int) -> str | None:
        """As `of`, for an open folder by its number."""
        return self.of(_path_of_open(number))

    def of(self, path: Any) -> str | None:
        """The absolute path of something below the root, None for what is elsewhere."""
        if isinstance(path, int) or path is None:
            return None
        name: str = path if type(path) is str else os.fsdecode(path)
        try:
            return self._found[name]
        except KeyError:
            pass
        # no file, but how code objects name what has none
        if name.startswith("<") and name.endswith(">"):
            return None
        if not paths.isabs(name):
            try:
                folder = get_folder()
            except OSError:  # the working folder was removed
                return None
            return self.of(paths.join(folder, name))
        if len(self._found) > MEMO_LIMIT:
            self._found.clear()
        found = self._found[name] = self._locate(paths.normpath(name))
        return found

    def is_source(self, path: Any) -> bool:
        """Tell whether a path is that of a source of the project."""
        place = self.of(path)
        return place is not None and self._scope.source(place) is not None

    def _locate(self, name: str) -> str | None:
        if self._scope.holds(name):
            return name
        real = self._scope.below_real_folder(name)
        return real if self._scope.holds(real) else None

    def file_state(self, place: str) -> str:
        """The content of a file as a digest, or that it is missing.

        A file is read again once its stat changes.
        """
        try:
            stat = get_state(place)
        except OSError:
            return existence_state(place)
        known = self._states.get(place)
        if known is None or known[:2] != (stat.st_mtime_ns, stat.st_size):
            known = self._states[place] = (stat.st_mtime_ns, stat.st_size, file_state(place))
        return known[2]

    def mark_written(self, place: str) -> None:
        """Note that the run itself writes here, or is about to."""
        known = self._written.get(place)
        if known is not None:
            self._written[place] = known._replace(writer=self._identities.whose())
            return
        size = _size_of(place)
        before = self._state_before(place, size)
        self._written[place] = _Written(size, before, self._identities.whose())
        if size == _NOTHING:
            folder, name = paths.split(place)
            self._created.setdefault(folder, set()).add(name)

    def _state_before(self, place: str, size: int) -> str:
        """The state of a place that the run writes for the first time."""
        if size != _NOTHING:
            return self.file_state(place)
        folder = self._written_above(place)
        return MISSING if not folder or self._written[folder].is_new else _UNKNOWN

    def _written_above(self, place: str) -> str:
        """The innermost folder around a place that the run made or moved, "" if there is none."""
        folder = paths.dirname(place)
        while len(folder) > len(self._root):
            if folder in self._written:
                return folder
            folder = paths.dirname(folder)
        return ""

    def is_made_unseen(self, place: str) -> bool:
        """Whether the run made or changed what is at a place, in a way that was not seen.

        A subprocess may have done so.
        """
        if place in self._written:
            return False
        try:
            return get_own_state(place).st_ctime >= self._began
        except (OSError, ValueError):
            return False

    def created_in(self, folder: str) -> Collection[str]:
        """The names that the run created in a folder."""
        return self._created.get(folder, ())

    def is_skipped(self, place: str, *, to_write: bool = False) -> bool:
        """Whether who reads a place does not rely on it: it is ignored, or the run's own.

        That is what the run created, and what was written by whoever reads it, or by a fixture of
        that. What was there before counts, whatever another test has made of it, unless somebody
        opens it `to_write`: then only as long as it is as it was.
        """
        relative = place.removeprefix(self._root).lstrip(paths.sep)
        if any(is_debris(part) for part in relative.split(paths.sep)):
            return True
        if matches(relative.replace(paths.sep, "/"), self._ignored):
            return True
        written = self._written.get(place)
        if written is not None:
            if self._identities.is_made_for_it(written.writer):
                return True
            is_to_compare = to_write or written.is_new
            return is_to_compare and not self._is_as_before(place, written)
        folder = self._written_above(place)
        if not folder:
            return False
        above = self._written[folder]
        if above.is_new:
            return is_there(folder)
        return self._identities.is_made_for_it(above.writer) and not is_there(place)

    def is_inner_folder_to_note(self, place: str) -> bool:
        """Whether a place is a folder that counts, and is not the root."""
        return place != self._root and is_folder(place) and not self.is_skipped(place)

    def _is_as_before(self, place: str, written: _Written) -> bool:
        is_of_size = _size_of(place) == written.size  # saves reading most that differ
        return is_of_size and self.file_state(place) == written.state


def _path_of_open(number: int) -> str | None:
    """The path of an open file or folder, None where the system does not tell."""
    for folder in _OPEN_FILES:
        try:
            return read_link(f"{folder}/{number}")
        except OSError:
            continue
    return None


def _size_of(place: str) -> int:
    """How many bytes a file has: _NOTHING where nothing is, 0 for what is no file."""
    try:
        state = get_own_state(place)
    except (OSError, ValueError):
        return _NOTHING
    return state.st_size if stat.S_ISREG(state.st_mode) else 0
