"""Sets of numbered things as the bits of one number.

Thousands of them are united at the cost of an addition.
"""

from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)
_FEW = 8


class Bits(Generic[T]):
    """Gives each thing a bit of its own."""

    def __init__(self, things: Iterable[T] = ()) -> None:
        self._things = list(things)
        self._places = {thing: place for place, thing in enumerate(self._things)}

    def of(self, things: Iterable[T]) -> int:
        """The set of some things."""
        return _united([self._place(thing) for thing in things])

    def known(self, things: Iterable[T]) -> int:
        """The set of those of some things that have a bit."""
        return _united([place for place in map(self._places.get, things) if place is not None])

    def things(self, bits: int) -> Iterator[T]:
        """The things in a set."""
        if bits.bit_count() < _FEW:
            while bits:
                yield self._things[(bits & -bits).bit_length() - 1]
                bits &= bits - 1
            return
        for place, digit in enumerate(reversed(f"{bits:b}")):
            if digit == "1":
                yield self._things[place]

    def _place(self, thing: T) -> int:
        place = self._places.get(thing)
        if place is None:
            place = self._places[thing] = len(self._things)
            self._things.append(thing)
        return place


def _united(places: list[int]) -> int:
    if len(places) < _FEW:
        return sum({1 << place for place in places})
    packed = bytearray(max(places) // 8 + 1)
    for place in places:
        packed[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(packed, "little")
