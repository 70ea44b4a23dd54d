"""Rows of evidence as bytes and back.

A row is the number of its kind, then its fields: whole numbers as varints, text (UTF-8) and bytes
with their length before them, fractions as 8 bytes. A zero ends all rows.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from testmon_cli.domain.evidence import KINDS, EvidenceError, Row

_REAL: Final = struct.Struct("<d")
_LONGEST: Final = 64 << 20  # bytes of one field
_MOST: Final = 1 << 63
_SEVERAL: Final = 0x80  # from here on a byte is the first of several of a number
_AT_ONCE: Final = 1 << 16
_FIELDS: Final = {kind: tuple(kind.__annotations__.values()) for kind in KINDS}
_NUMBERS: Final = {kind: number for number, kind in enumerate(KINDS, 1)}
END: Final = b"\0"


def encoded(row: Row) -> bytes:
    """A row as bytes."""
    kind = type(row)
    packed = bytearray((_NUMBERS[kind],))
    values: tuple[Any, ...] = row
    for value, field in zip(values, _FIELDS[kind], strict=True):
        if field is int:
            _add_number(packed, value)
        elif field is float:
            packed += _REAL.pack(value)
        else:
            data = value.encode("utf-8", "surrogatepass") if field is str else value
            _add_number(packed, len(data))
            packed += data
    return bytes(packed)


def _add_number(packed: bytearray, number: int) -> None:
    while number > 0x7F:
        packed.append(number & 0x7F | 0x80)
        number >>= 7
    packed.append(number)


class Decoder:
    """Gives the rows that some bytes hold. Raises EvidenceError for bytes that no rows have."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        """`read` gives up to that many bytes, none at the end."""
        self._read = read
        self._buffer = b""
        self._at = 0

    def rows(self) -> Iterator[Row]:
        """All rows, up to the zero that ends them."""
        number = before = 0
        while number := self._take(1)[0]:
            if not before <= number <= len(KINDS):
                raise EvidenceError(f"a row of kind {number} where none can be")
            before = number
            kind = KINDS[number - 1]
            yield kind(*self._fields(_FIELDS[kind]))
        if self._at < len(self._buffer) or self._read(1):
            raise EvidenceError("bytes after the last row")

    def _fields(self, fields: Sequence[Any]) -> list[Any]:
        """The fields of a row. Mostly they are in the buffer, and their lengths one byte long."""
        values: list[Any] = []
        buffer, at = self._buffer, self._at
        for field in fields:
            if field is float:
                self._at = at
                values.append(_REAL.unpack(self._take(_REAL.size))[0])
                buffer, at = self._buffer, self._at
                continue
            number = buffer[at] if at < len(buffer) else _SEVERAL
            if number < _SEVERAL:
                at += 1
            else:
                self._at = at
                number = self._number()
                buffer, at = self._buffer, self._at
            if field is int:
                values.append(number)
                continue
            end = at + number
            if end <= len(buffer):
                data = buffer[at:end]
                at = end
            else:
                self._at = at
                data = self._long(number)
                buffer, at = self._buffer, self._at
            values.append(data if field is bytes else _text(data))
        self._at = at
        return values

    def _long(self, length: int) -> bytes:
        if length > _LONGEST:
            raise EvidenceError(f"a field of {length:,} bytes")
        return self._take(length)

    def _number(self) -> int:
        found = shift = 0
        while True:
            byte = self._take(1)[0]
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 63:
                raise EvidenceError("a number that is too large")
        if found >= _MOST or (shift and not byte):
            raise EvidenceError("a number that is too large, or too long")
        return found

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._buffer):
            self._fill(count)
            end = count
        data = self._buffer[self._at : end]
        self._at = end
        return data

    def _fill(self, count: int) -> None:
        parts = [self._buffer[self._at :]]
        missing = count - len(parts[0])
        while missing > 0:
            part = self._read(max(_AT_ONCE, min(missing, 16 * _AT_ONCE)))
            if not part:
                raise EvidenceError("it ends too early")
            parts.append(part)
            missing -= len(part)
        self._buffer, self._at = b"".join(parts), 0


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise EvidenceError("text that is no UTF-8") from None
