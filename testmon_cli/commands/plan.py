"""`testmon plan`: divide the selection among jobs."""

from testmon_cli.application import dividing, selecting
from testmon_cli.application.settings import Settings
from testmon_cli.rendering import plan as rendering
from testmon_cli.rendering import selection as notes
from testmon_cli.rendering import terminal


def run(settings: Settings, *, jobs: int, max_time: str | None, base: str | None, format_: str) -> int:
    """Print the plan. What must be said besides goes to stderr."""
    limit = 0.0 if max_time is None else dividing.seconds_in(max_time, "--max-time")
    selection = selecting.select(settings, exact=True, base=base)
    plan = dividing.plan(settings.root, selection, jobs, limit)
    terminal.say(notes.notes(selection))
    if max_time is not None and dividing.longest(plan.shares) > limit:
        seconds = terminal.duration(dividing.longest(plan.shares))
        terminal.say(f"testmon: {len(plan.shares)} jobs take {seconds}, longer than {max_time}\n")
    terminal.write(rendering.as_github(plan) if format_ == "github" else rendering.as_json(plan))
    return 0
