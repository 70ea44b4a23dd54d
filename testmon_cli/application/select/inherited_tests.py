"""Tests that classes get from classes of other places.

Those that are new there are new in each of them.
"""

from collections.abc import Iterator
from typing import NamedTuple

from testmon_cli.analysis.model_diff import definition_changes
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


def new_inherited_tests(matcher: RunMatcher, naming: Naming) -> Iterator[Inherited]:
    """Tests that were added, since the run, to classes that others have as a base."""
    for path in matcher.files.changed:
        if path in matcher.files.broken:
            continue
        for change in definition_changes(matcher.models.before(path), matcher.models.now(path)):
            owner, name = change.definition.owner, change.name
            if (
                change.how == ADDED
                and owner
                and (naming.is_test_function(name) or name.startswith("test"))
            ):
                for where, cls in _subclasses(matcher.growth.project, path, owner):
                    yield Inherited(where, cls, name, f"{path}:{change.definition.line}")


def _subclasses(project: Project, path: str, owner: str) -> Iterator[tuple[str, str]]:
    """Classes at module level that are this one, imported, or have it above them."""
    growth = Growth(project)
    growth.name(path, owner.rpartition(".")[2], Cause(Kind.DEFINITION, ADDED, path, owner))
    for where, name in growth.grow().names:  # what mentions it, or what is made of it
        for definition in project.definitions(where, name):
            if definition.kind == "class" and (path, owner) in project.classes_above(
                where, definition
            ):
                yield where, name
            elif definition.kind == "import":
                found = project.class_definition(name, where)
                if found is not None and (path, owner) in (
                    (found[0], found[1].qualname),
                    *project.classes_above(*found),
                ):
                    yield where, name


def has_bases(project: Project, path: str, cls: str) -> bool:
    """Whether a class has bases of the project, from which tests may come."""
    found = (d for d in project.definitions(path, cls) if d.kind == "class")
    return any(parent is not None for d in found for _, parent, _ in project.ancestors(path, d))
