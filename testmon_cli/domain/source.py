"""The model of one source file.

Named tuples: many are made, and dataclasses take longer to make.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import compress
from typing import NamedTuple

from testmon_cli.domain.errors import SourceError

__all__ = [
    "ANY",
    "OWN",
    "RESULT",
    "WALKED",
    "Block",
    "BlockTable",
    "Definition",
    "FunctionSummary",
    "Import",
    "Outline",
    "Reached",
    "SourceError",
    "SourceModel",
]

RESULT = "()"  # what a `cached_property` keeps in the object; see `FunctionSummary.owned`
ITEM = "[]"  # before what is kept as an item of what the object has; see there
OF_CLASS = "cls"  # before what is kept in a class that is at hand; see there, and `passes`
NEW_CLASS = "type()"  # see `FunctionSummary.passes`
BY_PLACE = "#"  # after an attribute that a new object may have under any name, see there
OWN, ANY, NAMED, WALKED = "self", "any", "named", "walked"  # see `FunctionSummary.gives`


class Block(NamedTuple):
    """Statements of a function that run one after the other."""

    checksum: int  # 64 bit, unsigned; see analysis.blocks
    qualname: str  # of the function, like "Till.count" or "outer.<locals>.inner"
    line: int  # first line of the first statement
    lines: tuple[tuple[int, int], ...]  # the line ranges (first, last) of its own statements
    # index of the block that must have been reached before this one; -1 for a function's first
    parent: int
    mentions: frozenset[str]  # see analysis.mentions for the notation


# begins a flag of a class that has one and no other keywords; the dotted name follows
METACLASS = "metaclass "


class Definition(NamedTuple):
    """One import-time statement at module or class level, and the names it binds."""

    names: tuple[str, ...]  # what it binds
    owner: str  # qualified name of the class it stands in, "" at module level
    kind: str  # "function", "class", "import", "assign" or "statement"
    checksum: int  # of what it does: function bodies, docstrings and unread annotations left out
    doc_checksum: int  # of its docstring; 0 without
    line: int
    end_line: int
    mentions: frozenset[str]
    effects: tuple[str, ...] = ()  # what else it can change; see analysis.effects for the notation
    bases: tuple[str, ...] = ()  # of a class, as dotted names
    decorators: tuple[str, ...] = ()  # dotted names, "?" for what is not a name
    flags: frozenset[str] = frozenset()  # see analysis.definitions
    hint_checksum: int = 0  # of its annotations; 0 without
    # of its annotations, those written as strings included
    hint_mentions: frozenset[str] = frozenset()

    @property
    def qualname(self) -> str:
        """The qualified name of the first name that it binds."""
        return f"{self.owner}.{self.names[0]}" if self.owner else self.names[0]


class Outline(NamedTuple):
    """The part of a definition that tells which tests there are."""

    names: tuple[str, ...]
    owner: str
    kind: str
    line: int
    bases: tuple[str, ...]
    flags: frozenset[str]


class Import(NamedTuple):
    """One name that an import statement asks for, anywhere in the file."""

    module: str  # as written, without leading dots
    name: str  # "" for `import module`, "*" for all
    level: int  # number of leading dots
    binds: str  # the name bound here
    line: int
    lazy: bool  # inside a function
    # a `lazy import` that nothing uses on import: it runs where the name is first used
    deferred: bool = False

    @property
    def is_eager(self) -> bool:
        """Whether importing the file runs it."""
        return not (self.lazy or self.deferred)


class FunctionSummary(NamedTuple):
    """The summary of a function: what a call can change besides its own locals.

    `analysis.effects` describes it.
    """

    qualname: str
    effects: tuple[str, ...]
    memoised: bool  # a decorator keeps its results
    # under which it keeps something: `name`, `.attribute`, `import.attribute`; `name<f` where a
    # function f that it gives the object to changes that, `name<` where it only calls methods of
    # what may be a class, `f()` what f returned
    keeps: tuple[str, ...] = ()
    results: tuple[str, ...] = ()  # those of `keeps` that hold what a call made or a caller gave
    # lines of the statements that keep; empty when that may be anywhere
    fills: tuple[int, ...] = ()
    # Those of `keeps` that nothing but the object has, RESULT for the result itself, after ITEM
    # those of which only items are set, after OF_CLASS those that nothing but a class has.
    owned: tuple[str, ...] = ()
    # Attributes of one object that it may set on another: `~name` of its own object alone, `name`
    # of any, BY_PLACE after those that the other may have under another name. OF_CLASS where it may
    # pass on all attributes of a class at once, NEW_CLASS where it may give a new class, or an
    # object, many that were computed.
    passes: tuple[str, ...] = ()
    # Whose attributes it may pass on all at once: OWN, those of ANY object, or "" of none; WALKED
    # for those of objects that the run recorded; NAMED where it sets those whose names the run
    # recorded.
    gives: str = ""
    # Attributes of its object, kept by some function of the file, of which the function notes all
    # reading.
    sees: tuple[str, ...] = ()
    # Those of `keeps`, RESULT for the result itself, of which the run notes what ran while they
    # were made, see `analysis.making`; and the names of the function that matter to it nowhere
    # else.
    made: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    # `^0:rows` for a parameter, by its place and name, of which it changes what that is given, and
    # `f@1^0:rows` for a function that it gives that to, as the argument at 1 (or by that keyword).
    alters: tuple[str, ...] = ()
    # Globals of which its result may be a part, and `f()` for other functions of whose results.
    returns: tuple[str, ...] = ()
    # The last names of functions that it gives the result of a call.
    hands: tuple[str, ...] = ()
    # Under which of `keeps` it keeps what it was given, RESULT for locals of a function around it;
    # other attributes of its object, too.
    takes: tuple[str, ...] = ()


class SourceModel(NamedTuple):
    """All that the analysis knows of one file's text."""

    blocks: tuple[Block, ...]
    definitions: tuple[Definition, ...]
    imports: tuple[Import, ...]
    functions: tuple[FunctionSummary, ...] = ()
    doctests: frozenset[str] = frozenset()  # qualified names whose docstring holds >>>
    private: frozenset[str] = frozenset()  # attributes, see `analysis.containers`
    sets: frozenset[str] = frozenset()  # attributes, see `analysis.memoisation.attributes_set`

    @property
    def module_block(self) -> Block:
        """The module's own code, for who runs it as a script: the last of the blocks."""
        return self.blocks[-1]

    @property
    def function_blocks(self) -> tuple[Block, ...]:
        """The blocks of functions."""
        return self.blocks[:-1]

    @property
    def table(self) -> "BlockTable":
        """The lines and parents of the blocks, enough to tell which were hit."""
        return BlockTable(
            [block.checksum for block in self.blocks],
            [block.parent for block in self.blocks],
            [block.lines for block in self.blocks],
        )


