"""`testmon replay`: compare selections with runs of all tests, commit by commit."""

import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from testmon_cli import __version__
from testmon_cli.analysis.model_key import MODEL_KEY
from testmon_cli.application.proof import judging, outcomes
from testmon_cli.application.proof.history import Commit, Repository, Worktree, git
from testmon_cli.application.proof.missing_link import Links
from testmon_cli.application.proof.runs import Ran, Runner
from testmon_cli.application.proof.state import Evidence, State, default_place
from testmon_cli.application.select.use_case import held
from testmon_cli.application.settings import Settings, load
from testmon_cli.domain.errors import EnvironmentFailure, TestmonError
from testmon_cli.domain.proof import (
    CAUGHT,
    COMPARED,
    ESCAPED,
    NO_BASE,
    NOT_BUILT,
    Base,
    Finding,
    Judged,
    Replay,
    Step,
)

_LOOKS: Final = 2  # more runs of each of two states, by which is decided what is unstable
_OURS: Final = range(64, 128)  # exit codes of testmon: it could not work at a commit
_INTERVAL: Final = 0.2  # seconds between looks at whether the user wants no more


class Request(NamedTuple):
    """The request for a replay."""

    between: str | None = None  # a range of git: the newest commits without it
    commits: int = 50
    setup: str | None = None  # a command for the shell, run at each commit
    arguments: tuple[str, ...] = ()  # for pytest
    jobs: int = 1
    state: str | None = None  # a folder
    anew: bool = False  # whether what is kept of an earlier replay is forgotten


