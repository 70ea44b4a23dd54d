"""What selection asks of the datafile."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from testmon_cli.domain.records import (
    RUN_KEY,
    Environment,
    Heads,
    Package,
    ResourceState,
    Run,
    StoredExecution,
    StoredFingerprint,
    StoredTest,
    VersionRef,
)
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.connection import Connection, array, decoding, present
from testmon_cli.storage.packing import original, storable, unpack_numbers, unpack_text, unsigned
from testmon_cli.storage.query import Query

if TYPE_CHECKING:
    from testmon_cli.storage.compiled_sqlite import (
        AddEnvironmentValues,
        FingerprintsRow,
        ResourceStatesRow,
        RunsRow,
        TraceResourcesRow,
    )

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")

_DURATION = StoredExecution._fields.index("duration")


class Facts(Mapping[str, object]):
    """The facts of a run, unpacked when they are asked for."""

    def __init__(self, packed: bytes | None, path: Path) -> None:
        self._packed = packed
        self._path = path  # of the datafile
        self._values: dict[str, object] | None = None

    def _unpacked(self) -> dict[str, object]:
        if self._values is None:
            with decoding(self._path):
                self._values = (
                    {} if self._packed is None else dict(json.loads(unpack_text(self._packed)))
                )
        return self._values

    def __getitem__(self, key: str) -> object:
        return self._unpacked()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._unpacked())

    def __len__(self) -> int:
        return len(self._unpacked())

    def __repr__(self) -> str:
        return f"Facts({self._unpacked()!r})"


def _decoded(
    method: Callable[Concatenate["Reader", Parameters], Answer],
) -> Callable[Concatenate["Reader", Parameters], Answer]:
    """A question whose answer is read in full before it is given.

    What cannot be read is an error of the datafile.
    """

    @wraps(method)
    def asked(self: "Reader", /, *values: Parameters.args, **named: Parameters.kwargs) -> Answer:
        with self.decoding():
            return method(self, *values, **named)

    return asked


class Reader:
    """The questions, each a query or two; answers are values of `domain.records`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._facts: dict[int | None, Facts] = {}
        self._refs: dict[int, VersionRef] = {}
        self._changes = 0  # of this connection, when these were read

    def decoding(self) -> AbstractContextManager[None]:
        """What is read of a value of the datafile within this context, and cannot be, is an error of the datafile."""
        return decoding(self._connection.path)

    @_decoded
    def environments(self) -> list[Environment]:
        """Where tests ran, in order of appearance."""
        return [
            Environment(original(row["name"]), row["python"], row["platform"])
            for row in self._connection.rows(sql.environments())
        ]

    @_decoded
    def runs(self, environment: Environment | None = None) -> list[Run]:
        """Runs, the newest first."""
        rows: Sequence[RunsRow]
        if environment is None:
            rows = self._connection.rows(sql.runs())
        else:
            rows = self._connection.rows(sql.runs_in(**_key(environment)))
        runs = [self._run(row) for row in rows]
        order = self._order()
        return sorted(runs, key=lambda run: order[run.id], reverse=True) if order else runs

    @_decoded
    def packages(self, run_id: int) -> tuple[Package, ...]:
        """What was installed when the run began."""
        stored = self._connection.value(sql.packages(run_id=run_id))
        return tuple(
            Package(name, version, digest, tuple(modules), tuple(requires))
            for name, version, digest, modules, requires in json.loads(stored or "[]")
        )

    @_decoded
    def snapshot(self, run_id: int) -> dict[str, VersionRef]:
        """The source files as the run saw them, by path."""
        packed = self._connection.value(sql.snapshot_versions(run_id=run_id))
        if packed is None:
            return {}
        numbers = unpack_numbers(packed)
        if self._changes != self._connection.driver.total_changes:
            self._changes = self._connection.driver.total_changes
            self._refs.clear()
        # runs share most of them
        missing = [number for number in numbers if number not in self._refs]
        self._refs.update((ref.id, ref) for ref in self.versions(missing) if missing)
        return {ref.path: ref for number in numbers if (ref := self._refs.get(number)) is not None}

    @_decoded
    def versions(self, version_ids: Iterable[int]) -> list[VersionRef]:
        """Source versions by their ids."""
        rows = self._connection.tuples(sql.versions(ids=array(version_ids)))
        return [
            found if found.path.isascii() else found._replace(path=original(found.path))
            for found in (VersionRef(*row) for row in rows)
        ]

    @_decoded
    def known_version(self, path: str, digest: str, model_key: str) -> int | None:
        """The id of a source version that was stored before."""
        found = self._connection.value(
            sql.known_version(path=storable(path), digest=digest, model_key=model_key)
        )
        return None if found is None else int(found)

    @_decoded
    def model(self, version_id: int) -> bytes:
        """The model of a source version; b"" when it does not parse."""
        return self.models((version_id,))[version_id]

    @_decoded
    def models(self, version_ids: Iterable[int]) -> dict[int, bytes]:
        """Models by the ids of their source versions."""
        rows = self._connection.stream(sql.models(ids=array(version_ids)))
        return {row["version_id"]: row["model"] for row in rows}

    @_decoded
    def names(self, version_ids: Iterable[int]) -> dict[int, bytes]:
        """Hashes of the identifiers that source versions mention."""
        return dict(self._connection.tuples(sql.names(ids=array(version_ids))))

    @_decoded
    def executions(self, environment: Environment) -> list[StoredExecution]:
        """All executions of all tests, the newest run first."""
        return self._executions(sql.executions(**_key(environment)))

    @_decoded
    def heads(self, environment: Environment) -> list[Heads]:
        """All executions as ids of tests and traces with durations, by run, the newest run last."""
        rows = self._connection.tuples(sql.heads(**_key(environment)))
        order = self._order()
        rows = sorted(rows, key=lambda row: order[row[0]]) if order else rows
        return [Heads(run_id, *map(json.loads, columns)) for run_id, *columns in rows]

    def known_before(self, run_id: int, environment: Environment) -> int:
        """How many tests of a run have an execution in another run of the environment."""
        heads = self.heads(environment)
        others = set().union(*(head.test_ids for head in heads if head.run_id != run_id))
        return sum(
            len(others.intersection(head.test_ids)) for head in heads if head.run_id == run_id
        )

    @_decoded
    def executions_of(self, trace_ids: Iterable[int]) -> list[StoredExecution]:
        """The executions with some traces, the newest run first."""
        return self._executions(sql.executions_of(ids=array(trace_ids)))

    @_decoded
    def tests(self, run_id: int) -> list[StoredTest]:
        """The tests that a run has an execution of."""
        rows = self._connection.tuples(sql.tests(run_id=run_id))
        return [
            StoredTest(trace, original(nodeid), original(path), original(function), kind)
            for trace, nodeid, path, function, kind in rows
        ]

    @_decoded
    def tests_of(self, files: Iterable[str]) -> set[int]:
        """The ids of all tests that stand in some files, or are named after them."""
        given = array(map(storable, files))
        return {
            number
            for query in (sql.tests_in(files=given), sql.tests_below(files=given))
            for (number,) in self._connection.tuples(query)
        }

    @_decoded
    def ran_below(self, environment: Environment, files: Iterable[str]) -> list[tuple[str, int]]:
        """Pairs of the node id of a test that is named after some files, and a run that has an execution of it."""
        given = array(map(storable, files))
        rows = self._connection.tuples(sql.ran_below(files=given, **_key(environment)))
        return [(original(name), run_id) for name, run_id in rows]

    @_decoded
    def ran(self, environment: Environment, nodeids: Iterable[str]) -> set[str]:
        """The node ids among `nodeids` that have an execution in an environment."""
        given = array(map(storable, nodeids))
        return {
            original(n)
            for (n,) in self._connection.tuples(sql.ran(nodeids=given, **_key(environment)))
        }

    @_decoded
    def remarkable(self, run_id: int) -> list[StoredExecution]:
        """Executions of a run that failed, have incomplete records, or whose test is selected every time."""
        return self._executions(sql.remarkable(run_id=run_id))

    @_decoded
    def has_tests_besides(self, run: Run) -> bool:
        """Whether other runs of the environment have executions of tests of which this run has none."""
        return (
            self._connection.value(sql.besides(run_id=run.id, **_key(run.environment))) is not None
        )

    @_decoded
    def test_files(self, run_id: int) -> set[str]:
        """The files that the tests of a run were collected from."""
        return {
            original(file) for (file,) in self._connection.tuples(sql.test_files(run_id=run_id))
        }

    @_decoded
    def totals(self, run_id: int) -> tuple[int, float]:
        """How many executions a run has, and how many seconds they took."""
        (totals,) = self._connection.tuples(sql.totals(run_id=run_id))
        return totals

    def _executions(self, query: Query[Any, tuple[str, ...], str]) -> list[StoredExecution]:
        (texts,) = self._connection.tuples(query)
        columns = list(map(json.loads, texts))
        columns[_DURATION] = [microseconds / 1_000_000 for microseconds in columns[_DURATION]]
        order = self._order()
        by_run_and_trace = (lambda row: (order[row[1]], row[0])) if order else itemgetter(1, 0)
        found = sorted(zip(*columns, strict=True), key=by_run_and_trace, reverse=True)
        executions = list(map(StoredExecution._make, found))
        return executions if all(map(str.isascii, texts)) else list(map(_restored, executions))

    @_decoded
    def fingerprints(self, paths: Iterable[str]) -> list[StoredFingerprint]:
        """All fingerprints of some source files."""
        stored = array(map(storable, paths))
        ids = [row["id"] for row in self._connection.rows(sql.source_ids(paths=stored))]
        return self._decoded(self._connection.rows(sql.fingerprints(ids=array(ids))))

    def trace_fingerprints(self, trace_id: int) -> list[StoredFingerprint]:
        """What one trace relied on in source files."""
        return self.fingerprints_by_trace([trace_id]).get(trace_id, [])

    @_decoded
    def fingerprints_by_trace(self, trace_ids: Iterable[int]) -> dict[int, list[StoredFingerprint]]:
        """What each of some traces relied on in source files."""
        members = {
            row["trace_id"]: unpack_numbers(row["fingerprints"])
            for row in self._connection.rows(sql.sets_of(ids=array(trace_ids)))
        }
        ids = {number for numbers in members.values() for number in numbers}
        found = {
            each.id: each
            for each in self._decoded(self._connection.rows(sql.fingerprints_of(ids=array(ids))))
        }
        return {
            trace_id: [found[number] for number in numbers] for trace_id, numbers in members.items()
        }

    @_decoded
    def traces_with(self, fingerprint_ids: Iterable[int]) -> list[tuple[int, int]]:
        """Pairs of a fingerprint and a trace that relies on it."""
        return self._connection.tuples(sql.traces_with(ids=array(fingerprint_ids)))

    @_decoded
    def trace_lists_with(self, fingerprint_ids: Iterable[int]) -> dict[int, list[int]]:
        """The traces, of any run, that rely on each of some fingerprints."""
        rows = self._connection.tuples(sql.trace_lists_with(ids=array(fingerprint_ids)))
        return {number: json.loads(traces) for number, traces in rows}

    @_decoded
    def fingerprint_ids(self, paths: Iterable[str]) -> dict[str, list[int]]:
        """The ids of all fingerprints of each of some source files."""
        rows = self._connection.tuples(sql.fingerprint_ids(paths=array(map(storable, paths))))
        return {original(path): json.loads(numbers) for path, numbers in rows}

    @_decoded
    def uses(self, run_ids: Iterable[int]) -> list[tuple[int, int]]:
        """Pairs of a trace and a trace of the same run that it relies on."""
        rows = self._connection.stream(sql.uses(runs=array(run_ids)))
        return [(row["user_id"], row["used_id"]) for row in rows]

    @_decoded
    def traces(self, run_ids: Iterable[int], *kinds: str) -> list[tuple[int, int, str, str, bool]]:
        """Trace id, run id, identity, what is unknown and whether it was over, of all traces of some kinds."""
        return [
            (
                row["id"],
                row["run_id"],
                f"{row['kind']}:{original(row['name'])}",
                original(row["unknown"]),
                bool(row["complete"]),
            )
            for row in self._connection.stream(sql.traces(runs=array(run_ids), kinds=array(kinds)))
        ]

    @_decoded
    def trace_ids(self, run_id: int) -> list[int]:
        """The ids of all traces of a run."""
        found: list[int] = json.loads(self._connection.only(sql.trace_ids(run_id=run_id)))
        return found

    @_decoded
    def resources(self, run_ids: Iterable[int]) -> list[tuple[int, int]]:
        """Pairs of a trace and a resource state it relies on."""
        rows = self._connection.stream(sql.resources(runs=array(run_ids)))
        return [(row["trace_id"], row["resource_state_id"]) for row in rows]

    @_decoded
    def relies_on(self, run_id: int, state_ids: Iterable[int]) -> bool:
        """Whether any trace of a run relies on one of some resource states."""
        return (
            self._connection.value(sql.relies_on(run_id=run_id, ids=array(state_ids))) is not None
        )

    @_decoded
    def readings(self, run_id: int, state_ids: Iterable[int]) -> list[tuple[int, int, str]]:
        """Which traces of a run rely on some resource states.

        Trace, state, and the frames that asked for it.
        """
        rows = self._connection.stream(sql.readings(run_id=run_id, ids=array(state_ids)))
        return [
            (row["trace_id"], row["resource_state_id"], original(row["frames"])) for row in rows
        ]

    @_decoded
    def has_gaps(self, run_id: int) -> bool:
        """Whether a run has a gap in what it saw of anything but tests, or a fixture whose end it did not see."""
        return self._connection.value(sql.gaps(run_id=run_id)) is not None

    @_decoded
    def resource_states(self) -> dict[int, ResourceState]:
        """All states in which resources were found, without frames."""
        return {row["id"]: _state(row) for row in self._connection.stream(sql.resource_states())}

    @_decoded
    def trace_resources(self, trace_id: int) -> dict[int, ResourceState]:
        """What one trace relied on besides code, with the frames that asked for it."""
        rows = self._connection.stream(sql.trace_resources(trace_id=trace_id))
        return {row["resource_state_id"]: _state(row, original(row["frames"])) for row in rows}

    @_decoded
    def failures(self, trace_ids: Iterable[int]) -> dict[int, str]:
        """Failure texts of the executions that have one."""
        rows = self._connection.stream(sql.failures(ids=array(trace_ids)))
        return {row["trace_id"]: unpack_text(row["text"]) for row in rows}

    @_decoded
    def newest_of_tests(self, nodeids: Iterable[str]) -> dict[str, tuple[float, str, str, str]]:
        """By node id: when the newest run began that ran the test, and its path, function and kind."""
        given = array(map(storable, nodeids))
        return {
            original(name): (float(started), original(path), original(function), kind)
            for name, started, path, function, kind in self._connection.tuples(
                sql.newest_of_tests(nodeids=given)
            )
        }

    @_decoded
    def traces_of_run(
        self, run_id: int
    ) -> list[tuple[str, int, str, bool, tuple[str, float, str, str] | None]]:
        """Identity, id, what is unknown, whether it was over, and the execution, of all traces of a run.

        An execution is outcome, duration, why the test is selected every time, and the failure
        text.
        """
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
                execution = row["outcome"], duration, always, failure
            found.append(
                (
                    subjects[row["subject_id"]],
                    row["id"],
                    original(row["unknown"]),
                    bool(row["complete"]),
                    execution,
                )
            )
        return found

    def _order(self) -> dict[int, tuple[object, ...]]:
        """How runs follow each other, by their ids; empty where the ids themselves say it.

        Runs come from several machines, and are numbered as they came: it is their time that
        counts.
        """
        rows = self._connection.tuples(sql.run_order())
        if all(one[0] < next_[0] and one[1] < next_[1] for one, next_ in pairwise(rows)):
            return {}
        times = Counter(started for _, started, _ in rows)
        return {
            number: (
                started,
                str(self._facts_of(facts).get(RUN_KEY, "")) if times[started] > 1 else "",
                number,
            )
            for number, started, facts in rows
        }

    def _run(self, row: "RunsRow") -> Run:
        return Run(
            id=row["id"],
            environment=Environment(original(row["environment"]), row["python"], row["platform"]),
            started=float(row["started"]),
            ended=None if row["ended"] is None else float(row["ended"]),
            completed=bool(row["completed"]),
            exitstatus=row["exitstatus"],
            arguments=tuple(json.loads(row["arguments"])),
            git_head=row["git_head"],
            git_dirty=bool(row["git_dirty"]),
            engine=row["engine"],
            version=row["version"],
            snapshot_id=row["snapshot_id"],
            facts=self._facts_of(row["fact_set_id"]),
        )

    def _facts_of(self, fact_set_id: int | None) -> Facts:
        if fact_set_id not in self._facts:
            packed = (
                None
                if fact_set_id is None
                else self._connection.value(sql.facts(fact_set_id=fact_set_id))
            )
            self._facts[fact_set_id] = Facts(packed, self._connection.path)
        return self._facts[fact_set_id]

    def _decoded(self, rows: "Sequence[FingerprintsRow]") -> list[StoredFingerprint]:
        source_ids = {row["source_id"] for row in rows}
        paths = {
            row["id"]: original(row["path"])
            for row in self._connection.rows(sql.source_paths(ids=array(source_ids)))
        }
        checksums: dict[int, dict[int, int]] = {source_id: {} for source_id in source_ids}
        for row in self._connection.stream(sql.blocks(ids=array(source_ids))):
            checksums[row["source_id"]][row["number"]] = unsigned(row["checksum"])
        return [
            StoredFingerprint(
                row["id"],
                paths[row["source_id"]],
                frozenset(
                    map(checksums[row["source_id"]].__getitem__, unpack_numbers(row["blocks"]))
                ),
            )
            for row in rows
        ]


def _key(environment: Environment) -> "AddEnvironmentValues":
    return {
        "name": storable(environment.name),
        "python": environment.python,
        "platform": environment.platform,
    }


def _restored(found: StoredExecution) -> StoredExecution:
    """An execution with its texts as they were given."""
    return found._replace(
        nodeid=original(found.nodeid),
        path=original(found.path),
        function=original(found.function),
        always=original(found.always),
        unknown=original(found.unknown),
    )


def _state(row: "ResourceStatesRow | TraceResourcesRow", frames: str = "") -> ResourceState:
    return ResourceState(
        row["kind"],
        original(row["name"]),
        original(row["state"]),
        row["size"],
        row["mtime_ns"],
        frames,
    )
