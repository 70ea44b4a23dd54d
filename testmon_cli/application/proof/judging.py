"""Compares verdicts on failures with outcomes under pytest alone."""

from collections.abc import Sequence

from testmon_cli.application.checkout import environment
from testmon_cli.application.proof import outcomes
from testmon_cli.application.proof.outcomes import Outcomes
from testmon_cli.application.report import verdicts
from testmon_cli.application.settings import Settings
from testmon_cli.domain.proof import ESCAPED, UNSTABLE, Finding, Judged
from testmon_cli.domain.records import FAILURES
from testmon_cli.domain.verdicts import FLAKY
from testmon_cli.storage.datafile import Datafile


def judged(
    settings: Settings, before: Outcomes, after: Outcomes, observed: Outcomes
) -> tuple[Judged, ...]:
    """The verdicts on tests that failed under observation and fail under pytest alone."""
    names = [
        name
        for name, outcome in observed.items()
        if outcome.fails and name in after and after[name].fails
    ]
    if not names:
        return ()
    with Datafile.open(settings.datafile) as datafile:
        current = environment.current(settings.env)
        runs = datafile.runs(current)
        executions = datafile.executions(current)
        failures = {
            e.nodeid: e for e in executions if e.run_id == runs[0].id and e.outcome in FAILURES
        }
        wanted = [failures[name] for name in names if name in failures]
        found = verdicts.judge(settings, datafile, runs, wanted, executions)
    known = {name: before[name].result if name in before else "" for name in found}
    return tuple(
        Judged(name, known[name], found[name].verdict, found[name].reason) for name in sorted(found)
    )


def doubtful(judged: Sequence[Judged]) -> tuple[Finding, ...]:
    """Regressions that are called flaky: more runs tell what they are."""
    return tuple(
        Finding(j.nodeid, ESCAPED, j.before, "failed")
        for j in judged
        if j.is_regression and j.verdict == FLAKY
    )


def settled(
    judged: Sequence[Judged], before: Sequence[Outcomes], after: Sequence[Outcomes]
) -> tuple[Judged, ...]:
    """Note which regressions that are called flaky are so.

    In more runs they come out in more than one way.
    """
    looked_at = outcomes.settled(doubtful(judged), before, after)
    unstable = {finding.nodeid for finding in looked_at if finding.bucket == UNSTABLE}
    return tuple(j._replace(is_unstable=True) if j.nodeid in unstable else j for j in judged)
