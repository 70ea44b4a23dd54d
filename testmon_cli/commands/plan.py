"""`testmon plan`: divide the selection among jobs."""

import os
import time

from testmon_cli.application import plan as planning
from testmon_cli.application.checkout import environment
from testmon_cli.application.checkout.ci_providers import job_of
from testmon_cli.application.ci import hub_exchange, whole_runs
from testmon_cli.application.ci.jobs import wanted
from testmon_cli.application.settings import Settings
from testmon_cli.rendering import plan as rendering
from testmon_cli.rendering import select as notes
from testmon_cli.rendering import terminal


def run(
    settings: Settings,
    *,
    jobs: int,
    is_all: bool,
    max_time: str | None,
    base: str | None,
    output: str | None,
    pull: bool,
    format_: str,
) -> int:
    """Print the plan. What must be said besides goes to stderr."""
    limit = 0.0 if max_time is None else planning.seconds_in(max_time, "--max-time")
    if pull:
        for note in hub_exchange.pull(settings, os.environ):
            terminal.say(terminal.joined([f"testmon: {note}"]))
    why = whole_runs.why(settings, job_of(os.environ).words, time.time(), is_all=is_all)
    selection, why = wanted(settings, why, base=base)
    if why:
        terminal.say(terminal.joined([f"testmon: all tests are divided: {why}"]))
    plan = planning.plan(
        settings, selection, jobs, limit, commit=environment.git_state(settings.root).head
    )
    terminal.say(notes.notes(selection))
    if max_time is not None and planning.longest(plan.shares) > limit:
        seconds = terminal.duration(planning.longest(plan.shares))
        terminal.say(f"testmon: {len(plan.shares)} jobs take {seconds}, longer than {max_time}\n")
    if output is not None:
        with open(output, "w", encoding="utf-8") as file:
            file.write(rendering.as_json(plan))
    terminal.write(rendering.as_github(plan) if format_ == "github" else rendering.as_json(plan))
    return 0
