"""Failures at their places in the sources: for a change as GitHub and GitLab show it."""

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType

from testmon_cli.domain.report import Failure, Report
from testmon_cli.domain.verdicts import FLAKY, KNOWN, NEW, UNKNOWN, VERDICTS
from testmon_cli.rendering.report import first_line, verdict
from testmon_cli.rendering.terminal import visible

_LEVELS: Mapping[str, str] = MappingProxyType(
    {NEW: "error", KNOWN: "warning", FLAKY: "warning", UNKNOWN: "error"}
)
_SEVERITIES: Mapping[str, str] = MappingProxyType(
    {NEW: "critical", KNOWN: "minor", FLAKY: "minor", UNKNOWN: "major"}
)


def as_commands(report: Report) -> str:
    """A command of GitHub Actions for each failure, on a line of its own.

    New ones come first, since few are shown.
    """
    lines = []
    for failure in _by_verdict(report):
        title = f"{failure.judgement.verdict} failure: {failure.nodeid}"
        text = "\n".join(filter(None, (first_line(failure.text), verdict(failure))))
        properties = (
            f"file={_property(failure.path)},line={failure.line},title={_property(visible(title))}"
        )
        lines.append(f"::{_LEVELS[failure.judgement.verdict]} {properties}::{_data(text)}\n")
    return "".join(lines)


def as_code_quality(report: Report) -> str:
    """The report that GitLab reads as `artifacts:reports:codequality`."""
    found = [
        {
            "description": visible(
                f"{failure.nodeid}: {first_line(failure.text) or failure.outcome} ({verdict(failure)})"
            ),
            "check_name": f"{failure.judgement.verdict}-failure",
            "fingerprint": hashlib.sha256(
                failure.nodeid.encode("utf-8", "surrogatepass")
            ).hexdigest(),
            "severity": _SEVERITIES[failure.judgement.verdict],
            "location": {"path": failure.path, "lines": {"begin": failure.line}},
        }
        for failure in _by_verdict(report)
    ]
    return json.dumps(found, indent=2) + "\n"


def _by_verdict(report: Report) -> list[Failure]:
    return sorted(report.failures, key=lambda failure: VERDICTS.index(failure.judgement.verdict))


def _data(text: str) -> str:
    """A text that ends no command and begins none."""
    visible_lines = "\n".join(map(visible, text.split("\n")))
    return visible_lines.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
