"""The sources that were loaded with probes, and where the hits of each are."""

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator

from testmon_cli.tracing.engines.probe_code import CAPACITY, HitArray, Probes, Source
from testmon_cli.tracing.engines.protocol import Hits, LoadedFile, Witness
from testmon_cli.tracing.originals import get_state

_TAKEN = 2  # of a hit that was taken, but that this process may be killed before it tells of
_ONLY_NEW = bytes(value == 1 for value in range(256))  # leaves out what was taken
_REMEMBERED = 500  # hits of a source that are given out as the same objects


class Unit:
    """One content of one source, with the place of its probes."""

    __slots__ = (
        "base",
        "entered",
        "file",
        "known",
        "last",
        "probes",
        "qualnames",
        "taken",
        "zeros",
    )

    def __init__(
        self, file: LoadedFile, probes: Probes, base: int, qualnames: tuple[str, ...]
    ) -> None:
        self.file = file
        self.probes = probes
        self.base = base
        self.qualnames = qualnames
        self.zeros = [0] * (len(qualnames) + 1)
        self.last = self.zeros  # the list of hits that was taken the last time
        self.taken = bytes(self.zeros)  # the same as bytes
        # by hits as they were taken; many tests hit the same
        self.known: dict[bytes, Hits | None] = {}
        # whether hits show that a function was entered, by its name
        self.entered: dict[tuple[Hits, str], bool] = {}

    def as_bytes(self, hits: list[int]) -> bytes:
        """A list of hits as bytes.

        To turn it takes long, and tests often hit what the one before hit.
        """
        if hits != self.last:
            self.last = hits
            self.taken = bytes(bytearray(hits))  # bytes alone take twice as long
        return self.taken

    def hits_of_blocks(self, hits: bytes) -> Hits | None:
        """The hits without the one of the module's own probe; None when that was the only one."""
        try:
            return self.known[hits]
        except KeyError:
            if len(self.known) >= _REMEMBERED:
                self.known.clear()
                self.entered.clear()
            found = self.known[hits] = Hits(self.file, hits[:-1]) if any(hits[:-1]) else None
            return found


class Units:
    """The units of this process, and the array of hits that it shares with its forks."""

    def __init__(self, witness: Witness | None) -> None:
        self._witness = witness
        # Forked children store here; so does this process when what it ran is to be known after it
        # was killed.
        self._array = HitArray() if witness is None else HitArray(witness.open_hits(CAPACITY))
        self._make_witness: Callable[[], Witness] | None = None
        self.is_shared = witness is not None
        self.lock = threading.RLock()  # held by who takes hits or adds units
        self.woken: dict[int, None] = {}  # numbers of those that ran since their hits were taken
        self.asking: dict[int, None] = {}  # numbers of those that looked names up since
        self.all: list[Unit] = []
        self._bases: list[int] = []  # in the array, of each unit
        self._used = 0  # places of the array
        self._by_file: dict[tuple[str, str], Unit] = {}
        self._new: list[LoadedFile] = []

    def find(self, path: str, digest: str) -> Unit | None:
        return self._by_file.get((path, digest))

    def has_room(self, blocks: int) -> bool:
        return self._used + blocks + 1 <= CAPACITY

    def add(
        self,
        path: str,
        digest: str,
        size: int,
        qualnames: tuple[str, ...],
        prepare: Callable[[Probes, str], None],
    ) -> Unit:
        """Make the unit of a source; `prepare` gets its probes before they can be hit."""
        try:
            mtime_ns = get_state(path).st_mtime_ns
        except OSError:
            mtime_ns = -1
        if self._make_witness is not None:  # nothing has come into the array yet
            self._witness = self._make_witness()
            self._array = HitArray(self._witness.open_hits(CAPACITY))
            self.is_shared = True
            self._make_witness = None
        places = len(qualnames) + 1
        probes = Probes(self._array.part(self._used, places), len(self.all))
        probes.source = Source(path, digest, size, places)
        probes.asking = self.asking
        prepare(probes, path)
        unit = Unit(LoadedFile(path, digest, size, mtime_ns), probes, self._used, qualnames)
        self.all.append(unit)
        if self._witness is not None:
            self._witness.loaded(unit.file, unit.base, len(qualnames))
        else:  # where only this process sees them
            probes.rest(unit.zeros.copy(), self.woken)
        self._bases.append(unit.base)
        self._by_file[path, digest] = unit
        self._new.append(unit.file)
        self._used += places
        return unit

    def take_new(self) -> list[LoadedFile]:
        """The files that were loaded since the last call."""
        found, self._new = self._new, []
        return found

    def take(self, number: int) -> bytes | None:
        """The hits of a unit since the last call, which is idle from now on.

        None where there are none.

        The list of a unit is exchanged for another: no thread can be between looking it up and
        storing into it, since Python switches threads only at calls and backward jumps.
        """
        unit = self.all[number]
        spare = unit.zeros.copy()
        self.woken.pop(number, None)
        hits = unit.probes.rest(spare, self.woken)
        return unit.as_bytes(hits) if isinstance(hits, list) and hits != unit.zeros else None

    def has_shared_hits(self) -> bool:
        """Tell whether the array has hits that were not taken."""
        return self.is_shared and self._array.find(b"\1", 0, self._used) >= 0

    def take_shared(self) -> Iterator[tuple[int, bytes]]:
        """The hits that processes share, by number of the unit.

        Each is reset alone: others may be stored meanwhile.
        """
        taken = 0 if self._witness is None else _TAKEN
        data = self._array[: self._used]
        position = data.find(1)
        while position >= 0:
            number = bisect_right(self._bases, position) - 1
            unit = self.all[number]
            end = unit.base + len(unit.qualnames) + 1
            yield number, data[unit.base : end].translate(_ONLY_NEW)
            while 0 <= position < end:
                self._array[position] = taken
                position = data.find(1, position + 1)

    def forked(self) -> None:
        """Begin anew in a forked child: code that it loads stores into an array of its own."""
        for unit in self.all:
            unit.probes.hits = self._array.part(unit.base, len(unit.qualnames) + 1)
        self._witness = None
        self._array = HitArray()
        self.is_shared = False
        self.lock = threading.RLock()  # a thread of the parent may have held it
        self._used = 0
        self.all, self._bases, self._new = [], [], []
        self.woken = {}
        self.asking = {}

    def entrust(self, make: Callable[[], Witness]) -> None:
        """Have a witness of the hits of what is loaded from now on, if anything is."""
        self._make_witness = make

    def relieve(self) -> None:
        """Have no witness any more."""
        self._witness = None
        self.is_shared = False
        for unit in self.all:
            unit.probes.rest(unit.zeros.copy(), self.woken)
