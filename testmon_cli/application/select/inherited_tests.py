"""Tests that classes get from classes of other places: those that are new there are new in each of them."""

from collections.abc import Iterator
from typing import NamedTuple

from testmon_cli.analysis.model_diff import ADDED, definition_changes
from testmon_cli.analysis.project import Project
from testmon_cli.analysis.propagation import Growth
from testmon_cli.analysis.pytest_naming import Naming
from testmon_cli.application.invalidate.affected_traces import RunMatcher
from testmon_cli.domain.causes import Cause
from testmon_cli.domain.source import Definition


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
        for change in definition_changes(matcher.old_model(path), matcher.model(path)):
            owner, name = change.definition.owner, change.name
            if change.how == ADDED and owner and (naming.is_test_function(name) or name.startswith("test")):
                for where, cls in _subclasses(matcher.growth.project, path, owner):
                    yield Inherited(where, cls, name, f"{path}:{change.definition.line}")


def _subclasses(project: Project, path: str, owner: str) -> Iterator[tuple[str, str]]:
    """Classes at module level that have this one above them; they mention it, or what is made of it."""
    growth = Growth(project)
    growth.name(path, owner.rpartition(".")[2], Cause("definition", ADDED, path, owner))
    for where, name in growth.grow().names:
        for definition in project.definitions(where, name):
            if definition.kind == "class" and _is_below(project, where, definition, path, owner):
                yield where, name


def _is_below(project: Project, where: str, definition: Definition, path: str, owner: str) -> bool:
    lineage = project.ancestors(where, definition)
    return any((at, f"{d.owner}.{d.names[0]}".lstrip(".")) == (path, owner) for at, d, _ in lineage if d is not None)


def has_bases(project: Project, path: str, cls: str) -> bool:
    """Whether a class has bases of the project, from which tests may come."""
    found = (d for d in project.definitions(path, cls) if d.kind == "class")
    return any(parent is not None for d in found for _, parent, _ in project.ancestors(path, d))
