"""The answers of `testmon explain`: of one test, and of one place in the code."""

from typing import Final, NamedTuple

RUNS_IT: Final = "runs it"  # how most tests reach a place


class RanFunction(NamedTuple):
    """A function of which a test executed something."""

    name: str  # qualified
    line: int  # where its first block begins, as the run saw it
    blocks: int  # of which it reached this many
    of: int


class Mentioned(NamedTuple):
    """An import-time definition that a test's code mentions, itself or through others."""

    path: str
    name: str  # qualified
    line: int
    by: tuple[str, ...]  # the functions and definitions that mention it, like "price.py::total"


class Resource(NamedTuple):
    """A file, folder, variable or pattern that a test asked for."""

    kind: str
    name: str
    asked_at: str = ""  # path:line of the code that asked, "" where that is not known


class Reliance(NamedTuple):
    """The dependencies of a test; `selected` says why it is selected already, "" if it is not."""

    nodeid: str
    selected: str
    outcome: str
    seconds: float
    started: float  # when the run began that this tells of, in seconds since the epoch
    unknown: str  # why the record has gaps, "" if it has none
    ran: tuple[tuple[str, tuple[RanFunction, ...]], ...]  # by path
    names: tuple[Mentioned, ...]
    fixtures: tuple[str, ...]  # of a wider scope than the test
    asked_for: tuple[Resource, ...]
    imports: tuple[str, ...]  # files whose import it needs
    packages: tuple[str, ...]  # distributions that these files import

    @property
    def functions(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """By path, the names of the functions of which it executed something."""
        return tuple(
            (path, tuple(function.name for function in functions)) for path, functions in self.ran
        )

    @property
    def resources(self) -> tuple[tuple[str, str], ...]:
        """Kind and name of what it asked for."""
        return tuple((resource.kind, resource.name) for resource in self.asked_for)


class ReachingTest(NamedTuple):
    """A test that reaches a place in the code."""

    nodeid: str
    seconds: float
    outcome: str
    how: str  # RUNS_IT, or a sentence


class Reach(NamedTuple):
    """The tests that reach a place in the code, the fastest first.

    Those that run it come before others that a change there would select.
    """

    target: str  # as it was asked for
    path: str
    line: int  # where the place begins
    name: str  # qualified name of the function or definition there; "" for a file
    what: str  # "block", "function", "class", "definition" or "file"
    tests: tuple[ReachingTest, ...]
    known: int  # tests that are known at all
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return sum(test.seconds for test in self.tests)
