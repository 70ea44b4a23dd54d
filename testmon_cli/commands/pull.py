"""`testmon pull`: merge what a hub has and is not here yet."""

import os
import time

from testmon_cli.application import hub
from testmon_cli.application.settings import Settings
from testmon_cli.rendering import hub as rendering
from testmon_cli.rendering import progress, terminal


def run(
    settings: Settings, *, ref: str | None, since: str | None, limit: int | None, format_: str
) -> int:
    """Pull and print what came; what was refused is said on stderr, a line each."""

    def say_waiting() -> None:
        terminal.say(
            f"testmon: waiting for another process to finish writing {settings.datafile}\n"
        )

    with progress.bar("Pulling") as advance:
        pulled = hub.pull(
            settings,
            now=time.time(),
            environ=os.environ,
            ref=ref,
            since=since,
            limit=limit,
            progress=advance,
            on_wait=say_waiting,
        )
    terminal.say(rendering.refused(pulled.refused))
    terminal.write(
        rendering.pulled_as_json(pulled) if format_ == "json" else rendering.pulled_as_text(pulled)
    )
    return 0
