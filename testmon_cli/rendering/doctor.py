"""The answer of `testmon doctor`, as text and as JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from testmon_cli.domain.diagnosis import FINE, SLOW, WRONG, Finding
from testmon_cli.rendering.terminal import joined

JSON_VERSION = 1
STYLES = {r"(?m)^wrong\b": "bold red", r"(?m)^slow\b": "bold yellow", r"(?m)^fine\b": "green"}
_ORDER = (WRONG, SLOW, FINE)


def as_text(findings: Sequence[Finding]) -> str:
    """A line for each finding, what is wrong first, with what to do below it; then the sum."""
    return joined(_lines(findings))


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in sorted(findings, key=lambda each: _ORDER.index(each.level)):
        yield f"{finding.level:5}  {finding.topic}: {finding.text}"
        if finding.advice:
            yield f"       -> {finding.advice}"
    counts = Counter(finding.level for finding in findings)
    if counts[WRONG] or counts[SLOW]:
        yield f"{counts[WRONG]} wrong, {counts[SLOW]} slow"
    else:
        yield "nothing to do"


def as_json(findings: Sequence[Finding]) -> str:
    """Render findings as JSON."""
    listed = [{**finding._asdict(), "advice": finding.advice or None} for finding in findings]
    return json.dumps({"version": JSON_VERSION, "findings": listed}, indent=2) + "\n"
