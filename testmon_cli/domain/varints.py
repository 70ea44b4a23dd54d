"""Sets of positive numbers as bytes and back."""

import re
from collections.abc import Iterable
from itertools import accumulate
from operator import sub

_KEPT = 1 << 14
_LONG = re.compile(rb"[\x80-\xff]+[\x00-\x7f]")  # a number of several bytes
_ENDLESS = bytes(range(0x80, 0x100))


class _Varints(dict[int, bytes]):
    """Numbers as bytes, kept: differences are few."""

    def __missing__(self, number: int) -> bytes:
        packed = bytearray()
        rest = number
        while rest > 0x7F:
            packed.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed.append(rest)
        if number < _KEPT:
            self[number] = bytes(packed)
        return bytes(packed)


_VARINTS = _Varints()


def pack_numbers(numbers: Iterable[int]) -> bytes:
    """A set of positive numbers: sorted, differences as varints of 7 bits a byte."""
    ordered = sorted(numbers)
    differences = list(map(sub, ordered, (0, *ordered)))
    try:
        packed = bytes(differences)
    except ValueError:
        packed = b"\xff"
    return packed if packed.isascii() else b"".join(map(_VARINTS.__getitem__, differences))


def unpack_numbers(packed: bytes) -> list[int]:
    """The sorted numbers of `pack_numbers`."""
    # mostly each byte is a difference
    return list(accumulate(packed if packed.isascii() else unpack_differences(packed)))


def unpack_differences(packed: bytes) -> list[int]:
    """The first number of `pack_numbers`, and by how much each next one is greater."""
    differences: list[int] = []
    start = 0
    for found in _LONG.finditer(packed):  # few: most numbers follow each other closely
        differences += packed[start : found.start()]
        differences.append(_number(found[0]))
        start = found.end()
    differences += packed[start:].rstrip(_ENDLESS)
    return differences


def are_canonical(packed: bytes) -> bool:
    """Tell whether `pack_numbers` gives these bytes for some numbers.

    A byte of zero is a difference of zero, or ends a number that is written too long.
    """
    return 0 not in packed and packed[-1:] < b"\x80"


def _number(packed: bytes) -> int:
    number = 0
    for byte in reversed(packed):
        number = number << 7 | byte & 0x7F
    return number
