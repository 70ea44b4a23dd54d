"""The answer of `testmon replay` as a table and as JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from testmon_cli.domain.proof import (
    CAUGHT,
    COMPARED,
    ESCAPED,
    FAILING,
    NO_BASE,
    NOT_BUILT,
    UNSTABLE,
    Finding,
    Judged,
    Replay,
    Step,
    bound,
)
from testmon_cli.domain.verdicts import VERDICTS
from testmon_cli.rendering.terminal import duration, joined

JSON_VERSION = 1
STYLES = {r"(?m)^escaped .*$": "bold red", r"(?m)^unstable .*$": "yellow"}
_HEAD = ("commit", "tests", "changed", "run", "share", "pytest", "testmon", "")
_FEW = 3  # commits of which nothing can be said
_MOST = 50  # findings of each kind


def as_text(replay: Replay) -> str:
    """A line for each commit, what escaped or is unstable, and the totals."""
    rows = [_HEAD, *(_row(step) for step in replay.steps)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [_line(row, widths) for row in rows]
    for bucket in (ESCAPED, UNSTABLE):
        lines += _findings(replay, bucket)
    lines += _misjudged(replay)
    return joined([*lines, "", *totals(replay)])


def totals(replay: Replay) -> list[str]:
    """The sums, in words."""
    compared = replay.compared
    count = {
        state: sum(step.state == state for step in replay.steps)
        for state in (COMPARED, NOT_BUILT, NO_BASE)
    }
    left_out = [f"{count[NOT_BUILT]} not built"] * (count[NOT_BUILT] > 0)
    left_out += [f"{count[NO_BASE]} without a base"] * (count[NO_BASE] > 0)
    lines = [
        f"{_commits(len(compared))} compared, {replay.safe} safe"
        + "".join(f", {text}" for text in left_out)
    ]
    kinds = [f"{len(replay.findings(bucket)):,} {bucket}" for bucket in (CAUGHT, ESCAPED, UNSTABLE)]
    lines.append("new or changed outcomes: " + ", ".join(kinds))
    lines += _verdicts(replay)
    tests, ran = sum(step.tests for step in compared), sum(step.ran for step in compared)
    if tests:
        lines.append(f"tests run: {ran:,} of {tests:,} ({100 * ran / tests:.1f} %)")
        saved = 100 * (replay.plain_seconds - replay.seconds) / replay.plain_seconds
        times = f"{duration(replay.seconds)} in place of {duration(replay.plain_seconds)}"
        lines.append(f"time: {times}, the first collect included: {saved:.0f} % saved")
    if len(compared) > _FEW and not replay.findings(ESCAPED):
        lines.append(
            f"nothing escaped at {_commits(len(compared))}: at 95 % confidence, something does at fewer than"
            f" {100 * bound(len(compared)):.1f} % of such commits"
        )
    return lines


_REGRESSIONS: Final = "regressions"
_FAILED_BEFORE: Final = "failed_before"
_OTHERS: Final = "others"
_KINDS: Final = {
    _REGRESSIONS: "that passed at the commit before",
    _FAILED_BEFORE: "that failed there, too",
    _OTHERS: "of tests that are new or were skipped",
}


def _kind(judged: Judged) -> str:
    if judged.is_regression:
        return _REGRESSIONS
    return _FAILED_BEFORE if judged.before in FAILING else _OTHERS


def _by_kind(replay: Replay) -> dict[str, Counter[str]]:
    """How often each verdict is given, by how the tests came out at the commit before."""
    found: dict[str, Counter[str]] = {kind: Counter() for kind in _KINDS}
    for judged in replay.judged:
        found[_kind(judged)][judged.verdict] += 1
    return found


def _verdicts(replay: Replay) -> Iterator[str]:
    """Sum up the verdicts on failures in words."""
    told = []
    for kind, counts in _by_kind(replay).items():
        if counts:
            names = ", ".join(
                f"{counts[verdict]:,} {verdict}" for verdict in VERDICTS if counts[verdict]
            )
            told.append(f"{counts.total():,} {_KINDS[kind]} ({names})")
    if told:
        yield "failures: " + ", ".join(told)


def _misjudged(replay: Replay) -> Iterator[str]:
    found = [
        (step, judged) for step in replay.steps for judged in step.judged if judged.is_misjudged
    ]
    if found:
        yield ""
    for step, judged in found[:_MOST]:
        yield f"a regression called flaky at {step.commit[:9]}: {judged.nodeid}"
        yield f"  {judged.reason}"
    if len(found) > _MOST:
        yield f"and {len(found) - _MOST:,} more"


def as_json(replay: Replay) -> str:
    """For programs."""
    compared = replay.compared
    answer: dict[str, Any] = {
        "version": JSON_VERSION,
        "testmon": replay.version,
        "python": replay.python,
        "pytest_arguments": list(replay.arguments),
        "commits": len(replay.steps),
        "compared": len(compared),
        "safe": replay.safe,
        "not_built": sum(step.state == NOT_BUILT for step in replay.steps),
        **{bucket: len(replay.findings(bucket)) for bucket in (CAUGHT, ESCAPED, UNSTABLE)},
        "verdicts": {
            kind: {v: counts[v] for v in VERDICTS} for kind, counts in _by_kind(replay).items()
        },
        "regressions_called_flaky": sum(judged.is_misjudged for judged in replay.judged),
        "tests": sum(step.tests for step in compared),
        "tests_run": sum(step.ran for step in compared),
        "plain_seconds": round(replay.plain_seconds, 3),
        "seconds": round(replay.seconds, 3),
        "base": None if replay.base is None else _rounded(replay.base._asdict()),
        "steps": [_step(step) for step in replay.steps],
    }
    return json.dumps(answer, indent=2) + "\n"


def _step(step: Step) -> dict[str, Any]:
    return {
        **_rounded(step._asdict()),
        "findings": [finding_as_json(finding) for finding in step.findings],
        "judged": [judged._asdict() for judged in step.judged],
    }


def finding_as_json(finding: Finding) -> dict[str, Any]:
    """A finding with its missing link."""
    return {**finding._asdict(), "link": finding.link._asdict() if finding.link else None}


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in values.items()
    }


def _row(step: Step) -> tuple[str, ...]:
    if step.state != COMPARED:
        return (step.commit[:9], *[""] * 6, f"{step.state}: {step.note}")
    share = f"{100 * step.ran / step.tests:.0f} %" if step.tests else ""
    said = [f"{len(step.of(bucket))} {bucket}" for bucket in (ESCAPED, UNSTABLE) if step.of(bucket)]
    return (
        step.commit[:9],
        f"{step.tests:,}",
        f"{len(step.findings):,}",
        f"{step.ran:,}",
        share,
        duration(step.plain_seconds),
        duration(step.seconds),
        ", ".join([*said, step.note or step.subject]),
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
    return "  ".join([*cells, row[-1]]).rstrip()


def _findings(replay: Replay, bucket: str) -> Iterator[str]:
    found = [(step, finding) for step in replay.steps for finding in step.of(bucket)]
    if found:
        yield ""
    for step, finding in found[:_MOST]:
        yield from finding_lines(finding, f" at {step.commit[:9]}")
    if len(found) > _MOST:
        yield f"and {len(found) - _MOST:,} more"


def finding_lines(finding: Finding, where: str = "") -> Iterator[str]:
    """A test that escaped or is unstable, and why."""
    yield f"{finding.bucket}{where}: {finding.nodeid} ({finding.before or 'new'} -> {finding.after})"
    if finding.text:
        yield f"  {finding.text}"
    if finding.link is not None:
        yield f"  why: {finding.link.text}"
        if finding.link.limit:
            yield f"  a known limit: {finding.link.limit}"


def _commits(number: int) -> str:
    return f"{number} commit{'s' * (number != 1)}"
