"""`testmon ci`: run the part of one job of what is selected.

Where anything is in doubt, run more.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from testmon_cli.application import plan as planning
from testmon_cli.application.checkout import environment
from testmon_cli.application.checkout.ci_providers import Job
from testmon_cli.application.ci import whole_runs
from testmon_cli.application.collect.use_case import collect, collect_these, divided
from testmon_cli.application.select.filters import narrowing_of
from testmon_cli.application.select.use_case import everything, select
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import DatafileError, TestmonError
from testmon_cli.domain.health import Baseline, Health
from testmon_cli.domain.nodeid import path_of
from testmon_cli.domain.parts import Shard
from testmon_cli.domain.selection import ALL, Selected, Selection
from testmon_cli.storage.datafile import Datafile

_NO_TESTS: Final = 5  # pytest's exit code


class Request(NamedTuple):
    """The request to a job, by its options and arguments."""

    arguments: tuple[str, ...] = ()  # for pytest
    is_all: bool = False
    shard: str | None = None
    plan: str | None = None  # a file


class Choice(NamedTuple):
    """The tests that a job runs, and why these."""

    health: Health
    options: tuple[str, ...]  # for pytest
    nodes: tuple[str, ...]  # what pytest is to run; where there are none, all that it finds
    is_nothing: bool  # whether nothing is left for this job
    is_part: bool  # whether there are tests that it does not run
    is_whole: bool  # whether the jobs that run beside it leave none out


@contextmanager
def usable(settings: Settings) -> Iterator[tuple[Settings, str]]:
    """Settings with a datafile that can be written to, and what is wrong with the other.

    That one is left as it is: a newer version of testmon may have written it. Nothing is known
    then, so all tests run.
    """
    try:
        with Datafile.open(settings.datafile, mode="write", create=True):
            pass
    except DatafileError as error:
        with tempfile.TemporaryDirectory(prefix="testmon-") as folder:
            yield settings._replace(datafile=os.path.join(folder, "testmondata")), str(error)
        return
    yield settings, ""


def run(settings: Settings, choice: Choice, *, verbose: bool, say: Callable[[str], None]) -> int:
    """Run what was chosen. Returns the exit code of pytest, 0 where nothing is to be run.

    `say` is given what is told to the user.
    """
    if choice.is_nothing:
        return 0
    if choice.is_whole:
        arguments = [*choice.options, *choice.nodes]
        collected = collect(settings, arguments, verbose=verbose, is_whole=True)
    else:
        collected = collect_these(settings, choice.options, choice.nodes, verbose=verbose, say=say)
    if collected.note:
        say(collected.note)
    return 0 if choice.is_part and collected.exitcode == _NO_TESTS else collected.exitcode


def wanted(
    settings: Settings, why: str, paths: tuple[str, ...] = (), base: str | None = None
) -> tuple[Selection, str]:
    """Select tests, and say why that is all of them ("" where it is not).

    All test files are, where `why` says so, where nothing is known, and where something goes wrong.
    """
    narrowing = narrowing_of(settings, paths or None)
    try:
        selection = select(settings, narrowing=narrowing, exact=True, base=base)
    except DatafileError as error:
        selection, why = Selection((), 0), why or str(error)
    except TestmonError:
        raise  # a path or a revision that is none
    except Exception as error:
        selection, why = Selection((), 0), why or f"internal error, {type(error).__name__}: {error}"
    if not why and not selection.known and narrowing.is_of_tests(selection):
        why = (
            selection.notes[0].partition(": everything is selected")[0]
            if selection.notes
            else "nothing is known"
        )
    return (selection._replace(tests=_files(settings, paths)) if why else selection), why


def _files(settings: Settings, paths: tuple[str, ...] = ()) -> tuple[Selected, ...]:
    return everything(settings, narrowing=narrowing_of(settings, paths or None)).tests


def choose(
    settings: Settings, job: Job, request: Request, *, why: str = "", notes: tuple[str, ...] = ()
) -> Choice:
    """Decide what a job runs: all tests, where `why` says so.

    `notes` are what else there is to be told.

    Raises TestmonError for options that cannot be understood; all else that goes wrong makes more
    tests run.
    """
    return _Chooser(settings, job, request, why, notes).choose()


class _Chooser:
    """Puts a choice together."""

    def __init__(
        self, settings: Settings, job: Job, request: Request, why: str, notes: tuple[str, ...]
    ) -> None:
        self._settings = settings
        self._root = Path(os.path.realpath(settings.root))
        self._notes = list(notes)
        self._shard = planning.shard_of(request.shard) if request.shard else None
        if self._shard is None and job.shard is not None:
            self._shard = Shard(*job.shard)
        self._planned = self._plan(request.plan)
        self._is_planned = self._planned is not None or (
            self._shard is not None and bool(self._shard.plan)
        )
        self._options, self._paths = divided(request.arguments, self._root)
        why = why or whole_runs.why(settings, job.words, time.time(), is_all=request.is_all)
        self._selection, self._why = wanted(settings, why, self._paths)
        verdict = self._selection.verdict
        if not self._why and not self._is_planned and verdict.answer == ALL:
            # Where pytest's configuration is another one, it may find what nobody knows by name.
            self._why = verdict.reason
            self._selection = self._selection._replace(tests=_files(settings))

    def _plan(self, path: str | None) -> planning.Planned | None:
        """The plan of all jobs. Where it cannot be used, this job runs all that is selected."""
        if path is None:
            return None
        if self._shard is None:
            raise TestmonError(
                "--plan does not say which job this is: give --shard as well, like 2/5"
            )
        try:
            planned = planning.read_plan(path)
            head = environment.git_state(self._root).head
            if planned.commit == head:
                return planned
            trouble = f"{path} is of commit {planned.commit[:7]}, not of {head[:7]}"
        except TestmonError as error:
            trouble = str(error)
        if self._shard.plan:  # it may be known by its name alone
            self._notes.append(trouble)
        else:
            self._notes.append(f"the parts of all jobs are run: {trouble}")
            self._shard = None
        return None

    def choose(self) -> Choice:
        own = self._own()
        health = self._health(own)
        is_first = self._shard is None or self._shard.number == 1
        if self._why and (is_first or not self._is_planned):
            # All that pytest finds, also what no list of files tells, but not the files that other
            # jobs run.
            others = _paths_of(self._selection) - _paths_of(own)
            ignored = [f"--ignore={self._root / path}" for path in sorted(others)]
            paths = tuple(path for path in self._paths if self._relative(path) not in others)
            is_nothing = bool(self._paths) and not paths
            is_part = self._shard is not None
            return Choice(
                health,
                (*self._options, *ignored),
                paths,
                is_nothing,
                is_part,
                is_whole=not self._paths,
            )
        nodes = own.arguments
        if self._planned is not None and self._shard is not None:
            nodes = tuple(dict.fromkeys([*self._planned.of(self._shard), *nodes]))
        is_whole = bool(self._why) and not self._paths
        return Choice(health, self._options, nodes, not nodes, is_part=True, is_whole=is_whole)

    def _own(self) -> Selection:
        """The part of this job."""
        if self._shard is None:
            return self._selection
        if self._planned is not None:
            return planning.of_planned(self._selection, self._planned, self._shard)
        own = planning.of_shard(self._settings, self._selection._replace(notes=()), self._shard)
        self._notes.extend(own.notes)
        return own

    def _relative(self, path: str) -> str:
        return os.path.relpath(os.path.realpath(path_of(path)), self._root).replace(os.sep, "/")

    def _health(self, own: Selection) -> Health:
        selection = self._selection
        part = (
            ""
            if self._shard is None
            else f"job {self._shard.number} of {self._shard.jobs} has {len(own.tests):,}"
        )
        return Health(
            baseline=baseline(self._settings) if selection.known else None,
            known=selection.known,
            unknown=sum(test.execution is None for test in selection.tests) if not self._why else 0,
            selected=len(selection.tests),
            selected_seconds=selection.selected_seconds,
            all_seconds=selection.selected_seconds + selection.saved_seconds,
            why_all=self._why,
            part=part,
            notes=(*self._notes, *(selection.notes if not self._why else ())),
        )


def _paths_of(selection: Selection) -> set[str]:
    return {test.path for test in selection.tests}


def base_of(settings: Settings, job: Job) -> str | None:
    """The commit from which the change of a `job` began; None where that is not known."""
    branch = job.provenance.base
    for name in (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}") if branch else ():
        found = whole_runs.git(settings.root, "merge-base", "HEAD", name)
        if found:
            return found
    return None


def baseline(settings: Settings) -> Baseline | None:
    """The newest run that is known."""
    try:
        with Datafile.open(settings.datafile) as datafile:
            newest = next(iter(datafile.runs(environment.current(settings.env))), None)
            if newest is None:
                return None
            ref, head = newest.mapping("provenance").get("ref"), newest.git_head
    except DatafileError:
        return None
    behind = whole_runs.git(settings.root, "rev-list", "--count", f"{head}..HEAD") if head else ""
    return Baseline(str(ref or ""), head, int(behind) if behind.isdecimal() else None)
