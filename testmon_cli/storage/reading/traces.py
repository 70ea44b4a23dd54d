"""Questions about traces: whom they use, and which resources they relied on."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from testmon_cli.domain.records import ResourceState, StoredOutcome, StoredTrace, TraceWithOutcome
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.connection import array, present
from testmon_cli.storage.packing import original, unpack_text
from testmon_cli.storage.reading.questions import Questions, decoded

if TYPE_CHECKING:
    from testmon_cli.storage.compiled_sqlite import ResourceStatesRow, TraceResourcesRow


class TraceQuestions(Questions):
    """Traces with what they rely on beside code."""

    @decoded
    def uses(self, run_ids: Iterable[int]) -> list[tuple[int, int]]:
        """Pairs of a trace and a trace of the same run that it relies on."""
        rows = self._connection.stream(sql.uses(runs=array(run_ids)))
        return [(row["user_id"], row["used_id"]) for row in rows]

    @decoded
    def traces(self, run_ids: Iterable[int], *kinds: str) -> list[StoredTrace]:
        """The traces of some runs, of all or of some kinds.

        `kinds` are the first words of identities.
        """
        return [
            StoredTrace(
                row["id"],
                row["run_id"],
                f"{row['kind']}:{original(row['name'])}",
                original(row["unknown"]),
                bool(row["complete"]),
            )
            for row in self._connection.stream(sql.traces(runs=array(run_ids), kinds=array(kinds)))
        ]

    @decoded
    def trace_ids(self, run_id: int) -> list[int]:
        """The ids of all traces of a run."""
        found: list[int] = json.loads(self._connection.only(sql.trace_ids(run_id=run_id)))
        return found

    @decoded
    def has_gaps(self, run_id: int) -> bool:
        """Tell whether a run has incomplete records of anything but tests."""
        return self._connection.value(sql.gaps(run_id=run_id)) is not None

    @decoded
    def resources(self, run_ids: Iterable[int]) -> list[tuple[int, int]]:
        """Pairs of a trace and a resource state it relies on."""
        rows = self._connection.stream(sql.resources(runs=array(run_ids)))
        return [(row["trace_id"], row["resource_state_id"]) for row in rows]

    @decoded
    def relies_on(self, run_id: int, state_ids: Iterable[int]) -> bool:
        """Tell whether any trace of a run relies on one of some resource states."""
        return (
            self._connection.value(sql.relies_on(run_id=run_id, ids=array(state_ids))) is not None
        )

    @decoded
    def readings(self, run_id: int, state_ids: Iterable[int]) -> list[tuple[int, int, str]]:
        """The traces of a run that rely on some resource states.

        Returns triples of a trace, one of `state_ids`, and the frames that asked for the resource.
        """
        rows = self._connection.stream(sql.readings(run_id=run_id, ids=array(state_ids)))
        return [
            (row["trace_id"], row["resource_state_id"], original(row["frames"])) for row in rows
        ]

    @decoded
    def resource_states(self) -> dict[int, ResourceState]:
        """All states in which resources were found, without frames."""
        return {row["id"]: _state(row) for row in self._connection.stream(sql.resource_states())}

    @decoded
    def trace_resources(self, trace_id: int) -> dict[int, ResourceState]:
        """The resources that one trace relied on, with the frames that asked for them."""
        rows = self._connection.stream(sql.trace_resources(trace_id=trace_id))
        return {row["resource_state_id"]: _state(row, original(row["frames"])) for row in rows}

    @decoded
    def traces_of_run(self, run_id: int) -> list[TraceWithOutcome]:
        """All traces of a run, with the executions of its tests."""
        subjects = {
            number: f"{kind}:{original(name)}"
            for number, kind, name in self._connection.tuples(sql.subjects_of_run(run_id=run_id))
        }
        found = []
        for row in self._connection.stream(sql.evidence_traces(run_id=run_id)):
            failure = "" if row["text"] is None else unpack_text(row["text"])
            execution = None
            if row["outcome"] is not None:
                duration, always = float(present(row["duration"])), original(present(row["always"]))
                execution = StoredOutcome(row["outcome"], duration, always, failure)
            found.append(
                TraceWithOutcome(
                    subjects[row["subject_id"]],
                    row["id"],
                    original(row["unknown"]),
                    bool(row["complete"]),
                    execution,
                )
            )
        return found


def _state(row: "ResourceStatesRow | TraceResourcesRow", frames: str = "") -> ResourceState:
    return ResourceState(
        row["kind"],
        original(row["name"]),
        original(row["state"]),
        row["size"],
        row["mtime_ns"],
        frames,
    )
