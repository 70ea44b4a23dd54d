"""The data of the page of `testmon report --html`, beside the report."""

from typing import NamedTuple

from testmon_cli.domain.causes import Cause
from testmon_cli.domain.report import Report


class KnownTest(NamedTuple):
    """A test, how it came out last, and why it is selected now."""

    nodeid: str
    outcome: str  # "" where it never ran
    seconds: float
    reason: str = ""  # "" where it is not selected
    kind: str = ""
    chain: tuple[Cause, ...] = ()


class ShownRun(NamedTuple):
    """A run, and how much of the suite it ran."""

    started: float
    seconds: float | None
    tests: int
    test_seconds: float  # that its tests took
    all_seconds: float  # that all tests known by then take
    exitstatus: int | None
    engine: str
    git_head: str
    arguments: tuple[str, ...]


class ReachedFunction(NamedTuple):
    """A function, and how many tests reach it."""

    name: str
    line: int
    blocks: int
    unreached: tuple[int, ...]  # lines where blocks begin that no test reaches
    tests: int


class ReachedFile(NamedTuple):
    """A source, and how many tests reach it."""

    path: str
    lines: int  # in its functions
    tests: int
    functions: tuple[ReachedFunction, ...]


class Flaky(NamedTuple):
    """A test that came out in more than one way while the sources were the same."""

    nodeid: str
    outcomes: tuple[str, ...]  # the newest first


class Page(NamedTuple):
    """All that the page shows."""

    report: Report
    tests: tuple[KnownTest, ...]  # those that are selected first
    runs: tuple[ShownRun, ...]  # the oldest first
    files: tuple[ReachedFile, ...]
    flaky: tuple[Flaky, ...]
