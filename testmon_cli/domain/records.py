"""The records of the datafile. Paths are relative to the root, with forward slashes.

Named tuples, since `select` makes one for each execution, and since dataclasses take ten times as
long to import.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Final, NamedTuple

# fact of a run: random, so it also tells runs apart that began at the same time
RUN_KEY: Final = "hash_key"
INTERPRETER: Final = "interpreter"  # fact of a run on this machine: where its Python is
# fact of a run: when it began by the clock of its machine; `started` is what orders runs
CLOCK: Final = "clock"
OF_A_MACHINE: Final = (INTERPRETER, CLOCK)  # facts that do not travel
FAILURES: Final = ("failed", "error")  # outcomes of tests that must run again
OUTCOMES: Final = ("passed", *FAILURES, "skipped", "xfailed", "xpassed")
RESOURCE_KINDS: Final = (
    "file",
    "directory",
    "metadata",
    "distribution",
    "environment",
    "glob",
    "kept",
)
# of what can leave a trace
SUBJECT_KINDS: Final = ("test", "fixture", "module", "statement", "collect", "session")
TEST_KINDS: Final = ("function", "unittest", "doctest", "other")
LOOKUPS: Final = "lookups"  # fact of a run: whether it recorded the names that code looked up
# its value if it did: 2 since the objects that code goes through are recorded, too
LOOKUPS_ARE_RECORDED: Final = 2
# fact of a run: of what ran on import, the statement that ran it was noted
STATEMENTS: Final = "statements"
# fact of a run that ended: the names of the fixtures that its tests asked for
FIXTURES: Final = "fixtures"
# Fact of a run: the files that libraries imported for themselves, by the file on whose behalf; ""
# for none of the project.
HANDED: Final = "handed"
# Fact of a run: set-ups of wide fixtures that took long, by the identity of the trace: their place
# (the same for what a job sets up once), microseconds, and the test whose time has them.
SET_UPS: Final = "set_ups"
# fact of a run: whether all tests were asked for, of this job or of all jobs that ran beside it
WHOLE: Final = "whole"
# the fact of a run: audits (one), what selection would have caught of it, and what not
AUDIT: Final = "audit"
_NONE: Final[Mapping[str, AbstractSet[int]]] = MappingProxyType({})


class Package(NamedTuple):
    """An installed distribution."""

    name: str  # normalised (PEP 503)
    version: str
    digest: str = ""  # of the content, for local and editable installs
    modules: tuple[str, ...] = ()  # top-level names it provides; () when not looked up
    requires: tuple[str, ...] = ()  # normalised names


class Environment(NamedTuple):
    """Where tests ran, as far as results may differ: name, Python and platform."""

    name: str
    python: str  # "3.12", "3.13t", "pypy3.11"
    platform: str  # "linux-x86_64"


class Exchanged(NamedTuple):
    """A bundle of one run that was pulled from a hub or pushed to one."""

    content: str  # its name
    run_key: str  # digest of what tells its run from others
    executions: int
    ended: bool  # whether its run had


class SourceVersion(NamedTuple):
    """One content of one source file, with the model that was made of it."""

    path: str
    digest: str  # blake2b-16 hex of the bytes
    model_key: str  # which analysis made `model`: fingerprints of different keys cannot be compared
    model: bytes  # analysis.codec.encode(SourceModel); b"" when it does not parse
    names: bytes  # sorted 4-byte hashes of all identifiers it mentions
    size: int
    mtime_ns: int


class VersionRef(NamedTuple):
    """A source version as a snapshot lists it, without the model."""

    id: int
    path: str
    digest: str
    model_key: str
    size: int
    mtime_ns: int


class RunStart(NamedTuple):
    """The properties of a run that are known when it begins."""

    environment: Environment
    started: float  # seconds since the epoch
    arguments: tuple[str, ...]
    packages: tuple[Package, ...]
    git_head: str  # "" without git
    git_dirty: bool
    engine: str
    version: str  # of testmon


class Run(NamedTuple):
    """A run as the datafile has it."""

    id: int
    environment: Environment
    started: float
    ended: float | None  # None: it was killed or is still going
    completed: bool  # pytest got to the end of its session
    exitstatus: int | None
    arguments: tuple[str, ...]
    git_head: str
    git_dirty: bool
    engine: str
    version: str
    snapshot_id: int | None
    # JSON: import edges, pytest settings, plugins, modules; see application.collecting
    facts: Mapping[str, object]

    @property
    def recorded(self) -> float:
        """Until when the times of files tell that these are as the run saw them.

        It is 0 for a run of another machine.
        """
        if INTERPRETER not in self.facts:
            return 0.0
        clock = self.facts.get(CLOCK)
        return clock if isinstance(clock, float) else self.started

    def texts(self, fact: str) -> Sequence[str]:
        """A fact that is a list of texts; empty where there is none of this name."""
        value = self.facts.get(fact)
        return value if isinstance(value, list) else ()

    def mapping(self, fact: str) -> Mapping[str, object]:
        """A fact that is an object; empty when the run has none of this name."""
        found = self.facts.get(fact)
        return found if isinstance(found, dict) else {}


class ResourceState(NamedTuple):
    """A resource and how it was found."""

    kind: str  # one of RESOURCE_KINDS
    name: str
    state: str  # digest, "missing", keyed hash ...
    size: int = -1  # of a file: with mtime_ns a hint that spares hashing
    mtime_ns: int = -1
    frames: str = ""  # "path\tqualname\tline" a line, innermost first; who asked


class Trace(NamedTuple):
    """The dependencies of one test, fixture instance, module import or statement of a module."""

    # unique within its run: "test:<nodeid>", "fixture:<n>:<name>", "module:<path>", and of a
    # statement "statement:<lines>:<path>"
    identity: str
    fingerprints: Mapping[str, AbstractSet[int]] = _NONE  # path -> checksums
    resources: tuple[ResourceState, ...] = ()
    uses: tuple[str, ...] = ()  # identities of other traces of the same run
    unknown: str = ""  # why the record is not complete, "" if it is
    complete: bool = True

    @property
    def kind(self) -> str:
        return self.identity.partition(":")[0]

    def joined(self, later: "Trace") -> "Trace":
        """One record of what two say of the same identity."""
        fingerprints = dict(self.fingerprints)
        for path, checksums in later.fingerprints.items():
            fingerprints[path] = fingerprints.get(path, frozenset()) | checksums
        reasons = dict.fromkeys((*self.unknown.split("; "), *later.unknown.split("; ")))
        return Trace(
            identity=self.identity,
            fingerprints=fingerprints,
            resources=_each_once((*self.resources, *later.resources)),
            uses=tuple(dict.fromkeys((*self.uses, *later.uses))),
            unknown="; ".join(filter(None, reasons)),
            complete=later.complete,
        )


def _each_once(resources: Iterable[ResourceState]) -> tuple[ResourceState, ...]:
    """Each resource once; who asked for it is known where all say the same."""
    found: dict[ResourceState, ResourceState] = {}
    for resource in resources:
        key = resource._replace(frames="")
        before = found.setdefault(key, resource)
        if before.frames != resource.frames:
            found[key] = key
    return tuple(found.values())


class Execution(NamedTuple):
    """One test in one run: its trace and how it came out."""

    trace: Trace
    nodeid: str
    path: str
    function: str
    kind: str
    outcome: str  # passed, failed, error, skipped, xfailed, xpassed
    duration: float  # seconds
    failure: str
    always: str  # why it is selected every time, "" if it is not


class StoredTrace(NamedTuple):
    """A trace as selection sees it, without what it relied on."""

    id: int
    run_id: int
    identity: str
    unknown: str  # why its record is not complete, "" if it is
    complete: bool  # what it belongs to was over when it was written

    @property
    def name(self) -> str:
        """The identity without its kind."""
        return self.identity.partition(":")[2]


class StoredOutcome(NamedTuple):
    """How a test came out."""

    outcome: str
    duration: float  # seconds
    always: str  # why it is selected every time, "" if it is not
    failure: str


class TraceWithOutcome(NamedTuple):
    """A trace with how its test came out; None for one that is of no test that ran."""

    identity: str
    id: int
    unknown: str
    complete: bool
    execution: StoredOutcome | None


class StoredExecution(NamedTuple):
    """An execution as selection sees it, without its trace."""

    trace_id: int
    run_id: int
    nodeid: str
    path: str
    function: str
    kind: str
    outcome: str
    duration: float
    always: str
    unknown: str


class StoredTest(NamedTuple):
    """A test of one run, and where it stands."""

    trace_id: int
    nodeid: str
    path: str
    function: str
    kind: str


class Heads(NamedTuple):
    """The executions of one run by their numbers alone, in any order, the same in each list."""

    run_id: int
    test_ids: list[int]
    trace_ids: list[int]
    durations: list[int]  # microseconds: whole numbers are read faster


class StoredFingerprint(NamedTuple):
    """A fingerprint that one or more traces share."""

    id: int
    path: str
    checksums: frozenset[int]
