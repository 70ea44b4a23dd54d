"""`testmon collect`: run pytest and remember what every test depended on."""

import time
from collections.abc import Iterator, Sequence
from typing import Final

from testmon_cli.application.collect.use_case import Collected, collect, collect_selected
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import TestmonError
from testmon_cli.rendering import progress, terminal

_USAGE_ERROR: Final = 4  # pytest's exit code
_QUIET: Final = frozenset(
    {"-q", "-qq", "--quiet", "--no-summary"}
)  # of pytest: who asks it to be brief means us as well
_SHORTEST: Final = len("--en")  # of the beginnings of options that are taken for one of ours
_OURS: Final = ("--select", "--engine", "--env", "--datafile", "--verbose")


def run(settings: Settings, *, pytest_args: tuple[str, ...], select: bool, verbose: bool) -> int:
    """Collect and give pytest's exit code; 0 when `select` leaves nothing to run."""
    starting = time.process_time()
    with progress.late_bar("Reading what ran") as advance:
        if select:
            collected = collect_selected(
                settings, pytest_args, verbose=verbose, say=_say, progress=advance
            )
        else:
            collected = collect(settings, pytest_args, verbose=verbose, progress=advance)
    if collected is None:
        terminal.write("testmon: nothing is affected, no test to run\n")
        return 0
    if collected.note:
        terminal.say(f"testmon: {collected.note}\n")
    if verbose:
        terminal.say(f"testmon: stored {collected.executed} tests in {settings.datafile}\n")
    elif collected.executed and not _QUIET.intersection(pytest_args):
        is_whole = select or not pytest_args
        _say(_remembered(collected, _seconds_of_select(settings, starting) if is_whole else None))
        for text in _copies(settings):
            _say(text)
    if collected.exitcode == _USAGE_ERROR:
        for hint in _meant(pytest_args):
            _say(hint)
    return collected.exitcode


def _remembered(collected: Collected, select: float | None) -> str:
    """Say what was remembered; `select` are the seconds that `testmon select` takes now."""
    tests = f"remembered {collected.executed:,} test{'' if collected.executed == 1 else 's'}"
    if collected.new != collected.executed:
        tests += f" ({collected.new:,} new)"
    tests += f" in {collected.seconds:.1f} s"
    if select is None:
        return tests
    hint = "" if collected.new != collected.executed else ", and after an edit prints what to run"
    return f"{tests}; select now takes {select:.1f} s{hint}"


def _seconds_of_select(settings: Settings, starting: float) -> float | None:
    """How long it takes now to ask what must run; `starting` is what our own start took."""
    from testmon_cli.application.select import use_case

    begun = time.perf_counter()
    try:
        use_case.select(settings)
    except TestmonError:  # it is said where it is asked
        return None
    return starting + time.perf_counter() - begun


def _copies(settings: Settings) -> Iterator[str]:
    """Packages of the checkout that tests import from where they are installed."""
    from testmon_cli.application.checkout import environment, installed_copies
    from testmon_cli.storage.datafile import Datafile

    with Datafile.open(settings.datafile) as datafile:
        runs = datafile.runs(environment.current(settings.env))
        for copy in installed_copies.find(datafile, runs[0].id) if runs else ():
            yield (
                f"tests import {copy.module} as it is installed, not {copy.place}: edits there "
                "select nothing; `pip install -e .` makes them count"
            )


def _meant(arguments: Sequence[str]) -> Iterator[str]:
    """Options that pytest did not know, and that are ours but for a letter."""
    import difflib

    for argument in arguments:
        name = argument.partition("=")[0]
        if not name.startswith("--") or len(name) < _SHORTEST or name in _OURS:
            continue
        close = [option for option in _OURS if option.startswith(name)]
        close = close or difflib.get_close_matches(name, _OURS, n=1, cutoff=0.8)
        if close:
            yield f"{name} went to pytest; did you mean {close[0]}?"


def _say(text: str) -> None:
    terminal.say(f"testmon: {text}\n")
