"""Unites rows of evidence with what a datafile knows.

In whatever order evidence comes, the outcome is the same.

Where two sources know of the same thing of the same run, which happens with copies of a datafile,
what is kept depends on the two alone, not on who was first: of traces all that either relied on, of
executions the one that failed.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from testmon_cli.domain.evidence import (
    Row,
    RunRow,
    TraceRow,
    VersionRow,
)
from testmon_cli.domain.records import (
    FAILURES,
    Environment,
    Execution,
    StoredOutcome,
    Trace,
    TraceWithOutcome,
)
from testmon_cli.storage.evidence_tables import Tables
from testmon_cli.storage.run_merging import RunMerger

if TYPE_CHECKING:
    from testmon_cli.storage.datafile import Datafile

_BATCH = 500  # traces that are written at once


class Merged(NamedTuple):
    """The counts of what was new to the datafile."""

    runs: int
    executions: int


class Merger:
    """Takes the rows of one environment, within one transaction of the datafile."""

    def __init__(self, datafile: "Datafile", environment: Environment) -> None:
        self._datafile = datafile
        self._tables = Tables()
        self._runs = RunMerger(datafile, environment, self._tables)
        self._tests: Mapping[str, tuple[float, str, str, str]] | None = None  # as they stood before
        # by subject: when the newest run began that ran the test
        self._newest: dict[int, float] = {}
        self._run = 0  # place of the one whose traces come
        # by the id of a run: digests of the traces that it had before
        self._there: dict[int, set[bytes]] | None = None
        self._known: dict[str, TraceWithOutcome] | None = (
            None  # traces of this run, when they were asked for
        )
        self._traces: list[TraceRow] = []
        self._new_executions = 0

    def merge(self, rows: Iterable[Row]) -> Merged:
        """Store all rows.

        Raises EvidenceError for what cannot be: whoever asked for the transaction undoes it.
        """
        for row in rows:
            if isinstance(row, TraceRow):
                self._trace(row)
            elif isinstance(row, VersionRow):
                self._runs.add_version(row)
            elif isinstance(row, RunRow):
                self._runs.add(row)
            else:
                self._tables.take(row)
        self._runs.write_versions()
        self._write_traces()
        self._place_tests()
        return Merged(self._runs.new, self._new_executions)

    # Traces

    def _trace(self, row: TraceRow) -> None:
        if row.run != self._run:
            self._write_traces()
            self._run = row.run
            self._known = None
        run_id, run = self._runs.all[row.run - 1]
        if row.outcome:
            self._newest[row.subject] = max(run.started, self._newest.get(row.subject, run.started))
        if row.run in self._runs.again and self._tables.digest(row) in self._digests_there().get(
            run_id, ()
        ):
            return  # mostly: evidence came again
        self._traces.append(row)
        if len(self._traces) >= _BATCH:
            self._write_traces()

    def _digests_there(self) -> Mapping[int, set[bytes]]:
        """The digests of traces that the datafile has, by the runs that come again."""
        if self._there is None:
            self._there = {run.id: set() for run in self._runs.again.values()}
            exported = self._datafile.exporter(self._runs.again.values())
            tables, ids = Tables(), [run.id for run in exported.runs]
            for row in exported.rows(with_models=False):
                if isinstance(row, TraceRow):
                    self._there[ids[row.run - 1]].add(tables.digest(row))
                else:
                    tables.take(row)
        return self._there

    def _known_traces(self, run_id: int) -> Mapping[str, TraceWithOutcome]:
        if self._known is None:
            found = self._datafile.traces_of_run(run_id) if self._run in self._runs.again else ()
            self._known = {trace.identity: trace for trace in found}
        return self._known

    def _write_traces(self) -> None:
        if not self._traces:
            return
        self._tests_before()
        run_id, _ = self._runs.all[self._run - 1]
        traces, executions = [], []
        for row in self._traces:
            trace = self._tables.trace(row)
            known = self._known_traces(run_id).get(trace.identity)
            trace = trace if known is None else self._united(trace, known)
            execution = self._execution(row, trace, known) if row.outcome else None
            if execution is None:
                traces.append(trace)
            else:
                executions.append(execution)
                self._new_executions += known is None or known.execution is None
        self._datafile.write(run_id, traces, executions)
        self._traces.clear()

    def _united(self, trace: Trace, known: TraceWithOutcome) -> Trace:
        """Unite a trace with the stored one, but for what `Datafile.write` unites itself."""
        if known.unknown != trace.unknown:
            reasons = {*known.unknown.split("; "), *trace.unknown.split("; ")} - {""}
            self._datafile.change_unknown(known.id, "; ".join(sorted(reasons)), known.complete)
        return trace._replace(unknown="", complete=trace.complete or known.complete)

    def _execution(
        self, row: TraceRow, trace: Trace, known: TraceWithOutcome | None
    ) -> Execution | None:
        """The execution that is to be written; None where the one that is there stays."""
        subject = self._tables.subjects[row.subject - 1]
        ours = StoredOutcome(row.outcome, row.duration, row.always, row.failure)
        theirs = known.execution if known is not None else None
        if theirs is not None and _weight(theirs) >= _weight(ours):
            return None
        where = (subject.name, subject.path, subject.function, subject.test_kind)
        return Execution(trace, *where, row.outcome, row.duration, row.failure, row.always)

    def _tests_before(self) -> Mapping[str, tuple[float, str, str, str]]:
        """Where the tests of the evidence stood before any of it was written."""
        if self._tests is None:
            names = (subject.name for subject in self._tables.subjects if subject.test_kind)
            self._tests = self._datafile.newest_of_tests(names)
        return self._tests

    def _place_tests(self) -> None:
        """Let the newest run say where each test stands, not the one written last."""
        winners: dict[str, tuple[str, str, str]] = {}
        for place, started in self._newest.items():
            row = self._tables.subjects[place - 1]
            brought = (started, row.path, row.function, row.test_kind)
            there = self._tests_before().get(row.name, brought)
            winners[row.name] = max(brought, there)[1:]
        self._datafile.place_tests(winners)


def _weight(execution: StoredOutcome) -> tuple[object, ...]:
    """The sort key by which one of two executions of a test in a run is kept.

    The greater, so rather a failed one.
    """
    return execution.outcome in FAILURES, execution
