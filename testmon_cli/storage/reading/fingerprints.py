"""Questions about fingerprints: which blocks of sources traces relied on."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from testmon_cli.domain.records import StoredFingerprint
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.connection import array
from testmon_cli.storage.packing import original, storable, unpack_numbers, unsigned
from testmon_cli.storage.reading.questions import Questions, decoded

if TYPE_CHECKING:
    from testmon_cli.storage.compiled_sqlite import FingerprintsRow


class FingerprintQuestions(Questions):
    """Fingerprints of sources, and the traces that have them."""

    @decoded
    def fingerprints(self, paths: Iterable[str]) -> list[StoredFingerprint]:
        """All fingerprints of some source files."""
        stored = array(map(storable, paths))
        ids = [row["id"] for row in self._connection.rows(sql.source_ids(paths=stored))]
        return self._with_paths(self._connection.rows(sql.fingerprints(ids=array(ids))))

    def trace_fingerprints(self, trace_id: int) -> list[StoredFingerprint]:
        """The fingerprints that one trace relied on."""
        return self.fingerprints_by_trace([trace_id]).get(trace_id, [])

    @decoded
    def fingerprints_by_trace(self, trace_ids: Iterable[int]) -> dict[int, list[StoredFingerprint]]:
        """The fingerprints that each of some traces relied on."""
        members = {
            row["trace_id"]: unpack_numbers(row["fingerprints"])
            for row in self._connection.rows(sql.sets_of(ids=array(trace_ids)))
        }
        ids = {number for numbers in members.values() for number in numbers}
        found = {
            each.id: each
            for each in self._with_paths(self._connection.rows(sql.fingerprints_of(ids=array(ids))))
        }
        return {
            trace_id: [found[number] for number in numbers] for trace_id, numbers in members.items()
        }

    @decoded
    def traces_with(self, fingerprint_ids: Iterable[int]) -> list[tuple[int, int]]:
        """Pairs of a fingerprint and a trace that relies on it."""
        return self._connection.tuples(sql.traces_with(ids=array(fingerprint_ids)))

    @decoded
    def trace_lists_with(self, fingerprint_ids: Iterable[int]) -> dict[int, list[int]]:
        """The traces, of any run, that rely on each of some fingerprints."""
        rows = self._connection.tuples(sql.trace_lists_with(ids=array(fingerprint_ids)))
        return {number: json.loads(traces) for number, traces in rows}

    @decoded
    def fingerprint_ids(self, paths: Iterable[str]) -> dict[str, list[int]]:
        """The ids of all fingerprints of each of some source files."""
        rows = self._connection.tuples(sql.fingerprint_ids(paths=array(map(storable, paths))))
        return {original(path): json.loads(numbers) for path, numbers in rows}

    def _with_paths(self, rows: "Sequence[FingerprintsRow]") -> list[StoredFingerprint]:
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
