"""The blocks that processes ran and the names they looked up, by each one's own numbers."""

from collections.abc import Set as AbstractSet
from typing import NamedTuple

from testmon_cli.analysis import lookups
from testmon_cli.application.collect.loaded_sources import LoadedSources
from testmon_cli.tracing import wire
from testmon_cli.tracing.engines.probe_code import LOST, LOST_ON_IMPORT

_KNOWN_LIMIT = 10_000  # combinations of hits that are remembered
_NAMES_LOST = lookups.checksums_of((LOST, LOST_ON_IMPORT))


class _Hit(NamedTuple):
    """The blocks of one file that traces ran, or why they cannot be known."""

    path: str
    checksums: AbstractSet[int] = frozenset()
    problem: str = ""
    keeps_names: bool = True  # whether the names are told that it looked up


_LOST = _Hit("", problem="a part of its record was lost")


class ExecutedBlocks:
    """Turns numbers of hits, which each file of records gives out anew, to checksums of blocks."""

    def __init__(self, sources: LoadedSources) -> None:
        self._sources = sources
        self._files: dict[tuple[str, int], str] = {}  # (spool file, number) -> path
        self._hits: dict[tuple[str, int], _Hit] = {}  # (spool file, number)
        # (spool file, number) -> place, names
        self._asked: dict[tuple[str, int], tuple[str, AbstractSet[int]]] = {}
        self._ran: dict[
            tuple[str, tuple[int, ...], tuple[int, ...]],
            tuple[dict[str, AbstractSet[int]], list[str]],
        ] = {}

    def add_file(self, source: str, record: wire.File) -> None:
        """Take in which file a number stands for."""
        self._files[source, record.number] = self._sources.read(record)

    def add_hits(self, source: str, record: wire.Hits, *, is_told: bool) -> None:
        """Take in what ran of a file.

        `is_told` says that these hits stand for the names that the code looks up, too.
        """
        if (source, record.number) in self._hits:
            self._ran.clear()  # the number has another meaning from now on
        self._hits[source, record.number] = self._hit(source, record, is_told=is_told)

    def add_names(self, source: str, record: wire.Asked) -> None:
        """Take in the names that code of a file looked up."""
        if (source, record.number) in self._asked:
            self._ran.clear()
        path = self._files.get((source, record.file), "")
        loaded = self._sources.by_path.get(path)  # none of what a test made, loaded and removed
        names = (
            lookups.checksums_of(record.names)
            if loaded is not None and loaded.looks_up
            else frozenset()
        )
        self._asked[source, record.number] = lookups.place_of(path), names

    def what_ran(
        self, source: str, hits: tuple[int, ...], asked: tuple[int, ...]
    ) -> tuple[dict[str, AbstractSet[int]], list[str]]:
        """Checksums by path, and what is not known of them.

        Many tests have the same, and nobody changes it.
        """
        known = self._ran.get((source, hits, asked))
        if known is not None:
            return known
        fingerprints: dict[str, AbstractSet[int]] = {}
        problems = []
        for number in hits:
            path, checksums, problem, keeps_names = self._hits.get((source, number), _LOST)
            if problem:
                problems.append(problem)
            elif checksums:  # mostly the only ones of the file: then the set stays one object, known to the datafile
                fingerprints[path] = (
                    fingerprints[path] | checksums if path in fingerprints else checksums
                )
                if not keeps_names:
                    fingerprints[lookups.place_of(path)] = _NAMES_LOST
        for number in asked:
            place, names = self._asked.get((source, number), ("", frozenset()))
            if not place:
                problems.append(_LOST.problem)
            elif names:
                fingerprints[place] = (
                    fingerprints[place] | names if place in fingerprints else names
                )
        if len(self._ran) >= _KNOWN_LIMIT:
            self._ran.clear()
        self._ran[source, hits, asked] = fingerprints, problems
        return fingerprints, problems

    def add_module_level(
        self, absolute: str, fingerprints: dict[str, AbstractSet[int]], unknown: list[str]
    ) -> None:
        """Add the module level of a file that ran as a script."""
        path = self._sources.relative(absolute)
        loaded = self._sources.by_path.get(path)
        checksum = loaded.module_checksum if loaded is not None else None
        if checksum is None:
            unknown.append(f"{path} ran as a script and could not be read")
        else:
            fingerprints[path] = fingerprints.get(path, frozenset()) | {checksum}

    def _hit(self, source: str, record: wire.Hits, *, is_told: bool) -> _Hit:
        path = self._files.get((source, record.file), "")
        if self._sources.is_passing(path):
            return _Hit(path)
        problem = self._sources.problem_of(path)
        if problem:
            return _Hit(path, problem=problem)
        loaded = self._sources.by_path[path]
        return _Hit(path, loaded.checksums(record.seen), keeps_names=is_told or not loaded.looks_up)
