"""`testmon watch`: run what a save can affect, again and again."""

import gc
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from testmon_cli.application import watch as application
from testmon_cli.application.collect.launching import Spares
from testmon_cli.application.collect.pytest_process import Stop
from testmon_cli.application.collect.use_case import collect, expected
from testmon_cli.application.settings import Settings
from testmon_cli.application.watch import Decider, Wanted
from testmon_cli.domain.errors import EXIT_INTERRUPTED, EnvironmentFailure, TestmonError
from testmon_cli.rendering import terminal

if TYPE_CHECKING:
    from types import FrameType

_KEYS = "keys: a all tests, f failed ones, r the same again, q quit"
_DEBOUNCE = 400  # milliseconds: saves that follow each other this closely are one
_PATIENCE = 3.0  # seconds
_SPARE_FOR = 900.0  # seconds that a process with pytest imported waits for a save
_STEP = 30  # milliseconds without another save after which these are taken


class Event(NamedTuple):
    """Something to react to: saved files, a key, or an error of the watcher."""

    kind: str  # "saved", "key" or "error"
    value: str = ""
    paths: tuple[str, ...] = ()


class _Ended(BaseException):
    """A signal asks us to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run(load: Callable[[], Settings], arguments: Sequence[str]) -> int:
    """Watch until `q`, Ctrl-C or a signal; what finished is stored whichever it is."""
    try:
        import watchfiles  # noqa: F401 - only to say early that it is missing
    except ImportError as error:
        raise EnvironmentFailure(
            'the package watchfiles is missing: pip install "testmon-cli[watch]"'
        ) from error
    watch = _Watch(load, tuple(arguments))
    try:
        with watch.signals.heard(), _keys(watch.events) as has_keys:
            watch.start(has_keys=has_keys)
            return watch.loop()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except _Ended as ended:
        return 128 + ended.number
    finally:
        watch.stop()


class _Watch:
    """Reacts to saves and keys, one run at a time."""

    def __init__(self, load: Callable[[], Settings], arguments: tuple[str, ...]) -> None:
        self.events: queue.Queue[Event] = queue.Queue()
        self._load = load
        self._arguments = arguments
        self._decider = Decider(load)
        self._over = threading.Event()
        self._last: Wanted | None = None
        self._watcher: threading.Thread | None = None
        self._spares = Spares()
        self.signals = _Signals()

    def start(self, *, has_keys: bool) -> None:
        root = Path(self._load().root).resolve()
        _say(f"watching {root}" + (f"; {_KEYS}" if has_keys else ""))
        self._watcher = threading.Thread(target=self._watch, args=(root,), daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """End the watcher before the interpreter does.

        It is no Python, and would be torn out of its work.
        """
        self._over.set()
        self._spares.send_away()
        if self._watcher is not None:
            self._watcher.join(_PATIENCE)

    def _watch(self, root: Path) -> None:
        from watchfiles import watch

        try:
            for changes in watch(
                root,
                watch_filter=lambda _, path: application.is_watched(path, str(root)),
                debounce=_DEBOUNCE,
                step=_STEP,
                stop_event=self._over,
                raise_interrupt=False,
            ):
                paths = application.without_ignored(root, {path for _, path in changes})
                if paths:
                    self.events.put(Event("saved", paths=tuple(paths)))
        except Exception as error:
            self.events.put(Event("error", f"{type(error).__name__}: {error}"))

    def loop(self) -> int:
        """React to events, one after the other."""
        wanted = self._decided(self._decider.of_changes)
        if wanted is None:
            _say("nothing must run; waiting for changes")
            self._expect()
        while True:
            while wanted is not None:
                event = self._run(wanted)
                if event is None:
                    break
                if event.kind == "quit":
                    return int(event.value)
                wanted = self._wanted(event)
            event = self._awaited()
            if event == Event("key", "q"):
                return 0
            wanted = self._wanted(event)
            if wanted is None and event.kind == "saved":
                _say(f"{_named(event.paths)}: affects no test")

    def _expect(self) -> None:
        with suppress(TestmonError):  # the settings are wrong: the run will say so
            self._spares.expect(expected(self._load()))

    def _awaited(self) -> Event:
        """The next event; for some time, a process with pytest imported waits for it as well."""
        with self.signals.deferred():
            self._spares.prepare()
            gc.collect()
        try:
            return self.events.get(timeout=_SPARE_FOR)
        except queue.Empty:
            self._spares.send_away()
            return self.events.get()

    def _wanted(self, event: Event) -> Wanted | None:
        if event.kind == "error":
            raise EnvironmentFailure(
                f"files cannot be watched any more: {event.value}; start it again"
            )
        with self.signals.deferred():
            self._spares.prepare()  # it imports pytest while we look at what changed
        if event.kind == "saved":
            return self._decided(self._decider.of_changes)
        if event.value == "a":
            return Wanted("all tests", (), 0, 0.0)
        if event.value == "f":
            found = self._decided(self._decider.of_failures)
            if found is None:
                _say("no test failed last time")
            return found
        if event.value == "r" and self._last is None:
            _say("nothing ran before")
        return self._last if event.value == "r" else None

    @staticmethod
    def _decided(decide: Callable[[], Wanted | None]) -> Wanted | None:
        """A mistake in the settings, like any other, is to be mended while we wait."""
        try:
            return decide()
        except TestmonError as error:
            _say(f"error: {error}")
            return None

    def _run(self, wanted: Wanted) -> Event | None:
        """Run tests; an event that ended the run early is to be reacted to next."""
        self._last = wanted
        tests = f"{wanted.tests:,} test{'' if wanted.tests == 1 else 's'}, {wanted.seconds:.1f} s"
        _say(f"running {tests}: {wanted.title}" if wanted.arguments else f"running {wanted.title}")
        stop = Stop()
        listener = _Listener(self.events, self._decider, stop)
        started = time.monotonic()
        try:
            with listener:
                collected = collect(
                    self._load(),
                    [*self._arguments, *wanted.arguments],
                    stop=stop,
                    launch=self._spares.launch,
                )
        except TestmonError as error:
            _say(f"error: {error}")
            return None
        if stop.is_by_user:
            return Event(
                "quit", str(collected.exitcode if collected.exitcode > 128 else EXIT_INTERRUPTED)
            )
        if listener.ended_by is not None:
            if listener.ended_by == Event("key", "q"):
                return Event("quit", "0")
            _say("stopped; what finished is recorded")
            return listener.ended_by
        _say(
            f"{_outcome(collected.exitcode)} in {time.monotonic() - started:.1f} s; waiting for changes"
        )
        return None


class _Listener:
    """Takes events while tests run, and stops the run for those that make it worthless."""

    def __init__(self, events: "queue.Queue[Event]", decider: Decider, stop: Stop) -> None:
        self.ended_by: Event | None = None
        self._events = events
        self._decider = decider
        self._stop = stop
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _listen(self) -> None:
        while not self._is_over.is_set():
            with suppress(queue.Empty):
                event = self._events.get(timeout=0.05)
                if self._ends(event):
                    self.ended_by = event
                    self._stop.ask()
                    return

    def _ends(self, event: Event) -> bool:
        if event.kind != "saved":
            return True
        try:
            return self._decider.is_outdated_by(event.paths)
        except TestmonError:
            return True


def _outcome(code: int) -> str:
    return {0: "passed", 1: "failed", 5: "no tests"}.get(code, f"pytest ended with {code}")


def _named(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{Path(paths[0]).name}{more}"


def _say(text: str) -> None:
    terminal.say(terminal.joined([f"testmon: {text}"]))


class _Signals:
    """Ends us in good order when we are told to, between runs as well.

    The terminal must be as it was.
    """

    def __init__(self) -> None:
        self._is_deaf = False
        self._came = 0  # the first signal that came while nobody could listen

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Raise what a signal means."""
        numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
        # What we are to ignore, as with nohup, stays ignored.
        heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._receive) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Raise it afterwards: Python drops what is raised where it forks or collects garbage."""
        self._is_deaf = True
        try:
            yield
        finally:
            self._is_deaf = False
        if self._came:
            self._end(self._came)

    def _receive(self, number: int, _: "FrameType | None") -> None:
        if not self._is_deaf:
            self._end(number)
        self._came = self._came or number

    @staticmethod
    def _end(number: int) -> None:
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise _Ended(number)


@contextmanager
def _keys(events: "queue.Queue[Event]") -> Iterator[bool]:
    """Read single keys, where there is a terminal; it is left as it was."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield False
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    over = threading.Event()
    reader = threading.Thread(target=_read_keys, args=(descriptor, events, over), daemon=True)
    tty.setcbreak(descriptor)
    try:
        reader.start()
        yield True
    finally:
        over.set()
        reader.join(1)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _read_keys(descriptor: int, events: "queue.Queue[Event]", over: threading.Event) -> None:
    import os
    import select

    while not over.is_set():
        ready, _, _ = select.select([descriptor], [], [], 0.1)
        if not ready:
            continue
        try:
            key = os.read(descriptor, 1).decode("ascii", "ignore").lower()
        except OSError:
            return
        if not key:  # the terminal is gone
            events.put(Event("key", "q"))
            return
        if key in "afrq":
            events.put(Event("key", key))
