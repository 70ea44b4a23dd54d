"""`testmon collect`: run pytest and remember what every test depended on."""

from testmon_cli.application import collecting
from testmon_cli.application.settings import Settings
from testmon_cli.rendering import terminal


def run(settings: Settings, *, pytest_args: tuple[str, ...], select: bool, verbose: bool) -> int:
    """Collect and give pytest's exit code; 0 when `select` leaves nothing to run."""
    if select:
        collected = collecting.collect_selected(settings, pytest_args, verbose=verbose, say=_say)
    else:
        collected = collecting.collect(settings, pytest_args, verbose=verbose)
    if collected is None:
        terminal.write("testmon: nothing is affected, no test to run\n")
        return 0
    if collected.note:
        terminal.say(f"testmon: {collected.note}\n")
    if verbose:
        terminal.say(f"testmon: stored {collected.executed} tests in {settings.datafile}\n")
    return collected.exitcode


def _say(text: str) -> None:
    terminal.say(f"testmon: {text}\n")
