"""Which node pytest is asked to run for a test.

It is the test itself, or a wider one where its name may be another now.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from testmon_cli.application.checkout import sources
from testmon_cli.application.select.run_changes import RunChanges
from testmon_cli.domain.errors import SourceError
from testmon_cli.domain.nodeid import NodeId
from testmon_cli.domain.records import StoredExecution

if TYPE_CHECKING:
    from testmon_cli.analysis.project import Project
    from testmon_cli.application.select.existing_tests import Existence


class NodesToRun:
    """Finds recorded tests in the sources as they are now, by what matching runs has shown."""

    def __init__(self, changes: RunChanges) -> None:
        self._changes = changes
        self._learned = changes.learned
        self._datafile = changes.datafile
        self._runs = changes.runs
        self._tree = changes.tree
        self._projects: dict[int, Project] = {}  # by run

    def existing(self, execution: StoredExecution) -> NodeId | None:
        """The part of a test's node id that exists; None where the test is gone."""
        return self._existence.node(execution)

    def given(
        self,
        execution: StoredExecution,
        nodeid: NodeId,
        there: NodeId,
        *,
        settled: bool,
        at_risk: bool,
    ) -> NodeId:
        """The node to run for a test: `there`, or a wider one where others may exist.

        `at_risk` says that the import of some file whose tests may be named can fail.
        """
        if not self._learned.doubtful.isdisjoint((nodeid.path, execution.path)):
            return self._in_doubtful_file(nodeid, there, at_risk=at_risk)
        if not execution.function:
            return there if settled or self._still_documented(execution) else nodeid.file
        if nodeid.names and (nodeid.path, nodeid.names[0]) in self._learned.rebuilt:
            there = there.outermost if there.names else there
        return there if settled else there.function

    def _in_doubtful_file(self, nodeid: NodeId, there: NodeId, *, at_risk: bool) -> NodeId:
        """The node to run for a test of a file that may hold other tests now.

        Where pytest cannot import the file of a test that is named, it looks at no file that is
        given as a whole. So a file that it cannot import either is named by what it holds, or would
        go unnoticed.
        """
        is_readable = nodeid.path not in self._learned.unreadable
        if not (at_risk and there.names and is_readable):
            return nodeid.file
        told = self._existence.surely_collected(nodeid.path, self._learned.doubtful)
        return there.outermost if nodeid.names and nodeid.names[0] in told else nodeid.file

    def _still_documented(self, execution: StoredExecution) -> bool:
        """Tell whether a docstring still has examples."""
        try:
            model = self._tree.model(execution.path)
        except SourceError:
            return False
        names = NodeId.parse(execution.nodeid, execution.path).names
        return execution.kind == "doctest" and any(
            names[-1].endswith("." + qualname) for qualname in model.doctests
        )

    @cached_property
    def _existence(self) -> "Existence":
        """Looks up tests in changed files, with what all runs have shown of the changes."""
        from testmon_cli.application.select.existing_tests import Existence

        naming = self._changes.naming(self._runs[0])
        learned = self._learned
        return Existence(
            self._tree, self._project_of, naming, learned.affected, learned.project, learned.doubted
        )

    def _project_of(self, run_id: int) -> "Project":
        """The sources as a run saw them."""
        if run_id not in self._projects:
            self._projects[run_id] = sources.Snapshot(
                self._datafile, self._datafile.snapshot(run_id)
            ).project()
        return self._projects[run_id]
