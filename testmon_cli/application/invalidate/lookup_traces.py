"""Which traces of a run looked a name up that was computed.

The run recorded it, see `analysis.lookups`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from testmon_cli.analysis import lookups
from testmon_cli.analysis.project import Project
from testmon_cli.application.invalidate.block_traces import BlockTraces
from testmon_cli.domain.source import Block

EVERYONE = -1  # all traces
# Whoever asks a module for anything it does not define meets these.
_ANSWERING = frozenset({"__getattr__", "__dir__"})


class Asking(NamedTuple):
    """Code of a file that looked a name up in some way, and the traces in which it did."""

    path: str
    way: str
    blocks: tuple[Block, ...]  # those of the file that look names up in this way
    traces: int


class AskedNames:
    """The names that the code of one run looked up."""

    def __init__(
        self,
        traces: BlockTraces,
        mentioning: Callable[[frozenset[str]], Iterable[str]],
        *,
        kept: bool,
    ) -> None:
        """`mentioning` gives files by names in their text, `kept` says if the run recorded any."""
        self._traces = traces
        self._mentioning = mentioning
        self._is_kept = kept
        self._found: dict[str, tuple[Asking, ...]] = {}
        self._walking: dict[str, tuple[Asking, ...]] = {}
        self.project: Project | None = None

    def where(self, name: str) -> tuple[Asking, ...]:
        """The code that looked a name up, as far as it is known."""
        if name not in self._found:
            self._found[name] = tuple(self._look_for(name)) if self._is_kept else ()
        return self._found[name]

    def _look_for(self, name: str) -> Iterable[Asking]:
        if name in _ANSWERING:
            for (path, way), blocks in self.looking.items():
                yield Asking(path, way, blocks, self._ran(path, blocks))
            return
        for way in lookups.WAYS:
            if way != lookups.WALKS:
                yield from self._asking(way, name)

    def _asking(self, way: str, name: str) -> Iterable[Asking]:
        number = lookups.checksum_of(way, name)
        on_import = lookups.checksum_of(way, name, on_import=True)
        for path in dict.fromkeys((*self._index.get(number, ()), *self._index.get(on_import, ()))):
            place, blocks = lookups.place_of(path), self.looking.get((path, way), ())
            traces = self._traces.ran(place, number)
            scripts = [
                block for block in blocks if block.parent < 0 and block.qualname == "<module>"
            ]
            if scripts:  # who runs a module not as an import
                traces |= self._traces.ran(place, on_import) & self._ran(path, scripts)
            if traces:
                yield Asking(path, way, blocks, traces)

    def in_code(self, name: str) -> int:
        """Traces of code outside of the sources, of a text or script, that may have used a name."""
        ran = self._traces.ran
        wanted = (name, *(other for other in name.split(".") if other != name), lookups.LOST)
        found = 0
        for word in wanted:
            found |= ran(lookups.CODE_PLACE, lookups.checksum_of(lookups.ANYWHERE, word))
        return found

    def walking(self, owner: str) -> tuple[Asking, ...]:
        """The code that went through all names of an object of a class, or of a module.

        The class is given by its last name, and may stand above that of the object. What is run as
        a script has no name of its own.
        """
        if owner not in self._walking:
            names = dict.fromkeys((owner.rpartition(".")[2], "__main__"))
            found = [asking for name in names for asking in self._asking(lookups.WALKS, name)]
            self._walking[owner] = tuple(found) if self._is_kept else ()
        return self._walking[owner]

    def lost(self, path: str, way: str = "") -> int:
        """Traces of which it is not known which names a file's functions looked up in a way."""
        if not self._is_kept:
            return EVERYONE
        return self._lost(path, way, on_import=False) | self._lost(path, way, on_import=True)

    def _lost(self, path: str, way: str, *, on_import: bool) -> int:
        found = 0
        for each in {"", way} & {"", lookups.WALKS}:
            number = lookups.checksum_of(each, lookups.LOST, on_import=on_import)
            if path in self._index.get(number, ()):
                found |= self._traces.ran(lookups.place_of(path), number)
        return found

    def on_import(self, path: str, way: str, name: str) -> bool | None:
        """Whether definitions of a file looked a name up in some way.

        None where that is not known.
        """
        if not self._is_kept or name in _ANSWERING or self._lost(path, way, on_import=True):
            return None
        number = lookups.checksum_of(way, name, on_import=True)
        return (
            path in self._index.get(number, ())
            and self._traces.ran(lookups.place_of(path), number) != 0
        )

    def is_module(self, name: str) -> bool:
        """Whether a module of this name, or anything else that has it, was asked for."""
        if not self._is_kept:
            return False
        ways = (way for way in lookups.WAYS if way not in (lookups.MEMBERS, lookups.WALKS))
        numbers = [
            lookups.checksum_of(way, name, on_import=on_import)
            for way in ways
            for on_import in (False, True)
        ]
        return any(
            self._traces.ran(lookups.place_of(path), number)
            for number in numbers
            for path in self._index.get(number, ())
        )

    @cached_property
    def looking(self) -> Mapping[tuple[str, str], tuple[Block, ...]]:
        """Blocks that look up names that are recorded, by their file and the way they do it."""
        assert self.project is not None
        found = {}
        for path in self._mentioning(frozenset(lookups.WAYS)):
            facts = self.project.facts(path)
            for way in lookups.WAYS if facts is not None else ():
                blocks = tuple(facts.blocks_mentioning(way)) if facts is not None else ()
                if blocks:
                    found[path, way] = blocks
        return found

    @cached_property
    def _index(self) -> Mapping[int, list[str]]:
        """Files in which a name was looked up, by the checksums that stand for way and name."""
        paths = {lookups.place_of(path): path for path in self._mentioning(frozenset(lookups.WAYS))}
        found: dict[int, dict[str, None]] = defaultdict(dict)
        for fingerprint in self._traces.fingerprints(paths):
            for number in fingerprint.checksums:
                found[number][paths[fingerprint.path]] = None
        return {number: list(where) for number, where in found.items()}

    def _ran(self, path: str, blocks: Iterable[Block]) -> int:
        united = 0
        for block in blocks:
            united |= self._traces.ran(path, block.checksum)
        return united
