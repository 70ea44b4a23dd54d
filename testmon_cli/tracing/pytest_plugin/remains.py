"""Finds threads and processes that tests leave behind."""

import threading
from collections.abc import Callable

from testmon_cli.tracing.processes import child
from testmon_cli.tracing.recorder import Recorder


class Remains:
    """Threads and processes of tests that are over.

    The code that they run counts for the tests that run meanwhile.
    """

    def __init__(self, recorder: Recorder, living_fixtures: Callable[[], set[str]]) -> None:
        self.notes: list[str] = []  # for people who want to know
        # whose processes live on, and what is not known of them
        self.left: dict[str, frozenset[str]] = {}
        self._recorder = recorder
        self._living_fixtures = living_fixtures
        self._threads = frozenset(threading.enumerate())

    def notice(self, nodeid: str, identity: str, unknown: frozenset[str]) -> None:
        """A test is over, of which what is `unknown` was not seen."""
        self._notice_threads(nodeid)
        self._notice_processes(nodeid, identity, unknown)

    def _notice_threads(self, nodeid: str) -> None:
        if threading.active_count() != len(self._threads):
            threads = frozenset(threading.enumerate())
            started = sorted(thread.name for thread in threads - self._threads)
            self._threads = threads
            if started:
                self.notes.append(f"{nodeid} left threads behind: {', '.join(started)}")

    def _notice_processes(self, nodeid: str, identity: str, unknown: frozenset[str]) -> None:
        processes = self._recorder.processes
        if not processes:
            return
        for pid in [pid for pid in processes if not child.is_alive(pid)]:
            del processes[pid]
        kept = self._living_fixtures()
        left = {
            owner
            for owner in processes.values()
            if owner.startswith(("test:", "fixture:")) and owner not in kept
        }
        if identity in left:
            self.notes.append(f"{nodeid} left processes behind: they count for the tests after it")
        self.left = {owner: self.left.get(owner, unknown) for owner in left}
