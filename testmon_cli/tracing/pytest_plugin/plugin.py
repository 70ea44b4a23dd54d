"""The pytest plugin, loaded by name in the processes of `testmon collect` and nowhere else."""

import gc
import os
import sys
import time
from typing import Any, NamedTuple

import pytest
from _pytest.fixtures import FixtureDef, SubRequest

from testmon_cli.tracing import recorder as recording
from testmon_cli.tracing import wire
from testmon_cli.tracing.attribution import AFTER, SESSION, identity_of_test
from testmon_cli.tracing.originals import get_parent, open_file, paths
from testmon_cli.tracing.processes import child
from testmon_cli.tracing.processes.self_hosting import make_room
from testmon_cli.tracing.pytest_plugin.collection import CollectionWatch
from testmon_cli.tracing.pytest_plugin.fixtures import FixtureWatch
from testmon_cli.tracing.pytest_plugin.items import (
    classes_above,
    is_function,
    kind_of,
    markers_of,
    name_of,
)
from testmon_cli.tracing.pytest_plugin.node_ids import NodeNames
from testmon_cli.tracing.pytest_plugin.outcomes import OutcomeReader
from testmon_cli.tracing.pytest_plugin.protocol import Wrapper
from testmon_cli.tracing.pytest_plugin.remains import Remains
from testmon_cli.tracing.pytest_plugin.safety_net import SafetyNet
from testmon_cli.tracing.pytest_plugin.session_records import (
    crash_records,
    project_modules,
    session_record,
    unseen_records,
)
from testmon_cli.tracing.pytest_plugin.simultaneous import AT_ONCE, RunningTests
from testmon_cli.tracing.recorder import Recorder
from testmon_cli.tracing.settings import INTERRUPTED, TraceSettings

_now = time.perf_counter  # as it is before tests put another in its place
APART = "a plugin ran it in another way than pytest does"
MARKERS = (
    "testmon_always(reason): select this test every time",
    "testmon_depends(*patterns): this test depends on the files that match",
)


def _trace_worker() -> None:
    """Begin to trace a worker of pytest-xdist, where this plugin comes first."""
    settings = TraceSettings.from_environment(os.environ)
    if settings is None:
        return
    recorder = recording.current()
    if recorder is None and child.is_prepared():
        return  # by those of our modules that made room for these
    if recorder is None:
        recorder = recording.activate(settings)
        child.prepare(recorder)
    recorder.attach_pytest()
    recorder.engine.relieve()
    child.disown()


def _set_aside() -> None:
    """Spare the garbage collector what is loaded now and stays for good.

    With tracing that is a third more than without, and each full collection would take all of it
    through the caches of the processor, at the cost of what the tests have there. Nothing of the
    project is loaded yet.
    """
    if recording.current() is not None:
        gc.freeze()


_trace_worker()
_set_aside()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """All of ours is loaded, and nothing yet of the project."""
    recorder = recording.current()
    if recorder is not None:
        make_room(recorder.scope)


def pytest_configure(config: pytest.Config) -> None:
    """Watch the session, if it is to be watched."""
    for line in MARKERS:
        config.addinivalue_line("markers", line)
    recorder = recording.current()
    if recorder is None or config.pluginmanager.has_plugin("testmon-collector"):
        return
    collector = Collector(config, recorder)
    config.pluginmanager.register(collector, "testmon-collector")
    config.pluginmanager.register(collector.collection, "testmon-collection")


