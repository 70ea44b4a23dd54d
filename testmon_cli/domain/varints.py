"""Sets of positive numbers as bytes and back."""

from collections.abc import Iterable
from itertools import accumulate
from operator import sub

_KEPT = 1 << 14


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
    if packed.isascii():  # mostly: then each byte is a difference
        return list(accumulate(packed))
    numbers = []
    number = shift = rest = 0
    for byte in packed:
        rest |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
            continue
        number += rest
        numbers.append(number)
        shift = rest = 0
    return numbers
