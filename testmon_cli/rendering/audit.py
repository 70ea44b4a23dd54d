"""The answer of `testmon audit` as text and JSON."""

import json
from collections.abc import Iterable, Iterator

from testmon_cli.domain.proof import CAUGHT, ESCAPED, UNSTABLE, Audit, Finding, Tally
from testmon_cli.rendering.replay import finding_as_json, finding_lines
from testmon_cli.rendering.terminal import duration, joined

JSON_VERSION = 1


def as_text(audit: Audit) -> str:
    """Render an audit: what escaped or is unstable, then the numbers."""
    lines = [
        line
        for bucket in (ESCAPED, UNSTABLE)
        for f in audit.of(bucket)
        for line in finding_lines(f)
    ]
    return joined([*lines, *[""] * bool(lines), *_numbers(audit)])


def _numbers(audit: Audit) -> Iterator[str]:
    sample = f", a sample of {audit.sample} with --seed {audit.seed}" if audit.sample else ""
    yield f"{audit.tests:,} tests ran in {duration(audit.seconds)}{sample}; {audit.selected:,} of them are selected"
    kinds = [f"{len(audit.of(bucket)):,} {bucket}" for bucket in (CAUGHT, ESCAPED, UNSTABLE)]
    yield "new or changed outcomes: " + ", ".join(kinds)
    yield f"recall: {_recall(Tally.of(audit.findings))}"


def _recall(tally: Tally) -> str:
    if tally.recall is None:
        return "nothing failed or came out otherwise"
    every = tally.caught + tally.escaped
    return (
        f"{100 * tally.recall:.1f} % ({tally.caught:,} of {every:,} failures and changed outcomes)"
    )


def so_far(findings: Iterable[Finding], tally: Tally) -> str:
    """Render an audit of a job, and the sum of all that are remembered, in one line."""
    now = _recall(Tally.of(findings))
    return f"audit: recall {now}; so far, in {tally.audits:,} audit{'s' * (tally.audits != 1)}: {_recall(tally)}"


def as_json(audit: Audit) -> str:
    """For programs."""
    tally = Tally.of(audit.findings)
    answer = {
        "version": JSON_VERSION,
        "tests": audit.tests,
        "selected": audit.selected,
        "known": audit.known,
        "sample": audit.sample,
        "seed": audit.seed,
        "seconds": round(audit.seconds, 3),
        **{bucket: len(audit.of(bucket)) for bucket in (CAUGHT, ESCAPED, UNSTABLE)},
        "recall": tally.recall,
        "findings": [finding_as_json(finding) for finding in audit.findings],
    }
    return json.dumps(answer, indent=2) + "\n"
