"""Which recorded tests a newer run has shown to exist no longer.

It collected what holds them, and they were not there.

Without that a test whose name no text tells, or a parameter that is gone, would be looked for again
and again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

from testmon_cli.domain.nodeid import NodeId, function_of, path_of
from testmon_cli.domain.records import Run, StoredExecution
from testmon_cli.storage.datafile import Datafile

# A fact of a run: the files that its arguments asked for in part, with the names that they asked
# for as a whole.
IN_PART = "in_part"


class Absence:
    """Compares tests with what runs collected after them."""

    def __init__(
        self, datafile: Datafile, runs: Sequence[Run], holds: Callable[[Run, str], bool]
    ) -> None:
        """`runs` come with the newest first.

        `holds` tells whether what one collected of a file would be so again.
        """
        self._datafile = datafile
        self._runs = runs
        self._holds = holds
        self._files: dict[int, set[str]] = {}

    def is_absent(self, execution: StoredExecution) -> bool:
        """Tell whether a later run collected the test's file or function without the test."""
        if execution.run_id == self._runs[0].id:
            return False
        nodeid = NodeId.parse(execution.nodeid, execution.path)
        for run in self._runs:
            if run.id == execution.run_id:
                return False
            if self.has_collected(run, nodeid):
                return not self._is_in(run, execution.nodeid) and self._holds(run, nodeid.path)
        return False

    def has_collected(self, run: Run, nodeid: NodeId) -> bool:
        """Tell whether a run had pytest collect the test's function, class or file."""
        if IN_PART not in run.facts:
            return False
        names = run.mapping(IN_PART).get(nodeid.path)
        if isinstance(names, list) and not any(_covers(str(name), nodeid.name) for name in names):
            return False
        return nodeid.path in self._collected_files(run)

    def _collected_files(self, run: Run) -> set[str]:
        if run.id not in self._files:
            left = map(
                path_of, (*_texts(run.facts.get("pending")), *_texts(run.facts.get("unwanted")))
            )
            nothing = (
                path
                for path, value in run.mapping("inert").items()
                if isinstance(value, list) and "*" in value[1]
            )
            self._files[run.id] = {*self._datafile.test_files(run.id), *left, *nothing}
        return self._files[run.id]

    def _is_in(self, run: Run, nodeid: str) -> bool:
        """Tell whether a run collected a test that it did not run."""
        return not self._not_run.get(run.id, frozenset()).isdisjoint((nodeid, function_of(nodeid)))

    @cached_property
    def _not_run(self) -> Mapping[int, frozenset[str]]:
        return {
            run.id: frozenset(
                (*_texts(run.facts.get("pending")), *_texts(run.facts.get("unwanted")))
            )
            for run in self._runs
        }


def _covers(asked: str, name: str) -> bool:
    return name == asked or name.startswith(f"{asked}::")


def _texts(value: object) -> Iterable[str]:
    return value if isinstance(value, list) else ()
