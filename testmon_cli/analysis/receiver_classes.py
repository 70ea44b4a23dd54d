"""Which classes the object of a method may belong to, besides the class that the method stands in.

`self.name` in a method of one class can only mean the member of another if some class is below
both. Which these are is read from the class statements of the project. What joins classes while
code runs is left to who knows what ran.
"""

from collections.abc import Iterable, Iterator

from testmon_cli.analysis.mentions import JOINS_CLASSES
from testmon_cli.analysis.propagation import Growth
from testmon_cli.domain.source import Definition

Class = tuple[str, str]  # path and qualified name

_METACLASSES = ("type", "meta")  # parts of their names


class Relations:
    """The classes of a project that share an object with a class."""

    def __init__(self, growth: Growth) -> None:
        self._project = growth.project
        self._growth = growth
        self._related: dict[Class, frozenset[Class] | None] = {}
        self._open: dict[Class, bool] = {}

    def may_share(self, first: Class, second: Class) -> bool:
        """Whether an object may belong to both classes, as far as the class statements say."""
        related = self._related_to(first)
        return related is None or second in related or self._is_open(second)

    def _related_to(self, cls: Class) -> frozenset[Class] | None:
        """Classes that share objects with a class; None where that cannot be told."""
        if cls not in self._related:
            self._related[cls] = self._find(cls)
        return self._related[cls]

    def _find(self, cls: Class) -> frozenset[Class] | None:
        path, owner = cls
        own = self._project.class_named(*cls)
        if own is None:
            return None
        found = {cls, *self._above(path, own)}
        for where, name in self._growth.holders(path, owner).names:
            for definition in self._project.definitions(where, name):
                if JOINS_CLASSES in definition.mentions:
                    return None
                if definition.kind != "class":
                    continue
                above = set(self._above(where, definition))
                if not self._is_known(where, definition):
                    return None
                if cls in above:
                    found |= {(where, definition.qualname), *above}
        return frozenset({*found, *self._lending(found)})

    def _above(self, path: str, definition: Definition) -> Iterator[Class]:
        for where, parent, _ in self._project.ancestors(path, definition):
            if parent is not None:
                yield where, parent.qualname

    def _is_known(self, path: str, definition: Definition) -> bool:
        """Whether all bases of a class are known by name, or are from outside of the project."""
        if JOINS_CLASSES in definition.mentions or "?" in definition.bases:
            return False
        return all(
            self._project.class_definition(base, path) is not None or self._is_outside(base, path)
            for base in definition.bases
        )

    def _is_outside(self, name: str, path: str) -> bool:
        """Whether a name stands for something from outside, maybe by way of a project file."""
        found = self._project.resolve(name, path)
        if found is None:
            return True
        bound = self._project.definitions(found[0], found[1]) if found[1] else ()
        return bool(bound) and all(definition.kind == "import" for definition in bound)

    def _lending(self, classes: Iterable[Class]) -> Iterator[Class]:
        """Classes of which a body takes over a function: `render = Page.render`."""
        wanted = set(classes)
        for path in {path for path, _ in wanted}:
            facts = self._project.facts(path)
            for definition in facts.model.definitions if facts is not None else ():
                if definition.kind == "assign" and (path, definition.owner) in wanted:
                    yield from self._lenders(definition, path)

    def _lenders(self, definition: Definition, path: str) -> Iterator[Class]:
        """The classes of the project that an assignment of a file mentions."""
        for mention in filter(str.isidentifier, definition.mentions):
            lender = self._project.class_definition(mention, path)
            if lender is not None:
                yield lender[0], lender[1].qualname

    def _is_open(self, cls: Class) -> bool:
        """Whether methods of a class may get objects of any.

        It makes classes, or its bases are not known.
        """
        if cls not in self._open:
            definition = self._project.class_named(*cls)
            self._open[cls] = definition is None or not self._is_known(cls[0], definition) or any(
                parent is None and any(part in base.lower() for part in _METACLASSES)
                for _, parent, base in self._project.ancestors(cls[0], definition)
            )  # fmt: skip
        return self._open[cls]
