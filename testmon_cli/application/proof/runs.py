"""Runs pytest, alone or under observation, and reads how the tests came out."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from testmon_cli.domain.errors import EnvironmentFailure
from testmon_cli.domain.proof import BROKEN, Outcome
from testmon_cli.tracing.pytest_plugin import outcome_log
from testmon_cli.tracing.pytest_plugin.outcome_log import PLUGIN, VARIABLE, LogSettings

# Without it a file that cannot be imported keeps all others from running, and nothing is known of
# those. So it is with a project that has pytest stop at the first failure (`-x`).
_ALWAYS: Final = ("-p", PLUGIN, "--continue-on-collection-errors", "--maxfail=0")
_STARTED: Final = (0, 1, 5)  # exit codes of pytest after which it ran what there was
_PATIENCE: Final = 10.0  # seconds that a process gets to end in good order
_SESSION: Final = "(session)"


class Stopped(Exception):  # noqa: N818 - no error
    """The user wants no more."""


class Ran(NamedTuple):
    """A run of pytest."""

    exitcode: int
    seconds: float
    outcomes: dict[str, Outcome]
    # modules that came from another place than the sources, and this place
    elsewhere: tuple[tuple[str, str], ...] = ()
    has_ended: bool = False  # whether the session came to its end
    tail: str = ""  # the last line that was printed

    @property
    def has_run(self) -> bool:
        """Tell whether pytest ran what there was to run."""
        return self.has_ended and self.exitcode in _STARTED


class Runner:
    """Runs programs, from several threads, until it is stopped."""

    def __init__(self, *, shown: bool = False) -> None:
        """Show on stderr what programs print, if wanted."""
        self._shown = shown
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._is_stopped = False

    def run(
        self, command: Sequence[str] | str, folder: Path, environ: Mapping[str, str]
    ) -> tuple[int, float, str]:
        """Run a command, where `command` is a text in a shell.

        Returns the exit code, the seconds that it took, and the last line it printed. Raises
        Stopped after `stop`, EnvironmentFailure where it cannot be started.
        """
        with tempfile.TemporaryFile() as output:
            started = time.perf_counter()
            with self._lock:
                if self._is_stopped:
                    raise Stopped
                try:
                    process = subprocess.Popen(  # an interrupt comes to us alone
                        command,
                        cwd=folder,
                        env=environ,
                        stdin=subprocess.DEVNULL,
                        stdout=sys.stderr if self._shown else output,
                        stderr=None if self._shown else subprocess.STDOUT,
                        shell=isinstance(command, str),  # the user's own command
                        start_new_session=True,
                    )
                except OSError as error:
                    raise EnvironmentFailure(
                        f"cannot run {command[0]}: {error.strerror}"
                    ) from error
                self._processes.add(process)
            code = process.wait()
            seconds = time.perf_counter() - started
            with self._lock:
                self._processes.discard(process)
                if self._is_stopped:
                    raise Stopped
            size = output.seek(0, os.SEEK_END)
            output.seek(max(0, size - 4000))
            lines = output.read().decode("utf-8", "replace").split("\n")
        return code, seconds, next((line.strip() for line in reversed(lines) if line.strip()), "")

    def stop(self) -> None:
        """End what runs, and start nothing more."""
        with self._lock:
            self._is_stopped = True
            running = [*self._processes]
        for process in running:
            _signal(process, signal.SIGTERM)
        until = time.monotonic() + _PATIENCE
        for process in running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
            _signal(process, signal.SIGKILL)

    def plain(
        self,
        folder: Path,
        environ: Mapping[str, str],
        arguments: Sequence[str],
        share: float = 1.0,
        seed: str = "",
        root: Path | None = None,
    ) -> Ran:
        """Run all tests, or a share of them, by pytest alone.

        Their names are relative to the root, or the folder.
        """
        settings = LogSettings("", os.path.realpath(root or folder), share, seed)
        return self._pytest(folder, environ, [sys.executable, "-m", "pytest"], arguments, settings)

    def collect(
        self,
        root: Path,
        environ: Mapping[str, str],
        options: Sequence[str],
        arguments: Sequence[str],
    ) -> Ran:
        """Run `testmon collect`."""
        # The folder holds any commit: what runs us is not looked for there.
        command = [sys.executable, "-P", "-m", "testmon_cli", "collect", *options, "--"]
        return self._pytest(
            root, environ, command, arguments, LogSettings("", os.path.realpath(root))
        )

    def _pytest(
        self,
        folder: Path,
        environ: Mapping[str, str],
        command: Sequence[str],
        arguments: Sequence[str],
        settings: LogSettings,
    ) -> Ran:
        with tempfile.TemporaryDirectory(prefix="testmon-") as place:
            log = os.path.join(place, "outcomes")
            told = {**environ, VARIABLE: settings._replace(path=log).to_json()}
            code, seconds, tail = self.run([*command, *_ALWAYS, *arguments], folder, told)
            return read(log, code, seconds, tail)


def _signal(process: "subprocess.Popen[bytes]", number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def read(log: str, code: int, seconds: float, tail: str) -> Ran:
    """Read the file that the plugin wrote.

    `log` is its path, `code` the exit code of pytest, `tail` the last line it printed.
    """
    outcomes: dict[str, Outcome] = {}
    elsewhere = []
    has_ended = False
    with suppress(FileNotFoundError), open(log, encoding="utf-8") as file:
        for line in file:
            kind, *values = json.loads(line)
            if kind == outcome_log.TEST:
                outcomes[values[0]] = Outcome(*values[1:])
            elif kind == outcome_log.BROKEN:
                outcomes[values[0] or _SESSION] = Outcome(BROKEN, 0.0, values[1])
            elif kind == outcome_log.ELSEWHERE:
                elsewhere.append((values[0], values[1]))
            else:
                has_ended = True
    return Ran(code, seconds, outcomes, tuple(elsewhere), has_ended, tail)
