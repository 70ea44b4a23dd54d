"""The fast engine: probes in the code, see `probe_code`."""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import compress
from types import CodeType
from typing import Any

from testmon_cli.domain.hashing import blake2b
from testmon_cli.tracing.attribution import SESSION, module_identity, statement_identity
from testmon_cli.tracing.engines import probe_code as probing
from testmon_cli.tracing.engines.cache_seal import read_key
from testmon_cli.tracing.engines.code_hooks import CodeHooks
from testmon_cli.tracing.engines.holders import Fills, Holders, Reads
from testmon_cli.tracing.engines.makings import Makings
from testmon_cli.tracing.engines.probe_code import (
    LOST,
    LOST_ON_IMPORT,
    UNNOTED,
    Probes,
    Source,
    bind,
    probed,
)
from testmon_cli.tracing.engines.protocol import Drained, Hits, Witness
from testmon_cli.tracing.engines.sightings import Sightings, add_hits
from testmon_cli.tracing.engines.turns import Turn
from testmon_cli.tracing.engines.units import Unit, Units
from testmon_cli.tracing.originals import open_file
from testmon_cli.tracing.settings import Scope

# numbers for sys.monitoring: 1 is that of coverage, from 5 on they are Python's
_OTHERS_TOOLS = (0, 2, 3, 4)
_NO_ROOM = "there is no room for more probes"
_NAMES_LOST = frozenset({LOST})
_ALL_NAMES_LOST = frozenset({LOST, LOST_ON_IMPORT})
_MODULE = "<module>"  # the name of the blocks of a module itself


