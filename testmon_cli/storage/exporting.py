"""Exports runs of one environment as rows of evidence.

Sorted, numbered anew, bound to no machine.
"""

import json
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Any

from testmon_cli.domain.evidence import (
    UNFINISHED,
    FactsRow,
    FingerprintRow,
    OriginRow,
    PackagesRow,
    Row,
    RunRow,
    SetRow,
    SourceRow,
    StateRow,
    SubjectRow,
    TraceRow,
    VersionRow,
)
from testmon_cli.domain.records import OF_A_MACHINE, RUN_KEY, Run, VersionRef
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.connection import Connection, array, present
from testmon_cli.storage.packing import (
    original,
    pack_numbers,
    to_json,
    unpack_numbers,
    unpack_text,
    unsigned,
)
from testmon_cli.storage.reading import Reader

_AT_ONCE = 500  # models that are read by one query
_Places = dict[int, int]  # of rows of the datafile, by their ids


def facts_that_travel(run: Run) -> str | None:
    """The facts of a run but those on the machine, as JSON; None where it has none."""
    facts = dict(run.facts)
    for fact in OF_A_MACHINE:
        facts.pop(fact, None)
    return to_json(facts) if facts else None


def run_key(run: Run) -> tuple[float, str]:
    """By what a run is known on every machine, within its environment."""
    return run.started, str(run.facts.get(RUN_KEY, ""))


