"""The records that traced processes write for `testmon collect`.

Frames of marshalled records, in a spool folder.

Every traced process appends to a file of its own in the spool folder, named `<pid>-<random>.spool`,
a frame with all new records as tests finish; the parent tails all of them. A process that is killed
loses only the frame it was writing. Records are the named tuples below (dataclasses take longer to
import); `encode` and `decode` translate.

A frame is the length of what follows in four bytes, then a marshalled list of tuples, each the name
of a record's class and its values. Marshal takes a third of the time of JSON, at every test in both
processes; its format of version 2 is the same in all Pythons that may run in a test.

Paths are absolute here; the reader makes them relative to the root. Node ids are relative to it
already, wherever pytest has its own root.
"""

import marshal
import struct
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, get_args

LEAST_SET_UP = 0.01  # seconds that setting a fixture up must take to be told


class Resource(NamedTuple):
    """Something besides code that was relied on."""

    kind: str  # "file", "directory", "metadata", "environment"
    name: str  # absolute path or variable name
    state: str  # content digest, "missing", keyed hash of the value, "unset" ...
    # project frames, innermost first: path, qualified name, line
    frames: tuple[tuple[str, str, int], ...] = ()


class File(NamedTuple):
    """A source file whose code was loaded, before any record that mentions it by number."""

    number: int  # counts from 0 in each process
    path: str
    digest: str  # blake2b-16 hex of the bytes that were compiled; "" when unknown (coverage engine)
    size: int
    mtime_ns: int


class Hits(NamedTuple):
    """The hits of one file, before any trace that mentions them by number.

    Many traces hit the same.
    """

    # counts from 0 in each process; one that comes again has another meaning from then on
    number: int
    file: int  # File.number
    seen: bytes | tuple[int, ...]  # a byte per block, 1 where it was hit, or the lines


class Asked(NamedTuple):
    """Names that code of one file looked up, before any trace that mentions them by number."""

    number: int  # as of Hits
    file: int  # File.number
    # each after the number of the way (see analysis.lookups); LOST_ASKED: others, too
    names: tuple[str, ...]


class Trace(NamedTuple):
    """The code that one test, fixture instance or import ran, and what it read.

    A trace may be written several times (a fixture's teardown comes later, a child process adds its
    part): the reader joins all records of the same identity.
    """

    # Like "test:<nodeid>", "fixture:<n>:<name>", "module:<path>", "statement:<lines>:<path>" or
    # "collect:<nodeid>"; the paths are absolute.
    identity: str
    hits: tuple[int, ...] = ()  # Hits.number
    resources: tuple[Resource, ...] = ()
    uses: tuple[str, ...] = ()  # identities of the traces (fixtures) this one relies on
    # paths whose module-level code ran here outside an import (runpy, script)
    module_level: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()  # reasons why the record is not complete
    complete: bool = True  # a fixture before its teardown is not
    asked: tuple[int, ...] = ()  # Asked.number


class Outcome(NamedTuple):
    """A test has finished; its Trace came before it in the same file."""

    nodeid: str
    path: str  # absolute path of the file it was collected from
    # qualified name of the test function within the file, "" when there is none (doctest, YAML ...)
    function: str
    kind: str  # "function", "doctest", "unittest", "other"
    outcome: str  # passed, failed, error, skipped, xfailed, xpassed
    duration: float  # seconds: setup, call and teardown
    failure: str  # failure text, "" when there is none
    always: str  # why it is to be selected every time, "" if not
    depends: tuple[str, ...] = ()  # patterns of @pytest.mark.testmon_depends


class ImportEdge(NamedTuple):
    """A module was imported on behalf of another file, as observed at run time."""

    importer: str  # path, "" when no project file asked
    imported: str  # path
    # A library imported it, so that it has the module, whatever its names are.
    by_library: bool = False


class CollectionError(NamedTuple):
    """A file or node that could not be collected."""

    nodeid: str
    path: str
    failure: str


