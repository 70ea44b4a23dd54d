"""What the result of a function may be a part of.

Besides what the function was given, and what was made for the call. Where it comes from is not
followed through the function: whatever the function uses may be in its result.
"""

import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence

from testmon_cli.analysis import known_effects
from testmon_cli.analysis.aliases import GIVEN
from testmon_cli.analysis.effects import AS, THROUGH
from testmon_cli.analysis.mentions import BUILTINS_THAT_LOOK_UP
from testmon_cli.analysis.project import Project
from testmon_cli.domain.source import RESULT, Definition, FunctionSummary

Source = tuple[str, str, str]  # file, class ("" for a name of the module), name

_MOST = 30  # functions that are followed
_FEW = 3  # functions of one name
_INITIALISERS = ("__init__", "__post_init__", "__attrs_post_init__")
_MAKERS = ("__new__", "__call__")
_PLAIN_DECORATORS = frozenset({
    "staticmethod", "classmethod", "property", "abc.abstractmethod", "contextlib.asynccontextmanager",
    "contextlib.contextmanager", "typing.overload",
})  # fmt: skip
_LOOKING = ("*", "!", "?m")  # mentions of what looks something up, see `mentions`


def sources_of(project: Project, path: str, qualname: str) -> frozenset[Source] | None:
    """The names whose objects the result of a function may be a part of.

    None where that cannot be told. A result that is kept, or that a decorator makes, belongs to the
    function itself.
    """
    key = path, qualname
    if key not in project.results:
        try:
            project.results[key] = frozenset(_Search(project).run(path, qualname))
        except _UnknownError:
            project.results[key] = None
    return project.results[key]


def returned_by(project: Project, path: str, name: str) -> Sequence[tuple[str, str]]:
    """The names whose objects the result of a function is, or is a part of, by file.

    The function is what a name stands for.
    """
    return sorted(
        {
            (where, source)
            for where, summary in _reached(project, path, name, _returning)
            for source in summary.returns
            if not source.endswith(RESULT) and _is_object(project, where, source)
        }
    )


def _returning(summary: FunctionSummary) -> Iterator[str]:
    """The functions whose results a function may return."""
    return (source.removesuffix(RESULT) for source in summary.returns if source.endswith(RESULT))


def _reached(
    project: Project, path: str, name: str, following: Callable[[FunctionSummary], Iterable[str]]
) -> Iterator[tuple[str, FunctionSummary]]:
    """A function that a name stands for, and those that follow from it, with their files.

    Each of the project once.
    """
    pending = [(path, name)]
    seen: set[tuple[str, str]] = set()
    while pending:
        where, called = pending.pop()
        found = project.resolve(called, where)
        summary = project.function(*found) if found is not None else None
        if found is not None and summary is not None and found not in seen:
            seen.add(found)
            yield found[0], summary
            pending += [(found[0], each) for each in following(summary)]


def with_calls(project: Project, path: str, function: FunctionSummary) -> FunctionSummary:
    """A function with what it keeps by functions that change what it gives them."""
    given = {kept for kept in function.keeps if THROUGH in kept or kept.endswith(RESULT)}
    kept = set()
    for each in given:
        name, through, given_to = each.removesuffix(RESULT).partition(THROUGH)
        called, _, slot = given_to.partition(AS)
        if through:
            is_kept = _is_object(project, path, name) and (
                not called or changes_argument(project, path, called, slot)
            )
        else:
            is_kept = bool(returned_by(project, path, name))
        if is_kept:
            kept.add(name)
    given |= {name for name in function.keeps if _never_changes(project, path, name)}
    return function._replace(
        keeps=tuple(sorted({*function.keeps} - given | kept)),
        results=tuple(sorted({*function.results} - given | kept)),
    )


