"""`testmon gc`: what the datafile no longer needs."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from testmon_cli.analysis.project import Project
from testmon_cli.application.checkout import pytest_config, sources
from testmon_cli.application.checkout.sources import Snapshot, Tree
from testmon_cli.application.invalidate.snapshot_diff import is_loaded
from testmon_cli.application.select.existing_tests import Existence
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.nodeid import path_of
from testmon_cli.domain.records import Run, StoredExecution, VersionRef
from testmon_cli.storage.datafile import Datafile, Pruned, Pruning

_LONGEST: Final = 1e11  # seconds: before all runs, and less than SQL's numbers can be
_SECONDS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class PruningReport(NamedTuple):
    """The rows and bytes that `gc` removed, or would remove in a dry run."""

    datafile: str
    missing: tuple[str, ...]  # nodeids of tests that no longer exist
    pruned: Pruned
    dry_run: bool


def prune(
    settings: Settings,
    now: float,
    *,
    keep: int | None = None,
    older_than: str | None = None,
    environments: Sequence[str] = (),
    missing: bool = True,
    dry_run: bool = False,
    progress: Callable[[int, int], None] | None = None,
    on_wait: Callable[[], None] | None = None,
) -> PruningReport:
    """Remove runs and tests, and what nothing needs any more.

    `keep` is a number of runs of each environment, `older_than` an age like 30d; `missing` removes
    tests that exist no longer. Raises TestmonError for an age or environment that is not
    understood.

    It waits for a running collect to be between writes.
    """
    before = None if older_than is None else now - seconds_of(older_than)
    with Datafile.open(
        settings.datafile, "read" if dry_run else "write", on_wait=on_wait
    ) as datafile:
        _check_names(datafile, environments)
        gone = _missing_tests(datafile, settings) if missing else ()
        pruning = Pruning(frozenset(gone), keep or settings.keep, before, tuple(environments))
        pruned = datafile.prune(pruning, now, dry_run=dry_run, progress=progress)
    return PruningReport(settings.datafile, gone, pruned, dry_run)


def seconds_of(age: str, option: str = "--older-than") -> float:
    """How many seconds an age like 30d is, which was given for an option.

    Raises TestmonError where it is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mhdw])", age.strip())
    if match is None:
        raise TestmonError(
            f"invalid {option} {age!r}: expected a number and m, h, d or w, for example 30d"
        )
    return min(float(match[1]) * _SECONDS[match[2]], _LONGEST)


def _check_names(datafile: Datafile, names: Sequence[str]) -> None:
    known = sorted({environment.name for environment in datafile.environments()})
    for name in names:
        if name not in known:
            raise TestmonError(
                f"no environment is named {name!r} in {datafile.path}; there are: {', '.join(known)}"
            )


class _Unchanged:
    """Tells whether the file that a test ran in is as that run saw it.

    Then the test is there, and nothing is parsed.
    """

    def __init__(self, datafile: Datafile, tree: Tree, runs: Sequence[Run]) -> None:
        self._datafile = datafile
        self._tree = tree
        self._runs = {run.id: run for run in runs}
        self._snapshots: dict[int, Mapping[str, VersionRef]] = {}
        self._projects: dict[int, Project] = {}
        self._known: dict[tuple[int, str], bool] = {}

    def project_of(self, run_id: int) -> Project:
        """The sources as a run saw them."""
        if run_id not in self._projects:
            self._projects[run_id] = Snapshot(self._datafile, self._snapshot(run_id)).project()
        return self._projects[run_id]

    def stands_as(self, execution: StoredExecution) -> bool:
        paths = {execution.path, path_of(execution.nodeid, execution.path)}
        return all(self._is(execution.run_id, path) for path in paths)

    def _is(self, run_id: int, path: str) -> bool:
        key = (run_id, path)
        if key not in self._known:
            ref = self._snapshot(run_id).get(path)
            recorded = int(self._runs[run_id].recorded * 1e9)
            self._known[key] = (
                ref is not None and is_loaded(ref) and self._tree.is_unchanged(ref, recorded)
            )
        return self._known[key]

    def _snapshot(self, run_id: int) -> Mapping[str, VersionRef]:
        if run_id not in self._snapshots:
            self._snapshots[run_id] = self._datafile.snapshot(run_id)
        return self._snapshots[run_id]


def _missing_tests(datafile: Datafile, settings: Settings) -> tuple[str, ...]:
    root = Path(os.path.realpath(settings.root))
    tree = Tree(root, sources.scan(root, settings.source, settings.exclude))
    tree.datafile = datafile
    there: dict[str, bool] = {}
    naming = pytest_config.read(root).naming()
    for environment in datafile.environments():
        unchanged = _Unchanged(datafile, tree, datafile.runs(environment))
        existence = Existence(tree, unchanged.project_of, naming)
        # newest first: it knows best where the test is
        for execution in datafile.executions(environment):
            if execution.nodeid not in there:
                there[execution.nodeid] = (
                    unchanged.stands_as(execution) or existence.node(execution) is not None
                )
    if there and not any(there.values()):
        raise TestmonError(
            f"none of the {len(there)} tests in {settings.datafile} exists below {root}; run gc in the project that "
            "the datafile belongs to, or with --no-missing"
        )
    return tuple(sorted(nodeid for nodeid, exists in there.items() if not exists))
