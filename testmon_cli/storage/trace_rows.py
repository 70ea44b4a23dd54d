"""The rows of traces: a trace is known by its run and its subject."""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from testmon_cli.domain.records import Trace
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.connection import Connection, array
from testmon_cli.storage.packing import storable
from testmon_cli.storage.row_ids import REMEMBERED, RowIds

if TYPE_CHECKING:
    from testmon_cli.storage.compiled_sqlite import RunTracesRow


class TraceRows:
    """Looks the ids of traces up, and makes the rows that are not there.

    Called within a transaction.
    """

    def __init__(self, connection: Connection, ids: RowIds) -> None:
        self._connection = connection
        self._ids = ids
        self._traces: dict[tuple[int, int], int] = {}  # by run and subject
        self._whole_run = 0  # the run whose traces are all among them

    def forget(self) -> None:
        """Look all up again."""
        self._traces.clear()
        self._whole_run = 0

    def bound(self) -> None:
        """Forget what grew too large."""
        if len(self._traces) > REMEMBERED:
            self.forget()

    def begin_run(self, run_id: int) -> None:
        """Take note of a new run, which has no traces yet."""
        self._whole_run = run_id

    def of(self, run_id: int, traces: list[Trace]) -> tuple[dict[str, int], set[int]]:
        """Ids of traces and of those they use, and which of them the run had before.

        A trace that is used before it is written stands as one that is not complete, until it is.
        """
        given = {trace.identity: trace for trace in traces}
        used = set(chain.from_iterable(trace.uses for trace in traces))
        subjects = self._ids.of_subjects([*given, *sorted(used - given.keys())])
        ids: dict[str, int] = {}
        asked: dict[int, str] = {}  # names by subject
        is_whole = run_id == self._whole_run
        for name, subject in subjects.items():
            number = self._traces.get((run_id, subject))
            if number is None:
                is_asked = not is_whole
            else:
                ids[name] = number
                # Of a used trace the id is enough; one that is written may have to change.
                is_asked = name in given
            if is_asked:
                asked[subject] = name
        old: set[int] = set()
        for row in self._stored(run_id, asked):
            name = asked[row["subject_id"]]
            ids[name] = row["id"]
            if name in given:
                old.add(row["id"])
                self._change_trace(row["id"], row["unknown"], bool(row["complete"]), given[name])
        missing = [name for name in subjects if name not in ids]
        new = [given.get(name) or Trace(name, complete=False) for name in missing]
        ids.update(self._add(run_id, new, subjects))
        self._traces.update(((run_id, subject), ids[name]) for name, subject in subjects.items())
        return ids, old

    def _stored(self, run_id: int, subjects: Collection[int]) -> "Sequence[RunTracesRow]":
        """The rows that a run has for some subjects."""
        if not subjects:
            return ()
        return self._connection.rows(sql.run_traces(run_id=run_id, ids=array(subjects)))

    def _add(
        self, run_id: int, traces: Sequence[Trace], subjects: Mapping[str, int]
    ) -> dict[str, int]:
        """Make rows for traces that have none; their ids by identity."""
        # Ids that are given out here need not be asked for: nobody else writes during a
        # transaction.
        last = self._connection.value(sql.last_trace()) or 0
        ids = {trace.identity: number for number, trace in enumerate(traces, last + 1)}
        self._connection.insert(
            sql.add_trace(
                {
                    "id": ids[trace.identity],
                    "run_id": run_id,
                    "subject_id": subjects[trace.identity],
                    "unknown": storable(trace.unknown),
                    "complete": trace.complete,
                }
                for trace in traces
            )
        )
        return ids

    def _change_trace(self, trace_id: int, unknown: str, complete: bool, trace: Trace) -> None:
        reason = storable(both(unknown, trace.unknown))
        if (reason, trace.complete) != (unknown, complete):
            self._connection.change(
                sql.change_trace(trace_id=trace_id, reason=reason, whole=trace.complete)
            )


def both(first: str, second: str) -> str:
    """Join two reasons for gaps in a record.

    `first` and `second` may be "" or the same.
    """
    if not second or second in first.split("; "):
        return first
    return f"{first}; {second}" if first else second
