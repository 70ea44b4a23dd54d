"""A model as bytes and back, and the index of names that spares decoding it."""

import json
import struct
import sys
import zlib
from collections.abc import Callable
from typing import Any

from testmon_cli.domain.hashing import blake2b
from testmon_cli.domain.source import Block, BlockTable, Definition, FunctionSummary, Import, SourceModel

_NAME_BYTES = 4
_FEW = 50  # hashes that are sooner looked for one by one
_LENGTH = struct.Struct("<I")
MEMOISES = "memoises!"  # stands in the index of a file with a memoised function


def encode(model: SourceModel) -> bytes:
    """Two documents of compressed JSON, the table of blocks and the rest, behind the length of the first.

    Mentions are kept as indices into one list of names.
    """
    names: dict[str, int] = {}

    def refs(mentions: frozenset[str]) -> list[int]:
        return [names.setdefault(name, len(names)) for name in sorted(mentions)]

    document = {
        "blocks": [[b.qualname, b.line, refs(b.mentions)] for b in model.blocks],
        "definitions": [
            [
                d.names, d.owner, d.kind, d.checksum, d.doc_checksum, d.line, d.end_line, refs(d.mentions),
                d.effects, d.bases, d.decorators, sorted(d.flags), d.hint_checksum,
            ]
            for d in model.definitions
        ],
        "imports": [[i.module, i.name, i.level, i.binds, i.line, i.lazy] for i in model.imports],
        "functions": [[f.qualname, f.effects, f.memoised, f.keeps, f.results, f.fills] for f in model.functions],
        "doctests": sorted(model.doctests),
    }  # fmt: skip
    document["names"] = list(names)
    table = _packed([[b.checksum, b.parent, b.lines] for b in model.blocks])
    return _LENGTH.pack(len(table)) + table + _packed(document)


def _packed(document: object) -> bytes:
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 3)


def decode_table(data: bytes) -> BlockTable:
    """The table of blocks of the model that `encode` was given: it takes a tenth of the time."""
    rows = _table(data)
    return BlockTable([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


def _table(data: bytes) -> list[Any]:
    rows: list[Any] = json.loads(zlib.decompress(data[_LENGTH.size : _LENGTH.size + _LENGTH.unpack_from(data)[0]]))
    return rows


def decode(data: bytes) -> SourceModel:
    """The model that `encode` was given."""
    document = _document(data)
    mentions = _mentions_of(document)
    return SourceModel(
        blocks=tuple(
            Block(total, qualname, line, tuple((a, b) for a, b in lines), parent, mentions(refs))
            for (total, parent, lines), (qualname, line, refs) in zip(_table(data), document["blocks"], strict=True)
        ),
        definitions=_definitions(document),
        imports=tuple(Import(*values) for values in document["imports"]),
        functions=tuple(
            FunctionSummary(name, tuple(effects), memoised, tuple(keeps), tuple(results), tuple(fills))
            for name, effects, memoised, keeps, results, fills in document["functions"]
        ),
        doctests=frozenset(document["doctests"]),
    )


def decode_definitions(data: bytes) -> tuple[Definition, ...]:
    """The definitions of the model that `encode` was given: it takes half of the time."""
    return _definitions(_document(data))


def _document(data: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(zlib.decompress(data[_LENGTH.size + _LENGTH.unpack_from(data)[0] :]))
    return document


def _mentions_of(document: dict[str, Any]) -> Callable[[list[int]], frozenset[str]]:
    names = document["names"]

    def mentions(refs: list[int]) -> frozenset[str]:
        return frozenset([names[ref] for ref in refs])

    return mentions


def _definitions(document: dict[str, Any]) -> tuple[Definition, ...]:
    mentions = _mentions_of(document)
    return tuple(_definition(mentions, *values) for values in document["definitions"])


def _definition(mentions: Callable[[list[int]], frozenset[str]], *values: Any) -> Definition:
    names, owner, kind, total, doc, line, end, refs, effects, bases, decorators, flags, hints = values
    return Definition(
        tuple(names), owner, kind, total, doc, line, end, mentions(refs),
        tuple(effects), tuple(bases), tuple(decorators), frozenset(flags), hints,
    )  # fmt: skip


def name_hash(name: str) -> bytes:
    """Four bytes that stand for an identifier in the index of names."""
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_NAME_BYTES).digest()


def name_index(model: SourceModel) -> bytes:
    """Sorted hashes of every identifier that the file mentions or binds."""
    found: set[str] = set()
    for block in model.blocks:
        found |= block.mentions
        found.update(block.qualname.split("."))
    for definition in model.definitions:
        found |= definition.mentions
        found.update(definition.names)
        found.update(definition.owner.split("."))
    if any(function.memoised or function.keeps for function in model.functions):
        found.add(MEMOISES)
    return b"".join(sorted({name_hash(name.lstrip(".@&")) for name in found}))


def mentions_any(index: bytes, hashes: set[bytes]) -> bool:
    """Whether an index holds one of these hashes."""
    if len(hashes) < _FEW and not any(map(index.__contains__, hashes)):  # mostly: then the slow look is spared
        return False
    wanted = {int.from_bytes(found, sys.byteorder) for found in hashes}
    return not wanted.isdisjoint(memoryview(index).cast("I"))
