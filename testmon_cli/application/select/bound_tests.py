"""Tests that a file may have by other than the functions and classes that stand in it.

An import or an assignment binds a name that pytest takes for a test, or a statement binds names
that its text does not tell. What it binds is known only when the file is imported.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from testmon_cli.analysis.known_effects import PLAIN_BASES
from testmon_cli.analysis.model_diff import definition_changes
from testmon_cli.analysis.project import Project
from testmon_cli.analysis.pytest_naming import Naming
from testmon_cli.application.invalidate.affected_traces import RunMatcher
from testmon_cli.application.select.classes_with_tests import ClassesWithTests
from testmon_cli.application.select.told_tests import may_bind_others
from testmon_cli.domain.causes import REMOVED, Cause, Manner
from testmon_cli.domain.source import Definition

# Values that are neither functions nor classes.
_NO_TESTS = frozenset({"literal", "bare"})


class Bound(NamedTuple):
    """A name that may stand for a test now, or for a class of tests."""

    name: str  # as in a node id, "" where the text does not tell it
    line: int


class BoundTests:
    """Looks at names that mean something else since a run, and are no functions of the file."""

    def __init__(self, matcher: RunMatcher, naming: Naming) -> None:
        self._matcher = matcher
        self._naming = naming
        self._project: Project = matcher.growth.project
        self._classes = ClassesWithTests(naming, self._project)

    def by_file(self) -> dict[str, list[Bound]]:
        """The names, and the statements that may bind others, by files."""
        found: dict[str, list[Bound]] = {}
        for path, bound in self._all():
            found.setdefault(path, []).append(bound)
        return found

    def _all(self) -> Iterator[tuple[str, Bound]]:
        affected = self._matcher.growth.affected
        for (path, name), cause in affected.names.items():
            yield from self._named(path, name, cause)
        for (path, owner, name), cause in affected.members.items():
            yield from self._member(path, owner, name, cause)
        for path in self._matcher.files.changed:
            yield from self._untold(path)

    def _named(self, path: str, name: str, cause: Cause) -> Iterator[tuple[str, Bound]]:
        definitions = self._project.definitions(path, name)
        if not definitions:
            if cause.how is Manner.IMPORTS_ALL and self._is_brought_by_star(name, cause):
                yield path, Bound(name, 0)
            return
        last = definitions[-1]
        if last.kind == "class":
            yield from self._of_class(path, last)
        elif last.kind != "function" and self._may_be_test(path, name, last):
            yield path, Bound(name, last.line)

    def _of_class(self, path: str, cls: Definition) -> Iterator[tuple[str, Bound]]:
        """Tests of a class that is affected as a whole, and that no functions in it are."""
        model = self._project.model(path)
        all_members = model.definitions if model is not None else ()
        members = [d for d in all_members if d.owner == cls.qualname]
        tests = [(n, d) for d in members for n in d.names if self._is_test_member(n)]
        for name, definition in tests:
            if definition.kind == "assign" and _NO_TESTS.isdisjoint(definition.flags):
                yield path, Bound(f"{cls.qualname}::{name}", definition.line)
        is_collected = self._naming.is_test_class(cls.names[0])
        if not tests and (is_collected or self._classes.is_test_case(path, cls)):
            yield path, Bound(cls.qualname, cls.line)

    def _member(
        self, path: str, owner: str, name: str, cause: Cause
    ) -> Iterator[tuple[str, Bound]]:
        definitions = self._project.definitions(path, name, owner)
        is_gone = not definitions and cause.how is REMOVED
        if is_gone or "." in owner or not self._is_test_member(name):
            return
        last = definitions[-1] if definitions else None
        if last is None or (last.kind != "function" and _NO_TESTS.isdisjoint(last.flags)):
            yield path, Bound(f"{owner}::{name}", last.line if last is not None else 0)

    def _untold(self, path: str) -> Iterator[tuple[str, Bound]]:
        models = self._matcher.models
        if path in self._matcher.files.broken:
            return
        for change in definition_changes(models.before(path), models.now(path)):
            is_statement = change.definition.kind not in ("function", "class", "import")
            if change.how is not REMOVED and is_statement and may_bind_others(change.definition):
                yield path, Bound("", change.definition.line)

    def _may_be_test(self, path: str, name: str, definition: Definition) -> bool:
        """Tell whether an import, an assignment or another statement may bind a test."""
        if definition.kind != "import":
            is_test_case = "TestCase" in definition.mentions or ".TestCase" in definition.mentions
            is_named = self._looks_like_test(name) or is_test_case
            return is_named and _NO_TESTS.isdisjoint(definition.flags)
        if self._project.resolve(name, path) is not None:
            return self._is_brought(path, name)
        # The bases of tests that libraries offer are no tests.
        return self._looks_like_test(name) and not name.endswith("TestCase")

    def _is_brought(self, path: str, name: str) -> bool:
        """Tell whether a name may be a test that another file of the project defines."""
        origin = self._project.resolve(name, path)
        if origin is None or not origin[1]:
            return False  # a module
        owner, _, own = origin[1].rpartition(".")
        return self._gives_test(name, origin[0], self._project.definitions(origin[0], own, owner))

    def _is_brought_by_star(self, name: str, cause: Cause) -> bool:
        """Tell whether a name that `from module import *` binds may be such a test."""
        found = ((link.path, self._project.definitions(link.path, name)) for link in cause.chain())
        path, definitions = next((each for each in found if each[1]), ("", ()))
        return self._gives_test(name, path, definitions)

    def _gives_test(self, name: str, path: str, definitions: Sequence[Definition]) -> bool:
        """Tell whether what is defined in some file may be a test under a name elsewhere."""
        if not definitions:
            return False
        last = definitions[-1]
        if last.kind == "class":
            is_collected = self._naming.is_test_class(name) or self._classes.is_test_case(
                path, last
            )
            return is_collected and self._may_hold_tests(path, last)
        is_fixture = "fixture" in last.flags
        return self._looks_like_test(name) and not is_fixture and _NO_TESTS.isdisjoint(last.flags)

    def _may_hold_tests(self, path: str, cls: Definition) -> bool:
        """Tell whether a class of the project, or one above it, has tests or may be given some."""
        holders = [(path, cls)]
        for where, base, name in self._classes.lineage(path, cls):
            if base is not None:
                holders.append((where, base))
            elif name not in PLAIN_BASES and not name.endswith("TestCase"):
                return True  # the bases of tests that libraries offer have none of their own
        return any(self._has_tests_or_is_told(where, each) for where, each in holders)

    def _has_tests_or_is_told(self, path: str, cls: Definition) -> bool:
        if cls.decorators or "keywords" in cls.flags:
            return True
        model = self._project.model(path)
        for definition in model.definitions if model is not None else ():
            if definition.owner == cls.qualname:
                if any(map(self._is_test_member, definition.names)) or not definition.names:
                    return True
            elif (
                not definition.owner and definition.effects and cls.names[0] in definition.mentions
            ):
                return True
        return False

    def _looks_like_test(self, name: str) -> bool:
        return self._naming.is_test_function(name) or self._naming.is_test_class(name)

    def _is_test_member(self, name: str) -> bool:
        return self._naming.is_test_function(name) or name.startswith("test")
