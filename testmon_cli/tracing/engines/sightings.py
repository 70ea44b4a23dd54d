"""Hits of probes, by the identity that the code ran for."""

from collections.abc import Mapping

from testmon_cli.tracing.attribution import STATEMENT, is_import_of, statement_identity
from testmon_cli.tracing.engines.protocol import Drained, Hits
from testmon_cli.tracing.engines.units import Unit, Units


class Sightings:
    """Hits and looked-up names, by identity and unit, and why they may not be all."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[int, bytes]] = {}
        self._asked: dict[str, dict[int, frozenset[str]]] = {}
        self._unknown: dict[str, set[str]] = {}

    def hit(self, owner: str, number: int, hits: bytes) -> None:
        """Code of a unit ran for `owner`."""
        add_hits(self._seen.setdefault(owner, {}), number, hits)

    def ask(self, owner: str, number: int, names: frozenset[str]) -> None:
        """Code of a unit looked names up for `owner`."""
        asked = self._asked.setdefault(owner, {})
        asked[number] = asked[number] | names if number in asked else names

    def unknown(self, owner: str, reason: str) -> None:
        """Something of `owner` was not seen."""
        self._unknown.setdefault(owner, set()).add(reason)

    def forget(self) -> None:
        self._seen, self._asked, self._unknown = {}, {}, {}

    def drain(self, units: Units, kept: dict[str, set[tuple[str, str]]]) -> Drained:
        """All that was seen since the last call, together with what outlives each identity."""
        asked = {
            identity: {units.all[number].file: names for number, names in found.items()}
            for identity, found in self._asked.items()
        }
        drained = Drained({}, {}, self._unknown, units.take_new(), asked, kept)
        for identity, seen in self._grouped(kept).items():
            _sort(identity, seen, units.all, drained)
        self.forget()
        return drained

    def _grouped(self, kept: Mapping[str, object]) -> dict[str, dict[int, bytes]]:
        """Group what was seen by identity.

        Statements of a module that ran the same, as most do, have one identity.
        """
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


def _sort(identity: str, seen: dict[int, bytes], units: list[Unit], drained: Drained) -> None:
    """Turn hits into those of blocks and of modules."""
    found: list[Hits] = []
    for number, hits in seen.items():
        unit = units[number]
        blocks = unit.hits_of_blocks(hits)
        if blocks is not None:
            found.append(blocks)
        if hits[-1] and not is_import_of(identity, unit.file.path):
            drained.module_level.setdefault(identity, set()).add(unit.file.path)
    if found:
        drained.hits[identity] = found


def add_hits(seen: dict[int, bytes], number: int, hits: bytes) -> None:
    """Add the hits of a unit to those of others.

    `hits` has a byte for each block, 1 where it was hit; `number` is the unit's.
    """
    before = seen.get(number)
    seen[number] = hits if before is None or before == hits else _united(before, hits)


def _united(first: bytes, second: bytes) -> bytes:
    """Unite two masks. They are taken as numbers, which spares a look at every byte."""
    both = int.from_bytes(first, "little") | int.from_bytes(second, "little")
    return both.to_bytes(len(first), "little")
