"""`testmon report`: sum up what is known, for CI logs."""

from testmon_cli.application import covering, reporting
from testmon_cli.application.settings import Settings
from testmon_cli.rendering import report as rendering
from testmon_cli.rendering import terminal

EXIT_FAILURES = 1  # as pytest's


def run(settings: Settings, *, slowest: int, fail_on_failure: bool, format_: str, coverage: str | None = None) -> int:
    """Print the report; with `fail_on_failure`, 1 when a failure is remembered.

    `coverage` names a data file of coverage.py to write.
    """
    if coverage is not None:
        files = covering.write_coverage(settings, coverage)
        terminal.say(f"testmon: wrote the lines that all tests ran, in {files} files, to {coverage}\n")
    found = reporting.report(settings, slowest=slowest)
    if format_ == "json":
        terminal.write(rendering.as_json(found))
    elif format_ == "markdown":
        terminal.write(rendering.as_markdown(found))
    else:
        terminal.write(rendering.as_text(found), rendering.STYLES)
    return EXIT_FAILURES if fail_on_failure and found.failures else 0
