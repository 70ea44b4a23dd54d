"""The answer of `testmon report`."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from testmon_cli.domain.verdicts import NOT_JUDGED, VERDICTS, Judgement


@dataclass(frozen=True, slots=True)
class Failure:
    """A remembered failure: of the newest execution that holds, or of the newest."""

    nodeid: str
    outcome: str  # "failed" or "error"
    text: str
    path: str = ""  # where it came about, as far as its text tells; else where its test stands
    line: int = 1
    in_last_run: bool = True  # whether it came out so in the newest run
    judgement: Judgement = NOT_JUDGED


class Result(NamedTuple):
    """A test for programs: how it came out in the newest run, or why it was not run."""

    nodeid: str
    path: str  # of its file
    outcome: str  # "" where the newest run did not run it
    seconds: float  # of its newest execution
    reason: str  # why it was not run; "" where it was
    is_pending: bool = False  # whether it is still to be run


class PastRun(NamedTuple):
    """A run of the past, and how much of the suite it ran."""

    started: float  # seconds since the epoch
    seconds: float | None  # None when it did not end
    commit: str  # "" without git
    is_dirty: bool
    tests: int  # that ran
    known: int  # tests by then
    failures: int
    test_seconds: float  # that its tests took
    all_seconds: float  # that all tests known by then take


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of the environment."""

    started: float  # seconds since the epoch
    seconds: float | None  # None when it did not end
    completed: bool
    exitstatus: int | None
    engine: str
    git_head: str
    git_dirty: bool
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The state of the suite in one environment."""

    environment: str
    datafile: str
    datafile_bytes: int
    tests: int
    outcomes: Mapping[str, int]  # of the newest executions
    last_run: LastRun | None
    selected: int
    selected_by_reason: Mapping[str, int]
    failures: tuple[Failure, ...]
    slowest: tuple[tuple[str, float], ...]  # node id, seconds
    all_seconds: float
    selected_seconds: float
    notes: tuple[str, ...] = ()
    runs: tuple[PastRun, ...] = ()  # the newest first
    results: tuple[Result, ...] = ()  # by node id, where they are asked for

    @property
    def saved_seconds(self) -> float:
        return max(0.0, self.all_seconds - self.selected_seconds)

    @property
    def verdicts(self) -> Mapping[str, int]:
        """How many failures there are of each verdict."""
        found = Counter(failure.judgement.verdict for failure in self.failures)
        return {verdict: found[verdict] for verdict in VERDICTS if found[verdict]}
