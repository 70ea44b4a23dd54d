"""The sources that a process loads: connected to their probes, or why they run without."""

from collections.abc import Callable
from types import CodeType

from testmon_cli.domain.hashing import blake2b
from testmon_cli.tracing.attribution import SESSION
from testmon_cli.tracing.engines.holders import Holders
from testmon_cli.tracing.engines.probe_code import (
    LOST,
    LOST_ON_IMPORT,
    Probes,
    Source,
    bind,
    probed,
)
from testmon_cli.tracing.engines.sightings import Sightings
from testmon_cli.tracing.engines.units import Units
from testmon_cli.tracing.originals import open_file
from testmon_cli.tracing.settings import Scope

_NO_ROOM = "there is no room for more probes"
_ALL_NAMES_LOST = frozenset({LOST, LOST_ON_IMPORT})


class LoadedCode:
    """Gives sources their places among the units of the process."""

    def __init__(
        self,
        scope: Scope,
        units: Units,
        sightings: Sightings,
        holders: Holders,
        dress: Callable[[Probes, str], None],
    ) -> None:
        """`dress` prepares new probes of a path before they can be hit."""
        self.plain: set[str] = set()  # sources all of whose blocks count as run by every test
        self._scope = scope
        self._units = units
        self._sightings = sightings
        self._holders = holders
        self._dress = dress
        self._blind: set[str] = set()  # sources whose code runs unseen
        self._loaded: set[str] = set()

    def prepare(self, code: CodeType, path: str) -> CodeType:
        """The code to run in place of what pytest made of a source."""
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
        """Instrumented code, connected to its probes; None where it must run without."""
        found = probed(code)
        if found is None:
            if path not in self._blind:
                self.blind(path, "its code came without probes")
            return None
        with self._units.lock:
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
        with self._units.lock:
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
        with self._units.lock:
            if not self._units.has_room(len(names)):
                self.blind(path, _NO_ROOM)
                return
            digest = blake2b(data, digest_size=16).hexdigest()
            number = self._units.add(path, digest, len(data), names, self._dress).probes.number
            self._sightings.hit(SESSION, number, bytes([1] * len(names) + [0]))
            self._sightings.ask(SESSION, number, _ALL_NAMES_LOST)
            self._holders.unseen_in(path, SESSION)

    def imported(self, path: str) -> None:
        """Note a source that runs unseen, though a module of it was executed."""
        if path not in self._loaded and path not in self._blind:
            self.blind(path, "another tool loaded its code")

    def blind(self, path: str, reason: str) -> None:
        """Note that the code of a source runs unseen."""
        self._blind.add(path)
        self._sightings.unknown(f"module:{path}", f"not instrumented: {reason}")


def _names_of_blocks(data: bytes) -> tuple[str, ...]:
    """The qualified name of the function of each block of a source."""
    import ast

    from testmon_cli.analysis.blocks import find_places

    return tuple(block.qualname for block in find_places(ast.parse(data)))
