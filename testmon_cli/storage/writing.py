"""What collecting tells the datafile: each call is one transaction, all or nothing."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager
from itertools import compress, count
from typing import TYPE_CHECKING

from testmon_cli.domain.records import Execution, Package, ResourceState, RunStart, SourceVersion, Trace
from testmon_cli.domain.source import BlockTable, Reached
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.connection import Connection, array
from testmon_cli.storage.packing import (
    digest,
    pack_numbers,
    pack_text,
    signed,
    storable,
    to_json,
    unpack_numbers,
    unsigned,
)

if TYPE_CHECKING:
    from testmon_cli.storage.compiled_sqlite import AddEnvironmentValues, AddVersionValues

_REMEMBERED = 200_000  # entries of each cache; a full one starts anew
_REMEMBERED_SETS = 5_000  # the same for sets of checksums, which are large


class _Memory:
    """Ids that were looked up, valid as long as nobody else writes."""

    def __init__(self) -> None:
        self.sources: dict[str, int] = {}
        self.subjects: dict[str, int] = {}  # by identity
        self.has_all_subjects = False  # there were none before
        self.traces: dict[tuple[int, int], int] = {}  # by run and subject
        self.whole_run = 0  # the run whose traces are all among them
        self.fingerprints: dict[tuple[int, bytes], int] = {}
        self.sets: dict[Hashable, int] = {}  # by paths and checksums, or sources and packed blocks
        self.packed: dict[tuple[int, AbstractSet[int]], bytes] = {}  # by source and checksums
        self.tables: dict[tuple[int, BlockTable], tuple[list[int], bool]] = {}  # see `_of_table`
        self.blocks: dict[int, dict[int, int]] = {}  # by source: checksum -> number
        self.states: dict[tuple[str, str, str], tuple[int, int, int]] = {}  # -> id, size, mtime_ns
        self.origins: dict[str, int] = {}

    def bounded(self) -> None:
        """Forget what grew too large."""
        for name in ("sources", "subjects", "traces", "fingerprints", "states", "origins"):
            if len(getattr(self, name)) > _REMEMBERED:
                getattr(self, name).clear()
                self.whole_run = 0 if name == "traces" else self.whole_run
                self.has_all_subjects = self.has_all_subjects and name != "subjects"
        for sets in (self.packed, self.sets):
            if len(sets) > _REMEMBERED_SETS:
                sets.clear()
        if sum(map(len, self.blocks.values())) > 5 * _REMEMBERED:
            self.blocks.clear()
            self.tables.clear()


class Writer:
    """The changes. Nothing here reads more than the ids it needs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._memory = _Memory()

    def begin_run(self, start: RunStart) -> int:
        """Store what is known of a run when it begins; its id."""
        environment = start.environment
        where: AddEnvironmentValues = {
            "name": storable(environment.name),
            "python": environment.python,
            "platform": environment.platform,
        }
        packages = to_json([_listed(package) for package in sorted(start.packages, key=lambda package: package.name)])
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
            self._memory.whole_run = run_id
        return run_id

    def add_sources(self, versions: Iterable[SourceVersion]) -> dict[tuple[str, str], int]:
        """Store source versions, or the newer hints of those that are known; ids by path and digest."""
        versions = list(versions)
        with self._transaction() as change:
            ids = self._source_ids({version.path for version in versions})
            change.insert(sql.add_version(_version_rows(versions, ids)))
            stored = {
                (row["source_id"], row["digest"], row["model_key"]): int(row["id"])
                for row in change.stream(sql.version_ids(ids=array({ids[version.path] for version in versions})))
            }
            found = [(version, stored[ids[version.path], version.digest, version.model_key]) for version in versions]
            change.insert(
                sql.add_model(
                    {"version_id": number, "names": version.names, "model": version.model} for version, number in found
                )
            )
        return {(version.path, version.digest): number for version, number in found}

    def unite_sources(self, versions: Sequence[SourceVersion]) -> dict[tuple[str, str, str], int]:
        """Store source versions from elsewhere, which say nothing of our files; ids by path, digest and model key."""
        with self._transaction() as change:
            ids = self._source_ids({version.path for version in versions})
            change.insert(sql.add_version_alone(_version_rows(versions, ids)))
            rows = change.stream(sql.version_ids(ids=array(ids.values())))
            stored = {(row["source_id"], row["digest"], row["model_key"]): int(row["id"]) for row in rows}
            found = {v[:3]: stored[ids[v.path], v.digest, v.model_key] for v in versions}
            change.insert(
                sql.put_model({"version_id": found[v[:3]], "names": v.names, "model": v.model} for v in versions)
            )
        return found

    def change_unknown(self, trace_id: int, reason: str, complete: bool) -> None:
        """Say why the record of a trace has gaps, instead of what was said before."""
        with self._transaction() as change:
            change.change(sql.change_trace(trace_id=trace_id, reason=storable(reason), whole=complete))

    def place_tests(self, tests: Mapping[str, tuple[str, str, str]]) -> None:
        """Say where tests that are known stand: by node id their path, function and kind."""
        with self._transaction() as change:
            subjects = self._subject_ids([f"test:{nodeid}" for nodeid in tests])
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
            change.change(sql.set_snapshot(run_id=run_id, snapshot=change.only(sql.snapshot_id(digest=named))))

    def set_facts(self, run_id: int, facts: Mapping[str, object]) -> None:
        """Say what the session told, instead of what was said before."""
        text = to_json(dict(facts))
        named = digest(text.encode())
        with self._transaction() as change:
            change.insert(sql.add_fact_set([{"digest": named, "facts": pack_text(text)}]))
            change.change(sql.set_facts(run_id=run_id, fact_set=change.only(sql.fact_set_id(digest=named))))

    def finish_run(self, run_id: int, ended: float, completed: bool, exitstatus: int | None) -> None:
        """Say how a run ended."""
        with self._transaction() as change:
            change.change(sql.finish_run(run_id=run_id, end=ended, whole=completed, status=exitstatus))

    def write(self, run_id: int, traces: Sequence[Trace], executions: Sequence[Execution]) -> None:
        """Store what was observed. A trace that the run has already is joined with what comes now."""
        joined: dict[str, Trace] = {}
        for trace in (*traces, *(execution.trace for execution in executions)):
            known = joined.get(trace.identity)
            joined[trace.identity] = trace if known is None or known is trace else _joined(known, trace)
        for execution in executions:
            if execution.trace.identity != f"test:{execution.nodeid}":
                raise ValueError(f"the trace of {execution.nodeid} is named {execution.trace.identity}")
        with self._transaction():
            ids, old = self._trace_ids(run_id, list(joined.values()))
            self._add_sets(joined.values(), ids, old)
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
        """What is written within this context is one transaction."""
        return self._transaction()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._connection.transaction() as changed_elsewhere:
            if changed_elsewhere:
                self._memory = _Memory()  # its ids may be gone
            self._memory.bounded()
            try:
                yield self._connection
            except BaseException:
                self._memory = _Memory()  # ids of rows that are rolled back
                raise

    def _source_ids(self, paths: set[str]) -> dict[str, int]:
        known = self._memory.sources
        missing = {storable(path): path for path in sorted(paths) if path not in known}
        if missing:
            self._connection.insert(sql.add_source({"path": path} for path in missing))
            for row in self._connection.rows(sql.source_ids(paths=array(missing))):
                known[missing[row["path"]]] = row["id"]
        return {path: known[path] for path in paths}

    def _subject_ids(self, identities: Iterable[str]) -> dict[str, int]:
        known = self._memory.subjects
        wanted = list(identities)
        missing = {storable(identity): identity for identity in wanted if identity not in known}
        if missing:
            named = {stored: stored.partition(":")[::2] for stored in missing}
            last = self._connection.value(sql.last_subject()) or 0
            self._memory.has_all_subjects |= not last
            if not self._memory.has_all_subjects:
                for row in self._connection.rows(sql.subject_ids(names=array({name for _, name in named.values()}))):
                    stored = f"{row['kind']}:{row['name']}"
                    if named.pop(stored, None) is not None:
                        known[missing[stored]] = row["id"]
            new = dict(zip(named, count(last + 1), strict=False))
            known.update((missing[stored], number) for stored, number in new.items())
            self._connection.insert(
                sql.add_subject(
                    {"id": new[stored], "kind": kind, "name": name} for stored, (kind, name) in named.items()
                )
            )
        return {identity: known[identity] for identity in wanted}

    def _trace_ids(self, run_id: int, traces: list[Trace]) -> tuple[dict[str, int], set[int]]:
        """Ids by identity, of the traces and of those they use, and which of them the run had before.

        A trace that is used before it is written stands as one that is not complete, until it is.
        """
        given = {trace.identity: trace for trace in traces}
        used = {name for trace in traces for name in trace.uses}
        subjects = self._subject_ids([*given, *sorted(used - given.keys())])
        known = self._memory.traces
        ids = {name: known[run_id, subject] for name, subject in subjects.items() if (run_id, subject) in known}
        # Of a used trace the id is enough; one that is written may have to change.
        is_whole = run_id == self._memory.whole_run
        asked = {
            subject: name
            for name, subject in subjects.items()
            if (name in ids and name in given) or not (name in ids or is_whole)
        }
        old: set[int] = set()
        for row in self._connection.rows(sql.run_traces(run_id=run_id, ids=array(asked))) if asked else ():
            name = asked[row["subject_id"]]
            ids[name] = row["id"]
            if name in given:
                old.add(row["id"])
                self._change_trace(row["id"], row["unknown"], bool(row["complete"]), given[name])
        new = [given.get(name) or Trace(name, complete=False) for name in subjects if name not in ids]
        # Ids that are given out here need not be asked for: nobody else writes during a transaction.
        last = self._connection.value(sql.last_trace()) or 0
        ids.update(zip((trace.identity for trace in new), count(last + 1), strict=False))
        self._connection.insert(
            sql.add_trace(
                {
                    "id": ids[trace.identity],
                    "run_id": run_id,
                    "subject_id": subjects[trace.identity],
                    "unknown": storable(trace.unknown),
                    "complete": trace.complete,
                }
                for trace in new
            )
        )
        known.update(((run_id, subject), ids[name]) for name, subject in subjects.items())
        return ids, old

    def _change_trace(self, trace_id: int, unknown: str, complete: bool, trace: Trace) -> None:
        reason = storable(_both(unknown, trace.unknown))
        if (reason, trace.complete) != (unknown, complete):
            self._connection.change(sql.change_trace(trace_id=trace_id, reason=reason, whole=trace.complete))

    def _add_sets(self, traces: Iterable[Trace], ids: dict[str, int], old: set[int]) -> None:
        numbered = {ids[trace.identity]: trace.fingerprints for trace in traces if trace.fingerprints}
        # Tests with other parameters share what they rely on: it is looked at once.
        shared = {id(fingerprints): fingerprints for fingerprints in numbered.values()}
        sources = self._source_ids({path for fingerprints in shared.values() for path in fingerprints})
        new: dict[Hashable, list[tuple[int, bytes]]] = {}  # members by what the set is known by
        joined: dict[int, Hashable] = {}  # by trace
        for trace_id, before in self._stored_blocks(old & numbered.keys()).items():
            after = {sources[path]: checksums for path, checksums in numbered[trace_id].items()}
            members = self._united(before, after)
            joined[trace_id] = tuple(members)
            new[tuple(members)] = members
        keys: dict[int, Hashable] = {}  # by identity of what is shared
        fresh = [trace_id for trace_id in numbered if trace_id not in joined]
        for number in dict.fromkeys(id(numbered[trace_id]) for trace_id in fresh):
            key = keys[number] = tuple(shared[number].items())
            if key not in self._memory.sets:
                found = ((sources[path], checksums) for path, checksums in shared[number].items())
                new[key] = [(source_id, self._packed(source_id, checksums)) for source_id, checksums in found]
        if new:
            self._memory.sets.update(zip(new, self._set_ids(list(new.values())), strict=True))
        sets = {number: self._memory.sets[key] for number, key in keys.items()}
        rows = {trace_id: sets[id(numbered[trace_id])] for trace_id in fresh}
        rows.update((trace_id, self._memory.sets[key]) for trace_id, key in joined.items())
        self._connection.insert(
            sql.put_trace_set({"trace_id": trace_id, "set_id": set_id} for trace_id, set_id in rows.items())
        )

    def _stored_blocks(self, trace_ids: set[int]) -> dict[int, dict[int, list[int]]]:
        """By trace and source: the numbers of the blocks that the trace relied on so far."""
        if not trace_ids:
            return {}
        rows = self._connection.rows(sql.sets_of(ids=array(trace_ids)))
        sets = {row["trace_id"]: unpack_numbers(row["fingerprints"]) for row in rows}
        given = array({number for numbers in sets.values() for number in numbers})
        found = {row["id"]: row for row in self._connection.rows(sql.fingerprints_of(ids=given))}
        return {
            trace_id: {found[n]["source_id"]: unpack_numbers(found[n]["blocks"]) for n in numbers}
            for trace_id, numbers in sets.items()
        }

    def _united(
        self, before: Mapping[int, list[int]], after: Mapping[int, AbstractSet[int]]
    ) -> list[tuple[int, bytes]]:
        """The fingerprints of what was stored and what comes now, by source and packed blocks."""
        numbers = {source_id: set(blocks) for source_id, blocks in before.items()}
        for source_id, checksums in after.items():
            numbers.setdefault(source_id, set()).update(self._numbers(source_id, sorted(checksums)))
        return [(source_id, pack_numbers(blocks)) for source_id, blocks in sorted(numbers.items())]

    def _set_ids(self, sets: list[list[tuple[int, bytes]]]) -> list[int]:
        """The ids of sets of fingerprints, new rows made."""
        numbers = self._fingerprint_ids({member for members in sets for member in members})
        packed = [pack_numbers(map(numbers.__getitem__, members)) for members in sets]
        last = self._connection.value(sql.last_set()) or 0
        self._connection.insert(sql.add_set({"fingerprints": content} for content in dict.fromkeys(packed)))
        ids = {row["fingerprints"]: row["id"] for row in self._connection.stream(sql.sets_after(last=last))}
        self._connection.insert(
            sql.add_to_set(
                {"fingerprint_id": number, "set_id": set_id}
                for content, set_id in ids.items()
                for number in unpack_numbers(content)
            )
        )
        for content in set(packed).difference(ids):  # they were there before
            ids[content] = self._connection.only(sql.set_id(fingerprints=content))
        return [ids[content] for content in packed]

    def _packed(self, source_id: int, checksums: AbstractSet[int]) -> bytes:
        """The block numbers of checksums, packed; many traces rely on the same."""
        known = self._memory.packed.get((source_id, checksums))
        if known is None:
            if isinstance(checksums, Reached):
                of_table, has_equal = self._of_table(source_id, checksums.table)
                numbers: Iterable[int] = compress(of_table, checksums.mask)
                numbers = set(numbers) if has_equal else numbers
            else:
                numbers = self._numbers(source_id, sorted(checksums))
            known = self._memory.packed[source_id, checksums] = pack_numbers(numbers)
        return known

    def _of_table(self, source_id: int, table: BlockTable) -> tuple[list[int], bool]:
        """The numbers of all blocks of a table, in its order, and whether some are equal."""
        known = self._memory.tables.get((source_id, table))
        if known is None:
            numbers = self._numbers(source_id, table.checksums)
            known = self._memory.tables[source_id, table] = numbers, len(set(numbers)) < len(numbers)
        return known

    def _numbers(self, source_id: int, checksums: Sequence[int]) -> list[int]:
        """Block numbers of checksums, new ones given out."""
        known = self._memory.blocks.get(source_id)
        if known is None:
            rows = self._connection.rows(sql.blocks(ids=array((source_id,))))
            known = self._memory.blocks[source_id] = {unsigned(row["checksum"]): row["number"] for row in rows}
        new = [checksum for checksum in dict.fromkeys(checksums) if checksum not in known]
        if new:
            first = max(known.values(), default=0) + 1
            known.update(zip(new, range(first, first + len(new)), strict=True))
        self._connection.insert(
            sql.add_block(
                {"source_id": source_id, "number": known[checksum], "checksum": signed(checksum)} for checksum in new
            )
        )
        return list(map(known.__getitem__, checksums))

    def _fingerprint_ids(self, keys: set[tuple[int, bytes]]) -> dict[tuple[int, bytes], int]:
        """Ids by source and packed blocks, new rows made."""
        known = self._memory.fingerprints
        missing = {key for key in keys if key not in known}
        if missing:
            last = self._connection.value(sql.last_fingerprint()) or 0
            self._connection.insert(
                sql.add_fingerprint({"source_id": source_id, "blocks": blocks} for source_id, blocks in sorted(missing))
            )
            for row in self._connection.stream(sql.fingerprints_after(last=last)):
                known[row["source_id"], row["blocks"]] = row["id"]
            for source_id, blocks in missing.difference(known):  # they were there before
                found = self._connection.only(sql.fingerprint_id(source_id=source_id, blocks=blocks))
                known[source_id, blocks] = found
        return {key: known[key] for key in keys}

    def _add_resources(self, traces: Iterable[Trace], ids: dict[str, int]) -> None:
        found = [(ids[trace.identity], state) for trace in traces for state in trace.resources]
        if not found:
            return
        states = self._state_ids([state for _, state in found])
        origins = self._origin_ids({state.frames for _, state in found})
        self._connection.insert(
            sql.add_trace_resource(
                {
                    "trace_id": trace_id,
                    "resource_state_id": states[_key(state)],
                    "origin_id": origins[state.frames],
                }
                for trace_id, state in found
            )
        )

    def _state_ids(self, states: list[ResourceState]) -> dict[tuple[str, str, str], int]:
        known = self._memory.states
        missing = {
            _key(state): state
            for state in states
            if known.get(_key(state), (0, 0, 0))[1:] != (state.size, state.mtime_ns)
        }
        if missing:
            resources = self._resource_ids({(kind, name) for kind, name, _ in missing})
            self._connection.insert(
                sql.put_resource_state(
                    {
                        "resource_id": resources[state.kind, state.name],
                        "state": storable(state.state),
                        "size": state.size,
                        "mtime_ns": state.mtime_ns,
                    }
                    for state in missing.values()
                )
            )
            rows = self._connection.rows(sql.resource_state_ids(ids=array(resources.values())))
            stored = {(row["resource_id"], row["state"]): row["id"] for row in rows}
            for key, state in missing.items():
                number = stored[resources[state.kind, state.name], storable(state.state)]
                known[key] = (number, state.size, state.mtime_ns)
        return {_key(state): known[_key(state)][0] for state in states}

    def _resource_ids(self, keys: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
        stored = {(kind, storable(name)): (kind, name) for kind, name in keys}
        self._connection.insert(sql.add_resource({"kind": kind, "name": name} for kind, name in stored))
        rows = self._connection.rows(sql.resource_ids(names=array({name for _, name in stored})))
        return {stored[key]: row["id"] for row in rows if (key := (row["kind"], row["name"])) in stored}

    def _origin_ids(self, texts: set[str]) -> dict[str, int]:
        known = self._memory.origins
        missing = {storable(text): text for text in texts if text not in known}
        if missing:
            self._connection.insert(sql.add_origin({"frames": text} for text in missing))
            for row in self._connection.rows(sql.origin_ids(texts=array(missing))):
                known[missing[row["frames"]]] = row["id"]
        return {text: known[text] for text in texts}

    def _add_executions(self, executions: Sequence[Execution], ids: dict[str, int]) -> None:
        subjects = self._memory.subjects
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
            sql.add_failure({"trace_id": trace_id, "text": pack_text(text)} for trace_id, text in last.items() if text)
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
        unknown=_both(first.unknown, second.unknown),
    )


def _both(first: str, second: str) -> str:
    """Two reasons as one."""
    if not second or second in first.split("; "):
        return first
    return f"{first}; {second}" if first else second


def _version_rows(versions: Iterable[SourceVersion], source_ids: Mapping[str, int]) -> "Iterator[AddVersionValues]":
    for version in versions:
        yield {
            "source_id": source_ids[version.path],
            "digest": version.digest,
            "model_key": version.model_key,
            "size": version.size,
            "mtime_ns": version.mtime_ns,
        }


def _key(state: ResourceState) -> tuple[str, str, str]:
    return state.kind, state.name, state.state


def _listed(package: Package) -> list[object]:
    return [package.name, package.version, package.digest, package.modules, package.requires]
