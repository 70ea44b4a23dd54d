"""The interface for programs: small, and stable between releases.

    from testmon_cli import api

    project = api.open_project()
    for test in project.select().tests:
        print(test.nodeid, test.reason)

Everything is read only: no question changes the datafile, and each one sees its newest state.
Names, parameters and fields of this module stay; new ones may be added, so read fields by their
names. What is wrong and can be put right raises `TestmonError`, with one line that says what to do.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from testmon_cli.application.settings import Settings, load
from testmon_cli.domain.causes import Cause
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.records import Environment
from testmon_cli.domain.reliance import (
    Mentioned,
    RanFunction,
    Reach,
    ReachingTest,
    Reliance,
    Resource,
)
from testmon_cli.domain.verdicts import Past

__all__ = [
    "Environment",
    "Failure",
    "Link",
    "Mentioned",
    "Past",
    "Project",
    "RanFunction",
    "Reach",
    "ReachingTest",
    "Reliance",
    "Resource",
    "RunFacts",
    "SelectedTest",
    "Selection",
    "TestmonError",
    "open_project",
]


class Link(NamedTuple):
    """One link of the chain from a test to what has changed."""

    kind: str  # "definition", "block", "import", "file", "environment", "package" ...
    how: str  # "added", "removed", "changed" or "moved" at the end of the chain, before that a verb
    path: str  # "" where there is none
    name: str
    line: int  # 0 where there is none


def _links(cause: Cause | None) -> tuple[Link, ...]:
    chain = cause.chain() if cause is not None else ()
    return tuple(
        Link(link.kind.value, link.wording, link.path, link.name, link.line) for link in chain
    )


class SelectedTest(NamedTuple):
    """A test to run."""

    nodeid: str  # of the test, or of the file or function where its tests are not known
    argument: str  # what pytest is given for it
    kind: str  # "affected", "canary", "failed", "new", "always" or "unknown"
    reason: str  # a sentence
    chain: tuple[Link, ...]
    seconds: float | None  # what it took last; None where it never ran


class Selection(NamedTuple):
    """The tests that pytest must run, with the reason for each."""

    verdict: str  # "none", "some" or "all"
    reason: str
    arguments: tuple[str, ...]  # for pytest, without repeats
    tests: tuple[SelectedTest, ...]
    known: int  # tests that have a record and still exist
    selected_seconds: float
    saved_seconds: float
    notes: tuple[str, ...]


class Failure(NamedTuple):
    """A failure that is remembered, and whether the change brought it."""

    nodeid: str
    outcome: str  # "failed" or "error"
    text: str
    verdict: str  # "new", "known", "flaky" or "unknown"
    reason: str  # a sentence
    chain: tuple[Link, ...]  # of a new failure: what has changed since the test passed
    history: tuple[Past, ...]  # the newest first
    in_last_run: bool


class RunFacts(NamedTuple):
    """One `testmon collect`."""

    environment: Environment
    started: float  # seconds since the epoch
    seconds: float | None  # None when it was killed or still goes on
    completed: bool
    exitstatus: int | None  # of pytest
    arguments: tuple[str, ...]
    tests: int  # that ran
    git_head: str  # "" without git
    git_dirty: bool
    engine: str
    version: str  # of testmon


class Project:
    """A project and its datafile, open for questions."""

    def __init__(self, settings: Settings) -> None:
        """Use `open_project`."""
        self._settings = settings

    @property
    def root(self) -> Path:
        """The folder that paths are relative to."""
        return self._settings.root

    def select(
        self,
        paths: Sequence[str] | None = None,
        *,
        keyword: str = "",
        failed: bool = True,
        staged: bool = False,
        base: str | None = None,
    ) -> Selection:
        """Select the tests that must run, as `testmon select` with options of these names does.

        `paths` are files, folders or node ids relative to the working directory; `keyword` is an
        expression for `-k`. With `failed`, tests that failed last are among them; with `staged`,
        the index of git counts in place of the working tree; `base` is a revision of git to compare
        with.
        """
        from testmon_cli.application.select import use_case
        from testmon_cli.application.select.filters import narrowing_of

        narrowing = narrowing_of(self._settings, paths, keyword)
        found = use_case.select(
            self._settings, narrowing=narrowing, failed=failed, staged=staged, base=base
        )
        tests = tuple(
            SelectedTest(
                test.nodeid,
                test.argument,
                test.reason.kind,
                test.reason.text,
                _links(test.reason.cause),
                test.execution.duration if test.execution is not None else None,
            )
            for test in found.tests
        )
        verdict = found.verdict
        return Selection(
            verdict.answer,
            verdict.reason,
            found.arguments,
            tests,
            found.known,
            found.selected_seconds,
            found.saved_seconds,
            found.notes,
        )

    def explain(self, what: str, *, would_select: bool = False) -> Reliance | Reach:
        """Tell what a test relies on, given its node id.

        For another text it tells which tests reach a place, as `tests_for` does.
        """
        from testmon_cli.application.explain import one_test

        return one_test.explain(self._settings, what, would_select=would_select)

    def relies_on(self, nodeid: str) -> Reliance:
        """Tell what a test relies on, and why it is selected now if it is."""
        from testmon_cli.application.explain import one_test

        return one_test.relies_on(self._settings, nodeid)

    def tests_for(self, place: str, *, would_select: bool = False) -> Reach:
        """Find the tests that reach a line (`app/price.py:41`), a name or a file.

        With `would_select`, also those that do not run it and that a change there would select.
        """
        from testmon_cli.application.explain import reaching_tests

        return reaching_tests.reach_of(self._settings, place, would_select=would_select)

    def failures(self, *, base: str | None = None) -> tuple[Failure, ...]:
        """All failures that are remembered.

        With `base`, a revision of git, those of tests that pass there are new.
        """
        from testmon_cli.application.report import suite

        return tuple(
            Failure(
                failure.nodeid,
                failure.outcome,
                failure.text,
                failure.judgement.verdict,
                failure.judgement.reason,
                _links(failure.judgement.cause),
                failure.judgement.history,
                failure.in_last_run,
            )
            for failure in suite.report(self._settings, slowest=0, base=base).failures
        )

    def runs(self) -> tuple[RunFacts, ...]:
        """All runs of all environments, the newest first."""
        from testmon_cli.storage.datafile import Datafile

        with Datafile.open(self._settings.datafile) as datafile:
            return tuple(
                RunFacts(
                    run.environment,
                    run.started,
                    None if run.ended is None else run.ended - run.started,
                    run.completed,
                    run.exitstatus,
                    run.arguments,
                    datafile.totals(run.id)[0],
                    run.git_head,
                    run.git_dirty,
                    str(run.facts.get("engine") or run.engine),
                    run.version,
                )
                for run in datafile.runs()
            )


def open_project(
    root: str | Path | None = None, *, datafile: str | None = None, env: str | None = None
) -> Project:
    """Open the project in a folder, or the one around the working directory.

    `datafile` and `env` stand for the options of these names. Raises TestmonError for settings that
    cannot be.
    """
    return Project(load(Path(root) if root is not None else None, datafile=datafile, env=env))
