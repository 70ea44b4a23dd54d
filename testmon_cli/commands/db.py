"""`testmon db`: what keeps a datafile in order."""

import time

from testmon_cli.application import db
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import EXIT_DATAFILE
from testmon_cli.rendering import db as rendering
from testmon_cli.rendering import progress, terminal
from testmon_cli.storage import maintenance
from testmon_cli.storage.opening import path_of


def current(settings: Settings, *, json: bool) -> int:
    """Say what the datafile is."""
    state = maintenance.state_of(path_of(settings.datafile))
    if json:
        fields = {**state._asdict(), "current": state.is_current}
        terminal.write(rendering.as_json(datafile=settings.datafile, **fields))
    else:
        terminal.write(rendering.state(settings.datafile, *state))
    return 0


def upgrade(settings: Settings, *, json: bool) -> int:
    """Bring the datafile to the newest schema."""
    with progress.bar("Upgrading") as advance:
        before, backup = maintenance.upgrade(path_of(settings.datafile), progress=advance)
    if json:
        fields = {
            "from": before.schema,
            "to": before.newest,
            "backup": None if backup is None else str(backup),
        }
        terminal.write(rendering.as_json(datafile=settings.datafile, **fields))
    elif backup is None:
        terminal.write(
            terminal.joined([f"{settings.datafile} has schema {before.schema}, the newest"])
        )
    else:
        upgraded = f"upgraded from schema {before.schema} to {before.newest}"
        line = f"{settings.datafile}: {upgraded}; as it was, it is {backup}"
        terminal.write(terminal.joined([line]))
    return 0


def check(settings: Settings, *, json: bool) -> int:
    """Read all of the datafile; 65 when it is not whole."""
    checked = db.check(settings.datafile)
    if json:
        text = rendering.as_json(
            datafile=settings.datafile,
            whole=not checked.problems,
            problems=list(checked.problems),
            executions=checked.executions,
        )
    else:
        text = rendering.checked(settings.datafile, checked.problems, checked.executions)
    terminal.write(text)
    return EXIT_DATAFILE if checked.problems else 0


def repair(settings: Settings, *, output: str, json: bool) -> int:
    """Save what can be read."""
    checked, saved = db.repair(settings.datafile, output)
    if json:
        text = rendering.as_json(
            datafile=settings.datafile,
            problems=list(checked.problems),
            output=None if saved is None else output,
            saved=None if saved is None else saved._asdict(),
        )
    elif saved is None:
        text = terminal.joined([f"{settings.datafile} is whole: nothing to repair"])
    else:
        found = f"saved {saved.runs:,} runs with {saved.executions:,} executions to {output}"
        text = terminal.joined(
            [*checked.problems, f"{found}; each test is selected until it has run again"]
        )
    terminal.write(text)
    return 0


def backup(settings: Settings, *, output: str | None, json: bool) -> int:
    """Copy the datafile."""
    place, size = db.backup(settings.datafile, output, time.time())
    if json:
        terminal.write(rendering.as_json(datafile=settings.datafile, output=str(place), size=size))
    else:
        terminal.write(terminal.joined([str(place)]))
    return 0


def vacuum(settings: Settings, *, json: bool) -> int:
    """Give back the room that nothing uses."""

    def say_waiting() -> None:
        terminal.say(
            f"testmon: waiting for another process to finish writing {settings.datafile}\n"
        )

    freed = maintenance.vacuum(path_of(settings.datafile), on_wait=say_waiting)
    if json:
        terminal.write(rendering.as_json(datafile=settings.datafile, freed_bytes=max(freed, 0)))
    else:
        terminal.write(terminal.joined([f"freed {max(freed, 0):,} bytes"]))
    return 0