class Collector:
    """Watches one pytest session."""

    def __init__(self, config: pytest.Config, recorder: Recorder) -> None:
        self.config = config
        self.recorder = recorder
        self.attribution = recorder.attribution
        self.names = NodeNames(recorder.settings.root, str(config.rootpath))
        self.is_worker = hasattr(config, "workerinput")
        self.attribution.rebase(SESSION)
        recorder.engine.weigh()
        self.collection = CollectionWatch(
            recorder, self.names, self._flush, lambda: self.is_controller
        )
        self.fixtures = FixtureWatch(
            self, self.collection, recorder, getattr(config, "workerinput", {}).get("workerid", "")
        )
        self.nodeid = ""  # of the test that runs; to ask pytest for it takes long
        # the test before is over, and what runs until the next may count for that
        self.is_between = False
        self.outcome = OutcomeReader()
        self.running = RunningTests(self.attribution, self._distrust)
        self.apart: dict[str, OutcomeReader] = {}  # of tests that a plugin runs in its own way
        self.modules: dict[str, str] = {}
        self.lost = ""  # why no more is written
        self.unknown: frozenset[str] = frozenset()  # of the test that ran last
        self.place = Place(None, 0, SESSION, "")
        self.safety_net = SafetyNet(recorder)
        self.remains = Remains(recorder, self.fixtures.living)

    def _flush(self, *last: wire.Record, **options: Any) -> None:
        """Write what is known.

        Once that fails nothing follows: records would lack what others say before them.
        """
        if self.lost:
            return
        try:
            self.recorder.flush(*last, **options)
        except OSError as problem:  # the disk is full
            folder, reason = self.recorder.settings.spool, problem.strerror
            self.lost = f"records cannot be written to {folder} ({reason}): tests that ran after that are not stored"

    @property
    def is_controller(self) -> bool:
        """Whether pytest-xdist runs the tests in other processes."""
        return not self.is_worker and self.config.pluginmanager.has_plugin("dsession")

    # the session

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        if not self.is_worker:
            self._flush(session_record(self.config, self.recorder.engine.name))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Wrapper:
        self.attribution.rebase(AFTER)
        modules = project_modules(self.recorder)
        if self.is_worker:  # its output is sent off inside of the next line
            output: dict[str, object] = self.config.workeroutput  # type: ignore[attr-defined]
            output["testmon_modules"] = modules
        try:
            return (yield)
        finally:
            self._flush()  # what is left behind may be numbered as what is written here
            if not self.is_worker:
                # session.exitstatus: the hook's argument is from before plugins changed it
                status = int(getattr(session, "exitstatus", exitstatus))
                left = child.sweep(self.recorder)
                self._flush(*left, wire.Ended(status, {**self.modules, **modules}))

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        if not self.is_worker:
            open_file(paths.join(self.recorder.settings.spool, INTERRUPTED), "wb").close()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        if self.recorder.problem and not self.is_worker:
            print(
                f"{self.recorder.problem}; the tests it met are selected every time",
                file=sys.__stderr__,
            )
        is_told = self.recorder.settings.verbose and not self.is_worker
        for note in (*(self.remains.notes if is_told else ()), *filter(None, [self.lost])):
            print(f"testmon: {note}", file=sys.__stderr__)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        self.modules.update(getattr(node, "workeroutput", {}).get("testmon_modules", {}))

    # tests

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Wrapper:
        nodeid = self.nodeid = self.names.of(item)
        outcome = self.running.begin(nodeid)
        identity = identity_of_test(nodeid)
        entry = self.attribution.push(identity, is_harvested=self.is_between)
        try:
            result = yield
        finally:
            self.recorder.engine.settle()
            self.attribution.pop(entry)
            self.is_between = True
            with self.running.lock:
                try:
                    self.running.end(nodeid)
                    self.nodeid, self.outcome = nodeid, outcome
                    self._finish(item, identity)
                    self.remains.notice(nodeid, identity, self.unknown)
                except Exception as problem:
                    self.recorder.failed(problem, identity)
                finally:
                    self.nodeid = ""
        self._end_with_parent()
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        nodeid = self.names.of_text(report.nodeid)
        outcome = self.running.reader(nodeid)
        if outcome is not None:
            outcome.add(report)
        elif not self.is_controller:
            self._ran_apart(nodeid, report)
        elif str(report.when) == "???":  # pytest-xdist reports a test that took its worker along
            self._flush(*crash_records(nodeid, self.recorder.settings.root, report))

    def _ran_apart(self, nodeid: str, report: pytest.TestReport) -> None:
        """A plugin ran a test without pytest's protocol, which we would see.

        Plugins do so to run several in threads.
        """
        outcome = self.apart.setdefault(nodeid, OutcomeReader())
        outcome.add(report)
        if outcome.finished:
            del self.apart[nodeid]
            self._flush(*unseen_records(nodeid, self.recorder.settings.root, APART, outcome))

    def _distrust(self, identity: str) -> None:
        self.recorder.pending(identity).unknown.add(AT_ONCE)

    def _end_with_parent(self) -> None:
        parent = self.recorder.settings.parent
        if parent and not self.is_worker and get_parent() != parent:
            pytest.exit("testmon collect was killed: nobody stores what tests do")

    def _finish(self, item: pytest.Item, identity: str) -> None:
        if not self.outcome.finished:
            self._flush(discard=identity)
            return
        pending = self.recorder.pending(identity)
        self._come_to(item)
        pending.uses += self.place.above, *self.remains.left
        pending.unknown.update(*self.remains.left.values())
        self.unknown = frozenset(pending.unknown)
        outcome = self._outcome_record(item)
        set_ups = self.fixtures.take_set_ups()
        check = self.safety_net.check_of(item) if self.outcome.called else None
        self._flush(*set_ups, outcome, check=check, identity=identity, is_harvested=True)

    def _come_to(self, item: pytest.Item) -> None:
        size = self.collection.size
        if item.parent is not self.place.parent or size != self.place.size:
            self.place = Place(
                item.parent, size, self.collection.nearest(item.parent), classes_above(item)
            )

    def _outcome_record(self, item: pytest.Item) -> wire.Outcome:
        marked = markers_of(item)
        return wire.Outcome(
            self.nodeid,
            self.names.file_of(item),
            f"{self.place.classes}{name_of(item)}" if is_function(type(item)) else "",
            kind_of(item),
            self.outcome.outcome,
            self.outcome.duration,
            self.outcome.failure,
            marked.always or self.outcome.always,
            marked.depends,
        )

    # fixtures

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: FixtureDef[Any], request: SubRequest) -> Wrapper:
        __tracebackhide__ = True
        if fixturedef.scope == "function":
            return (yield)
        leave = self.fixtures.begin(fixturedef, request)
        try:
            return (yield)
        finally:
            leave()


class Place(NamedTuple):
    """Values that tests of one parent share; consecutive tests mostly have the same."""

    parent: object
    size: int  # of the collection when this was found out
    above: str  # identity of what collected them
    classes: str  # qualified name of the class they stand in and a dot; "" without
