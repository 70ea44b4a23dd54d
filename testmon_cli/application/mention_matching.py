"""Which traces of a run executed a block that mentions an affected name: the reading of section 4.2 of the model."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from testmon_cli.analysis.growth import EVERYWHERE, LOOKING_UP, Growth
from testmon_cli.analysis.mentions import DYNAMIC, DYNAMIC_ATTRIBUTES, DYNAMIC_MEMBERS, READS_DOCS, READS_HINTS
from testmon_cli.application.comparing import Hits
from testmon_cli.domain.causes import Cause
from testmon_cli.domain.records import StoredTest
from testmon_cli.domain.source import Block, SourceModel


class Traces(Protocol):
    """What a run knows of its traces and of the sources as they are now."""

    def mentioning(self, names: frozenset[str]) -> Iterable[str]:
        """Files whose text may mention one of the names."""

    def model(self, path: str) -> SourceModel | None:
        """The model of a source as it is now."""

    def tests_in(self, paths: Iterable[str]) -> Iterator[StoredTest]:
        """The tests of the run that stand in some files."""

    def hits_of(self, checksums: Mapping[str, Mapping[int, Cause]]) -> Hits:
        """Traces that executed one of some blocks of today's sources, by path and checksum."""

    def touching(self, paths: frozenset[str]) -> set[int]:
        """Tests that executed something in one of these files, or stand in one."""

    def spread(self, hits: Mapping[int, Cause]) -> Hits:
        """Some traces and all that use one of them."""


