"""The pytest plugin, loaded by name in the processes of `testmon collect` and nowhere else."""

import gc
import inspect
import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from functools import cache
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import pytest
from _pytest.fixtures import FixtureDef, FixtureRequest, SubRequest

from testmon_cli.domain.nodeid import NodeId
from testmon_cli.tracing import recorder as recording
from testmon_cli.tracing import wire
from testmon_cli.tracing.attribution import AFTER, SESSION, collect_identity, identity_of_test
from testmon_cli.tracing.disguise import disguise
from testmon_cli.tracing.originals import get_parent, open_file
from testmon_cli.tracing.processes import child
from testmon_cli.tracing.processes.self_hosting import make_room
from testmon_cli.tracing.pytest_plugin.keywords import Keywords
from testmon_cli.tracing.pytest_plugin.node_ids import NodeNames
from testmon_cli.tracing.pytest_plugin.outcomes import OutcomeReader
from testmon_cli.tracing.pytest_plugin.simultaneous import AT_ONCE, RunningTests
from testmon_cli.tracing.recorder import Pending, Recorder
from testmon_cli.tracing.settings import INTERRUPTED, TraceSettings

_now = time.perf_counter  # as it is before tests put another in its place
_INI = [
    "python_files",
    "python_classes",
    "python_functions",
    "testpaths",
    "norecursedirs",
    "doctest_optionflags",
    "pythonpath",
    "usefixtures",
]
Wrapper = Generator[None, object, object]  # around the other implementations of a hook
_MARKED = "marked testmon_always"
_REQUEST = "request"  # a fixture that is always pytest's own
APART = "a plugin ran it in another way than pytest does"
_OPTIONS = ("doctestmodules", "doctestglob", "importmode")
MARKERS = (
    "testmon_always(reason): select this test every time",
    "testmon_depends(*patterns): this test depends on the files that match",
)


