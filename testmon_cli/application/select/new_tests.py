"""Tests that no run has an execution of.

They are in new files and functions, inherited, were left out, or the run did not reach them.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from testmon_cli.analysis.pytest_naming import Naming, candidates
from testmon_cli.application.select.absent_tests import Absence
from testmon_cli.application.select.files_with_tests import is_collectable, text_files
from testmon_cli.application.select.inert_names import InertNames
from testmon_cli.application.select.left_out_tests import LeftOut
from testmon_cli.application.select.pending_tests import PendingTests
from testmon_cli.application.select.pytest_arguments import Arguments
from testmon_cli.application.select.run_changes import RunChanges
from testmon_cli.domain import selection as kinds
from testmon_cli.domain.errors import SourceError
from testmon_cli.domain.nodeid import NodeId, function_of, path_of
from testmon_cli.domain.records import Run
from testmon_cli.domain.selection import Reason, Selected

if TYPE_CHECKING:  # what it imports takes long
    from testmon_cli.application.select.bound_tests import Bound
    from testmon_cli.domain.source import Definition


class NewTests:
    """Looks for tests in the sources, and in what runs told of tests that they did not run."""

    def __init__(self, changes: RunChanges, arguments: Arguments, absence: Absence) -> None:
        self._changes = changes
        self._learned = changes.learned
        self._datafile = changes.datafile
        self._settings = changes.settings
        self._runs = changes.runs
        self._tree = changes.tree
        self._arguments = arguments
        self._absence = absence

    def of(self, naming: Naming, files: set[str]) -> Iterator[Selected]:
        """All new tests.

        `files` are those that known tests were collected from; more are added to them.
        """
        inert = InertNames(self._changes).by_file()
        unwanted = self._unwanted()
        left_out = LeftOut(self._datafile, self._runs, self._tree).by_file(unwanted)
        files |= set(map(path_of, unwanted))
        functions: set[str] = set()  # in the files that may have others
        looked_at = {
            *left_out,
            *(files & self._learned.unstable),
            *(test.path for test in self._learned.inherited),
        }
        if looked_at:
            ran = self._datafile.ran_below(self._runs[0].environment, looked_at)
            functions.update(map(function_of, (*(nodeid for nodeid, _ in ran), *unwanted)))
        settled = files - self._learned.unstable - left_out.keys()
        asked = self._tree.stats.keys() - settled
        for path in sorted(asked):
            # A file in which tests were found may have been named to pytest, whatever it is called.
            if path not in files and not is_collectable(self._tree, path, naming):
                continue
            names = inert.get(path, frozenset())
            if "*" in names:
                continue
            if path not in files:
                yield self._new_file(path)
            elif path in self._learned.unstable:
                yield from self._new_functions(path, naming, functions, names)
            elif path in left_out:
                groups = tuple(f"{path}::{name}::" for name in left_out[path])
                shown = {f for f in functions if not f"{f}::".startswith(groups)}
                found = self._new_functions(path, naming, shown, names)
                reason = Reason(kinds.NEW, "left out when its file was collected")
                yield from (
                    test._replace(reason=reason) for test in found if f"{test.nodeid}::" in groups
                )
        yield from self._inherited(naming, functions, files)
        yield from self._bound(naming, functions, files)
        yield from self._new_texts(naming, files)
        waiting = PendingTests(self._changes, self._arguments, self._absence)
        yield from waiting.besides(unwanted)

    def _new_file(self, path: str) -> Selected:
        """A file of which no test is known."""
        text = "new test file"
        if path in self._runs[0].mapping("errors"):
            text = "could not be collected last time"
        return Selected(path, self._arguments.of(NodeId(path)), Reason(kinds.NEW, text))

    def _new_texts(self, naming: Naming, files: Collection[str]) -> Iterator[Selected]:
        """New text files with examples.

        They are looked for where an option or a test tells that there may be some.
        """
        has_option = naming.doctest_globs != Naming().doctest_globs
        has_test = any(not path.endswith(".py") for path in files)
        if not has_option and not has_test:
            return
        reason = Reason(kinds.NEW, "new text file with examples")
        for path in text_files(self._tree, naming, self._settings):
            if path not in files:
                yield Selected(path, self._arguments.of(NodeId(path)), reason)

    def _new_functions(
        self, path: str, naming: Naming, functions: set[str], inert: frozenset[str]
    ) -> Iterator[Selected]:
        try:
            model = self._tree.model(path)
        except SourceError:
            yield Selected(
                path, self._arguments.of(NodeId(path)), Reason(kinds.NEW, "does not parse")
            )
            return
        wraps = _wrapping(path, model.definitions, functions)
        for candidate in candidates(model.definitions, naming, wraps):
            nodeid = f"{path}::{candidate.name}"
            if nodeid in functions or candidate.name in inert:
                continue
            if any(f.startswith(nodeid + "::") for f in functions):
                continue
            node = NodeId(path)
            if candidate.certain and path not in self._learned.doubtful:
                node = NodeId(path, candidate.names)
            reason = Reason(kinds.NEW, f"new test at {path}:{candidate.line}")
            yield Selected(nodeid, self._arguments.of(node), reason)

    def _inherited(
        self, naming: Naming, functions: set[str], files: set[str]
    ) -> Iterator[Selected]:
        """New tests of classes whose own text is as it was."""
        for test in self._learned.inherited:
            group = f"{test.path}::{test.cls}"
            nodeid = f"{group}::{test.name}"
            has_tests = test.path in files or is_collectable(self._tree, test.path, naming)
            if nodeid in functions or not has_tests:
                continue
            reason = Reason(kinds.NEW, f"inherits the new test at {test.origin}")
            is_known = any(f.startswith(f"{group}::") for f in functions)
            if is_known and test.certain and test.path not in self._learned.doubtful:
                node = NodeId(test.path, (test.cls, test.name))
                yield Selected(nodeid, self._arguments.of(node), reason)
                continue
            named = candidates(self._tree.model(test.path).definitions, naming)
            if any(candidate.names[0] == test.cls for candidate in named):
                yield Selected(nodeid, self._arguments.of(NodeId(test.path)), reason)

    def _bound(self, naming: Naming, functions: set[str], files: set[str]) -> Iterator[Selected]:
        """Files that may have new tests which no function or class statement binds."""
        by_run = self._learned.bound.values()
        for path in sorted(set().union(*by_run)):
            has_tests = path in files or is_collectable(self._tree, path, naming)
            if not has_tests or not self._tree.exists(path) or self._was_collected_since(path):
                continue
            all_bound = (bound for found in by_run for bound in found.get(path, ()))
            new = (bound for bound in all_bound if not _is_known(path, bound, functions))
            bound = next(new, None)  # the file is run as a whole, so one is enough
            if bound is not None:
                nodeid = f"{path}::{bound.name}" if bound.name else path
                where = f"{path}:{bound.line}" if bound.line else path
                reason = Reason(kinds.NEW, f"may be a new test at {where}")
                yield Selected(nodeid, self._arguments.of(NodeId(path)), reason)

    def _was_collected_since(self, path: str) -> bool:
        """Tell whether a run has collected a file in whole, and what it binds is the same since."""
        return any(
            self._binds_the_same(run, path)
            and self._changes.holds(run, path)
            and self._absence.has_collected(run, NodeId(path))
            for run in self._runs
        )

    def _binds_the_same(self, run: Run, path: str) -> bool:
        if run.id in self._changes.matches_so_far():
            return path not in self._learned.bound.get(run.id, {})
        return not self._changes.compared(run).differs

    def _unwanted(self) -> set[str]:
        """Tests that the configuration, as it still is, leaves out."""
        alike = filter(self._changes.is_configured, self._runs)
        return {nodeid for run in alike for nodeid in run.texts("unwanted")}


def _is_known(path: str, bound: "Bound", functions: set[str]) -> bool:
    """Tell whether a name stands for one of some known tests, or for a class of them."""
    if not bound.name:
        return False
    nodeid = f"{path}::{bound.name}"
    return nodeid in functions or any(f.startswith(f"{nodeid}::") for f in functions)


def _wrapping(
    path: str, definitions: "Sequence[Definition]", functions: Collection[str]
) -> Callable[[str], bool]:
    """Tell which decorators leave a test its name: harmless ones, and those of known tests."""
    from testmon_cli.analysis.known_effects import is_pure_decorator

    known: set[str] = set()
    for definition in definitions:
        is_function = definition.kind == "function"
        if is_function and f"{path}::{definition.qualname.replace('.', '::')}" in functions:
            known.update(definition.decorators)
    return lambda decorator: decorator in known or is_pure_decorator(decorator)
