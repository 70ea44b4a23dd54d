"""The project's source files as they are now."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from testmon_cli.analysis.checksums import content_digest
from testmon_cli.application.checkout.files import read_bytes
from testmon_cli.domain import garbage
from testmon_cli.domain.errors import SourceError
from testmon_cli.domain.records import SourceVersion, VersionRef

# where nothing has changed, nothing is parsed: then importing what parses would be most of the time
if TYPE_CHECKING:
    from testmon_cli.analysis.project import Project
    from testmon_cli.application.checkout.model_cache import Models
    from testmon_cli.domain.source import Import, Outline, SourceModel
    from testmon_cli.storage.datafile import Datafile

_Part = TypeVar("_Part")

_SKIPPED_FOLDERS = frozenset({
    "__pycache__", ".git", ".hg", ".svn", ".tox", ".nox", ".venv", ".eggs", "node_modules", "site-packages",
    ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".testmon_cache",
})  # fmt: skip

# A file whose time is this close to when it was recorded may have been edited since without a new
# time (git's rule for its index): such a file is hashed.
RACY_NS = 2_000_000_000


class Stat(NamedTuple):
    """What a file is recognised by without reading it.

    The size is in bytes, the time of change in nanoseconds.
    """

    size: int
    mtime_ns: int


# Bytes of a source of which making the model takes less time than asking whether one is kept.
_SHORT = 3_000

_UNKNOWN = Stat(-1, 0)  # says nothing of the content: it is read


def scan(root: Path, extra: Sequence[str] = (), exclude: Sequence[str] = ()) -> dict[str, Stat]:
    """Find Python files below the root, and below extra source folders.

    `extra` are folders that may be outside of the root, `exclude` patterns of paths. Returns size
    and time of each file, by its path relative to the root.
    """
    found = dict(_scan(root, "", exclude, _is_source))
    for folder in extra:
        start = (root / folder).resolve()
        prefix = os.path.relpath(start, root).replace(os.sep, "/")
        if prefix.startswith(".."):
            found.update(_scan(start, prefix + "/", exclude, _is_source))
    return found


def texts(root: Path, patterns: Sequence[str], exclude: Sequence[str] = ()) -> list[str]:
    """Find files that are no Python files, in order.

    `patterns` are for names; `exclude` is for paths relative to `root`, which are returned.
    """

    def is_wanted(name: str) -> bool:
        return not _is_source(name) and any(
            fnmatch(name, pattern.rpartition("/")[2]) for pattern in patterns
        )

    return sorted(path for path, _ in _scan(root, "", exclude, is_wanted))


def _is_source(name: str) -> bool:
    return name.endswith(".py")


def _scan(
    folder: Path, prefix: str, exclude: Sequence[str], is_wanted: Callable[[str], bool]
) -> Iterator[tuple[str, Stat]]:
    stack = [(str(folder), prefix)]
    while stack:
        current, before = stack.pop()
        entries = _entries_of(current)
        if before and any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        for entry in entries:
            path = before + entry.name
            if exclude and any(fnmatch(path, pattern) for pattern in exclude):
                continue
            stat = _stat_of(entry) if is_wanted(entry.name) else None
            if stat is not None and S_ISREG(stat.st_mode):
                yield path, Stat(stat.st_size, stat.st_mtime_ns)
            elif entry.name not in _SKIPPED_FOLDERS and entry.is_dir(follow_symlinks=False):
                stack.append((entry.path, path + "/"))


def _entries_of(folder: str) -> list["os.DirEntry[str]"]:
    """The entries of a folder; none where it cannot be read."""
    try:
        return list(os.scandir(folder))
    except OSError:
        return []


def _stat_of(entry: "os.DirEntry[str]") -> os.stat_result | None:
    """The status of what an entry leads to; None where that is not there."""
    try:
        return entry.stat()
    except OSError:
        return None


def version_of(path: str, data: bytes, stat: Stat) -> tuple[SourceVersion, "SourceModel | None"]:
    """Make the version of a source, and its model; the model is None where it does not parse.

    `path` is relative to the root, `data` the content, `stat` size and time of the file.
    """
    from testmon_cli.analysis import codec
    from testmon_cli.analysis.model import build_model
    from testmon_cli.analysis.model_key import MODEL_KEY

    try:
        with garbage.left_lying():
            model = build_model(data)
    except SourceError:
        return SourceVersion(
            path, content_digest(data), MODEL_KEY, b"", b"", stat.size, stat.mtime_ns
        ), None
    version = SourceVersion(
        path,
        content_digest(data),
        MODEL_KEY,
        codec.encode(model),
        codec.name_index(model),
        stat.size,
        stat.mtime_ns,
    )
    return version, model


def stored_model(datafile: "Datafile", ref: VersionRef | None) -> "SourceModel | None":
    """The model of a stored version; None without one, and for one that another analysis made.

    An answer asks for it once for each run that saw it.
    """
    from testmon_cli.analysis.model_key import MODEL_KEY

    if ref is None or ref.model_key != MODEL_KEY:
        return None
    if datafile.mode != "read":  # ids may come to stand for something else
        return _decoded(datafile, ref.id)
    if ref.id not in datafile.decoded:
        datafile.decoded[ref.id] = _decoded(datafile, ref.id)
    return datafile.decoded[ref.id]


def stored_imports(datafile: "Datafile", ref: VersionRef | None) -> "tuple[Import, ...]":
    """The imports of a stored version; none where its model is not known."""
    from testmon_cli.analysis import codec

    return _stored_part(datafile, ref, codec.decode_imports)


def stored_outline(datafile: "Datafile", ref: VersionRef | None) -> "tuple[Outline, ...]":
    """The outline of each definition of a stored version; none where its model is not known."""
    from testmon_cli.analysis import codec

    return _stored_part(datafile, ref, codec.decode_outline)


def _stored_part(
    datafile: "Datafile",
    ref: VersionRef | None,
    decode: "Callable[[bytes], tuple[_Part, ...]]",
) -> "tuple[_Part, ...]":
    from testmon_cli.analysis.model_key import MODEL_KEY

    if ref is None or ref.model_key != MODEL_KEY:
        return ()
    with datafile.decoding():
        stored = datafile.model(ref.id)
        return decode(stored) if stored else ()


def _decoded(datafile: "Datafile", version_id: int) -> "SourceModel | None":
    from testmon_cli.analysis import codec

    with datafile.decoding():
        data = datafile.model(version_id)
        return codec.decode(data) if data else None


class Snapshot:
    """The models of the sources as a run saw them, by path."""

    def __init__(self, datafile: "Datafile", versions: Mapping[str, VersionRef]) -> None:
        self.versions = versions
        self._datafile = datafile
        self._known: dict[str, SourceModel | None] = {}

    def __call__(self, path: str) -> "SourceModel | None":
        if path not in self._known:
            self._known[path] = stored_model(self._datafile, self.versions.get(path))
        return self._known[path]

    def imports(self, path: str) -> "tuple[Import, ...]":
        """The imports of a source."""
        return stored_imports(self._datafile, self.versions.get(path))

    def outline(self, path: str) -> "tuple[Outline, ...]":
        """The outline of each of a source's definitions."""
        return stored_outline(self._datafile, self.versions.get(path))

    def project(self) -> "Project":
        """How they import each other, as far as their text tells."""
        from testmon_cli.analysis.imports import ModuleIndex
        from testmon_cli.analysis.project import Project

        return Project(ModuleIndex(self.versions), self, lambda _: (), imports=self.imports)


