"""`testmon report`: sum up what is known, for CI logs."""

from testmon_cli.application import covering, reporting
from testmon_cli.application.settings import Settings
from testmon_cli.rendering import report as rendering
from testmon_cli.rendering import terminal

_SLOWEST_ON_A_PAGE = 25
EXIT_FAILURES = 1  # as pytest's


def run(
    settings: Settings,
    *,
    slowest: int,
    fail_on_failure: bool,
    format_: str,
    coverage: str | None = None,
    html: str | None = None,
) -> int:
    """Print the report; with `fail_on_failure`, 1 when a failure is remembered.

    `coverage` names a data file of coverage.py to write, `html` a page.
    """
    if html is not None:
        _write_page(settings, html, slowest)
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


def _write_page(settings: Settings, path: str, slowest: int) -> None:
    from testmon_cli.application import paging
    from testmon_cli.rendering.html import as_html

    paging.write(path, as_html(paging.page(settings, slowest=max(slowest, _SLOWEST_ON_A_PAGE))))
    terminal.say(f"testmon: wrote the page to {path}\n")
