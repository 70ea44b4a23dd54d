"""What one change alone would touch, by the rules of selection.

Whatever else has changed since a run.
"""

from collections.abc import Callable, Mapping

from testmon_cli.analysis.propagation import Growth
from testmon_cli.application.checkout.resources import Today
from testmon_cli.application.checkout.sources import Tree
from testmon_cli.application.invalidate.affected_traces import RunMatcher
from testmon_cli.application.invalidate.snapshot_diff import FileChanges, Hits, PackageChanges
from testmon_cli.domain.causes import Cause
from testmon_cli.domain.records import Run
from testmon_cli.storage.datafile import Datafile


class OneChange(RunMatcher):
    """A matcher to which nothing has changed but what it is asked about."""

    def __init__(self, datafile: Datafile, run: Run, tree: Tree) -> None:
        nothing = FileChanges((), (), (), {})
        super().__init__(datafile, run, tree, Today(tree.root, ""), PackageChanges(), nothing)

    def touched_by(
        self,
        traces: Mapping[int, Cause],
        functions: Mapping[tuple[str, str], Cause],
        change: Callable[[Growth], None],
    ) -> Hits:
        """The traces that some traces, functions and definitions would touch together."""

        def all_of_it(growth: Growth) -> None:
            for trace_id, cause in traces.items():
                self._hit(trace_id, cause)
            self._hit_functions.update(functions)
            change(growth)

        return self.reached_by(all_of_it)