class Exporter:
    """Gives the rows of some runs of one environment.

    Each kind of row is sorted before it is numbered.
    """

    def __init__(self, connection: Connection, reader: Reader, runs: Iterable[Run]) -> None:
        self._connection = connection
        self._reader = reader
        self.runs = sorted(
            runs,
            key=lambda run: (run_key(run), facts_that_travel(run) or "", run.arguments, run.id),
        )
        self._ids = array(run.id for run in self.runs)

    def rows(self, *, with_models: bool = True) -> Iterator[Row]:
        """All rows, in the order of `domain.evidence.KINDS`.

        On request they come without the models, which are most of it.
        """
        with self._reader.decoding():
            yield from self._rows(with_models)

    def _rows(self, with_models: bool) -> Iterator[Row]:
        sets: dict[int, bytes] = dict(self._connection.tuples(sql.evidence_sets(runs=self._ids)))
        snapshots = {run.id: self._reader.snapshot(run.id) for run in self.runs}
        refs = {ref.id: ref for refs in snapshots.values() for ref in refs.values()}
        fingerprints = self._fingerprints(sets.values())
        paths = self._paths({source_id for _, source_id, _ in fingerprints})
        sources = _numbered(sorted({*paths.values(), *(ref.path for ref in refs.values())}))
        blocks = yield from self._sources(sources, paths, fingerprints)
        versions = yield from self._versions(sources, refs.values(), with_models)
        places = yield from self._numbered_fingerprints(sources, paths, blocks, fingerprints)
        of_sets = yield from _number_sets(sets, places)
        subjects = yield from self._subjects()
        states = yield from self._states()
        origins = yield from self._origins()
        yield from self._run_rows(snapshots, versions)
        for place, run in enumerate(self.runs, 1):
            yield from self._traces(place, run, subjects, of_sets, states, origins)

    def _fingerprints(self, sets: Iterable[bytes]) -> list[tuple[int, int, bytes]]:
        wanted = {number for packed in sets for number in unpack_numbers(packed)}
        found = self._connection.tuples(sql.fingerprints_of(ids=array(wanted)))
        if len(found) != len(wanted):
            raise LookupError("fingerprints")
        return found

    def _paths(self, source_ids: set[int]) -> dict[int, str]:
        rows = self._connection.tuples(sql.source_paths(ids=array(source_ids)))
        return {number: original(path) for number, path in rows}

    def _sources(
        self,
        sources: Mapping[str, int],
        paths: Mapping[int, str],
        fingerprints: Iterable[tuple[int, int, bytes]],
    ) -> Generator[Row, None, dict[int, _Places]]:
        """Gives the rows, and then, by source, the new numbers of its blocks by the old ones."""
        used: dict[int, set[int]] = defaultdict(set)
        for _, source_id, packed in fingerprints:
            used[source_id].update(unpack_numbers(packed))
        ids = {path: source_id for source_id, path in paths.items()}
        blocks: dict[int, _Places] = {}
        for path in sources:
            source_id = ids.get(path, 0)
            if source_id not in used:  # mostly: a run saw many sources, and few tests ran
                yield SourceRow(path, b"")
                continue
            rows = self._connection.tuples(
                sql.some_blocks(source_id=source_id, numbers=array(used[source_id]))
            )
            known = {number: unsigned(checksum) for number, checksum in rows}
            wanted = sorted(used[source_id], key=known.__getitem__)
            blocks[source_id] = _numbered(wanted)
            yield SourceRow(
                path, b"".join(known[number].to_bytes(8, "little") for number in wanted)
            )
        return blocks

    def _versions(
        self, sources: Mapping[str, int], refs: Iterable[VersionRef], with_models: bool
    ) -> Generator[Row, None, _Places]:
        ordered = sorted(refs, key=lambda ref: (sources[ref.path], ref.digest, ref.model_key))
        for start in range(0, len(ordered), _AT_ONCE):
            chunk = ordered[start : start + _AT_ONCE]
            models = self._reader.models(ref.id for ref in chunk) if with_models else {}
            names = self._reader.names(ref.id for ref in chunk) if with_models else {}
            for ref in chunk:
                about = (names[ref.id], models[ref.id]) if with_models else (b"", b"")
                yield VersionRow(sources[ref.path], ref.digest, ref.model_key, *about)
        return _numbered(ref.id for ref in ordered)

    def _numbered_fingerprints(
        self,
        sources: Mapping[str, int],
        paths: Mapping[int, str],
        blocks: Mapping[int, _Places],
        fingerprints: Iterable[tuple[int, int, bytes]],
    ) -> Generator[Row, None, _Places]:
        anew = sorted(
            (
                sources[paths[source_id]],
                pack_numbers(map(blocks[source_id].__getitem__, unpack_numbers(packed))),
                number,
            )
            for number, source_id, packed in fingerprints
        )
        for source, packed, _ in anew:
            yield FingerprintRow(source, packed)
        return _numbered(number for _, _, number in anew)

    def _subjects(self) -> Generator[Row, None, _Places]:
        found = []
        for number, kind, name, path, function, test_kind, is_run in self._connection.tuples(
            sql.evidence_subjects(runs=self._ids)
        ):
            stands = ("", "", "")
            if is_run:
                stands = (original(present(path)), original(present(function)), present(test_kind))
            found.append((SubjectRow(kind, original(name), *stands), number))
        found.sort()
        for row, _ in found:
            yield row
        return _numbered(number for _, number in found)

    def _states(self) -> Generator[Row, None, _Places]:
        rows = self._connection.tuples(sql.evidence_states(runs=self._ids))
        found = sorted(
            (StateRow(kind, original(name), original(state)), number)
            for number, kind, name, state in rows
        )
        for row, _ in found:
            yield row
        return _numbered(number for _, number in found)

    def _origins(self) -> Generator[Row, None, _Places]:
        rows = self._connection.tuples(sql.evidence_origins(runs=self._ids))
        found = sorted((original(frames), number) for number, frames in rows)
        for frames, _ in found:
            yield OriginRow(frames)
        return _numbered(number for _, number in found)

    def _run_rows(
        self, snapshots: Mapping[int, Mapping[str, VersionRef]], versions: _Places
    ) -> Iterator[Row]:
        packages = {run.id: self._connection.only(sql.packages(run_id=run.id)) for run in self.runs}
        facts = {run.id: facts_that_travel(run) for run in self.runs}
        of_packages = _numbered(sorted(set(packages.values())))
        of_facts = _numbered(sorted({text for text in facts.values() if text is not None}))
        yield from map(PackagesRow, of_packages)
        yield from map(FactsRow, of_facts)
        for run in self.runs:
            text = facts[run.id]
            yield RunRow(
                packages=of_packages[packages[run.id]],
                facts=0 if text is None else of_facts[text],
                has_snapshot=int(run.snapshot_id is not None),
                snapshot=pack_numbers(versions[ref.id] for ref in snapshots[run.id].values()),
                started=run.started,
                ended=UNFINISHED if run.ended is None else run.ended,
                completed=int(run.completed),
                exitstatus="" if run.exitstatus is None else str(run.exitstatus),
                arguments=to_json(run.arguments),
                git_head=run.git_head,
                git_dirty=int(run.git_dirty),
                engine=run.engine,
                version=run.version,
            )

    def _traces(
        self,
        place: int,
        run: Run,
        subjects: _Places,
        sets: _Places,
        states: _Places,
        origins: _Places,
    ) -> Iterator[Row]:
        uses: dict[int, list[int]] = defaultdict(list)
        for user, subject in self._connection.tuples(sql.evidence_uses(run_id=run.id)):
            uses[user].append(subjects[subject])
        resources: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for trace_id, state, origin in self._connection.tuples(
            sql.evidence_resources(run_id=run.id)
        ):
            resources[trace_id].append((states[state], origins[origin]))
        rows = self._connection.tuples(sql.evidence_traces(run_id=run.id))
        rows.sort(key=lambda row: subjects[row[1]])
        for trace_id, subject, unknown, complete, set_id, outcome, duration, always, text in rows:
            found = sorted(resources.pop(trace_id, ()))
            yield TraceRow(
                run=place,
                subject=subjects[subject],
                unknown=original(unknown),
                complete=int(complete),
                set=0 if set_id is None else sets[set_id],
                uses=pack_numbers(uses.pop(trace_id, ())),
                states=pack_numbers(state for state, _ in found),
                origins=_packed_places(origin for _, origin in found),
                outcome=outcome or "",
                duration=0.0 if duration is None else float(duration),
                always=original(always or ""),
                failure="" if text is None else unpack_text(text),
            )


def _number_sets(sets: Mapping[int, bytes], places: _Places) -> Generator[Row, None, _Places]:
    anew = sorted(
        (pack_numbers(map(places.__getitem__, unpack_numbers(packed))), number)
        for number, packed in sets.items()
    )
    for packed, _ in anew:
        yield SetRow(packed)
    return _numbered(number for _, number in anew)


def _numbered(things: Iterable[Any]) -> dict[Any, int]:
    """Each thing with its place, from 1 on."""
    return {thing: place for place, thing in enumerate(things, 1)}


def _packed_places(places: Iterable[int]) -> bytes:
    return b"".join(place.to_bytes(4, "little") for place in places)


def unpacked_places(packed: bytes) -> list[int]:
    """The places of `_packed_places`."""
    return [int.from_bytes(packed[at : at + 4], "little") for at in range(0, len(packed), 4)]


def unpacked_packages(text: str) -> list[Any]:
    """The list of packages that a row holds."""
    found: list[Any] = json.loads(text)
    return found
