"""Settings of traced processes, carried by one environment variable."""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from testmon_cli.domain.hashing import blake2b
from testmon_cli.tracing.originals import (
    absolute_path,
    is_file,
    is_folder,
    is_link,
    paths,
    real_path,
)

VARIABLE = "TESTMON_COLLECT"
IDENTITY_VARIABLE = "TESTMON_COLLECT_IDENTITY"
HIDDEN_VARIABLE = "TESTMON_COLLECT_HIDDEN"  # set where the variables are to be taken out again
LAUNCHER = "testmon_cli.tracing.processes.launch"  # the module that starts pytest
INTERRUPTED = "interrupted"  # file of the spool folder: pytest is about to end its session
CACHE_FOLDER = ".testmon_cache"  # in the root; holds what is made of sources
# answers about files and folders that a process keeps; then it forgets them all
MEMO_LIMIT = 50_000
LIBRARY_FOLDERS = frozenset(
    {"site-packages", "dist-packages", "node_modules", "__pycache__", CACHE_FOLDER}
)


class TraceSettings(NamedTuple):
    """How the traced processes of one run work."""

    spool: str  # folder that takes the records
    root: str  # absolute
    engine: str = "auto"  # auto, coverage, probes
    roots: tuple[str, ...] = ()  # further absolute folders with sources
    exclude: tuple[str, ...] = ()  # glob patterns relative to the root: neither traced nor read
    # the same: bytecode stays as it is, and all of it counts as run by every test
    without_probes: tuple[str, ...] = ()
    ignore_files: tuple[str, ...] = ()
    ignore_environment: tuple[str, ...] = ()
    hash_key: str = ""  # hex; values of environment variables are hashed with it
    verbose: bool = False
    # file with the key for what is kept in CACHE_FOLDER, "" where nothing is to be kept
    key: str = ""
    parent: int = 0  # process that collects; when it is gone, nobody stores what tests do

    def to_json(self) -> str:
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str) -> "TraceSettings":
        values: dict[str, Any] = {}
        for name, value in json.loads(text).items():
            if name in cls._fields:
                values[name] = tuple(value) if isinstance(value, list) else value
        settings = cls(**values)
        return settings._replace(
            root=paths.realpath(settings.root),
            roots=tuple(paths.realpath(folder) for folder in settings.roots),
        )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "TraceSettings | None":
        text = environ.get(VARIABLE)
        return cls.from_json(text) if text else None


class Scope:
    """Which files belong to the project. Remembers its answers, since hot paths ask it."""

    def __init__(self, settings: TraceSettings) -> None:
        self.root = settings.root
        self.key_file = settings.key
        self._settings = settings
        self._roots = tuple(_folder(path) for path in (settings.root, *settings.roots))
        self._inside: dict[str, str | None] = {}
        self._folders: dict[str, str] = {}
        self._environments: dict[str, bool] = {}
        self._archives: dict[str, bool] = {}
        self._sources: dict[str, str | None] = {}

    def key(self) -> str:
        """Changes with what is said of where the project's files are."""
        said = json.dumps([self._roots, self._settings.exclude, self._settings.without_probes])
        return blake2b(said.encode(), digest_size=4).hexdigest()

    def source(self, path: str) -> str | None:
        """The canonical path of a Python source of the project, None for any other file."""
        try:
            return self._sources[path]
        except KeyError:
            found = self.inside(path) if path.endswith((".py", ".pyw")) else None
            self._sources[path] = found = (
                None if found is None or self._in_archive(found) else found
            )
            return found

    def stays_plain(self, path: str) -> bool:
        """Tell whether the bytecode of a source, by its canonical path, has to stay as it is."""
        patterns = self._settings.without_probes
        roots = (root for root in self._roots if path.startswith(root)) if patterns else ()
        return any(matches(path[len(root) :].replace(paths.sep, "/"), patterns) for root in roots)

    def inside(self, path: str) -> str | None:
        """The canonical absolute path of a file or folder of the project, None for any other."""
        try:
            return self._inside[path]
        except KeyError:
            found = self._inside[path] = self._look(path)
            return found

    def _look(self, path: str) -> str | None:
        if not path or path[0] == "<":
            return None
        try:
            absolute = absolute_path(path)
            if not self.holds(absolute):
                absolute = self._real(absolute)
        except OSError:  # the working folder was removed
            return None
        return absolute if self.holds(absolute) else None

    def _real(self, absolute: str) -> str:
        """The real path; `real_path` alone would look at each folder above every time.

        All modules of libraries come here.
        """
        place = self.below_real_folder(absolute)
        return real_path(place) if is_link(place) else place

    def below_real_folder(self, absolute: str) -> str:
        """The path of a file or link, with the real path of its folder."""
        folder, name = paths.split(absolute)
        return paths.join(self.real_folder(folder), name) if name else absolute

    def real_folder(self, absolute: str) -> str:
        """The real path of a folder; each folder is looked at once.

        Tests may walk through very many.
        """
        try:
            return self._folders[absolute]
        except KeyError:
            place = self.below_real_folder(absolute)
        if is_link(place):
            place = real_path(place)
        if is_folder(place):  # what is not there may become a link
            if len(self._folders) > MEMO_LIMIT:
                self._folders.clear()
            self._folders[absolute] = place
        return place

    def holds(self, absolute: str) -> bool:
        """Tell whether a normal absolute path belongs to the project."""
        for root in self._roots:
            if absolute.startswith(root) or absolute + paths.sep == root:
                return self._ours(root, absolute[len(root) :])
        return False

    def _ours(self, root: str, relative: str) -> bool:
        parts = relative.split(paths.sep)
        if not LIBRARY_FOLDERS.isdisjoint(parts):
            return False
        name = relative.replace(paths.sep, "/")
        if matches(name, self._settings.exclude):
            return False
        folder = root
        for part in parts[:-1]:
            folder += part + paths.sep
            if self._is_environment(folder):
                return False
        return True

    def _in_archive(self, absolute: str) -> bool:
        """Tell whether a path leads into a zip file.

        Its modules are not traced, the file is a resource.
        """
        folder = paths.dirname(absolute)
        if folder not in self._archives:
            while folder and not is_folder(folder) and not is_file(folder):
                folder = paths.dirname(folder)
            self._archives[paths.dirname(absolute)] = is_file(folder)
        return self._archives[paths.dirname(absolute)]

    def _is_environment(self, folder: str) -> bool:
        if folder not in self._environments:
            self._environments[folder] = is_file(folder + "pyvenv.cfg")
        return self._environments[folder]


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a pattern matches a relative path, or a folder that holds it.

    `name` has forward slashes.
    """
    for pattern in patterns:
        pattern = pattern.rstrip("/")
        if fnmatchcase(name, pattern) or fnmatchcase(name, pattern + "/*"):
            return True
    return False


def _folder(path: str) -> str:
    return path.rstrip(paths.sep) + paths.sep
