"""Tests that classes get from classes of other places.

Those that are new there are new in each of them.
"""

from collections.abc import Iterator
from typing import NamedTuple

from testmon_cli.analysis.known_effects import is_pure_decorator
from testmon_cli.analysis.model_diff import DefinitionChange, definition_changes
from testmon_cli.analysis.project import Project
from testmon_cli.analysis.propagation import Growth
from testmon_cli.analysis.pytest_naming import Naming
from testmon_cli.application.invalidate.affected_traces import RunMatcher
from testmon_cli.domain.causes import ADDED, Cause, Kind


class Inherited(NamedTuple):
    """A test that a class now has from one above it."""

    path: str  # of the class that has it now
    cls: str
    name: str
    origin: str  # "path:line" of the new function
    certain: bool  # False: a decorator may put others in its place


def new_inherited_tests(matcher: RunMatcher, naming: Naming) -> Iterator[Inherited]:
    """Tests that were added, since the run, to classes that others have as a base."""
    project = matcher.growth.project
    for path in matcher.files.changed:
        for change in _added_to_classes(matcher, path):
            name = change.name
            if not naming.is_test_function(name) and not name.startswith("test"):
                continue
            origin = f"{path}:{change.definition.line}"
            certain = change.definition.kind == "function" and all(
                map(is_pure_decorator, change.definition.decorators)
            )
            for where, cls in _subclasses(project, path, change.definition.owner):
                yield Inherited(where, cls, name, origin, certain)


def _added_to_classes(matcher: RunMatcher, path: str) -> Iterator[DefinitionChange]:
    """The members that classes of a file have and did not have in the run."""
    if path in matcher.files.broken:
        return
    for change in definition_changes(matcher.models.before(path), matcher.models.now(path)):
        if change.how == ADDED and change.definition.owner:
            yield change


def _subclasses(project: Project, path: str, owner: str) -> Iterator[tuple[str, str]]:
    """Classes at module level that are this one, imported, or have it above them."""
    growth = Growth(project)
    growth.name(path, owner.rpartition(".")[2], Cause(Kind.DEFINITION, ADDED, path, owner))
    base = path, owner
    for where, name in growth.grow().names:  # what mentions it, or what is made of it
        for definition in project.definitions(where, name):
            if definition.kind == "class":
                is_below = base in project.classes_above(where, definition)
            else:
                is_below = definition.kind == "import" and _imports(project, where, name, base)
            if is_below:
                yield where, name


def _imports(project: Project, where: str, name: str, base: tuple[str, str]) -> bool:
    """Tell whether a name is bound by an import to a class, or to one that has it above it."""
    found = project.class_definition(name, where)
    if found is None:
        return False
    path, definition = found
    return base == (path, definition.qualname) or base in project.classes_above(path, definition)


def may_be_filled(project: Project, path: str, name: str) -> bool:
    """Tell whether a name may stand for a class that has tests from elsewhere.

    They come from bases, or from what makes the class or sets its members.
    """
    definitions = project.definitions(path, name)
    return bool(definitions) and definitions[-1].kind != "function"
