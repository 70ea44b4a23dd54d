"""The rows that traces name by their places, and traces as values."""

import struct
from collections.abc import Iterable, Mapping

from testmon_cli.domain.evidence import (
    EvidenceError,
    FactsRow,
    FingerprintRow,
    OriginRow,
    PackagesRow,
    Row,
    SetRow,
    SourceRow,
    StateRow,
    SubjectRow,
    TraceRow,
)
from testmon_cli.domain.hashing import blake2b
from testmon_cli.domain.records import SUBJECT_KINDS, ResourceState, Trace
from testmon_cli.domain.source import BlockTable, Reached
from testmon_cli.storage.exporting import unpacked_places
from testmon_cli.storage.packing import unpack_numbers

_KEPT = 20_000  # sets of checksums that are held unpacked
_KEPT_SETS = 2_000


class Tables:
    """Takes all rows but runs, versions and traces; they stay packed, as there may be many."""

    def __init__(self) -> None:
        self.sources: list[SourceRow] = []
        self.subjects: list[SubjectRow] = []
        self.packages: list[str] = []
        self.facts: list[str] = []
        self._fingerprints: list[FingerprintRow] = []
        self._sets: list[bytes] = []
        self._states: list[StateRow] = []
        self._origins: list[str] = []
        self._blocks: dict[int, BlockTable] = {}  # by source
        self._checksums: dict[int, Reached] = {}  # by fingerprint
        self._reached: dict[int, Mapping[str, Reached]] = {}  # by set
        self._digests: dict[int, bytes] = {}  # by fingerprint
        self._set_digests: dict[int, bytes] = {}

    def take(self, row: Row) -> None:
        match row:
            case SourceRow():
                self.sources.append(row)
            case FingerprintRow():
                self._fingerprints.append(row)
            case SetRow():
                self._sets.append(row.fingerprints)
            case SubjectRow():
                if row.kind not in SUBJECT_KINDS:
                    raise EvidenceError(f"a subject of the kind {row.kind!r}")
                self.subjects.append(row)
            case StateRow():
                self._states.append(row)
            case OriginRow():
                self._origins.append(row.frames)
            case PackagesRow():
                self.packages.append(row.packages)
            case FactsRow():
                self.facts.append(row.facts)

    def identity(self, subject: int) -> str:
        """By what traces of a subject are known."""
        row = self.subjects[subject - 1]
        return f"{row.kind}:{row.name}"

    def trace(self, row: TraceRow) -> Trace:
        """The trace of a row."""
        return Trace(
            identity=self.identity(row.subject),
            fingerprints=self._fingerprints_of(row.set) if row.set else {},
            resources=tuple(
                ResourceState(*state, frames=frames) for state, frames in self._resources(row)
            ),
            uses=tuple(map(self.identity, unpack_numbers(row.uses))),
            unknown=row.unknown,
            complete=bool(row.complete),
        )

    def digest(self, row: TraceRow) -> bytes:
        """A name for all that a row says of a run, whatever the places of what it names."""
        parts = (
            self.identity(row.subject), row.unknown, row.complete, self._set_digest(row.set) if row.set else b"",
            list(map(self.identity, unpack_numbers(row.uses))), sorted(self._resources(row)),
            row.outcome, row.duration, row.always, row.failure,
        )  # fmt: skip
        return blake2b(repr(parts).encode(), digest_size=16).digest()

    def relied(self, row: TraceRow) -> bytes:
        """A name for what a row says that it relied on, but for what it uses."""
        parts = (
            self._set_digest(row.set) if row.set else b"",
            row.unknown,
            sorted(s for s, _ in self._resources(row)),
        )
        return blake2b(repr(parts).encode(), digest_size=16).digest()

    def _resources(self, row: TraceRow) -> Iterable[tuple[StateRow, str]]:
        places = zip(unpack_numbers(row.states), unpacked_places(row.origins), strict=True)
        return ((self._states[state - 1], self._origins[origin - 1]) for state, origin in places)

    def _set_digest(self, place: int) -> bytes:
        if place not in self._set_digests:
            # sorted by their files
            parts = map(self._fingerprint_digest, unpack_numbers(self._sets[place - 1]))
            self._set_digests[place] = blake2b(b"".join(parts), digest_size=16).digest()
        return self._set_digests[place]

    def _fingerprint_digest(self, place: int) -> bytes:
        if place not in self._digests:
            row = self._fingerprints[place - 1]
            source = self.sources[row.source - 1]
            digest = blake2b(digest_size=16)
            digest.update(source.path.encode("utf-8", "surrogatepass") + b"\0")
            # ascending, as the numbers are: the same checksums give the same bytes
            ends = (8 * number for number in unpack_numbers(row.blocks))
            digest.update(b"".join([source.checksums[end - 8 : end] for end in ends]))
            self._digests[place] = digest.digest()
        return self._digests[place]

    def _fingerprints_of(self, place: int) -> Mapping[str, Reached]:
        if place not in self._reached:
            if len(self._reached) > _KEPT_SETS:
                self._reached.clear()
            self._reached[place] = {
                self.sources[self._fingerprints[number - 1].source - 1].path: self._checksums_of(
                    number
                )
                for number in unpack_numbers(self._sets[place - 1])
            }
        return self._reached[place]

    def _checksums_of(self, place: int) -> Reached:
        if place not in self._checksums:
            if len(self._checksums) > _KEPT:
                self._checksums.clear()
            row = self._fingerprints[place - 1]
            table = self._table(row.source)
            mask = bytearray(len(table.checksums))
            for number in unpack_numbers(row.blocks):
                mask[number - 1] = 1
            self._checksums[place] = Reached(table, bytes(mask))
        return self._checksums[place]

    def _table(self, source: int) -> BlockTable:
        if source not in self._blocks:
            packed = self.sources[source - 1].checksums
            self._blocks[source] = BlockTable(
                struct.unpack(f"<{len(packed) // 8}Q", packed), (), ()
            )
        return self._blocks[source]
