"""Writes what collecting learned. Each call is one transaction, all or nothing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from testmon_cli.domain.records import Execution, Package, RunStart, SourceVersion, Trace
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.block_sets import BlockSets
from testmon_cli.storage.connection import Connection, array
from testmon_cli.storage.packing import (
    digest,
    pack_numbers,
    pack_text,
    storable,
    to_json,
)
from testmon_cli.storage.row_ids import RowIds, key_of
from testmon_cli.storage.trace_rows import TraceRows, both

if TYPE_CHECKING:
    from testmon_cli.storage.compiled_sqlite import AddEnvironmentValues, AddVersionValues


class Writer:
    """The changes. Nothing here reads more than the ids it needs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids = RowIds(connection)
        self._trace_rows = TraceRows(connection, self._ids)
        self._block_sets = BlockSets(connection, self._ids)

    def begin_run(self, start: RunStart) -> int:
        """Store what is known of a run when it begins; its id."""
        environment = start.environment
        where: AddEnvironmentValues = {
            "name": storable(environment.name),
            "python": environment.python,
            "platform": environment.platform,
        }
        packages = to_json(
            [
                _listed(package)
                for package in sorted(start.packages, key=lambda package: package.name)
            ]
        )
        named = digest(packages.encode())
        with self._transaction() as change:
            change.insert(sql.add_environment([where]))
            change.insert(sql.add_package_set([{"digest": named, "packages": packages}]))
            run_id = change.insert_one(
                sql.add_run(
                    [
                        {
                            "environment_id": change.only(sql.environment_id(**where)),
                            "package_set_id": change.only(sql.package_set_id(digest=named)),
                            "snapshot_id": None,
                            "fact_set_id": None,
                            "started": start.started,
                            "ended": None,
                            "completed": False,
                            "exitstatus": None,
                            "arguments": to_json(start.arguments),
                            "git_head": start.git_head,
                            "git_dirty": start.git_dirty,
                            "engine": start.engine,
                            "version": start.version,
                        }
                    ]
                )
            )
            self._trace_rows.begin_run(run_id)
        return run_id

    def add_sources(self, versions: Iterable[SourceVersion]) -> dict[tuple[str, str], int]:
        """Store source versions, or the newer hints of those that are known.

        Ids by path and digest.
        """
        versions = list(versions)
        with self._transaction() as change:
            ids = self._ids.of_sources({version.path for version in versions})
            change.insert(sql.add_version(_version_rows(versions, ids)))
            stored = {
                (row["source_id"], row["digest"], row["model_key"]): int(row["id"])
                for row in change.stream(
                    sql.version_ids(ids=array({ids[version.path] for version in versions}))
                )
            }
            found = [
                (version, stored[ids[version.path], version.digest, version.model_key])
                for version in versions
            ]
            change.insert(
                sql.add_model(
                    {"version_id": number, "names": version.names, "model": version.model}
                    for version, number in found
                )
            )
        return {(version.path, version.digest): number for version, number in found}

    def unite_sources(self, versions: Sequence[SourceVersion]) -> dict[tuple[str, str, str], int]:
        """Store source versions from elsewhere, which say nothing of our files.

        Ids by path, digest and model key.
        """
        with self._transaction() as change:
            ids = self._ids.of_sources({version.path for version in versions})
            change.insert(sql.add_version_alone(_version_rows(versions, ids)))
            rows = change.stream(sql.version_ids(ids=array(ids.values())))
            stored = {
                (row["source_id"], row["digest"], row["model_key"]): int(row["id"]) for row in rows
            }
            found = {v[:3]: stored[ids[v.path], v.digest, v.model_key] for v in versions}
            change.insert(
                sql.put_model(
                    {"version_id": found[v[:3]], "names": v.names, "model": v.model}
                    for v in versions
                )
            )
        return found

    def change_unknown(self, trace_id: int, reason: str, complete: bool) -> None:
        """Say why the record of a trace has gaps, instead of what was said before."""
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

    def set_snapshot(self, run_id: int, version_ids: Iterable[int]) -> None:
        """Say which source versions the run sees."""
        packed = pack_numbers(set(version_ids))
        named = digest(packed)
        with self._transaction() as change:
            change.insert(sql.add_snapshot([{"digest": named, "versions": packed}]))
            change.change(
                sql.set_snapshot(run_id=run_id, snapshot=change.only(sql.snapshot_id(digest=named)))
            )

    def set_facts(self, run_id: int, facts: Mapping[str, object]) -> None:
        """Say what the session told, instead of what was said before."""
        text = to_json(dict(facts))
        named = digest(text.encode())
        with self._transaction() as change:
            change.insert(sql.add_fact_set([{"digest": named, "facts": pack_text(text)}]))
            change.change(
                sql.set_facts(run_id=run_id, fact_set=change.only(sql.fact_set_id(digest=named)))
            )

    def finish_run(
        self, run_id: int, ended: float, completed: bool, exitstatus: int | None
    ) -> None:
        """Say how a run ended."""
        with self._transaction() as change:
            change.change(
                sql.finish_run(run_id=run_id, end=ended, whole=completed, status=exitstatus)
            )

    def write(self, run_id: int, traces: Sequence[Trace], executions: Sequence[Execution]) -> None:
        """Store what was observed.

        A trace that the run has already is joined with what comes now.
        """
        joined: dict[str, Trace] = {}
        for trace in (*traces, *(execution.trace for execution in executions)):
            known = joined.get(trace.identity)
            joined[trace.identity] = (
                trace if known is None or known is trace else _joined(known, trace)
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

    def uniting(self) -> AbstractContextManager[object]:
        """Make one transaction of all that is written within this context."""
        return self._transaction()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._connection.transaction() as changed_elsewhere:
            if changed_elsewhere:
                self._forget()  # ids that may be gone
            for rows in (self._ids, self._trace_rows, self._block_sets):
                rows.bound()
            try:
                yield self._connection
            except BaseException:
                self._forget()  # ids of rows that are rolled back
                raise

    def _forget(self) -> None:
        for rows in (self._ids, self._trace_rows, self._block_sets):
            rows.forget()

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


def _joined(first: Trace, second: Trace) -> Trace:
    """Two records of one trace, the second being the later."""
    fingerprints: dict[str, AbstractSet[int]] = defaultdict(frozenset, first.fingerprints)
    for path, checksums in second.fingerprints.items():
        fingerprints[path] |= checksums
    return second._replace(
        fingerprints=dict(fingerprints),
        resources=first.resources + second.resources,
        uses=first.uses + second.uses,
        unknown=both(first.unknown, second.unknown),
    )


def _version_rows(
    versions: Iterable[SourceVersion], source_ids: Mapping[str, int]
) -> "Iterator[AddVersionValues]":
    for version in versions:
        yield {
            "source_id": source_ids[version.path],
            "digest": version.digest,
            "model_key": version.model_key,
            "size": version.size,
            "mtime_ns": version.mtime_ns,
        }


def _listed(package: Package) -> list[object]:
    return [package.name, package.version, package.digest, package.modules, package.requires]
