"""`testmon report --coverage`: the whole suite's coverage, from what is stored of each test."""

import ast
import io
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from testmon_cli.analysis.executed_arcs import Arc, Branches, branches
from testmon_cli.analysis.executed_lines import (
    Arm,
    arms_of,
    changed_lines,
    import_lines,
    lines_of_blocks,
    unmet_headers,
)
from testmon_cli.analysis.model import parse
from testmon_cli.application.checkout import environment, sources
from testmon_cli.application.checkout.sources import Tree, stored_model
from testmon_cli.application.invalidate.snapshot_diff import is_loaded
from testmon_cli.application.invalidate.trace_uses import reachable, used_by
from testmon_cli.application.select.use_case import select
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import OutputError, TestmonError
from testmon_cli.domain.records import StoredExecution
from testmon_cli.domain.source import SourceError, SourceModel
from testmon_cli.storage.datafile import Datafile
from testmon_cli.storage.opening import is_ours

_AS_SCRIPT = "__main__"


class Covered(NamedTuple):
    """Counts of a coverage data file that was written."""

    files: int  # that tests ran
    unimported: tuple[str, ...]  # sources of the same packages that nothing imported
    taken: int = 0  # branches
    # path, and lines of a branch of which it is not known whether it ran
    open: tuple[tuple[str, int, int], ...] = ()


def write_coverage(
    settings: Settings, path: str, *, branch: bool = False, contexts: bool = False
) -> Covered:
    """Write a data file of coverage.py of all tests that still exist.

    With `branch` it has the branches that are known to have run, with `contexts` the lines of each
    test.
    """
    root = Path(os.path.realpath(settings.root))
    tree = Tree(root, sources.scan(root, settings.source, settings.exclude))
    with Datafile.open(settings.datafile) as datafile:
        selection = select(settings)
        if not selection.known:
            why = (
                selection.notes[0] if selection.notes else "no test that was collected is there now"
            )
            raise TestmonError(f"no coverage to report: {why}")
        executions = datafile.executions(environment.current(settings.env))
        executions = [e for e in executions if e.nodeid not in selection.gone]
        reading = _Reading(datafile, tree)
        lines = reading.lines(executions)
        found = {name: reading.branches(name, lines[name]) for name in lines} if branch else {}
        by_test = reading.by_test() if contexts else {}
    unimported = _unimported(tree, lines)
    taken = {name: known.taken for name, known in found.items()}
    _write(path, root, lines, taken if branch else None, by_test, unimported)
    left = [(name, *arc) for name, known in sorted(found.items()) for arc in sorted(known.open)]
    return Covered(len(lines), unimported, sum(map(len, taken.values())), tuple(left))


def percentage(path: str) -> float:
    """The total coverage of a data file, as `coverage report` computes it.

    The project's settings of coverage.py count. Raises TestmonError where the file cannot be
    reported.
    """
    from coverage import Coverage, CoverageException

    try:
        coverage = Coverage(data_file=path)
        coverage.load()
        return coverage.report(file=io.StringIO(), precision=2)
    except CoverageException as error:
        raise TestmonError(f"no total of {path}: {error}") from error


def _unimported(tree: Tree, loaded: Collection[str]) -> tuple[str, ...]:
    """Sources that no test imported, of the packages of which tests imported some."""

    def package(path: str) -> str:
        """The folder of the outermost package that a file stands in; "" for a module of its own."""
        found, folder = "", path.rpartition("/")[0]
        while folder and f"{folder}/__init__.py" in tree.stats:
            found, folder = folder, folder.rpartition("/")[0]
        return found

    packages = {package(path) for path in loaded} - {""}
    return tuple(
        path for path in sorted(tree.stats) if path not in loaded and package(path) in packages
    )


