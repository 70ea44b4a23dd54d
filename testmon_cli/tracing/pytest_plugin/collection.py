"""Which files pytest collects, which tests there are, and which fixtures these ask for."""

from collections.abc import Callable
from typing import Any

import pytest

from testmon_cli.tracing import wire
from testmon_cli.tracing.attribution import SESSION, collect_identity
from testmon_cli.tracing.pytest_plugin.items import fixtures_of
from testmon_cli.tracing.pytest_plugin.keywords import Keywords
from testmon_cli.tracing.pytest_plugin.node_ids import NodeNames
from testmon_cli.tracing.pytest_plugin.protocol import Wrapper
from testmon_cli.tracing.recorder import Recorder

_REQUEST = "request"  # a fixture that is always pytest's own


class CollectionWatch:
    """Watches how pytest collects tests, and records what it found."""

    def __init__(
        self,
        recorder: Recorder,
        names: NodeNames,
        flush: Callable[..., None],
        is_controller: Callable[[], bool],
    ) -> None:
        """`flush` writes records; `is_controller` tells whether pytest-xdist runs the tests."""
        self.requested = {_REQUEST}  # names of the fixtures that tests ask for
        self._recorder = recorder
        self._names = names
        self._flush = flush
        self._is_controller = is_controller
        self._nodeids: list[str] = []
        self._deselected: list[str] = []
        self._files: list[str] = []  # node ids of those that were collected without an error
        self._keywords = Keywords(names.of)
        self._collectors: set[str] = set()  # identities of those that collected

    @property
    def size(self) -> int:
        """How many collectors have collected."""
        return len(self._collectors)

    def nearest(self, node: Any) -> str:
        """The identity of the nearest collector around a node, or of the session."""
        while node is not None:
            identity = collect_identity(self._names.of(node))
            if identity in self._collectors:
                return identity
            node = node.parent
        return SESSION

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Wrapper:
        nodeid = self._names.of(collector)
        identity = collect_identity(nodeid)
        entry = self._recorder.attribution.push(identity)
        # What ran for a collector counts for all below it: each relies on the next above, the first
        # on the session.
        self._recorder.pending(identity).uses.append(self.nearest(collector.parent))
        self._collectors.add(identity)
        try:
            report = yield
        finally:
            if isinstance(collector, pytest.File) and not self._recorder.scope.source(
                str(collector.path)
            ):
                # doctests in text, tests in YAML ...
                self._recorder.resources.rely_on(str(collector.path))
            self._recorder.attribution.pop(entry)
        self._note_collected(collector, nodeid, report)
        return report

    def _note_collected(self, collector: pytest.Collector, nodeid: str, report: Any) -> None:
        if self._is_controller():
            return
        if report.failed:
            self._flush(wire.CollectionError(nodeid, str(collector.path), str(report.longreprtext)))
        elif isinstance(collector, pytest.File):
            self._files.append(nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Wrapper:
        self._nodeids = [self._names.of(item) for item in items]
        self.requested.update(*{id(names): names for names in map(fixtures_of, items)}.values())
        return (yield)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self._deselected += [self._names.of(item) for item in items]
        self._keywords.add(items)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if not self._is_controller():
            self._keywords.add(session.items)
            files = tuple(dict.fromkeys(self._files))
            fixtures = tuple(sorted(self.requested - {_REQUEST}))
            keywords = self._keywords.groups()
            self._flush(
                wire.Collected(
                    tuple(self._nodeids), tuple(self._deselected), keywords, files, fixtures
                )
            )

    def ask_for_fixture(self, name: str) -> None:
        """A running test asks for a fixture by a name that none has among its parameters."""
        self.requested.add(name)
        self._flush(wire.Collected((), (), fixtures=(name,)))
