"""The answer of `testmon report` as text, JSON and Markdown."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from testmon_cli.domain.report import LastRun, Report
from testmon_cli.rendering.terminal import joined

JSON_VERSION = 1
_MARKUP = re.compile(r"[\\`*\[\]<>&|!~]|(?<![^\W_])_|_(?![^\W_])")  # of Markdown and HTML
STYLES = {
    r"(?m)^(FAILED|ERROR) .*$": "bold red",
    r"(?m)^E  .*$": "red",
    r"(?m)^failures remembered: [1-9].*$": "bold red",
    r"(?m)^slowest tests:$": "bold",
}


def as_text(report: Report) -> str:
    """Plain lines: facts, then the remembered failures with their text, then the slowest tests."""
    lines = [f"{label}: {value}" for label, value in _facts(report)]
    for failure in report.failures:
        lines += ["", f"{failure.outcome.upper()} {failure.nodeid}", *_lines(failure.text)]
    if report.slowest:
        lines += ["", "slowest tests:"]
        lines += [f"  {seconds:8.3f} s  {nodeid}" for nodeid, seconds in report.slowest]
    return joined(lines)


def as_markdown(report: Report) -> str:
    """For job summaries."""
    lines = ["## testmon", "", "| | |", "| --- | --- |"]
    lines += [f"| {label} | {_plain(value)} |" for label, value in _facts(report)]
    for failure in report.failures:
        fence = _fence(failure.text, 3)
        lines += ["", f"### {failure.outcome}: {_code(failure.nodeid)}", ""]
        lines += [fence + "text", *_lines(failure.text), fence]
    if report.slowest:
        lines += ["", "| slowest tests | seconds |", "| --- | ---: |"]
        lines += [f"| {_in_table(_code(nodeid))} | {seconds:.3f} |" for nodeid, seconds in report.slowest]
    return joined(lines)


def as_json(report: Report) -> str:
    """For programs."""
    answer: dict[str, object] = {"version": JSON_VERSION, **asdict(report), "saved_seconds": report.saved_seconds}
    answer["slowest"] = [{"nodeid": nodeid, "seconds": seconds} for nodeid, seconds in report.slowest]
    return json.dumps(answer, indent=2) + "\n"


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    yield "environment", report.environment
    yield "datafile", f"{report.datafile} ({report.datafile_bytes:,} bytes)"
    yield "tests known", f"{report.tests}{_counts(report.outcomes)}"
    yield "last run", _run(report.last_run) if report.last_run else "none"
    yield "selected now", f"{report.selected}{_counts(report.selected_by_reason)}"
    yield "time of all tests", f"{report.all_seconds:.2f} s"
    yield "time saved by selection", f"{report.saved_seconds:.2f} s"
    yield "failures remembered", str(len(report.failures))
    for note in report.notes:
        yield "note", note


def _counts(counts: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{number} {name}' for name, number in counts.items())})" if counts else ""


def _run(run: LastRun) -> str:
    when = datetime.fromtimestamp(run.started, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    parts = [when]
    parts.append(f"{run.seconds:.1f} s" if run.seconds is not None else "did not end")
    if run.exitstatus is not None:
        parts.append(f"exit {run.exitstatus}")
    if run.seconds is not None and not run.completed:
        parts.append("interrupted")
    parts.append(f"engine {run.engine}")
    if run.git_head:
        parts.append(f"git {run.git_head[:12]}{' with changes' if run.git_dirty else ''}")
    if run.arguments:
        parts.append(f"arguments {shlex.join(run.arguments)}")
    return ", ".join(parts)


def _lines(text: str) -> list[str]:
    return text.rstrip("\n").split("\n") if text else []


def _fence(text: str, least: int) -> str:
    """More backticks than stand in a row in the text."""
    return "`" * max(least, 1 + max(map(len, re.findall("`+", text)), default=0))


def _code(text: str) -> str:
    """Code within a line."""
    fence = _fence(text, 1)
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"


def _in_table(code: str) -> str:
    """Code within a cell, where a bar would end that."""
    return code.replace("|", "\\|")


def _plain(text: str) -> str:
    """Text of which nothing is taken for markup."""
    return _MARKUP.sub(r"\\\g<0>", text)
