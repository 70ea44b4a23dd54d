"""The process of pytest that a collect starts.

It is followed while it runs, and ended in good order before we end.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from testmon_cli.domain.errors import EnvironmentFailure
from testmon_cli.tracing.processes.launch import INTERRUPT

# Seconds between looks at what pytest wrote. Each takes the caches of the processor from the tests.
_INTERVAL = 1.0
# Seconds that pytest gets to end its session when we cannot go on.
_PATIENCE = 10.0
_ASK_TO_SIGNAL_DEATH = 1  # PR_SET_PDEATHSIG of Linux


class Stop:
    """Lets another thread end a run in good order, and says who ended one."""

    def __init__(self) -> None:
        self.is_asked = False
        self.is_by_user = False  # whether Ctrl-C, TERM or HUP came
        self._stop: Callable[[], None] | None = None

    def ask(self) -> None:
        """Interrupt pytest, now or as soon as it is started."""
        self.is_asked = True
        if self._stop is not None:
            self._stop()

    def started(self, stop: Callable[[], None]) -> None:
        """Say how what was started is stopped."""
        self._stop = stop
        if self.is_asked:
            stop()

    def ended(self) -> None:
        """There is nothing to be stopped any more."""
        self._stop = None


class Supervisor:
    """Runs one command, and passes on what we are told meanwhile.

    A terminal sends Ctrl-C to us and to pytest, which ends its session; we only wait for it and
    store what there is. TERM and HUP come to us alone: pytest is interrupted as by Ctrl-C. A second
    one kills it.
    """

    def __init__(self, stop: Stop | None = None) -> None:
        self._stop = stop or Stop()
        self.signal = 0  # the first TERM or HUP that came
        self.is_over = False  # whether the command has ended
        self._is_interrupted = False  # by what no terminal sent, so that pytest may not have got it
        self._process: subprocess.Popen[bytes] | None = None

    def run(
        self,
        start: Callable[[], "subprocess.Popen[bytes]"],
        look: Callable[[], None],
        *,
        is_told: Callable[[], bool] = lambda: False,
    ) -> int:
        """Run a command; its exit code, or what a shell says of the signal that ended it or us.

        `look` is called now and then, and once after the end; `is_told` says whether the command
        has been interrupted.
        """
        process = self._process = start()
        ended = _end_of(process)
        try:
            if self.signal:  # it came while the process was started
                self._interrupt(process)
            self._stop.started(lambda: self._interrupt(process))
            while not ended.wait(_INTERVAL):
                look()
                if self._is_interrupted and not is_told():
                    self._interrupt(process)
                self._is_interrupted = False
            self.is_over = True
            look()
        except BaseException:
            self._end(process, ended)
            raise
        finally:
            self._stop.ended()
        if self.signal:
            return 128 + self.signal
        return process.returncode if process.returncode >= 0 else 128 - process.returncode

    def received(self, number: int, _: FrameType | None) -> None:
        """Handle a TERM or HUP."""
        self._stop.is_by_user = True
        is_second = bool(self.signal)
        self.signal = self.signal or number
        if self._process is not None and not is_second:
            self._interrupt(self._process)
        elif self._process is not None:
            self._process.kill()

    def interrupted(self, _: int, __: FrameType | None) -> None:
        """Handle a Ctrl-C."""
        self._stop.is_by_user = True
        if self._process is None:
            raise KeyboardInterrupt
        self._is_interrupted = not _is_in_foreground()

    def _end(self, process: "subprocess.Popen[bytes]", ended: threading.Event) -> None:
        self._interrupt(process)
        if not ended.wait(_PATIENCE):
            process.kill()
            ended.wait()

    @staticmethod
    def _interrupt(process: "subprocess.Popen[bytes]") -> None:
        process.send_signal(INTERRUPT)


@contextmanager
def supervisor(stop: Stop | None = None) -> Iterator[Supervisor]:
    """A supervisor that hears the signals of this process until what it ran is stored."""
    found = Supervisor(stop)
    handlers = {
        signal.SIGTERM: found.received,
        signal.SIGHUP: found.received,
        signal.SIGINT: found.interrupted,
    }
    # What we are to ignore, as with nohup, stays ignored. Only the main thread may say how signals
    # are handled.
    heard = [number for number in handlers if signal.getsignal(number) is not signal.SIG_IGN]
    is_main = threading.current_thread() is threading.main_thread()
    before = (
        {number: signal.signal(number, handlers[number]) for number in heard} if is_main else {}
    )
    try:
        yield found
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def started(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    keep: Sequence[int] = (),
    first: Callable[[], None] | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a command that is interrupted when this thread ends.

    `keep` are open files that the command holds too; `first` is called in its process before it is
    there.
    """
    prepare = _preparation(first)
    try:
        # Other threads of ours wait, in code of C or for a lock that nobody asks for.
        return subprocess.Popen(
            command,
            env=environment,
            pass_fds=keep,
            preexec_fn=prepare,  # noqa: PLW1509
        )
    except OSError as error:
        raise EnvironmentFailure(f"cannot start {command[0]}: {error.strerror}") from error


def _is_in_foreground() -> bool:
    """Tell whether a terminal sends Ctrl-C to this process and its children."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)


def _preparation(first: Callable[[], None] | None) -> Callable[[], None] | None:
    """Make the function that a child runs first.

    It asks Linux to interrupt the child when we die.
    """
    if not sys.platform.startswith("linux"):
        return first
    import ctypes

    control = ctypes.CDLL(None).prctl

    def prepare() -> None:
        control(_ASK_TO_SIGNAL_DEATH, INTERRUPT)
        if first is not None:
            first()

    return prepare


def _end_of(process: "subprocess.Popen[bytes]") -> threading.Event:
    """An event that is set when the process exits.

    `Popen.wait(timeout=...)` would poll twenty times a second.
    """
    ended = threading.Event()

    def wait() -> None:
        try:
            process.wait()
        finally:
            ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended
