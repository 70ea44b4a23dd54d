"""Which traces of a run executed a block that mentions an affected name.

This is the reading of section 4.2 of the model.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import NamedTuple, Protocol

from testmon_cli.analysis import lookups
from testmon_cli.analysis.definition_index import DefinitionIndex
from testmon_cli.analysis.mentions import (
    DYNAMIC_MEMBERS,
    JOINS_CLASSES,
    MATCHES_BY_POSITION,
    OPEN,
    OWN_NAMESPACE,
    READS_DOCS,
    READS_HINTS,
    STORES,
)
from testmon_cli.analysis.name_graph import IMPORT, Member, Name, NameGraph
from testmon_cli.analysis.project import Project
from testmon_cli.analysis.propagation import (
    EVERYWHERE,
    LOOKING_UP,
    RECORDED,
    Growth,
    is_name_of,
    module_name,
)
from testmon_cli.analysis.receiver_classes import Relations
from testmon_cli.application.invalidate.block_traces import BlockTraces
from testmon_cli.application.invalidate.lookup_traces import EVERYONE, AskedNames, Asking
from testmon_cli.application.invalidate.snapshot_diff import Hits
from testmon_cli.application.invalidate.text_traces import TextsRead
from testmon_cli.domain.bits import Bits
from testmon_cli.domain.causes import REMOVED, Cause, Kind, Manner
from testmon_cli.domain.records import StoredTest
from testmon_cli.domain.source import Block, Definition

_MENTIONS, _MAY_LOOK_UP, _LOOKS_UP = Manner.MENTIONS, Manner.MAY_LOOK_UP, Manner.LOOKS_UP


class Run(Protocol):
    """What is known of a run and of the sources as they are now."""

    traces: BlockTraces
    modules: dict[int, str]  # traces of imports, with the file that was imported
    texts: TextsRead
    asked: AskedNames

    @property
    def everyone(self) -> int:
        """The traces of all tests, where there are many; none where there are few."""

    def statement(self, trace_id: int) -> Sequence[Definition] | None:
        """The definitions that the trace of a statement of a module is of.

        None where that is not known.
        """

    def mentioning(self, names: frozenset[str]) -> Iterable[str]:
        """Files whose text may mention one of the names."""

    def tests_in(self, paths: Iterable[str]) -> Iterator[StoredTest]:
        """The tests of the run that stand in some files."""

    def reading(self, path: str, attribute: str) -> int:
        """Traces that read what a file keeps in an object that was filled before their turn."""

    def notes_reading(self, path: str, qualname: str, attribute: str) -> bool:
        """Whether a function notes of which object it reads an attribute, and did so in the run."""

    def only_stores(self, path: str, qualname: str, attribute: str) -> bool:
        """Whether setting an attribute of its own object does no more for a method.

        Nothing reads what was there.
        """


class Place(NamedTuple):
    """A block and its file."""

    path: str
    block: Block


class Searching(NamedTuple):
    """Blocks of a file that may come upon any name.

    With the traces in which it is not known which names they looked up.
    """

    path: str
    way: str  # of LOOKING_UP
    blocks: tuple[Block, ...]
    traces: int


class Mentions:
    """Where names are mentioned, and by which traces those places were executed.

    Asked once for each name.
    """

    def __init__(self, run: Run, project: Project) -> None:
        self.run = run
        self.project = project
        self.traces = run.traces
        self.asked = run.asked
        self._attributes: dict[str, int] = {}
        self._named: dict[str, int] = {}
        self._places: dict[str, list[Place]] = {}
        self._tests: dict[str, Mapping[str, int]] = {}
        self._touching: dict[str, int] = {}
        self._calling: dict[str, list[Definition]] = {}

    def files(self, *names: str) -> Iterator[tuple[str, DefinitionIndex]]:
        """Files that may hold any of some names."""
        for path in self.run.mentioning(frozenset(names)):
            facts = self.project.facts(path)
            if facts is not None:
                yield path, facts

    def places(self, mention: str, name: str = "") -> list[Place]:
        """Blocks with a mention; `name` is what the index of names has for it."""
        if mention not in self._places:
            found = self.files(name or mention)
            places = [
                Place(path, block)
                for path, facts in found
                for block in facts.blocks_mentioning(mention)
            ]
            self._places[mention] = places
        return self._places[mention]

    @cached_property
    def looking_up(self) -> tuple[Searching, ...]:
        """Blocks that may come upon any name."""
        found = [
            Searching(path, way, tuple(facts.blocks_mentioning(way)), EVERYONE)
            for path, facts in self.files(*LOOKING_UP)
            for way in sorted(LOOKING_UP)
        ]
        found += [
            Searching(path, OPEN[way], blocks, self.asked.lost(path, way))
            for (path, way), blocks in self.asked.looking.items()
            if way in RECORDED
        ]
        return tuple(each for each in found if each.blocks and each.traces)

    def walking(self, name: Name) -> tuple[Asking, ...]:
        """The code that went through all names of the module that binds a name, or may have."""
        path, word = name
        if path == EVERYWHERE:
            return ()
        if self.project.is_only_of_module(path, word):
            return self.asked.walking(module_name(path))
        return self._walks if self.project.escapes(path) else ()

    @cached_property
    def _walks(self) -> tuple[Asking, ...]:
        """The code that went through all names of anything."""
        looking = [
            (path, found)
            for (path, way), found in self.asked.looking.items()
            if way == lookups.WALKS
        ]
        return tuple(
            Asking(path, lookups.WALKS, found, self.ran(Place(path, block) for block in found))
            for path, found in looking
        )

    def ran(self, places: Iterable[Place]) -> int:
        """Traces that executed any of some blocks."""
        united = 0
        for path, block in places:
            united |= self.traces.ran(path, block.checksum)
        return united

    def concerned(self, places: Iterable[Place], among: int = EVERYONE) -> int:
        """Traces that executed any of some blocks, if they are `among` these, and their users."""
        return self.traces.with_users(self.ran(places) & among)

    def searching(self, found: Searching) -> int:
        """Traces in which some blocks may have come upon any name."""
        return self.ran(Place(found.path, block) for block in found.blocks) & found.traces

    def touching(self, path: str) -> int:
        """Tests that executed something in a file, or in one from which it can be reached."""
        if path not in self._touching:
            reaching = self.project.reaching(path)
            standing = self.traces.bits.of(test.trace_id for test in self.run.tests_in(reaching))
            self._touching[path] = self.traces.with_users(self.traces.touching(reaching) | standing)
        return self._touching[path]

    def attribute(self, name: str) -> int:
        """Traces that used an attribute of this name, with all that use them."""
        return self.traces.with_users(self.users_of_attribute(name))

    def named(self, path: str, name: str) -> int:
        """Traces that used a name of a module, with all that use them.

        Methods may use it of their own object only where a class binds it, too.
        """
        if self.project.binds_in_class(path, name):
            return self.attribute(name)
        if name not in self._named:
            self._named[name] = self.concerned(self.places("." + name, name)) | self.code(name)
        return self._named[name]

    def users_of_attribute(self, name: str) -> int:
        """Traces that used an attribute of this name themselves, or looked it up."""
        if name not in self._attributes:
            found = self.ran((*self.places("." + name, name), *self.places("~" + name, name)))
            found |= self.asked.in_code(name)
            for asking in self.asked.where(name):
                found |= asking.traces if asking.way != lookups.OWN_NAMESPACE else 0
            self._attributes[name] = found
        return self._attributes[name]

    def code(self, name: str) -> int:
        """Traces of code outside of the sources that may use a name, with all that use them."""
        return self.traces.with_users(self.asked.in_code(name))

    def reads(self, place: Place, attribute: str) -> bool:
        """Whether a block that uses an attribute of its own object may read it."""
        path, block = place
        return STORES + attribute not in block.mentions or not self.run.only_stores(
            path, block.qualname, attribute
        )

    def lending(self, place: Place) -> int:
        """Traces in which a block's function may have got an object of an unrelated class.

        They made a class that joins others, or took the function from its class, or were imports.
        """
        method = place.block.qualname.partition(".<locals>")[0].rpartition(".")[2]
        return self._joining | self.importing | self.concerned(self.places("%" + method, method))

    @cached_property
    def _joining(self) -> int:
        return self.concerned(self.places(JOINS_CLASSES))

    @cached_property
    def importing(self) -> int:
        """Traces of imports."""
        return self.traces.bits.known(self.run.modules)

    def reading(self, readers: int) -> int:
        """Who may have what some traces read.

        Those that use them, and all that need a module which read it.
        """
        for trace_id in self.traces.bits.things(readers & self.importing):
            readers |= self.touching(self.run.modules[trace_id])
        return self.traces.with_users(readers)

    def making(self, names: Iterable[Name]) -> int:
        """Traces of the imports that bind some names.

        As far as it is known, of the statements that do.
        """
        wanted: dict[str, set[str]] = defaultdict(set)
        for path, name in names:
            wanted[path].add(name)
        return self.traces.bits.known(
            trace_id
            for path, found in wanted.items()
            for trace_id, running in self._imports.get(path, ())
            if running is None or any(_has_to_do_with(definition, found) for definition in running)
        )

    @cached_property
    def _imports(self) -> Mapping[str, list[tuple[int, Sequence[Definition] | None]]]:
        """Traces of imports by their files, each with the definitions that it is of."""
        found: dict[str, list[tuple[int, Sequence[Definition] | None]]] = defaultdict(list)
        for trace_id, path in self.run.modules.items():
            found[path].append((trace_id, self.run.statement(trace_id)))
        return found

    def maker(self, trace_id: int) -> str:
        """The import that a trace is of, or the statement if that is known; for `made_by`."""
        path = self.run.modules[trace_id]
        return path if self.run.statement(trace_id) is None else f"{path}\n{trace_id}"

    def made_by(self, maker: str) -> Iterator[tuple[str, Definition]]:
        """The definitions, with their file, that may be made by an import or statement."""
        path, _, trace_id = maker.partition("\n")
        running = self.run.statement(int(trace_id)) if trace_id else None
        for definition in self.calling(path) if running is None else running:
            yield path, definition

    def calling(self, path: str) -> Sequence[Definition]:
        """The definitions of a file that may run code of the project when it is imported."""
        if path not in self._calling:
            facts = self.project.facts(path)
            found = facts.model.definitions if facts is not None else ()
            self._calling[path] = [
                definition for definition in found if self._may_call(path, definition)
            ]
        return self._calling[path]

    def _may_call(self, path: str, definition: Definition) -> bool:
        if definition.kind == "class":
            return bool(definition.decorators) or not self.project.is_plain_class(path, definition)
        if definition.kind == "function":  # its decorators and the defaults of its parameters
            return bool(definition.decorators) or any(
                not mention.startswith("@") for mention in definition.mentions
            )
        return definition.kind != "import" and bool(definition.mentions)

    def standing(self, path: str, name: str) -> int:
        """Tests of which the function or class has this name at the level of the module."""
        return self._standing(path).get(name, 0)

    def _standing(self, path: str) -> Mapping[str, int]:
        if path not in self._tests:
            found: dict[str, list[int]] = defaultdict(list)
            for test in self.run.tests_in([path]):
                found[test.function.partition(".")[0]].append(test.trace_id)
            self._tests[path] = {
                name: self.traces.bits.of(traces) for name, traces in found.items() if name
            }
        return self._tests[path]

    @cached_property
    def looking_at_members(self) -> Mapping[Name, list[tuple[Place, int]]]:
        """Blocks that look members of their own class up, by the outermost name that they stand in.

        With each come the traces of which it is not known which members these were.
        """
        found: dict[Name, list[tuple[Place, int]]] = defaultdict(list)
        places = [(place, EVERYONE) for place in self.places(DYNAMIC_MEMBERS)]
        for (path, way), blocks in self.asked.looking.items():
            if way == lookups.MEMBERS:
                places += [(Place(path, block), self.asked.lost(path)) for block in blocks]
        for place, traces in places:
            found[place.path, place.block.qualname.partition(".")[0]].append((place, traces))
        return found

    @cached_property
    def looking_anywhere(self) -> list[tuple[Place, int]]:
        """Blocks that may look up a member of any class, with the traces that say no more."""
        found = [
            (Place(each.path, block), each.traces)
            for each in self.looking_up
            if each.way != OWN_NAMESPACE
            for block in each.blocks
        ]
        wide = {
            (place.path, place.block.checksum): (place, traces)
            for place, traces in sorted(found, key=_width)
        }
        return list(wide.values())


def _width(found: tuple[Place, int]) -> int:
    return 0 if found[1] != EVERYONE else 1


class Owners:
    """Who has to do with a class: executed what mentions it, or something that follows from it."""

    def __init__(self, mentions: Mentions, growth: Growth, *, kept: bool) -> None:
        self._mentions = mentions
        self._growth = growth
        self._project = mentions.project
        self._graph = NameGraph(
            self._project, self._own, kept=kept, made_with=self._made_with, calling=mentions.made_by
        )
        self._holders = Bits[Name]()  # names with blocks that look at members of their own class
        self._visited: set[Name | Member] = set()
        self._passed: set[str] = set()  # paths of these
        self._looking: dict[str, int] = {}

    def traces(self, names: Iterable[Name]) -> int:
        """Traces that have to do with any of some names."""
        united = 0
        for name in names:
            united |= self._graph.union(name)
        return united >> self._width

    def related(self, names: Iterable[Name]) -> set[Name]:
        """The names that follow from some names whose blocks look at members of their class."""
        united = 0
        for name in names:
            united |= self._graph.union(name)
        return set(self._holders.things(united & ((1 << self._width) - 1)))

    @cached_property
    def _width(self) -> int:
        """How many of the bits stand for `_holders`; those of traces come after them."""
        self._holders.of(self._mentions.looking_at_members)
        return len(self._mentions.looking_at_members)

    def _own(self, name: Name | Member) -> int:
        if name[1] == IMPORT:
            return 0
        if len(name) == 3:
            traces = self._needing(name) | self._mentions.attribute(name[2])
            for asking in self._mentions.asked.walking(name[1]):
                traces |= self._mentions.traces.with_users(asking.traces)
            return traces << self._width
        path, word = name
        traces = self._mentions.named(path, word)
        traces |= self._mentions.concerned(place for place, _ in self._named(name))
        traces |= self._looking_up(name) | self._mentions.standing(path, word)
        traces |= self._needing(name)
        holder = self._holders.of([name]) if name in self._mentions.looking_at_members else 0
        return traces << self._width | holder

    def _made_with(self, name: Name | Member) -> Iterator[str]:
        """Imports, or statements, that ran code which uses a name.

        What they bind may be made with it.
        """
        ran = self._mentions.users_of_attribute(name[-1])
        if len(name) == 2:
            ran |= self._mentions.ran(place for place, _ in self._named(name)) | self._looking_up(
                name
            )
        for trace_id in self._mentions.traces.bits.things(ran & self._mentions.importing):
            yield self._mentions.maker(trace_id)

    def _needing(self, name: Name | Member) -> int:
        """Tests that need a module whose import does something with a name."""
        united = 0
        for module in self._graph.step(name).modules:
            united |= self._mentions.touching(module)
        return united

    def _looking_up(self, name: Name) -> int:
        """Traces that looked a name up, or may have.

        They may have, if they may have come upon any name of its file.
        """
        path, word = name
        if path not in self._looking:
            united = 0
            for found in self._mentions.looking_up:
                if self._growth.looks_up(found.way, found.path, path):
                    united |= self._mentions.searching(found)
            self._looking[path] = united
        united = self._looking[path]
        for asking in self._mentions.asked.where(word):
            if may_be(asking, path):
                united |= asking.traces
        for asking in self._mentions.walking(name):
            united |= asking.traces
        return self._mentions.traces.with_users(united)

    def _named(self, name: Name) -> Iterator[tuple[Place, Manner]]:
        """Blocks that mean exactly this name, or are its own."""
        path, word = name
        facts = self._project.facts(path)
        if facts is not None:
            for block in (*facts.blocks_of(word), *facts.blocks_mentioning(word)):
                yield Place(path, block), _MENTIONS
        if self._growth.is_fixture(path, word):
            reaching = self._project.reaching(path)
            for place in self._mentions.places("@" + word, word):
                if place.path in reaching:
                    yield place, _MENTIONS

    def functions(self, origins: Mapping[Name, Cause]) -> Iterator[tuple[tuple[str, str], Cause]]:
        """Functions that mention names or what follows from them, but those given before."""
        stack: list[tuple[Name | Member, Cause]] = [
            (name, cause) for name, cause in origins.items() if name not in self._visited
        ]
        self._visited.update(origins)
        while stack:
            name, cause = stack.pop()
            if len(name) == 2 and name[1] != IMPORT:
                for place, how in (*self._named(name), *self._meeting(name)):
                    yield (place.path, place.block.qualname), link_to(place, cause, how)
            for following, found in self._graph.step(name).names.items():
                if following not in self._visited:
                    self._visited.add(following)
                    stack.append((following, self._graph.rooted(found, cause)))

    def _meeting(self, name: Name) -> Iterator[tuple[Place, Manner]]:
        """Blocks that use an attribute of this name or look some up.

        They are of files that reach the file of the name.
        """
        path, word = name
        reaching = None if path == EVERYWHERE else self._project.reaching(path)
        for place in (
            *self._mentions.places("." + word, word),
            *self._mentions.places("~" + word, word),
        ):
            if reaching is None or place.path in reaching:
                yield place, _MENTIONS
        looking_up = () if path in self._passed else self._mentions.looking_up
        self._passed.add(path)
        for at, way, blocks, _ in looking_up:
            if (reaching is None or at in reaching) and self._growth.looks_up(way, at, path):
                for block in blocks:
                    yield Place(at, block), _MAY_LOOK_UP
        for asking in self._mentions.asked.where(word):
            near = is_found(asking, name) or reaching is None or asking.path in reaching
            if near and may_be(asking, path):
                for block in asking.blocks:
                    yield Place(asking.path, block), _LOOKS_UP
        for asking in self._mentions.walking(name):
            for block in asking.blocks:
                yield Place(asking.path, block), _MAY_LOOK_UP


class _Concerned(NamedTuple):
    """Who has to do with a class."""

    # Of the class: its own, and that of the outermost class that it stands in.
    names: tuple[Name, ...]
    traces: int
    importing: frozenset[str]  # files of which the import has
    # Names with blocks that look at members of their own class, and the classes above.
    related: set[Name]


class MentionMatcher:
    """Finds who executed a block that mentions an affected name.

    It is asked again whenever more is affected, and looks only at what it has not seen.
    """

    def __init__(self, run: Run, growth: Growth) -> None:
        self.functions: dict[tuple[str, str], Cause] = {}  # that mention something affected
        self._growth = growth
        self._project = growth.project
        self._run = run
        self._mentions = Mentions(run, growth.project)
        self._owners = {kept: Owners(self._mentions, growth, kept=kept) for kept in (False, True)}
        self._paths: dict[str, dict[str, None]] = defaultdict(dict)  # of affected names
        # Those that were looked at, true where only what is kept is other.
        self._names: dict[Name, bool] = {}
        self._looked_for: set[str] = set()  # paths whose names may be looked up
        # Files that look names up and reach such a path, and the way.
        self._met: set[tuple[str, str, int]] = set()
        self._members: set[tuple[str, str, str]] = set()
        self._seen: set[tuple[str, str, str]] = set()
        # Classes that may be looked through for members.
        self._searched: set[tuple[Collection[Name], bool]] = set()
        self._relations = Relations(growth)
        # Classes that code joins with others on import.
        self._joined: dict[tuple[str, str], bool] = {}
        self._concerned: dict[tuple[str, str, bool], _Concerned] = {}
        self._documented: set[tuple[Name, str]] = set()
        self._hits: Hits = {}
        self._known = 0

    def match(self, known: Iterable[int]) -> Hits:
        """Who is hit by what is newly affected, besides those that are known to be."""
        affected = self._growth.affected
        self._hits = {}
        self._known = self._mentions.traces.bits.of(known)
        causes = {**affected.kept, **affected.names}
        fresh = [
            name
            for name, cause in causes.items()
            if name not in self._names or self._names[name] > _is_kept(cause)
        ]
        if fresh:
            self._names.update((name, _is_kept(causes[name])) for name in fresh)
            self._match_names(fresh, causes)
        for key in [key for key in affected.members if key not in self._members]:
            if self._is_everything():
                return self._hits
            self._members.add(key)
            self._match_member(key, affected.members[key])
        for key in [key for key in affected.seen if key not in self._seen]:
            self._seen.add(key)
            if key not in self._members:
                self._match_member(key, affected.seen[key], self._run.reading(key[0], key[2]))
        for (path, name), cause in affected.docs.items():
            if self._is_new_documentation((path, name), READS_DOCS):
                self._match_documentation(path, name, cause, READS_DOCS)
                doctests = [
                    test.trace_id for test in self._run.tests_in([path]) if test.kind == "doctest"
                ]
                self._hit(self._mentions.traces.bits.of(doctests), cause)
        for (path, name), cause in affected.hints.items():
            if self._is_new_documentation((path, name), READS_HINTS):
                self._match_documentation(path, name, cause, READS_HINTS)
        return self._hits

    def _is_everything(self) -> bool:
        """Whether all of many tests are known to be hit, see `RunMatcher.is_everything`."""
        everyone = self._run.everyone
        return bool(everyone) and self._known & everyone == everyone

    def _hit(self, traces: int, cause: Cause) -> None:
        new = traces & ~self._known
        if new:
            self._known |= new
            self._hits.update(dict.fromkeys(self._mentions.traces.bits.things(new), cause))

    def _found(
        self, place: Place, cause: Cause, how: Manner = _MENTIONS, among: int = EVERYONE
    ) -> None:
        """Whoever executed a block, of those given, is concerned."""
        link = link_to(place, cause, how)
        self.functions.setdefault((place.path, place.block.qualname), link)
        self._hit(self._mentions.ran([place]) & among, link)

    # Names

    def _match_names(self, fresh: Iterable[Name], causes: Mapping[Name, Cause]) -> None:
        conditional: _Conditional = defaultdict(list)
        for path, name in fresh:
            self._paths[name][path] = None
        for name in dict.fromkeys(name for _, name in fresh):
            self._match_name(name, causes, conditional)
        paths = {path: (path, name) for path, name in fresh if path not in self._looked_for}
        self._looked_for.update(paths)
        self._match_looking_up(paths, causes, conditional)
        for key in fresh:
            self._match_asked(key, causes[key], conditional)
        for where, found in conditional.items():
            touching = 0
            for path in where:
                touching |= self._mentions.touching(path)
            for place, among, link in found:
                concerned = self._mentions.concerned([place], among) & touching
                if concerned:
                    self.functions.setdefault((place.path, place.block.qualname), link)
                    self._hit(concerned, link)
        names = self._growth.affected.names
        for path, name in fresh:
            # The function or class of a test, whether it ran (was not skipped) or not.
            if (path, name) in names:
                self._hit(self._mentions.standing(path, name), names[path, name])

    def _reachable(self, paths: Iterable[str], at: str) -> str | None:
        """The first of some paths that a file can reach."""
        return next((p for p in paths if p == EVERYWHERE or at in self._project.reaching(p)), None)

    def _match_name(
        self,
        name: str,
        causes: Mapping[Name, Cause],
        conditional: "_Conditional",
    ) -> None:
        paths = self._paths[name]
        self._hit(
            self._mentions.code(name),
            Cause(Kind.CODE, _MENTIONS, "", "", 0, causes[next(iter(paths)), name]),
        )
        fixtures = [path for path in paths if self._growth.is_fixture(path, name)]
        for at, facts in self._mentions.files(name):
            if at in paths:
                for block in (*facts.blocks_of(name), *facts.blocks_mentioning(name)):
                    self._found(Place(at, block), causes[at, name])
            attributes = facts.blocks_mentioning("." + name)
            if any(self._is_attribute(path, name) for path in paths):
                own = facts.blocks_mentioning("~" + name)
                if all(_is_kept(causes[path, name]) for path in paths):
                    own = [block for block in own if self._mentions.reads(Place(at, block), name)]
                attributes += own
            if any(causes[path, name].comes_or_goes for path in paths):
                attributes += facts.blocks_mentioning("=" + name)
            if attributes:
                near = self._reachable(paths, at)
                for block in attributes:
                    place = Place(at, block)
                    if near is not None:
                        self._found(place, causes[near, name])
                    else:
                        link = link_to(place, causes[next(iter(paths)), name])
                        conditional[frozenset(paths)].append((place, EVERYONE, link))
            parameters = facts.blocks_mentioning("@" + name) if fixtures else []
            near = self._reachable(fixtures, at) if parameters else None
            if near is not None:
                for block in parameters:
                    self._found(Place(at, block), causes[near, name])

    def _is_attribute(self, path: str, name: str) -> bool:
        """Whether a method may find what a name stands for as an attribute of its own object."""
        if path == EVERYWHERE or (path, name) in self._growth.affected.kept:
            return path != EVERYWHERE
        cause = self._growth.affected.names[path, name]
        is_of_module = bool(self._project.definitions(path, name)) or (
            cause.how == REMOVED and cause.name == name
        )
        return not is_of_module or self._project.binds_in_class(path, name)

    def _match_looking_up(
        self,
        paths: Mapping[str, Name],
        causes: Mapping[Name, Cause],
        conditional: "_Conditional",
    ) -> None:
        """Blocks that may come upon a name of some paths, whichever they look for."""
        for at, way, blocks, among in self._mentions.looking_up if paths else ():
            found = [path for path in paths if self._growth.looks_up(way, at, path)]
            if (at, way, among) in self._met or not found:
                continue
            near = self._reachable(found, at)
            if near is not None:
                self._met.add((at, way, among))
            for block in blocks:
                if near is not None:
                    self._found(Place(at, block), causes[paths[near]], _MAY_LOOK_UP, among)
                else:
                    link = link_to(Place(at, block), causes[paths[found[0]]], _MAY_LOOK_UP)
                    conditional[frozenset(found)].append((Place(at, block), among, link))

    def _match_asked(self, name: Name, cause: Cause, conditional: "_Conditional") -> None:
        """Code that looked up this very name."""
        path, word = name
        for asking in (*self._mentions.asked.where(word), *self._mentions.walking(name)):
            if not may_be(asking, path):
                continue
            is_walk = asking.way == lookups.WALKS
            near = (
                is_walk
                or is_found(asking, name)
                or self._reachable([path], asking.path) is not None
            )
            for place in self._places_of(asking):
                link = link_to(place, cause, _MAY_LOOK_UP if is_walk else _LOOKS_UP)
                if near:
                    self.functions.setdefault((place.path, place.block.qualname), link)
                    self._hit(asking.traces, link)
                else:
                    conditional[frozenset([path])].append((place, asking.traces, link))

    def _places_of(self, asking: Asking) -> list[Place]:
        """Where a name was looked up."""
        places = [Place(asking.path, block) for block in asking.blocks]
        return [place for place in places if self._mentions.ran([place]) & asking.traces]

    # Members

    def _match_member(
        self, key: tuple[str, str, str], cause: Cause, readers: int = EVERYONE
    ) -> None:
        """Who executed a block that may use a member, and has to do with its class.

        Of the blocks of functions that note what they read, only those count that some `readers`
        executed.
        """
        path, owner, member = key
        kept = _is_kept(cause)
        own = [
            test.trace_id
            for test in self._run.tests_in([path])
            if test.function == f"{owner}.{member}"
        ]
        concerned_with = self._concerned_with(path, owner, kept=kept)
        if not cause.is_after_imports:
            self._match_on_import(key, concerned_with, cause)
        names, owned, related = concerned_with.names, concerned_with.traces, concerned_with.related
        self._hit(self._mentions.traces.bits.of(own) & owned, cause)
        for place, how, among in self._uses_of_member(key, cause, related, kept=kept):
            concerned = self._mentions.concerned([place], among)
            if readers != EVERYONE and how == _MENTIONS and self._is_noted(place, member):
                concerned = self._mentions.concerned([place], among & readers)
            concerned &= owned
            if concerned:
                self.functions.setdefault((place.path, place.block.qualname), cause)
                self._hit(concerned, link_to(place, cause, how))
        # What an object keeps is read by its name; a class is looked through for its members.
        searched = (frozenset(names), kept)
        if cause.kind is not Kind.MEMOISED and searched not in self._searched:
            self._searched.add(searched)
            self._match_searching(owned, cause)
        self._hit(
            self._mentions.code(member) & owned, Cause(Kind.CODE, _MENTIONS, "", "", 0, cause)
        )
        if cause.kind is not Kind.MEMOISED:
            self._match_texts(member, concerned_with, cause, kept=kept)

    def _match_texts(self, member: str, of_class: _Concerned, cause: Cause, *, kept: bool) -> None:
        """Who read a text, as a template, that holds the name of a member.

        It is not known which function made something of the text: any that has to do with the
        class.
        """
        met = 0
        for file, having in self._run.texts.holding(member):
            concerned = self._mentions.reading(having) & of_class.traces
            met |= concerned
            self._hit(concerned, Cause(Kind.TEXT, _MENTIONS, file, "", 0, cause))
        if met:
            names = dict.fromkeys(of_class.names, cause)
            for function, link in self._owners[kept].functions(names):
                self.functions.setdefault(function, link)

    def _is_noted(self, place: Place, attribute: str) -> bool:
        """Whether a block uses an attribute of its own object only, and its function notes it."""
        path, block = place
        if "~" + attribute not in block.mentions or "." + attribute in block.mentions:
            return False
        return self._run.notes_reading(path, block.qualname, attribute)

    def _concerned_with(self, path: str, owner: str, *, kept: bool) -> _Concerned:
        key = (path, owner, kept)
        if key not in self._concerned:
            names = tuple(
                dict.fromkeys([(path, owner.partition(".")[0]), (path, owner.rpartition(".")[2])])
            )
            owned = self._owners[kept].traces(names)
            importing = self._mentions.traces.bits.things(owned & self._mentions.importing)
            # Code that makes a class runs when the file is imported: it need not mention the class.
            making = self._mentions.making(self._growth.holders(path, owner).names)
            related = self._owners[kept].related(names) | self._ancestors(path, owner)
            paths = frozenset(self._run.modules[trace_id] for trace_id in importing)
            self._concerned[key] = _Concerned(names, owned | making, paths, related)
        return self._concerned[key]

    def _match_on_import(
        self, key: tuple[str, str, str], concerned: _Concerned, cause: Cause
    ) -> None:
        """Definitions that use a member of what code gave them that has to do with the class.

        The code ran meanwhile.
        """
        mentions = ["." + key[2], MATCHES_BY_POSITION]
        for path, facts in self._mentions.files(key[2], MATCHES_BY_POSITION):
            if path in concerned.importing:
                for definition in facts.definitions_mentioning(mentions):
                    if definition.kind != "import":
                        self._growth.used_on_import(path, definition, cause)

    def _match_searching(self, owned: int, cause: Cause) -> None:
        for place, among in self._mentions.looking_anywhere:
            concerned = self._mentions.concerned([place], among) & owned
            if concerned:
                self.functions.setdefault((place.path, place.block.qualname), cause)
                self._hit(concerned, link_to(place, cause, _MAY_LOOK_UP))

    def _ancestors(self, path: str, owner: str) -> set[Name]:
        outer, _, name = owner.rpartition(".")
        return {
            (where, parent.names[0])
            for definition in self._project.definitions(path, name, outer)
            for where, parent, _ in self._project.ancestors(path, definition)
            if parent is not None
        }

    def _uses_of_member(
        self, key: tuple[str, str, str], cause: Cause, related: set[Name], *, kept: bool
    ) -> Iterator[tuple[Place, Manner, int]]:
        """Blocks that use a member, or may look it up.

        Those of related classes look it up by `getattr(self, name)`. The last value says which of
        the traces that ran the block matter. Where only what an object has `kept` is other, setting
        it anew is no use.
        """
        path, owner, member = key
        facts = self._project.facts(path)
        # A function that runs does not find what it kept.
        if facts is not None and cause.kind is not Kind.MEMOISED:
            for block in facts.blocks_below(f"{owner}.{member}"):
                yield Place(path, block), _MENTIONS, EVERYONE
        for place in self._mentions.places("~" + member, member):
            if kept and not self._mentions.reads(place, member):
                continue
            yield (
                place,
                _MENTIONS,
                EVERYONE
                if self._may_be_of((path, owner), place)
                else self._mentions.lending(place),
            )
        for mention in ("." + member, *(["=" + member] if cause.comes_or_goes else ())):
            for place in self._mentions.places(mention, member):
                yield place, _MENTIONS, EVERYONE
        for place in self._mentions.places(MATCHES_BY_POSITION):
            yield place, _MAY_LOOK_UP, EVERYONE
        yield from self._looking_for_member(member, related)
        for asking in self._mentions.asked.walking(owner):
            for place in self._places_of(asking):
                yield place, _MAY_LOOK_UP, asking.traces

    def _looking_for_member(
        self, member: str, related: set[Name]
    ) -> Iterator[tuple[Place, Manner, int]]:
        """Blocks that may look a member up in their object, of a related class, or did so."""
        for name, places in self._mentions.looking_at_members.items():
            if name in related:
                for place, among in places:
                    if among:
                        yield place, _MAY_LOOK_UP, among
        for asking in self._mentions.asked.where(member):
            if asking.way == lookups.OWN_NAMESPACE:
                continue
            for place in self._places_of(asking):
                if (
                    asking.way != lookups.MEMBERS
                    or (place.path, place.block.qualname.partition(".")[0]) in related
                ):
                    yield place, _LOOKS_UP, asking.traces

    def _may_be_of(self, cls: tuple[str, str], place: Place) -> bool:
        """Whether the object of the method that a block stands in may belong to a class, too."""
        method = place.block.qualname.partition(".<locals>")[0]
        if cls not in self._joined:
            held = self._growth.holders(*cls)
            self._joined[cls] = any(
                held.is_mentioned(joining.path, joining.block.mentions, looks_up=True)
                for joining in self._mentions.places(JOINS_CLASSES)
                if self._mentions.ran([joining]) & self._mentions.importing
            )
        return self._joined[cls] or self._relations.may_share(
            cls, (place.path, method.rpartition(".")[0])
        )

    # Documentation

    def _is_new_documentation(self, name: Name, reads: str) -> bool:
        if (name, reads) in self._documented:
            return False
        self._documented.add((name, reads))
        return True

    def _match_documentation(self, path: str, name: str, cause: Cause, reads: str) -> None:
        """Note documentation or annotations that changed.

        It is for tests that read some and mention what they belong to.
        """
        readers = self._mentions.places(reads)
        if not readers:
            return
        how = Manner.READS_DOCUMENTATION if reads == READS_DOCS else Manner.READS_ANNOTATIONS
        holding = self._mentions.concerned(self._mentions.places(name))
        holding |= self._mentions.attribute(name)
        for found in self._mentions.looking_up:
            if found.way != OWN_NAMESPACE and self._growth.looks_up(found.way, "", path):
                holding |= self._mentions.traces.with_users(self._mentions.searching(found))
        for asking in (*self._mentions.asked.where(name), *self._mentions.walking((path, name))):
            holding |= self._mentions.traces.with_users(asking.traces)
        is_of_module = is_name_of(path, name)
        for place in readers:
            is_own = is_of_module and place.path == path and "__doc__" in place.block.mentions
            concerned = self._mentions.concerned([place]) & (EVERYONE if is_own else holding)
            if concerned:
                link = link_to(place, cause, how)
                self.functions.setdefault((place.path, place.block.qualname), link)
                self._hit(concerned, link)


# Places that count for who touched any of some files, and among which traces.
_Conditional = dict[frozenset[str], list[tuple[Place, int, Cause]]]


def _is_kept(cause: Cause) -> bool:
    """Whether only what something keeps is other, not what the code does."""
    return any(link.kind is Kind.MEMOISED for link in cause.chain())


def may_be(asking: Asking, path: str) -> bool:
    """Whether what was looked up may be a module-level name of the file `path`."""
    return asking.way != lookups.MEMBERS and (
        asking.way != lookups.OWN_NAMESPACE or asking.path == path
    )


def is_found(asking: Asking, name: Name) -> bool:
    """Whether what was looked up is the module that has a name, which need not be known before."""
    return asking.way == lookups.ANYWHERE and is_name_of(*name)


def _has_to_do_with(definition: Definition, names: AbstractSet[str]) -> bool:
    """Whether a definition binds some names, stands in a class of such a name, or uses them."""
    own = {
        *definition.names,
        definition.owner.partition(".")[0],
        definition.owner.rpartition(".")[2],
    }
    return (
        not definition.names
        or not names.isdisjoint(own)
        or not names.isdisjoint(definition.mentions)
    )


def link_to(place: Place, cause: Cause, how: Manner = _MENTIONS) -> Cause:
    """A block has to do with what is affected."""
    return Cause(Kind.BLOCK, how, place.path, place.block.qualname, place.block.line, cause)
