"""From changed definitions to everything whose meaning they can change.

This is the fixpoint of section 4 of the model. Names are kept per file. A definition that mentions
an affected name makes the names it binds affected; what it does besides (its effects) affects
objects by the name they have, or the whole module.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from testmon_cli.analysis import known_effects, lookups, results
from testmon_cli.analysis.effects import FALLIBLE
from testmon_cli.analysis.import_effects import (
    DOCUMENTED,
    FRAGILE,
    MEMBER,
    MODULE,
    MUTATED,
    ImportEffects,
)
from testmon_cli.analysis.mentions import (
    DYNAMIC,
    DYNAMIC_ATTRIBUTES,
    OPEN,
    OWN_NAMESPACE,
    READS_DOCS,
    READS_HINTS,
)
from testmon_cli.analysis.model_diff import DOC, HINT, DefinitionChange
from testmon_cli.analysis.project import CONFTEST, Consequence, Held, Made, Project, Ran
from testmon_cli.domain.causes import ADDED, CHANGED, MOVED, REMOVED, Cause, Kind, Manner
from testmon_cli.domain.source import Definition, Import

_ABSTRACT = frozenset(
    {"abstractmethod", "abstractproperty", "abstractclassmethod", "abstractstaticmethod"}
)
LOOKING_UP = frozenset({DYNAMIC, DYNAMIC_ATTRIBUTES, OWN_NAMESPACE})
# The same where the names are recorded.
RECORDED = frozenset(way for way, same in OPEN.items() if same in LOOKING_UP)
_OF_MEMBERS = frozenset({DYNAMIC, DYNAMIC_ATTRIBUTES})
_RECORDED_OF_MEMBERS = frozenset({lookups.ANYWHERE, lookups.ATTRIBUTES, lookups.WALKS})
EVERYWHERE = ""  # in place of a path: a name that any file may mention (a package)


@dataclass
class Affected:
    """What grew out of the changes.

    Keys are (path, name); paths of modules whose import itself is affected.
    """

    names: dict[tuple[str, str], Cause] = field(default_factory=dict)
    # Names under which running code keeps something.
    kept: dict[tuple[str, str], Cause] = field(default_factory=dict)
    members: dict[tuple[str, str, str], Cause] = field(default_factory=dict)  # path, class, member
    # The same of what objects keep, where the run noted who read it of objects that others had
    # filled.
    seen: dict[tuple[str, str, str], Cause] = field(default_factory=dict)
    docs: dict[tuple[str, str], Cause] = field(default_factory=dict)
    hints: dict[tuple[str, str], Cause] = field(default_factory=dict)  # annotations
    modules: dict[str, Cause] = field(default_factory=dict)
    # Modules whose import may raise, and do nothing else.
    fragile: dict[str, Cause] = field(default_factory=dict)
    # Those of `fragile` that use a name which nothing binds any more.
    broken: set[str] = field(default_factory=set)
    # Those of `names` that pytest may look up as fixtures.
    fixtures: set[tuple[str, str]] = field(default_factory=set)

    @property
    def size(self) -> int:
        """How many names there are; it only grows."""
        return len(self.names) + len(self.kept) + len(self.members) + len(self.seen)

    def __bool__(self) -> bool:
        return any(
            (
                self.names,
                self.kept,
                self.members,
                self.seen,
                self.docs,
                self.hints,
                self.modules,
                self.fragile,
            )
        )


class Growth:
    """Grows `affected` until nothing is added.

    `coarse`: whatever looks at an attribute of the name of a member looks at that member. The
    growth that finds who holds a class is so: else it would have to ask that of each class that it
    comes upon.
    """

    def __init__(self, project: Project, *, coarse: bool = False) -> None:
        self.project = project
        self._coarse = coarse
        self.import_effects = ImportEffects(project, coarse=coarse)
        self.affected = Affected()
        self._pending: list[tuple[str, str]] = []
        self._pending_members: list[tuple[str, str, str]] = []
        self._unsure: set[tuple[str, str]] = set()  # names that may not be bound now
        # Of which it was asked what they are a part of.
        self._mutated_names: set[tuple[str, str]] = set()
        # By path and identity: what each brings about is noted already, whatever else it mentions.
        self._followed: dict[tuple[str, int], Definition] = {}

    # What changed

    def changed_definition(self, path: str, change: DefinitionChange) -> None:
        """A definition of `path` was added, removed or changed."""
        definition = change.definition
        cause = Cause(
            Kind.DEFINITION, change.how, path, _full(definition.owner, change.name), definition.line
        )
        if is_fixture(definition):
            self.affected.fixtures.add((path, change.name))
            self._fixture_named(path, definition, cause)
        elif definition.kind == "import" and not definition.owner:
            self._fixture_imported(path, definition, change.name, cause)
        is_there = change.how != REMOVED and definition in self.project.definitions(
            path, change.name, definition.owner
        )
        if change.how in (DOC, HINT, MOVED):
            self._unseen_by_most(path, change, cause)
            return
        if change.how == REMOVED and not definition.owner:
            self._unsure.add((path, change.name))
        if change.name:
            self._bound(path, definition, change.name, cause, how=change.how)
        if is_autouse(definition) and not definition.owner:
            self.module(path, cause)
        if not definition.owner and (
            change.name.startswith("pytest_") or change.name in known_effects.PYTEST_NAMES
        ):
            self.module(path, cause)
        if not definition.owner and change.name in ("__getattr__", "__dir__"):
            self._other_attributes(path, cause)
        if "star" in definition.flags:
            self._star_changed(path, definition, cause)
        if definition.kind == "class" and change.how in (ADDED, REMOVED, CHANGED):
            self._class_created(path, definition, cause)
        self._effects(path, definition, cause, may_raise=is_there or not change.name)

    def _fixture_named(self, path: str, definition: Definition, cause: Cause) -> None:
        """Note a fixture that came or changed: tests may know it by another name."""
        if "=name" in definition.mentions:
            for mention in definition.mentions:
                name = mention[1:]
                if mention.startswith(".") and name in (self.project.requested or (name,)):
                    self.affected.fixtures.add((path, name))
                    self.name(path, name, cause)

    def _fixture_imported(self, path: str, definition: Definition, name: str, cause: Cause) -> None:
        """Note an import that came or went.

        Pytest takes a fixture from there, too, also one that all tests use.
        """
        words = frozenset(
            {name, *(mention[1:] for mention in definition.mentions if mention.startswith("."))}
        )
        known = [
            d
            for where in self.project.mentioning(words)
            for n in words
            for d in self.project.definitions(where, n)
        ]
        made = [d for d in known if d.kind != "import" and is_fixture(d)]
        is_unknown = not made and self._may_be_for_pytest(path, definition, name)
        if made or is_unknown:
            self.affected.fixtures.add((path, name))
        if is_unknown or any(map(is_autouse, made)):
            self.module(path, cause)

    def _may_be_for_pytest(self, path: str, definition: Definition, name: str) -> bool:
        """Whether a file of tests has a name from a library that nothing in it uses."""
        roots = {mention[1:].partition(".")[0] for mention in definition.mentions}
        facts = self.project.facts(path)
        if (
            facts is None
            or "test" not in path.rpartition("/")[2]
            or any(map(known_effects.is_stdlib, roots))
        ):
            return False
        # the import may be gone by now
        is_own = self.project.resolve(name, path) is not None or any(
            map(self.project.index.files, roots)
        )
        return (
            not is_own
            and not facts.blocks_mentioning(name)
            and not facts.definitions_mentioning([name])
        )

    def _unseen_by_most(self, path: str, change: DefinitionChange, cause: Cause) -> None:
        """What a definition does is the same.

        Its documentation, its annotations or its place in a class are others.
        """
        if change.how != MOVED:
            self._documentation(path, change, cause)
            if change.how == HINT and FALLIBLE in change.definition.effects:
                self.fragile(path, cause)
        elif change.definition.kind == "class" and not change.definition.owner:
            self._class_created(path, change.definition, cause)
        elif self.project.minds_order(path, change.definition):
            self._bound(path, change.definition, change.name, cause)

    def ran(
        self, path: str, definition: Definition, cause: Cause, functions: Sequence[Ran]
    ) -> None:
        """Note that a function which a definition of `path` ran on import may do something else."""
        link = Cause(
            Kind.DEFINITION,
            Manner.RUNS,
            path,
            _full(definition.owner, "".join(definition.names[:1])),
            0,
            cause,
        )
        link = link._replace(line=definition.line)
        for bound in definition.names:
            self._bound(path, definition, bound, link._replace(name=_full(definition.owner, bound)))
        is_special = is_autouse(definition) or any(
            bound in known_effects.PYTEST_NAMES for bound in definition.names
        )
        # What an assignment sets besides names is known by its effects; these do not tell of names
        # of a class body.
        is_known = bool(definition.names) or (definition.kind == "assign" and not definition.owner)
        if not is_known or (is_special and not definition.owner):
            self.module(path, link)
        self.fragile(path, link)
        if self.project.runs(path):
            for consequence in self.import_effects.of_other_run(path, definition, functions):
                self.affect(consequence, link)

    def new_module(self, path: str, definitions: Iterable[Definition]) -> None:
        """A source file came: imports that failed, or found something else, may find it now."""
        cause = Cause(Kind.IMPORT, ADDED, path, _module_name(path))
        if _is_conftest(path):
            self.module(path, cause)
        self._module_found(path, cause)
        for definition in definitions:
            if not definition.owner:
                for name in definition.names:
                    self.name(
                        path, name, Cause(Kind.DEFINITION, ADDED, path, name, definition.line)
                    )

    def removed_module(self, path: str, definitions: Iterable[Definition]) -> None:
        """A source file went: who imports it fails."""
        cause = Cause(Kind.IMPORT, REMOVED, path, _module_name(path))
        self.fragile(path, cause)
        self._module_found(path, cause)
        for definition in definitions:
            if not definition.owner:
                for name in definition.names:
                    self.name(
                        path, name, Cause(Kind.DEFINITION, REMOVED, path, name, definition.line)
                    )

    def unparsable_module(self, path: str, cause: Cause) -> None:
        """A source file does not parse any more: who imports it fails, or goes on without it."""
        if self.is_import_caught(path):
            self.module(path, cause)
        else:
            self.fragile(path, cause, surely=True)

    def is_import_caught(self, path: str) -> bool:
        """Whether an import of a file stands in a `try` that catches whatever fails."""
        last_name = _module_name(path).rpartition(".")[2]
        for candidate in self.project.mentioning(frozenset({last_name})):
            model = self.project.model(candidate)
            for imported in model.imports if model else ():
                if path in self.project.index.targets(imported, candidate) and any(
                    "caught" in d.flags for d in self._at_line(candidate, imported.line)
                ):
                    return True
        return False

    def package(self, modules: Iterable[str], cause: Cause) -> None:
        """A distribution came, went or changed that provides these top-level names."""
        for name in modules:
            self.name(EVERYWHERE, name, cause)
            for path in self.project.mentioning(frozenset({name})):
                model = self.project.model(path)
                for imported in model.imports if model else ():
                    if imported.level or imported.module.partition(".")[0] != name:
                        continue
                    if self.project.index.files(imported.module.partition(".")[0]):
                        continue
                    if imported.name == "*":
                        self.module(path, cause)
                    elif not imported.lazy:
                        self.name(path, imported.binds, cause)
                        if not self._guarded(path, imported):
                            self.fragile(path, cause, surely=cause.how == REMOVED)

    # What is affected

    def module(self, path: str, cause: Cause) -> None:
        """Importing `path` itself may come out otherwise: every test that needs it is affected."""
        self.affected.modules.setdefault(path, cause)

    def fragile(self, path: str, cause: Cause, *, surely: bool = False) -> None:
        """Importing `path` may raise.

        Then pytest reports each test file that needs it, whichever of its tests run.
        """
        self.affected.fragile.setdefault(path, cause)
        if surely:
            self.affected.broken.add(path)

    def member(self, path: str, owner: str, member: str, cause: Cause) -> None:
        """A member of a class, which is no more than that, has another meaning."""
        key = (path, owner, member)
        if key not in self.affected.members:
            self.affected.members[key] = cause
            self._pending_members.append(key)

    def name(self, path: str, name: str, cause: Cause) -> None:
        """The module-level name, or an attribute of something in the file, has another meaning."""
        key = (path, name)
        if name and key not in self.affected.names:
            self.affected.names[key] = cause
            self._pending.append(key)

    def kept(
        self, path: str, qualname: str, name: str, cause: Cause, *, is_seen: bool = False
    ) -> None:
        """A function keeps something else under a name, see `FunctionSummary.keeps`.

        What ran on import did so before: only blocks read it, an attribute those that have to do
        with the class.
        """
        owner, attribute = qualname.rpartition(".")[0], name.rpartition(".")[2]
        if name.startswith(".") and self.project.class_named(path, owner) is not None:
            found = self.affected.seen if is_seen else self.affected.members
            found.setdefault((path, owner, attribute), cause)
            return
        if name.startswith("."):
            self.affected.kept.setdefault((path, attribute), cause)
            return
        where, called = self.project.resolve(name, path) or (path, name)
        if "." in called:
            self.affected.kept.setdefault((where, attribute), cause)
        else:
            self._kept_name(where, called or attribute, cause)

    def _kept_name(self, path: str, name: str, cause: Cause) -> None:
        """What a module-level name stands for holds something else.

        So do the names under which others import it.
        """
        pending = [(path, name)]
        while pending:
            where, called = pending.pop()
            if (where, called) not in self.affected.kept:
                self.affected.kept[where, called] = cause
                pending += self._imported_as(where, called)

    def _imported_as(self, path: str, name: str) -> Iterator[tuple[str, str]]:
        """The names under which others import a name of a file, or its like from outside."""
        for importer in self.project.star_importers(path):
            yield importer, name
        facts = self.project.facts(path)
        outside = {
            (i.module, i.name)
            for i in (facts.imports_of(name) if facts is not None else ())
            if not i.level
        }
        for candidate in self.project.mentioning(frozenset({name})):
            model = self.project.model(candidate)
            for imported in model.imports if model is not None and candidate != path else ():
                is_same = not imported.level and (imported.module, imported.name) in outside
                if is_same or (
                    imported.name == name
                    and path in self.project.index.module_files(imported, candidate)
                ):
                    yield candidate, imported.binds

    def is_fixture(self, path: str, name: str) -> bool:
        """Whether pytest could take a test's parameter of this name for a fixture of this file."""
        if self.project.requested is not None and name not in self.project.requested:
            return False
        key = (path, name)
        if key in self.affected.fixtures:
            return True
        if any(map(is_fixture, self.project.definitions(path, name))):
            self.affected.fixtures.add(key)
            return True
        return False

    def looks_up(self, mention: str, candidate: str, path: str) -> bool:
        """Whether code of `candidate` that looks names up may come upon a name of `path`.

        The name is one at the level of the module; `way` is the way of the look-up.
        """
        if mention == OWN_NAMESPACE:
            return candidate == path
        return mention == DYNAMIC or (path != EVERYWHERE and self.project.escapes(path))

    def grow(self) -> Affected:
        while self._pending or self._pending_members:
            while self._pending:
                path, name = self._pending.pop()
                self._spread(path, name, self.affected.names[path, name])
            while self._pending_members:
                key = self._pending_members.pop()
                self._spread_member(key, self.affected.members[key])
        return self.affected

    def holders(self, path: str, owner: str, member: str = "") -> Held:
        """Under which names a class, or a member of it, and what is made of it, is known."""
        # Which asks of each name what grows out of it.
        from testmon_cli.analysis.name_graph import Holders

        if self.project.holders is None:
            self.project.holders = Holders(self.project).of
        return self.project.holders(path, owner, member)

    def follow(self, path: str, definition: Definition, cause: Cause) -> Affected:
        """What a definition that mentions an affected name brings about, and no more than that."""
        self._follow(path, definition, "", "", cause)
        return self.affected

    def follow_annotation(self, path: str, definition: Definition, cause: Cause) -> Affected:
        """What a definition brings about if only its annotations mention an affected name."""
        self._follow_annotation(path, definition, "", "", cause)
        return self.affected

    def follow_member(self, key: tuple[str, str, str], cause: Cause) -> Affected:
        """What follows at once from a changed member."""
        self._spread_member(key, cause)
        return self.affected

    def follow_stars(self, path: str, name: str, cause: Cause) -> Affected:
        """What `from module import *` makes of an affected name, and no more than that."""
        if name == "__all__":
            self._everything_imported_by_star(path, cause)
        else:
            self._through_star(path, name, cause)
        return self.affected

    # How it spreads

    def _spread(self, path: str, name: str, cause: Cause) -> None:
        kept, is_unsure = _is_kept(cause), (path, name) in self._unsure
        using = self.using(path, name, keywords=is_unsure or cause.comes_or_goes)
        for candidate, definition, annotates in using:
            key = (candidate, id(definition))
            if annotates:
                self._follow_annotation(candidate, definition, path, name, cause)
            elif is_unsure or key not in self._followed:
                self._follow(candidate, definition, path, name, cause)
            # Else the statement did less than it may do for another name.
            if not annotates and not kept:
                self._followed[key] = definition
        self.follow_stars(path, name, cause)

    def using(
        self, path: str, name: str, *, keywords: bool = False
    ) -> Iterator[tuple[str, Definition, bool]]:
        """Definitions that mention a name of a file, with the paths that they stand in.

        True where annotations do. Those that only have it as a keyword of a call are left out,
        unless they are asked for.
        """
        reaching = None if path == EVERYWHERE else self.project.reaching(path)
        wanted = ["." + name, "@" + name, *(["=" + name] if keywords else [])]
        for candidate, definitions in self._candidates(path, name, wanted):
            if reaching is not None and candidate not in reaching:
                asked = self.project.asked
                if is_name_of(path, name) and asked.on_import(candidate, lookups.ANYWHERE, name):
                    facts = self.project.facts(candidate)
                    found = facts.definitions_using([lookups.ANYWHERE]) if facts is not None else ()
                    yield from ((candidate, definition, False) for definition in found)
                continue
            for definition in definitions:
                if _is_list_of_names(definition) and not keywords:
                    continue
                is_keyword = keywords and "=" + name in definition.mentions
                if is_keyword or self._mentions(definition, candidate, path, name):
                    yield candidate, definition, False
                elif self._annotates(definition, candidate, path, name):
                    yield candidate, definition, True

    def _candidates(
        self, path: str, name: str, wanted: Sequence[str]
    ) -> Iterator[tuple[str, Sequence[Definition]]]:
        """Definitions that may mention a name of a file, or look names up, by their files."""
        looking_up = self.project.looking_up(LOOKING_UP | RECORDED)
        mentioning = dict.fromkeys(self.project.mentioning(frozenset({name})))
        for candidate in mentioning:
            facts = self.project.facts(candidate)
            if facts is not None:
                ways = LOOKING_UP | RECORDED if candidate in looking_up else ()
                yield (
                    candidate,
                    facts.definitions_using(
                        [*wanted, *ways, *([name] if candidate == path else ())]
                    ),
                )
        for candidate, definitions in looking_up.items():
            if candidate not in mentioning:
                yield candidate, definitions

    def _mentions(self, definition: Definition, candidate: str, path: str, name: str) -> bool:
        if definition.kind == "import":
            if path == EVERYWHERE:
                found = self._imports_at(candidate, definition)
                return any(not i.level and i.module.partition(".")[0] == name for i in found)
            return self._imports_name(definition, candidate, path, name)
        if "." + name in definition.mentions:
            return True
        if "@" + name in definition.mentions and self.is_fixture(path, name):
            return True
        if any(self.looks_up(way, candidate, path) for way in LOOKING_UP & definition.mentions):
            return True
        if any(
            self._looked_up(way, candidate, path, name) for way in RECORDED & definition.mentions
        ):
            return True
        return candidate == path and name in definition.mentions

    def _looked_up(self, way: str, candidate: str, path: str, name: str) -> bool:
        """Whether `candidate` looked, or may have looked, a name of `path` up in a recorded way."""
        wanted = name
        if way == lookups.WALKS:
            if not self.project.is_only_of_module(path, name):
                return self.looks_up(OPEN[way], candidate, path)
            wanted = module_name(path)
        asked = self.project.asked.on_import(candidate, way, wanted)
        if asked is None:
            return self.looks_up(OPEN[way], candidate, path)
        return asked and (way != lookups.OWN_NAMESPACE or candidate == path)

    def _annotates(self, definition: Definition, candidate: str, path: str, name: str) -> bool:
        if not definition.hint_mentions:
            return False
        return "." + name in definition.hint_mentions or (
            candidate == path and name in definition.hint_mentions
        )

    def _follow_annotation(
        self, candidate: str, definition: Definition, path: str, name: str, cause: Cause
    ) -> None:
        """An annotation of a definition of `candidate` mentions an affected name."""
        for bound in definition.names:
            link = _link(Manner.ANNOTATES, candidate, definition, bound, cause)
            if "evaluated" in definition.flags and (
                FALLIBLE in definition.effects or (path, name) in self._unsure
            ):
                self.fragile(candidate, link)
            self._documentation(candidate, DefinitionChange(HINT, bound, definition), link)

    def _spread_member(self, key: tuple[str, str, str], cause: Cause) -> None:
        """Definitions that use a changed member.

        Those of the class body use it by its bare name, others as an attribute.
        """
        path, owner, member = key
        last = owner.rpartition(".")[2]
        reaching = self.project.reaching(path)
        looking_up = _OF_MEMBERS | _RECORDED_OF_MEMBERS
        for candidate in self.project.mentioning(frozenset({member, *looking_up})):
            facts = self.project.facts(candidate) if candidate in reaching else None
            attributes = {"." + member, *(["=" + member] if cause.comes_or_goes else ())}
            wanted = {member, *attributes, *looking_up}
            for definition in facts.definitions_using(wanted) if facts is not None else ():
                mentions = definition.mentions | definition.hint_mentions
                looks_up = not mentions.isdisjoint(_OF_MEMBERS) or any(
                    self.project.asked.on_import(
                        candidate, way, last if way == lookups.WALKS else member
                    )
                    is not False
                    for way in _RECORDED_OF_MEMBERS & mentions
                )
                uses = looks_up or not mentions.isdisjoint(attributes)
                if candidate == path and definition.owner == owner and member in mentions:
                    self._follow_member(candidate, definition, cause, is_gone=cause.how == REMOVED)
                elif (
                    uses
                    and definition.kind != "import"
                    and (
                        self._coarse
                        or self.holders(path, owner).is_mentioned(
                            candidate, mentions, looks_up=looks_up
                        )
                    )
                ):
                    self._follow_member(candidate, definition, cause, is_gone=False)
        if not self._coarse:
            self._made_of_members(path, owner, cause)

    def _follow_member(
        self, path: str, definition: Definition, cause: Cause, *, is_gone: bool
    ) -> None:
        for bound in definition.names or ("",):
            link = _link(Manner.MENTIONS, path, definition, bound, cause)
            if bound:
                self._bound(path, definition, bound, link)
            if is_gone and "caught" not in definition.flags:
                self.fragile(path, link)
            if not _is_kept(cause):
                self._effects(path, definition, link)

    def used_on_import(self, path: str, definition: Definition, cause: Cause) -> None:
        """A definition uses a member of an object that something else gave it."""
        if (path, id(definition)) not in self._followed:
            self._followed[path, id(definition)] = definition
            self._follow_member(path, definition, cause, is_gone=False)

    def _made_of_members(self, path: str, owner: str, cause: Cause) -> None:
        """Note a subclass whose members something from outside looks at.

        That is a metaclass, a decorator or a base.
        """
        for made in self._made_of(self.holders(path, owner)):
            if (path, owner) in made.above:
                where, definition = made.path, made.definition
                link = Cause(
                    Kind.DEFINITION,
                    Manner.INHERITS,
                    where,
                    definition.names[0],
                    definition.line,
                    cause,
                )
                self._whole_class(where, definition.qualname, link)

    def _made_of(self, held: Held) -> list[Made]:
        """The classes of some names of which something else makes something."""
        if held not in self.project.made:
            self.project.made[held] = [
                Made(where, definition, self.project.classes_above(where, definition))
                for where, name in sorted(held.names)
                for definition in self.project.definitions(where, name)
                if definition.kind == "class"
                and not self.project.is_plain_class(where, definition, above=True)
            ]
        return self.project.made[held]

    def _imports_name(self, definition: Definition, candidate: str, path: str, name: str) -> bool:
        if "." + name not in definition.mentions:
            return False
        return any(
            path in self.project.index.module_files(imported, candidate)
            for imported in self._imports_at(candidate, definition)
            if imported.name == name
        )

    def _imports_at(self, path: str, definition: Definition) -> list[Import]:
        facts = self.project.facts(path)
        lines = range(definition.line, definition.end_line + 1)
        if facts is None:
            return []
        return [i for name in definition.names for i in facts.imports_of(name) if i.line in lines]

    def _follow(
        self, candidate: str, definition: Definition, path: str, name: str, cause: Cause
    ) -> None:
        """A definition of `candidate` mentions an affected name."""
        for bound in definition.names or ("",):
            link = _link(Manner.MENTIONS, candidate, definition, bound, cause)
            if bound:
                self._bound(candidate, definition, bound, link)
        link = Cause(
            Kind.DEFINITION,
            Manner.MENTIONS,
            candidate,
            _full(definition.owner, "".join(definition.names[:1])),
            definition.line,
            cause,
        )
        # Else pytest looks it up, for each test anew.
        is_used = not {name, "." + name}.isdisjoint(definition.mentions)
        if (
            is_used
            and (path, name) in self._unsure
            and not self._is_caught(candidate, definition, path, name)
        ):
            self.fragile(candidate, link, surely=cause.how == REMOVED)
        if is_autouse(definition) and not definition.owner:
            self.module(candidate, link)
        if (
            any(bound in known_effects.PYTEST_NAMES for bound in definition.names)
            and not definition.owner
        ):
            self.module(candidate, link)
        if _is_kept(cause):
            return  # the statement does what it did: only what is kept in the object is other
        if definition.kind == "class":
            self._class_created(candidate, definition, link)
        # An import of a name raises only where that is not bound.
        self._effects(candidate, definition, link, may_raise=definition.kind != "import")

    @staticmethod
    def _is_caught(candidate: str, definition: Definition, path: str, name: str) -> bool:
        """Whether the use of a name that is not bound does no harm.

        It is caught, or a builtin has the same name.
        """
        if candidate == path and name in known_effects.BUILTINS:
            return True
        return "caught" in definition.flags or ("guarded" in definition.flags and candidate != path)

    def _bound(
        self, path: str, definition: Definition, name: str, cause: Cause, how: Manner = CHANGED
    ) -> None:
        """A definition binds `name` anew, at module level or as a member of a class."""
        if not definition.owner:
            if definition.kind == "statement":
                self._unsure.add((path, name))  # it may bind the name only in some cases
            self.name(path, name, cause)
            return
        owner = self.project.class_named(path, definition.owner)
        if around := self._looking_within(path, definition.owner):
            self.fragile(path, cause)
            self._whole_class(path, around, cause)
        if owner is None or not self._is_mere_member(path, owner, definition, how):
            self.fragile(path, cause)  # whoever makes the class may refuse it
            self._whole_class(path, definition.owner, cause)
        elif (
            known_effects.is_special(name)
            or self.project.is_asked_for_by_bases(path, owner, name)
            or is_autouse(definition)
            or self._makes_usable(definition, name, how)
        ):
            self._whole_class(path, definition.owner, cause)
        elif "bare" in definition.flags and how != CHANGED:
            self._documentation(path, DefinitionChange(HINT, name, definition), cause)
        else:
            self.member(path, definition.owner, name, cause)
        if how != CHANGED and self.project.definitions(path, "__slots__", definition.owner):
            self.fragile(path, cause)  # a slot and a member of the same name exclude each other

    def _is_mere_member(
        self, path: str, owner: Definition, definition: Definition, how: Manner
    ) -> bool:
        """Whether nothing that makes the class something of its own looks at a member."""
        if self.project.is_plain_class(path, owner):
            return True
        is_plain_function = definition.kind == "function" and not definition.decorators
        return (
            is_plain_function and how == CHANGED and self.project.passes_over_functions(path, owner)
        )

    def _looking_within(self, path: str, owner: str) -> str:
        """The class around another of which something makes more, as it looks at what is within.

        Bases and decorators do so with `class Meta`, or a class of any other name.
        """
        while owner := owner.rpartition(".")[0]:
            around = self.project.class_named(path, owner)
            if around is None or not self.project.is_plain_class(path, around):
                return owner
        return ""

    def _makes_usable(self, definition: Definition, name: str, how: Manner) -> bool:
        """Whether a member decides if objects can be made.

        It is abstract, or comes or goes where one is abstract.
        """
        if _is_abstract(definition):
            return True
        if how not in (ADDED, REMOVED):
            return False
        if name in known_effects.ABSTRACT_METHODS:
            return True
        for path in self.project.mentioning(_ABSTRACT):
            model = self.project.model(path)
            if any(
                name in d.names and d.owner and _is_abstract(d)
                for d in (model.definitions if model else ())
            ):
                return True
        return False

    def _whole_class(self, path: str, owner: str, cause: Cause) -> None:
        outermost, _, _ = owner.partition(".")
        self.name(path, outermost, cause)
        self.name(path, owner.rpartition(".")[2], cause)
        if cause.is_after_imports:
            return  # it was made before that
        for definition in self.project.definitions(path, outermost):
            self._class_created(path, definition, cause)
            self._effects(path, definition, cause)

    def _documentation(self, path: str, change: DefinitionChange, cause: Cause) -> None:
        definition = change.definition
        pure = self.project.has_pure_decorators(path, definition)
        owner = self.project.class_named(path, definition.owner) if definition.owner else None
        if owner is not None and change.name != "__doc__" and definition.kind != "function":
            pure = pure and self.project.is_plain_class(path, owner)
        reads = READS_DOCS if change.how == DOC else READS_HINTS
        if owner is not None and pure and not self._coarse:
            self._read_as_a_whole(path, owner, cause, reads)
        if pure:
            for name in self._asked_of(path, change):
                self._documented(path, name, cause, reads)
        else:
            self._bound(path, definition, change.name, cause)
            self._effects(path, definition, cause, may_raise=change.how == HINT)

    def _read_as_a_whole(self, path: str, owner: Definition, cause: Cause, reads: str) -> None:
        """What is given a class may read its documentation, or annotations, or show it later."""
        if self.project.is_given_to_readers(path, owner, reads):
            self._whole_class(path, owner.qualname, cause)
        elif reads == READS_DOCS and self.project.shows_docs_outside(path, owner):
            self.name(path, owner.qualname.partition(".")[0], cause)
            self.name(path, owner.names[0], cause)

    def _documented(self, path: str, name: str, cause: Cause, reads: str) -> None:
        """Note that the docstring, or annotations, of what a name stands for are others."""
        affected = self.affected.docs if reads == READS_DOCS else self.affected.hints
        if (path, name) not in affected:
            affected[path, name] = cause
            self._read_on_import((path, name), cause, reads)

    def _asked_of(self, path: str, change: DefinitionChange) -> set[str]:
        """The names by which documentation or annotations are asked for: all that an object has."""
        definition = change.definition
        is_of_class = change.name == "__doc__" or (
            change.how == HINT and definition.kind != "function"
        )
        if is_of_class and not definition.owner:
            return {module_name(path), *([change.name] if change.how == HINT else [])}
        if self._coarse:
            return {definition.owner.rpartition(".")[2] if is_of_class else change.name}
        is_method = bool(definition.owner) and not is_of_class
        held = self.holders(path, definition.owner or change.name, change.name if is_method else "")
        names = {mention[1:] for mention in held.attributes}
        if is_of_class and self.project.mentioning(frozenset({"__subclasses__"})):
            owner = self.project.class_named(path, definition.owner)
            above = self.project.ancestors(path, owner) if owner is not None else ()
            names.update(name for _, base, _ in above if base is not None for name in base.names)
        return names

    def _read_on_import(self, key: tuple[str, str], cause: Cause, reads: str) -> None:
        """Definitions that look at documentation or annotations of what they mention."""
        path, name = key
        reaching = self.project.reaching(path)
        for candidate, definitions in self.project.looking_up(frozenset({reads})).items():
            for definition in definitions if candidate in reaching else ():
                if reads not in definition.mentions:
                    continue  # an annotation does
                own = candidate == path and not {name, "__doc__", "__annotations__"}.isdisjoint(
                    definition.mentions
                )
                if own or "." + name in definition.mentions or "&" + name in definition.mentions:
                    self._follow(candidate, definition, path, name, cause)

    # Modules and stars

    def _module_found(self, path: str, cause: Cause) -> None:
        """Imports that name this file: what they bind, and the blocks that import lazily."""
        last = _module_name(path).rpartition(".")[2]
        self.name(path, last, cause)
        for candidate in self.project.mentioning(frozenset({last})):
            model = self.project.model(candidate)
            for imported in model.imports if model else ():
                if (
                    path not in set(self.project.index.targets(imported, candidate))
                    or imported.lazy
                ):
                    continue
                link = Cause(
                    Kind.IMPORT, Manner.IMPORTS, candidate, imported.binds, imported.line, cause
                )
                if imported.name == "*":
                    self.module(candidate, link)
                    continue
                if cause.how == REMOVED and not self._guarded(candidate, imported):
                    self.fragile(candidate, link, surely=True)
                self.name(candidate, imported.binds, link)
                for definition in self._at_line(candidate, imported.line):
                    for bound in definition.names:
                        self._bound(candidate, definition, bound, link)
                    self._effects(candidate, definition, link)

    def _other_attributes(self, path: str, cause: Cause) -> None:
        """A module's `__getattr__` or `__dir__` is another.

        Who asks it for what it does not define.
        """
        model = self.project.model(path)
        defined = (
            {name for d in model.definitions if not d.owner for name in d.names} if model else set()
        )
        for candidate in self.project.reaching(path):
            other = self.project.model(candidate)
            for imported in other.imports if other else ():
                link = Cause(
                    Kind.IMPORT, Manner.IMPORTS, candidate, imported.binds, imported.line, cause
                )
                if self.project.binds_module(imported, candidate, path):
                    self.affected.kept.setdefault((candidate, imported.binds), link)
                    self._asked_on_import(candidate, imported.binds, defined, link)
                    continue
                if imported.name in defined:
                    continue
                if path in self.project.index.module_files(imported, candidate):
                    self.name(candidate, imported.binds, link)
                    if cause.how == REMOVED and not self._guarded(candidate, imported):
                        self.fragile(candidate, link)

    def _asked_on_import(self, path: str, module: str, defined: set[str], cause: Cause) -> None:
        model = self.project.model(path)
        for definition in model.definitions if model else ():
            asked = {m[1:] for m in definition.mentions if m.startswith(".")} - defined
            if module in definition.mentions and asked:
                for name in definition.names:
                    self._bound(path, definition, name, cause)
                self._effects(path, definition, cause)

    def _at_line(self, path: str, line: int) -> list[Definition]:
        model = self.project.model(path)
        return [d for d in model.definitions if d.line <= line <= d.end_line] if model else []

    def _guarded(self, path: str, imported: Import) -> bool:
        return any("guarded" in d.flags for d in self._at_line(path, imported.line))

    def _through_star(self, path: str, name: str, cause: Cause) -> None:
        if path == EVERYWHERE or name.startswith("__"):
            return
        for importer in self.project.star_importers(path):
            self.name(
                importer, name, Cause(Kind.IMPORT, Manner.IMPORTS_ALL, importer, name, 0, cause)
            )

    def _everything_imported_by_star(self, path: str, cause: Cause) -> None:
        model = self.project.model(path)
        for importer in self.project.star_importers(path):
            for definition in model.definitions if model else ():
                for name in definition.names if not definition.owner else ():
                    self.name(
                        importer,
                        name,
                        Cause(Kind.IMPORT, Manner.IMPORTS_ALL, importer, name, 0, cause),
                    )

    def _star_changed(self, path: str, definition: Definition, cause: Cause) -> None:
        """`from module import *` came or went: every name of the module may be bound or not."""
        del definition  # which names they are would need the module as it was, too
        self.module(path, cause)

    # Effects

    def _class_created(self, path: str, definition: Definition, cause: Cause) -> None:
        """Note that a class statement runs code of its bases.

        That is __init_subclass__, a metaclass, or a registry outside the project.
        """
        if not self.project.runs(path):
            return
        if "keywords" in definition.flags:
            for owner in definition.names:
                self.name(path, owner, cause)
        ancestors = list(self.project.ancestors(path, definition))
        is_other = cause.how in (ADDED, REMOVED, CHANGED, MOVED, DOC, HINT)
        if is_other:
            for where in dict.fromkeys(
                where for where, parent, _ in ancestors if parent is not None
            ):
                self.name(where, "__subclasses__", cause)
        registers = any(self._is_told(*ancestor) for ancestor in ancestors)
        if not registers or not is_other:
            return
        for where, parent, _ in ancestors:
            if parent is None:
                continue
            for name in parent.names:
                self.name(
                    where,
                    name,
                    Cause(
                        Kind.DEFINITION,
                        Manner.IS_TOLD_OF_SUBCLASSES,
                        where,
                        name,
                        parent.line,
                        cause,
                    ),
                )
        if all(parent is None for _, parent, _ in ancestors):
            self.module(path, cause)

    def told_of(self, path: str, definition: Definition) -> list[tuple[str, Definition]]:
        """The classes above a class, if one of these runs code for each class below.

        Those of the project, with their files.
        """
        ancestors = list(self.project.ancestors(path, definition))
        if not any(self._is_told(*ancestor) for ancestor in ancestors if ancestor[1] is not None):
            return []
        return [(where, parent) for where, parent, _ in ancestors if parent is not None]

    def _is_told(self, path: str, definition: Definition | None, base: str) -> bool:
        """Whether a base class runs code for each class made below it.

        The definition is None outside the project.
        """
        if definition is None:
            return (
                base not in known_effects.PLAIN_BASES
                and not known_effects.is_stdlib(base)
                and not known_effects.is_pure_call(base)
            )
        own = self.project.definitions(path, "__init_subclass__", definition.qualname)
        return "keywords" in definition.flags or bool(own)

    def _effects(
        self, path: str, definition: Definition, cause: Cause, *, may_raise: bool = True
    ) -> None:
        self.imported_effects(path, definition, cause, importing=path, may_raise=may_raise)

    def imported_effects(
        self,
        path: str,
        definition: Definition,
        cause: Cause,
        *,
        importing: str,
        may_raise: bool = True,
    ) -> None:
        """What a definition does besides binding its names.

        If it may raise, so may the import of `importing`.
        """
        if self.project.runs(importing):
            for consequence in self.import_effects.of(path, definition, importing):
                if may_raise or consequence.what != FRAGILE:
                    self.affect(consequence, cause)

    def affect(self, consequence: Consequence, cause: Cause) -> None:
        """Something that runs on import has a consequence."""
        what, path, name, owner = consequence
        if what == MODULE:
            self.module(path, cause)
        elif what == FRAGILE:
            self.fragile(path, cause)
        elif what == MEMBER:
            self.member(path, owner, name, cause)
        elif what == MUTATED:
            self._mutated(path, name, cause)
        elif what == DOCUMENTED:
            self._documented(path, name, cause, READS_DOCS)
        else:
            self.name(path, name, cause)

    def _mutated(self, path: str, name: str, cause: Cause) -> None:
        """Note that what a name stands for in `path`, or an attribute of that, has changed.

        It counts wherever else it is known by a name.
        """
        link = Cause(Kind.DEFINITION, Manner.CHANGES, path, name, cause.line, cause)
        self.name(path, name.partition(".")[0], link)
        self._parts_of_others(path, name.partition(".")[0], link)
        found = self.project.resolve(name, path)
        if found is None or found[0] == path:
            return
        if found[1]:
            self.name(found[0], found[1].partition(".")[0], link)
            self._parts_of_others(found[0], found[1].partition(".")[0], link)
        else:
            self.module(found[0], link)  # some attribute of a module

    def _parts_of_others(self, path: str, name: str, cause: Cause) -> None:
        """An object that a name stands for has changed: so has what it is, or may be, a part of."""
        if (path, name) in self._mutated_names:
            return
        self._mutated_names.add((path, name))
        for definition in self.project.definitions(path, name):
            is_part = (
                definition.kind in ("assign", "statement") and "literal" not in definition.flags
            )
            for mention in sorted(definition.mentions) if is_part else ():
                if mention.isidentifier() and mention != name:
                    self._may_hold_part(path, mention, cause)

    def _may_hold_part(self, path: str, mention: str, cause: Cause) -> None:
        """Note a name that is mentioned where a changed object gets its name.

        What it stands for may have the changed object as a part.
        """
        found = self.project.resolve(mention, path)
        if found is None or not found[1]:
            return
        if self.project.function(*found) is not None:
            sources = results.sources_of(self.project, *found) or frozenset()
        else:
            owner, _, last = found[1].rpartition(".")
            definitions = self.project.definitions(found[0], last, owner)
            is_object = any(
                d.kind in ("assign", "statement") and "constant" not in d.flags for d in definitions
            )
            sources = frozenset({(found[0], owner, last)} if is_object else ())
        for where, owner, last in sorted(sources):
            if owner:
                self.member(where, owner, last, cause)
            else:
                self._mutated(where, last, cause)


def _is_list_of_names(definition: Definition) -> bool:
    """Whether a definition is an `__all__` written out.

    It is the same whatever the names in it stand for.
    """
    is_literal = "literal" in definition.flags and not any(
        map(str.isidentifier, definition.mentions)
    )
    return is_literal and definition.names == ("__all__",)


def may_run(definition: Definition) -> bool:
    """Whether a definition does anything; `pass` does not, on the line of its class."""
    return bool(definition.names or definition.mentions or definition.effects)


def _is_kept(cause: Cause) -> bool:
    """Whether only what some object keeps is other, not what the code does."""
    return any(link.kind is Kind.MEMOISED for link in cause.chain())


def is_fixture(definition: Definition) -> bool:
    """A fixture, or something made by a decorator or call that may make one."""
    if "fixture" in definition.flags or definition.kind == "statement":
        return True
    makers = definition.decorators if definition.kind == "function" else definition.bases
    return definition.kind in ("function", "assign") and any(
        maker.rpartition(".")[2].endswith("fixture") or not known_effects.is_pure_decorator(maker)
        for maker in makers
    )


def is_autouse(definition: Definition) -> bool:
    """Whether pytest uses what a definition makes for all tests, as far as its text tells."""
    is_made = (
        definition.kind != "class"
        and "fixture" not in definition.flags
        and "=autouse" in definition.mentions
    )
    return "autouse" in definition.flags or is_made


def _is_abstract(definition: Definition) -> bool:
    return any(decorator.rpartition(".")[2] in _ABSTRACT for decorator in definition.decorators)


def _is_conftest(path: str) -> bool:
    return path.rpartition("/")[2] == CONFTEST


def is_name_of(path: str, name: str) -> bool:
    """Whether the module of a file has a name, be it in a package.

    Who imports it by that need not reach it before.
    """
    return path != EVERYWHERE and module_name(path) == name


def module_name(path: str) -> str:
    """The last part of the name of a file's module."""
    return _module_name(path).rpartition(".")[2]


def _module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _link(manner: Manner, path: str, definition: Definition, bound: str, cause: Cause) -> Cause:
    """A cause by way of a name that a definition binds."""
    name = _full(definition.owner, bound)
    return Cause(Kind.DEFINITION, manner, path, name, definition.line, cause)


def _full(owner: str, name: str) -> str:
    return f"{owner}.{name}" if owner else name
