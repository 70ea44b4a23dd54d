"""The fast engine: probes in the code, see `probe_code`."""

import os
from collections.abc import Callable
from itertools import compress
from types import CodeType

from testmon_cli.tracing.attribution import module_identity, statement_identity
from testmon_cli.tracing.engines import probe_code as probing
from testmon_cli.tracing.engines.cache_seal import read_key
from testmon_cli.tracing.engines.code_hooks import CodeHooks
from testmon_cli.tracing.engines.harvest import Harvest
from testmon_cli.tracing.engines.loaded_code import LoadedCode
from testmon_cli.tracing.engines.protocol import Drained, Hits, Witness
from testmon_cli.tracing.engines.sightings import Sightings
from testmon_cli.tracing.engines.units import Units
from testmon_cli.tracing.settings import Scope


class ProbesEngine:
    """Writes probes into the project's code as it is imported, and reads which of them were hit."""

    name = "probes"

    def __init__(self, scope: Scope, witness: Witness | None = None) -> None:
        sightings = Sightings()
        self._key_file = scope.key_file
        self._units = Units(witness)
        self._harvest = Harvest(self._units, sightings)
        self._turn = self._harvest.turn
        self._holders = self._harvest.holders
        self.code = LoadedCode(scope, self._units, sightings, self._holders, self._harvest.dress)
        self._hooks = CodeHooks(scope, self.code)

    @property
    def plain(self) -> set[str]:
        return self.code.plain

    @property
    def is_making(self) -> bool:
        return bool(self._harvest.makings.going_on)

    def start(self) -> None:
        read_key(self._key_file)  # before reads are seen: it may be below the root
        self._hooks.hook_imports()
        self._holders.watch_copies()
        probing.finder = self.code.recalled
        probing.observer = self.reached
        probing.begin_making = self._harvest.begin_making
        probing.end_making = self._harvest.end_making
        os.register_at_fork(after_in_parent=self._harvest.share)

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
        return self._turn.proceed(identity, None if self._harvest.is_watched else statement)

    # What ran, and what is kept

    def harvest(self) -> None:
        self._harvest.take()

    def drain(self) -> Drained:
        return self._harvest.drain()

    def observes(self, hits: Hits, code: CodeType) -> bool:
        unit = self._units.find(hits.file.path, hits.file.digest)
        if unit is None:
            return False
        key = hits, code.co_qualname
        found = unit.entered.get(key)
        if found is None:
            found = unit.entered[key] = code.co_qualname in compress(unit.qualnames, hits.seen)
        return found

    def watched(self) -> None:
        self._harvest.watched()

    def settle(self) -> None:
        self._holders.settle()

    def postpone(self) -> None:
        self._holders.postpone()

    def resume(self) -> None:
        self._holders.resume()

    def weigh(self) -> None:
        self._holders.is_watching = True

    # Processes

    def forked(self, identity: str) -> None:
        """Code loaded before stores into the parent's array, which the parent reads.

        New code is this process's own.
        """
        self._harvest.forked(identity)

    def entrust(self, make: Callable[[], Witness]) -> None:
        self._units.entrust(make)

    def relieve(self) -> None:
        self.harvest()
        self._units.relieve()

    # Code that is loaded

    def prepare(self, code: CodeType, path: str) -> CodeType:
        return self.code.prepare(code, path)

    def imported(self, path: str) -> None:
        self.code.imported(path)
