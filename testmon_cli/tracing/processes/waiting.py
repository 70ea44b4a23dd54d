"""A process that has pytest imported before it is known what is to run.

Who starts it holds the other ends of two pipes. It asks whether the process would still be what a
new one is, and sends the arguments when it is wanted; when it hangs up, the process ends. Until
then nothing of the project is imported, and no configuration is read.
"""

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from importlib.machinery import all_suffixes
from typing import Any, NamedTuple

from testmon_cli.tracing.originals import get_state, list_folder
from testmon_cli.tracing.settings import Scope

ASKS, YES, NO = b"?", b"y", b"n"
UNFIT = (
    5  # exit code: the project's own code is imported before pytest is, so no process can wait here
)
_PREFIX = "testmon-waits:"
_GRAIN = 20_000_000  # nanoseconds by which the clocks of file systems lag behind

State = tuple[int, ...]


class Pipes(NamedTuple):
    """Where a process that waits hears what to do, and where it answers."""

    orders: int
    answers: int

    def as_argument(self) -> str:
        return f"{_PREFIX}{self.orders}:{self.answers}"


def pipes_of(arguments: list[str]) -> Pipes | None:
    """The pipes that a command line names; None of a process that knows what it is to run."""
    if len(arguments) != 1 or not arguments[0].startswith(_PREFIX):
        return None
    orders, answers = arguments[0].removeprefix(_PREFIX).split(":")
    return Pipes(int(orders), int(answers))


def block_interrupts() -> None:
    """Leave Ctrl-C to who started us, which hangs up then; called before Python starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])


def wait(pipes: Pipes, scope: Scope, began: int) -> list[str] | None:
    """The arguments, as soon as there are some; None when this process is not wanted any more.

    `began` is the time, in nanoseconds, at which it began to import.
    """
    _import_pytest()
    if any(scope.source(path) is not None for path in _files()):
        raise SystemExit(UNFIT)
    states = _states()
    is_fresh = all(state[1] < began - _GRAIN for state in states.values() if len(state) > 1)
    while True:
        order = os.read(pipes.orders, 1)
        if not order:
            return None
        if order != ASKS:
            break
        is_fresh = is_fresh and _states() == states
        os.write(pipes.answers, YES if is_fresh else NO)
    told = order
    while data := os.read(pipes.orders, 65536):
        told += data
    os.close(pipes.orders)
    os.close(pipes.answers)
    importlib.invalidate_caches()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    arguments: list[str] = json.loads(told)
    return arguments


def order_of(arguments: list[str]) -> bytes:
    """The message to a waiting process that is to run pytest with these arguments."""
    return json.dumps(arguments).encode()


def now() -> int:
    """The time in nanoseconds, as file systems have it."""
    return time.time_ns()


def _import_pytest() -> None:
    """Import what pytest imports before it looks at its arguments."""
    importlib.import_module("pytest")
    config: Any = sys.modules["_pytest.config"]
    for name in getattr(config, "default_plugins", ()):
        importlib.import_module(f"_pytest.{name}")


def _files() -> Iterator[str]:
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str):
            yield path


def _states() -> dict[str, State]:
    """What a new process would read, too, before it came to its arguments.

    Another answer makes this one stale.
    """
    roots = {name.partition(".")[0] for name in list(sys.modules)}
    paths = {*_files(), sys.executable, os.path.join(sys.prefix, "pyvenv.cfg")}
    found: dict[str, State] = {}
    for folder in dict.fromkeys(sys.path):
        try:
            names = list_folder(folder or os.curdir)
        except OSError:  # no folder: a zip file, or nothing
            paths.add(folder)
            continue
        for name in names:
            if name.endswith(".pth"):
                paths.add(os.path.join(folder, name))
            elif (
                name in roots or _module_in(name) in roots
            ):  # it could be imported in the place of what was
                found[os.path.join(folder, name)] = ()
    found.update((path, _state(path)) for path in paths)
    return found


def _module_in(name: str) -> str:
    """The module that a file holds, by its name; "" for another file."""
    return next((name[: -len(suffix)] for suffix in all_suffixes() if name.endswith(suffix)), "")


def _state(path: str) -> State:
    try:
        state = get_state(path)
    except (OSError, ValueError):
        return ()
    return state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino
