"""The fast engine: probes in the code, see `probes`."""

import _imp
import _thread
import importlib
import os
import sys
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import compress
from types import CodeType
from typing import TYPE_CHECKING, Any

from testmon_cli.domain import garbage
from testmon_cli.domain.hashing import blake2b
from testmon_cli.tracing.attribution import SESSION, STATEMENT, is_import_of, module_identity, statement_identity
from testmon_cli.tracing.disguise import IMPORT_MACHINERY, disguise
from testmon_cli.tracing.engines import probe_code as probing
from testmon_cli.tracing.engines.cache_seal import read_key
from testmon_cli.tracing.engines.holders import Fills, Holders, Reads
from testmon_cli.tracing.engines.makings import Makings
from testmon_cli.tracing.engines.probe_code import (
    CAPACITY,
    LOST,
    LOST_ON_IMPORT,
    UNNOTED,
    HitArray,
    Probes,
    Source,
    bind,
    probed,
)
from testmon_cli.tracing.engines.protocol import Drained, EngineUnavailableError, Hits, LoadedFile, Witness
from testmon_cli.tracing.originals import get_state, open_file
from testmon_cli.tracing.settings import Scope

if TYPE_CHECKING:
    import ast
    from pathlib import Path

machinery: Any = importlib._bootstrap_external
_TAKEN = 2  # of a hit that was taken, but that this process may be killed before it tells of
_ONLY_NEW = bytes(value == 1 for value in range(256))  # leaves out what was taken

_OTHERS_TOOLS = (0, 2, 3, 4)  # numbers for sys.monitoring: 1 is that of coverage, from 5 on they are Python's
_NO_ROOM = "there is no room for more probes"
_NAMES_LOST = frozenset({LOST})
_ALL_NAMES_LOST = frozenset({LOST, LOST_ON_IMPORT})
_MODULE = "<module>"  # the name of the blocks of a module itself
_REMEMBERED = 500  # hits of a source that are given out as the same objects


class Unit:
    """One content of one source, with the place of its probes."""

    __slots__ = ("base", "entered", "file", "known", "last", "probes", "qualnames", "taken", "zeros")

    def __init__(self, file: LoadedFile, probes: Probes, base: int, qualnames: tuple[str, ...]) -> None:
        self.file = file
        self.probes = probes
        self.base = base
        self.qualnames = qualnames
        self.zeros = [0] * (len(qualnames) + 1)
        self.last = self.zeros  # the list of hits that was taken the last time
        self.taken = bytes(self.zeros)  # the same as bytes
        self.known: dict[bytes, Hits | None] = {}  # by hits as they were taken; many tests hit the same
        self.entered: dict[tuple[Hits, str], bool] = {}  # whether hits show that a function was entered, by its name

    def as_bytes(self, hits: list[int]) -> bytes:
        """A list of hits as bytes. To turn it takes long, and tests often hit what the one before hit."""
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


class ProbesEngine:
    """Writes probes into the project's code as it is imported, and reads which of them were hit."""

    name = "probes"

    def __init__(self, scope: Scope, witness: Witness | None = None) -> None:
        self._scope = scope
        self._witness = witness
        # Forked children store here; so does this process when what it ran is to be known after it was killed.
        self._array = HitArray() if witness is None else HitArray(witness.open_hits(CAPACITY))
        self._is_shared = witness is not None
        self._used = 0
        self._woken: dict[int, None] = {}  # numbers of the sources that ran since the last harvest
        self._is_watched = False  # by a debugger or a profiler
        self._identity = SESSION
        self._owner = SESSION  # of hits: the identity, or the statement of the module that is imported for it
        self._statements: dict[str, str] = {}  # of modules that are being imported: identity -> that of the statement
        self._threads: int | None = None  # how many there were when the first module was imported
        self._had_threads = False  # whether there were more when the statement began
        self._units: list[Unit] = []  # by base
        self._bases: list[int] = []
        self._by_file: dict[tuple[str, str], Unit] = {}
        self._seen: dict[str, dict[int, bytes]] = {}  # identity -> number of the unit -> its hits
        self._asking: dict[int, None] = {}  # numbers of the sources that looked names up since the last harvest
        self._asked: dict[str, dict[int, frozenset[str]]] = {}  # identity -> number of the unit -> names
        self._has_children = False  # that were forked
        self._unknown: dict[str, set[str]] = {}
        self._new: list[LoadedFile] = []
        self._blind: set[str] = set()
        self.plain: set[str] = set()
        self._loaded: set[str] = set()
        self._kept: Any = None  # the cache of instrumented code, once it is needed
        self._lock = threading.RLock()
        self._make_witness: Callable[[], Witness] | None = None
        self._holders = Holders()
        self._holders.begin_reading = self._begin_reading
        self._reads: Any = UNNOTED
        self._makings = Makings(self._functions_in)

    def start(self) -> None:
        read_key(self._scope.key_file)  # before reads are seen: it may be below the root
        loader = getattr(machinery, "SourceLoader", None)
        if loader is None or "get_code" not in vars(loader):
            raise EngineUnavailableError("importlib's SourceLoader is not as expected")
        if self._scope.source(__file__) is not None:  # the project is testmon, see `itself`
            _probe_cache(), _instrument()
        loader.get_code = self._wrap_get_code(loader.get_code)
        probing.finder = self.recalled
        self._holders.watch_copies()
        probing.observer = self.reached
        probing.begin_making = self.begin_making
        probing.end_making = self.end_making
        os.register_at_fork(after_in_parent=self._share)

    def attach_pytest(self) -> None:
        from _pytest.assertion import rewrite

        if not all(hasattr(rewrite, name) for name in ("rewrite_asserts", "get_cache_dir", "AssertionRewritingHook")):
            raise EngineUnavailableError("pytest's assertion rewriting is not as expected")
        # Plain runs never read what we keep, nor do runs in which other files are the project's.
        folder = f"testmon-{_probe_cache().cache_key()}-{self._scope.key()}"
        module: Any = rewrite
        module.get_cache_dir = self._wrap_cache_dir(rewrite.get_cache_dir, folder)
        rewrite.rewrite_asserts = self._wrap_rewrite(rewrite.rewrite_asserts)

    def prepare(self, code: CodeType, path: str) -> CodeType:
        try:
            with open_file(path, "rb", buffering=0) as handle:
                data = handle.read()
        except OSError:
            data = b""
        if self._scope.stays_plain(path):
            self._count_all(path, data)
            return code
        return self.bound(code, path, blake2b(data, digest_size=16).hexdigest(), len(data)) or code

    def switch(self, identity: str, *, is_harvested: bool = False) -> None:
        if not is_harvested:
            if self._owner != self._identity:
                self._doubt()
            self.harvest()
        self._identity = identity
        self._owner = self._statements.get(identity, identity)

    def begin_module(self, path: str) -> object:
        if self._threads is None:
            self._threads = _thread._count()
        return self._proceed(module_identity(path), None)

    def end_module(self, path: str, token: object) -> None:
        self._proceed(module_identity(path), token if isinstance(token, str) else None)

    def reached(self, path: str, line: int) -> None:
        """A module comes to a statement: what runs from now on runs for that."""
        identity = module_identity(path)
        if identity == self._identity:
            self._proceed(identity, statement_identity(path, line))

    def _proceed(self, identity: str, statement: str | None) -> str | None:
        """Take what ran for a module up to now, and let the rest belong to a statement of it, or to the whole."""
        if identity == self._identity:
            self._doubt()
            if self._woken or self._asking or (self._is_shared and self._array.find(b"\1", 0, self._used) >= 0):
                self.harvest()
        self._had_threads = _thread._count() != self._threads
        before = self._statements.pop(identity, None)
        if statement is not None and not self._is_watched:
            self._statements[identity] = statement
        if identity == self._identity:
            self._owner = self._statements.get(identity, identity)
        return before

    @property
    def is_making(self) -> bool:
        return bool(self._makings.going_on)

    def begin_making(self, path: str, qualname: str) -> None:
        """A function begins to make what it keeps for others."""
        key = path, qualname
        if self._makings.may_begin(key, self._owner):
            with self._makings.timed():
                self._gather()
                self._makings.begin(key, self._owner)

    def end_making(self, path: str, qualname: str) -> None:
        """A function has made what it keeps for others, or failed to."""
        making = self._makings.last((path, qualname))
        if making is not None:
            with self._makings.timed():
                self._gather()
                self._makings.end(making, self._owner)

    def _gather(self) -> None:
        """Take the hits up to now, for whoever runs."""
        if self._owner != self._identity:
            self._doubt()
        with self._lock:
            for number in list(self._woken):
                self._take(number, loses_names=False)
            if self._is_shared:
                self._harvest_shared()

    def _functions_in(self, found: Mapping[int, bytes]) -> Iterator[tuple[str, str]]:
        """The functions that hits of units are of, by file; their qualified names with spaces between them."""
        for number, hits in found.items():
            unit = self._units[number]
            names = {*compress(unit.qualnames, hits), *((_MODULE,) if hits[-1] else ())}
            yield unit.file.path, " ".join(sorted(names))

    def _doubt(self) -> None:
        """Others, for whom an earlier statement may have begun to run code, may have run some meanwhile."""
        if self._had_threads or self._has_children or _thread._count() != self._threads:
            self._owner = self._identity

    def harvest(self) -> None:
        """Take the hits for the current identity.

        The list of a source is exchanged for another: no thread can be between looking it up and storing into it,
        since Python switches threads only at calls and backward jumps.
        """
        with self._lock:
            was_watched = self._is_watched
            self._is_watched = was_watched and is_watched()
            if was_watched:
                self._holders.unseen(self._owner)
            # A finalizer may run anywhere in here; what it imports is harvested in its turn, and nothing taken twice.
            for number in list(self._woken):
                self._take(number, loses_names=was_watched)
            for number in list(self._asking):
                self._asking.pop(number, None)
                self._ask(number, frozenset(self._units[number].probes.take_asked()))
            if self._is_shared:
                self._harvest_shared()
            self._holders.weigh(self._owner)
            if was_watched and not self._is_watched:
                for unit in self._units:
                    self._watch(unit, is_watched=False)

    def _watch(self, unit: Unit, *, is_watched: bool) -> None:
        unit.probes.watched(is_watched)
        unit.probes.fills = UNNOTED if is_watched else Fills(unit.file.path, self._holders)
        unit.probes.reads = UNNOTED if is_watched else self._reads

    def _begin_reading(self) -> None:
        """Something that was kept outlived its turn: from now on it matters who reads it."""
        self._reads = Reads(self._holders)
        if not self._is_watched:
            for unit in self._units:
                unit.probes.reads = self._reads

    def settle(self) -> None:
        self._holders.settle()

    def postpone(self) -> None:
        self._holders.postpone()

    def resume(self) -> None:
        self._holders.resume()

    def weigh(self) -> None:
        self._holders.is_watching = True

    def _ask(self, number: int, names: frozenset[str]) -> None:
        """Whoever runs now looked names up in a source."""
        asked = self._asked.setdefault(self._owner, {})
        asked[number] = asked[number] | names if number in asked else names

    def _take(self, number: int, *, loses_names: bool) -> None:
        unit = self._units[number]
        spare = unit.zeros.copy()
        self._woken.pop(number, None)
        hits = unit.probes.rest(spare, self._woken)
        if self._is_watched:
            unit.probes.wake()
        if isinstance(hits, list) and hits != unit.zeros:
            self._keep(number, unit.as_bytes(hits), loses_names=loses_names)

    def watched(self) -> None:
        """Wake all sources: the first store into an idle one is a call. So is word of statements."""
        self.harvest()
        self._is_watched = True
        self._makings.lose_all()
        self._statements = {}
        self._owner = self._identity
        for unit in self._units:
            self._watch(unit, is_watched=True)

    def drain(self) -> Drained:
        asked = {
            identity: {self._units[number].file: names for number, names in found.items()}
            for identity, found in self._asked.items()
        }
        kept = self._holders.take()
        for identity, made in self._makings.take().items():
            kept[identity] = kept.get(identity, set()) | made
        drained = Drained({}, {}, self._unknown, self._new, asked, kept)
        for identity, seen in self._grouped(drained.kept).items():
            self._sort(identity, seen, drained)
        self._seen, self._unknown, self._new, self._asked = {}, {}, [], {}
        return drained

    def _grouped(self, kept: Mapping[str, object]) -> dict[str, dict[int, bytes]]:
        """What was seen by identity. Statements of a module that ran the same, as most do, have one identity."""
        found: dict[str, dict[int, bytes]] = {}
        same: dict[tuple[str, tuple[tuple[int, bytes], ...]], list[str]] = {}
        for identity, seen in self._seen.items():
            if identity in kept or identity in self._asked or not identity.startswith(STATEMENT):
                found[identity] = seen
            else:
                _, line, path = identity.split(":", 2)
                same.setdefault((path, tuple(sorted(seen.items()))), []).append(line)
        for (path, hits), lines in same.items():
            found[statement_identity(path, *lines)] = dict(hits)
        return found

    def forked(self, identity: str) -> None:
        """Code loaded before stores into the parent's array, which the parent reads; new code is this process's own."""
        for unit in self._units:
            unit.probes.hits = self._array.part(unit.base, len(unit.qualnames) + 1)
        self._witness = None
        self._array = HitArray()
        self._is_shared = False
        self._used = 0
        self._units, self._bases, self._new = [], [], []
        self._woken = {}
        self._asking = {}
        self._seen, self._unknown, self._asked = {}, {}, {}
        self._has_children = False
        self._identity = self._owner = identity
        self._statements = {}
        self._holders.forget()
        self._makings.forget()
        self._lock = threading.RLock()

    def entrust(self, make: Callable[[], Witness]) -> None:
        self._make_witness = make

    def relieve(self) -> None:
        self.harvest()
        self._witness = None
        self._is_shared = False
        for unit in self._units:
            unit.probes.rest(unit.zeros.copy(), self._woken)

    def observes(self, hits: Hits, code: CodeType) -> bool:
        unit = self._by_file.get((hits.file.path, hits.file.digest))
        if unit is None:
            return False
        key = hits, code.co_qualname
        found = unit.entered.get(key)
        if found is None:
            found = unit.entered[key] = code.co_qualname in compress(unit.qualnames, hits.seen)
        return found

    def imported(self, path: str) -> None:
        if path not in self._loaded and path not in self._blind:
            self.blind(path, "another tool loaded its code")

    def blind(self, path: str, reason: str) -> None:
        """A source whose code runs unseen."""
        self._blind.add(path)
        self._unknown.setdefault(f"module:{path}", set()).add(f"not instrumented: {reason}")

    def stop(self) -> None:
        self.harvest()

    def code_for(self, path: str, canonical: str, data: bytes) -> CodeType | None:
        """The code of a source, ready to run, or None when it must run without probes."""
        if self._scope.stays_plain(canonical):
            self._count_all(canonical, data)
            return None
        digest = blake2b(data, digest_size=16).hexdigest()

        def make() -> CodeType:
            import ast

            with garbage.left_lying():
                tree = ast.parse(data, filename=path)
                _instrument()(tree)
                code: CodeType = compile(tree, path, "exec", dont_inherit=True)
                return code

        try:
            code = self._cache().code(canonical, digest, make)
        except (SyntaxError, UnicodeError):
            return None  # importing it fails the same way without us, with the message Python gives
        except Exception as problem:
            self.blind(canonical, type(problem).__name__)
            return None
        if code.co_filename != path:
            _imp._fix_co_filename(code, path)  # type: ignore[attr-defined]
        return self.bound(code, canonical, digest, len(data))

    def _cache(self) -> Any:
        if self._kept is None:
            self._kept = _probe_cache().Cache(self._scope.root, read_key(self._scope.key_file))
        return self._kept

    def _count_all(self, path: str, data: bytes) -> None:
        """Count all blocks of a source as run by every test, since nothing shows which ran."""
        try:
            names = _names_of_blocks(data)
        except (SyntaxError, ValueError):
            return  # to import it fails
        self._loaded.add(path)
        self.plain.add(path)
        with self._lock:
            if self._used + len(names) + 1 > CAPACITY:
                self.blind(path, _NO_ROOM)
                return
            self._allocate(path, blake2b(data, digest_size=16).hexdigest(), len(data), names)
            self._seen.setdefault(SESSION, {})[len(self._units) - 1] = bytes([1] * len(names) + [0])
            self._asked.setdefault(SESSION, {})[len(self._units) - 1] = _ALL_NAMES_LOST
            self._holders.unseen_in(path, SESSION)

    def bound(self, code: CodeType, path: str, digest: str, size: int) -> CodeType | None:
        """Instrumented code, connected to the array."""
        found = probed(code)
        if found is None:
            if path not in self._blind:
                self.blind(path, "its code came without probes")
            return None
        with self._lock:
            unit = self._by_file.get((path, digest))
            if unit is None:
                if self._used + len(found.qualnames) + 1 > CAPACITY:
                    self.blind(path, _NO_ROOM)
                    return None
                unit = self._allocate(path, digest, size, found.qualnames)
            unit.qualnames = found.qualnames  # they were not known when code of it came by pickle first
        self._loaded.add(path)
        return bind(code, unit.probes)

    def recalled(self, source: Source) -> Probes | None:
        """The probes of code that came by pickle, of a source that this process may not have loaded itself."""
        with self._lock:
            unit = self._by_file.get((source.path, source.digest))
            if unit is None and self._used + source.places <= CAPACITY:
                unit = self._allocate(source.path, source.digest, source.size, ("",) * (source.places - 1))
        return None if unit is None else unit.probes

    def _allocate(self, path: str, digest: str, size: int, qualnames: tuple[str, ...]) -> Unit:
        try:
            mtime_ns = get_state(path).st_mtime_ns
        except OSError:
            mtime_ns = -1
        if self._make_witness is not None:  # nothing has come into the array yet
            self._witness = self._make_witness()
            self._array = HitArray(self._witness.open_hits(CAPACITY))
            self._is_shared = True
            self._make_witness = None
        places = len(qualnames) + 1
        probes = Probes(self._array.part(self._used, places), len(self._units))
        probes.source = Source(path, digest, size, places)
        probes.asking = self._asking
        if self._is_watched:
            probes.watched(True)
        else:
            probes.fills = Fills(path, self._holders)
            probes.reads = self._reads
        unit = Unit(LoadedFile(path, digest, size, mtime_ns), probes, self._used, qualnames)
        self._units.append(unit)
        if self._witness is not None:
            self._witness.loaded(unit.file, unit.base, len(qualnames))
        else:  # where only this process sees them
            probes.rest(unit.zeros.copy(), self._woken)
        self._bases.append(unit.base)
        self._by_file[path, digest] = unit
        self._new.append(unit.file)
        self._used += places
        return unit

    def _share(self) -> None:
        """A child was forked, whose hits come into the array; what it keeps it may never tell."""
        self._is_shared = self._has_children = True
        self._holders.unseen(self._owner)

    def _harvest_shared(self) -> None:
        """Take the hits that processes share. Each is reset alone: others may be stored meanwhile."""
        taken = 0 if self._witness is None else _TAKEN
        data = self._array[: self._used]
        position = data.find(1)
        while position >= 0:
            number = bisect_right(self._bases, position) - 1
            unit = self._units[number]
            end = unit.base + len(unit.qualnames) + 1
            # Children tell which names they looked up only if they end in good order.
            self._keep(number, data[unit.base : end].translate(_ONLY_NEW), loses_names=self._has_children)
            while 0 <= position < end:
                self._array[position] = taken
                position = data.find(1, position + 1)

    def _keep(self, number: int, hits: bytes, *, loses_names: bool) -> None:
        if loses_names:
            self._ask(number, _ALL_NAMES_LOST if hits[-1] else _NAMES_LOST)
        _add(self._seen.setdefault(self._owner, {}), number, hits)
        for making in self._makings.going_on:
            _add(making.hits, number, hits)

    def _sort(self, identity: str, seen: dict[int, bytes], drained: Drained) -> None:
        """Turn hits into those of blocks and of modules."""
        found = []
        for number, hits in seen.items():
            unit = self._units[number]
            blocks = unit.hits_of_blocks(hits)
            if blocks is not None:
                found.append(blocks)
            if hits[-1] and not is_import_of(identity, unit.file.path):
                drained.module_level.setdefault(identity, set()).add(unit.file.path)
        if found:
            drained.hits[identity] = found

    def _wrap_get_code(self, original: Callable[..., CodeType | None]) -> Callable[..., CodeType | None]:
        source, code_for, blind = self._scope.source, self.code_for, self.blind
        plain = machinery.SourceFileLoader.source_to_code

        def get_code(self: Any, fullname: str) -> CodeType | None:
            path = self.get_filename(fullname)
            canonical = source(path)
            if canonical is None:
                return original(self, fullname)
            if type(self).source_to_code is not plain:
                blind(canonical, f"{type(self).__module__} compiles it in its own way")
                return original(self, fullname)
            try:
                data = self.get_data(path)
            except OSError:
                return original(self, fullname)
            code = code_for(path, canonical, data)
            return original(self, fullname) if code is None else code

        return disguise(get_code, IMPORT_MACHINERY)

    def _wrap_cache_dir(self, original: "Callable[[Path], Path]", folder: str) -> "Callable[[Path], Path]":
        source = self._scope.source

        def get_cache_dir(file_path: "Path") -> "Path":
            found = original(file_path)
            is_ours = file_path.is_absolute() and source(str(file_path)) is not None
            return found / folder if is_ours else found

        return disguise(get_cache_dir)

    def _wrap_rewrite(self, original: Callable[..., None]) -> Callable[..., None]:
        source, stays_plain, blind = self._scope.source, self._scope.stays_plain, self.blind

        def rewrite_asserts(
            mod: "ast.Module", source_bytes: bytes, module_path: str | None = None, *rest: Any, **named: Any
        ) -> None:
            path = source(module_path) if module_path else None
            if path is not None and not stays_plain(path):
                try:
                    _instrument()(mod)
                except Exception as problem:
                    blind(path, type(problem).__name__)
            original(mod, source_bytes, module_path, *rest, **named)

        return rewrite_asserts