class Collected(NamedTuple):
    """Collection is over: every nodeid of the session, before deselection and after.

    A later one names only fixtures, for which a test asked when it ran.
    """

    nodeids: tuple[str, ...]
    deselected: tuple[str, ...]
    # what -k matches besides names -> nodeids
    keywords: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    # node ids of the files that pytest collected, tests in them or none
    files: tuple[str, ...] = ()
    fixtures: tuple[str, ...] = ()  # names of those that tests ask for, whether these exist or not


class SetUp(NamedTuple):
    """The time to set up an instance of a fixture wider than a test, without its own fixtures."""

    identity: str  # of its trace
    # the same for all instances that a job sets up once: where it is defined, its scope's node,
    # parameter
    place: str
    seconds: float
    nodeid: str  # the test whose time has it, "" for none


class Session(NamedTuple):
    """First record of the pytest process."""

    rootdir: str
    inipath: str  # "" without
    arguments: tuple[str, ...]
    plugins: tuple[str, ...]  # distributions of the active plugins, as name==version
    engine: str
    # ini options that name tests: python_files, python_classes, python_functions,
    settings: dict[str, object]
    # testpaths, norecursedirs, doctest flags
    # no path, node id or module among the arguments asks for a part of the suite
    is_whole: bool = True


class Ended(NamedTuple):
    """Last record of the pytest process: it got to the end of its session."""

    exitstatus: int
    modules: dict[str, str]  # project module name -> path


Record = (
    File
    | Hits
    | Asked
    | Trace
    | Outcome
    | ImportEdge
    | CollectionError
    | Collected
    | SetUp
    | Session
    | Ended
)
_KINDS: dict[str, Any] = {kind.__name__: kind for kind in get_args(Record)}
_EXACT: tuple[tuple[type, Any], ...] = (
    (bool, bool),
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, bytes.__bytes__),
)
_LENGTH = struct.Struct("<I")
_VERSION = 2


def encode(records: Iterable[Record]) -> bytes:
    """One frame. Lone surrogates survive."""
    values = [_values(record) for record in records]
    try:
        data = marshal.dumps(values, _VERSION)
    except ValueError:  # what users derive from str
        data = marshal.dumps(_exact(values), _VERSION)
    return _LENGTH.pack(len(data)) + data


def _values(record: Record) -> tuple[Any, ...]:
    if isinstance(record, Trace) and record.resources:
        return ("Trace", *record._replace(resources=tuple(map(tuple, record.resources))))  # type: ignore[arg-type]
    return (type(record).__name__, *record)


def _record(name: str, *values: Any) -> Record:
    record: Record = _KINDS[name](*values)
    if isinstance(record, Trace) and record.resources:
        return record._replace(
            resources=tuple(Resource(*resource) for resource in record.resources)
        )
    return record


def _exact(value: Any) -> Any:
    """A value made of types that marshal takes, in place of classes derived from them."""
    if isinstance(value, tuple | list):
        return tuple(map(_exact, value))
    if isinstance(value, dict):
        return {_exact(key): _exact(entry) for key, entry in value.items()}
    return next((exact(value) for kind, exact in _EXACT if isinstance(value, kind)), value)


def decode(data: bytes) -> tuple[list[Record], int]:
    """The records of all whole frames, and where the rest begins.

    What is no frame ends the data: then two processes that share a number of their own doing wrote
    at once.
    """
    records: list[Record] = []
    place = 0
    for frame, end in _frames(data):
        try:
            records += [_record(*values) for values in marshal.loads(frame)]
        except (ValueError, TypeError, EOFError, KeyError):
            return records, len(data)
        place = end
    return records, place


def _frames(data: bytes) -> Iterator[tuple[memoryview, int]]:
    view = memoryview(data)
    start = _LENGTH.size
    while start <= len(data):
        end = start + _LENGTH.unpack_from(data, start - _LENGTH.size)[0]
        if end > len(data):
            return
        yield view[start:end], end
        start = end + _LENGTH.size
