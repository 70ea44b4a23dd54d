"""Which fixtures wider than a test are set up, used and torn down, and by whom."""

import time
from collections.abc import Callable
from typing import Any, Protocol

from _pytest.fixtures import FixtureDef, FixtureRequest, SubRequest

from testmon_cli.tracing import wire
from testmon_cli.tracing.attribution import Entry, identity_of_test
from testmon_cli.tracing.disguise import disguise
from testmon_cli.tracing.pytest_plugin.collection import CollectionWatch
from testmon_cli.tracing.recorder import Recorder

_now = time.perf_counter  # as it is before tests put another in its place


class Session(Protocol):
    """The session whose fixtures are watched."""

    nodeid: str  # of the test that runs


class FixtureWatch:
    """Gives every instance of a fixture wider than a test an identity, and notes who uses which."""

    def __init__(
        self, session: Session, collection: CollectionWatch, recorder: Recorder, worker: str = ""
    ) -> None:
        self._session = session
        self._collection = collection
        self._attribution = recorder.attribution
        self._recorder = recorder
        self._count = 0
        self._worker = f"{worker}." if worker else ""  # each worker has instances of its own
        self._instances: dict[FixtureDef[Any], str] = {}
        self._set_ups: list[wire.SetUp] = []
        self._ending: dict[str, list[Entry]] = {}  # of instances that are being torn down
        # of each set-up that is going on, the seconds of those within it
        self._inner: list[float] = []
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
        # Finalisers run from the last to the first: this one runs after the fixture's own, the next
        # before.
        fixturedef.addfinalizer(lambda: self._end(fixturedef, identity))
        self._inner.append(0.0)
        started = _now()

        def leave() -> None:
            self._time(identity, fixturedef, request, _now() - started)
            self._attribution.pop(entry)
            fixturedef.addfinalizer(lambda: self._teardown(identity))

        return leave

    def _time(
        self, identity: str, fixturedef: FixtureDef[Any], request: SubRequest, seconds: float
    ) -> None:
        """Tell how long a set-up took, if that is worth sharing."""
        own = seconds - self._inner.pop()
        if self._inner:
            self._inner[-1] += seconds
        if own >= wire.LEAST_SET_UP:
            parameter = getattr(request, "param_index", 0)
            place = f"{fixturedef.baseid}|{fixturedef.argname}|{request.node.nodeid}|{parameter}"
            self._set_ups.append(wire.SetUp(identity, place, own, self._session.nodeid))

    def take_set_ups(self) -> list[wire.SetUp]:
        """Return what was set up since the last call and took long."""
        if not self._set_ups:
            return self._set_ups
        found, self._set_ups = self._set_ups, []
        return found

    def _teardown(self, identity: str) -> None:
        self._recorder.engine.postpone()
        self._ending.setdefault(identity, []).append(self._attribution.push(identity))

    def _end(self, fixturedef: FixtureDef[Any], identity: str) -> None:
        for entry in self._ending.pop(identity, []):
            self._attribution.pop(entry)
        self._recorder.engine.resume()
        self._recorder.pending(identity).complete = True
        if self._instances.get(fixturedef) == identity:
            del self._instances[fixturedef]

    def _install(self) -> None:
        execute, active = FixtureDef.execute, FixtureRequest._get_active_fixturedef
        used, instance_of = self._used, self._instance
        known, ask_for = self._collection.requested, self._collection.ask_for_fixture

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
        """The identity of a fixture's instance.

        What pytest puts in place of `request` is none, and has no hash.
        """
        return (
            self._instances.get(fixturedef)
            if self._instances and isinstance(fixturedef, FixtureDef)
            else None
        )

    def _used(self, instance: str, request: SubRequest | None, asker: Any = None) -> None:
        nodeid = self._session.nodeid
        if nodeid and request is not None:
            self._recorder.pending(identity_of_test(nodeid)).uses.append(instance)
        if asker is None:
            asker = getattr(request, "_parent_request", None)
        parent = self._instance(getattr(asker, "_fixturedef", None))
        if parent is not None and parent != instance and self._attribution.holds(parent):
            self._recorder.pending(parent).uses.append(instance)
