"""Numbers by which records of a spool file name files, hits and names: each is written once."""

from collections.abc import Iterable

from testmon_cli.tracing import wire
from testmon_cli.tracing.engines.protocol import Hits, LoadedFile

_REMEMBERED = 20_000  # hits whose numbers are known; a full memory starts anew


class Numbering:
    """Gives numbers, and makes the records that say what they stand for."""

    def __init__(self) -> None:
        self._files: dict[LoadedFile, int] = {}
        self._hits: dict[Hits, int] = {}
        self._asked: dict[tuple[LoadedFile, frozenset[str]], int] = {}

    def file(self, file: LoadedFile) -> wire.File:
        """The record of a file, numbered."""
        number = self._files.setdefault(file, len(self._files))
        return wire.File(number, file.path, file.digest, file.size, file.mtime_ns)

    def hits(self, found: Iterable[Hits]) -> tuple[list[wire.Record], tuple[int, ...]]:
        """Number what was hit of some files.

        Returns the records that say it, as far as none did before, and the numbers.
        """
        if len(self._hits) > _REMEMBERED:
            self._hits.clear()
        records: list[wire.Record] = []
        numbers = []
        for hits in found:
            number = self._hits.get(hits)
            if number is None:
                number = self._hits[hits] = len(self._hits)
                if hits.file not in self._files:
                    records.append(self.file(hits.file))
                records.append(wire.Hits(number, self._files[hits.file], hits.seen))
            numbers.append(number)
        return records, tuple(numbers)

    def names(
        self, found: Iterable[tuple[LoadedFile, frozenset[str]]], records: list[wire.Record]
    ) -> tuple[int, ...]:
        """Number names that were looked up.

        Records that say it, as far as none did before, are added to `records`.
        """
        if len(self._asked) > _REMEMBERED:
            self._asked.clear()
        numbers = []
        for file, names in found:
            number = self._asked.get((file, names))
            if number is None:
                number = self._asked[file, names] = len(self._asked)
                if file not in self._files:
                    records.append(self.file(file))
                records.append(wire.Asked(number, self._files[file], tuple(sorted(names))))
            numbers.append(number)
        return tuple(numbers)
