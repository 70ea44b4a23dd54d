"""The summary of a CI job before it starts: what it knows, what it runs, and why."""

from typing import NamedTuple


class Baseline(NamedTuple):
    """The newest run that a job knows of."""

    ref: str  # "" where it is not known
    commit: str  # "" without git
    behind: int | None  # commits since then; None where that is not known


class Health(NamedTuple):
    """The state of a job in numbers."""

    baseline: Baseline | None  # None where nothing is known
    known: int  # tests
    unknown: int  # what is selected without having run before: tests, or files of them
    selected: int  # in all jobs
    selected_seconds: float
    all_seconds: float
    why_all: str = ""  # why all tests are run; "" where a part is
    part: str = ""  # which part of it this job runs, and how many; "" where it runs all of it
    notes: tuple[str, ...] = ()
