"""`testmon collect`: run pytest and remember what every test depended on."""

from testmon_cli.application import collecting
from testmon_cli.application.settings import Settings


def run(settings: Settings, *, pytest_args: tuple[str, ...], select: bool, verbose: bool) -> int:
    """Collect and give pytest's exit code."""
    return collecting.collect(settings, pytest_args, select=select, verbose=verbose)