def is_left_out(path: str, exclude: Sequence[str]) -> bool:
    """Tell whether `scan` skips a file for its own name or that of a folder above it."""
    folders = path.split("/")[:-1]
    parents = ["/".join(folders[:count]) for count in range(1, len(folders) + 1)]
    return not _SKIPPED_FOLDERS.isdisjoint(folders) or any(
        fnmatch(name, pattern) for name in (path, *parents) for pattern in exclude
    )


class Overlay:
    """Files that are to be taken from elsewhere than the working tree."""

    def __init__(self, readers: Mapping[str, Callable[[], bytes] | None] | None = None) -> None:
        """`readers` give the content of a path, relative to the root.

        None stands for a file that is not there.
        """
        self._readers = readers or {}

    def __contains__(self, path: str) -> bool:
        return path in self._readers

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __bool__(self) -> bool:
        return bool(self._readers)

    def exists(self, path: str) -> bool:
        return self._readers[path] is not None

    def read(self, path: str) -> bytes:
        """The content of a file; b"" of one that is not there."""
        reader = self._readers[path]
        return reader() if reader is not None else b""


def _overlaid(stats: Mapping[str, Stat], overlay: Overlay) -> dict[str, Stat]:
    found = {path: stat for path, stat in stats.items() if path not in overlay}
    found.update(
        {path: _UNKNOWN for path in overlay if path.endswith(".py") and overlay.exists(path)}
    )
    return found