class BlockTable:
    """The lines and parents of a file's blocks, enough to tell which were hit.

    A block is known by its index.
    """

    __slots__ = ("_by_line", "_lines", "checksums", "parents")

    def __init__(
        self,
        checksums: Sequence[int],
        parents: Sequence[int],
        lines: Sequence[Sequence[Sequence[int]]],
    ) -> None:
        self.checksums = checksums
        self.parents = parents
        self._lines = lines
        self._by_line: dict[int, list[int]] = {}

    def reached(self, hit: Iterable[int]) -> set[int]:
        """Close indices over what must have been reached before; there may be none such blocks."""
        return self._closed({index for index in hit if 0 <= index < len(self.parents)})

    def reached_by(self, seen: bytes) -> "Reached":
        """The reached blocks, from hits given as a byte for each block: 1 where it was hit."""
        count = len(self.parents)
        mask = seen[:count].ljust(count, b"\0")
        if all(map(mask.__getitem__, set(compress(self.parents, mask)).difference((-1,)))):
            return Reached(self, mask)  # mostly: what came before was met on the way
        return self.masked(self._closed(set(compress(range(count), mask))))

    def masked(self, indices: set[int]) -> "Reached":
        """Some blocks."""
        return Reached(self, bytes(map(indices.__contains__, range(len(self.parents)))))

    def _closed(self, found: set[int]) -> set[int]:
        above = found
        while above := set(map(self.parents.__getitem__, above)).difference(found, (-1,)):
            found |= above
        return found

    def on(self, lines: Iterable[int]) -> set[int]:
        """The blocks that any of these traced lines belongs to."""
        if not self._by_line:
            self._fill_by_line()
        return {index for line in lines for index in self._by_line.get(line, ())}

    def _fill_by_line(self) -> None:
        for index, ranges in enumerate(self._lines):
            for first, last in ranges:
                for line in range(first, last + 1):
                    self._by_line.setdefault(line, []).append(index)


class Reached(AbstractSet[int]):
    """The checksums of some blocks of one table, kept as a mask.

    There are hundreds, in a set of each test.
    """

    __slots__ = ("mask", "table")

    def __init__(self, table: BlockTable, mask: bytes) -> None:
        self.table = table
        self.mask = mask  # a byte per block, 1 for those that are meant

    def __contains__(self, checksum: object) -> bool:
        return any(checksum == found for found in compress(self.table.checksums, self.mask))

    def __iter__(self) -> Iterator[int]:
        return iter(dict.fromkeys(compress(self.table.checksums, self.mask)))

    def __len__(self) -> int:
        return len(set(compress(self.table.checksums, self.mask)))

    def __bool__(self) -> bool:
        return 1 in self.mask

    def __hash__(self) -> int:
        return hash(self.mask)

    @classmethod
    def _from_iterable(cls, checksums: Iterable[int]) -> frozenset[int]:  # type: ignore[override] # as of other sets
        return frozenset(checksums)