@cache
def _probe_cache() -> Any:
    from testmon_cli.tracing.engines import probe_cache

    return probe_cache


def _names_of_blocks(data: bytes) -> tuple[str, ...]:
    """The qualified name of the function of each block of a source."""
    import ast

    from testmon_cli.analysis.blocks import find_places

    return tuple(block.qualname for block in find_places(ast.parse(data)))


@cache
def _instrument() -> "Callable[[ast.Module], None]":
    from testmon_cli.tracing.engines.instrument import instrument

    return instrument


def is_watched() -> bool:
    """Whether somebody sees every call of this process: a debugger, a profiler, a test of one.

    Coverage.py may see ours, too: it counts only those in files of the project.
    """
    tracer = sys.gettrace()
    if tracer is not None and type(tracer).__module__.partition(".")[0] != "coverage":
        return True
    if sys.getprofile() is not None or threading.gettrace() is not None or threading.getprofile() is not None:
        return True
    monitoring: Any = getattr(sys, "monitoring", None)  # from Python 3.12 on
    return monitoring is not None and any(map(monitoring.get_tool, _OTHERS_TOOLS))


def _add(seen: dict[int, bytes], number: int, hits: bytes) -> None:
    before = seen.get(number)
    seen[number] = hits if before is None or before == hits else _united(before, hits)


def _united(first: bytes, second: bytes) -> bytes:
    """What is in either. As numbers, which spares a look at every byte."""
    both = int.from_bytes(first, "little") | int.from_bytes(second, "little")
    return both.to_bytes(len(first), "little")
