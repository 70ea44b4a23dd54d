"""Records that a process has not written yet, by identity."""

from testmon_cli.tracing import wire
from testmon_cli.tracing.engines.protocol import Drained, Hits, LoadedFile
from testmon_cli.tracing.watch.states import EVERYTHING, KEPT, as_field, of_both


class Pending:
    """The record of one identity before it is written."""

    __slots__ = ("asked", "complete", "hits", "module_level", "resources", "unknown", "uses")

    def __init__(self) -> None:
        self.hits: list[Hits] = []
        self.asked: list[tuple[LoadedFile, frozenset[str]]] = []
        self.resources: dict[tuple[str, str], wire.Resource] = {}
        self.uses: list[str] = []
        self.module_level: set[str] = set()
        self.unknown: set[str] = set()
        self.complete = True


class Unwritten:
    """The records of all identities before they are written."""

    def __init__(self) -> None:
        self._by_identity: dict[str, Pending] = {}

    def of(self, identity: str) -> Pending:
        """The record of an identity, to which more may be added."""
        found = self._by_identity.get(identity)
        if found is None:
            found = self._by_identity[identity] = Pending()
        return found

    def take(self) -> dict[str, Pending]:
        """Give all up, to be written."""
        found, self._by_identity = self._by_identity, {}
        return found

    def add(self, drained: Drained, *, keeps_everything: bool) -> None:
        """Add what an engine saw.

        With `keeps_everything`, objects may outlive all that it saw: it does not know of them.
        """
        for name, hits in drained.hits.items():
            self.of(name).hits += hits
        for name, asked in drained.asked.items():
            self.of(name).asked += asked.items()
        for name, paths in drained.module_level.items():
            self.of(name).module_level |= paths
        for name, reasons in drained.unknown.items():
            self.of(name).unknown |= reasons
        kept = {name: set(found) for name, found in drained.kept.items()}
        if keeps_everything:
            kept.update({name: {("", EVERYTHING)} for name in drained.hits})
        for identity, found in kept.items():
            resources = self.of(identity).resources
            for path, what in found:
                name = f"{as_field(path)}\t{what}"
                resources[KEPT, name] = wire.Resource(KEPT, name, "")

    def add_reading(self, identity: str, resource: wire.Resource) -> None:
        """Add a resource that was read for an identity, perhaps not for the first time."""
        resources = self.of(identity).resources
        key = resource.kind, resource.name
        before = resources.get(key)
        if before is not None:
            resource = of_both(before, resource, identity.removeprefix("module:"))
        resources[key] = resource

    def state(self, identity: str, kind: str, name: str) -> str | None:
        """The state in which a resource was read already; None where it has to be looked at."""
        pending = self._by_identity.get(identity)
        found = pending.resources.get((kind, name)) if pending is not None else None
        if found is None:
            return None
        if found.frames and identity.startswith("module:"):
            return None  # another statement of the module may be the one that reads it now
        return found.state
