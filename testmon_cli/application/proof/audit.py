"""`testmon audit`: run all tests or a sample, and name those that selection misses."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from testmon_cli.application.checkout import environment
from testmon_cli.application.collect.use_case import divided
from testmon_cli.application.proof import outcomes
from testmon_cli.application.proof.missing_link import Links, written
from testmon_cli.application.proof.outcomes import Outcomes
from testmon_cli.application.proof.runs import Runner
from testmon_cli.application.select.use_case import held, select
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import EnvironmentFailure, TestmonError
from testmon_cli.domain.nodeid import NodeId
from testmon_cli.domain.proof import UNSTABLE, Audit, Finding, Outcome, Tally
from testmon_cli.domain.records import AUDIT, Run
from testmon_cli.storage.datafile import Datafile
from testmon_cli.storage.opening import path_of
from testmon_cli.tracing.pytest_plugin.outcome_log import is_in_share

WHY: Final = "an audit"  # all tests are run
_LOOKS: Final = 2  # more runs of a test that was missed
_MOST_ALONE: Final = 200  # tests that are run again by name

Again = Callable[[Sequence[str]], Outcomes]  # runs tests again: these, or all


class Request(NamedTuple):
    """The request for an audit."""

    arguments: tuple[str, ...] = ()  # for pytest
    share: float = 1.0  # of the tests
    sample: str = ""  # this share as it was given; "" for all
    seed: str = ""


class Expected(NamedTuple):
    """The selection before all tests run."""

    arguments: frozenset[str]  # that pytest would get
    before: dict[str, Outcome]  # how tests came out, by what is believed of them
    known: int

    def runs(self, nodeid: str) -> bool:
        """Tell whether a test is selected, by its name or with what contains it."""
        return nodeid in self.arguments or any(
            str(node) in self.arguments for node in NodeId.parse(nodeid).above()
        )


def expected(settings: Settings) -> Expected:
    """Ask what is selected. Raises TestmonError where nothing is known that could be wrong."""
    selection = select(settings, exact=True)
    if not selection.known:
        raise TestmonError("nothing is known that could be audited: run `testmon collect` first")
    before = {
        t.nodeid: Outcome(t.execution.outcome) for t in selection.tests if t.execution is not None
    }
    before |= {nodeid: Outcome(result) for nodeid, result in held(settings).items()}
    return Expected(frozenset(test.argument for test in selection.tests), before, selection.known)


def audit(settings: Settings, request: Request) -> Audit:
    """Run the tests by pytest alone, and compare the outcomes with the selection.

    The datafile stays as it is. Raises EnvironmentFailure where pytest cannot run the tests.
    """
    says = expected(settings)
    here, root = Path(os.curdir).absolute(), Path(os.path.realpath(settings.root))
    runner = Runner(shown=True)
    began = time.time()
    try:
        ran = runner.plain(
            here, os.environ, request.arguments, request.share, request.seed, root=root
        )
        if not ran.has_run:
            raise EnvironmentFailure(
                f"pytest did not run the tests: its exit code is {ran.exitcode}"
            )
        options, _ = divided(request.arguments, root)

        def again(nodeids: Sequence[str]) -> Outcomes:
            if nodeids:
                return runner.plain(root, os.environ, [*options, *nodeids], root=root).outcomes
            return runner.plain(
                here, os.environ, request.arguments, request.share, request.seed, root=root
            ).outcomes

        findings = judged(settings, says, ran.outcomes, again, began)
    except BaseException:
        runner.stop()
        raise
    selected = sum(map(says.runs, ran.outcomes))
    return Audit(
        len(ran.outcomes), selected, says.known, request.sample, request.seed, findings, ran.seconds
    )


def judged(
    settings: Settings, says: Expected, after: Outcomes, again: Again, began: float
) -> tuple[Finding, ...]:
    """Sort how tests came out into what was caught, escaped or is unstable; explain what escaped.

    `settings` name the datafile as it was before these tests ran; they began at a time.
    """
    ran = {nodeid for nodeid in after if says.runs(nodeid)}
    compared = outcomes.compare(says.before, after, ran)
    if not compared.missed:
        return compared.caught
    alone: list[Outcomes] = []
    if len(compared.missed) <= _MOST_ALONE:
        alone = [again([finding.nodeid for finding in compared.missed]) for _ in range(_LOOKS)]
    steady = {f.nodeid for f in compared.missed if alone and _come_out(alone, f.nodeid, f.after)}
    together = [] if len(steady) == len(compared.missed) else [again([])]
    root = Path(os.path.realpath(settings.root))
    links = Links(settings, {path: moment for path, moment in written(root) if moment < began})
    found = []
    for finding in compared.missed:
        nodeid = finding.nodeid
        is_steady = nodeid in steady or _come_out(together, nodeid, finding.after)
        if not is_steady:
            found.append(finding._replace(bucket=UNSTABLE))
            continue
        can_pass = bool(alone and finding.before)
        passes_alone = can_pass and _come_out(alone, nodeid, finding.before)
        found.append(finding._replace(link=links.of(nodeid, passes_alone=passes_alone)))
    return (*compared.caught, *found)


def _come_out(runs: Sequence[Outcomes], nodeid: str, result: str) -> bool:
    return all(nodeid in outcomes and outcomes[nodeid].result == result for outcomes in runs)


# In continuous integration: the run of a job shows how tests come out


class Begun(NamedTuple):
    """An audit whose tests are still to be run, and remembered, by a job."""

    says: Expected
    settings: Settings  # with a copy of the datafile as it is before
    began: float


@contextmanager
def of_job(settings: Settings) -> Iterator[Begun | None]:
    """Begin the audit of a job; None where it is not audited, or nothing is known.

    Which ones are is decided by the commit, so that all jobs of one agree.
    """
    head = environment.git_state(Path(os.path.realpath(settings.root))).head
    if not is_in_share(head or os.urandom(8).hex(), settings.audit, AUDIT):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="testmon-") as folder:
        copy = os.path.join(folder, "testmondata")
        try:
            with Datafile.open(settings.datafile) as datafile:
                datafile.runs()  # it can be read
            shutil.copyfile(path_of(settings.datafile), copy)
            begun = Begun(expected(settings), settings._replace(datafile=copy), time.time())
        except (TestmonError, OSError):
            begun = None
        yield begun


def finish(
    settings: Settings, begun: Begun, arguments: Sequence[str]
) -> tuple[tuple[Finding, ...], Tally] | None:
    """Compare what a job has collected with its audit, and remember the numbers with its run.

    Returns the findings, and the sum of all audits that are remembered; None where nothing can be
    compared.
    """
    current = environment.current(settings.env)
    with Datafile.open(settings.datafile, mode="write") as datafile:
        run = next(iter(datafile.runs(current)), None)
        if run is None or run.started < begun.began:
            return None
        executions = [e for e in datafile.executions(current) if e.run_id == run.id]
    root = Path(os.path.realpath(settings.root))
    runner = Runner()
    options, _ = divided(arguments, root)

    def again(nodeids: Sequence[str]) -> Outcomes:
        return runner.plain(root, os.environ, [*options, *nodeids], root=root).outcomes

    after = {e.nodeid: Outcome(e.outcome, e.duration) for e in executions}
    findings = judged(begun.settings, begun.says, after, again, begun.began)
    tally = Tally.of(findings)
    with Datafile.open(settings.datafile, mode="write") as datafile:
        datafile.set_facts(run.id, {**run.facts, AUDIT: [1, tally.caught, tally.escaped]})
        return findings, _sum(datafile.runs(current))


def _sum(runs: Sequence[Run]) -> Tally:
    found = Tally(0, 0, 0)
    for run in runs:
        numbers = run.facts.get(AUDIT)
        if (
            isinstance(numbers, list)
            and len(numbers) == 3
            and all(isinstance(number, int) for number in numbers)
        ):
            found = Tally(*(a + b for a, b in zip(found, numbers, strict=True)))
    return found
