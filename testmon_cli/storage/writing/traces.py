"""Writes traces: what was observed, and how tests came out."""

from collections.abc import Iterable, Mapping, Sequence

from testmon_cli.domain.records import Execution, Trace
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.connection import array
from testmon_cli.storage.packing import pack_text, storable
from testmon_cli.storage.row_ids import key_of
from testmon_cli.storage.writing.transactions import Transactions


class TraceChanges(Transactions):
    """Changes of traces and tests."""

    def write(self, run_id: int, traces: Sequence[Trace], executions: Sequence[Execution]) -> None:
        """Store what was observed.

        A trace that the run has already is joined with what comes now.
        """
        joined: dict[str, Trace] = {}
        for trace in (*traces, *(execution.trace for execution in executions)):
            known = joined.get(trace.identity)
            joined[trace.identity] = (
                trace if known is None or known is trace else known.joined(trace)
            )
        for execution in executions:
            if execution.trace.identity != f"test:{execution.nodeid}":
                raise ValueError(
                    f"the trace of {execution.nodeid} is named {execution.trace.identity}"
                )
        with self._transaction():
            ids, old = self._trace_rows.of(run_id, list(joined.values()))
            self._block_sets.add(joined.values(), ids, old)
            self._add_resources(joined.values(), ids)
            self._connection.insert(
                sql.add_use(
                    {"user_id": ids[trace.identity], "used_id": ids[used]}
                    for trace in joined.values()
                    for used in trace.uses
                )
            )
            self._add_executions(executions, ids)

    def change_unknown(self, trace_id: int, reason: str, complete: bool) -> None:
        """Store why the record of a trace has gaps, in place of what was said before.

        `complete` says whether what it belongs to was over when it was written.
        """
        with self._transaction() as change:
            change.change(
                sql.change_trace(trace_id=trace_id, reason=storable(reason), whole=complete)
            )

    def place_tests(self, tests: Mapping[str, tuple[str, str, str]]) -> None:
        """Say where tests that are known stand: by node id their path, function and kind."""
        with self._transaction() as change:
            subjects = self._ids.of_subjects([f"test:{nodeid}" for nodeid in tests])
            change.insert(
                sql.put_test(
                    {
                        "id": subjects[f"test:{nodeid}"],
                        "path": storable(path),
                        "function": storable(function),
                        "kind": kind,
                    }
                    for nodeid, (path, function, kind) in tests.items()
                )
            )

    def _add_resources(self, traces: Iterable[Trace], ids: dict[str, int]) -> None:
        found = [(ids[trace.identity], state) for trace in traces for state in trace.resources]
        if not found:
            return
        states = self._ids.of_states([state for _, state in found])
        origins = self._ids.of_origins({state.frames for _, state in found})
        self._connection.insert(
            sql.add_trace_resource(
                {
                    "trace_id": trace_id,
                    "resource_state_id": states[key_of(state)],
                    "origin_id": origins[state.frames],
                }
                for trace_id, state in found
            )
        )

    def _add_executions(self, executions: Sequence[Execution], ids: dict[str, int]) -> None:
        subjects = self._ids.of_subjects(execution.trace.identity for execution in executions)
        numbered = [(ids[execution.trace.identity], execution) for execution in executions]
        self._connection.insert(
            sql.put_test(
                {
                    "id": subjects[execution.trace.identity],
                    "path": storable(execution.path),
                    "function": storable(execution.function),
                    "kind": execution.kind,
                }
                for execution in executions
            )
        )
        self._connection.insert(
            sql.put_execution(
                {
                    "trace_id": trace_id,
                    "outcome": execution.outcome,
                    "duration": execution.duration,
                    "always": storable(execution.always),
                }
                for trace_id, execution in numbered
            )
        )
        self._connection.change(sql.drop_failures(ids=array(trace_id for trace_id, _ in numbered)))
        # A test that ran twice in one batch came out as it did the last time.
        last = {trace_id: execution.failure for trace_id, execution in numbered}
        self._connection.insert(
            sql.add_failure(
                {"trace_id": trace_id, "text": pack_text(text)}
                for trace_id, text in last.items()
                if text
            )
        )
