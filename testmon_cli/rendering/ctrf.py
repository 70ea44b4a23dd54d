"""`testmon report --format ctrf`: the Common Test Report Format."""

import json
from collections import Counter
from datetime import UTC, datetime

from testmon_cli import __version__
from testmon_cli.domain.nodeid import NodeId
from testmon_cli.domain.report import Report, Result
from testmon_cli.rendering.report import first_line, verdict

_SPECIFICATION = "1.0.0"  # of the format
_STATUS = {
    "passed": "passed",
    "xpassed": "passed",
    "failed": "failed",
    "error": "failed",
    "xfailed": "skipped",
}
_STATES = ("passed", "failed", "skipped", "pending", "other")


def as_ctrf(report: Report) -> str:
    """Render as JSON.

    Tests that need not run are skipped, those that are still to be run are pending.
    """
    failures = {failure.nodeid: failure for failure in report.failures}
    tests = []
    for result in report.results:
        node = NodeId.parse(result.nodeid, result.path)
        test: dict[str, object] = {
            "name": result.nodeid,
            "status": _status(result),
            "duration": round(result.seconds * 1000) if result.outcome else 0,
            "suite": [node.path, *node.names[:-1]],
            "filePath": result.path,
            "rawStatus": result.outcome or "not run",
        }
        if result.reason:
            test["message"] = result.reason
        failure = failures.get(result.nodeid)
        if failure is not None and result.outcome:
            test["message"] = first_line(failure.text) or result.outcome
            test["trace"] = failure.text
            test["line"] = failure.line
            test["labels"] = {"verdict": failure.judgement.verdict, "why": verdict(failure)}
        tests.append(test)
    counts = Counter(test["status"] for test in tests)
    start = report.last_run.started if report.last_run is not None else 0.0
    seconds = (report.last_run.seconds if report.last_run is not None else None) or 0.0
    summary: dict[str, object] = {
        "tests": len(tests),
        **{state: counts[state] for state in _STATES},
    }
    summary |= {"start": round(start * 1000), "stop": round((start + seconds) * 1000)}
    answer = {
        "reportFormat": "CTRF",
        "specVersion": _SPECIFICATION,
        "timestamp": datetime.fromtimestamp(start + seconds, UTC).isoformat(timespec="seconds"),
        "generatedBy": f"testmon {__version__}",
        "results": {"tool": {"name": "pytest"}, "summary": summary, "tests": tests},
    }
    return json.dumps(answer, indent=2) + "\n"


def _status(result: Result) -> str:
    if not result.outcome:
        return "pending" if result.is_pending else "skipped"
    return _STATUS.get(result.outcome, "skipped")
