"""Functions that runs of a part of a file left out, and that no other run has shown."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from testmon_cli.application.checkout.sources import Tree
from testmon_cli.domain.nodeid import NodeId
from testmon_cli.domain.records import Run
from testmon_cli.storage.datafile import Datafile


class LeftOut:
    """Looks for them in the facts of runs."""

    def __init__(self, datafile: Datafile, runs: Sequence[Run], tree: Tree) -> None:
        self._datafile = datafile
        self._runs = runs
        self._tree = tree

    def by_file(self, unwanted: Collection[str]) -> dict[str, set[str]]:
        """By path, the names of such functions but for those that are `unwanted`."""
        by_name: dict[tuple[str, str], set[int]] = defaultdict(set)
        for run in self._runs:
            for path, name in self._left_out_by(run):
                by_name[path, name].add(run.id)
        if not by_name:
            return {}

        from testmon_cli.application.select.requested_tests import IN_PART

        ran = self._runs_by_function({path for path, _ in by_name})
        found: dict[str, set[str]] = defaultdict(set)
        for (path, name), runs in by_name.items():
            function = name.removesuffix(IN_PART)
            nodeid = f"{path}::{function}"
            shown = ran[nodeid]
            if name.endswith(IN_PART):
                # Other parameters ran where these were left out.
                shown = {run_id for run_id in shown - runs if self._saw(run_id, path)}
            if nodeid not in unwanted and not shown:
                found[path].add(function)
        return found

    def _left_out_by(self, run: Run) -> Iterator[tuple[str, str]]:
        """Paths and names that a run left out of files that are as they were."""
        for path, value in run.mapping("left_out").items():
            if path not in self._tree.stats or not isinstance(value, list):
                continue
            if value[0] == self._tree.digest(path):
                yield from ((path, name) for name in value[1])

    def _runs_by_function(self, paths: set[str]) -> dict[str, set[int]]:
        """The runs that have executions of each function and class in some files."""
        found: dict[str, set[int]] = defaultdict(set)
        environment = self._runs[0].environment
        for nodeid, run_id in self._datafile.ran_below(environment, paths):
            function = NodeId.parse(nodeid).function
            found[str(function)].add(run_id)
            found[str(function.group)].add(run_id)
        return found

    def _saw(self, run_id: int, path: str) -> bool:
        """Tell whether a run recorded a file with its present content."""
        ref = self._datafile.snapshot(run_id).get(path)
        return ref is not None and ref.digest == self._tree.digest(path)
