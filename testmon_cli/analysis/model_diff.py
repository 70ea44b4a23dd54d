"""What changed between two models of a file."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import NamedTuple

from testmon_cli.analysis.effects import FALLIBLE
from testmon_cli.domain.causes import ADDED, CHANGED, MOVED, REMOVED, Manner
from testmon_cli.domain.source import Block, Definition, SourceModel

DOC, HINT = Manner.DOCUMENTATION, Manner.ANNOTATION


_Key = tuple[tuple[str, ...], int]  # of a definition: the names it binds and its checksum


class DefinitionChange(NamedTuple):
    """A definition that was added, removed or changed.

    `definition` is the new one unless it was removed.
    """

    how: Manner
    name: str  # one of the names it binds, "" for a statement that binds none
    definition: Definition


class BlockChange(NamedTuple):
    """A block that was added, removed or changed."""

    how: Manner
    block: Block  # as it is now, unless it was removed
    before: Block | None = None  # what a changed one was


def definition_changes(
    old: SourceModel | None, new: SourceModel | None
) -> tuple[DefinitionChange, ...]:
    """Changes of definitions, a change per name.

    Members of classes that came or went as a whole are left out.
    """
    before = _grouped(old.definitions if old else ())
    after = _grouped(new.definitions if new else ())
    found: list[DefinitionChange] = []
    for key in dict.fromkeys((*before, *after)):
        found += _compare(key, before.get(key, []), after.get(key, []))
    found += _reordered(old, new)
    found += _moved_in_classes(old, new)
    found += _moved_classes(old, new)
    whole = {
        f"{c.definition.owner}.{c.name}".lstrip(".")
        for c in found
        if c.definition.kind == "class" and c.how in (ADDED, REMOVED)
    }
    return tuple(c for c in found if not _inside(c.definition.owner, whole))


def _inside(owner: str, classes: set[str]) -> bool:
    return any(owner == name or owner.startswith(name + ".") for name in classes)


def _grouped(definitions: Iterable[Definition]) -> dict[tuple[str, str], list[Definition]]:
    groups: dict[tuple[str, str], list[Definition]] = defaultdict(list)
    for definition in definitions:
        for name in definition.names or ("",):
            groups[definition.owner, name].append(definition)
    return groups


def _compare(
    key: tuple[str, str], old: list[Definition], new: list[Definition]
) -> Iterator[DefinitionChange]:
    name = key[1]
    if not name:
        yield from _compare_nameless(old, new)
    elif name == "__doc__" and all("bare" in d.flags for d in (*old, *new)):
        if [d.doc_checksum for d in old] != [d.doc_checksum for d in new]:
            yield DefinitionChange(DOC, name, (new or old)[-1])
    elif [d.checksum for d in old] != [d.checksum for d in new]:
        how = ADDED if not old else REMOVED if not new else CHANGED
        # What a definition did before counts as well as what it does now.
        yield from (DefinitionChange(how, name, d) for d in _differing(new, old))
        yield from (DefinitionChange(how, name, d) for d in _differing(old, new))
        if not (_differing(new, old) or _differing(old, new)):
            yield DefinitionChange(how, name, new[-1])
    else:
        if [d.doc_checksum for d in old] != [d.doc_checksum for d in new]:
            yield DefinitionChange(DOC, name, new[-1])
        if [d.hint_checksum for d in old] != [d.hint_checksum for d in new]:
            yield DefinitionChange(HINT, name, new[-1])


def _differing(these: list[Definition], those: list[Definition]) -> list[Definition]:
    known = {d.checksum for d in those}
    return [d for d in these if d.checksum not in known]


def _compare_nameless(old: list[Definition], new: list[Definition]) -> Iterator[DefinitionChange]:
    if [d.checksum for d in old] == [d.checksum for d in new]:
        return
    added, removed = _differing(new, old), _differing(old, new)
    if not added and not removed:  # other order or number
        added = new or old
    yield from (DefinitionChange(ADDED, "", d) for d in added)
    yield from (DefinitionChange(REMOVED, "", d) for d in removed)


def _reordered(old: SourceModel | None, new: SourceModel | None) -> Iterator[DefinitionChange]:
    """Definitions that come in another order, where one decides what the other does."""
    if old is None or new is None:
        return
    before = {key: rank for rank, (key, _) in enumerate(_counted(old.definitions))}
    after = [(before[key], d) for key, d in _counted(new.definitions) if key in before]
    if all(first < second for (first, _), (second, _) in pairwise(after)):
        return
    bound = Counter((d.owner, name) for d in new.definitions for name in d.names)
    rebound = frozenset(key for key, count in bound.items() if count > 1)
    moved: dict[int, Definition] = {}
    for place, (rank, definition) in enumerate(after):
        decides = _decider(definition, rebound)
        if decides is None:
            continue
        for other_place, (other_rank, other) in enumerate(after):
            is_exchanged = (place < other_place) != (rank < other_rank)
            if is_exchanged and place != other_place and decides(other):
                moved.update({place: definition} if _is_strong(definition) else {})
                moved[other_place] = other
    for _, definition in sorted(moved.items()):
        yield from (
            DefinitionChange(CHANGED, name, definition) for name in definition.names or ("",)
        )


def _key(definition: Definition) -> _Key:
    """What tells definitions apart; by the checksum alone `x: int` and `y: int` are the same."""
    return definition.names, definition.checksum


def _counted(definitions: Iterable[Definition]) -> Iterator[tuple[tuple[_Key, int], Definition]]:
    """Each definition with its key, and how many there were above it with the same."""
    seen: Counter[_Key] = Counter()
    for definition in definitions:
        key = _key(definition)
        yield (key, seen[key]), definition
        seen[key] += 1


def _decider(
    definition: Definition, rebound: AbstractSet[tuple[str, str]]
) -> Callable[[Definition], bool] | None:
    """Tell with which other definitions one has an order; None for with none.

    `rebound`: what more than one binds. One that changes more than the names it binds has an order
    with another such and with one that uses a name of it; one that binds a name anew with each that
    uses the name; `import *` with each that binds a name. One that can only fail has none: whether
    a name is bound before it is used shows in its checksum.
    """
    owner = definition.owner
    names = frozenset(name for name in definition.names if (owner, name) in rebound)
    is_star = "star" in definition.flags
    used = (
        {*definition.names, *filter(str.isidentifier, definition.mentions)}
        if _is_strong(definition)
        else set()
    )
    if not (names or is_star or _is_strong(definition)):
        return None

    def decides(other: Definition) -> bool:
        if _is_strong(definition) and (
            _is_strong(other) or not used.isdisjoint((*other.mentions, *other.names))
        ):
            return True
        if not names.isdisjoint(other.mentions) and owner in ("", other.owner):
            return True
        return is_star and bool(other.names) and not other.owner

    return decides


def _is_strong(definition: Definition) -> bool:
    return any(effect != FALLIBLE for effect in definition.effects)


def _moved_in_classes(
    old: SourceModel | None, new: SourceModel | None
) -> Iterator[DefinitionChange]:
    """Members that are the same and come in another order.

    Values are compared among values, functions among all.
    """
    before, after = (_members(model.definitions if model else ()) for model in (old, new))
    for owner, members in after.items():
        ranks = {key: rank for rank, key in enumerate(before.get(owner, ()))}
        common = [d for key, d in members.items() if key in ranks]
        places = [ranks[_key(d)] for d in common]
        if places == sorted(places):
            continue
        values = [d for d in common if d.kind != "function"]
        moved = [
            *_out_of_order(values, ranks),
            *(d for d in _out_of_order(common, ranks) if d.kind == "function"),
        ]
        yield from (
            DefinitionChange(MOVED, name, definition)
            for definition in moved
            for name in definition.names
        )


def _moved_classes(old: SourceModel | None, new: SourceModel | None) -> Iterator[DefinitionChange]:
    """Classes of a module below others that are the same and come in another order."""
    before, after = (
        {_key(d): d for d in (model.definitions if model else ()) if _is_subclass(d)}
        for model in (old, new)
    )
    ranks = {key: rank for rank, key in enumerate(before)}
    common = [d for key, d in after.items() if key in ranks]
    for definition in _out_of_order(common, ranks):
        yield DefinitionChange(MOVED, definition.names[0], definition)


def _is_subclass(definition: Definition) -> bool:
    return definition.kind == "class" and not definition.owner and bool(definition.bases)


def _members(definitions: Iterable[Definition]) -> dict[str, dict[_Key, Definition]]:
    """By class its members by their keys; of two that are the same the first."""
    found: dict[str, dict[_Key, Definition]] = defaultdict(dict)
    for definition in definitions:
        if definition.owner and definition.names != ("__doc__",):
            found[definition.owner].setdefault(_key(definition), definition)
    return found


def _out_of_order(
    definitions: Sequence[Definition], ranks: Mapping[_Key, int]
) -> Iterator[Definition]:
    """All but the most that follow each other by their ranks."""
    ends: list[int] = []  # of the shortest last rank that so many in a row can end with
    length: list[int] = []
    for definition in definitions:
        rank = ranks[_key(definition)]
        place = bisect_left(ends, rank)
        ends[place : place + 1] = [rank]
        length.append(place)
    wanted = len(ends) - 1
    kept: set[int] = set()
    for index in reversed(range(len(definitions))):
        if length[index] == wanted:
            kept.add(index)
            wanted -= 1
    yield from (d for index, d in enumerate(definitions) if index not in kept)


def block_changes(old: SourceModel | None, new: SourceModel | None) -> tuple[BlockChange, ...]:
    """Changes of blocks; a block of a function that has another one in its place has changed."""
    before = {b.checksum: b for b in (old.blocks if old else ())}
    after = {b.checksum: b for b in (new.blocks if new else ())}
    gone = [b for total, b in before.items() if total not in after]
    come = [b for total, b in after.items() if total not in before]
    places: dict[str, list[Block]] = defaultdict(list)
    for block in gone:
        places[block.qualname].append(block)
    found: list[BlockChange] = []
    for block in come:
        if places[block.qualname]:
            found.append(BlockChange(CHANGED, block, places[block.qualname].pop(0)))
        else:
            found.append(BlockChange(ADDED, block))
    found += [BlockChange(REMOVED, block) for blocks in places.values() for block in blocks]
    return tuple(found)
