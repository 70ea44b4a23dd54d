"""`testmon hub`: look after the place where bundles meet."""

import os
import time

from testmon_cli.application import hub
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import EXIT_DATAFILE
from testmon_cli.rendering import hub as rendering
from testmon_cli.rendering import progress, terminal


def list_(settings: Settings, *, format_: str) -> int:
    """Print which bundles there are."""
    where, bundles, others = hub.listed(settings)
    terminal.write(
        rendering.list_as_json(where, bundles, others)
        if format_ == "json"
        else rendering.list_as_text(bundles)
    )
    return 0


def gc(settings: Settings, *, older_than: str, keep: int, dry_run: bool, format_: str) -> int:
    """Remove old bundles and print what went."""
    with progress.bar("Removing") as advance:
        tidied = hub.tidy(
            settings,
            now=time.time(),
            older_than=older_than,
            keep=keep,
            dry_run=dry_run,
            progress=advance,
        )
    render = rendering.tidied_as_json if format_ == "json" else rendering.tidied_as_text
    terminal.write(render(tidied, dry_run=dry_run))
    return 0


def check(settings: Settings, *, format_: str) -> int:
    """Read all bundles; 65 when something is wrong with one."""
    with progress.bar("Checking") as advance:
        checked = hub.check(settings, environ=os.environ, progress=advance)
    terminal.write(
        rendering.checked_as_json(checked)
        if format_ == "json"
        else rendering.checked_as_text(checked)
    )
    return EXIT_DATAFILE if checked.problems else 0
