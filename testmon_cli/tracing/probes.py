"""Probes: one store into a list at the start of each block, written into the code at import.

A probe is compiled as `MARK.hits[index] = 1`, of plain constants: the code can be cached on disk. `bind` puts the
`Probes` of the source in the place of the mark. No name is added to any namespace, and a probe takes the position of
the statement it precedes, so that lines, tracebacks and sources are as they were. A list is the fastest to store into,
by far: the interpreter has an instruction of its own for it. But only the process that has it can read it, and to look
for hits takes as long as it has items: `Probes` let memory that outlives the process take its place, or a dictionary
where hits are few.
"""

import mmap
from collections.abc import MutableSequence
from types import CodeType, SimpleNamespace
from typing import Any, NamedTuple, Self

MARK = "testmon probe".center(15, "\0")  # a constant would be a mark in the code of this module
CAPACITY = 1 << 24
HITS = "hits"


class Probes:
    """The hits of one source: an item per block and one for the module, 1 where its probe was met."""

    __slots__ = (HITS,)

    hits: MutableSequence[int] | dict[int, int]

    def __init__(self, hits: MutableSequence[int]) -> None:
        self.hits = hits

    def __reduce__(self) -> tuple[Any, ...]:
        """Code that is pickled by value takes along what nobody reads."""
        return SimpleNamespace, (), {HITS: {}}

    def __deepcopy__(self, memo: object) -> Self:
        return self


class HitArray(mmap.mmap):
    """A byte per probe, in memory that forked children share."""

    def __new__(cls, handle: int = -1) -> Self:
        """Of a file, when its content is to outlive this process."""
        return super().__new__(cls, handle, CAPACITY)

    def part(self, base: int, count: int) -> MutableSequence[int]:
        """The bytes of one source, to store into."""
        return memoryview(self)[base : base + count]  # type: ignore[return-value] # it takes and gives integers


class Probed(NamedTuple):
    """What instrumented code says of itself."""

    qualnames: tuple[str, ...]  # of the function of each block; the module's own probe comes after them


def probed(code: CodeType) -> Probed | None:
    """What a module's code says of its probes, None when it has none."""
    for constant in code.co_consts:
        if _is_own_probe(constant):
            return Probed(constant[2])
    return None


def bind(code: CodeType, probes: Probes) -> CodeType:
    """The same code with probes that store into `probes`."""
    constants = []
    changed = False
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            bound: object = bind(constant, probes)
        elif isinstance(constant, str) and constant == MARK:  # bytes must not be compared: python -b
            bound = probes
        elif _is_own_probe(constant):
            bound = constant[1]
        else:
            bound = constant
        changed = changed or bound is not constant
        constants.append(bound)
    return code.replace(co_consts=tuple(constants)) if changed else code


def _is_own_probe(constant: Any) -> bool:
    """Whether a constant is the index of a module's own probe: it says whose the others are, too."""
    return isinstance(constant, tuple) and len(constant) == 3 and isinstance(constant[0], str) and constant[0] == MARK
