"""Files and folders below the root.

It tells how they are named, what the run wrote of them, and which are ignored.
"""

import os
from collections.abc import Collection
from typing import Any

from testmon_cli.tracing.originals import get_folder, get_state, is_there, paths
from testmon_cli.tracing.settings import MEMO_LIMIT, Scope, TraceSettings, matches
from testmon_cli.tracing.watch.states import existence_state, file_state, is_debris


class Places:
    """The files and folders below the root, by their absolute paths."""

    def __init__(self, settings: TraceSettings, scope: Scope) -> None:
        self._scope = scope
        self._root = settings.root.rstrip(paths.sep)
        self._ignored = settings.ignore_files
        self._found: dict[str, str | None] = {}
        self._states: dict[str, tuple[int, int, str]] = {}
        self._written: set[str] = set()
        self._created: dict[str, set[str]] = {}  # folder -> names that the run created in it

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
        """Note that the run itself writes here."""
        if place not in self._written:
            self._written.add(place)
            if not is_there(place):
                folder, name = paths.split(place)
                self._created.setdefault(folder, set()).add(name)

    def created_in(self, folder: str) -> Collection[str]:
        """The names that the run created in a folder."""
        return self._created.get(folder, ())

    def is_skipped(self, place: str) -> bool:
        """Tell whether the run wrote a place or one above it, or it is ignored."""
        if place in self._written:
            return True
        relative = place.removeprefix(self._root).lstrip(paths.sep)
        if any(is_debris(part) for part in relative.split(paths.sep)):
            return True
        if matches(relative.replace(paths.sep, "/"), self._ignored):
            return True
        folder = paths.dirname(place)
        while len(folder) > len(self._root):
            if folder in self._written:
                return True
            folder = paths.dirname(folder)
        return False
