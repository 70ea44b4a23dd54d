"""Tests that run at once, in threads.

What each of them runs cannot be told apart, and they are selected every time.
"""

import threading
from collections.abc import Callable

from testmon_cli.tracing.attribution import Attribution, identity_of_test
from testmon_cli.tracing.pytest_plugin.outcomes import OutcomeReader

AT_ONCE = "other tests ran at the same time, in threads"


class RunningTests:
    """The tests that run now: mostly one, at times nested, or several in threads.

    While these run, nothing that is observed can be trusted to belong to whom it is taken down for:
    `distrust` is told of each identity.
    """

    def __init__(self, attribution: Attribution, distrust: Callable[[str], None]) -> None:
        self.lock = threading.RLock()
        self._attribution = attribution
        self._distrust = distrust
        self._running: dict[str, tuple[OutcomeReader, int]] = {}  # with the thread
        self._mixed: set[str] = set()

    def begin(self, nodeid: str) -> OutcomeReader:
        """A test begins, of which no identity is in the attribution yet."""
        reader = OutcomeReader()
        with self.lock:
            self._running[nodeid] = reader, threading.get_ident()
            if len(self._running) > 1:
                self._look()
        return reader

    def end(self, nodeid: str) -> None:
        with self.lock:
            del self._running[nodeid]
            if nodeid in self._mixed:
                self._mixed.remove(nodeid)
                self._distrust(identity_of_test(nodeid))
                self._look()

    def reader(self, nodeid: str) -> OutcomeReader | None:
        """Who reads how a test comes out, None when it does not run."""
        found = self._running.get(nodeid)
        return found[0] if found is not None else None

    def _look(self) -> None:
        if len({thread for _, thread in self._running.values()}) < 2:
            self._attribution.note = None
            return
        self._mixed.update(self._running)
        self._attribution.note = self._distrust
        for identity in self._attribution.identities():
            self._distrust(identity)
