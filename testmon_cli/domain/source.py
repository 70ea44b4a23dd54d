"""What the model of source says of one file. Named tuples: many are made, and dataclasses take longer to make."""

from collections.abc import Iterable
from typing import NamedTuple

from testmon_cli.domain.errors import SourceError

__all__ = ["Block", "Definition", "FunctionSummary", "Import", "SourceError", "SourceModel"]


class Block(NamedTuple):
    """Statements of a function that run one after the other."""

    checksum: int  # 64 bit, unsigned; see analysis.blocks
    qualname: str  # of the function, like "Till.count" or "outer.<locals>.inner"
    line: int  # first line of the first statement
    lines: tuple[tuple[int, int], ...]  # the line ranges (first, last) of its own statements
    parent: int  # index of the block that must have been reached before this one; -1 for a function's first
    mentions: frozenset[str]  # see analysis.mentions for the notation


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


class Import(NamedTuple):
    """One name that an import statement asks for, anywhere in the file."""

    module: str  # as written, without leading dots
    name: str  # "" for `import module`, "*" for all
    level: int  # number of leading dots
    binds: str  # the name bound here
    line: int
    lazy: bool  # inside a function


class FunctionSummary(NamedTuple):
    """What a call of a function can change besides its own locals; see analysis.effects."""

    qualname: str
    effects: tuple[str, ...]
    memoised: bool  # a decorator keeps its results
    keeps: tuple[str, ...] = ()  # under which it keeps something: `name`, `.attribute`, `import.attribute`
    results: tuple[str, ...] = ()  # those of `keeps` that hold what a call made or a caller gave
    fills: tuple[int, ...] = ()  # lines of the statements that keep; empty when that may be anywhere


class SourceModel(NamedTuple):
    """All that the analysis knows of one file's text."""

    blocks: tuple[Block, ...]
    definitions: tuple[Definition, ...]
    imports: tuple[Import, ...]
    functions: tuple[FunctionSummary, ...] = ()
    doctests: frozenset[str] = frozenset()  # qualified names whose docstring holds >>>

    def reached(self, indices: Iterable[int]) -> frozenset[int]:
        """Close block indices over what must have been reached before."""
        found: set[int] = set()
        for index in indices:
            while index >= 0 and index not in found:
                found.add(index)
                index = self.blocks[index].parent
        return frozenset(found)

    def blocks_on(self, lines: Iterable[int]) -> frozenset[int]:
        """Indices of the blocks that any of these traced lines belongs to, closed by `reached`."""
        wanted = set(lines)
        hit = {
            index
            for index, block in enumerate(self.blocks)
            if any(not wanted.isdisjoint(range(first, last + 1)) for first, last in block.lines)
        }
        return self.reached(hit)
