"""How sets, texts and JSON become bytes in the datafile, and back."""

import json
import zlib
from collections.abc import Iterable
from itertools import accumulate
from operator import sub

from testmon_cli.domain.hashing import blake2b

_KEPT = 1 << 14
_SIGN = 1 << 63
_WHOLE = 1 << 64

# SQLite takes only valid Unicode, and its JSON ends at a NUL. Names of undecodable files hold lone surrogates: both are
# kept in the private plane 16, which no real name uses.
_TO_PLANE = {code: 0x100000 + code for code in (0, *range(0xD800, 0xE000))}
_FROM_PLANE = {value: key for key, value in _TO_PLANE.items()}


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


def signed(checksum: int) -> int:
    """A 64-bit checksum as SQL's integers have it."""
    return checksum - _WHOLE if checksum >= _SIGN else checksum


def unsigned(stored: int) -> int:
    """The checksum that `signed` stored."""
    return stored + _WHOLE if stored < 0 else stored


def storable(text: str) -> str:
    """Text that SQLite accepts, whatever it holds."""
    return text if text.isascii() and "\0" not in text else text.translate(_TO_PLANE)


def original(text: str) -> str:
    """The text that `storable` was given."""
    return text if text.isascii() else text.translate(_FROM_PLANE)


def pack_text(text: str) -> bytes:
    """A long text, packed."""
    return zlib.compress(text.encode("utf-8", "surrogatepass"))


def unpack_text(packed: bytes) -> str:
    """The text that `pack_text` was given."""
    return zlib.decompress(packed).decode("utf-8", "surrogatepass")


def to_json(value: object) -> str:
    """JSON that is equal for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def digest(data: bytes) -> str:
    """A name for content."""
    return blake2b(data, digest_size=16).hexdigest()
