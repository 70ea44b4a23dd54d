"""How sets, texts and JSON become bytes in the datafile, and back."""

import json
import zlib
from typing import Any

from testmon_cli.domain.hashing import blake2b
from testmon_cli.domain.varints import pack_numbers, unpack_numbers

__all__ = [
    "digest",
    "original",
    "pack_numbers",
    "pack_text",
    "signed",
    "storable",
    "to_json",
    "unpack_json",
    "unpack_numbers",
    "unpack_text",
    "unsigned",
]

_SIGN = 1 << 63
_WHOLE = 1 << 64

# SQLite takes only valid Unicode, and its JSON ends at a NUL. Names of undecodable files hold lone
# surrogates: both are kept in the private plane 16, which no real name uses.
_TO_PLANE = {code: 0x100000 + code for code in (0, *range(0xD800, 0xE000))}
_FROM_PLANE = {value: key for key, value in _TO_PLANE.items()}


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


def unpack_json(text: str) -> Any:
    """The value of some JSON."""
    return json.loads(text)


def digest(data: bytes) -> str:
    """A name for content."""
    return blake2b(data, digest_size=16).hexdigest()
