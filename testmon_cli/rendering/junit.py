"""`testmon report --format junit`: what shows test results of any language reads this.

Tests of the last run are as they came out there, all others are skipped, with the reason why they
need not run.
"""

import re
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from testmon_cli.domain.nodeid import NodeId
from testmon_cli.domain.report import Failure, Report, Result
from testmon_cli.rendering.report import first_line, verdict

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def as_junit(report: Report) -> str:
    """Render as XML, in the form that pytest has as well."""
    failures = {failure.nodeid: failure for failure in report.failures}
    outcomes = [result.outcome for result in report.results]
    numbers: dict[str, object] = {
        "tests": len(outcomes),
        "failures": outcomes.count("failed"),
        "errors": outcomes.count("error"),
        "skipped": sum(outcome in ("", "skipped", "xfailed") for outcome in outcomes),
        "time": f"{sum(result.seconds for result in report.results if result.outcome):.3f}",
    }
    counts = {name: str(value) for name, value in numbers.items()}
    root = Element("testsuites", {"name": "testmon", **counts})
    suite = SubElement(root, "testsuite", {"name": "pytest", **counts})
    if report.last_run is not None:
        started = datetime.fromtimestamp(report.last_run.started, UTC)
        suite.set("timestamp", started.isoformat(timespec="seconds"))
    for result in report.results:
        _add(suite, result, failures.get(result.nodeid))
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


def _add(suite: Element, result: Result, failure: Failure | None) -> None:
    node = NodeId.parse(result.nodeid, result.path)
    place = node.path.removesuffix(".py").replace("/", ".")
    classname = ".".join((place, *node.names[:-1]))
    name = node.names[-1] + node.parameters if node.names else node.path
    seconds = f"{result.seconds if result.outcome else 0.0:.3f}"
    case = SubElement(suite, "testcase", classname=_text(classname), name=_text(name), time=seconds)
    case.set("file", _text(result.path))
    if not result.outcome:
        SubElement(case, "skipped", type="testmon.skip", message=_text(result.reason))
    elif result.outcome == "skipped":
        SubElement(case, "skipped", type="pytest.skip", message="skipped")
    elif result.outcome == "xfailed":
        SubElement(case, "skipped", type="pytest.xfail", message="expected failure")
    elif result.outcome in ("failed", "error"):
        tag = "failure" if result.outcome == "failed" else "error"
        text, told = (failure.text, verdict(failure)) if failure is not None else ("", "")
        message = "; ".join(filter(None, (first_line(text), told)))
        SubElement(case, tag, message=_text(message)).text = _text(text)
        if failure is not None:
            case.set("line", str(failure.line))


def _text(text: str) -> str:
    """A text without what no XML can hold."""
    return _NOT_IN_XML.sub(
        lambda match: match[0].encode("unicode_escape", "surrogatepass").decode(), text
    )