def replay(
    settings: Settings,
    request: Request,
    *,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Replay:
    """Replay commits; what was done before is not done again.

    Raises TestmonError where git, the range, or what tests import is not as it must be.
    """
    repository = Repository(Path(os.path.realpath(settings.root)))
    commits = repository.commits(request.commits, request.between)
    if len(commits) < 2:
        raise TestmonError("there is nothing to replay: it takes two commits")
    question = _question(repository, settings, request)
    place = Path(request.state).absolute() if request.state else default_place(question, os.environ)
    state = State(place, question, anew=request.anew)
    say(f"what is found is kept in {state.place}")
    walk = _Walk(repository, settings, request, commits, state, progress)
    walk.go()
    steps = tuple(step for commit in commits[1:] if (step := state.step(commit.name)) is not None)
    bases = (state.base(commit.name) for commit in commits)
    first = next((base for base in bases if base is not None), None)
    python = ".".join(map(str, sys.version_info[:3]))
    return Replay(steps, first, python, __version__, request.arguments)


def _question(repository: Repository, settings: Settings, request: Request) -> tuple[str, ...]:
    """All that what is found depends on, but for the commits."""
    version = f"{__version__} {MODEL_KEY}"
    parts = (
        str(repository.root),
        settings.env,
        sys.executable,
        sys.version,
        version,
        request.setup or "",
    )
    return (*parts, *request.arguments)


class _Walk:
    """Goes through commits, by parts of the history at once."""

    def __init__(
        self,
        repository: Repository,
        settings: Settings,
        request: Request,
        commits: Sequence[Commit],
        state: State,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._repository = repository
        self._request = request
        self._settings = settings
        self._commits = commits
        self._state = state
        self._progress = progress
        self._runner = Runner()
        self._lock = threading.Lock()
        self._done = 0

    def go(self) -> None:
        pending = [
            n
            for n in range(1, len(self._commits))
            if self._state.step(self._commits[n].name) is None
        ]
        self._done = len(self._commits) - 1 - len(pending)
        self._show()
        parts = [part for part in _divided(pending, self._request.jobs) if part]
        if not parts:
            return
        workers = [self._commits[part[0]].name[:12] for part in parts]
        with _terminated_as_interrupted(), ThreadPoolExecutor(len(parts)) as pool:
            jobs = [
                pool.submit(self._part, part, Evidence(self._state, worker, {*workers} - {worker}))
                for part, worker in zip(parts, workers, strict=True)
            ]
            try:
                _wait_for(jobs)
            except BaseException:
                self._runner.stop()
                raise

    def _part(self, numbers: Sequence[int], evidence: Evidence) -> None:
        """Go through some commits that follow each other."""
        with self._repository.worktree(self._commits[numbers[0]].name) as tree:
            steps = _Steps(tree, self._runner, self._state, evidence, self._settings, self._request)
            for number in numbers:
                step = steps.step(self._commits[number], self._commits[:number][::-1])
                self._state.keep_step(step)
                with self._lock:
                    self._done += 1
                    self._show()

    def _show(self) -> None:
        if self._progress is not None:
            self._progress(self._done, len(self._commits) - 1)


class _Steps:
    """Goes from commit to commit in one worktree."""

    def __init__(
        self,
        tree: Worktree,
        runner: Runner,
        state: State,
        evidence: Evidence,
        settings: Settings,
        request: Request,
    ) -> None:
        self._tree = tree
        self._runner = runner
        self._state = state
        self._evidence = evidence
        self._settings = settings
        self._request = request
        self._at = ""  # the commit that is checked out and set up

    def step(self, commit: Commit, before: Sequence[Commit]) -> Step:
        """Compare a commit with the nearest one before it that could be tested.

        Those come nearest first.
        """
        blank = Step(commit.name, commit.subject, NOT_BUILT)
        try:
            old = next((c.name for c in before if self._can_run(c.name)), None)
            if old is None:
                return blank._replace(
                    state=NO_BASE, note=f"no commit before it could be tested{self._why(before)}"
                )
            why = self._base(old)
            if why:
                return blank._replace(state=NO_BASE, note=why)
            return self._compare(
                blank._replace(base=old), self._plain(old), self._plain(commit.name)
            )
        except _NotBuilt as reason:
            return blank._replace(note=str(reason))

    def _why(self, before: Sequence[Commit]) -> str:
        """Why the nearest commit before one could not be tested."""
        ran = self._state.plain(before[0].name)
        return "" if ran is None else f": pytest gave {ran.exitcode}, {ran.tail}"

    def _can_run(self, commit: str) -> bool:
        step = self._state.step(commit)
        if step is not None and step.state == NOT_BUILT:
            return False
        try:
            return self._plain(commit).has_run
        except _NotBuilt:
            return False

    def _compare(self, step: Step, known: Ran, after: Ran) -> Step:
        new, old = step.commit, step.base
        self._go_to(new)
        self._evidence.begin(old)
        ran = self._collect("--select")
        if ran.exitcode in _OURS:
            raise _NotBuilt(ran.tail)
        step = step._replace(state=COMPARED, plain_seconds=after.seconds, seconds=ran.seconds)
        if not after.has_run:
            return _of_broken_session(step, after, ran)
        judged = self._judged(known, after, ran, new, old)
        compared = outcomes.compare(known.outcomes, after.outcomes, ran.outcomes.keys())
        missed = self._missed(compared.missed, new, old)
        if any(finding.bucket == ESCAPED for finding in missed):
            # What is known is wrong from here on: the next commit begins with evidence of all
            # tests.
            self._evidence.forget()
        else:
            self._evidence.keep(new)
        self._evidence.forget(old)
        return step._replace(
            note=""
            if ran.has_ended or not ran.exitcode
            else f"testmon collect gave {ran.exitcode}: {ran.tail}",
            tests=len(after.outcomes),
            ran=len(ran.outcomes.keys() & after.outcomes.keys()),
            findings=(*compared.caught, *missed),
            differing=outcomes.differing(after.outcomes, ran.outcomes),
            judged=judged,
        )

    def _judged(self, known: Ran, after: Ran, ran: Ran, new: str, old: str) -> tuple[Judged, ...]:
        """The verdicts on what has just failed. More runs tell whether what is called flaky is."""
        settings = self._settings_for(self._evidence.datafile())
        judged = judging.judged(settings, known.outcomes, after.outcomes, ran.outcomes)
        if judging.doubtful(judged):
            found = self._looks(new, old)
            judged = judging.settled(judged, found[old], found[new])
        return judged

    def _missed(self, missed: Sequence[Finding], new: str, old: str) -> tuple[Finding, ...]:
        """Decide what tests that did not run are.

        Some need not, some are unstable, and the others escaped.
        """
        if missed:
            missed = outcomes.without(
                missed, held(self._settings_for(self._evidence.datafile(old)))
            )
        return self._explained(self._settled(missed, new, old), new, old) if missed else ()

    def _settled(self, missed: Sequence[Finding], new: str, old: str) -> tuple[Finding, ...]:
        """Decide what is unstable, by more runs of both commits."""
        found = self._looks(new, old)
        return outcomes.settled(missed, found[old], found[new])

    def _looks(self, *commits: str) -> dict[str, list[outcomes.Outcomes]]:
        """How tests come out in more runs of commits."""
        found: dict[str, list[outcomes.Outcomes]] = {}
        for commit in commits:
            self._go_to(commit)
            found[commit] = [self._run_plain().outcomes for _ in range(_LOOKS)]
        return found

    def _explained(self, missed: Sequence[Finding], new: str, old: str) -> tuple[Finding, ...]:
        escaped = [finding for finding in missed if finding.bucket == ESCAPED]
        if not escaped:
            return tuple(missed)
        self._go_to(new)
        names = git(self._tree.root, "diff", "--name-only", "--relative", "-z", old, new).split(
            b"\0"
        )
        changed = {os.fsdecode(name): math.inf for name in names if name}
        links = Links(self._settings_for(self._evidence.datafile(old)), changed)
        found = []
        for finding in missed:
            if finding.bucket == ESCAPED:
                alone = self._run_plain([finding.nodeid]).outcomes.get(finding.nodeid)
                passes_alone = (
                    alone is not None and bool(finding.before) and alone.result == finding.before
                )
                finding = finding._replace(link=links.of(finding.nodeid, passes_alone=passes_alone))
            found.append(finding)
        return tuple(found)

    def _base(self, commit: str) -> str:
        """Have evidence of all tests at a commit; why not, where that cannot be."""
        if self._evidence.is_there(commit):
            return ""
        plain = self._plain(commit)
        _refuse_other_sources(plain)
        self._go_to(commit)
        self._evidence.begin()
        ran = self._collect()
        if not ran.has_run:
            return f"testmon collect gave {ran.exitcode} at {commit[:7]}: {ran.tail}"
        differing = outcomes.differing(plain.outcomes, ran.outcomes)
        self._state.keep_base(
            Base(commit, len(plain.outcomes), plain.seconds, ran.seconds, differing)
        )
        self._evidence.keep(commit)
        return ""

    def _plain(self, commit: str) -> Ran:
        """How tests come out at a commit."""
        found = self._state.plain(commit)
        if found is None:
            self._go_to(commit)
            found = self._run_plain()
            self._state.keep_plain(commit, found)
        return found

    def _go_to(self, commit: str) -> None:
        """Check a commit out and set it up."""
        if self._at == commit:
            return
        self._at = ""
        self._tree.check_out(commit)
        if self._request.setup:
            code, _, tail = self._runner.run(
                self._request.setup, self._tree.root, self._environment()
            )
            if code:
                raise _NotBuilt(f"the setup gave {code}: {tail}")
        self._at = commit

    def _environment(self) -> dict[str, str]:
        return self._tree.environment(os.environ)

    def _run_plain(self, more: Sequence[str] = ()) -> Ran:
        return self._runner.plain(
            self._tree.root, self._environment(), [*self._request.arguments, *more]
        )

    def _collect(self, *options: str) -> Ran:
        given = [*options, "--env", self._settings.env, "--datafile", self._evidence.datafile()]
        return self._runner.collect(
            self._tree.root, self._environment(), given, self._request.arguments
        )

    def _settings_for(self, datafile: str) -> Settings:
        return load(self._tree.root, datafile=datafile, env=self._settings.env)


class _NotBuilt(Exception):  # noqa: N818 - a reason
    """A commit could not be set up."""


def _of_broken_session(step: Step, after: Ran, ran: Ran) -> Step:
    """Tests cannot run at a commit: who runs what is selected must see that."""
    bucket = CAUGHT if ran.exitcode else ESCAPED
    finding = Finding("(session)", bucket, "ran", f"exit code {after.exitcode}", after.tail)
    return step._replace(findings=(finding,), note=after.tail)


def _refuse_other_sources(ran: Ran) -> None:
    if ran.elsewhere:
        name, path = ran.elsewhere[0]
        raise EnvironmentFailure(
            f"tests import {name} from {path}, not from the commits: install the project with pip install --editable"
        )


def _wait_for(jobs: Sequence[Future[None]]) -> None:
    """Wait until all have ended, or one has failed: then raise what it failed with."""
    waiting = {*jobs}
    while waiting:
        done, waiting = wait(waiting, timeout=_INTERVAL, return_when=FIRST_EXCEPTION)
        for job in done:
            job.result()


def _divided(numbers: Sequence[int], jobs: int) -> Iterator[Sequence[int]]:
    """Parts of equal length, one after the other."""
    size, more = divmod(len(numbers), jobs)
    start = 0
    for job in range(jobs):
        end = start + size + (job < more)
        yield numbers[start:end]
        start = end


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let TERM end a replay as Ctrl-C does, so that nothing is left behind."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before: Mapping[int, object] = {}
    if threading.current_thread() is threading.main_thread():
        before = {
            number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
        }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # it was there
