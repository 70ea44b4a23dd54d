"""`testmon report`: sum up what is known, for CI logs."""

from testmon_cli.application.report import line_coverage, suite
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
    base: str | None = None,
) -> int:
    """Print the report; with `fail_on_failure`, 1 when a failure is remembered.

    `coverage` names a data file of coverage.py to write, `html` a page.
    """
    if html is not None:
        _write_page(settings, html, slowest)
    if coverage is not None:
        files = line_coverage.write_coverage(settings, coverage)
        terminal.say(f"testmon: wrote the lines that all tests ran, in {files} files, to {coverage}\n")
    found = suite.report(settings, slowest=slowest, base=base)
    if format_ == "json":
        terminal.write(rendering.as_json(found))
    elif format_ == "markdown":
        terminal.write(rendering.as_markdown(found))
    else:
        terminal.write(rendering.as_text(found), rendering.STYLES)
    return EXIT_FAILURES if fail_on_failure and found.failures else 0


def _write_page(settings: Settings, path: str, slowest: int) -> None:
    from testmon_cli.application.report import html_page
    from testmon_cli.rendering.html import as_html

    html_page.write(path, as_html(html_page.page(settings, slowest=max(slowest, _SLOWEST_ON_A_PAGE))))
    terminal.say(f"testmon: wrote the page to {path}\n")
