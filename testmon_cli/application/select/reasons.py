"""Why a test must run: what has changed, that it failed, or that it is to run every time."""

from collections.abc import Collection

from testmon_cli.application.select.reason_text import sentence
from testmon_cli.application.select.weighing import Verdict
from testmon_cli.domain import selection as kinds
from testmon_cli.domain.causes import Cause, Kind
from testmon_cli.domain.nodeid import path_of
from testmon_cli.domain.records import FAILURES, StoredExecution
from testmon_cli.domain.selection import Reason


class Reasons:
    """Gives reasons; tests that share a cause share the reason."""

    def __init__(self) -> None:
        # test files that could not be imported by the last run that tried
        self.failing: Collection[str] = ()
        self._by_cause: dict[int, Reason] = {}  # by the id of the cause

    def of(self, verdict: Verdict, *, failed: bool) -> Reason | None:
        """Why a test must run; None where it need not. With `failed`, a failure is a reason."""
        execution = verdict.valid or verdict.newest
        if verdict.valid is None:
            if verdict.cause is None:
                return Reason(kinds.UNKNOWN, f"cannot be known: {verdict.text}")
            return self._of_cause(verdict.cause)
        if path_of(execution.nodeid, execution.path) in self.failing:
            return Reason(kinds.FAILED, "its file could not be imported last time")
        return self.to_repeat(execution, failed=failed)

    @staticmethod
    def to_repeat(execution: StoredExecution, *, failed: bool) -> Reason | None:
        """Why a test whose execution holds must run nevertheless."""
        if execution.always:
            return Reason(kinds.ALWAYS, execution.always)
        if failed and execution.outcome in FAILURES:
            return Reason(kinds.FAILED, f"{execution.outcome} last time")
        return None

    def _of_cause(self, cause: Cause) -> Reason:
        """One reason for all tests that share a cause."""
        known = self._by_cause.get(id(cause))
        if known is None:
            kind = kinds.UNKNOWN if cause.origin.kind is Kind.UNKNOWN else kinds.AFFECTED
            # so that no other gets its id
            known = self._by_cause[id(cause)] = Reason(kind, sentence(cause), cause)
        return known
