"""Verdicts on failures: new, known, flaky, or not to be told."""

from typing import Final, NamedTuple

from testmon_cli.domain.causes import Cause

NEW: Final = "new"  # it passed before, with other inputs, or passes at the base
KNOWN: Final = "known"  # it failed before with the same inputs, or fails at the base
FLAKY: Final = "flaky"  # it passed and failed with the same inputs
UNKNOWN: Final = "unknown"  # what is remembered does not tell
VERDICTS: Final = (NEW, KNOWN, FLAKY, UNKNOWN)

SAME: Final = "same"
OTHER: Final = "other"
UNDECIDED: Final = "unknown"


class Past(NamedTuple):
    """One run of the test that failed, and whether it had the inputs of the failure."""

    started: float  # when the run began, in seconds since the epoch
    commit: str  # "" without git
    is_dirty: bool  # whether files differed from the commit
    outcome: str
    inputs: str  # SAME, OTHER or UNDECIDED


class Judgement(NamedTuple):
    """The verdict on a failure, with the evidence."""

    verdict: str = UNKNOWN
    reason: str = ""  # a sentence
    history: tuple[Past, ...] = ()  # the newest first, with the failure itself
    cause: Cause | None = None  # of a new failure: what is other than where it passed


NOT_JUDGED: Final = Judgement()
