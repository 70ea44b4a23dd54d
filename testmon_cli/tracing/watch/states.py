"""How a resource is found, as text that can be compared later."""

from collections.abc import Collection, Iterable, Iterator

from testmon_cli.domain.hashing import blake2b
from testmon_cli.tracing.originals import is_file, is_there, list_folder, open_file
from testmon_cli.tracing.settings import CACHE_FOLDER
from testmon_cli.tracing.wire import Resource

MISSING = "missing"
EXISTS = "exists"  # only that it is there was asked, not what it holds
UNSET = "unset"
EVERYTHING = "*"  # in place of what is kept: it is not known what outlives the test
COPIED = "copied "  # the same, before the module and class of copies that do
# before those of what was pickled, which the project or a library loaded
READ, PASSED = "read ", "passed "
# before what an object keeps that outlived the turn in which it was kept: who read it there
SEEN = "seen "
LOST = "lost "  # before what outlives a turn in objects that are not known
# before the name of a function, and functions of a file that ran while it made what it keeps
MAKING = "making "
UNKNOWN_MAKING = "making? "  # the same where that is not known
KEPT = "kept"  # kind of resource: what a source keeps that outlives a test; it has no state
CODE = "code"  # kind of resource: names that code of no source used; it has no state
ANY_NAME = "*"  # among them: any others, too
PASSING = "passing"  # kind of resource: what the run made unseen, and removes
METADATA = "metadata"  # kind of resource: which distributions a folder of the import path has
_CHUNK = 1 << 20
_MOST_FRAMES = 200  # of those that read the same

# What tools leave behind beside sources; runs differ in it, tests do not.
_NAMES = frozenset({
    "__pycache__", ".git", ".hg", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".coverage",
    CACHE_FOLDER,
})  # fmt: skip
_BEGINNINGS = (".coverage.", ".testmondata")
_ENDS = (".pyc", ".egg-info")
_DISTRIBUTIONS = (".dist-info", ".egg-info", ".egg", ".egg-link")


def frames_in(text: str) -> Iterator[tuple[str, str, int]]:
    """The frames that asked for a resource, from the text that keeps them.

    Each is a path, a qualified name and a line.
    """
    for frame in text.split("\n") if text else ():
        path, qualname, line = frame.split("\t")
        yield from_field(path), qualname, int(line)


def as_text(frames: Iterable[tuple[str, str, int]]) -> str:
    """Frames as one text."""
    return "\n".join(f"{as_field(path)}\t{qualname}\t{line}" for path, qualname, line in frames)


def kept_in(name: str) -> tuple[str, str]:
    """The path of a source, and what it keeps, of a resource of the kind KEPT."""
    path, _, what = name.partition("\t")
    return from_field(path), what


def is_making(kind: str, name: str) -> bool:
    """Tell whether a resource says what ran while a function made what it keeps."""
    return kind == KEPT and kept_in(name)[1].startswith((MAKING, UNKNOWN_MAKING))


def as_field(path: str) -> str:
    """A path as one of several fields with tabs between them, or as part of a line."""
    return path.replace("\t", "\x01").replace("\n", "\x02")


def from_field(text: str) -> str:
    """The path that `as_field` was given."""
    return text.replace("\x01", "\t").replace("\x02", "\n")


def is_debris(name: str) -> bool:
    """Tell whether tools leave files or folders of this name."""
    return name in _NAMES or name.startswith(_BEGINNINGS) or name.endswith(_ENDS)


def file_state(path: str) -> str:
    """The digest of a file's content, "missing" without one."""
    if not is_file(path):  # of a pipe, reading would wait for who writes
        return existence_state(path)
    digest = blake2b(digest_size=16)
    try:
        with open_file(path, "rb", buffering=0) as handle:
            while data := handle.read(_CHUNK):
                digest.update(data)
    except OSError:
        return EXISTS if is_there(path) else MISSING
    return digest.hexdigest()


def directory_state(path: str, without: Collection[str] = (), added: Collection[str] = ()) -> str:
    """The digest of the names of a folder's entries.

    Names in `without` are left out, as are those that tools leave behind; those in `added` count as
    well.
    """
    try:
        entries = {*list_folder(path), *added}
    except OSError:
        if not added:
            return MISSING
        entries = {*added}
    names = sorted(name for name in entries if name not in without and not is_debris(name))
    return _digest_of(names)


def metadata_state(path: str, without: Collection[str] = ()) -> str:
    """The digest of the distributions in a folder of the import path, by their metadata's names.

    Names in `without` are left out.
    """
    try:
        entries = list_folder(path)
    except OSError:
        return MISSING
    names = [name for name in entries if name.lower().endswith(_DISTRIBUTIONS)]
    return _digest_of(sorted(name for name in names if name not in without))


def existence_state(path: str) -> str:
    """The state that says whether anything is at a place."""
    return EXISTS if is_there(path) else MISSING


def _digest_of(names: list[str]) -> str:
    return blake2b("\0".join(names).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def environment_state(value: str | None, hash_key: str) -> str:
    """A keyed hash of a variable's value, which tells nothing to who reads the datafile.

    `hash_key` is that of the datafile; a `value` of None stands for a variable that is not set.
    """
    if value is None:
        return UNSET
    key = bytes.fromhex(hash_key)[:64]
    return blake2b(value.encode("utf-8", "surrogateescape"), digest_size=16, key=key).hexdigest()


def of_both(first: Resource, second: Resource, reader: str) -> Resource:
    """Join two reads of a resource for one test, or by statements of one module.

    `reader` is the identity that read, of an import the path of its module. The result has no
    frames where it is not known which statement read.
    """
    state = first.state if first.state != EXISTS else second.state
    where = (reader, "<module>")
    reading = {frame for frame in second.frames if frame[:2] == where}
    known = {frame for frame in first.frames if frame[:2] == where}
    is_module = bool(reading or known)
    if is_module and not (reading and known):
        return second._replace(state=state, frames=())
    functions = {frame[:2] for frame in first.frames}
    if reading <= known and functions.issuperset(frame[:2] for frame in second.frames):
        return second._replace(state=state, frames=first.frames)
    if not is_module:
        others = [frame for frame in second.frames if frame[:2] not in functions]
        return second._replace(state=state, frames=(*first.frames, *others))
    if len(first.frames) > _MOST_FRAMES:
        return second._replace(state=state, frames=())
    return second._replace(state=state, frames=(*first.frames, *second.frames))
