"""`testmon bundle`: make a file of what runs learned, and say what is in one."""

import time
from pathlib import Path

from testmon_cli.application import bundle
from testmon_cli.application.settings import Settings
from testmon_cli.bundles import files
from testmon_cli.rendering import bundle as rendering
from testmon_cli.rendering import progress, terminal


def create(
    settings: Settings,
    *,
    output: str | None,
    last: int | None,
    newer_than: str | None,
    format_: str,
) -> int:
    """Write a bundle and print where it is."""
    with progress.bar("Writing") as advance:
        made = bundle.create(
            settings, output, now=time.time(), last=last, newer_than=newer_than, progress=advance
        )
    if format_ == "json":
        terminal.write(rendering.bundle_as_json(made.header, made.path))
    else:
        terminal.write(terminal.joined([str(made.path)]))
    return 0


def show(path: str, *, format_: str) -> int:
    """Read all of a bundle and print what it says of itself."""
    header = files.check(Path(path))
    if format_ == "json":
        terminal.write(rendering.bundle_as_json(header, Path(path)))
    else:
        terminal.write(rendering.bundle_as_text(header))
    return 0
