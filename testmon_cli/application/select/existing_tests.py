"""Which part of a recorded test's node id exists in the sources as they are now.

Pytest runs nothing at all when one of its arguments names a test that is not there. So a test that
may or may not be there is never given by its own name: what contains it is.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from testmon_cli.analysis.known_effects import is_pure_decorator
from testmon_cli.application.checkout.sources import Tree
from testmon_cli.application.select.classes_with_tests import (
    MARK_OF_NO_TEST,
    ClassesWithTests,
    sets_mark_of_no_test,
)
from testmon_cli.application.select.told_tests import NOT_FUNCTIONS, ToldTests, may_bind_others
from testmon_cli.domain.errors import SourceError
from testmon_cli.domain.nodeid import NodeId
from testmon_cli.domain.records import StoredExecution

if TYPE_CHECKING:
    from testmon_cli.analysis.project import Project
    from testmon_cli.analysis.pytest_naming import Naming
    from testmon_cli.domain.source import Definition


class Existence:
    """Looks recorded tests up in the sources."""

    def __init__(
        self,
        tree: Tree,
        project_of: Callable[[int], "Project"],
        naming: "Naming",
        affected: Collection[tuple[str, str]] = (),
        project: "Project | None" = None,
        doubted: Collection[str] = (),
    ) -> None:
        """`project_of` gives the sources as a run saw them, by the run's id.

        `affected` are the names that may mean something else now: file and qualified name; in files
        that are `doubted`, all may.
        """
        self._tree = tree
        self._project_of = project_of
        self._naming = naming
        self._affected = affected
        self._doubted = doubted
        self._project = project
        self._classes = ClassesWithTests(naming, project)
        self._told = ToldTests(tree, naming, project, self._classes)
        self._binders: dict[str, Mapping[tuple[str, str], Definition]] = {}  # by path
        # by run and path
        self._binders_then: dict[tuple[int, str], Mapping[tuple[str, str], Definition]] = {}

    def surely_collected(self, path: str, doubtful: Collection[str]) -> frozenset[str]:
        """The functions and classes that hold all tests of a file; see `ToldTests`."""
        return self._told.surely_collected(path, doubtful)

    def node(self, execution: StoredExecution) -> NodeId | None:
        """The test, or the smallest node around it that is sure to exist.

        None when the test exists no longer.
        """
        nodeid = NodeId.parse(execution.nodeid, execution.path)
        if not self._tree.exists(nodeid.path) or not self._tree.exists(execution.path):
            return None
        if not execution.function:
            return nodeid
        try:
            definitions = self._tree.model(nodeid.path).definitions
        except SourceError:
            return nodeid.file
        is_made_by_plugin = execution.function != ".".join(nodeid.names)
        may_hold_no_tests = (nodeid.path, MARK_OF_NO_TEST) in self._affected
        if is_made_by_plugin or may_hold_no_tests:
            return nodeid.file
        return self._found(execution, nodeid, definitions)

    def _found(
        self, execution: StoredExecution, nodeid: NodeId, definitions: "Sequence[Definition]"
    ) -> NodeId | None:
        sure = nodeid.file
        owner = ""
        binders = self._binders_in(nodeid.path, definitions)
        classes: list[Definition] = []
        for name in nodeid.names[:-1]:
            binder = binders.get((owner, name))
            if binder is not None and binder.kind == "import" and len(nodeid.names) == 2:
                return self._of_imported(execution, nodeid, definitions, binder)
            if binder is None or binder.kind != "class":
                return self._bound_otherwise(execution, nodeid, definitions, binder, sure)
            if self._is_in_doubt(nodeid.path, binder, definitions):
                return sure
            if self._classes.is_of_plugin(nodeid.path, binder):
                return sure
            sure = NodeId(nodeid.path, (*sure.names, name))
            owner = ".".join(sure.names)
            classes.append(binder)
        binder = binders.get((owner, nodeid.names[-1]))
        if binder is not None and binder.kind == "function":
            if not classes and not self._naming.is_test_function(nodeid.names[-1]):
                return sure  # a plugin took it for a test
            if any(map(sets_mark_of_no_test, definitions)):
                return sure
            return self._of_function(execution, nodeid, binder, sure)
        if binder is None and classes:
            inherited = self._inherited(nodeid, classes[-1])
            if inherited is not None:
                return sure if self._is_affected(nodeid.path, nodeid.names[0]) else inherited
            if self._classes.has_unreadable_base(nodeid.path, classes[-1]):
                return sure  # it may have the test from there
        return self._bound_otherwise(execution, nodeid, definitions, binder, sure)

    def _of_imported(
        self,
        execution: StoredExecution,
        nodeid: NodeId,
        definitions: "Sequence[Definition]",
        binder: "Definition",
    ) -> NodeId | None:
        """A test of a class that its file imports, and that has it itself or from a class above."""
        name = nodeid.names[0]
        found = self._project.class_definition(name, nodeid.path) if self._project else None
        if self._project is None or found is None:
            return self._bound_otherwise(execution, nodeid, definitions, binder, nodeid.file)
        origin = _found_in(self._project, nodeid, *found)
        if origin is not None:
            if self._is_affected(nodeid.path, name):
                return nodeid.file
            return nodeid.function if origin in self._affected else nodeid
        if self._classes.has_unreadable_base(*found):
            return nodeid.file  # it may have the test from there
        then = self._project_of(execution.run_id)
        known = then.class_definition(name, nodeid.path)
        if known is None or _found_in(then, nodeid, *known) is None:
            return nodeid.file
        return None

    def _of_function(
        self, execution: StoredExecution, nodeid: NodeId, function: "Definition", sure: NodeId
    ) -> NodeId | None:
        """A test that a function statement binds.

        What a decorator makes of it may be no function any more.
        """
        if "fixture" in function.flags or not NOT_FUNCTIONS.isdisjoint(function.decorators):
            return None
        if self._is_affected(nodeid.path, ".".join(nodeid.names)):
            then = self._bound_then(execution, nodeid)[-1]
            known = then.decorators if then else ()
            others = [each for each in function.decorators if not is_pure_decorator(each)]
            if not all(each in known and self._is_outside(each, nodeid) for each in others):
                return sure
        return nodeid

    def _is_outside(self, decorator: str, nodeid: NodeId) -> bool:
        """Tell whether a decorator is from outside of the project."""
        return self._project is not None and self._project.resolve(decorator, nodeid.path) is None

    def _bound_otherwise(
        self,
        execution: StoredExecution,
        nodeid: NodeId,
        definitions: "Sequence[Definition]",
        binder: "Definition | None",
        sure: NodeId,
    ) -> NodeId | None:
        """A test whose name, or that of a class around it, no function or class statement binds."""
        if binder is not None:
            return sure if self._is_affected(nodeid.path, nodeid.names[0]) else nodeid
        if not sure.names and any(map(may_bind_others, definitions)):
            return sure
        # What was made in a way that the text does not tell may still be made.
        return None if self._was_told(execution, nodeid) else sure

    def _is_affected(self, path: str, name: str) -> bool:
        return path in self._doubted or (path, name) in self._affected

    def _is_in_doubt(
        self, path: str, cls: "Definition", definitions: "Iterable[Definition]"
    ) -> bool:
        """Tell whether pytest may pass over a class, which may be another one now."""
        if not cls.owner and not self._is_affected(path, cls.names[0]):
            return False
        return self._classes.may_be_passed_over(path, cls, definitions)

    def _inherited(self, nodeid: NodeId, cls: "Definition") -> NodeId | None:
        """The test, if a class of the project above its own has it."""
        origin = _inherited_from(self._project, nodeid, cls) if self._project else None
        if origin is None:
            return None
        return nodeid.function if origin in self._affected else nodeid

    def _was_told(self, execution: StoredExecution, nodeid: NodeId) -> bool:
        """Tell whether the source showed the test when it ran.

        In its class, or in one above that.
        """
        *classes, test = self._bound_then(execution, nodeid)
        if not all(classes):
            return False
        if test is not None:
            return True
        cls = classes[-1] if classes else None
        if cls is None:
            return False
        return _inherited_from(self._project_of(execution.run_id), nodeid, cls) is not None

    def _bound_then(self, execution: StoredExecution, nodeid: NodeId) -> "list[Definition | None]":
        """The definitions that bound each name of a node id when the test ran."""
        key = execution.run_id, nodeid.path
        if key not in self._binders_then:
            model = self._project_of(execution.run_id).model(nodeid.path)
            self._binders_then[key] = _binders(model.definitions) if model else {}
        binders = self._binders_then[key]
        found = []
        for index, name in enumerate(nodeid.names):
            owner = ".".join(nodeid.names[:index])
            found.append(binders.get((owner, name)))
        return found

    def _binders_in(
        self, path: str, definitions: "Sequence[Definition]"
    ) -> "Mapping[tuple[str, str], Definition]":
        if path not in self._binders:
            self._binders[path] = _binders(definitions)
        return self._binders[path]


def _found_in(
    project: "Project", nodeid: NodeId, path: str, cls: "Definition"
) -> tuple[str, str] | None:
    """The file and qualified name of a test in a class of `path`, or in one above it."""
    name = nodeid.names[-1]
    if project.definitions(path, name, cls.qualname):
        return path, f"{cls.qualname}.{name}"
    return _inherited_from(project, NodeId(path, nodeid.names), cls)


def _inherited_from(
    project: "Project", nodeid: NodeId, cls: "Definition"
) -> tuple[str, str] | None:
    """The file and qualified name of the test in a class above this one."""
    name = nodeid.names[-1]
    for path, parent, _ in project.ancestors(nodeid.path, cls):
        if parent is not None and project.definitions(path, name, parent.qualname):
            return path, f"{parent.qualname}.{name}"
    return None


def _binders(definitions: "Sequence[Definition]") -> "dict[tuple[str, str], Definition]":
    """The last statement that binds a name, by the class that it stands in and the name."""
    return {(d.owner, name): d for d in definitions for name in d.names}
