"""Starts pytest with tracing in place.

Started by `python -m testmon_cli.tracing.processes.launch <pytest arguments>`.

Tracing begins before pytest or the project is imported. Apart from that pytest finds the process as
`python -m pytest` would have made it.
"""

import importlib.util
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from testmon_cli.domain.errors import EXIT_ENVIRONMENT, EXIT_INTERRUPTED, EXIT_IO
from testmon_cli.tracing.processes import waiting
from testmon_cli.tracing.settings import LAUNCHER, VARIABLE, Scope, TraceSettings

_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
PLUGIN = "testmon_cli.tracing.pytest_plugin.plugin"
# Interrupts pytest as Ctrl-C does. It is a signal that nobody else uses: what a shell starts in the
# background ignores that of Ctrl-C, and a project may handle that in its own way.
INTERRUPT: int = getattr(signal, "SIGRTMAX", signal.SIGINT + 3) - 3


def command(arguments: Sequence[str]) -> list[str]:
    """The command line that runs pytest, traced, with these arguments."""
    return [sys.executable, "-m", LAUNCHER, *arguments]


def environment(settings: TraceSettings, base: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process that is to be traced.

    `base` are the variables of this process.
    """
    return {**base, VARIABLE: settings.to_json()}


def main() -> int:
    """Run pytest and give its exit code."""
    try:
        return _run()
    except KeyboardInterrupt:  # before pytest was there to take it
        return EXIT_INTERRUPTED


def _run() -> int:
    began = waiting.now()
    settings = TraceSettings.from_environment(os.environ)
    pipes = waiting.pipes_of(sys.argv[1:])
    arguments = sys.argv[1:] if pipes is None else []
    if settings is not None:
        if signal.SIGINT != INTERRUPT:
            signal.signal(INTERRUPT, signal.default_int_handler)
        _trace(settings)
    if importlib.util.find_spec("pytest") is None:
        return _fail(f"pytest is not installed for {sys.executable}", EXIT_ENVIRONMENT)
    _look_like_pytest(arguments)
    if pipes is not None and settings is not None:
        told = waiting.wait(pipes, Scope(settings), began)
        if told is None:
            return 0
        arguments = told
        sys.argv[1:] = sys.orig_argv[3:] = arguments
    import pytest

    try:
        code = int(pytest.main(["-p", PLUGIN, *arguments] if settings is not None else arguments))
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None:
            return _unprintable(error)
        if _is_ours(error):
            raise
        what = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return _fail(f"pytest failed with {what}; python -m pytest shows where", EXIT_ENVIRONMENT)
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # as pytest does: the reader of our output went away
        _give_up_stdout()
        return 1
    except OSError as error:
        return _unprintable(error)
    return code


def _unprintable(error: OSError) -> int:
    _give_up_stdout()
    return _fail(f"what pytest prints cannot be written: {error.strerror or error}", EXIT_IO)


def _give_up_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: int) -> int:
    with suppress(OSError):  # it is full too
        print(f"testmon: error: {message}", file=sys.stderr)
    return code


def _is_ours(error: Exception) -> bool:
    """Tell whether an exception comes from testmon: then its traceback is shown."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place is not None and place.tb_frame.f_code.co_filename.startswith(_PACKAGE)


def _trace(settings: TraceSettings) -> None:
    from testmon_cli.tracing import recorder
    from testmon_cli.tracing.engines.protocol import EngineUnavailableError
    from testmon_cli.tracing.processes import child

    try:
        started = recorder.activate(settings)
    except EngineUnavailableError as error:
        raise SystemExit(_fail(str(error), EXIT_ENVIRONMENT)) from None
    started.attach_pytest()
    child.prepare(started)
    if settings.verbose:
        why = f" ({started.engine_note})" if started.engine_note else ""
        print(f"testmon: engine {started.engine.name}{why}", file=sys.stderr)


def _look_like_pytest(arguments: Sequence[str]) -> None:
    """Be `pytest.__main__` to all who ask.

    The project asks, and so do pytest and children that multiprocessing spawns.
    """
    spec = importlib.util.find_spec("pytest.__main__")
    main_module = sys.modules["__main__"]
    if spec is not None and spec.origin is not None and main_module.__spec__ is not None:
        main_module.__spec__ = spec
        main_module.__file__ = spec.origin
        main_module.__package__ = "pytest"
        sys.argv = [spec.origin, *arguments]


if __name__ == "__main__":
    sys.exit(main())
