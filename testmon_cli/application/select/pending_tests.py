"""Tests that a run collected and that never ran, since it was stopped before their turn."""

from collections.abc import Iterator

from testmon_cli.application.invalidate.snapshot_diff import is_loaded
from testmon_cli.application.select.absent_tests import Absence
from testmon_cli.application.select.pytest_arguments import Arguments
from testmon_cli.application.select.run_changes import RunChanges
from testmon_cli.domain import selection as kinds
from testmon_cli.domain.nodeid import NodeId
from testmon_cli.domain.records import Run
from testmon_cli.domain.selection import Reason, Selected


class PendingTests:
    """Looks for tests that a run collected and that never ran."""

    def __init__(self, changes: RunChanges, arguments: Arguments, absence: Absence) -> None:
        self._learned = changes.learned
        self._datafile = changes.datafile
        self._runs = changes.runs
        self._tree = changes.tree
        self._arguments = arguments
        self._absence = absence

    def besides(self, unwanted: set[str]) -> Iterator[Selected]:
        """The tests that were collected and never ran, but for those that are `unwanted`."""
        seen = set(unwanted)
        waiting = {nodeid for run in self._runs for nodeid in run.texts("pending")}
        known = self._datafile.ran(self._runs[0].environment, waiting) if waiting else ()
        for run in self._runs:
            for nodeid in run.texts("pending"):
                node = NodeId.parse(nodeid)
                if nodeid in known or not seen.isdisjoint((nodeid, str(node.function))):
                    continue
                seen.add(nodeid)
                if self._is_unsettled(node.path) or not self._is_still_pending(run, node):
                    continue  # found, if it is still there, by reading the source
                reason = Reason(kinds.NEW, "collected, but never run")
                yield Selected(nodeid, self._arguments.of(node), reason)

    def _is_unsettled(self, path: str) -> bool:
        """Tell whether a file may hold other tests now, as far as runs were matched."""
        return path in self._learned.unstable or path in self._learned.doubtful

    def _is_still_pending(self, run: Run, nodeid: NodeId) -> bool:
        """Tell whether a test that a run collected still exists.

        Its file is as it was, and no newer run went without it.
        """
        ref = self._datafile.snapshot(run.id).get(nodeid.path)
        if not self._tree.exists(nodeid.path):
            return False
        if ref is not None and is_loaded(ref) and ref.digest != self._tree.digest(nodeid.path):
            return False
        newer = self._runs[: self._runs.index(run)]
        return not any(self._absence.has_collected(other, nodeid) for other in newer)