@dataclass
class MentionMatcher:
    """Finds who executed a block that mentions an affected name."""

    run: Traces
    growth: Growth
    functions: dict[tuple[str, str], Cause] = field(default_factory=dict)

    def match(self) -> Hits:
        affected = self.growth.affected
        hits: Hits = {}
        causes = {**affected.kept, **affected.names}
        names = self._names(causes)
        if causes:
            direct, conditional = self._blocks(names, causes)
            hits.update(self.run.hits_of(direct))
            for paths, checksums in conditional.items():
                reached = frozenset().union(*(self.growth.project.reaching(p) for p in paths))
                touching = self.run.touching(reached)
                for trace_id, cause in self.run.spread(self.run.hits_of(checksums)).items():
                    if trace_id in touching:
                        hits.setdefault(trace_id, cause)
            for test in self.run.tests_in({path for path, _ in affected.names}):
                cause_of_own = self._own(test)
                if cause_of_own is not None:
                    hits.setdefault(test.trace_id, cause_of_own)
        for key, cause in affected.members.items():
            self._member(key, cause, hits)
        for (path, name), cause in affected.docs.items():
            self._documented(path, name, cause, READS_DOCS, hits)
            doctests = {test.trace_id: cause for test in self.run.tests_in([path]) if test.kind == "doctest"}
            hits.update({trace_id: found for trace_id, found in doctests.items() if trace_id not in hits})
        for (path, name), cause in affected.hints.items():
            self._documented(path, name, cause, READS_HINTS, hits)
        return hits

    @staticmethod
    def _names(keys: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
        by_name: dict[str, set[str]] = defaultdict(set)
        for path, name in keys:
            by_name[name].add(path)
        return by_name

    def _blocks(
        self, by_name: Mapping[str, set[str]], causes: Mapping[tuple[str, str], Cause]
    ) -> tuple[dict[str, dict[int, Cause]], dict[frozenset[str], dict[str, dict[int, Cause]]]]:
        """Checksums of blocks that mention a name: at once, or only for tests that reach certain files."""
        direct: dict[str, dict[int, Cause]] = defaultdict(dict)
        conditional: dict[frozenset[str], dict[str, dict[int, Cause]]] = defaultdict(lambda: defaultdict(dict))
        wanted = frozenset((*by_name, *LOOKING_UP))
        reach = {p: self.growth.project.reaching(p) for paths in by_name.values() for p in paths if p != EVERYWHERE}
        for path in self.run.mentioning(wanted):
            model = self.run.model(path)
            if model is None:
                continue
            reachable = {p for p, files in reach.items() if path in files} | {EVERYWHERE}
            for block in model.blocks[:-1]:
                self._block(path, block, by_name, causes, reachable, direct[path], conditional)
            last = model.blocks[-1]
            for mention in last.mentions:
                self._mention(path, last, mention, by_name, causes, reachable, direct[path], conditional)
        return direct, conditional

    def _block(
        self, path: str, block: Block, by_name: Mapping[str, set[str]], causes: Mapping[tuple[str, str], Cause],
        reachable: set[str], direct: dict[int, Cause], conditional: dict[frozenset[str], dict[str, dict[int, Cause]]],
    ) -> None:  # fmt: skip
        own = causes.get((path, block.qualname.partition(".")[0]))
        if own is not None:
            self._found(path, block, own, direct)
            return
        for mention in block.mentions:
            self._mention(path, block, mention, by_name, causes, reachable, direct, conditional)

    def _mention(
        self, path: str, block: Block, mention: str, by_name: Mapping[str, set[str]],
        causes: Mapping[tuple[str, str], Cause], reachable: set[str], direct: dict[int, Cause],
        conditional: dict[frozenset[str], dict[str, dict[int, Cause]]],
    ) -> None:  # fmt: skip
        if mention in LOOKING_UP:
            open_to_it = {
                (p, n) for n, paths in by_name.items() for p in paths if self.growth.looks_up(mention, path, p)
            }
            near = next((key for key in sorted(open_to_it) if key[0] in reachable), None)
            if near is not None:
                self._found(path, block, causes[near], direct, "may look up")
            elif open_to_it:
                link = _mentions(path, block, causes[min(open_to_it)], "may look up")
                conditional[frozenset(p for p, _ in open_to_it)][path].setdefault(block.checksum, link)
        elif mention.startswith("."):
            name = mention[1:]
            paths = by_name.get(name, set())
            place = next((p for p in paths if p in reachable), None)
            if place is not None:
                self._found(path, block, causes[place, name], direct)
            elif paths:
                cause = causes[next(iter(paths)), name]
                conditional[frozenset(paths)][path].setdefault(block.checksum, _mentions(path, block, cause))
        elif mention.startswith("@"):
            name = mention[1:]
            place = next((p for p in by_name.get(name, ()) if p in reachable and self.growth.is_fixture(p, name)), None)
            if place is not None:
                self._found(path, block, causes[place, name], direct)
        elif (path, mention) in causes:
            self._found(path, block, causes[path, mention], direct)

    def _found(self, path: str, block: Block, cause: Cause, direct: dict[int, Cause], how: str = "mentions") -> None:
        link = _mentions(path, block, cause, how)
        direct.setdefault(block.checksum, link)
        self.functions.setdefault((path, block.qualname), link)

    def _own(self, test: StoredTest) -> Cause | None:
        """A test's own function or class is affected, whether it ran (was not skipped) or not."""
        if not test.function:
            return None
        return self.growth.affected.names.get((test.path, test.function.partition(".")[0]))

    def _member(self, key: tuple[str, str, str], cause: Cause, hits: Hits) -> None:
        path, owner, member = key
        holders = Growth(self.growth.project)
        holders.name(path, owner.partition(".")[0], cause)
        holders.name(path, owner.rpartition(".")[2], cause)
        grown = holders.grow()
        related = set(grown.names) | self._ancestors(path, owner)
        users = self._uses_of_member(path, owner, member, cause, related)
        full = f"{owner}.{member}"
        own = {test.trace_id: cause for test in self.run.tests_in([path]) if test.function == full}
        candidates = self.run.spread({**self.run.hits_of(users), **own})
        if not candidates:
            return
        by_name = self._names(grown.names)
        direct, conditional = self._blocks(by_name, grown.names)
        owned = set(self.run.spread(self.run.hits_of(direct)))
        for checksums in conditional.values():
            owned |= set(self.run.spread(self.run.hits_of(checksums)))
        standing = self.run.tests_in({path for path, _ in grown.names})
        owned |= {test.trace_id for test in standing if (test.path, test.function.partition(".")[0]) in grown.names}
        for module in grown.modules:
            owned |= self.run.touching(self.growth.project.reaching(module))
        for trace_id, found in candidates.items():
            if trace_id in owned:
                hits.setdefault(trace_id, found)

    def _ancestors(self, path: str, owner: str) -> set[tuple[str, str]]:
        outer, _, name = owner.rpartition(".")
        project = self.growth.project
        return {
            (where, parent.names[0])
            for definition in project.definitions(path, name, outer)
            for where, parent, _ in project.ancestors(path, definition)
            if parent is not None
        }

    def _uses_of_member(
        self, path: str, owner: str, member: str, cause: Cause, related: set[tuple[str, str]]
    ) -> dict[str, dict[int, Cause]]:
        """Blocks that may use a member; `getattr(self, name)` can only find those of related classes."""
        found: dict[str, dict[int, Cause]] = defaultdict(dict)
        # What an object keeps is read by its name; a class is looked through for its members.
        wanted = {"." + member} if cause.kind == "memoised" else {"." + member, DYNAMIC, DYNAMIC_ATTRIBUTES}
        for candidate in self.run.mentioning(frozenset({member, DYNAMIC, DYNAMIC_ATTRIBUTES, DYNAMIC_MEMBERS})):
            model = self.run.model(candidate)
            for block in model.blocks if model else ():
                own = candidate == path and block.qualname.startswith(f"{owner}.{member}")
                if DYNAMIC_MEMBERS in block.mentions:
                    own = own or (candidate, block.qualname.partition(".")[0]) in related
                if own or not wanted.isdisjoint(block.mentions):
                    how = "mentions" if own or "." + member in block.mentions else "may look up"
                    found[candidate][block.checksum] = _mentions(candidate, block, cause, how)
                    self.functions.setdefault((candidate, block.qualname), cause)
        return found

    def _documented(self, path: str, name: str, cause: Cause, reads: str, hits: Hits) -> None:
        """Documentation or annotations: for tests that read some and mention what they belong to."""
        how = "reads documentation of" if reads == READS_DOCS else "reads annotations of"
        readers: dict[str, dict[int, Cause]] = defaultdict(dict)
        holders: dict[str, dict[int, Cause]] = defaultdict(dict)
        for candidate in self.run.mentioning(frozenset({reads})):
            model = self.run.model(candidate)
            for block in model.blocks if model else ():
                if reads in block.mentions:
                    readers[candidate][block.checksum] = _mentions(candidate, block, cause, how)
        looking_up = {m for m in LOOKING_UP if self.growth.looks_up(m, "", path)}
        if readers:
            for candidate in self.run.mentioning(frozenset({name, *looking_up})):
                model = self.run.model(candidate)
                for block in model.blocks if model else ():
                    if not {name, "." + name, *looking_up}.isdisjoint(block.mentions):
                        holders[candidate][block.checksum] = cause
            reading = self.run.spread(self.run.hits_of(readers))
            holding = self.run.spread(self.run.hits_of(holders))
            for trace_id, found in reading.items():
                if trace_id in holding:
                    hits.setdefault(trace_id, found)


def _mentions(path: str, block: Block, cause: Cause, how: str = "mentions") -> Cause:
    return Cause("block", how, path, block.qualname, block.line, cause)
