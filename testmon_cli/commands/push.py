"""`testmon push`: give a hub what was learned here."""

import os

from testmon_cli.application import hub
from testmon_cli.application.settings import Settings
from testmon_cli.rendering import hub as rendering
from testmon_cli.rendering import progress, terminal


def run(settings: Settings, *, format_: str) -> int:
    """Push and print what went."""

    def say_waiting() -> None:
        terminal.say(
            f"testmon: waiting for another process to finish writing {settings.datafile}\n"
        )

    with progress.bar("Pushing") as advance:
        pushed = hub.push(settings, environ=os.environ, progress=advance, on_wait=say_waiting)
    terminal.write(
        rendering.pushed_as_json(pushed) if format_ == "json" else rendering.pushed_as_text(pushed)
    )
    return 0
