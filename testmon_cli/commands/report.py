"""`testmon report`: sum up what is known, for CI logs."""

import os

from testmon_cli.application.report import line_coverage, suite
from testmon_cli.application.settings import Settings
from testmon_cli.domain.report import Report
from testmon_cli.rendering import report as rendering
from testmon_cli.rendering import terminal

_SLOWEST_ON_A_PAGE = 25
_MOST_NAMED = 5
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
    branch: bool = False,
    contexts: bool = False,
    fail_under: float | None = None,
) -> int:
    """Print the report; with `fail_on_failure`, 1 when a failure is remembered.

    `coverage` names a data file of coverage.py to write, `html` a page.
    """
    if html is not None:
        _write_page(settings, html, slowest)
    if coverage is not None:
        _write_coverage(settings, coverage, branch=branch, contexts=contexts)
    with_results = format_ in ("junit", "ctrf")
    found = suite.report(
        settings, slowest=slowest, base=base, runs_shown=runs, with_results=with_results
    )
    if format_ == "text":
        terminal.write(rendering.as_text(found), rendering.STYLES)
    else:
        terminal.write(_rendered(found, format_))
    if format_ == "github":
        _add_summary(found)
    if fail_under is not None and coverage is not None:
        total = line_coverage.percentage(coverage)
        if total < fail_under:
            terminal.say(f"testmon: coverage is {total:.2f} %, less than {fail_under:g} %\n")
            return EXIT_FAILURES
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


def _write_coverage(settings: Settings, path: str, *, branch: bool, contexts: bool) -> None:
    written = line_coverage.write_coverage(settings, path, branch=branch, contexts=contexts)
    what = "lines and branches" if branch else "lines"
    say = [f"wrote the {what} that all tests ran, in {written.files:,} files, to {path}"]
    if branch:
        known = f"{written.taken:,} branches are known to have run"
        say.append(
            f"{known}; of {len(written.open):,} it cannot be known, and they are written as if they had not"
        )
        say += [
            f"not known: {name}:{start} -> {_end(end)}"
            for name, start, end in written.open[:_MOST_NAMED]
        ]
    if written.unimported:
        names = ", ".join(written.unimported[:_MOST_NAMED])
        more = f" and {len(written.unimported) - _MOST_NAMED:,} more" * (
            len(written.unimported) > _MOST_NAMED
        )
        say.append(f"no test imported {names}{more}")
    terminal.say(terminal.joined(f"testmon: {line}" for line in say))


def _end(line: int) -> str:
    return f"line {line}" if line > 0 else "exit"


def _write_page(settings: Settings, path: str, slowest: int) -> None:
    from testmon_cli.application.report import html_page
    from testmon_cli.rendering.html import as_html

    html_page.write(
        path, as_html(html_page.page(settings, slowest=max(slowest, _SLOWEST_ON_A_PAGE)))
    )
    terminal.say(f"testmon: wrote the page to {path}\n")
