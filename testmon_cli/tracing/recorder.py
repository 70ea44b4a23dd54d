"""The one object per process that joins engine, attribution and spool."""

import os
from collections.abc import Callable, Collection
from types import CodeType
from typing import Any

from testmon_cli.tracing import wire
from testmon_cli.tracing.attribution import AFTER, SESSION, Attribution, Entry, module_identity
from testmon_cli.tracing.engines.protocol import (
    Engine,
    EngineUnavailableError,
    Witness,
)
from testmon_cli.tracing.numbering import Numbering
from testmon_cli.tracing.originals import environ
from testmon_cli.tracing.pending import Pending, Unwritten
from testmon_cli.tracing.settings import IDENTITY_VARIABLE, VARIABLE, Scope, TraceSettings
from testmon_cli.tracing.spool import Spool
from testmon_cli.tracing.watch.imports import REWRITE, ImportWatch
from testmon_cli.tracing.watch.resources import ResourceWatch
from testmon_cli.tracing.watch.states import CODE, file_state


class Recorder:
    """Records what this process runs, for whom, and writes it down."""

    def __init__(
        self, settings: TraceSettings, base: str = SESSION, owner: Witness | None = None
    ) -> None:
        self.settings = settings
        self.told = settings.to_json()  # what children are to find in our variable
        self._owner = owner
        self.scope = Scope(settings)
        self.spool = Spool(settings.spool)
        self.engine_note = ""  # why this engine and not another
        self.engine: Engine = self._start_engine()
        self.attribution = Attribution(base, self.engine.switch)
        self.engine.switch(base)
        self.known: set[str] = set()  # identities that a trace was written of
        self._unwritten = Unwritten()
        self._edges: list[wire.ImportEdge] = []
        self.numbers = Numbering()  # of the spool file
        self.problem = ""  # the first failure of ours, to be told once
        self.processes: dict[int, str] = {}  # that this one started: process id -> for whom
        self.why_unseen: Callable[[str, list[str], Any], str] = lambda *_: ""  # see `child`
        self.about_to_end: Callable[[], None] = self.flush
        self._attached = False
        self._in_fork = False
        self.imports = ImportWatch(
            self.scope, self._enter_module, self._leave_module, self._edge, self._unparsable
        )
        # For children of tests that import pytest; in the session's own process the launcher comes
        # first.
        self.once_loaded(REWRITE, self.attach_pytest)
        self.imports.install()
        self.resources = ResourceWatch(settings, self.scope, self)
        self.resources.install(self.once_loaded)
        os.register_at_fork(after_in_child=self._forked)

    def attach_pytest(self) -> None:
        """Hook into pytest, which can be imported now; once is enough."""
        if self._attached:
            return
        self._attached = True
        try:
            self.engine.attach_pytest()
        except EngineUnavailableError as reason:
            self.engine.stop()
            self.engine = _start("coverage", self.settings, self.scope, None)
            self.engine_note = f"{reason}; coverage is used"
            self.attribution = Attribution(SESSION, self.engine.switch)
        self.imports.attach_pytest(self.engine.prepare)

    def pending(self, identity: str) -> Pending:
        return self._unwritten.of(identity)

    def flush(
        self,
        *last: wire.Record,
        check: Callable[[Pending], None] | None = None,
        identity: str = "",
        discard: str = AFTER,
        is_harvested: bool = False,
    ) -> None:
        """Write all that is pending but `discard`, then the records given.

        `check` sees before what `identity` has.

        Where the hits have just been harvested, it need not be done again.
        """
        if not is_harvested:
            self.engine.harvest()
        drained = self.engine.drain()
        # Where another engine is used here, that of the session may know of objects.
        self._unwritten.add(drained, keeps_everything=bool(self.engine_note))
        if check is not None:
            check(self.pending(identity))
        records: list[wire.Record] = [*map(self.numbers.file, drained.files)]
        for name, found in self._unwritten.take().items():
            if name not in (AFTER, discard):
                records += self._trace(name, found)
        records += self._edges
        self._edges = []
        self.spool.write(*records, *last)

    def failed(self, problem: BaseException, identity: str = "") -> None:
        """Note a failure of our own: the record of the test that met it is not trusted."""
        reason = f"testmon failed: {type(problem).__name__}: {problem}"
        self.pending(identity or self.attribution.caller()).unknown.add(reason)
        self.problem = self.problem or reason

    def observed(self, path: str, code: CodeType, pending: Pending) -> bool:
        """Tell whether a function was seen to run, or counts as run by all tests."""
        observes = self.engine.observes
        for hits in pending.hits:  # a generator would take as long as all of this
            if hits.file.path == path and observes(hits, code):
                return True
        return path in self.engine.plain

    def _trace(self, identity: str, pending: Pending) -> list[wire.Record]:
        records, hits = self.numbers.hits(pending.hits)
        asked = self.numbers.names(pending.asked, records)
        self.known.add(identity)
        records.append(
            wire.Trace(
                identity,
                hits,
                tuple(pending.resources.values()),
                tuple(dict.fromkeys(pending.uses)),
                tuple(sorted(pending.module_level)),
                tuple(sorted(pending.unknown)),
                pending.complete,
                asked,
            )
        )
        return records

    def whose(self) -> str:
        return self.attribution.current

    def has_starter(self) -> bool:
        return self.attribution.base not in (SESSION, AFTER)

    def is_made_for_it(self, writer: str) -> bool:
        current = self.attribution.current
        return writer in (current, SESSION) or writer in self.pending(current).uses

    def known_state(self, kind: str, name: str) -> str | None:
        if self.engine.is_making:
            return None  # this may be another function that keeps what it makes of it
        return self._unwritten.state(self.attribution.current, kind, name)

    def read(self, resource: wire.Resource) -> None:
        if self._owner is not None:
            self._owner.read(resource)
        self._unwritten.add_reading(self.attribution.current, resource)

    def read_for_all(self, resource: wire.Resource) -> None:
        self.pending(SESSION).resources[resource.kind, resource.name] = resource

    def ran_code(self, words: Collection[str], *, is_made: bool = False) -> None:
        """Note it for tests and fixtures: what a module runs belongs to its text."""
        identity = self.attribution.caller() if is_made else self.attribution.current
        if identity != SESSION and not identity.startswith("module:"):
            name = "\n".join(sorted(words))
            self.pending(identity).resources[CODE, name] = wire.Resource(CODE, name, "")

    def spawned(self, program: str, words: list[str], env: Any) -> None:
        identity = self.attribution.caller()
        self.announce(identity)
        reason = self.why_unseen(program, words, env)
        if reason:
            self.pending(identity).unknown.add(reason)

    def replaced(self) -> None:
        if self._in_fork or self.has_starter():
            self.about_to_end()

    def watched(self) -> None:
        """A debugger, profiler or the like begins to see every call."""
        self.engine.watched()

    def started(self, pid: int | None) -> None:
        """A child process runs, which may outlive the test that it was started for."""
        if pid:
            self.processes[pid] = self.attribution.caller()

    def announce(self, identity: str) -> None:
        """Tell processes that inherit the environment whom they run for."""
        if VARIABLE in environ:
            environ[IDENTITY_VARIABLE] = identity

    def _enter_module(self, path: str) -> tuple[str, Entry, object]:
        entry = self.attribution.push(module_identity(path))
        return path, entry, self.engine.begin_module(path)

    def _leave_module(self, token: tuple[str, Entry, object]) -> None:
        path, entry, before = token
        self.engine.end_module(path, before)
        self.attribution.pop(entry)
        self.engine.imported(path)

    def once_loaded(self, module: str, do: Callable[[], None]) -> None:
        """Do something as soon as a module of a library is there; a failure of it is ours."""

        def careful() -> None:
            try:
                do()
            except Exception as problem:
                self.failed(problem)

        self.imports.once_loaded(module, careful)

    def _unparsable(self, path: str) -> None:
        """The import of a source failed before it was a module.

        Who wanted it relies on the text.
        """
        self.read(wire.Resource("file", path, file_state(path)))

    def _edge(self, importer: str, imported: str, by_library: bool) -> None:
        self._edges.append(wire.ImportEdge(importer, imported, by_library))

    def _start_engine(self) -> Engine:
        if self.settings.engine != "auto":
            return _start(self.settings.engine, self.settings, self.scope, self._owner)
        try:
            return _start("probes", self.settings, self.scope, self._owner)
        except EngineUnavailableError as reason:
            self.engine_note = f"{reason}; coverage is used"
            return _start("coverage", self.settings, self.scope, None)

    def _forked(self) -> None:
        """Begin anew in a forked child: what the parent saw stays with the parent."""
        self._in_fork = True
        self._owner = None  # that of the parent
        self._unwritten = Unwritten()
        self._edges = []
        self.numbers = Numbering()
        self.processes = {}
        self.engine.forked(self.attribution.caller())


def _start(name: str, settings: TraceSettings, scope: Scope, owner: Witness | None) -> Engine:
    engine: Engine
    if name == "probes":
        from testmon_cli.tracing.engines.probes import ProbesEngine

        engine = ProbesEngine(scope, owner)
    else:
        from testmon_cli.tracing.engines.coverage_py import CoverageEngine

        engine = CoverageEngine(settings, scope)
    engine.start()
    return engine


_current: Recorder | None = None


def current() -> Recorder | None:
    """The recorder of this process, None when it is not traced."""
    return _current


def activate(
    settings: TraceSettings, base: str = SESSION, owner: Witness | None = None
) -> Recorder:
    """Return the recorder of this process, and start it where there is none.

    `base` is the identity of code that runs for nothing else.
    """
    global _current  # noqa: PLW0603
    if _current is None:
        _current = Recorder(settings, base, owner)
    return _current
