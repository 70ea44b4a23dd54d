"""Results of checks of selection against runs of all tests."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from testmon_cli.domain.verdicts import FLAKY

CAUGHT: Final = "caught"  # it ran
ESCAPED: Final = "escaped"  # it did not, and comes out otherwise each time
UNSTABLE: Final = "unstable"  # it comes out in more than one way while nothing changes
# the outcome of a file or folder of which pytest could not collect the tests
BROKEN: Final = "broken"
FAILING: Final = frozenset({"failed", "error", BROKEN})
_PASSING: Final = frozenset({"passed", "xpassed"})

COMPARED: Final = "compared"
NOT_BUILT: Final = "not built"
NO_BASE: Final = "no base"


class Outcome(NamedTuple):
    """How a test came out; of a file or folder whose tests could not be collected, BROKEN."""

    result: str
    seconds: float = 0.0
    text: str = ""  # the first line of the failure

    @property
    def fails(self) -> bool:
        return self.result in FAILING


class MissingLink(NamedTuple):
    """Why a change did not select a test, as far as it can be found."""

    unseen: tuple[str, ...]  # what has changed without the test being known to rely on it
    # what has changed and the test relied on, and that is known not to concern it
    relied: tuple[str, ...]
    limit: str  # the limit of docs/limits.md that explains it; "" where none does
    text: str  # a sentence


class Finding(NamedTuple):
    """A test that came out otherwise than was known, or that is new."""

    nodeid: str
    bucket: str  # CAUGHT, ESCAPED or UNSTABLE
    before: str  # its outcome; "" where it was not there
    after: str
    text: str = ""  # the first line of the failure
    link: MissingLink | None = None  # of what escaped

    @property
    def says_something(self) -> bool:
        """Whether selection could have been wrong about the test: not if it is new and passes."""
        return self.bucket == ESCAPED or bool(self.before) or self.after in FAILING


class Judged(NamedTuple):
    """A verdict on a failure, with the outcome under pytest alone at the commit before."""

    nodeid: str
    before: str  # "" where it was not there
    verdict: str
    reason: str
    is_unstable: bool = False  # whether it comes out in more than one way while nothing changes

    @property
    def is_regression(self) -> bool:
        return self.before in _PASSING

    @property
    def is_misjudged(self) -> bool:
        """Whether a regression is called flaky."""
        return self.is_regression and self.verdict == FLAKY and not self.is_unstable


class Step(NamedTuple):
    """The result for one commit."""

    commit: str
    subject: str
    state: str  # COMPARED, NOT_BUILT or NO_BASE
    note: str = ""  # why it was not compared
    base: str = ""  # the commit whose evidence it was compared with
    tests: int = 0  # that plain pytest ran
    ran: int = 0  # of these, those that were selected
    findings: tuple[Finding, ...] = ()
    # tests that were selected and came out otherwise under observation
    differing: tuple[str, ...] = ()
    plain_seconds: float = 0.0  # of plain pytest
    seconds: float = 0.0  # of `testmon collect --select`
    judged: tuple[Judged, ...] = ()  # tests that were selected and failed

    def of(self, bucket: str) -> tuple[Finding, ...]:
        """The findings of one kind."""
        return tuple(finding for finding in self.findings if finding.bucket == bucket)


class Base(NamedTuple):
    """A commit at which all tests were collected."""

    commit: str
    tests: int
    plain_seconds: float
    seconds: float  # of `testmon collect`
    differing: tuple[str, ...] = ()  # tests that came out otherwise under observation


class Replay(NamedTuple):
    """The results for some commits, the oldest first."""

    steps: tuple[Step, ...]
    base: Base | None  # the first one
    python: str
    version: str  # of testmon
    arguments: tuple[str, ...] = ()  # of pytest

    @property
    def compared(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.state == COMPARED)

    def findings(self, bucket: str) -> tuple[Finding, ...]:
        """The findings of one kind, of all commits."""
        return tuple(finding for step in self.steps for finding in step.of(bucket))

    @property
    def judged(self) -> tuple[Judged, ...]:
        """The verdicts on failures, of all commits."""
        return tuple(judged for step in self.steps for judged in step.judged)

    @property
    def safe(self) -> int:
        """How many of the compared commits nothing escaped at."""
        return sum(not step.of(ESCAPED) for step in self.compared)

    @property
    def plain_seconds(self) -> float:
        """The seconds that it takes to run all tests at each commit."""
        first = self.base.plain_seconds if self.base else 0.0
        return first + sum(step.plain_seconds for step in self.compared)

    @property
    def seconds(self) -> float:
        """The seconds with testmon: all tests are collected once, then those that are selected."""
        first = self.base.seconds if self.base else 0.0
        return first + sum(step.seconds for step in self.compared)


class Tally(NamedTuple):
    """How often selection was right, in one audit or several."""

    audits: int
    caught: int  # failures and changed outcomes of tests that were selected
    escaped: int

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> "Tally":
        """Count what one audit found.

        A new test that passes could only be missed: that it is found says little.
        """
        counts = Counter(finding.bucket for finding in findings if finding.says_something)
        return cls(1, counts[CAUGHT], counts[ESCAPED])

    @property
    def recall(self) -> float | None:
        """The share that was caught; None where there was nothing to be caught."""
        found = self.caught + self.escaped
        return self.caught / found if found else None


class Audit(NamedTuple):
    """The result of an audit: a selection beside a run of all tests, or of a sample."""

    tests: int  # that ran
    selected: int  # of these
    known: int  # tests with evidence
    sample: str  # "" for all
    seed: str
    findings: tuple[Finding, ...]
    seconds: float

    def of(self, bucket: str) -> tuple[Finding, ...]:
        """The findings of one kind."""
        return tuple(finding for finding in self.findings if finding.bucket == bucket)


def bound(number: int) -> float:
    """The largest rate of misses that zero misses leave possible, at 95 % confidence."""
    return min(1.0, 3 / number) if number else 1.0
