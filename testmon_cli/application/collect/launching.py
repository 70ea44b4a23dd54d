"""How the pytest of a run is started: as a new process, or in one that waits with it imported."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple, Self

from testmon_cli.application.collect import spool_folder
from testmon_cli.application.collect.pytest_process import started
from testmon_cli.domain.errors import EnvironmentFailure
from testmon_cli.tracing.processes import launch, waiting
from testmon_cli.tracing.settings import TraceSettings

# Arguments of a run longer than this are handed over in a file (pytest 8.2 reads `@file`).
_LONGEST_ARGUMENTS = 50_000
_PATIENCE = 10.0  # seconds


class Launch:
    """The means to start one run of pytest: a folder for its records, a key for its hashes."""

    def __init__(self, settings: TraceSettings) -> None:
        self._kept = ExitStack()
        self.spool = self._kept.enter_context(spool_folder.spool())
        self.settings = settings._replace(spool=self.spool.folder, hash_key=os.urandom(16).hex())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()

    def start(self, arguments: Sequence[str]) -> "subprocess.Popen[bytes]":
        """Start pytest with these arguments."""
        return self._started(launch.command(_short(arguments, self.spool.folder)))

    def _started(
        self,
        command: Sequence[str],
        *,
        keep: Sequence[int] = (),
        first: Callable[[], None] | None = None,
    ) -> "subprocess.Popen[bytes]":
        environment = launch.environment(self.settings, os.environ)
        return started(command, environment, keep=[self.spool.lock, *keep], first=first)


class _Ends(NamedTuple):
    """Our ends of the pipes to a process that waits."""

    orders: int
    answers: int

    def close(self) -> None:
        for end in self:
            os.close(end)


class Spare(Launch):
    """A process that has pytest imported and waits for what it is to run.

    It has the environment and the folder in which it was started.
    """

    def __init__(self, settings: TraceSettings) -> None:
        super().__init__(settings)
        self._environment = dict(os.environ)
        self._folder = os.getcwd()
        with ExitStack() as other:
            orders, ordering = os.pipe()
            answering, answers = os.pipe()
            self._ends: _Ends | None = _Ends(ordering, answering)
            other.callback(os.close, orders)
            other.callback(os.close, answers)
            pipes = waiting.Pipes(orders, answers)
            command = launch.command([pipes.as_argument()])
            self._process = self._started(command, keep=pipes, first=waiting.block_interrupts)

    def __exit__(self, *_: object) -> None:
        """Send the process away, should it still wait."""
        if self._ends is not None:
            self._ends.close()
            self._ends = None
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        super().__exit__()

    @property
    def is_unfit(self) -> bool:
        """Whether it ended because none can wait here."""
        return self._process.poll() == waiting.UNFIT

    def serves(self, settings: TraceSettings) -> bool:
        """Whether it is what a process would be that is started now for such a run."""
        is_same = settings == self.settings._replace(
            spool=settings.spool, hash_key=settings.hash_key
        )
        return is_same and self._is_here(os.environ) and self._is_fresh()

    def start(self, arguments: Sequence[str]) -> "subprocess.Popen[bytes]":
        assert self._ends is not None
        ends, self._ends = self._ends, None
        try:
            order = waiting.order_of(_short(arguments, self.spool.folder))
            with suppress(BrokenPipeError):  # it was ended by somebody: its exit code shows that
                while order:
                    order = order[os.write(ends.orders, order) :]
        finally:
            ends.close()
        return self._process

    def _is_here(self, environment: Mapping[str, str]) -> bool:
        return (
            self._process.poll() is None
            and self._environment == environment
            and self._folder == os.getcwd()
        )

    def _is_fresh(self) -> bool:
        assert self._ends is not None
        try:
            os.write(self._ends.orders, waiting.ASKS)
            return os.read(self._ends.answers, 1) == waiting.YES
        except BrokenPipeError:
            return False


class Spares:
    """Has one process wait for the next run, once it is known what a run is like."""

    def __init__(self) -> None:
        self._waiting: Spare | None = None
        self._like: TraceSettings | None = None

    def expect(self, settings: TraceSettings) -> None:
        """Say what a run will be like before there was one."""
        self._like = settings

    def launch(self, settings: TraceSettings) -> Launch:
        """What a run with these settings is started with."""
        spare, self._waiting = self._waiting, None
        is_unfit = spare is not None and spare.is_unfit
        self._like = None if is_unfit else settings
        if spare is not None:
            if spare.serves(settings):
                return spare
            spare.__exit__()
        return Launch(settings)

    def prepare(self) -> None:
        """Have a process wait, if there is none."""
        if self._waiting is None and self._like is not None:
            with suppress(EnvironmentFailure):  # the run will say what is wrong
                self._waiting = Spare(self._like)

    def send_away(self) -> None:
        """Have no process wait."""
        if self._waiting is not None:
            self._waiting.__exit__()
            self._waiting = None


def _short(arguments: Sequence[str], folder: str) -> list[str]:
    """Arguments as they are, or a file that holds them where there are too many."""
    length = sum(len(argument) + 1 for argument in arguments)
    is_many_lines = any("\n" in argument for argument in arguments)
    if length < _LONGEST_ARGUMENTS or is_many_lines:
        return list(arguments)
    path = Path(folder) / "arguments.txt"
    path.write_text("\n".join(arguments), encoding="utf-8", errors="surrogateescape")
    return [f"@{path}"]
