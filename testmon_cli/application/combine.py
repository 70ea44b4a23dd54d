"""`testmon combine`: unite datafiles and bundles."""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from testmon_cli.application.bundle import counted, runs_of
from testmon_cli.bundles import files
from testmon_cli.domain.errors import DatafileError, EnvironmentFailure, TestmonError
from testmon_cli.domain.evidence import Brought, EvidenceError, Row
from testmon_cli.domain.records import Environment
from testmon_cli.storage import opening
from testmon_cli.storage.datafile import Datafile

Progress = Callable[[int, int], None]


def combine(
    paths: Sequence[str],
    out: str,
    *,
    progress: Progress | None = None,
    on_wait: Callable[[], None] | None = None,
) -> tuple[Brought, ...]:
    """Unite what datafiles and bundles know with what `out` knows.

    That is done in full or not at all.

    Of folders, all datafiles and bundles in them are taken. What `out` is asked to unite with
    itself stays as it is.
    """
    target = opening.path_of(out)
    found = [path for path in _expanded(paths) if not _is_same(path, target)]
    done = _Done(progress, sum(map(_size, found)))
    if os.path.exists(target):
        with Datafile.open(target, "write", on_wait=on_wait) as datafile:
            return _united(datafile, found, done)
    with opening.draft(target) as place, Datafile.open(place, "write") as datafile:
        return _united(datafile, found, done)


class _Done:
    """How many executions have come of how many."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress = progress
        self.total = total
        self.count = 0


def _united(datafile: Datafile, paths: Sequence[Path], done: _Done) -> tuple[Brought, ...]:
    with datafile.uniting():
        return tuple(_unite(datafile, path, done) for path in paths)


def _unite(datafile: Datafile, path: Path, done: _Done) -> Brought:
    is_bundle = files.is_bundle(path)
    environments: list[Environment] = []
    runs = executions = 0
    try:
        with closing(_of_bundle(path) if is_bundle else _of_datafile(path)) as evidence:
            for environment, exported in evidence:
                rows = counted(exported, done.total, done.progress, done.count)
                merged = datafile.merge(environment, rows)
                environments.append(environment)
                runs += merged.runs
                executions += merged.executions
    except EvidenceError as error:
        raise files.damaged(path, str(error)) from error
    done.count += _size(path)
    return Brought(str(path), is_bundle, tuple(environments), runs, executions)


def _of_bundle(path: Path) -> Generator[tuple[Environment, Iterator[Row]], None, None]:
    """The one environment of a bundle, with its evidence."""
    with files.reading(path) as bundle:
        yield bundle.header.environment, bundle.rows


def _of_datafile(path: Path) -> Generator[tuple[Environment, Iterator[Row]], None, None]:
    """The environments of a datafile, each with the evidence of its runs."""
    with Datafile.open(path) as other:
        for environment, runs in runs_of(other):
            yield environment, other.export(runs)


def _size(path: Path) -> int:
    """How many executions a datafile or bundle has."""
    if files.is_bundle(path):
        return files.header_of(path).executions
    with Datafile.open(path) as datafile:
        return sum(datafile.totals(run.id)[0] for run in datafile.runs())


def _expanded(paths: Sequence[str]) -> Iterator[Path]:
    for name in paths:
        path = Path(name)
        if not path.is_dir():
            _recognise(path)
            yield path
            continue
        inside = [file for file in sorted(path.iterdir()) if file.is_file() and _is_evidence(file)]
        if not inside:
            raise TestmonError(f"the folder {path} has no datafile and no bundle in it")
        yield from inside


def _recognise(path: Path) -> None:
    if not os.path.lexists(path):
        raise EnvironmentFailure(f"there is no {path}: name datafiles, bundles, or folders of them")
    if path.is_file() and not _is_evidence(path):
        raise DatafileError(f"{path} is neither a datafile of testmon nor a bundle: name others")
    if not files.is_bundle(path):
        opening.recognise(path)


def _is_evidence(path: Path) -> bool:
    try:
        return files.is_bundle(path) or opening.is_ours(str(path))
    except OSError as error:
        raise DatafileError(f"{path} cannot be read ({error.strerror})") from error


def _is_same(path: Path, target: Path) -> bool:
    return os.path.exists(target) and os.path.samefile(path, target)
