"""Imports that stand elsewhere in their file.

What modules do on import may come out otherwise in another order.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from testmon_cli.analysis.import_effects import DOCUMENTED, FRAGILE, MEMBER, MODULE, MUTATED, NAME
from testmon_cli.analysis.project import Consequence
from testmon_cli.analysis.propagation import Growth
from testmon_cli.domain.causes import Cause, Kind, Manner
from testmon_cli.domain.source import Definition, SourceModel

_ANYTHING = Consequence(MODULE, "")


class _Event(NamedTuple):
    """Something that happens while a file is imported.

    Another file is imported, or a definition of its own runs.
    """

    target: str  # "" for a definition of the file itself
    checksum: int = 0


class _Deed(NamedTuple):
    """What an event changes, and the names that it reads.

    These are the names by which all files know it.
    """

    changes: frozenset[Consequence]
    reads: frozenset[str]


class ImportOrder:
    """Compares in which order importing a file runs modules and statements, before and after."""

    def __init__(self, growth: Growth) -> None:
        self._growth = growth
        self._project = growth.project
        self._deeds: dict[tuple[str, _Event], _Deed] = {}

    def changed(self, path: str, old: SourceModel, new: SourceModel) -> None:
        """Feed the growth with what changes when two events run the other way round.

        That is what both change, or what one changes and the other reads.
        """
        before, after = list(self._events(path, old)), list(self._events(path, new))
        known = set(after)
        if [event for event in before if event in known] == after:
            return
        order = {event: rank for rank, event in enumerate(self._order(path, before))}
        common = [event for event in self._order(path, after) if event in order]
        for place, second in enumerate(common):
            for first in common[:place]:
                if order[first] > order[second] and (first.target or second.target):
                    self._exchanged(path, first, second, new)

    def _exchanged(self, path: str, first: _Event, second: _Event, model: SourceModel) -> None:
        cause = Cause(Kind.IMPORT, Manner.CHANGED, path, first.target or second.target)
        if self._needs(first.target, path) or self._needs(second.target, path):
            self._growth.fragile(path, cause)
        one, other = self._deed(path, first, model), self._deed(path, second, model)
        shared = one.changes & other.changes
        read = {c for c in one.changes if c.name in other.reads} | {
            c for c in other.changes if c.name in one.reads
        }
        for consequence in shared | read - {_ANYTHING}:
            if consequence == _ANYTHING:
                self._growth.module(path, cause)
            else:
                self._growth.affect(consequence, cause)
        own = one if not first.target else other if not second.target else None
        if own is not None and _ANYTHING in own.changes:
            self._growth.module(path, cause)

    def _events(self, path: str, model: SourceModel) -> Iterator[_Event]:
        """What the statements of a file bring about by themselves, in their order."""
        found: list[tuple[int, _Event]] = []
        for imported in model.imports:
            if imported.is_eager:
                targets = self._project.index.targets(imported, path)
                found += [(imported.line, _Event(target)) for target in targets if target != path]
        own = (d for d in model.definitions if d.kind != "import")
        found += [(definition.line, _Event("", definition.checksum)) for definition in own]
        yield from dict.fromkeys(event for _, event in sorted(found, key=lambda each: each[0]))

    def _order(self, path: str, events: Iterable[_Event]) -> Iterator[_Event]:
        """The events in the order in which they are over.

        With those that the first imports of modules bring about.
        """
        seen = {path}
        stack = [(_Event(path), iter(events))]
        while stack:
            current, following = stack[-1]
            event = next(
                (e for e in following if e.target not in seen and (e.target or len(stack) == 1)),
                None,
            )
            if event is None:
                stack.pop()
                if stack:
                    yield current
            elif not event.target:
                yield event
            else:
                seen.add(event.target)
                model = self._project.model(event.target)
                stack.append(
                    (event, self._events(event.target, model) if model is not None else iter(()))
                )

    def _needs(self, target: str, path: str) -> bool:
        """Whether a module takes something, on import, from the file that imports it."""
        seen: set[str] = set()
        stack = [target] if target else []
        while stack and path not in seen:
            files = set(self._taken_from(stack.pop()))
            stack += files - seen
            seen |= files
        return path in seen

    def _taken_from(self, path: str) -> Iterator[str]:
        """The files from which a module takes something on import.

        The packages that they stand in do not count.
        """
        model = self._project.model(path)
        for imported in model.imports if model is not None else ():
            if imported.is_eager:
                yield from self._project.index.module_files(imported, path)
                yield from self._project.index.submodule_files(imported, path)

    def _deed(self, path: str, event: _Event, own: SourceModel) -> _Deed:
        key = (event.target or path, event)
        if key not in self._deeds:
            model = self._project.model(event.target) if event.target else own
            definitions = model.definitions if model is not None else ()
            found = [d for d in definitions if event.target or d.checksum == event.checksum]
            changes = {c for d in found for c in self._changes(key[0], d)}
            read = {
                mention.lstrip(".") for d in found if d.kind != "import" for mention in d.mentions
            }
            self._deeds[key] = _Deed(frozenset(changes), frozenset(read))
        return self._deeds[key]

    def _changes(self, path: str, definition: Definition) -> Iterator[Consequence]:
        """What a definition changes besides the names that it binds.

        Under the names by which all files know it.
        """
        found = self._growth.import_effects.of(path, definition, path) if definition.effects else ()
        for what, where, name, owner in found:
            resolved = self._project.resolve(name, where) if what == MUTATED else None
            if what == MODULE:
                yield _ANYTHING
            elif what == MEMBER:
                yield Consequence(what, where, name, owner)
            elif what not in (FRAGILE, DOCUMENTED):
                file, full = resolved if resolved is not None and resolved[1] else (where, name)
                yield Consequence(NAME, file, full.partition(".")[0])
        if definition.kind == "class":
            for where, parent in self._growth.told_of(path, definition):
                yield Consequence(NAME, where, parent.names[0])