def changes_argument(project: Project, path: str, called: str, slot: str) -> bool:
    """Whether a function changes what it is given as one argument, by itself or by what it calls.

    `slot` is the place or keyword of the argument, "" for any.
    """
    pending = [(path, called, slot)]
    seen: set[tuple[str, str, str]] = set()
    while pending:
        call = pending.pop()
        if call in seen:
            continue
        seen.add(call)
        for where, altered in _altered(project, *call):
            given_to, _, _ = altered.partition(GIVEN)
            if not given_to:
                return True
            by, _, place = given_to.partition(AS)
            pending.append((where, by, place))
    return False


def _altered(project: Project, path: str, called: str, slot: str) -> Iterator[tuple[str, str]]:
    """What is told of one argument in `FunctionSummary.alters`, with the file of the function."""
    if called.startswith("."):  # a method of some object
        for where, qualname, _ in project.functions_named(called[1:]):
            summary = project.function(where, qualname)
            if summary is not None and "." in qualname:
                yield from (
                    (where, altered)
                    for altered in summary.alters
                    if slot in altered.partition(GIVEN)[2].split(":")
                )
        return
    found = project.resolve(called, path)
    summary = project.function(*found) if found is not None else None
    if found is None or summary is None:
        return
    owner, _, own = found[1].rpartition(".")
    # A method is given its object as well, and a decorator may give a function other arguments.
    is_as_written = not owner and not any(
        definition.decorators for definition in project.definitions(found[0], own)
    )
    for altered in summary.alters:
        parameter = altered.partition(GIVEN)[2]
        if not slot or not is_as_written or slot in parameter.split(":"):
            yield found[0], altered


def _is_object(project: Project, path: str, name: str) -> bool:
    """Whether a name may stand for an object that can change and that others have, too.

    An attribute is written `.name`.
    """
    if name.startswith("."):  # of some object: all of a class may share what it has
        return any(_may_change(member) for _, member in project.members_named(name[1:]))
    found = project.resolve(name, path)
    if found is None:
        return False
    where, qualname = found
    owner, _, last = qualname.rpartition(".")
    return any(map(_may_change, project.definitions(where, last, owner))) or _is_rebound(
        project, where, qualname
    )


def _is_rebound(project: Project, path: str, name: str) -> bool:
    """Whether a function binds a name of its module anew."""
    facts = project.facts(path)
    rebinds = f"={name}"
    return facts is not None and any(rebinds in each.effects for each in facts.model.functions)


class _UnknownError(Exception):
    """Raised where it cannot be told what a result comes from."""


