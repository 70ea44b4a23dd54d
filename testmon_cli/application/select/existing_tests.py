"""Which part of a recorded test's node id exists in the sources as they are now.

Pytest runs nothing at all when one of its arguments names a test that is not there. So a test that
may or may not be there is never given by its own name: what contains it is.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from testmon_cli.analysis.known_effects import PLAIN_BASES, is_pure_decorator
from testmon_cli.application.checkout.sources import Tree
from testmon_cli.domain.errors import SourceError
from testmon_cli.domain.nodeid import NodeId
from testmon_cli.domain.records import StoredExecution
from testmon_cli.domain.source import METACLASS

if TYPE_CHECKING:
    from testmon_cli.analysis.project import Project
    from testmon_cli.analysis.pytest_naming import Naming
    from testmon_cli.domain.source import Definition

# Mentions, in the notation of analysis.mentions, of what can bind names that the text of the module
# does not tell.
_BINDS_UNTOLD = frozenset({"*", "*g"})
# Decorators that make something else than a function, which pytest does not take for a test.
_NOT_FUNCTIONS = frozenset(
    {"property", "functools.cached_property", "functools.singledispatchmethod"}
)
# Members that decide whether pytest collects a class at all.
_INITIALISERS = frozenset({"__init__", "__new__"})
_MARK_OF_NO_TEST = "__test__"
# What leaves out all tests of a module while it is imported.
_SKIPPING = frozenset(
    {
        "skip",
        ".skip",
        "importorskip",
        ".importorskip",
        "SkipTest",
        ".SkipTest",
        "Skipped",
        ".Skipped",
    }
)
_NO_TEST_CASES = PLAIN_BASES - {"unittest.TestCase", "unittest.IsolatedAsyncioTestCase"}


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
        self._told: dict[str, frozenset[str]] = {}  # by path
        # by address, see `_may_be_passed_over`
        self._passed_over: dict[int, tuple[Definition, bool]] = {}
        # folders whose conftest.py may collect in another way now
        self._collecting: tuple[str, ...] | None = None
        self._binders: dict[str, Mapping[tuple[str, str], Definition]] = {}  # by path
        # by run and path
        self._binders_then: dict[tuple[int, str], Mapping[tuple[str, str], Definition]] = {}

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
        may_hold_no_tests = (nodeid.path, _MARK_OF_NO_TEST) in self._affected
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
            if self._is_of_plugin(nodeid.path, binder):
                return sure
            sure = NodeId(nodeid.path, (*sure.names, name))
            owner = ".".join(sure.names)
            classes.append(binder)
        binder = binders.get((owner, nodeid.names[-1]))
        if binder is not None and binder.kind == "function":
            if not classes and not self._naming.is_test_function(nodeid.names[-1]):
                return sure  # a plugin took it for a test
            return self._of_function(execution, nodeid, binder, sure)
        if binder is None and classes:
            inherited = self._inherited(nodeid, classes[-1])
            if inherited is not None:
                return sure if self._is_affected(nodeid.path, nodeid.names[0]) else inherited
            if self._has_unreadable_base(nodeid.path, classes[-1]):
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
        if self._has_unreadable_base(*found):
            return nodeid.file  # it may have the test from there
        then = self._project_of(execution.run_id)
        known = then.class_definition(name, nodeid.path)
        if known is None or _found_in(then, nodeid, *known) is None:
            return nodeid.file
        return None

    def _has_unreadable_base(self, path: str, cls: "Definition") -> bool:
        """Tell whether a class stands on one that is not known, and that may give it members."""
        lineage = self._lineage(path, cls)
        return any(known is None and base not in PLAIN_BASES for _, known, base in lineage)

    def _of_function(
        self, execution: StoredExecution, nodeid: NodeId, function: "Definition", sure: NodeId
    ) -> NodeId | None:
        """A test that a function statement binds.

        What a decorator makes of it may be no function any more.
        """
        if "fixture" in function.flags or not _NOT_FUNCTIONS.isdisjoint(function.decorators):
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
        if not sure.names and any(map(_may_bind_others, definitions)):
            return sure
        # What was made in a way that the text does not tell may still be made.
        return None if self._was_told(execution, nodeid) else sure

    def _is_affected(self, path: str, name: str) -> bool:
        return path in self._doubted or (path, name) in self._affected

    def surely_collected(self, path: str, doubtful: Collection[str]) -> frozenset[str]:
        """The functions and classes of a file that hold all of its tests, if it can be imported.

        None where there may be others, or fewer, now that imports of the `doubtful` files have
        another effect.
        """
        if self._collecting is None:
            self._collecting = tuple(self._deciding(doubtful))
        if path not in self._told:
            is_told = not path.startswith(self._collecting)
            self._told[path] = self._tests_told_by(path) if is_told else frozenset()
        return self._told[path]

    def _deciding(self, doubtful: Iterable[str]) -> Iterator[str]:
        """The folders for which one of these files says what pytest collects.

        A plugin, or what skips its importers.
        """
        for path in doubtful:
            folder, slash, name = path.rpartition("/")
            if name == "conftest.py":
                yield folder + slash
                continue
            is_imported = self._tree.exists(path) and not self._naming.is_test_file(path)
            if is_imported and self._skips(path):
                yield ""

    def _skips(self, path: str) -> bool:
        """Tell whether a module may skip all tests of a file that imports it.

        Also if nobody can read it.
        """
        try:
            definitions = self._tree.model(path).definitions
        except SourceError:
            return True
        statements = (each for each in definitions if each.kind not in ("function", "class"))
        return any(not _SKIPPING.isdisjoint(each.mentions) for each in statements)

    def _tests_told_by(self, path: str) -> frozenset[str]:
        if self._skips(path):
            return frozenset()
        found: set[str] = set()
        definitions = self._tree.model(path).definitions
        for definition in definitions:
            if definition.owner:
                continue
            if _may_bind_others(definition):
                return frozenset()
            for name in definition.names:
                if self._is_plain_test(path, definition, name, definitions):
                    found.add(name)
                elif self._may_be_test(path, definition, name):
                    return frozenset()
        return frozenset(found)

    def _is_plain_test(
        self, path: str, definition: "Definition", name: str, definitions: "Iterable[Definition]"
    ) -> bool:
        """Tell whether a statement binds a test, whatever the imports of its file do."""
        if not _NOT_FUNCTIONS.isdisjoint(definition.decorators):
            return False
        if not all(map(is_pure_decorator, definition.decorators)):
            return False
        if definition.kind == "function":
            return self._naming.is_test_function(name) and "fixture" not in definition.flags
        if definition.kind != "class":
            return False
        if any(flag.startswith(METACLASS) for flag in definition.flags):
            return False
        is_test = self._naming.is_test_class(name) or self._is_test_case(path, definition)
        return is_test and not self._may_be_passed_over(path, definition, definitions)

    def _may_be_test(self, path: str, definition: "Definition", name: str) -> bool:
        """Tell whether pytest may take a name for a test, or for the mark that there are none."""
        if definition.kind == "import" and self._project is not None:
            is_own = self._project.resolve(name, path) is not None
            if not is_own:
                return False  # what comes from outside the project does not change
        if definition.kind == "class":
            return not self._is_of_plugin(path, definition)
        if "fixture" in definition.flags:
            return False
        return (
            name == _MARK_OF_NO_TEST
            or self._naming.is_test_function(name)
            or self._naming.is_test_class(name)
        )

    def _is_of_plugin(self, path: str, cls: "Definition") -> bool:
        """Tell whether only a plugin can have taken a class for a test class."""
        if cls.owner or self._naming.is_test_class(cls.names[0]):
            return False
        unknown = [base for _, known, base in self._lineage(path, cls) if known is None]
        return _NO_TEST_CASES.issuperset(unknown)

    def _is_test_case(self, path: str, cls: "Definition") -> bool:
        unknown = [base for _, known, base in self._lineage(path, cls) if known is None]
        return any(base.rpartition(".")[2].endswith("TestCase") for base in unknown)

    def _is_in_doubt(
        self, path: str, cls: "Definition", definitions: "Iterable[Definition]"
    ) -> bool:
        """Tell whether pytest may pass over a class, which may be another one now."""
        if not cls.owner and not self._is_affected(path, cls.names[0]):
            return False
        return self._may_be_passed_over(path, cls, definitions)

    def _may_be_passed_over(
        self, path: str, cls: "Definition", definitions: "Iterable[Definition]"
    ) -> bool:
        found = self._passed_over.get(id(cls))
        if found is None or found[0] is not cls:
            found = self._passed_over[id(cls)] = cls, self._is_passed_over(path, cls, definitions)
        return found[1]

    def _is_passed_over(
        self, path: str, cls: "Definition", definitions: "Iterable[Definition]"
    ) -> bool:
        members: set[str] = set()
        for definition in definitions:
            if definition.owner == cls.qualname:
                members.update(definition.names)
        if _MARK_OF_NO_TEST in members:
            return True
        if self._is_test_case(path, cls):
            return False  # one of the project's own is a TestCase only if what it stands on is
        return not self._naming.is_test_class(cls.names[0]) or not members.isdisjoint(_INITIALISERS)

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

    def _lineage(self, path: str, cls: "Definition") -> "list[tuple[str, Definition | None, str]]":
        """The classes above a class: file, definition (None of those that are not known), and name."""
        if self._project is None:
            return [(path, None, base) for base in cls.bases]
        return list(self._project.ancestors(path, cls))


def _may_bind_others(definition: "Definition") -> bool:
    """Tell whether a statement at module level may bind names that it does not show."""
    if definition.owner:
        return False
    return "star" in definition.flags or bool(_BINDS_UNTOLD & definition.mentions)


def _found_in(
    project: "Project", nodeid: NodeId, path: str, cls: "Definition"
) -> tuple[str, str] | None:
    """The file and qualified name of the test in a class, which stands in `path`, or in one above it."""
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