class Tree:
    """The sources as they are now, read and parsed only where something asks.

    What a `datafile` holds of a content, whichever run saw it, is not made again, nor what an
    earlier question kept in the cache folder of the root. Where `overlay`
    has a file, it counts in place of that of the working tree.
    """

    def __init__(
        self,
        root: Path,
        stats: Mapping[str, Stat],
        datafile: "Datafile | None" = None,
        overlay: Overlay | None = None,
    ) -> None:
        self.root = root
        self.overlay = overlay or Overlay()
        self.stats = _overlaid(stats, self.overlay) if overlay else stats
        self.datafile = datafile
        self._data: dict[str, bytes] = {}
        self._models: dict[str, SourceModel | SourceError] = {}
        self._digests: dict[str, str] = {}
        self._others: dict[str, bool] = {}

    def __contains__(self, path: str) -> bool:
        if path in self.overlay:
            return self.overlay.exists(path)
        return path in self.stats or (self.root / path).is_file()

    def text(self, path: Path) -> str:
        """The text of a file that need not be a source, given by its absolute path.

        Raises OSError, ValueError.
        """
        relative = os.path.relpath(path, self.root).replace(os.sep, "/")
        if relative in self.overlay and not self.overlay.exists(relative):
            raise FileNotFoundError(relative)
        data = self.overlay.read(relative) if relative in self.overlay else read_bytes(path)
        return data.decode().replace("\r\n", "\n")

    def exists(self, path: str) -> bool:
        """Tell whether anything exists at a path. The answer is remembered."""
        if path in self.stats:
            return True
        if path in self.overlay:
            return self.overlay.exists(path)
        if path not in self._others:
            self._others[path] = (self.root / path).exists()
        return self._others[path]

    def read(self, path: str) -> bytes:
        """The bytes of a file; b"" when it has gone meanwhile."""
        if path not in self._data:
            try:
                overlaid = path in self.overlay
                self._data[path] = (
                    self.overlay.read(path) if overlaid else read_bytes(self.root / path)
                )
            except OSError:
                self._data[path] = b""
        return self._data[path]

    def digest(self, path: str) -> str:
        if path not in self._digests:
            self._digests[path] = content_digest(self.read(path))
        return self._digests[path]

    def is_unchanged(self, ref: VersionRef, recorded_ns: int) -> bool:
        """Tell whether a file still has the content of a stored version.

        By size and time, else by digest.
        """
        stat = self.stats.get(ref.path)
        if stat is None:
            if ref.path not in self:
                return False
        elif (stat.size, stat.mtime_ns) == (
            ref.size,
            ref.mtime_ns,
        ) and stat.mtime_ns + RACY_NS < recorded_ns:
            return True
        return self.digest(ref.path) == ref.digest

    def model(self, path: str) -> "SourceModel":
        """The model of a file. Raises SourceError when it does not parse."""
        if path not in self._models:
            try:
                self._models[path] = self._made(path)
            except SourceError as error:
                self._models[path] = error
        found = self._models[path]
        if isinstance(found, SourceError):
            raise found
        return found

    def _made(self, path: str) -> "SourceModel":
        from testmon_cli.analysis import codec
        from testmon_cli.analysis.model import build_model
        from testmon_cli.analysis.model_key import MODEL_KEY

        if self.datafile is not None:
            known = self.datafile.known_version(path, self.digest(path), MODEL_KEY)
            stored = b"" if known is None else self.datafile.model(known)
            if stored:  # of what does not parse nothing is kept, not even why
                with self.datafile.decoding():
                    return codec.decode(stored)
        data = self.read(path)
        if len(data) < _SHORT:
            return build_model(data)
        kept = self._kept.read(path, self.digest(path))
        if kept is not None:
            return codec.decode(kept)
        model = build_model(data)
        self._kept.keep(path, self.digest(path), codec.encode(model), codec.name_index(model))
        return model

    @cached_property
    def _kept(self) -> "Models":
        from testmon_cli.application.checkout.model_cache import Models

        return Models(self.root)
