"""The answer of `testmon select`."""

from collections import Counter
from collections.abc import Container
from typing import NamedTuple

from testmon_cli.domain.causes import Cause
from testmon_cli.domain.nodeid import NodeId, depth_of, path_of
from testmon_cli.domain.records import StoredExecution

AFFECTED = "affected"
FAILED = "failed"
NEW = "new"
ALWAYS = "always"
CANARY = "canary"  # the one test of its file that shows whether the file can still be imported
UNKNOWN = "unknown"


class Reason(NamedTuple):
    """Why a test is selected: a sentence, and the chain behind it."""

    kind: str  # AFFECTED, CANARY, FAILED, NEW, ALWAYS or UNKNOWN
    text: str
    cause: Cause | None = None


class Selected(NamedTuple):
    """A test to run: what pytest is given for it, and why."""

    nodeid: str  # of the test, or of the file or function where its tests are not known
    argument: str
    reason: Reason
    execution: StoredExecution | None = None  # the newest; None where nothing was recorded

    @property
    def path(self) -> str:
        """The path of the file that the node id begins with."""
        return path_of(self.nodeid, "" if self.execution is None else self.execution.path)


NONE, SOME, ALL = "none", "some", "all"


class Verdict(NamedTuple):
    """A selection in a word, with the reason."""

    answer: str  # NONE, SOME or ALL
    reason: str


class Selection(NamedTuple):
    """The answer of `select`."""

    tests: tuple[Selected, ...]
    known: int  # tests that have an execution in this environment and still exist
    notes: tuple[str, ...] = ()  # for stderr
    saved_seconds: float = 0.0  # durations of the known tests that were left out
    selected_seconds: float = 0.0
    broken: tuple[str, ...] = ()  # sources that do not parse, with the reason
    # node ids of tests that have an execution and exist no longer
    gone: frozenset[str] = frozenset()
    is_part: bool = False  # whether a part of the suite was asked for
    # files whose tests may be called, or marked, in another way than recorded
    unsettled: frozenset[str] = frozenset()
    # of tests that there are, where whole files were selected without any record; else 0
    files: int = 0

    @property
    def arguments(self) -> tuple[str, ...]:
        """Arguments for pytest, without repeats and nodes that another argument contains."""
        chosen = dict.fromkeys([test.argument for test in self.tests])
        are_equally_deep = len(set(map(depth_of, chosen))) == 1
        if are_equally_deep and not any("[" in argument for argument in chosen):
            return tuple(chosen)  # mostly: none can hold another
        return tuple(argument for argument in chosen if not _is_held(argument, chosen))

    @property
    def verdict(self) -> Verdict:
        """The selection in one word, none, some or all, with the reason."""
        if self.files:
            return self._verdict_on_files()
        if not self.tests:
            changed = "nothing that tests rely on has changed"
            if self.is_part:
                changed = "nothing is selected of what was asked for"
            return Verdict(NONE, f"{changed}; {self.known} tests are known")
        reasons = self._reasons_in_words()
        if not self.known:
            return Verdict(SOME if self.is_part else ALL, self.notes[0] if self.notes else reasons)
        recorded = sum(test.execution is not None for test in self.tests)
        are_all = recorded == self.known and not self.is_part
        text = f"{recorded} of {self.known} known tests"
        if len(self.tests) > recorded:
            text += f" and {len(self.tests) - recorded} not recorded"
        return Verdict(ALL if are_all else SOME, f"{text}: {reasons}")

    def _reasons_in_words(self) -> str:
        """The reason that all tests share, or how many tests have each kind of reason."""
        texts = dict.fromkeys(test.reason.text for test in self.tests)
        if len(texts) == 1:
            return next(iter(texts))
        counts = Counter(test.reason.kind for test in self.tests)
        return ", ".join(f"{count} {kind}" for kind, count in counts.items())

    def _verdict_on_files(self) -> Verdict:
        if not self.tests:
            return Verdict(
                NONE, f"no test file can come to what has changed; there are {self.files}"
            )
        answer = ALL if len(self.tests) == self.files and not self.is_part else SOME
        texts = dict.fromkeys(test.reason.text for test in self.tests)
        why = f": {next(iter(texts))}" if len(texts) == 1 else ""
        return Verdict(answer, f"{len(self.tests)} of {self.files} test files{why}")


def _is_held(argument: str, chosen: Container[str]) -> bool:
    """Tell whether another of the arguments runs this one as well.

    Its function, class, file or a folder above.
    """
    if "." in chosen and argument != "." and not argument.startswith("../"):
        return True
    return any(str(holder) in chosen for holder in NodeId.parse(argument).above())
