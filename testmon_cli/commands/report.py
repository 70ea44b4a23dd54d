"""`testmon report`: sum up what is known, for CI logs."""

import os

from testmon_cli.application.report import line_coverage, suite
from testmon_cli.application.settings import Settings
from testmon_cli.domain.report import Report
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
    runs: int = 0,
) -> int:
    """Print the report; with `fail_on_failure`, 1 when a failure is remembered.

    `coverage` names a data file of coverage.py to write, `html` a page.
    """
    if html is not None:
        _write_page(settings, html, slowest)
    if coverage is not None:
        files = line_coverage.write_coverage(settings, coverage)
        terminal.say(f"testmon: wrote the lines that all tests ran, in {files} files, to {coverage}\n")
    with_results = format_ in ("junit", "ctrf")
    found = suite.report(settings, slowest=slowest, base=base, runs_shown=runs, with_results=with_results)
    if format_ == "text":
        terminal.write(rendering.as_text(found), rendering.STYLES)
    else:
        terminal.write(_rendered(found, format_))
    if format_ == "github":
        _add_summary(found)
    return EXIT_FAILURES if fail_on_failure and found.failures else 0


def _rendered(found: Report, format_: str) -> str:
    if format_ == "json":
        return rendering.as_json(found)
    if format_ == "markdown":
        return rendering.as_markdown(found)
    from testmon_cli.rendering import annotations, ctrf, junit

    renderers = {
        "github": annotations.as_commands,
        "gitlab": annotations.as_code_quality,
        "junit": junit.as_junit,
        "ctrf": ctrf.as_ctrf,
    }
    return renderers[format_](found)


def _add_summary(found: Report) -> None:
    """Add the report to the summary of a step of GitHub Actions."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(rendering.as_markdown(found))
    except OSError as error:
        terminal.say(terminal.joined([f"testmon: no summary: {error}"]))


def _write_page(settings: Settings, path: str, slowest: int) -> None:
    from testmon_cli.application.report import html_page
    from testmon_cli.rendering.html import as_html

    html_page.write(path, as_html(html_page.page(settings, slowest=max(slowest, _SLOWEST_ON_A_PAGE))))
    terminal.say(f"testmon: wrote the page to {path}\n")
