"""Which files tell all of their tests by their text, whatever their imports do."""

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from testmon_cli.analysis import lookups
from testmon_cli.analysis.known_effects import is_pure_decorator
from testmon_cli.analysis.mentions import DYNAMIC, OWN_NAMESPACE
from testmon_cli.application.checkout.sources import Tree
from testmon_cli.application.select.classes_with_tests import MARK_OF_NO_TEST, ClassesWithTests
from testmon_cli.domain.errors import SourceError
from testmon_cli.domain.source import METACLASS

if TYPE_CHECKING:
    from testmon_cli.analysis.project import Project
    from testmon_cli.analysis.pytest_naming import Naming
    from testmon_cli.domain.source import Definition

# Mentions, in the notation of analysis.mentions, of what can bind names that the text of the module
# does not tell.
_BINDS_UNTOLD = frozenset(
    {DYNAMIC, OWN_NAMESPACE, lookups.ANYWHERE, lookups.OWN_NAMESPACE, "globals", "locals"}
)
# Decorators that make something else than a function, which pytest does not take for a test.
NOT_FUNCTIONS = frozenset(
    {"property", "functools.cached_property", "functools.singledispatchmethod"}
)
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


class ToldTests:
    """Reads from the text of files which tests they hold."""

    def __init__(
        self, tree: Tree, naming: "Naming", project: "Project | None", classes: ClassesWithTests
    ) -> None:
        self._tree = tree
        self._naming = naming
        self._project = project
        self._classes = classes
        self._told: dict[str, frozenset[str]] = {}  # by path
        # folders whose conftest.py may collect in another way now
        self._collecting: tuple[str, ...] | None = None

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
            if may_bind_others(definition):
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
        if not NOT_FUNCTIONS.isdisjoint(definition.decorators):
            return False
        if not all(map(is_pure_decorator, definition.decorators)):
            return False
        if definition.kind == "function":
            return self._naming.is_test_function(name) and "fixture" not in definition.flags
        if definition.kind != "class":
            return False
        if any(flag.startswith(METACLASS) for flag in definition.flags):
            return False
        is_test = self._naming.is_test_class(name) or self._classes.is_test_case(path, definition)
        return is_test and not self._classes.may_be_passed_over(path, definition, definitions)

    def _may_be_test(self, path: str, definition: "Definition", name: str) -> bool:
        """Tell whether pytest may take a name for a test, or for the mark that there are none."""
        if definition.kind == "import" and self._project is not None:
            is_own = self._project.resolve(name, path) is not None
            if not is_own:
                return False  # what comes from outside the project does not change
        if definition.kind == "class":
            return not self._classes.is_of_plugin(path, definition)
        if "fixture" in definition.flags:
            return False
        return (
            name == MARK_OF_NO_TEST
            or self._naming.is_test_function(name)
            or self._naming.is_test_class(name)
        )


def may_bind_others(definition: "Definition") -> bool:
    """Tell whether a statement at module level may bind names that it does not show."""
    if definition.owner:
        return False
    return "star" in definition.flags or bool(_BINDS_UNTOLD & definition.mentions)