class ProbesEngine:
    """Writes probes into the project's code as it is imported, and reads which of them were hit."""

    name = "probes"

    def __init__(self, scope: Scope, witness: Witness | None = None) -> None:
        self.plain: set[str] = set()
        self._scope = scope
        self._hooks = CodeHooks(scope, self)
        self._units = Units(witness)
        self._turn = Turn()
        self._sightings = Sightings()
        self._holders = Holders()
        self._holders.begin_reading = self._begin_reading
        self._makings = Makings(self._functions_in)
        self._reads: Any = UNNOTED  # takes the notes of what all sources read, see `holders`
        self._is_watched = False  # by a debugger or a profiler
        self._blind: set[str] = set()
        self._loaded: set[str] = set()
        self._lock = threading.RLock()

    def start(self) -> None:
        read_key(self._scope.key_file)  # before reads are seen: it may be below the root
        self._hooks.hook_imports()
        self._holders.watch_copies()
        probing.finder = self.recalled
        probing.observer = self.reached
        probing.begin_making = self.begin_making
        probing.end_making = self.end_making
        os.register_at_fork(after_in_parent=self._share)

    def attach_pytest(self) -> None:
        self._hooks.hook_pytest()

    def stop(self) -> None:
        self.harvest()

    # Whose turn it is

    def switch(self, identity: str, *, is_harvested: bool = False) -> None:
        if not is_harvested:
            if self._turn.owner != self._turn.identity:
                self._turn.doubt()
            self.harvest()
        self._turn.begin(identity)

    def begin_module(self, path: str) -> object:
        self._turn.count_threads()
        return self._proceed(module_identity(path), None)

    def end_module(self, path: str, token: object) -> None:
        self._proceed(module_identity(path), token if isinstance(token, str) else None)

    def reached(self, path: str, line: int) -> None:
        """A module comes to a statement: what runs from now on runs for that."""
        identity = module_identity(path)
        if identity == self._turn.identity:
            self._proceed(identity, statement_identity(path, line))

    def _proceed(self, identity: str, statement: str | None) -> str | None:
        """Take what ran for a module so far; the rest belongs to a statement, or to the whole."""
        units = self._units
        if identity == self._turn.identity:
            self._turn.doubt()
            if units.woken or units.asking or units.has_shared_hits():
                self.harvest()
        return self._turn.proceed(identity, None if self._is_watched else statement)

    # Hits

    def harvest(self) -> None:
        """Take the hits for the current identity."""
        units = self._units
        with self._lock:
            was_watched = self._is_watched
            self._is_watched = was_watched and is_watched()
            if was_watched:
                self._holders.unseen(self._turn.owner)
            # A finalizer may run anywhere in here; what it imports is harvested in its turn, and
            # nothing taken twice.
            for number in list(units.woken):
                self._take(number, loses_names=was_watched)
            for number in list(units.asking):
                units.asking.pop(number, None)
                names = frozenset(units.all[number].probes.take_asked())
                self._sightings.ask(self._turn.owner, number, names)
            if units.is_shared:
                self._harvest_shared()
            self._holders.weigh(self._turn.owner)
            if was_watched and not self._is_watched:
                for unit in units.all:
                    self._watch(unit, is_watched=False)

    def _take(self, number: int, *, loses_names: bool) -> None:
        hits = self._units.take(number)
        if self._is_watched:
            self._units.all[number].probes.wake()
        if hits is not None:
            self._keep(number, hits, loses_names=loses_names)

    def _harvest_shared(self) -> None:
        # Children tell which names they looked up only if they end in good order.
        for number, hits in self._units.take_shared():
            self._keep(number, hits, loses_names=self._turn.has_children)

    def _keep(self, number: int, hits: bytes, *, loses_names: bool) -> None:
        owner = self._turn.owner
        if loses_names:
            self._sightings.ask(owner, number, _ALL_NAMES_LOST if hits[-1] else _NAMES_LOST)
        self._sightings.hit(owner, number, hits)
        for making in self._makings.going_on:
            add_hits(making.hits, number, hits)

    def drain(self) -> Drained:
        kept = self._holders.take()
        for identity, made in self._makings.take().items():
            kept[identity] = kept.get(identity, set()) | made
        return self._sightings.drain(self._units, kept)

    def observes(self, hits: Hits, code: CodeType) -> bool:
        unit = self._units.find(hits.file.path, hits.file.digest)
        if unit is None:
            return False
        key = hits, code.co_qualname
        found = unit.entered.get(key)
        if found is None:
            found = unit.entered[key] = code.co_qualname in compress(unit.qualnames, hits.seen)
        return found

    # What is kept for others

    @property
    def is_making(self) -> bool:
        return bool(self._makings.going_on)

    def begin_making(self, path: str, qualname: str) -> None:
        """A function begins to make what it keeps for others."""
        key = path, qualname
        if self._makings.may_begin(key, self._turn.owner):
            with self._makings.timed():
                self._gather()
                self._makings.begin(key, self._turn.owner)

    def end_making(self, path: str, qualname: str) -> None:
        """A function has made what it keeps for others, or failed to."""
        making = self._makings.last((path, qualname))
        if making is not None:
            with self._makings.timed():
                self._gather()
                self._makings.end(making, self._turn.owner)

    def _gather(self) -> None:
        """Take the hits up to now, for whoever runs."""
        if self._turn.owner != self._turn.identity:
            self._turn.doubt()
        with self._lock:
            for number in list(self._units.woken):
                self._take(number, loses_names=False)
            if self._units.is_shared:
                self._harvest_shared()

    def _functions_in(self, found: Mapping[int, bytes]) -> Iterator[tuple[str, str]]:
        """The functions that hits of units are of, by file.

        Returns their qualified names with spaces between them, by path.
        """
        for number, hits in found.items():
            unit = self._units.all[number]
            names = {*compress(unit.qualnames, hits), *((_MODULE,) if hits[-1] else ())}
            yield unit.file.path, " ".join(sorted(names))

    def _begin_reading(self) -> None:
        """Something that was kept outlived its turn: from now on it matters who reads it."""
        self._reads = Reads(self._holders)
        if not self._is_watched:
            for unit in self._units.all:
                unit.probes.reads = self._reads

    def settle(self) -> None:
        self._holders.settle()

    def postpone(self) -> None:
        self._holders.postpone()

    def resume(self) -> None:
        self._holders.resume()

    def weigh(self) -> None:
        self._holders.is_watching = True

    # Debuggers and profilers

    def watched(self) -> None:
        """Wake all sources: the first store into an idle one is a call.

        So is word of statements.
        """
        self.harvest()
        self._is_watched = True
        self._makings.lose_all()
        self._turn.forget_statements()
        for unit in self._units.all:
            self._watch(unit, is_watched=True)

    def _watch(self, unit: Unit, *, is_watched: bool) -> None:
        unit.probes.watched(is_watched)
        unit.probes.fills = UNNOTED if is_watched else Fills(unit.file.path, self._holders)
        unit.probes.reads = UNNOTED if is_watched else self._reads

    # Processes

    def _share(self) -> None:
        """A child was forked, whose hits come into the array; what it keeps it may never tell."""
        self._units.is_shared = self._turn.has_children = True
        self._holders.unseen(self._turn.owner)

    def forked(self, identity: str) -> None:
        """Code loaded before stores into the parent's array, which the parent reads.

        New code is this process's own.
        """
        self._units.forked()
        self._sightings.forget()
        self._turn.forked(identity)
        self._holders.forget()
        self._makings.forget()
        self._lock = threading.RLock()

    def entrust(self, make: Callable[[], Witness]) -> None:
        self._units.entrust(make)

    def relieve(self) -> None:
        self.harvest()
        self._units.relieve()

    # Code that is loaded

    def prepare(self, code: CodeType, path: str) -> CodeType:
        try:
            with open_file(path, "rb", buffering=0) as handle:
                data = handle.read()
        except OSError:
            data = b""
        if self._scope.stays_plain(path):
            self.count_all(path, data)
            return code
        return self.bound(code, path, blake2b(data, digest_size=16).hexdigest(), len(data)) or code

    def bound(self, code: CodeType, path: str, digest: str, size: int) -> CodeType | None:
        """Instrumented code, connected to the array; None where it must run without."""
        found = probed(code)
        if found is None:
            if path not in self._blind:
                self.blind(path, "its code came without probes")
            return None
        with self._lock:
            unit = self._units.find(path, digest)
            if unit is None:
                if not self._units.has_room(len(found.qualnames)):
                    self.blind(path, _NO_ROOM)
                    return None
                unit = self._units.add(path, digest, size, found.qualnames, self._dress)
            # they were not known when code of it came by pickle first
            unit.qualnames = found.qualnames
        self._loaded.add(path)
        return bind(code, unit.probes)

    def recalled(self, source: Source) -> Probes | None:
        """The probes of code that came by pickle; this process may not have loaded its source."""
        blocks = source.places - 1
        with self._lock:
            unit = self._units.find(source.path, source.digest)
            if unit is None and self._units.has_room(blocks):
                unit = self._units.add(
                    source.path, source.digest, source.size, ("",) * blocks, self._dress
                )
        return None if unit is None else unit.probes

    def count_all(self, path: str, data: bytes) -> None:
        """Count all blocks of a source as run by every test, since nothing shows which ran."""
        try:
            names = _names_of_blocks(data)
        except (SyntaxError, ValueError):
            return  # to import it fails
        self._loaded.add(path)
        self.plain.add(path)
        with self._lock:
            if not self._units.has_room(len(names)):
                self.blind(path, _NO_ROOM)
                return
            digest = blake2b(data, digest_size=16).hexdigest()
            number = self._units.add(path, digest, len(data), names, self._dress).probes.number
            self._sightings.hit(SESSION, number, bytes([1] * len(names) + [0]))
            self._sightings.ask(SESSION, number, _ALL_NAMES_LOST)
            self._holders.unseen_in(path, SESSION)

    def _dress(self, probes: Probes, path: str) -> None:
        """Let new probes tell who keeps and reads what, unless somebody would see the calls."""
        if self._is_watched:
            probes.watched(True)
        else:
            probes.fills = Fills(path, self._holders)
            probes.reads = self._reads

    def imported(self, path: str) -> None:
        if path not in self._loaded and path not in self._blind:
            self.blind(path, "another tool loaded its code")

    def blind(self, path: str, reason: str) -> None:
        """A source whose code runs unseen."""
        self._blind.add(path)
        self._sightings.unknown(f"module:{path}", f"not instrumented: {reason}")


def _names_of_blocks(data: bytes) -> tuple[str, ...]:
    """The qualified name of the function of each block of a source."""
    import ast

    from testmon_cli.analysis.blocks import find_places

    return tuple(block.qualname for block in find_places(ast.parse(data)))


def is_watched() -> bool:
    """Tell whether a debugger, a profiler or a test of one sees every call of this process.

    Coverage.py may see ours, too: it counts only those in files of the project.
    """
    tracer = sys.gettrace()
    if tracer is not None and type(tracer).__module__.partition(".")[0] != "coverage":
        return True
    if (
        sys.getprofile() is not None
        or threading.gettrace() is not None
        or threading.getprofile() is not None
    ):
        return True
    monitoring: Any = getattr(sys, "monitoring", None)  # from Python 3.12 on
    return monitoring is not None and any(map(monitoring.get_tool, _OTHERS_TOOLS))
