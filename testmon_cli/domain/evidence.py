"""Evidence: what runs of one environment learned, as rows that say the same on every machine.

A datafile gives these rows and takes them; a bundle holds them. Rows name others by their place,
from 1 on, among the rows of that kind, and are sorted: the same evidence gives the same rows.
Nothing in them is bound to a machine: no absolute paths, no times of files, no numbers of a
datafile.
"""

from typing import Final, NamedTuple

from testmon_cli.domain.records import Environment

UNFINISHED: Final = -1.0  # end of a run that was killed, or went on


class SourceRow(NamedTuple):
    """A source file, and the checksums of its blocks that a trace relied on."""

    path: str
    checksums: bytes  # 8 bytes each, little endian, ascending


class VersionRow(NamedTuple):
    """A content of a source file that a run saw, and what the analysis made of it."""

    source: int
    digest: str
    model_key: str
    names: bytes
    model: bytes


class FingerprintRow(NamedTuple):
    """A set of blocks of a source file."""

    source: int
    blocks: bytes  # packed numbers: places among the checksums of the source


class SetRow(NamedTuple):
    """A set of fingerprints."""

    fingerprints: bytes  # packed numbers


class SubjectRow(NamedTuple):
    """What left a trace, or was used by one; of a test that ran, where it stands."""

    kind: str
    name: str
    path: str
    function: str
    test_kind: str  # "" for all but tests that ran


class StateRow(NamedTuple):
    """A resource and how it was found."""

    kind: str
    name: str
    state: str


class OriginRow(NamedTuple):
    """From where a resource was asked for."""

    frames: str


class PackagesRow(NamedTuple):
    """A list of installed distributions, as JSON."""

    packages: str


class FactsRow(NamedTuple):
    """The facts that a session told, as JSON."""

    facts: str


class RunRow(NamedTuple):
    """A run."""

    packages: int
    facts: int  # 0: none
    has_snapshot: int
    snapshot: bytes  # packed numbers of versions
    started: float
    ended: float
    completed: int
    exitstatus: str  # a number, "" without one
    arguments: str  # JSON
    git_head: str
    git_dirty: int
    engine: str
    version: str


class TraceRow(NamedTuple):
    """A subject's record in a run; with an outcome it is an execution."""

    run: int
    subject: int
    unknown: str
    complete: int
    set: int  # 0: it relied on no code
    uses: bytes  # packed numbers of subjects
    states: bytes  # packed numbers
    origins: bytes  # 4 bytes for each state, little endian
    outcome: str  # "": no execution
    duration: float
    always: str
    failure: str


Row = (
    SourceRow
    | VersionRow
    | FingerprintRow
    | SetRow
    | SubjectRow
    | StateRow
    | OriginRow
    | PackagesRow
    | FactsRow
    | RunRow
    | TraceRow
)
KINDS: Final[tuple[type[Row], ...]] = (
    SourceRow,
    VersionRow,
    FingerprintRow,
    SetRow,
    SubjectRow,
    StateRow,
    OriginRow,
    PackagesRow,
    FactsRow,
    RunRow,
    TraceRow,
)  # the order they come in


class Brought(NamedTuple):
    """A datafile or bundle that was united with a datafile, and what that did not know."""

    path: str
    is_bundle: bool
    environments: tuple[Environment, ...]
    runs: int
    executions: int


class EvidenceError(Exception):
    """Evidence that cannot be: what is wrong with it, in a few words."""
