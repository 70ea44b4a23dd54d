"""The answer of `testmon doctor`, as text and as JSON."""

import json
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
    for level in _ORDER:
        for finding in findings:
            if finding.level == level:
                yield f"{level:5}  {finding.topic}: {finding.text}"
                if finding.advice:
                    yield f"       -> {finding.advice}"
    wrong, slow = (sum(finding.level == level for finding in findings) for level in (WRONG, SLOW))
    yield f"{wrong} wrong, {slow} slow" if wrong or slow else "nothing to do"


def as_json(findings: Sequence[Finding]) -> str:
    """Render findings as JSON."""
    listed = [{**finding._asdict(), "advice": finding.advice or None} for finding in findings]
    return json.dumps({"version": JSON_VERSION, "findings": listed}, indent=2) + "\n"
