"""Holds every row of a bundle against what rows can be, before it is merged."""

import math
import re
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from testmon_cli.analysis import codec
from testmon_cli.analysis.model_key import MODEL_VERSION
from testmon_cli.bundles import shapes
from testmon_cli.domain.evidence import (
    UNFINISHED,
    EvidenceError,
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
from testmon_cli.domain.hashing import blake2b
from testmon_cli.domain.records import OUTCOMES, RESOURCE_KINDS, SUBJECT_KINDS, TEST_KINDS
from testmon_cli.domain.varints import are_canonical, unpack_differences

_LATEST: Final = 4e9  # seconds since the epoch: later than all runs
_MODEL_KEY: Final = re.compile(r"-|\d{1,6}-\d{1,3}\.\d{1,3}")
_LARGEST_MODEL: Final = 64 << 20  # bytes, unpacked
_MOST_MODELS: Final = 200_000  # that are remembered
_ENDLESS: Final = re.compile(rb"[\x80-\xff]{10}")  # in packed numbers: one that never ends
_UNREADABLE: Final = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, MemoryError, struct.error,
    zlib.error,
)  # fmt: skip
# How many of the first fields tell a row from the others of its kind; by these they are sorted.
_KEYS: Final[dict[type[Row], int]] = {
    SourceRow: 1, VersionRow: 3, FingerprintRow: 2, SetRow: 1, SubjectRow: 2, StateRow: 3, OriginRow: 1,
    PackagesRow: 1, FactsRow: 1, TraceRow: 2,
}  # fmt: skip

_good_models: set[bytes] = set()


