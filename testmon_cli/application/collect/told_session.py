"""The session of pytest as its processes told it: what was collected, how it ended."""

from testmon_cli.application.collect.loaded_sources import LoadedSources
from testmon_cli.domain.nodeid import function_of
from testmon_cli.tracing import wire


class ToldSession:
    """Keeps the records that concern no single test."""

    def __init__(self, sources: LoadedSources, *, keeps_failures: bool) -> None:
        self.session: wire.Session | None = None
        self.ended: wire.Ended | None = None
        self.collected: set[str] = set()
        self.deselected: set[str] = set()
        # node id -> what -k matches besides its names
        self.keywords: dict[str, tuple[str, ...]] = {}
        # node id, of all that were collected or deselected -> without parameters
        self.functions: dict[str, str] = {}
        self.fixtures: set[str] = set()  # names of those that tests ask for
        # by identity: place, microseconds, the test with that time
        self.set_ups: dict[str, tuple[str, int, str]] = {}
        self.files: set[str] = set()  # those that pytest collected, by their paths
        self.errors: dict[str, str] = {}
        self.edges: dict[str, set[str]] = {}
        self.handed: dict[str, set[str]] = {}  # those that a library imported, by who was to blame
        self._sources = sources
        self._keeps_failures = keeps_failures

    @property
    def keeps_names(self) -> bool:
        """Whether the names are recorded that code looks up: only probes show them."""
        return self.session is not None and self.session.engine == "probes"

    def add(self, record: wire.Record) -> None:
        """Take in one record."""
        if isinstance(record, wire.ImportEdge):
            self._add_edge(record)
        elif isinstance(record, wire.CollectionError):
            self.errors[record.nodeid] = record.failure if self._keeps_failures else ""
        elif isinstance(record, wire.Collected):
            self._add_collected(record)
        elif isinstance(record, wire.SetUp):
            self.set_ups[record.identity] = (
                record.place,
                round(record.seconds * 1_000_000),
                record.nodeid,
            )
        elif isinstance(record, wire.Session):
            self.session = record
        elif isinstance(record, wire.Ended):
            self.ended = record

    def _add_edge(self, record: wire.ImportEdge) -> None:
        importer = self._sources.relative(record.importer) if record.importer else ""
        imported = self._sources.relative(record.imported)
        if importer:
            self.edges.setdefault(importer, set()).add(imported)
        if record.by_library:
            self.handed.setdefault(importer, set()).add(imported)

    def _add_collected(self, record: wire.Collected) -> None:
        self.collected.update(record.nodeids)
        self.deselected.update(record.deselected)
        self.keywords.update(
            (nodeid, found) for found, nodeids in record.keywords for nodeid in nodeids
        )
        self.files.update(record.files)
        self.fixtures.update(record.fixtures)
        self.functions.update(
            (nodeid, function_of(nodeid)) for nodeid in {*record.nodeids, *record.deselected}
        )