@dataclass
class _Reading:
    """Finds the lines of today's files that stored executions ran."""

    datafile: Datafile
    tree: Tree
    _models: dict[str, SourceModel | None] = field(default_factory=dict)
    _trees: dict[str, tuple[ast.Module, list[list[Arm]]]] = field(default_factory=dict)
    # by fingerprint: path and lines
    _views: dict[int, tuple[str, set[int]]] = field(default_factory=dict)
    _imported: dict[str, set[int]] = field(default_factory=dict)  # by path
    _holders: dict[int, list[int]] = field(default_factory=dict)  # by trace, its fingerprints
    _chosen: list[StoredExecution] = field(default_factory=list)
    _used: Mapping[int, Sequence[int]] = field(default_factory=dict)

    def lines(self, executions: list[StoredExecution]) -> dict[str, set[int]]:
        """Lines by path.

        Of each test counts the newest execution that still holds, else the newest.
        """
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
        self._holders, self._chosen = holders, _newest(executions, stale)
        self._used = used_by(self.datafile, runs)
        imports = self.datafile.traces({e.run_id for e in self._chosen}, "module", "statement")
        of_tests = (execution.trace_id for execution in self._chosen)
        traces = self._relied_on([*of_tests, *(trace.id for trace in imports)])
        wanted = {
            fingerprint_id for trace_id in traces for fingerprint_id in holders.get(trace_id, ())
        }
        reached: dict[str, set[int]] = {path: set() for path in before}
        for fingerprint in found:
            if fingerprint.id in wanted:
                reached[fingerprint.path] |= fingerprint.checksums
                self._views[fingerprint.id] = (
                    fingerprint.path,
                    self._in_functions(fingerprint.path, fingerprint.checksums),
                )
        lines = {
            path: self._lines_of(path, checksums, before[path])
            for path, checksums in reached.items()
        }
        return {path: numbers for path, numbers in lines.items() if numbers is not None}

    def branches(self, path: str, lines: set[int]) -> Branches:
        """The branches of a file; a data file has them as pairs of lines."""
        from coverage.exceptions import NotPython
        from coverage.parser import PythonParser

        parser = PythonParser(text=self.tree.text(self.tree.root / path), filename=path)
        try:
            parser.parse_source()
        except NotPython:
            return Branches(frozenset(), frozenset())
        deciding = {line for line, count in parser.exit_counts().items() if count > 1}
        views = [numbers for name, numbers in self._views.values() if name == path]
        views = [
            parser.first_lines(view) for view in (*views, self._imported.get(path, set())) if view
        ]
        return branches(self._parsed(path)[0], parser.arcs(), deciding, views)

    def by_test(self) -> dict[str, dict[str, set[int]]]:
        """By node id and path, the lines that a test ran, with those of its fixtures."""
        found: dict[str, dict[str, set[int]]] = {}
        for execution in self._chosen:
            lines: dict[str, set[int]] = defaultdict(set)
            for trace_id in self._relied_on([execution.trace_id]):
                for fingerprint_id in self._holders.get(trace_id, ()):
                    path, numbers = self._views[fingerprint_id]
                    lines[path] |= numbers
            found[execution.nodeid] = lines
        return found

    def _loaded(self, runs: list[int]) -> dict[str, list[int]]:
        """Files that a run loaded and that are there: path -> ids of the versions it had."""
        versions: dict[str, list[int]] = defaultdict(list)
        for run_id in runs:
            for path, ref in self.datafile.snapshot(run_id).items():
                if is_loaded(ref) and ref.id not in versions[path]:
                    versions[path].append(ref.id)
        return {path: ids for path, ids in versions.items() if ids and path in self.tree}

    def _relied_on(self, traces: Iterable[int]) -> set[int]:
        """Traces and all that they use: fixtures, collection, the session."""
        return reachable(traces, self._used)

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
        tree, _ = self._parsed(path)
        lines = self._in_functions(path, checksums)
        imported = import_lines(tree, lines)
        if model.module_block.checksum in checksums:
            imported |= import_lines(tree, lines, _AS_SCRIPT)
        unheld = imported
        for before in self._models_before(versions):
            unheld = unheld & changed_lines(model, before)
        self._imported[path] = imported - unheld
        return lines | self._imported[path]

    def _in_functions(self, path: str, checksums: AbstractSet[int]) -> set[int]:
        """The lines of blocks."""
        model = self._model(path)
        if model is None:
            return set()
        lines = lines_of_blocks(b for b in model.blocks if b.checksum in checksums)
        return lines - unmet_headers(self._parsed(path)[1], lines)

    def _parsed(self, path: str) -> tuple[ast.Module, list[list[Arm]]]:
        if path not in self._trees:
            tree = parse(self.tree.read(path))
            self._trees[path] = (tree, arms_of(tree))
        return self._trees[path]

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


def _write(
    path: str,
    root: Path,
    lines: Mapping[str, set[int]],
    taken: Mapping[str, Collection[Arc]] | None,
    by_test: Mapping[str, Mapping[str, set[int]]],
    unimported: Iterable[str],
) -> None:
    """Write beside the file and put it in place when it is whole."""
    from coverage import CoverageData, CoverageException

    if os.path.lexists(path):
        if not os.path.isfile(path) or is_ours(path):
            raise TestmonError(
                f"{path} exists and is not a coverage data file: choose another path"
            )
        try:
            CoverageData(path).read()
        except CoverageException as error:
            raise TestmonError(
                f"{path} exists and is not a coverage data file: choose another path"
            ) from error
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        data = CoverageData(temporary)
        for context, of_files in (("", lines), *by_test.items()):
            data.set_context(context)
            named = {str(root / name): numbers for name, numbers in of_files.items()}
            if taken is None:
                data.add_lines(named)
            else:  # each line is come to from somewhere, which is no branch
                data.add_arcs(
                    {name: [(-1, number) for number in numbers] for name, numbers in named.items()}
                )
        data.set_context("")
        if taken is not None:
            data.add_arcs({str(root / name): arcs for name, arcs in taken.items()})
        # some have no line to run
        data.touch_files([str(root / name) for name in (*lines, *unimported)])
        data.write()
        data.close()
        os.replace(temporary, path)
    except (OSError, CoverageException) as error:
        raise OutputError(f"cannot write {path}: {error}") from error