def _trace_worker() -> None:
    """In a worker of pytest-xdist nothing of ours runs before this plugin is imported, and that is early enough."""
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

    With tracing that is a third more than without, and each full collection would take all of it through the caches of
    the processor, at the cost of what the tests have there. Nothing of the project is loaded yet.
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
    config.pluginmanager.register(Collector(config, recorder), "testmon-collector")


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
        self.requested = {_REQUEST}  # names of the fixtures that tests ask for
        self.fixtures = FixtureWatch(self)
        self.nodeids: list[str] = []
        self.deselected: list[str] = []
        self.files: list[str] = []  # node ids of those that were collected without an error
        self.keywords = Keywords(self.names.of)
        self.nodeid = ""  # of the test that runs; to ask pytest for it takes long
        self.is_between = False  # the test before is over, and what runs until the next may count for that
        self.outcome = OutcomeReader()
        self.running = RunningTests(self.attribution, self._distrust)
        self.apart: dict[str, OutcomeReader] = {}  # of tests that a plugin runs in its own way
        self.modules: dict[str, str] = {}
        self.notes: list[str] = []
        self.lost = ""  # why no more is written
        self.unknown: frozenset[str] = frozenset()  # of the test that ran last
        self.collectors: set[str] = set()  # identities of those that collected
        self.place = Place(None, SESSION, "")
        self.function = TestedFunction(None, None, None)
        self.threads = frozenset(threading.enumerate())
        self.left: dict[str, frozenset[str]] = {}  # whose processes live on, and what is not known of them

    def _flush(self, *last: wire.Record, **options: Any) -> None:
        """Write what is known. Once that fails nothing follows: records would lack what others say before them."""
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
            open_file(os.path.join(self.recorder.settings.spool, INTERRUPTED), "wb").close()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        if self.recorder.problem and not self.is_worker:
            print(f"{self.recorder.problem}; the tests it met are selected every time", file=sys.__stderr__)
        for note in (*self.notes, *filter(None, [self.lost])):
            print(f"testmon: {note}", file=sys.__stderr__)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        self.modules.update(getattr(node, "workeroutput", {}).get("testmon_modules", {}))

    # collection

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Wrapper:
        nodeid = self.names.of(collector)
        identity = collect_identity(nodeid)
        entry = self.attribution.push(identity)
        # What ran for a collector counts for all below it: each relies on the next above, the first on the session.
        self.recorder.pending(identity).uses.append(self._nearest(collector.parent))
        self.collectors.add(identity)
        self.place = Place(None, SESSION, "")
        try:
            report = yield
        finally:
            if isinstance(collector, pytest.File) and not self.recorder.scope.source(str(collector.path)):
                self.recorder.resources.rely_on(str(collector.path))  # doctests in text, tests in YAML ...
            self.attribution.pop(entry)
        self._note_collected(collector, nodeid, report)
        return report

    def _note_collected(self, collector: pytest.Collector, nodeid: str, report: Any) -> None:
        if self.is_controller:
            return
        if report.failed:
            self._flush(wire.CollectionError(nodeid, str(collector.path), str(report.longreprtext)))
        elif isinstance(collector, pytest.File):
            self.files.append(nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Wrapper:
        self.nodeids = [self.names.of(item) for item in items]
        self.requested.update(*{id(names): names for names in map(_fixtures_of, items)}.values())
        return (yield)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.deselected += [self.names.of(item) for item in items]
        self.keywords.add(items)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if not self.is_controller:
            self.keywords.add(session.items)
            files = tuple(dict.fromkeys(self.files))
            fixtures = tuple(sorted(self.requested - {_REQUEST}))
            keywords = self.keywords.groups()
            self._flush(wire.Collected(tuple(self.nodeids), tuple(self.deselected), keywords, files, fixtures))

    def ask_for_fixture(self, name: str) -> None:
        """A running test asks for a fixture by a name that none has among its parameters."""
        self.requested.add(name)
        self._flush(wire.Collected((), (), fixtures=(name,)))

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
                    self._notice_threads()
                    self._notice_processes(identity)
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
        """A plugin ran a test without pytest's protocol, which we would see: mostly to run several in threads."""
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
        pending.uses += self.place.above, *self.left
        pending.unknown.update(*self.left.values())
        self.unknown = frozenset(pending.unknown)
        outcome = self._outcome_record(item)
        set_ups = self.fixtures.take_set_ups()
        self._flush(*set_ups, outcome, check=self._check(item), identity=identity, is_harvested=True)

    def _notice_threads(self) -> None:
        """Say which tests leave threads behind, since what these run counts for the tests that run meanwhile."""
        if threading.active_count() != len(self.threads):
            threads = frozenset(threading.enumerate())
            started = sorted(thread.name for thread in threads - self.threads)
            self.threads = threads
            if started and self.recorder.settings.verbose and not self.is_worker:
                self.notes.append(f"{self.nodeid} left threads behind: {', '.join(started)}")

    def _notice_processes(self, identity: str) -> None:
        """See which tests leave processes behind: those that run meanwhile may use them."""
        processes = self.recorder.processes
        if not processes:
            return
        for pid in [pid for pid in processes if not child.is_alive(pid)]:
            del processes[pid]
        kept = self.fixtures.living()
        left = {owner for owner in processes.values() if owner.startswith(("test:", "fixture:")) and owner not in kept}
        if identity in left and self.recorder.settings.verbose and not self.is_worker:
            self.notes.append(f"{self.nodeid} left processes behind: they count for the tests after it")
        self.left = {owner: self.left.get(owner, self.unknown) for owner in left}

    def _come_to(self, item: pytest.Item) -> None:
        if item.parent is not self.place.parent:
            self.place = Place(item.parent, self._nearest(item.parent), classes_above(item))

    def _nearest(self, node: Any) -> str:
        """The identity of the nearest collector from a node upwards that collected, or of the session."""
        while node is not None:
            identity = collect_identity(self.names.of(node))
            if identity in self.collectors:
                return identity
            node = node.parent
        return SESSION

    def _outcome_record(self, item: pytest.Item) -> wire.Outcome:
        always = self.outcome.always
        depends: dict[str, None] = {}
        for mark in marks_of(item):
            if mark.name == "testmon_always" and not always.startswith(_MARKED):  # the closest counts
                given = mark.kwargs.get("reason") or (mark.args[0] if mark.args else "")
                always = f"{_MARKED}: {given}" if given else _MARKED
            elif mark.name == "testmon_depends":
                depends.update(dict.fromkeys(map(str, mark.args)))
        return wire.Outcome(
            self.nodeid,
            self.names.file_of(item),
            f"{self.place.classes}{name_of(item)}" if is_function(type(item)) else "",
            kind_of(item),
            self.outcome.outcome,
            self.outcome.duration,
            self.outcome.failure,
            always,
            tuple(depends),
        )

    def _check(self, item: pytest.Item) -> Callable[[Pending], None] | None:
        """The safety net: a test that ran must have been seen to run."""
        if not self.outcome.called or not is_function(type(item)):
            return None
        found: Any = item.obj  # type: ignore[attr-defined] # of a pytest.Function
        function = getattr(found, "__func__", found)
        if function is not self.function.function:
            code = code_of_test(function)
            self.function = TestedFunction(function, code, code and self.recorder.scope.source(code.co_filename))
        _, code, path = self.function
        if code is None or path is None:
            return None

        def check(pending: Pending) -> None:
            if not self.recorder.observed(path, code, pending):
                pending.unknown.add("own function not observed")

        return check

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
    """What tests of the same parent share; those that follow each other mostly have the same."""

    parent: object
    above: str  # identity of what collected them
    classes: str  # qualified name of the class they stand in and a dot; "" without


class TestedFunction(NamedTuple):
    """A test function with what is needed to tell whether it ran; many tests have the same, with other parameters."""

    function: object
    code: CodeType | None
    path: str | None  # its source, if it is the project's


class FixtureWatch:
    """Gives every instance of a fixture wider than a test an identity, and notes who uses which."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._attribution = collector.attribution
        self._recorder = collector.recorder
        self._count = 0
        worker = getattr(collector.config, "workerinput", {}).get("workerid", "")
        self._worker = f"{worker}." if worker else ""  # each worker has instances of its own
        self._instances: dict[FixtureDef[Any], str] = {}
        self._set_ups: list[wire.SetUp] = []
        self._inner: list[float] = []  # of each set-up that is going on, the seconds of those within it
        self._install()

    def living(self) -> set[str]:
        """The instances that were not torn down."""
        return set(self._instances.values())

    def begin(self, fixturedef: FixtureDef[Any], request: SubRequest) -> Callable[[], None]:
        """A set-up starts; call what this returns when it is over."""
        identity = f"fixture:{self._worker}{self._count}:{fixturedef.argname}"
        self._count += 1
        self._instances[fixturedef] = identity
        pending = self._recorder.pending(identity)
        pending.complete = False
        entry = self._attribution.push(identity)
        # Finalisers run from the last to the first: this one runs after the fixture's own, the next before.
        fixturedef.addfinalizer(lambda: self._end(fixturedef, identity))
        self._inner.append(0.0)
        started = _now()

        def leave() -> None:
            self._time(identity, fixturedef, request, _now() - started)
            self._attribution.pop(entry)
            fixturedef.addfinalizer(lambda: self._teardown(identity))

        return leave

    def _time(self, identity: str, fixturedef: FixtureDef[Any], request: SubRequest, seconds: float) -> None:
        """Tell how long a set-up took, if that is worth sharing."""
        own = seconds - self._inner.pop()
        if self._inner:
            self._inner[-1] += seconds
        if own >= wire.LEAST_SET_UP:
            parameter = getattr(request, "param_index", 0)
            place = f"{fixturedef.baseid}|{fixturedef.argname}|{request.node.nodeid}|{parameter}"
            self._set_ups.append(wire.SetUp(identity, place, own, self._collector.nodeid))

    def take_set_ups(self) -> list[wire.SetUp]:
        """What was set up since the last call, as far as that took long."""
        if not self._set_ups:
            return self._set_ups
        found, self._set_ups = self._set_ups, []
        return found

    def _teardown(self, identity: str) -> None:
        self._recorder.engine.postpone()
        self._entry = self._attribution.push(identity)
        self._entries.setdefault(identity, []).append(self._entry)

    def _end(self, fixturedef: FixtureDef[Any], identity: str) -> None:
        for entry in self._entries.pop(identity, []):
            self._attribution.pop(entry)
        self._recorder.engine.resume()
        self._recorder.pending(identity).complete = True
        if self._instances.get(fixturedef) == identity:
            del self._instances[fixturedef]

    def _install(self) -> None:
        self._entries: dict[str, list[Any]] = {}
        execute, active = FixtureDef.execute, FixtureRequest._get_active_fixturedef
        used, instance_of = self._used, self._instance
        known, ask_for = self._collector.requested, self._collector.ask_for_fixture

        def traced_execute(self: FixtureDef[Any], request: SubRequest) -> Any:
            __tracebackhide__ = True
            try:
                return execute(self, request=request)
            finally:
                instance = instance_of(self)
                if instance is not None:  # most fixtures are no wider than a test
                    used(instance, request)

        def traced_active(self: SubRequest, argname: str) -> Any:
            __tracebackhide__ = True
            if argname not in known:
                ask_for(argname)
            fixturedef = active(self, argname)
            instance = instance_of(fixturedef)
            if instance is not None:
                used(instance, None, self)
            return fixturedef

        FixtureDef.execute = disguise(traced_execute)  # type: ignore[method-assign]
        SubRequest._get_active_fixturedef = disguise(traced_active)  # type: ignore[method-assign,assignment]

    def _instance(self, fixturedef: object) -> str | None:
        """The identity of a fixture's instance; what pytest puts in place of `request` is none, and has no hash."""
        return self._instances.get(fixturedef) if self._instances and isinstance(fixturedef, FixtureDef) else None

    def _used(self, instance: str, request: SubRequest | None, asker: Any = None) -> None:
        nodeid = self._collector.nodeid
        if nodeid and request is not None:
            self._recorder.pending(identity_of_test(nodeid)).uses.append(instance)
        asker = asker if asker is not None else getattr(request, "_parent_request", None)
        parent = self._instance(getattr(asker, "_fixturedef", None))
        if parent is not None and parent != instance and self._attribution.holds(parent):
            self._recorder.pending(parent).uses.append(instance)


def _fixtures_of(item: pytest.Item) -> Sequence[str]:
    """The names of the fixtures that a test asks for, itself or by others; tests of one function share them."""
    names: Sequence[str] = getattr(item, "fixturenames", ())
    return names


def session_record(config: pytest.Config, engine: str) -> wire.Session:
    """What pytest was told, as far as it decides which tests there are."""
    return wire.Session(
        rootdir=str(config.rootpath),
        inipath=str(config.inipath) if config.inipath else "",
        arguments=tuple(sys.argv[1:]),
        plugins=plugin_distributions(config),
        engine=engine,
        settings=naming_settings(config),
        is_whole=config.args_source is not pytest.Config.ArgsSource.ARGS,
    )


def crash_records(nodeid: str, root: str, report: pytest.TestReport) -> list[wire.Record]:
    """A test whose process died."""
    outcome = OutcomeReader()
    outcome.fail(str(report.longreprtext))
    return unseen_records(nodeid, root, "the process that ran it crashed", outcome)


def unseen_records(text: str, root: str, reason: str, outcome: OutcomeReader) -> list[wire.Record]:
    """A test that came out somehow, but what it ran is not known."""
    nodeid = NodeId.parse(text)
    trace = wire.Trace(identity_of_test(text), unknown=(reason,))
    shown = outcome.outcome, outcome.duration, outcome.failure
    path = os.path.join(root, nodeid.path)
    return [trace, wire.Outcome(text, path, ".".join(nodeid.names), "other", *shown, reason)]


def plugin_distributions(config: pytest.Config) -> tuple[str, ...]:
    """The distributions of the active plugins."""
    found: set[str] = set()
    for _, facade in config.pluginmanager.list_plugin_distinfo():
        distribution: Any = getattr(facade, "_dist", facade)
        found.add(f"{distribution.metadata['Name']}=={distribution.version}")
    return tuple(sorted(found))


def naming_settings(config: pytest.Config) -> dict[str, object]:
    """The options and settings that decide which tests there are, and what they are called."""
    settings: dict[str, object] = {}
    for name in _INI:
        try:
            value = config.getini(name)
        except (ValueError, KeyError):
            continue
        settings[name] = [str(entry) for entry in value] if isinstance(value, list | tuple) else str(value)
    for name in _OPTIONS:
        value = config.getoption(name, None)
        if value is not None:
            settings[name] = value if isinstance(value, bool | str) else [str(entry) for entry in value]
    return settings


def project_modules(recorder: Recorder) -> dict[str, str]:
    """The modules of the project that are loaded: name -> path."""
    modules = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        source = recorder.scope.source(path) if isinstance(path, str) else None
        if source is not None and name != "__main__":
            modules[name] = source
    return modules


def marks_of(item: pytest.Item) -> list[pytest.Mark]:
    """As `iter_markers` gives them, the closest first, without its generators: every test is asked for its own."""
    found: list[pytest.Mark] = []
    node: Any = item
    while node is not None:
        if node.own_markers:
            found += node.own_markers
        node = node.parent
    return found


def classes_above(item: pytest.Item) -> str:
    """What the qualified name of a test begins with: its classes, each with a dot."""
    return "".join(f"{node.name}." for node in item.listchain() if isinstance(node, pytest.Class))


@cache
def is_function(cls: type[pytest.Item]) -> bool:
    """Whether items of a class stand for Python functions. Their classes are abstract ones: to ask takes long."""
    return issubclass(cls, pytest.Function)


def name_of(item: pytest.Item) -> str:
    """The name of a test function, without parameters."""
    name: str = getattr(item, "originalname", None) or item.name
    return name


def kind_of(item: pytest.Item) -> str:
    """What sort of test an item is."""
    return _kind_of_class(type(item))


@cache
def _kind_of_class(cls: type[pytest.Item]) -> str:
    names = {base.__name__ for base in cls.__mro__}
    if "TestCaseFunction" in names:
        return "unittest"
    if "DoctestItem" in names:
        return "doctest"
    return "function" if is_function(cls) else "other"


def code_of_test(function: Any) -> CodeType | None:
    """The code of a test function below its decorators."""
    if type(function) is FunctionType and not vars(function):  # mostly nothing was put around it
        return function.__code__
    function = inspect.unwrap(function)
    # hypothesis dresses its wrapper up as the test, with the test's name and file
    function = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    return code if isinstance(code, CodeType) else None
