"""Which names follow from which, whatever has changed.

From a class follow those below it and all that is made of them. `Growth` answers this for one
change. Here the answer is put together from one step for each name, so that what many classes lead
to is looked at once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from testmon_cli.analysis.project import Held, Project
from testmon_cli.analysis.propagation import Affected, Growth
from testmon_cli.domain.bits import Bits
from testmon_cli.domain.causes import Cause, Kind, Manner
from testmon_cli.domain.source import Definition

Name = tuple[str, str]  # path and name
Member = tuple[str, str, str]  # path, class and name

# In place of a name: all that a file, or one statement of it, makes by calls on import.
IMPORT = "<import>"

_CHANGED = Cause(Kind.DEFINITION, Manner.MENTIONS, "", "")
# What follows from a name that keeps something other: no effects.
_KEPT = Cause(Kind.MEMOISED, Manner.MENTIONS, "", "")


class Step(NamedTuple):
    """What follows at once from a name."""

    names: dict[Name | Member, Cause]
    modules: tuple[str, ...]


class NameGraph:
    """The names of a project, each with what follows from it."""

    def __init__(
        self,
        project: Project,
        own: Callable[[Name | Member], int],
        *,
        kept: bool = False,
        coarse: bool = False,
        made_with: Callable[[Name | Member], Iterable[str]] = lambda _: (),
        calling: Callable[[str], Iterable[tuple[str, Definition]]] = lambda _: (),
    ) -> None:
        """`own` gives a set for each name, see `domain.bits`.

        `made_with` gives the imports, or statements, that ran code which uses a name; `calling` the
        definitions of one, with their file, that may have run it.

        With `kept` what follows is what an object keeps under a name: no statement does anything
        else. What is `coarse` says `Growth`.
        """
        self._project = project
        self._own = own
        self._made_with = made_with
        self._calling = calling
        self._root = _KEPT if kept else _CHANGED
        self._coarse = coarse
        self._growth = Growth(project)
        self._steps: dict[Name | Member, Step] = {}
        self._consequences_of: dict[tuple[str, int, bool], Step] = {}
        self._unions: dict[Name | Member, int] = {}

    def step(self, name: Name | Member) -> Step:
        """What follows at once from a name.

        Causes end with a link that stands for the name's own.
        """
        if name not in self._steps:
            if name[1] == IMPORT:
                found = self._of_import(name[0])
            else:
                found = self._of_member(name) if len(name) == 3 else self._of_name(name)
                found.names.update(
                    dict.fromkeys(((maker, IMPORT) for maker in self._made_with(name)), self._root)
                )
            found.names.pop(name, None)
            self._steps[name] = found
        return self._steps[name]

    def _of_import(self, maker: str) -> Step:
        names: dict[Name | Member, Cause] = {}
        for path, definition in self._calling(maker):
            names |= self._consequences(path, definition, annotates=False).names
        return Step(names, ())

    def _of_member(self, member: Member) -> Step:
        return _step(Growth(self._project, coarse=self._coarse).follow_member(member, self._root))

    def _of_name(self, name: Name) -> Step:
        names: dict[Name | Member, Cause] = {}
        modules: dict[str, None] = {}
        for path, definition, annotates in self._growth.using(*name):
            found = self._consequences(path, definition, annotates=annotates)
            modules.update(dict.fromkeys(found.modules))
            for key, cause in found.names.items():
                names.setdefault(key, cause)
        for key, cause in _step(
            Growth(self._project, coarse=self._coarse).follow_stars(*name, self._root)
        ).names.items():
            names.setdefault(key, cause)
        return Step(names, tuple(modules))

    def _consequences(self, path: str, definition: Definition, *, annotates: bool) -> Step:
        key = (path, id(definition), annotates)
        if key not in self._consequences_of:
            growth = Growth(self._project, coarse=self._coarse)
            follow = growth.follow_annotation if annotates else growth.follow
            self._consequences_of[key] = _step(follow(path, definition, self._root))
        return self._consequences_of[key]

    def rooted(self, cause: Cause, origin: Cause) -> Cause:
        """A cause of a step, with what brought the step about in place of its last link."""
        if cause is self._root or cause.via is None:
            return origin
        return cause._replace(via=self.rooted(cause.via, origin))

    def union(self, start: Name | Member) -> int:
        """The union of the sets of a name and of all that follow from it.

        Names that follow from each other have the same: their sets are united once (the algorithm
        is Tarjan's).
        """
        if start not in self._unions:
            _Search(self, self._own, self._unions).visit(start)
        return self._unions[start]


class Holders:
    """The names of what is made of each class: subclasses, instances, aliases."""

    def __init__(self, project: Project) -> None:
        self._bits: Bits[Name | Member] = Bits()
        self._graph = NameGraph(project, self._own, coarse=True)
        # By the set of the names: classes that lead to each other share it.
        self._found: dict[int, Held] = {}

    def of(self, path: str, owner: str, member: str = "") -> Held:
        """The names of what is made of a class, given by its file and qualified name, or member.

        What is no class, as a function at the level of a module, has such names as well.
        """
        if member:
            names = self._graph.union((path, owner, member))
        else:
            first, last = (path, owner.partition(".")[0]), (path, owner.rpartition(".")[2])
            names = self._graph.union(first) | self._graph.union(last)
        if names not in self._found:
            self._found[names] = self._held(set(self._bits.things(names)))
        return self._found[names]

    @staticmethod
    def _held(found: AbstractSet[Name | Member]) -> Held:
        own: dict[str, set[str]] = defaultdict(set)
        for name in found:
            own[name[0]].add(name[-1])
        members = [name for name in found if len(name) == 3]
        return Held(
            frozenset(name for name in found if len(name) == 2),
            frozenset("." + name[-1] for name in found),
            {where: frozenset(some) for where, some in own.items()},
            frozenset(mention for m in members for mention in (_last(m[1]), "." + _last(m[1]))),
        )

    def _own(self, name: Name | Member) -> int:
        return self._bits.of([name])


class _Search:
    """One search of `NameGraph.union` through names that were not reached before."""

    def __init__(
        self, graph: NameGraph, own: Callable[[Name | Member], int], done: dict[Name | Member, int]
    ) -> None:
        self._graph = graph
        self._own = own
        self._done = done
        self._order: dict[Name | Member, int] = {}
        self._lowest: dict[Name | Member, int] = {}
        self._sets: dict[Name | Member, int] = {}
        self._open: list[Name | Member] = []  # whose component is not known yet
        self._places: dict[Name | Member, int] = {}  # in `_open`

    def visit(self, start: Name | Member) -> None:
        path = [(start, self._enter(start))]
        while path:
            name, following = path[-1]
            new = next((other for other in following if self._meet(name, other)), None)
            if new is not None:
                path.append((new, self._enter(new)))
                continue
            path.pop()
            if self._lowest[name] == self._order[name]:
                self._close(name)
            if path:
                self._leave(name, path[-1][0])

    def _enter(self, name: Name | Member) -> Iterator[Name | Member]:
        self._order[name] = self._lowest[name] = len(self._order)
        self._sets[name] = self._own(name)
        self._places[name] = len(self._open)
        self._open.append(name)
        return iter(self._graph.step(name).names)

    def _meet(self, name: Name | Member, other: Name | Member) -> bool:
        """Whether a name that follows is new; what is known of one that is not is taken over."""
        if other in self._done:
            self._sets[name] |= self._done[other]
            return False
        if other not in self._order:
            return True
        self._lowest[name] = min(self._lowest[name], self._order[other])
        return False

    def _leave(self, name: Name | Member, before: Name | Member) -> None:
        self._sets[before] |= self._sets[name]
        self._lowest[before] = min(self._lowest[before], self._lowest[name])

    def _close(self, name: Name | Member) -> None:
        component = self._open[self._places[name] :]
        del self._open[self._places[name] :]
        united = 0
        for member in component:
            united |= self._sets[member]
        self._sets[name] = united
        self._done.update(dict.fromkeys(component, united))


def _last(qualname: str) -> str:
    return qualname.rpartition(".")[2]


def _step(affected: Affected) -> Step:
    names: dict[Name | Member, Cause] = {name: cause for name, cause in affected.names.items()}  # noqa: C416
    names |= {member: cause for member, cause in affected.members.items()}  # noqa: C416
    return Step(names, tuple(affected.modules))