class Checker:
    """Lets good rows pass, and counts them. Raises EvidenceError at the first that is not."""

    def __init__(self) -> None:
        self.counts: Counter[type[Row]] = Counter()
        self._blocks: list[int] = []  # how many each source has
        self._subjects: list[tuple[str, bool]] = []  # kind, and whether it is a test that ran
        self._before: tuple[Any, ...] = ()
        self._checks: dict[type[Row], Callable[[Any], None]] = {
            SourceRow: self._source,
            VersionRow: self._version,
            FingerprintRow: self._fingerprint,
            SetRow: self._set,
            SubjectRow: self._subject,
            StateRow: self._state,
            OriginRow: lambda _: None,
            PackagesRow: lambda row: shapes.check_packages(row.packages),
            FactsRow: lambda row: shapes.check_facts(row.facts),
            RunRow: self._run,
            TraceRow: self._trace,
        }

    def checked(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Pass rows on as long as they are what a bundle may hold.

        Raises EvidenceError at the first that is not.
        """
        for row in rows:
            kind = type(row)
            self._check_order(kind, row)
            self._checks[kind](row)
            self.counts[kind] += 1
            yield row

    def _check_order(self, kind: type[Row], row: Row) -> None:
        if kind in _KEYS:
            key = row[: _KEYS[kind]]
            if self.counts[kind] and not self._before < key:
                raise EvidenceError("rows that are not in order")
            self._before = key

    def _source(self, row: SourceRow) -> None:
        _check_path(row.path)
        checksums = row.checksums
        _expect(len(checksums) % 8 == 0, "checksums that are cut off")
        numbers = [
            int.from_bytes(checksums[at : at + 8], "little") for at in range(0, len(checksums), 8)
        ]
        _expect(all(map(int.__lt__, numbers, numbers[1:])), "checksums that are not in order")
        self._blocks.append(len(numbers))

    def _version(self, row: VersionRow) -> None:
        self._check_place(SourceRow, row.source)
        _expect(_MODEL_KEY.fullmatch(row.model_key) is not None, "a model of no analysis")
        _expect(len(row.names) % 4 == 0, "an index of names that is cut off")
        if row.model and row.model_key.startswith(f"{MODEL_VERSION}-"):
            _check_model(row.model)

    def _fingerprint(self, row: FingerprintRow) -> None:
        self._check_place(SourceRow, row.source)
        _check_numbers(row.blocks, self._blocks[row.source - 1])

    def _set(self, row: SetRow) -> None:
        _check_numbers(row.fingerprints, self.counts[FingerprintRow])

    def _subject(self, row: SubjectRow) -> None:
        _expect(row.kind in SUBJECT_KINDS, "a subject of no kind")
        ran = bool(row.test_kind)
        _expect(
            not ran or (row.kind == "test" and row.test_kind in TEST_KINDS), "a test of no kind"
        )
        _expect(ran or not (row.path or row.function), "a place of something that is no test")
        _check_path(row.path)
        self._subjects.append((row.kind, ran))

    def _state(self, row: StateRow) -> None:
        _expect(row.kind in RESOURCE_KINDS, "a resource of no kind")
        if row.kind in ("file", "directory", "metadata"):
            _check_path(row.name)

    def _run(self, row: RunRow) -> None:
        self._check_place(PackagesRow, row.packages)
        _expect(row.facts <= self.counts[FactsRow], "a run with facts that are not there")
        _check_numbers(row.snapshot, self.counts[VersionRow])
        _expect(
            row.has_snapshot == 1 or (row.has_snapshot == 0 and not row.snapshot),
            "a snapshot that cannot be",
        )
        _expect(0 < row.started < _LATEST, "a run that began at no time")
        _expect(row.ended == UNFINISHED or 0 < row.ended < _LATEST, "a run that ended at no time")
        _expect(
            row.completed in (0, 1) and row.git_dirty in (0, 1), "a run that is neither so nor so"
        )
        _expect(
            re.fullmatch(r"(-?\d{1,9})?", row.exitstatus) is not None, "an exit code that is none"
        )
        shapes.check_arguments(row.arguments)

    def _trace(self, row: TraceRow) -> None:
        self._check_place(RunRow, row.run)
        self._check_place(SubjectRow, row.subject)
        _expect(row.complete in (0, 1), "a trace that is neither over nor not")
        _expect(row.set <= self.counts[SetRow], "a trace of code that is not there")
        _check_numbers(row.uses, self.counts[SubjectRow])
        states = _check_numbers(row.states, self.counts[StateRow])
        _expect(len(row.origins) == 4 * states, "origins that are cut off")
        for at in range(0, len(row.origins), 4):
            self._check_place(OriginRow, int.from_bytes(row.origins[at : at + 4], "little"))
        _expect(not row.outcome or row.outcome in OUTCOMES, "an outcome that is none")
        _expect(
            not row.outcome or self._subjects[row.subject - 1][1], "an execution of what is no test"
        )
        _expect(
            bool(row.outcome) or not (row.duration or row.always or row.failure),
            "an execution without outcome",
        )
        _expect(
            math.isfinite(row.duration) and 0 <= row.duration < _LATEST, "a duration that cannot be"
        )

    def _check_place(self, kind: type[Row], place: int) -> None:
        _expect(
            0 < place <= self.counts[kind], f"a row that names a {kind.__name__} that is not there"
        )


def take_as_checked(models: Iterable[bytes]) -> None:
    """Do not decode these models again: the datafile has them already."""
    for model in models:
        _note_good(blake2b(model, digest_size=16).digest())


def _check_model(model: bytes) -> None:
    """Bundles of one project share most of their models: each is decoded once."""
    digest = blake2b(model, digest_size=16).digest()
    if digest in _good_models:
        return
    try:
        codec.check_size(model, _LARGEST_MODEL)
        codec.decode(model)
    except _UNREADABLE:
        raise EvidenceError("a model of a source that cannot be read") from None
    _note_good(digest)


def _note_good(digest: bytes) -> None:
    if len(_good_models) >= _MOST_MODELS:
        _good_models.clear()
    _good_models.add(digest)


def _expect(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise EvidenceError(otherwise)


def _check_numbers(packed: bytes, last: int) -> int:
    """How many numbers there are, each but once and in order."""
    _expect(_ENDLESS.search(packed) is None, "numbers that do not end")
    _expect(are_canonical(packed), "numbers that are not in order")
    differences = packed if packed.isascii() else unpack_differences(packed)
    _expect(sum(differences) <= last, "numbers of rows that are not there")
    return len(differences)


def _check_path(path: str) -> None:
    _expect(not path.startswith("/"), "a path that is not relative")
