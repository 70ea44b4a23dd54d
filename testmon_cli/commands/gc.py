"""`testmon gc`: remove what the datafile no longer needs."""

import time

from testmon_cli.application import gc
from testmon_cli.application.settings import Settings
from testmon_cli.rendering import gc as rendering
from testmon_cli.rendering import progress, terminal


def run(
    settings: Settings,
    *,
    keep: int | None,
    older_than: str | None,
    environments: tuple[str, ...],
    missing: bool,
    dry_run: bool,
    format_: str,
) -> int:
    """Prune and print what went."""

    def say_waiting() -> None:
        terminal.say(
            f"testmon: waiting for another process to finish writing {settings.datafile}\n"
        )

    with progress.bar("Removing") as advance:
        report = gc.prune(
            settings,
            time.time(),
            keep=keep,
            older_than=older_than,
            environments=environments,
            missing=missing,
            dry_run=dry_run,
            progress=advance,
            on_wait=say_waiting,
        )
    render = rendering.as_json if format_ == "json" else rendering.as_text
    terminal.write(
        render(report.pruned.counts, report.pruned.freed, report.missing, dry_run=dry_run)
    )
    return 0
