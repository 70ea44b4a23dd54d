"""`testmon db`: what keeps a datafile in order."""

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from testmon_cli.application.bundle import runs_of
from testmon_cli.bundles.checking import Checker
from testmon_cli.domain.errors import DatafileError
from testmon_cli.domain.evidence import EvidenceError
from testmon_cli.storage import maintenance
from testmon_cli.storage.datafile import Datafile
from testmon_cli.storage.maintenance import Saved, State
from testmon_cli.storage.opening import path_of


class Checked(NamedTuple):
    """The result of `testmon db check`."""

    state: State
    problems: tuple[str, ...]
    executions: int  # that were looked at, with all that they name


def check(location: str) -> Checked:
    """Read all of a datafile.

    It may be written to meanwhile: what is looked at is one state of it.
    """
    path = path_of(location)
    state = maintenance.state_of(path)
    problems = []
    if state.seal == "broken":
        problems.append(
            "the checksum does not match: it is damaged, or was changed by another program"
        )
    problems += maintenance.problems_of(path)
    if not state.is_current:
        problems.append(
            f"the schema is {state.schema}, not {state.newest}: values were not checked, run db upgrade"
        )
    executions = 0
    if not problems:
        try:
            executions = _count_executions(path)
        except (DatafileError, EvidenceError) as error:
            problems.append(f"evidence cannot be read: {error}")
    return Checked(state, tuple(problems), executions)


def _count_executions(path: Path) -> int:
    """Look at all that the executions of a datafile name, and count them."""
    count = 0
    with Datafile.open(path) as datafile:
        for _, runs in runs_of(datafile):
            checked = Checker().checked(datafile.export(runs))
            count += sum(bool(getattr(row, "outcome", "")) for row in checked)
    return count


def repair(location: str, target: str) -> tuple[Checked, Saved | None]:
    """Save what can be read of a damaged datafile into a new one.

    Returns what was wrong, and how much was saved: None where nothing was wrong.
    """
    path = path_of(location)
    _check_free(path_of(target))
    try:
        checked = check(location)
    except DatafileError as error:
        if not path.is_file():
            raise
        checked = Checked(State("", "", "broken", path.stat().st_size), (str(error),), 0)
    if not checked.problems:
        return checked, None
    return checked, maintenance.repair(path, path_of(target))


def backup(location: str, target: str | None, now: float) -> tuple[Path, int]:
    """Copy a datafile while others may write to it.

    Without `target`, the copy is put beside the datafile and named after `now`, in seconds since
    1970. Returns the path of the copy and its size in bytes.
    """
    path = path_of(location)
    time = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
    place = path_of(target) if target else path.with_name(f"{path.name}.backup-{time}")
    _check_free(place)
    return place, maintenance.backup(path, place)


def _check_free(path: Path) -> None:
    if path.exists():
        raise DatafileError(
            f"{path} is there already, it was left as it was: name another with --output"
        )