class _Search:
    """Goes through a function and all that it may call."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._seen: set[tuple[str, str]] = set()
        self._pending: list[tuple[str, str]] = []

    def run(self, path: str, qualname: str) -> set[Source]:
        """The names of objects that the function, or what it calls, uses. Raises _UnknownError."""
        found: set[Source] = set()
        self._follow(path, qualname)
        while self._pending:
            where, called = self._pending.pop()
            mentions = self._mentions(where, called)
            for mention in mentions:
                if mention.startswith(_LOOKING):
                    raise _UnknownError
                if mention[0] in ".~":
                    found.update(self._attribute(mention[1:]))
                elif mention.isidentifier():
                    found.update(self._name(where, mention, mentions))
        return found

    def _follow(self, path: str, qualname: str) -> None:
        if (path, qualname) not in self._seen:
            self._seen.add((path, qualname))
            self._pending.append((path, qualname))
            if len(self._seen) > _MOST:
                raise _UnknownError

    def _mentions(self, path: str, qualname: str) -> frozenset[str]:
        """What a function uses; its defaults are shared by all calls."""
        owner, _, name = qualname.rpartition(".")
        facts = self._project.facts(path)
        summary = self._project.function(path, qualname)
        definitions = self._project.definitions(path, name, owner)
        if facts is None or summary is None or summary.memoised or len(definitions) != 1:
            raise _UnknownError
        definition = definitions[0]
        if not _PLAIN_DECORATORS.issuperset(definition.decorators) or "shares" in definition.flags:
            raise _UnknownError
        inner = f"{qualname}.<locals>."
        blocks = [
            b
            for b in facts.blocks_below(qualname)
            if b.qualname == qualname or b.qualname.startswith(inner)
        ]
        return definition.mentions.union(*(block.mentions for block in blocks))

    def _attribute(self, name: str) -> Iterator[Source]:
        """What an attribute may be a part of.

        That is an object that a class shares, or what a method returns.
        """
        if name in known_effects.BUILTIN_METHODS:
            return
        functions = self._project.functions_named(name)
        if len(functions) > _FEW:
            raise _UnknownError
        for path, qualname, _ in functions:
            self._follow(path, qualname)
        for path, member in self._project.members_named(name):
            if _may_change(member):
                yield path, member.owner, name

    def _name(self, path: str, name: str, mentions: frozenset[str]) -> Iterator[Source]:
        found = self._project.resolve(name, path)
        if found is None:
            if not self._is_harmless(path, name):
                raise _UnknownError
            return
        if found[1]:
            yield from self._known(*found)
            return
        for mention in mentions:  # of a module
            if mention[0] == "." and self._project.definitions(found[0], mention[1:]):
                inside = self._project.resolve(mention[1:], found[0])
                if inside is None or not inside[1]:
                    raise _UnknownError
                yield from self._known(*inside)

    def _known(self, path: str, qualname: str) -> Iterator[Source]:
        """What a name of the project stands for."""
        cls = self._project.class_named(path, qualname)
        if cls is not None:
            self._class(path, cls)
        elif self._project.function(path, qualname) is not None:
            self._follow(path, qualname)
        else:
            owner, _, name = qualname.rpartition(".")
            definitions = self._project.definitions(path, name, owner)
            if not definitions or any(d.kind not in ("assign", "statement") for d in definitions):
                raise _UnknownError
            if any(map(_may_change, definitions)):
                yield path, owner, name

    def _class(self, path: str, definition: Definition) -> None:
        """An object of a class may be made, and gets what the initialisers use."""
        lineage = [
            (path, definition),
            *((w, p) for w, p, _ in self._project.ancestors(path, definition) if p is not None),
        ]
        if not self._project.is_plain_class(path, definition, above=True):
            raise _UnknownError
        for where, parent in lineage:
            if any(self._project.function(where, f"{parent.qualname}.{name}") for name in _MAKERS):
                raise _UnknownError
            for name in _INITIALISERS:
                if self._project.function(where, f"{parent.qualname}.{name}") is not None:
                    self._follow(where, f"{parent.qualname}.{name}")

    def _is_harmless(self, path: str, name: str) -> bool:
        """Whether a name from outside the project gives nothing that others have, too."""
        facts = self._project.facts(path)
        imported = facts.imports_of(name) if facts is not None else ()
        if imported:
            return all(
                known_effects.is_stateless(f"{i.module}.{i.name}".rstrip("."))
                for i in imported
                if not i.level
            ) and not any(i.level for i in imported)
        return hasattr(builtins, name) and name not in BUILTINS_THAT_LOOK_UP


def _never_changes(project: Project, path: str, name: str) -> bool:
    """Whether a name of a module stands for what a call makes that nobody can change."""
    found = project.resolve(name, path)
    if found is None or "." in found[1]:
        return False
    definitions = project.definitions(*found)
    return bool(definitions) and all(map(_is_unchangeable, definitions))


def _may_change(definition: Definition) -> bool:
    """Whether a name may stand for an object that can change."""
    return (
        definition.kind in ("assign", "statement")
        and definition.flags.isdisjoint({"constant", "bare"})
        and not _is_unchangeable(definition)
    )


def _is_unchangeable(definition: Definition) -> bool:
    """Whether a name stands for what a call of a library makes, like `re.compile`."""
    return "instance" in definition.flags and all(
        "." in made and made in known_effects.UNCHANGEABLE for made in definition.bases
    )
