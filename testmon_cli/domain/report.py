"""What `testmon report` answers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from testmon_cli.domain.verdicts import NOT_JUDGED, VERDICTS, Judgement


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure that is remembered: of the newest execution that holds, or of the newest where none does."""

    nodeid: str
    outcome: str  # "failed" or "error"
    text: str
    in_last_run: bool = True  # whether it came out so in the newest run
    judgement: Judgement = NOT_JUDGED


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

    @property
    def saved_seconds(self) -> float:
        return max(0.0, self.all_seconds - self.selected_seconds)

    @property
    def verdicts(self) -> Mapping[str, int]:
        """How many failures there are of each verdict."""
        found = Counter(failure.judgement.verdict for failure in self.failures)
        return {verdict: found[verdict] for verdict in VERDICTS if found[verdict]}
