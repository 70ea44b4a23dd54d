"""`testmon ci`: the same line in every job of every provider."""

import os

from testmon_cli.application.checkout.ci_providers import job_of
from testmon_cli.application.ci import hub_exchange, jobs
from testmon_cli.application.ci.jobs import Choice, Request
from testmon_cli.application.proof import audit
from testmon_cli.application.report import suite
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.proof import ESCAPED
from testmon_cli.rendering import audit as audit_rendering
from testmon_cli.rendering import ci as rendering
from testmon_cli.rendering import report, terminal
from testmon_cli.rendering.replay import finding_lines

EXIT_FAILURES = 1  # of pytest


def run(settings: Settings, request: Request, *, summary: str | None, verbose: bool) -> int:
    """Run the part of this job and give pytest's exit code."""
    job = job_of(os.environ)
    with jobs.usable(settings) as (usable, trouble):
        notes = hub_exchange.pull(usable, os.environ)
        with audit.of_job(usable) as begun:
            why = trouble or ("" if begun is None else audit.WHY)
            choice = jobs.choose(usable, job, request, why=why, notes=notes)
            _say(rendering.line(choice.health))
            exitcode = jobs.run(usable, choice, verbose=verbose, say=_say)
            if begun is not None:
                _compare(usable, begun, request.arguments)
        failure = hub_exchange.push(usable, os.environ)
        if failure:
            _say(failure)
        path = summary or job.summary
        if path or exitcode == EXIT_FAILURES:
            _sum_up(path, usable, choice, jobs.base_of(usable, job))
    return exitcode


def _compare(settings: Settings, begun: audit.Begun, arguments: tuple[str, ...]) -> None:
    """Say whether selection would have shown what the run of all tests did.

    A job does not fail for it.
    """
    try:
        found = audit.finish(settings, begun, arguments)
    except (OSError, TestmonError) as error:
        _say(f"no audit: {error}")
        return
    if found is not None:
        findings, sum_ = found
        for finding in findings:
            if finding.bucket == ESCAPED:
                terminal.say(terminal.joined(finding_lines(finding)))
        _say(audit_rendering.so_far(findings, sum_))


def _sum_up(path: str, settings: Settings, choice: Choice, base: str | None) -> None:
    """Say of each failure whether it is new, and add a summary to a file.

    A job does not fail for it.
    """
    try:
        found = suite.report(settings, slowest=5, base=base)
        for text in report.verdicts(found):
            _say(text)
        if path:
            with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(rendering.as_markdown(choice.health, report.as_markdown(found)))
    except (OSError, TestmonError) as error:
        _say(f"no summary: {error}")


def _say(text: str) -> None:
    terminal.say(terminal.joined([f"testmon: {text}"]))
