"""How a test came out, read from the reports of its phases."""

from functools import cache
from typing import Any

import pytest

FAILURE_LIMIT = 200_000  # characters; a failure text longer than that helps nobody


class OutcomeReader:
    """Joins the reports of one test."""

    def __init__(self) -> None:
        self.always = ""
        self._reset()

    def _reset(self) -> None:
        self.outcome = ""
        self.duration = 0.0
        self.called = False  # the test function itself was called
        self.finished = False  # it was torn down: an interrupted test has no outcome
        self._texts: list[str] = []
        self._subtest_failed = False

    @property
    def failure(self) -> str:
        return "\n".join(self._texts)[:FAILURE_LIMIT]

    def fail(self, text: str) -> None:
        """The test came to its end without a report."""
        self.outcome = "failed"
        self._texts.append(text)

    def add(self, report: pytest.TestReport) -> None:
        """Take a report in.

        A second set-up begins the test anew: a plugin reruns it, the last outcome counts.
        """
        when, shown = report.when, str(report.outcome)
        if when == "setup" and self.outcome:
            self.always = self.always or "a plugin ran it more than once"
            self._reset()
        if shown == "rerun":  # of pytest-rerunfailures
            self.always = "it was rerun after a failure"
        kind: Any = type(report)
        if is_subtest(kind):
            self._subtest(report)
            return
        self.duration += report.duration
        self.finished = when == "teardown"
        if when == "call" and shown != "skipped":
            self.called = True
        outcome = outcome_of(report)
        if outcome in ("failed", "error"):
            self._texts.append(report.longreprtext)
        if when == "call" and self._subtest_failed and outcome == "passed":
            outcome = "failed"
        is_quiet_end = when == "teardown" and outcome == "passed"
        if not is_quiet_end and self.outcome not in ("failed", "error"):
            self.outcome = outcome

    def _subtest(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._subtest_failed = True
            self._texts.append(report.longreprtext)
            if self.outcome == "passed":
                self.outcome = "failed"


@cache
def is_subtest(kind: type) -> bool:
    """Tell whether reports of a class are of subtests, of pytest or of the older plugin."""
    return any(cls.__name__ in ("SubtestReport", "SubTestReport") for cls in kind.__mro__)


def outcome_of(report: pytest.TestReport) -> str:
    """The outcome that one phase stands for."""
    outcome = report.outcome
    if hasattr(report, "wasxfail"):
        if outcome == "skipped":
            return "xfailed"
        if outcome == "passed":
            return "xpassed"
    if outcome == "failed":
        return "failed" if report.when == "call" else "error"
    return "skipped" if outcome == "skipped" else "passed"
