"""Which classes pytest collects tests from, as far as the sources tell."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from testmon_cli.analysis.known_effects import PLAIN_BASES

if TYPE_CHECKING:
    from testmon_cli.analysis.project import Project
    from testmon_cli.analysis.pytest_naming import Naming
    from testmon_cli.domain.source import Definition

MARK_OF_NO_TEST = "__test__"
# Members that decide whether pytest collects a class at all.
_INITIALISERS = frozenset({"__init__", "__new__"})
_NO_TEST_CASES = PLAIN_BASES - {"unittest.TestCase", "unittest.IsolatedAsyncioTestCase"}


def sets_mark_of_no_test(definition: "Definition") -> bool:
    """Tell whether a statement may mark a function or class, which stands elsewhere, as no test."""
    return not definition.names and f".{MARK_OF_NO_TEST}" in definition.mentions


class ClassesWithTests:
    """Tells what pytest makes of classes, by their names and by what stands above them."""

    def __init__(self, naming: "Naming", project: "Project | None") -> None:
        self._naming = naming
        self._project = project
        # by address, see `may_be_passed_over`
        self._passed_over: dict[int, tuple[Definition, bool]] = {}

    def has_unreadable_base(self, path: str, cls: "Definition") -> bool:
        """Tell whether a class stands on one that is not known, and that may give it members."""
        lineage = self.lineage(path, cls)
        return any(known is None and base not in PLAIN_BASES for _, known, base in lineage)

    def is_of_plugin(self, path: str, cls: "Definition") -> bool:
        """Tell whether only a plugin can have taken a class for a test class."""
        if cls.owner or self._naming.is_test_class(cls.names[0]):
            return False
        unknown = [base for _, known, base in self.lineage(path, cls) if known is None]
        return _NO_TEST_CASES.issuperset(unknown)

    def is_test_case(self, path: str, cls: "Definition") -> bool:
        unknown = [base for _, known, base in self.lineage(path, cls) if known is None]
        return any(base.rpartition(".")[2].endswith("TestCase") for base in unknown)

    def may_be_passed_over(
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
            if sets_mark_of_no_test(definition):
                return True
            if definition.owner == cls.qualname:
                members.update(definition.names)
        if MARK_OF_NO_TEST in members:
            return True
        if self.is_test_case(path, cls):
            return False  # one of the project's own is a TestCase only if what it stands on is
        return not self._naming.is_test_class(cls.names[0]) or not members.isdisjoint(_INITIALISERS)

    def lineage(self, path: str, cls: "Definition") -> "list[tuple[str, Definition | None, str]]":
        """The classes above a class: file, definition (None for an unknown one) and name."""
        if self._project is None:
            return [(path, None, base) for base in cls.bases]
        return list(self._project.ancestors(path, cls))
