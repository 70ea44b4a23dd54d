"""`testmon report --coverage`: the whole suite's line coverage, from what is stored of each test."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from testmon_cli.analysis.executed_lines import changed_lines, import_lines, lines_of_blocks, without_unmet_headers
from testmon_cli.analysis.model import parse
from testmon_cli.application.checkout import environment, sources
from testmon_cli.application.checkout.sources import Tree, stored_model
from testmon_cli.application.invalidate.snapshot_diff import is_loaded
from testmon_cli.application.invalidate.trace_uses import reachable, used_by
from testmon_cli.application.select.use_case import select
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.records import StoredExecution
from testmon_cli.domain.source import SourceError, SourceModel
from testmon_cli.storage.datafile import Datafile
from testmon_cli.storage.opening import is_ours

_AS_SCRIPT = "__main__"


def write_coverage(settings: Settings, path: str) -> int:
    """Write a data file of coverage.py of all tests that still exist; gives the number of source files in it."""
    root = Path(os.path.realpath(settings.root))
    tree = Tree(root, sources.scan(root, settings.source, settings.exclude))
    with Datafile.open(settings.datafile) as datafile:
        selection = select(settings)
        if not selection.known:
            why = selection.notes[0] if selection.notes else "no test that was collected is there now"
            raise TestmonError(f"no coverage to report: {why}")
        executions = datafile.executions(environment.current(settings.env))
        executions = [e for e in executions if e.nodeid not in selection.gone]
        lines = _Reading(datafile, tree).lines(executions)
    _write(path, {str(root / name): numbers for name, numbers in lines.items()})
    return len(lines)


@dataclass
class _Reading:
    """Finds the lines of today's files that stored executions ran."""

    datafile: Datafile
    tree: Tree
    _models: dict[str, SourceModel | None] = field(default_factory=dict)

    def lines(self, executions: list[StoredExecution]) -> dict[str, set[int]]:
        """Lines by path. Of each test counts the newest execution that still holds, else the newest."""
        runs = list(dict.fromkeys(e.run_id for e in executions))  # the newest first
        before = self._loaded(runs)
        found = self.datafile.fingerprints(before)
        held = {f.id: f.checksums <= self._checksums(f.path) for f in found}
        holders: dict[int, list[int]] = defaultdict(list)
        stale: set[int] = set()
        for fingerprint_id, trace_id in self.datafile.traces_with(held):
            holders[trace_id].append(fingerprint_id)
            if not held[fingerprint_id]:
                stale.add(trace_id)
        traces = self._relied_on(_newest(executions, stale), runs)
        wanted = {fingerprint_id for trace_id in traces for fingerprint_id in holders.get(trace_id, ())}
        reached: dict[str, set[int]] = {path: set() for path in before}
        for fingerprint in found:
            if fingerprint.id in wanted:
                reached[fingerprint.path] |= fingerprint.checksums
        lines = {path: self._lines_of(path, checksums, before[path]) for path, checksums in reached.items()}
        return {path: numbers for path, numbers in lines.items() if numbers is not None}

    def _loaded(self, runs: list[int]) -> dict[str, list[int]]:
        """Files that a run loaded and that are there: path -> ids of the versions it had."""
        versions: dict[str, list[int]] = defaultdict(list)
        for run_id in runs:
            for path, ref in self.datafile.snapshot(run_id).items():
                if is_loaded(ref) and ref.id not in versions[path]:
                    versions[path].append(ref.id)
        return {path: ids for path, ids in versions.items() if ids and path in self.tree}

    def _relied_on(self, chosen: list[StoredExecution], runs: list[int]) -> set[int]:
        """Traces of executions and all that they use: fixtures, collection, the session; and of every import."""
        traces = [e.trace_id for e in chosen]
        traces += [trace_id for trace_id, *_ in self.datafile.traces({e.run_id for e in chosen}, "module", "statement")]
        return reachable(traces, used_by(self.datafile, runs))

    def _model(self, path: str) -> SourceModel | None:
        if path not in self._models:
            try:
                self._models[path] = self.tree.model(path)
            except SourceError:
                self._models[path] = None
        return self._models[path]

    def _checksums(self, path: str) -> set[int]:
        model = self._model(path)
        return {b.checksum for b in model.blocks} if model is not None else set()

    def _lines_of(self, path: str, checksums: set[int], versions: list[int]) -> set[int] | None:
        """The lines of a file as it is now; None when it does not parse."""
        model = self._model(path)
        if model is None:
            return None
        tree = parse(self.tree.read(path))
        lines = lines_of_blocks(b for b in model.blocks if b.checksum in checksums)
        lines = without_unmet_headers(tree, lines)
        imported = import_lines(tree, lines)
        if model.blocks[-1].checksum in checksums:
            imported |= import_lines(tree, lines, _AS_SCRIPT)
        unheld = imported
        for before in self._models_before(versions):
            unheld = unheld & changed_lines(model, before)
        return lines | (imported - unheld)

    def _models_before(self, versions: list[int]) -> list[SourceModel]:
        found = [stored_model(self.datafile, ref) for ref in self.datafile.versions(versions)]
        return [model for model in found if model is not None]


def _newest(executions: Iterable[StoredExecution], stale: set[int]) -> list[StoredExecution]:
    chosen: dict[str, StoredExecution] = {}
    for execution in executions:  # the newest come first
        known = chosen.setdefault(execution.nodeid, execution)
        if known.trace_id in stale and execution.trace_id not in stale:
            chosen[execution.nodeid] = execution
    return list(chosen.values())


def _write(path: str, lines: Mapping[str, set[int]]) -> None:
    """Write beside the file and put it in place when it is whole."""
    from coverage import CoverageData, CoverageException

    if os.path.lexists(path):
        if not os.path.isfile(path) or is_ours(path):
            raise TestmonError(f"{path} exists and is not a coverage data file: choose another path")
        try:
            CoverageData(path).read()
        except CoverageException as error:
            raise TestmonError(f"{path} exists and is not a coverage data file: choose another path") from error
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        data = CoverageData(temporary)
        data.add_lines(lines)
        data.write()
        data.close()
        os.replace(temporary, path)
    except (OSError, CoverageException) as error:
        raise TestmonError(f"cannot write {path}: {error}") from error
