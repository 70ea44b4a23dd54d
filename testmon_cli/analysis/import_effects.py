"""What code that runs on import does besides binding its names.

These are the effects of section 4.1 of the model. It may change objects that have names, or
attributes of them, or anything that an import brings about. What that is does not depend on what
changed: it is found once for each definition.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from testmon_cli.analysis import known_effects, results
from testmon_cli.analysis.effects import (
    ANYTHING,
    ARGUMENT,
    FALLIBLE,
    INITIALISER,
    SELF,
    THROUGH,
    UNNAMED,
)
from testmon_cli.analysis.project import Consequence, Project, Ran
from testmon_cli.domain.source import Definition, FunctionSummary

# What a consequence is: of `Consequence.what`.
MODULE = "module"  # importing a file may come out otherwise
FRAGILE = "fragile"  # importing a file may raise
NAME = "name"  # a module-level name has another meaning
MEMBER = "member"  # a member of a class has
DOCUMENTED = "documented"  # the docstring of what a name stands for is another
MUTATED = "mutated"  # the object that a dotted name stands for in a file has changed

_DEEPEST_CALL = 8
_FEW = 3  # functions of one name
_DEEPEST_WALK = 100  # functions that are followed one within the other; others come afterwards
_INITIALISERS = ("__init__", "__new__", "__post_init__", "__attrs_post_init__")
_MAKING_CLASSES = (
    "__call__",
    "__init__",
    "__init_subclass__",
    "__new__",
    "__prepare__",
    "__set_name__",
)
_RESULT = "()"  # at the end of an argument that is what a call returned
_OF_ARGUMENTS = (ARGUMENT, SELF)


class ImportEffects:
    """The consequences of each definition of a project; `Growth` says what caused them."""

    def __init__(self, project: Project, *, coarse: bool = False) -> None:
        """`coarse` as `Growth` says it: classes count whether code comes upon them or not."""
        self._project = project
        self._coarse = coarse

    def of(self, path: str, definition: Definition, importing: str) -> tuple[Consequence, ...]:
        """What a definition does when the import of `importing` runs it."""
        key = (path, id(definition), importing, self._coarse)
        found = self._project.consequences
        if key not in found:
            follower = _Follower(self._project, coarse=self._coarse)
            follower.follow(path, definition, importing)
            found[key] = (definition, tuple(follower.found))
        return found[key][1]

    def of_other_run(
        self, path: str, definition: Definition, ran: Sequence[Ran]
    ) -> tuple[Consequence, ...]:
        """What follows when a function that a definition ran on import may do something else."""
        follower = _Follower(self._project, coarse=self._coarse)
        follower.follow_run(path, definition, ran, is_other=True)
        return tuple(follower.found)


def _is_builtin_container(definition: Definition) -> bool:
    """Whether a name is bound to a literal, or to what a call of a builtin makes."""
    makes = "instance" in definition.flags and definition.bases
    return "literal" in definition.flags or bool(makes and makes[0] in known_effects.PURE_BUILTINS)


_Function = tuple[str, str, tuple[str, ...]]  # its file, qualified name and effects


class _Follower:
    """Follows the effects of one definition.

    `found` has its consequences in the order of their discovery.
    """

    def __init__(self, project: Project, *, coarse: bool) -> None:
        self.project = project
        self._coarse = coarse
        self.found: dict[Consequence, None] = {}

    def _note(self, what: str, path: str, name: str = "", *, owner: str = "") -> None:
        self.found[Consequence(what, path, name, owner)] = None

    def follow(self, path: str, definition: Definition, importing: str) -> None:
        """Follow what a definition does, by the functions that it ran where these are known."""
        ran = self.project.ran(path, definition) if path == importing else None
        if ran is not None:
            self.follow_run(path, definition, ran, is_other=False)
        for effect in definition.effects:
            if effect == FALLIBLE:
                self._note(FRAGILE, importing)
            elif ran is None:
                self._effect(effect, _Place(path, importing))

    def follow_run(
        self, path: str, definition: Definition, ran: Sequence[Ran], *, is_other: bool
    ) -> None:
        """What a definition does besides binding its names, if it is known what it ran.

        Those to which names lead from there count; where one of them does something else
        (`is_other`), all of them.
        """
        walk = _Walk(ran)
        place = _Place(path, path)
        self._walk(definition.effects, place, walk)
        is_class = definition.kind == "class"
        # What no name leads to was given objects by Python itself, as an operator or a metaclass
        # is.
        is_given = False
        for function in ran if is_other else ():
            if not walk.has_entered(function):
                changes = self._walk_into(
                    function.path, function.qualname, function.effects, place, walk
                )
                is_of_class = is_class and function.qualname.rpartition(".")[2] in _MAKING_CLASSES
                walk.changes_arguments = walk.changes_arguments or (changes and is_of_class)
                is_given = is_given or (changes and not is_of_class)
        self._walk_postponed(walk)
        for where, owner, attribute in walk.attributes:
            if not self._shared(where, owner, attribute, by=(path, definition)):
                is_given = True
        for where, argument in walk.changed:
            self._argument_changed(where, argument, (path, definition))
        if not is_given and not (is_class and walk.changes_arguments):
            return
        mentioned = {(path, mention) for mention in definition.mentions if mention.isidentifier()}
        for where, argument in sorted({*walk.given, *mentioned} if is_given else mentioned):
            if self._is_object(where, argument):
                self._argument_changed(where, argument)
        for where, parent, _ in self.project.ancestors(path, definition) if is_class else ():
            if parent is not None:
                self._note(NAME, where, parent.names[0])

    def _is_object(self, path: str, name: str) -> bool:
        """Whether a name may stand for an object that is no class, function or module."""
        found = self.project.resolve(name.partition(THROUGH)[0].removesuffix(_RESULT), path)
        owner, _, last = found[1].rpartition(".") if found is not None else ("", "", "")
        definitions = self.project.definitions(found[0], last, owner) if found is not None else ()
        return any(definition.kind in ("assign", "statement") for definition in definitions)

    def _shared(
        self, where: str, owner: str, attribute: str, *, by: tuple[str, Definition]
    ) -> bool:
        """Note that an attribute of a class holds something else.

        False when each object has its own. Only classes count that the definition may come upon
        `by` which it was changed.
        """
        members = [
            (path, member)
            for path, member in self.project.members_named(attribute)
            if "bare" not in member.flags and self._is_related((path, member.owner), (where, owner))
        ]
        for path, member in members:
            # A plain value does not change: the class at hand has another.
            if "constant" in member.flags:
                continue
            if self._coarse or self.project.comes_upon(*by, (path, member.owner), attribute):
                self._note(MEMBER, path, attribute, owner=member.owner)
        return bool(members)

    def _is_related(self, first: tuple[str, str], second: tuple[str, str]) -> bool:
        """Whether two classes are the same, or one is below the other."""
        return (
            first == second
            or second in self._classes_above(*first)
            or first in self._classes_above(*second)
        )

    def _classes_above(self, path: str, qualname: str) -> frozenset[tuple[str, str]]:
        definition = self.project.class_named(path, qualname)
        return (
            self.project.classes_above(path, definition) if definition is not None else frozenset()
        )

    def _walk(self, effects: Iterable[str], place: "_Place", walk: "_Walk") -> None:
        """Follow the effects of code that ran, or that what ran might have called."""
        for effect in effects:
            kind, _, rest = effect.partition(":")
            if effect == ANYTHING:
                self._note(MODULE, place.importing)
            elif effect[0] == UNNAMED:
                self._walk_unnamed(effect[1:], place, walk)
            elif effect == ARGUMENT:
                walk.changes_arguments = True
            elif effect[0] == ARGUMENT:
                walk.attributes[place.path, place.function.rpartition(".")[0], effect[2:]] = None
                walk.changes_arguments = True
            elif effect[0] in "~=":
                root = effect[1:].partition(".")[0]
                if effect[0] == "=" or self.project.is_module_level(place.path, root):
                    self._note(MUTATED, place.path, effect[1:])
                else:
                    walk.changes_arguments = True  # of the function around it
            elif kind == "set":
                self._attribute_set(rest, place)
            elif kind == "part":
                walk.change(place.path, rest)
            elif effect not in (FALLIBLE, SELF):
                target, *arguments = rest.split("|")
                walk.give(
                    place.path, arguments, is_changed=self._walk_call(kind, target, place, walk)
                )

    def _walk_unnamed(self, call: str, place: "_Place", walk: "_Walk") -> None:
        """Follow a method of something without a name, or a function that was given.

        If it ran, that is known. Of one that did not run, but may if something else is another, no
        more is known than that it may change what it is given, where many have its name.
        """
        method, *arguments = call.split("|")
        if method == INITIALISER:
            found = self._initialisers_of_own(place, walk)
        else:
            found = [(ran.path, ran.qualname, ran.effects) for ran in walk.methods.get(method, ())]
        named = self.project.functions_named(method) if method and not found else ()
        if len(named) <= _FEW:
            found += named
        is_changed = not found and not self._is_of_value(method)  # by code outside the project
        for path, qualname, effects in found:
            # A method that calls that of a base class.
            if (path, qualname) != (place.path, place.function):
                is_changed = self._walk_into(path, qualname, effects, place, walk) or is_changed
        walk.give(place.path, (*arguments, ARGUMENT), is_changed=is_changed)

    def _is_of_value(self, method: str) -> bool:
        """Whether only values of the standard library have such a method, which changes nothing."""
        is_known = method in known_effects.METHODS_OF_VALUES
        return is_known and not self.project.functions_named(method)

    def _initialisers_of_own(self, place: "_Place", walk: "_Walk") -> list[_Function]:
        """What makes an object of the class of the method that is followed, or of one below it.

        Those that ran, or else those that would.
        """
        own = (place.path, place.function.rpartition(".")[0])
        ran = [each for name in _INITIALISERS for each in walk.methods.get(name, ())]
        found = [
            (each.path, each.qualname, each.effects)
            for each in ran
            if self._is_related((each.path, each.qualname.rpartition(".")[0]), own)
        ]
        cls = self.project.class_named(*own)
        if found or cls is None:
            return found
        summaries = (
            (at, self.project.function(at, f"{each.qualname}.{name}"))
            for at, each in self.project.lineage(place.path, cls)
            for name in _INITIALISERS
        )
        return [(at, each.qualname, each.effects) for at, each in summaries if each is not None]

    def _walk_into(
        self, path: str, qualname: str, effects: Iterable[str], place: "_Place", walk: "_Walk"
    ) -> bool:
        """Follow a function, once; True if it may change what it is given."""
        key = (path, qualname)
        if key not in walk.entered:
            walk.entered[key] = True  # as long as that is not known
            inside = _Place(path, place.importing, place.depth + 1, qualname)
            if inside.depth > _DEEPEST_WALK:
                walk.postponed.append((effects, inside._replace(depth=0)))
                return True
            outer, walk.changes_arguments = walk.changes_arguments, False
            self._walk(effects, inside, walk)
            walk.entered[key], walk.changes_arguments = walk.changes_arguments, outer
        return walk.entered[key]

    def _walk_postponed(self, walk: "_Walk") -> None:
        """Follow the functions that were called too deep.

        They count as if they changed what they are given.
        """
        outer = walk.changes_arguments
        while walk.postponed:
            effects, place = walk.postponed.pop()
            self._walk(effects, place, walk)
        walk.changes_arguments = outer

    def _walk_call(self, kind: str, target: str, place: "_Place", walk: "_Walk") -> bool:
        """Follow a call; True if it may change its arguments."""
        found = self.project.resolve(target, place.path)
        if found is None:
            if kind not in ("deco", "made") or not known_effects.is_pure_decorator(target):
                # Outside the project, and not known to be harmless.
                self._note(MODULE, place.importing)
            return False
        found = self._aliased(found)
        summary = self.project.function(*found)
        made = self.project.class_named(*found) if summary is None else None
        if summary is not None:
            effects = walk.effects.get(found, summary.effects)
            if kind == "made":
                effects = self._with_closures(found[0], summary)
            return self._walk_into(*found, effects, place, walk)
        if made is not None:
            return self._walk_making(found[0], made, place, walk)
        return self._walk_method(found, place, walk, bare=kind.startswith(("bare", "deco", "made")))

    def _aliased(self, found: tuple[str, str]) -> tuple[str, str]:
        """What `name = other` stands for."""
        path, name = found
        for _ in range(_DEEPEST_CALL):
            definitions = self.project.definitions(path, name)
            mentioned = (
                [m for m in definitions[0].mentions if m.isidentifier()]
                if len(definitions) == 1
                else []
            )
            is_alias = (
                len(mentioned) == 1 and definitions[0].kind == "assign" and not definitions[0].flags
            )
            if not is_alias or any(m.startswith(".") for m in definitions[0].mentions):
                break
            path, name = self.project.resolve(mentioned[0], path) or found
        return path, name

    def _walk_making(
        self, path: str, definition: Definition, place: "_Place", walk: "_Walk"
    ) -> bool:
        is_changed = False
        for holder, summary in self._initialisers(path, definition, place):
            effects = walk.effects.get((holder, summary.qualname), summary.effects)
            changes = self._walk_into(holder, summary.qualname, effects, place, walk)
            is_changed = is_changed or changes
        return is_changed

    def _walk_method(
        self, found: tuple[str, str], place: "_Place", walk: "_Walk", *, bare: bool
    ) -> bool:
        """Follow a method of an object that has a name.

        What ran of it is known, but for libraries' objects.
        """
        where, qualname = found
        root, _, method = qualname.rpartition(".")
        if not root or method not in walk.methods:
            self._method_of(found, [], place, bare=bare)
            return not self._is_of_value(method)
        changes = [
            self._walk_into(r.path, r.qualname, r.effects, place, walk)
            for r in walk.methods[method]
        ]
        walk.give(where, [root], is_changed=any(changes))
        return any(changes)

    def _effect(self, effect: str, place: "_Place") -> None:
        kind, _, rest = effect.partition(":")
        if effect == ANYTHING or effect[0] == UNNAMED:
            self._note(MODULE, place.importing)
        elif effect == FALLIBLE:
            self._note(FRAGILE, place.importing)
        elif effect[0] in _OF_ARGUMENTS:
            return
        elif effect[0] in "~=":
            self._note(MUTATED, place.path, effect[1:])
        elif kind == "set":
            self._attribute_set(rest, place)
        elif kind == "part":
            self._argument_changed(place.path, rest)
        elif place.depth > _DEEPEST_CALL:
            self._note(MODULE, place.importing)
        else:
            target, *arguments = rest.split("|")
            if kind in ("deco", "made"):
                self._decorated(target, place, made=kind == "made")
            elif kind.endswith("method"):
                self._method(target, arguments, place, bare=kind.startswith("bare"))
            else:
                self._called(target, arguments, place, bare=kind == "bare")

    def _attribute_set(self, dotted: str, place: "_Place") -> None:
        """An attribute is set: of a module, it is a name of that; of a plain class, a member."""
        target, _, attribute = dotted.rpartition(".")
        found = self.project.resolve(target, place.path)
        if found is None:
            self._note(MUTATED, place.path, dotted)
            return
        path, qualname = found
        outer, _, name = qualname.rpartition(".")
        made = self.project.class_named(path, qualname)
        is_plain = made is not None and self.project.is_plain_class(path, made)
        if attribute == "__doc__" and (is_plain or self._is_mere_function(path, outer, name)):
            self._note(DOCUMENTED, path, name)
        elif not qualname:
            self._note(NAME, path, attribute)
        elif is_plain and not known_effects.is_special(attribute):
            self._note(MEMBER, path, attribute, owner=qualname)
        else:
            self._note(MUTATED, place.path, dotted)

    def _is_mere_function(self, path: str, owner: str, name: str) -> bool:
        """Whether nothing that may notice docstrings looks at the function of a name."""
        found = self.project.definitions(path, name, owner)
        return bool(found) and all(
            d.kind == "function" and self.project.has_pure_decorators(path, d) for d in found
        )

    def _argument_changed(
        self, path: str, argument: str, by: tuple[str, Definition] | None = None
    ) -> None:
        """Note that something which a call in `path` was given is another.

        See `analysis.effects` for the notation.
        """
        if argument.startswith("."):
            self._part_changed(argument[1:], by)
            return
        source, *given = argument.split(THROUGH)
        if not source.endswith(_RESULT):
            if argument != ARGUMENT and not self._is_constant(path, argument):
                self._given(path, argument)
            return
        called = source.removesuffix(_RESULT)
        found = self.project.resolve(called, path)
        if found is None:
            self._note(MUTATED, path, called.partition(".")[0])
        else:
            found = self._aliased(found)
            if self.project.class_named(*found) is None:
                self._result_changed(*found)
            else:  # it was made for the call, and holds what it was given
                given = [
                    each for each in given if each.endswith(_RESULT) or self._is_object(path, each)
                ]
        for each in given:
            self._argument_changed(path, each)

    def _part_changed(self, attribute: str, by: tuple[str, Definition] | None) -> None:
        """An attribute of some object holds something else.

        So may that of all objects of a class that shares it.
        """
        for path, member in self.project.members_named(attribute):
            is_shared = member.kind == "assign" and member.flags.isdisjoint({"bare", "constant"})
            if is_shared and (
                by is None
                or self._coarse
                or self.project.comes_upon(*by, (path, member.owner), attribute)
            ):
                self._note(MEMBER, path, attribute, owner=member.owner)

    def _result_changed(self, path: str, qualname: str) -> None:
        """What a function returned is another: so is what it may be a part of."""
        sources = results.sources_of(self.project, path, qualname)
        if sources is None:
            self._note(NAME, path, qualname.partition(".")[0])
            return
        for where, owner, name in sources:
            if owner:
                self._note(MEMBER, where, name, owner=owner)
            else:
                self._note(MUTATED, where, name)

    def _given(self, path: str, argument: str) -> None:
        found = self.project.resolve(argument, path) if "." in argument else None
        if found is not None and found[1]:
            # What another module has under a name.
            self._note(NAME, found[0], found[1].partition(".")[0])
        else:
            self._note(MUTATED, path, argument)

    def _is_constant(self, path: str, name: str) -> bool:
        """Whether a name stands for what nobody changes.

        That is a plain value, an enumeration or a member of one.
        """
        found = self.project.resolve(name, path)
        if found is None:
            return False
        owner, _, last = found[1].rpartition(".")
        definitions = self.project.definitions(found[0], last, owner)
        if definitions and all("constant" in definition.flags for definition in definitions):
            return True
        cls = self.project.class_named(*found) or (
            self.project.class_named(found[0], owner) if owner else None
        )
        return cls is not None and any(
            base.startswith("enum.")
            for _, parent, base in self.project.ancestors(found[0], cls)
            if parent is None
        )

    def _decorated(self, target: str, place: "_Place", *, made: bool) -> None:
        found = self.project.resolve(target, place.path)
        if found is None:
            if not known_effects.is_pure_decorator(target):
                self._note(MODULE, place.importing)
            return
        summary = self.project.function(*found)
        if summary is not None:
            effects = self._with_closures(found[0], summary) if made else summary.effects
            self._summary(effects, found[0], [], place)
            return
        self._method_of(found, [], place, bare=True)

    def _with_closures(self, where: str, summary: FunctionSummary) -> tuple[str, ...]:
        """Effects of a function and of the functions that it makes.

        A decorator with arguments returns one to call. What these change that is no name of the
        module is an argument of the function around them, like `self`.
        """
        found = [*summary.effects]
        for closure in self.project.functions_in(where, summary.qualname):
            for effect in closure.effects:
                root = effect[1:].partition(".")[0]
                enclosed = effect[0] == "~" and not self.project.is_module_level(where, root)
                found.append(ARGUMENT if enclosed else effect)
        return tuple(dict.fromkeys(found))

    def _called(self, target: str, arguments: list[str], place: "_Place", *, bare: bool) -> None:
        found = self.project.resolve(target, place.path)
        if found is None:
            self._note(MODULE, place.importing)  # outside the project, and not known to be harmless
            return
        summary = self.project.function(*found)
        definition = self.project.class_named(*found) if summary is None else None
        if summary is not None:
            self._summary(summary.effects, found[0], arguments, place)
        elif definition is not None:
            self._made(found[0], definition, arguments, place)
        else:
            self._method_of(found, arguments, place, bare=bare)

    def _made(
        self, path: str, definition: Definition, arguments: list[str], place: "_Place"
    ) -> None:
        """An object of a class is made: its initialisers run."""
        for holder, summary in self._initialisers(path, definition, place):
            self._summary(summary.effects, holder, arguments, place)

    def _initialisers(
        self, path: str, definition: Definition, place: "_Place"
    ) -> Iterator[tuple[str, FunctionSummary]]:
        """What runs to make an object of a class, with the files, wherever it stands above.

        Notes what is not known.
        """
        lineage: list[tuple[str, Definition | None, str]] = [(path, definition, "")]
        lineage += self.project.ancestors(path, definition)
        for holder, cls, base in lineage:
            if cls is None:
                if not (
                    base in known_effects.PLAIN_BASES
                    or known_effects.is_stdlib(base)
                    or known_effects.is_pure_call(base)
                ):
                    self._note(MODULE, place.importing)
                continue
            for name in _INITIALISERS:
                summary = self.project.function(holder, f"{cls.qualname}.{name}")
                if summary is not None:
                    yield holder, summary

    def _summary(
        self, effects: Iterable[str], where: str, arguments: list[str], place: "_Place"
    ) -> None:
        """What a call of a project function of the file `where` can change.

        That it may raise says the statement.
        """
        inside = _Place(where, place.importing, place.depth + 1)
        for effect in effects:
            if effect == FALLIBLE:
                continue
            if effect[0] in _OF_ARGUMENTS:
                for argument in arguments:
                    self._argument_changed(place.path, argument)
            else:
                self._effect(effect, inside)

    def _method(self, target: str, arguments: list[str], place: "_Place", *, bare: bool) -> None:
        found = self.project.resolve(target, place.path)
        if found is None:
            self._note(MODULE, place.importing)
            return
        self._method_of(found, arguments, place, bare=bare)

    def _method_of(
        self, found: tuple[str, str], arguments: list[str], place: "_Place", *, bare: bool
    ) -> None:
        """A method of an object that has a name at the module level of `found[0]`."""
        where, qualname = found
        root, _, method = qualname.rpartition(".")
        for definition in self.project.definitions(where, root.partition(".")[0]) if root else ():
            if "literal" in definition.flags or _is_dispatcher(definition):
                if (
                    method not in known_effects.BUILTIN_METHODS
                    or method in known_effects.CONTAINER_MUTATORS
                ):
                    self._note(MUTATED, where, root.partition(".")[0])
                return
            if "instance" in definition.flags:
                self._method_of_instance(
                    where, definition, root, method, arguments, place, bare=bare
                )
                return
        if self._is_of_literal_member(where, root, method):
            return
        self._note(MODULE, place.importing)

    def _is_of_literal_member(self, where: str, root: str, method: str) -> bool:
        """Note the change if a builtin container that a class has is changed (`Base.names.append`).

        False if it may be another object.
        """
        owner, _, name = root.rpartition(".")
        cls = self.project.class_named(where, owner) if owner else None
        found = self.project.definitions(where, name, owner) if cls is not None else ()
        if cls is None or not found or not all(map(_is_builtin_container, found)):
            return False
        if (
            method in known_effects.CONTAINER_MUTATORS
            or method not in known_effects.BUILTIN_METHODS
        ):
            if self.project.is_plain_class(where, cls):
                self._note(MEMBER, where, name, owner=owner)
            else:
                self._note(MUTATED, where, owner.partition(".")[0])
        return True

    def _method_of_instance(
        self, where: str, definition: Definition, root: str, method: str, arguments: list[str], place: "_Place", *,
        bare: bool,
    ) -> None:  # fmt: skip
        made_by = definition.bases[0] if definition.bases else "?"
        cls = self.project.class_definition(made_by, where)
        if cls is None:
            plain = known_effects.is_stdlib(made_by) or made_by in known_effects.PURE_BUILTINS
            if plain and known_effects.is_pure_call(made_by):
                if bare or method in known_effects.CONTAINER_MUTATORS:
                    self._note(MUTATED, where, root)
                return
            self._note(MODULE, place.importing)
            return
        for holder, parent in self.project.lineage(*cls):
            summary = self.project.function(holder, f"{parent.qualname}.{method}")
            if summary is not None:
                effects = self._with_closures(holder, summary)
                if any(effect[0] in _OF_ARGUMENTS for effect in effects):
                    self._note(MUTATED, where, root)
                self._summary(effects, holder, arguments, place)
                return
        self._note(MODULE, place.importing)


class _Walk:
    """What is known of code that ran, and found while its effects are followed."""

    def __init__(self, ran: Iterable[Ran]) -> None:
        # Functions, and whether they change what they are given.
        self.entered: dict[tuple[str, str], bool] = {}
        self.methods: dict[str, list[Ran]] = {}  # what ran, by name
        self.effects: dict[tuple[str, str], tuple[str, ...]] = {}  # of what ran
        for function in ran:
            self.effects[function.path, function.qualname] = function.effects
            self.methods.setdefault(function.qualname.rpartition(".")[2], []).append(function)
        # Attributes of objects, with the classes whose methods know them, that hold something else.
        self.attributes: dict[tuple[str, str, str], None] = {}
        # Arguments of calls, with the file of the call.
        self.given: dict[tuple[str, str], None] = {}
        self.changed: dict[tuple[str, str], None] = {}  # those of them that a call may have changed
        self.changes_arguments = False  # of the function that is followed
        # Functions that were called too deep, by their effects.
        self.postponed: list[tuple[Iterable[str], _Place]] = []

    def has_entered(self, function: Ran) -> bool:
        return (function.path, function.qualname) in self.entered

    def change(self, path: str, source: str) -> None:
        """Something that comes from somewhere has changed, in the notation of arguments."""
        self.changed[path, source] = None
        self.changes_arguments = self.changes_arguments or ARGUMENT in source.split(THROUGH)

    def give(self, path: str, arguments: Iterable[str], *, is_changed: bool) -> None:
        """A call has arguments, which may be changed by it."""
        arguments = list(arguments)
        found = {(path, argument): None for argument in arguments if argument != ARGUMENT}
        self.given.update(found)
        if is_changed:
            self.changed.update(found)
            is_own = (
                any(ARGUMENT in argument.split(THROUGH) for _, argument in found)
                or ARGUMENT in arguments
            )
            self.changes_arguments = self.changes_arguments or is_own


class _Place(NamedTuple):
    """Where code stands that runs on import.

    The file that its names belong to, and the file whose import runs it.
    """

    path: str
    importing: str
    depth: int = 0  # of calls, counted from the import
    function: str = ""  # the qualified name of the one that is followed


def _is_dispatcher(definition: Definition) -> bool:
    return any(
        d.rpartition(".")[2] in ("singledispatch", "singledispatchmethod")
        for d in definition.decorators
    )
