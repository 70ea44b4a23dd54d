"""Starts pytest with tracing in place: `python -m testmon_cli.tracing.launch <pytest arguments>`.

Tracing begins before pytest or the project is imported. Apart from that pytest finds the process as `python -m pytest`
would have made it.
"""

import importlib.util
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from testmon_cli.domain.errors import EXIT_ENVIRONMENT, EXIT_INTERRUPTED
from testmon_cli.tracing.settings import LAUNCHER, VARIABLE, TraceSettings

PLUGIN = "testmon_cli.tracing.plugin"
# Interrupts pytest as Ctrl-C does. It is a signal that nobody else uses: what a shell starts in the background ignores
# that of Ctrl-C, and a project may handle that in its own way.
INTERRUPT: int = getattr(signal, "SIGRTMAX", signal.SIGINT + 3) - 3


def command(arguments: Sequence[str]) -> list[str]:
    """The command line that runs pytest, traced, with these arguments."""
    return [sys.executable, "-m", LAUNCHER, *arguments]


def environment(settings: TraceSettings, base: Mapping[str, str]) -> dict[str, str]:
    """The environment of that command."""
    return {**base, VARIABLE: settings.to_json()}


def main() -> int:
    """Run pytest and give its exit code."""
    try:
        return _run()
    except KeyboardInterrupt:  # before pytest was there to take it
        return EXIT_INTERRUPTED


def _run() -> int:
    settings = TraceSettings.from_environment(os.environ)
    arguments = sys.argv[1:]
    if settings is not None:
        if signal.SIGINT != INTERRUPT:
            signal.signal(INTERRUPT, signal.default_int_handler)
        _trace(settings)
    _look_like_pytest(arguments)
    import pytest

    code = int(pytest.main(["-p", PLUGIN, *arguments] if settings is not None else arguments))
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # as pytest does: the reader of our output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _trace(settings: TraceSettings) -> None:
    from testmon_cli.tracing import child, recorder
    from testmon_cli.tracing.engine import EngineUnavailableError

    try:
        started = recorder.activate(settings)
    except EngineUnavailableError as error:
        print(f"testmon: error: {error}", file=sys.stderr)
        raise SystemExit(EXIT_ENVIRONMENT) from None
    started.attach_pytest()
    child.prepare(started)
    if settings.verbose:
        why = f" ({started.engine_note})" if started.engine_note else ""
        print(f"testmon: engine {started.engine.name}{why}", file=sys.stderr)


def _look_like_pytest(arguments: Sequence[str]) -> None:
    """Be `pytest.__main__` to all who ask: the project, pytest and children that multiprocessing spawns."""
    spec = importlib.util.find_spec("pytest.__main__")
    main_module = sys.modules["__main__"]
    if spec is not None and spec.origin is not None and main_module.__spec__ is not None:
        main_module.__spec__ = spec
        main_module.__file__ = spec.origin
        main_module.__package__ = "pytest"
        sys.argv = [spec.origin, *arguments]


if __name__ == "__main__":
    sys.exit(main())
