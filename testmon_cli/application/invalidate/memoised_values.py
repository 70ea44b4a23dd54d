"""Which traces of a run kept something that others can have found.

This is the reading of section 4.8 of the model. What an attribute of an object keeps reaches nobody
else when the object dies with its test. A run records what outlived its test, see
`tracing.engines.holders`. Where nothing can be said of that, whoever ran the statement that keeps
it counts.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import NamedTuple

from testmon_cli.analysis import codec, known_effects
from testmon_cli.analysis.project import Project
from testmon_cli.domain.records import Run
from testmon_cli.domain.source import (
    ANY,
    BY_PLACE,
    ITEM,
    NAMED,
    NEW_CLASS,
    OF_CLASS,
    OWN,
    RESULT,
    WALKED,
    Definition,
    FunctionSummary,
)
from testmon_cli.storage.datafile import Datafile
from testmon_cli.tracing.watch.states import (
    COPIED,
    EVERYTHING,
    KEPT,
    LOST,
    MAKING,
    PASSED,
    READ,
    SEEN,
    UNKNOWN_MAKING,
    kept_in,
)

_COPYING = frozenset({"__reduce__", "__reduce_ex__"})
_STORING = ("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve")
_GIVING = frozenset({"__dict__", "vars", "setattr", "__getstate__", "__setstate__"})
_SETTING = frozenset({"__setattr__", "__dict__"})
# Modules that store a class by what it has, not by its name.
_STORING_CLASSES = ("cloudpickle", "dill")
_METACLASSES = frozenset({"type", "ABCMeta", "EnumMeta", "EnumType"})
_DECORATING = frozenset({"dataclass", "dataclasses", "attr", "attrs", "pydantic"})
_LONG_LIVED = ("fixture", "session")  # kinds of traces
# Properties that keep their result in nothing but the object.
_MAKERS = frozenset({
    "functools.cached_property", "cached_property.cached_property", "django.utils.functional.cached_property",
    "werkzeug.utils.cached_property",
})  # fmt: skip
_Lineage = Mapping[tuple[str, str], Definition | None]


class Survivors(NamedTuple):
    """What a run recorded."""

    filled: Mapping[tuple[str, str, str], set[int]]  # path, function and name -> traces
    unseen: set[int]  # traces of which it is not known
    unseen_paths: set[str]  # sources of which it is not
    copied: Mapping[str, set[int]]  # "module:class" -> traces
    read: set[str]  # "module:class" of what code of the project loaded from where it was stored
    passed: set[str]  # the same of a library
    # Path and name -> traces that read it of an object that was filled before.
    seen: Mapping[tuple[str, str], set[int]]
    # As `filled`, where it is not known which objects were.
    lost: Mapping[tuple[str, str, str], set[int]]


class _Passing(NamedTuple):
    """A function that may set an attribute of one object on another."""

    path: str
    qualname: str
    is_own: bool  # that of its own object alone
    is_named: bool  # under the same name, as far as can be told
    traces: AbstractSet[int]  # that ran it


class KeptValues:
    """Answers for one run which traces kept what others can have found."""

    def __init__(
        self,
        datafile: Datafile,
        run: Run,
        project: Project,
        traces: Mapping[int, str],
        entering: Callable[[str, str], Iterable[int]],
        mentioning: Callable[[str], Iterable[int]],
        asking: Callable[[str], Mapping[str, AbstractSet[int]]],
        walking: Callable[[str], Mapping[str, AbstractSet[int]]],
    ) -> None:
        """Traces of the run.

        `traces` says of what kind they are, `entering` who ran a function, and `mentioning` who ran
        code that mentions a module. `asking` gives by files which traces may have computed a name
        there, and looked it up, `walking` which may have gone through the attributes of an object
        of a class of some name, or of a class below it.
        """
        self._datafile = datafile
        self._run = run
        self._project = project
        self._traces = traces
        self._entering = entering
        self._mentioning = mentioning
        self._asking = asking
        self._walking = walking
        self._shared: dict[str, bool] = {}
        self._walks: dict[str, set[int]] = {}  # by the name of a class
        self._copying: dict[tuple[str, str], set[int]] = {}
        self._storing_plainly: dict[tuple[str, str, str], bool] = {}
        # Classes, by the name of a base.
        self._derived: dict[str, Sequence[tuple[str, Definition]]] = {}
        self._passed: dict[str, list[_Passing]] = {}

    def kept(
        self, path: str, function: FunctionSummary, before: FunctionSummary | None, ran: set[int]
    ) -> Iterator[str]:
        """The names under which traces kept something that others can have found.

        Of traces that ran a function, by these names. `before` is the function as it was when the
        run saw it.
        """
        for name in (*function.keeps, *((RESULT,) if function.memoised else ())):
            if self._is_of_class(path, function, before, name):
                survived = self._surviving_in_classes(path, function.qualname, name)
            elif self._was_observed(path, function, before, name):
                survived = self._surviving(path, function.qualname, name)
            else:
                survived = ran
            if not ran.isdisjoint(survived):
                yield name

    def are_readers_known(
        self,
        path: str,
        function: FunctionSummary,
        before: FunctionSummary | None,
        name: str,
        ran: set[int],
    ) -> bool:
        """Whether all objects in which some traces kept something are known.

        Then their readers were noted. An object of which another has what it kept has readers that
        nobody noted.
        """
        qualname = function.qualname
        if not self._was_observed(path, function, before, name):
            return False
        survivors = self._survivors
        attribute = _attribute_of(qualname, name)
        if name == RESULT:
            kept = ran & survivors.filled.get((path, qualname, name), set())
            if not kept <= survivors.filled.get((path, qualname, f".{attribute}"), set()):
                return False  # an older run noted no readers
        related = self._lineage(path, qualname)
        is_lost = not ran.isdisjoint(
            survivors.unseen | survivors.lost.get((path, qualname, name), set())
        )
        if (
            survivors.unseen_paths
            or is_lost
            or any(self._may_be(stored, related) for stored in survivors.read)
        ):
            return False
        if self._giving_any or self._walked(path, qualname) or self._passing(attribute, related):
            return False
        if any(self._gives_of(key, related) for key in self._giving_own):
            return False
        if self._is_decorated(related) or self._copying_own(path, qualname):
            return False
        return not any(self._may_hold(copied, path, qualname) for copied in survivors.copied)

    def _is_decorated(self, related: _Lineage) -> bool:
        """Whether libraries may have given classes methods that read all attributes.

        The methods of classes below these count, too.
        """
        if any(definition is not None and definition.decorators for definition in related.values()):
            return True
        for where in self._project.mentioning(_DECORATING):
            model = self._project.model(where)
            for definition in model.definitions if model is not None else ():
                if definition.kind != "class" or not definition.decorators:
                    continue
                if self._is_related(where, definition.owner, definition.names[0], related):
                    return True
        return False

    def readers(self, path: str, attribute: str) -> AbstractSet[int]:
        """Traces that read what code of a file keeps in objects, or of which that is not known."""
        survivors = self._survivors
        return survivors.seen.get((path, f".{attribute}"), set()) | survivors.unseen

    def only_stores(self, path: str, qualname: str, attribute: str) -> bool:
        """Whether setting an attribute of its own object does no more for a method.

        Nothing reads what was there. The class that the method stands in, those above and those
        below it, leave that to Python.
        """
        key = path, qualname.partition(".<locals>")[0].rpartition(".")[0], attribute
        if key not in self._storing_plainly:
            related = self._lineage(path, f"{key[1]}.")
            members = self._members((*_SETTING, attribute), related)
            self._storing_plainly[key] = (
                bool(related)
                and all(
                    d is not None and self._project.is_plain_class(where, d)
                    for (where, _), d in related.items()
                )
                and not self._is_decorated(related)
                and all(_is_plain_value(member) for _, member in members)
            )
        return self._storing_plainly[key]

    def _notes_survivors(self, path: str) -> bool:
        """Tell whether the run noted what outlived a test of what functions of a file keep."""
        is_noted = self._run.facts.get("survival") is True
        return is_noted and path not in self._survivors.unseen_paths

    def _was_observed(
        self, path: str, function: FunctionSummary, before: FunctionSummary | None, name: str
    ) -> bool:
        if before is None or not self._notes_survivors(path):
            return False
        is_whole = name in function.owned and name in before.owned
        if not is_whole and not self._is_in_container(path, function, before, name):
            return False
        return not self._is_shared(path, function.qualname, name)

    def _is_of_class(
        self, path: str, function: FunctionSummary, before: FunctionSummary | None, name: str
    ) -> bool:
        """Whether only a class gets what is kept under a name, and the run noted which did."""
        if before is None or not self._notes_survivors(path):
            return False
        if any(OF_CLASS + name not in f.owned for f in (function, before)):
            return False
        return not self._is_special_in_classes(name)

    def _is_special_in_classes(self, name: str) -> bool:
        """Whether a metaclass may do something else when an attribute of a class is set."""
        members = (
            found
            for each in (*_SETTING, name.removeprefix("."))
            for found in self._project.members_named(each)
        )
        return any(
            not _is_plain_value(member) and self._may_be_metaclass(path, member.owner)
            for path, member in members
        )

    def _may_make_class(self, path: str, passed: str) -> bool:
        """Whether a function may give many attributes to a class.

        `FunctionSummary.passes` says so.
        """
        called = passed.removeprefix(NEW_CLASS)
        if called == passed:
            return False
        found = self._project.class_definition(called, path) if called else None
        if found is not None:
            return self._may_be_metaclass(found[0], found[1].qualname)
        is_plain = called in known_effects.PLAIN_BASES or known_effects.is_stdlib(called)
        return not is_plain or called.rpartition(".")[2] in _METACLASSES

    def _may_be_metaclass(self, path: str, qualname: str) -> bool:
        outer, _, name = qualname.rpartition(".")
        found = [d for d in self._project.definitions(path, name, outer) if d.kind == "class"]
        if len(found) != 1:
            return True
        bases = {
            base for _, parent, base in self._project.ancestors(path, found[0]) if parent is None
        }
        return any(
            base.rpartition(".")[2] in _METACLASSES
            or not (base in known_effects.PLAIN_BASES or known_effects.is_stdlib(base))
            for base in bases
        )

    def _surviving_in_classes(self, path: str, qualname: str, name: str) -> AbstractSet[int]:
        """Traces that kept something in a class which outlived them.

        Or which may have passed it on to another.
        """
        survivors = self._survivors
        found = (
            survivors.unseen
            | survivors.filled.get((path, qualname, name), set())
            | self._giving_classes
        )
        attribute = name.removeprefix(".")
        for passing in self._passed_by(attribute):
            if passing.is_named or self._is_set_in_objects(attribute):
                found |= passing.traces
        return found

    def _is_set_in_objects(self, attribute: str) -> bool:
        """Whether something sets an attribute of an object, or it is a field of some class."""
        paths = self._project.mentioning(frozenset({attribute}))
        models = [model for path in paths if (model := self._project.model(path)) is not None]
        return any(attribute in model.sets for model in models) or any(
            "ClassVar" not in field.hint_mentions and self._may_be_field(path, field)
            for path, field in self._project.members_named(attribute)
            if field.kind == "assign"
        )

    def _may_be_field(self, path: str, member: Definition) -> bool:
        outer, _, name = member.owner.rpartition(".")
        found = [d for d in self._project.definitions(path, name, outer) if d.kind == "class"]
        return (
            len(found) != 1
            or bool(found[0].decorators)
            or not self._project.is_plain_class(path, found[0])
        )

    @cached_property
    def _giving_classes(self) -> set[int]:
        """Traces in which all attributes of a class may have been passed on at once."""
        passing: set[int] = set()
        making: set[int] = set()
        for path in self._project.mentioning(frozenset({codec.PASSES})):
            model = self._project.model(path)
            for function in model.functions if model is not None else ():
                if OF_CLASS in function.passes:
                    passing.update(self._entered(path, function))
                if any(self._may_make_class(path, part) for part in function.passes):
                    making.update(self._entered(path, function))
        # The object is a class where the method is of a metaclass.
        for path, function in self._givers:
            owner = function.qualname.rpartition(".")[0]
            if function.gives == OWN and self._may_be_metaclass(path, owner):
                passing.update(self._entered(path, function))
        return (passing & making) | {
            trace_id for name in _STORING_CLASSES for trace_id in self._mentioning(name)
        }

    def _is_in_container(
        self, path: str, function: FunctionSummary, before: FunctionSummary, name: str
    ) -> bool:
        """Whether what is kept is an item of a container that only the holder can have."""
        if any(name not in f.owned and ITEM + name not in f.owned for f in (function, before)):
            return False
        attribute = name.removeprefix(".")
        for where in self._project.mentioning(frozenset({attribute})):
            model = self._project.model(where)
            if model is None or attribute not in model.private:
                return False
        if any(self._asking(attribute).values()):
            return False
        # What a fixture has given to another object may get items until much later.
        related = self._lineage(path, function.qualname)
        giving = [
            t
            for key, traces in self._giving_own.items()
            if self._gives_of(key, related)
            for t in traces
        ]
        giving += (*self._giving_any, *self._walked(path, function.qualname))
        giving += self._copying_own(path, function.qualname)
        giving += [
            t
            for copied, traces in self._survivors.copied.items()
            if self._may_hold(copied, path, function.qualname)
            for t in traces
        ]
        return all(self._traces.get(trace_id) not in _LONG_LIVED for trace_id in giving)

    def _surviving(self, path: str, qualname: str, name: str) -> AbstractSet[int]:
        survivors = self._survivors
        found = (
            survivors.unseen
            | survivors.filled.get((path, qualname, name), set())
            | self._giving_any
        )
        found |= self._copying_own(path, qualname) | self._walked(path, qualname)
        related = self._lineage(path, qualname)
        for copied, traces in survivors.copied.items():
            if self._may_hold(copied, path, qualname):
                found |= traces
        attribute = _attribute_of(qualname, name)
        found |= self._passing(attribute, related)
        if self._survivors.read and any(
            self._may_be(stored, related) for stored in self._survivors.read
        ):
            found |= self._storing
        for key, traces in self._giving_own.items():
            if self._gives_of(key, related):
                found |= traces
        return found

    def _gives_of(self, giver: tuple[str, str], related: _Lineage) -> bool:
        """Whether a method may pass on the attributes of an object of some classes."""
        path, qualname = giver
        outer, _, cls = qualname.rpartition(".")[0].rpartition(".")
        return self._is_related(path, outer, cls, related) or self._is_mixed_in(cls, related)

    @cached_property
    def notes(self) -> Sequence[tuple[int, str, str]]:
        """What the run noted of what is kept.

        These are the trace, the path of the source, and what, see `watch.states`.
        """
        states = {
            number: kept_in(state.name)
            for number, state in self._datafile.resource_states().items()
            if state.kind == KEPT
        }
        resources = self._datafile.resources([self._run.id]) if states else ()
        return [(trace_id, *states[number]) for trace_id, number in resources if number in states]

    @cached_property
    def _survivors(self) -> Survivors:
        found = Survivors({}, set(), set(), {}, set(), set(), {}, {})
        for trace_id, path, what in self.notes:
            if not what.startswith((MAKING, UNKNOWN_MAKING)):
                self._note(found, trace_id, path, what)
        return found

    def _note(self, found: Survivors, trace_id: int, path: str, what: str) -> None:
        if what == EVERYTHING:
            if path:
                found.unseen_paths.add(path)
            else:
                found.unseen.add(trace_id)
        elif what.startswith(COPIED):
            found.copied.setdefault(what.removeprefix(COPIED), set()).add(trace_id)  # type: ignore[attr-defined]
        elif what.startswith(READ):
            found.read.add(what.removeprefix(READ))
        elif what.startswith(PASSED):
            found.passed.add(what.removeprefix(PASSED))
        elif what.startswith(SEEN):
            for name in what.partition("\t")[2].split(" "):
                found.seen.setdefault((path, name), set()).add(trace_id)  # type: ignore[attr-defined]
        else:
            filled = found.lost if what.startswith(LOST) else found.filled
            qualname, _, names = what.removeprefix(LOST).partition("\t")
            for name in names.split(" "):
                filled.setdefault((path, qualname, name), set()).add(trace_id)  # type: ignore[attr-defined]

    @cached_property
    def _giving_any(self) -> set[int]:
        """Traces that ran a function which may pass on all attributes of any object."""
        return {
            t
            for path, function in self._givers
            if function.gives == ANY
            for t in self._entered(path, function)
        }

    def _walked(self, path: str, qualname: str) -> set[int]:
        """Traces that may have passed on all attributes of an object of a method's class.

        As the run recorded it.
        """
        cls = qualname.rpartition(".")[0].rpartition(".")[2]
        if cls not in self._walks:
            walking = self._walking(cls)
            self._walks[cls] = {
                trace_id
                for where, function in self._givers
                if function.gives == WALKED and walking.get(where)
                for trace_id in walking[where] & set(self._entered(where, function))
            }
        return self._walks[cls]

    @cached_property
    def _giving_own(self) -> Mapping[tuple[str, str], set[int]]:
        """The traces that ran methods which may pass on all attributes of their own object."""
        found = {
            (p, f.qualname): set(self._entered(p, f)) for p, f in self._givers if f.gives == OWN
        }
        return {key: traces for key, traces in found.items() if traces}

    @cached_property
    def _storing(self) -> set[int]:
        """Traces that ran a block which may pickle something."""
        return {trace for name in _STORING for trace in self._mentioning(name)}

    def _passing(self, attribute: str, related: _Lineage) -> set[int]:
        """Traces that ran a function which may set an attribute of one object on another.

        The one is an object of some classes.
        """
        found: set[int] = set()
        for passing in self._passed_by(attribute):
            if not passing.is_own or self._gives_of((passing.path, passing.qualname), related):
                found |= passing.traces
        return found

    def _passed_by(self, attribute: str) -> Sequence[_Passing]:
        """The functions that may set an attribute of one object on another."""
        if attribute not in self._passed:
            found: list[_Passing] = []
            for path in self._project.mentioning(frozenset({attribute})):
                model = self._project.model(path)
                for function in model.functions if model is not None else ():
                    ways = {
                        way
                        for way in function.passes
                        if way.removesuffix(BY_PLACE).lstrip("~") == attribute
                    }
                    if ways:
                        found.append(
                            _Passing(
                                path=path,
                                qualname=function.qualname,
                                is_own=all(way.startswith("~") for way in ways),
                                is_named=any(not way.endswith(BY_PLACE) for way in ways),
                                traces=set(self._entered(path, function)),
                            )
                        )
            asking = self._asking(attribute)
            for path, function in self._givers:
                if function.gives == NAMED and asking.get(path):
                    traces = asking[path] & set(self._entered(path, function))
                    found.append(
                        _Passing(
                            path, function.qualname, is_own=False, is_named=True, traces=traces
                        )
                    )
            self._passed[attribute] = found
        return self._passed[attribute]

    @cached_property
    def _givers(self) -> list[tuple[str, FunctionSummary]]:
        models = ((path, self._project.model(path)) for path in self._project.mentioning(_GIVING))
        return [
            (path, f)
            for path, model in models
            if model is not None
            for f in model.functions
            if f.gives
        ]

    def _entered(self, path: str, function: FunctionSummary) -> Iterable[int]:
        return self._entering(path, function.qualname)

    def _is_shared(self, path: str, qualname: str, name: str) -> bool:
        """Whether what is set on an object of a function's class may get elsewhere."""
        key = f"{path}\t{qualname}\t{name}"
        if key not in self._shared:
            self._shared[key] = self._found_shared(path, qualname, name)
        return self._shared[key]

    def _found_shared(self, path: str, qualname: str, name: str) -> bool:
        owner, _, own = qualname.rpartition(".")
        outer, _, cls = owner.rpartition(".")
        definitions = (
            [d for d in self._project.definitions(path, cls, outer) if d.kind == "class"]
            if owner
            else []
        )
        if len(definitions) != 1:
            return True
        if name == RESULT and not self._is_known_property(path, owner, own):
            return True
        related = self._lineage(path, qualname)
        if any(base is None for base in related.values()):
            return True
        attribute = own if name == RESULT else name.removeprefix(".")
        members = _SETTING | ({attribute} if name != RESULT else frozenset())
        if any(
            not _is_plain_value(definition) for _, definition in self._members(members, related)
        ):
            return True
        # A method that says what a copy is made of runs for each copy, see `_copying_own`.
        if any(definition.kind != "function" for _, definition in self._members(_COPYING, related)):
            return True
        return any(self._may_be(stored, related) for stored in self._survivors.passed)

    def _copying_own(self, path: str, qualname: str) -> set[int]:
        """Traces that ran a method which says what copies of a method's object are made of."""
        key = path, qualname.rpartition(".")[0]
        if key not in self._copying:
            methods = self._members(_COPYING, self._lineage(path, qualname))
            self._copying[key] = {
                t for where, method in methods for t in self._entering(where, method.qualname)
            }
        return self._copying[key]

    def _members(self, names: Iterable[str], related: _Lineage) -> Iterator[tuple[str, Definition]]:
        """The members with some names that objects of some classes may have, with their files.

        Objects of classes below these count, too.
        """
        for name in names:
            for path, definition in self._project.members_named(name):
                outer, _, cls = definition.owner.rpartition(".")
                if self._is_related(path, outer, cls, related) or self._is_mixed_in(cls, related):
                    yield path, definition

    def _standing_below(self, name: str) -> Sequence[tuple[str, Definition]]:
        """The classes that have a base of that name, with their files."""
        if name not in self._derived:
            self._derived[name] = [
                (path, definition)
                for path, definition in self._definitions_mentioning(name)
                if definition.kind == "class"
                and name in {base.rpartition(".")[2] for base in definition.bases}
            ]
        return self._derived[name]

    def _definitions_mentioning(self, name: str) -> Iterator[tuple[str, Definition]]:
        """All definitions of the files that mention a name."""
        for path in self._project.mentioning(frozenset({name})):
            model = self._project.model(path)
            for definition in model.definitions if model is not None else ():
                yield path, definition

    def _is_known_property(self, path: str, owner: str, name: str) -> bool:
        found = self._project.definitions(path, name, owner)
        return len(found) == 1 and any(decorator in _MAKERS for decorator in found[0].decorators)

    def _lineage(self, path: str, qualname: str) -> dict[tuple[str, str], Definition | None]:
        """The class of a method, those above and those below it, by file and name.

        None for one that is not known.
        """
        owner = qualname.rpartition(".")[0]
        outer, _, cls = owner.rpartition(".")
        found: dict[tuple[str, str], Definition | None] = {}
        for definition in self._project.definitions(path, cls, outer):
            if definition.kind != "class":
                continue
            found[path, owner] = definition
            for where, parent, base in self._project.ancestors(path, definition):
                is_plain = base in known_effects.PLAIN_BASES or known_effects.is_stdlib(base)
                if parent is not None:
                    found[where, parent.qualname] = parent
                elif not is_plain:
                    found[where, base] = None
        return found

    def _may_hold(self, described: str, path: str, qualname: str) -> bool:
        """Whether an object of a class, as a run described it, may be one that a method is of."""
        return self._may_be(described, {(path, qualname.rpartition(".")[0]): None})

    def _may_be(self, described: str, related: _Lineage) -> bool:
        """Whether a class is one of some classes or may stand below them, by its description."""
        module, _, qualname = described.partition(":")
        path = self._run.mapping("modules").get(module)
        if not isinstance(path, str):
            return (
                not known_effects.is_stdlib(module)
                and module.partition(".")[0] not in self._packages
            )
        outer, _, name = qualname.rpartition(".")
        return self._is_related(path, outer, name, related)

    def _is_related(self, path: str, outer: str, name: str, related: _Lineage) -> bool:
        """Whether a class of a file is one of some classes, or may stand below them."""
        found = [d for d in self._project.definitions(path, name, outer) if d.kind == "class"]
        if len(found) != 1:
            return True
        above = self._project.ancestors(path, found[0])
        names = {(where, parent.qualname) for where, parent, _ in above if parent is not None}
        names.add((path, found[0].qualname))
        return not names.isdisjoint(related) or any(
            d is None and base == "?" for _, d, base in above
        )

    def _is_mixed_in(self, name: str, related: _Lineage) -> bool:
        """Whether some class stands below one of this name and below one of some others."""
        names = {name}
        pending = [name]
        while pending:
            for path, definition in self._standing_below(pending.pop()):
                if self._is_related(path, definition.owner, definition.names[0], related):
                    return True
                pending += {definition.names[0]} - names
                names.add(definition.names[0])
        return False

    @cached_property
    def _packages(self) -> frozenset[str]:
        """Top-level names that the installed distributions provide."""
        packages = self._datafile.packages(self._run.id)
        return frozenset(
            module for package in packages if not package.digest for module in package.modules
        )


def _attribute_of(qualname: str, name: str) -> str:
    """The attribute that a method keeps something under.

    It is given as in `FunctionSummary.keeps`, or as RESULT.
    """
    return qualname.rpartition(".")[2] if name == RESULT else name.removeprefix(".")


def _is_plain_value(definition: Definition) -> bool:
    """Whether a class member is a mere default for objects, so that setting it does no more."""
    return definition.kind == "assign" and not definition.flags.isdisjoint({"literal", "bare"})
