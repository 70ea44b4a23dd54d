"""`testmon collect`: run pytest and remember what every test depended on."""

from collections.abc import Iterator, Sequence
from typing import Final

from testmon_cli.application.collect.use_case import Collected, collect, collect_selected
from testmon_cli.application.settings import Settings
from testmon_cli.rendering import progress, terminal

_USAGE_ERROR: Final = 4  # pytest's exit code
_QUIET: Final = frozenset(
    {"-q", "-qq", "--quiet", "--no-summary"}
)  # of pytest: who asks it to be brief means us as well
_OURS: Final = ("--select", "--engine", "--env", "--datafile", "--verbose")


def run(settings: Settings, *, pytest_args: tuple[str, ...], select: bool, verbose: bool) -> int:
    """Collect and give pytest's exit code; 0 when `select` leaves nothing to run."""
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
        _say(_remembered(collected))
    if collected.exitcode == _USAGE_ERROR:
        for hint in _meant(pytest_args):
            _say(hint)
    return collected.exitcode


def _remembered(collected: Collected) -> str:
    tests = f"remembered {collected.executed:,} test{'' if collected.executed == 1 else 's'}"
    if collected.new == collected.executed:
        return f"{tests} in {collected.seconds:.1f} s; after an edit, `testmon select` prints what it can affect"
    return f"{tests} ({collected.new:,} new) in {collected.seconds:.1f} s"


def _meant(arguments: Sequence[str]) -> Iterator[str]:
    """Options that pytest did not know, and that are ours but for a letter."""
    import difflib

    for argument in arguments:
        name = argument.partition("=")[0]
        close = (
            difflib.get_close_matches(name, _OURS, n=1, cutoff=0.8) if name.startswith("--") else []
        )
        if close and name not in _OURS:
            yield f"{name} went to pytest; did you mean {close[0]}?"


def _say(text: str) -> None:
    terminal.say(f"testmon: {text}\n")
