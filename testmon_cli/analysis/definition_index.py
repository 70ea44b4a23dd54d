"""What stands where in one file.

Its definitions, blocks, functions and imports by what they bind and mention. Made once for a file,
so that a question about one name does not have to look at all that the file holds.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from testmon_cli.domain.source import Block, Definition, FunctionSummary, Import, SourceModel


class DefinitionIndex:
    """The index of one file."""

    def __init__(self, model: SourceModel) -> None:
        self.model = model

    # Definitions

    def definitions(self, name: str, owner: str = "") -> Sequence[Definition]:
        """Definitions that bind a name at module level or, with an owner, in that class."""
        return self._by_name.get((owner, name), ())

    @cached_property
    def _by_name(self) -> Mapping[tuple[str, str], list[Definition]]:
        found: dict[tuple[str, str], list[Definition]] = defaultdict(list)
        for definition in self.model.definitions:
            for name in dict.fromkeys(definition.names):
                found[definition.owner, name].append(definition)
        return dict(found)

    def members_named(self, name: str) -> Sequence[Definition]:
        """Definitions that bind a name in the body of any class."""
        return self._members.get(name, ())

    @cached_property
    def _members(self) -> Mapping[str, list[Definition]]:
        found: dict[str, list[Definition]] = defaultdict(list)
        for (owner, name), definitions in self._by_name.items():
            if owner:
                found[name] += definitions
        return dict(found)

    def definitions_mentioning(self, mentions: Iterable[str]) -> list[Definition]:
        """Definitions with any of some mentions, in the order in which they stand."""
        lists = [
            found for mention in mentions if (found := self._definitions_by_mention.get(mention))
        ]
        return self._numbered(lists)

    def definitions_using(self, mentions: Iterable[str]) -> list[Definition]:
        """Definitions with any of some mentions in code or annotations, in order."""
        return self._numbered(
            [found for mention in mentions if (found := self._definitions_by_use.get(mention))]
        )

    def _numbered(self, lists: Sequence[list[int]]) -> list[Definition]:
        if not lists:
            return []
        numbers = (
            lists[0] if len(lists) == 1 else sorted({number for found in lists for number in found})
        )
        return [self.model.definitions[number] for number in numbers]

    @cached_property
    def _definitions_by_mention(self) -> Mapping[str, list[int]]:
        return _by_mention(definition.mentions for definition in self.model.definitions)

    @cached_property
    def _definitions_by_use(self) -> Mapping[str, list[int]]:
        return _by_mention(
            definition.mentions | definition.hint_mentions for definition in self.model.definitions
        )

    # What functions do and imports bind

    def function(self, qualname: str) -> FunctionSummary | None:
        return self._functions.get(qualname)

    @cached_property
    def _functions(self) -> Mapping[str, FunctionSummary]:
        return {function.qualname: function for function in reversed(self.model.functions)}

    def functions_named(self, name: str) -> Sequence[FunctionSummary]:
        """Functions and methods of a name, wherever they stand."""
        return self._functions_by_name.get(name, ())

    @cached_property
    def _functions_by_name(self) -> Mapping[str, list[FunctionSummary]]:
        found: dict[str, list[FunctionSummary]] = defaultdict(list)
        for function in self.model.functions:
            found[function.qualname.rpartition(".")[2]].append(function)
        return dict(found)

    def functions_in(self, qualname: str) -> Sequence[FunctionSummary]:
        """Functions that a function makes itself."""
        return self._inner.get(f"{qualname}.<locals>", ())

    @cached_property
    def _inner(self) -> Mapping[str, list[FunctionSummary]]:
        found: dict[str, list[FunctionSummary]] = defaultdict(list)
        for function in self.model.functions:
            found[function.qualname.rpartition(".")[0]].append(function)
        return dict(found)

    def imports_of(self, name: str) -> Sequence[Import]:
        """Imports, of the module or of its functions, that bind a name."""
        return self._imports.get(name, ())

    @cached_property
    def _imports(self) -> Mapping[str, list[Import]]:
        found: dict[str, list[Import]] = defaultdict(list)
        for imported in self.model.imports:
            found[imported.binds].append(imported)
        return dict(found)

    @cached_property
    def stars(self) -> tuple[Import, ...]:
        """The imports of the form `from module import *`."""
        return tuple(imported for imported in self.model.imports if imported.name == "*")

    # Blocks

    @cached_property
    def passed_on(self) -> frozenset[str]:
        """Names that are used as values, not for one of their attributes.

        Modules may be among what they stand for.
        """
        mentions = (*self._blocks_by_mention, *self._definitions_by_mention)
        return frozenset(mention[1:] for mention in mentions if mention.startswith("&"))

    def blocks_mentioning(self, mention: str) -> list[Block]:
        """Blocks with a mention, the module's own among them."""
        return [self.model.blocks[number] for number in self._blocks_by_mention.get(mention, ())]

    @cached_property
    def _blocks_by_mention(self) -> Mapping[str, list[int]]:
        return _by_mention(block.mentions for block in self.model.blocks)

    def blocks_of(self, name: str) -> Sequence[Block]:
        """Blocks of the function or class that has this name at module level."""
        return self._blocks_by_root.get(name, ())

    @cached_property
    def _blocks_by_root(self) -> Mapping[str, list[Block]]:
        found: dict[str, list[Block]] = defaultdict(list)
        for block in self.model.function_blocks:
            found[block.qualname.partition(".")[0]].append(block)
        return dict(found)

    def blocks_below(self, prefix: str) -> Iterator[Block]:
        """Blocks of functions whose qualified name begins in this way."""
        ordered, names = self._ordered
        for place in range(bisect_left(names, prefix), len(names)):
            if not names[place].startswith(prefix):
                return
            yield ordered[place]

    @cached_property
    def _ordered(self) -> tuple[list[Block], list[str]]:
        ordered = sorted(self.model.blocks, key=lambda block: block.qualname)
        return ordered, [block.qualname for block in ordered]


def _by_mention(holders: Iterable[frozenset[str]]) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number, mentions in enumerate(holders):
        for mention in mentions:
            found.setdefault(mention, []).append(number)
    return found
