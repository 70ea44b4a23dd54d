"""The answer of `testmon report` as text, JSON and Markdown."""

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from testmon_cli.domain.report import Failure, LastRun, PastRun, Report
from testmon_cli.domain.verdicts import VERDICTS
from testmon_cli.rendering.terminal import duration, joined, visible

JSON_VERSION = 1
_MOST_VERDICTS = 20  # lines in the log of a job
_RUN_COLUMNS = ("run", "commit", "tests", "failed", "time")
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
        lines += [
            "",
            f"{failure.outcome.upper()} {failure.nodeid}",
            verdict(failure),
            *_lines(failure.text),
        ]
    if report.slowest:
        lines += ["", "slowest tests:"]
        lines += [f"  {seconds:8.3f} s  {nodeid}" for nodeid, seconds in report.slowest]
    if report.runs:
        rows = [_RUN_COLUMNS, *map(_trend, report.runs)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += ["", "runs:"]
        lines += ["  ".join(["", *map(str.ljust, row, widths)]).rstrip() for row in rows]
    return joined(lines)


def as_markdown(report: Report) -> str:
    """For job summaries."""
    lines = ["## testmon", "", "| | |", "| --- | --- |"]
    lines += [f"| {label} | {_plain(value)} |" for label, value in _facts(report)]
    for failure in report.failures:
        fence = _fence(failure.text, 3)
        lines += ["", f"### {failure.outcome}: {_code(failure.nodeid)}", ""]
        lines += [
            _plain(visible(verdict(failure))),
            "",
            fence + "text",
            *_lines(failure.text),
            fence,
        ]
    if report.slowest:
        lines += ["", "| slowest tests | seconds |", "| --- | ---: |"]
        lines += [
            f"| {_in_table(_code(nodeid))} | {seconds:.3f} |" for nodeid, seconds in report.slowest
        ]
    if report.runs:
        lines += ["", f"| {' | '.join(_RUN_COLUMNS)} |", f"|{' --- |' * len(_RUN_COLUMNS)}"]
        lines += [f"| {' | '.join(_trend(run))} |" for run in report.runs]
    return joined(lines)


def as_json(report: Report) -> str:
    """For programs."""
    answer: dict[str, object] = {
        "version": JSON_VERSION,
        **asdict(report),
        "saved_seconds": report.saved_seconds,
    }
    answer["failures"] = [_failure(failure) for failure in report.failures]
    del answer["results"]  # other formats are made for them
    answer["runs"] = [run._asdict() for run in report.runs]
    answer["slowest"] = [
        {"nodeid": nodeid, "seconds": seconds} for nodeid, seconds in report.slowest
    ]
    return json.dumps(answer, indent=2) + "\n"


def _failure(failure: Failure) -> dict[str, object]:
    judgement = failure.judgement
    return {
        "nodeid": failure.nodeid,
        "outcome": failure.outcome,
        "text": failure.text,
        "path": failure.path,
        "line": failure.line,
        "in_last_run": failure.in_last_run,
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        "chain": [
            {
                "kind": link.kind.value,
                "how": link.wording,
                "path": link.path,
                "name": link.name,
                "line": link.line,
            }
            for link in (judgement.cause.chain() if judgement.cause is not None else ())
        ],
        "history": [past._asdict() for past in judgement.history],
    }


def verdict(failure: Failure) -> str:
    """Render a verdict on a failure in a line."""
    return ": ".join(filter(None, failure.judgement[:2]))


def first_line(text: str) -> str:
    """Shorten a failure text to a line.

    The first line that pytest marks as the error, else the last one.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    marked = [line[1:].strip() for line in lines if line.startswith("E ")]
    return next(iter(marked), lines[-1] if lines else "")


def _trend(run: PastRun) -> tuple[str, str, str, str, str]:
    when = datetime.fromtimestamp(run.started, UTC).strftime("%Y-%m-%d %H:%M")
    commit = f"{run.commit[:7]}{'+' * run.is_dirty}" if run.commit else "-"
    tests = f"{run.tests:,} of {run.known:,}"
    return (
        when,
        commit,
        tests,
        f"{run.failures:,}",
        f"{duration(run.test_seconds)} of {duration(run.all_seconds)}",
    )


def verdicts(report: Report) -> Iterator[str]:
    """A line on the failures of the last run, and one for each of the first of them."""
    failures = [failure for failure in report.failures if failure.in_last_run]
    if not failures:
        return
    order = {verdict: place for place, verdict in enumerate(VERDICTS)}
    counts = Counter(failure.judgement.verdict for failure in failures)
    kinds = ", ".join(f"{counts[kind]:,} {kind}" for kind in VERDICTS if counts[kind])
    yield f"{len(failures):,} failure{'s' * (len(failures) != 1)}: {kinds}"
    shown = sorted(failures, key=lambda failure: order[failure.judgement.verdict])[:_MOST_VERDICTS]
    for failure in shown:
        yield f"{failure.judgement.verdict}: {failure.nodeid}, which {failure.judgement.reason}"
    if len(failures) > len(shown):
        yield f"and {len(failures) - len(shown):,} more: see testmon report"


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    yield "environment", report.environment
    yield "datafile", f"{report.datafile} ({report.datafile_bytes:,} bytes)"
    yield "tests known", f"{report.tests}{_counts(report.outcomes)}"
    yield "last run", _run(report.last_run) if report.last_run else "none"
    yield "selected now", f"{report.selected}{_counts(report.selected_by_reason)}"
    yield "time of all tests", f"{report.all_seconds:.2f} s"
    yield "time saved by selection", f"{report.saved_seconds:.2f} s"
    yield "failures remembered", f"{len(report.failures)}{_counts(report.verdicts)}"
    for note in report.notes:
        yield "note", note


def _counts(counts: Mapping[str, int]) -> str:
    return (
        f" ({', '.join(f'{number} {name}' for name, number in counts.items())})" if counts else ""
    )


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
