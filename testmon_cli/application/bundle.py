"""`testmon bundle`: what runs learned, in one file that travels."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from testmon_cli.application.checkout.environment import current
from testmon_cli.application.gc import seconds_of
from testmon_cli.application.settings import Settings
from testmon_cli.bundles import files
from testmon_cli.bundles.files import Header
from testmon_cli.domain.errors import DatafileError
from testmon_cli.domain.evidence import Row, TraceRow
from testmon_cli.domain.records import Environment, Run
from testmon_cli.storage.datafile import Datafile

Progress = Callable[[int, int], None]


class Made(NamedTuple):
    """A bundle that was made."""

    path: Path
    header: Header


def create(
    settings: Settings,
    target: str | None,
    *,
    now: float,
    last: int | None = None,
    newer_than: str | None = None,
    progress: Progress | None = None,
) -> Made:
    """Write what the runs of the environment learned.

    all, the last ones, or those that are not older than an age.

    `target` is a file, or a folder for a file that is named after its content.
    """
    since = None if newer_than is None else now - seconds_of(newer_than, "--newer-than")
    folder, name = _place(target)
    with Datafile.open(settings.datafile) as datafile:
        environment = _environment(datafile, settings.env)
        runs = [
            run
            for run in datafile.runs(environment)[:last]
            if since is None or run.started >= since
        ]
        if not runs:
            raise DatafileError(
                f"{settings.datafile} has no run of {environment.name!r} that new: nothing to put in"
            )
        total = sum(datafile.totals(run.id)[0] for run in runs)
        path, header = files.write(
            environment, counted(datafile.export(runs), total, progress), folder, name
        )
    return Made(path, header)


def counted(
    rows: Iterator[Row], total: int, progress: Progress | None, before: int = 0
) -> Iterator[Row]:
    """Pass rows on, and tell `progress` how many executions have come."""
    if progress is None:
        yield from rows
        return
    for row in rows:
        if isinstance(row, TraceRow) and row.outcome:
            before += 1
            if before % 100 == 0:
                progress(before, total)
        yield row
    progress(before, total)


def _place(target: str | None) -> tuple[Path, str | None]:
    """The folder, and the name of the file in it; None for one after the content."""
    if target is None or target.endswith("/") or os.path.isdir(target):
        folder, name = Path(target or "."), None
    else:
        folder, name = Path(target).parent, Path(target).name
    if not folder.is_dir():
        raise DatafileError(f"there is no folder {folder}: make it, or name another with --output")
    return folder, name


def _environment(datafile: Datafile, name: str) -> Environment:
    """The environment of this name: that of this Python, or the only one."""
    here = current(name)
    named = [environment for environment in datafile.environments() if environment.name == name]
    if here in named:
        return here
    if len(named) == 1:
        return named[0]
    there = ", ".join(
        sorted(f"{e.name!r} ({e.python}, {e.platform})" for e in named or datafile.environments())
    )
    what = "with several Pythons; ask with one of them" if named else "at all"
    raise DatafileError(
        f"{datafile.path} knows the environment {name!r} {what}; there is: {there or 'none'}"
    )


def runs_of(datafile: Datafile) -> Sequence[tuple[Environment, Sequence[Run]]]:
    """The runs of each environment that has any."""
    found = [(environment, datafile.runs(environment)) for environment in datafile.environments()]
    return [(environment, runs) for environment, runs in found if runs]
