"""Takes from the probes what they noted, for whoever's turn it is."""

from collections.abc import Iterator, Mapping
from itertools import compress
from typing import Any

from testmon_cli.tracing.engines.holders import Fills, Holders, Reads
from testmon_cli.tracing.engines.makings import Makings
from testmon_cli.tracing.engines.probe_code import LOST, LOST_ON_IMPORT, UNNOTED, Probes
from testmon_cli.tracing.engines.protocol import Drained
from testmon_cli.tracing.engines.sightings import Sightings, add_hits
from testmon_cli.tracing.engines.turns import Turn
from testmon_cli.tracing.engines.units import Unit, Units
from testmon_cli.tracing.engines.watchers import is_watched

_NAMES_LOST = frozenset({LOST})
_ALL_NAMES_LOST = frozenset({LOST, LOST_ON_IMPORT})
_MODULE = "<module>"  # the name of the blocks of a module itself


class Harvest:
    """The hits and the look-ups of all units, and what is kept for others meanwhile."""

    def __init__(self, units: Units, sightings: Sightings) -> None:
        self.turn = Turn()
        self.holders = Holders()
        self.holders.begin_reading = self._begin_reading
        self.makings = Makings(self._functions_in)
        self.is_watched = False  # by a debugger or a profiler
        self._units = units
        self._sightings = sightings
        self._reads: Any = UNNOTED  # takes the notes of what all sources read, see `holders`

    def take(self) -> None:
        """Take the hits for the current identity."""
        units = self._units
        with units.lock:
            was_watched = self.is_watched
            self.is_watched = was_watched and is_watched()
            if was_watched:
                self.holders.unseen(self.turn.owner)
            # A finalizer may run anywhere in here; what it imports is harvested in its turn, and
            # nothing taken twice.
            for number in list(units.woken):
                self._take(number, loses_names=was_watched)
            for number in list(units.asking):
                units.asking.pop(number, None)
                names = frozenset(units.all[number].probes.take_asked())
                self._sightings.ask(self.turn.owner, number, names)
            if units.is_shared:
                self._take_shared()
            self.holders.weigh(self.turn.owner)
            if was_watched and not self.is_watched:
                for unit in units.all:
                    self._watch(unit, is_watched=False)

    def _take(self, number: int, *, loses_names: bool) -> None:
        hits = self._units.take(number)
        if self.is_watched:
            self._units.all[number].probes.wake()
        if hits is not None:
            self._keep(number, hits, loses_names=loses_names)

    def _take_shared(self) -> None:
        # Children tell which names they looked up only if they end in good order.
        for number, hits in self._units.take_shared():
            self._keep(number, hits, loses_names=self.turn.has_children)

    def _keep(self, number: int, hits: bytes, *, loses_names: bool) -> None:
        owner = self.turn.owner
        if loses_names:
            self._sightings.ask(owner, number, _ALL_NAMES_LOST if hits[-1] else _NAMES_LOST)
        self._sightings.hit(owner, number, hits)
        for making in self.makings.going_on:
            add_hits(making.hits, number, hits)

    def drain(self) -> Drained:
        """All that was taken since the last call."""
        kept = self.holders.take()
        for identity, made in self.makings.take().items():
            kept[identity] = kept.get(identity, set()) | made
        return self._sightings.drain(self._units, kept)

    # What is made for others

    def begin_making(self, path: str, qualname: str) -> None:
        """A function begins to make what it keeps for others."""
        key = path, qualname
        if self.makings.may_begin(key, self.turn.owner):
            with self.makings.timed():
                self._gather()
                self.makings.begin(key, self.turn.owner)

    def end_making(self, path: str, qualname: str) -> None:
        """A function has made what it keeps for others, or failed to."""
        making = self.makings.last((path, qualname))
        if making is not None:
            with self.makings.timed():
                self._gather()
                self.makings.end(making, self.turn.owner)

    def _gather(self) -> None:
        """Take the hits up to now, for whoever runs."""
        if self.turn.owner != self.turn.identity:
            self.turn.doubt()
        with self._units.lock:
            for number in list(self._units.woken):
                self._take(number, loses_names=False)
            if self._units.is_shared:
                self._take_shared()

    def _functions_in(self, found: Mapping[int, bytes]) -> Iterator[tuple[str, str]]:
        """The functions that hits of units are of, by file.

        Returns their qualified names with spaces between them, by path.
        """
        for number, hits in found.items():
            unit = self._units.all[number]
            names = set(compress(unit.qualnames, hits))
            if hits[-1]:
                names.add(_MODULE)
            yield unit.file.path, " ".join(sorted(names))

    # Who reads what was kept

    def _begin_reading(self) -> None:
        """Something that was kept outlived its turn: from now on it matters who reads it."""
        self._reads = Reads(self.holders)
        if not self.is_watched:
            for unit in self._units.all:
                unit.probes.reads = self._reads

    def dress(self, probes: Probes, path: str) -> None:
        """Let new probes tell who keeps and reads what, unless somebody would see the calls."""
        if self.is_watched:
            probes.watched(True)
        else:
            probes.fills = Fills(path, self.holders)
            probes.reads = self._reads

    # Debuggers and profilers

    def watched(self) -> None:
        """Wake all sources: the first store into an idle one is a call.

        So is word of statements.
        """
        self.take()
        self.is_watched = True
        self.makings.lose_all()
        self.turn.forget_statements()
        for unit in self._units.all:
            self._watch(unit, is_watched=True)

    def _watch(self, unit: Unit, *, is_watched: bool) -> None:
        unit.probes.watched(is_watched)
        unit.probes.fills = UNNOTED if is_watched else Fills(unit.file.path, self.holders)
        unit.probes.reads = UNNOTED if is_watched else self._reads

    # Processes

    def share(self) -> None:
        """A child was forked, whose hits come into the array; what it keeps it may never tell."""
        self._units.is_shared = self.turn.has_children = True
        self.holders.unseen(self.turn.owner)

    def forked(self, identity: str) -> None:
        """Begin anew in a forked child, which runs for `identity`."""
        self._units.forked()
        self._sightings.forget()
        self.turn.forked(identity)
        self.holders.forget()
        self.makings.forget()
