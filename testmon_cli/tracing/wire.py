"""What collecting processes tell `testmon collect`: lines of JSON, in a spool folder.

Every traced process appends to a file of its own in the spool folder, named `<pid>-<random>.jsonl`, a line with all
new records as tests finish; the parent tails all of them. A process that is killed loses only the line it was
writing (a last line without a line end is ignored). Records are the named tuples below (dataclasses take
longer to import); `encode` and `decode` translate: an array of arrays, each the name of the class, then its values.

Paths are absolute here; the reader makes them relative to the root.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, get_args


class Resource(NamedTuple):
    """Something besides code that was relied on."""

    kind: str  # "file", "directory", "environment", "distribution"
    name: str  # absolute path, variable name or normalised distribution name
    state: str  # content digest, "missing", keyed hash of the value, "unset", version; "" lets the reader decide
    frames: tuple[tuple[str, str, int], ...] = ()  # project frames, innermost first: path, qualified name, line


class File(NamedTuple):
    """A source file whose code was loaded, before any record that mentions it by number."""

    number: int  # counts from 0 in each process
    path: str
    digest: str  # blake2b-16 hex of the bytes that were compiled; "" when unknown (coverage engine)
    size: int
    mtime_ns: int
    unit: str  # "blocks": hits are indices into SourceModel.blocks; "lines": line numbers


class Hits(NamedTuple):
    """What was hit of one file, before any trace that mentions it by number: many traces hit the same."""

    number: int  # counts from 0 in each process; one that comes again has another meaning from then on
    file: int  # File.number
    seen: tuple[int, ...]  # blocks or lines


class Trace(NamedTuple):
    """What one test, fixture instance or module import executed and read.

    A trace may be written several times (a fixture's teardown comes later, a child process adds its part):
    the reader joins all records of the same identity.
    """

    identity: str  # "test:<nodeid>", "fixture:<n>:<name>", "module:<abs path>", "collect:<nodeid>"
    hits: tuple[int, ...] = ()  # Hits.number
    resources: tuple[Resource, ...] = ()
    uses: tuple[str, ...] = ()  # identities of the traces (fixtures) this one relies on
    module_level: tuple[str, ...] = ()  # paths whose module-level code ran here outside an import (runpy, script)
    unknown: tuple[str, ...] = ()  # reasons why the record is not complete
    complete: bool = True  # a fixture before its teardown is not


class Outcome(NamedTuple):
    """A test has finished; its Trace came before it in the same file."""

    nodeid: str
    path: str  # absolute path of the file it was collected from
    function: str  # qualified name of the test function within the file, "" when there is none (doctest, YAML ...)
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


class CollectionError(NamedTuple):
    """A file or node that could not be collected."""

    nodeid: str
    path: str
    failure: str


class Collected(NamedTuple):
    """Collection is over: every nodeid of the session, before deselection and after."""

    nodeids: tuple[str, ...]
    deselected: tuple[str, ...]


class Session(NamedTuple):
    """First record of the pytest process."""

    rootdir: str
    inipath: str  # "" without
    arguments: tuple[str, ...]
    plugins: tuple[str, ...]  # distributions of the active plugins, as name==version
    engine: str
    settings: dict[str, object]  # ini options that name tests: python_files, python_classes, python_functions,
    # testpaths, norecursedirs, doctest flags


class Ended(NamedTuple):
    """Last record of the pytest process: it got to the end of its session."""

    exitstatus: int
    modules: dict[str, str]  # project module name -> path


Record = File | Hits | Trace | Outcome | ImportEdge | CollectionError | Collected | Session | Ended
_KINDS = {kind.__name__: kind for kind in get_args(Record)}


_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)


def encode(records: Iterable[Record]) -> str:
    """One line without its line end. Lone surrogates survive (`ensure_ascii`)."""
    return _ENCODER.encode([(type(record).__name__, *record) for record in records])


def decode(line: str) -> list[Record]:
    """The records of a line that `encode` made."""
    return [_record(*values) for values in json.loads(line)]


def _record(name: str, *values: Any) -> Record:
    record: Record = _KINDS[name](*(tuple(value) if isinstance(value, list) else value for value in values))
    if isinstance(record, Trace) and record.resources:
        return record._replace(resources=tuple(map(_resource, record.resources)))
    return record


def _resource(values: Sequence[Any]) -> Resource:
    kind, name, state, frames = values
    return Resource(kind, name, state, tuple((path, qualname, line) for path, qualname, line in frames))
