"""A model as bytes and back, and the index of names that spares decoding it."""

import json
import struct
import sys
import zlib
from typing import Any

from testmon_cli.domain.hashing import blake2b
from testmon_cli.domain.source import (
    NEW_CLASS,
    OF_CLASS,
    Block,
    BlockTable,
    Definition,
    FunctionSummary,
    Import,
    Outline,
    SourceModel,
)

_NAME_BYTES = 4
_FEW = 50  # hashes that are sooner looked for one by one
_PLACES = struct.Struct("<II")
_TABLE, _OUTLINE, _REST = range(3)  # the documents
MEMOISES = "memoises!"  # stands in the index of a file with a memoised function
# In that of a file with a function that may give a class, or all that one has, to another.
PASSES = "passes!"
DEFERS = "defers!"  # in that of a file with a deferred import


def encode(model: SourceModel) -> bytes:
    """Three documents of compressed JSON: table of blocks, outline of definitions, rest.

    Before them is written where two of them begin. Mentions are kept as indices into one list
    of names.
    """
    names: dict[str, int] = {}

    def refs(mentions: frozenset[str]) -> list[int]:
        return [names.setdefault(name, len(names)) for name in sorted(mentions)]

    document = {
        "blocks": [[b.qualname, b.line, refs(b.mentions)] for b in model.blocks],
        "definitions": [
            [
                d.checksum, d.doc_checksum, d.end_line, d.effects, d.decorators, d.hint_checksum, refs(d.mentions),
                refs(d.hint_mentions),
            ]
            for d in model.definitions
        ],
        "imports": [list(i) for i in model.imports],
        "functions": [
            [
                f.qualname, f.effects, f.memoised, f.keeps, f.results, f.fills, f.owned, f.passes, f.gives, f.sees,
                f.made, f.inside, f.alters, f.returns, f.hands, f.takes,
            ]
            for f in model.functions
        ],
        "doctests": sorted(model.doctests),
        "private": sorted(model.private),
        "sets": sorted(model.sets),
    }  # fmt: skip
    document["names"] = list(names)
    table = _packed([[b.checksum, b.parent, b.lines] for b in model.blocks])
    outline = _packed(
        [[d.names, d.owner, d.kind, d.line, d.bases, sorted(d.flags)] for d in model.definitions]
    )
    place = _PLACES.size + len(table)
    return _PLACES.pack(place, place + len(outline)) + table + outline + _packed(document)


def _packed(document: object) -> bytes:
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 3)


def decode_table(data: bytes) -> BlockTable:
    """The table of blocks of the model that `encode` was given: it takes a tenth of the time."""
    rows = _document(data, _TABLE)
    return BlockTable([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


def decode_outline(data: bytes) -> tuple[Outline, ...]:
    """The outline of the definitions of the model that `encode` was given.

    It takes a tenth of the time.
    """
    return tuple(
        Outline(tuple(names), owner, kind, line, tuple(bases), frozenset(flags))
        for names, owner, kind, line, bases, flags in _document(data, _OUTLINE)
    )


def decode_imports(data: bytes) -> tuple[Import, ...]:
    """The imports of the model that `encode` was given: it takes a quarter of the time."""
    return tuple(Import(*values) for values in _document(data, _REST)["imports"])


def _document(data: bytes, which: int) -> Any:
    places = _PLACES.size, *_PLACES.unpack_from(data), len(data)
    return json.loads(zlib.decompress(data[places[which] : places[which + 1]]))


def check_size(data: bytes, most: int) -> None:
    """Raise ValueError if a document of a model has more than so many bytes unpacked.

    No more than that is unpacked to find out.
    """
    places = (_PLACES.size, *_PLACES.unpack_from(data), len(data))
    for which in (_TABLE, _OUTLINE, _REST):
        unpacking = zlib.decompressobj()
        unpacking.decompress(data[places[which] : places[which + 1]], most)
        if not unpacking.eof:
            raise ValueError("the model is too large")


def decode(data: bytes) -> SourceModel:
    """The model that `encode` was given."""
    document = _document(data, _REST)
    names = document["names"]

    def mentions(refs: list[int]) -> frozenset[str]:
        return frozenset([names[ref] for ref in refs])

    return SourceModel(
        blocks=tuple(
            Block(total, qualname, line, tuple((a, b) for a, b in lines), parent, mentions(refs))
            for (total, parent, lines), (qualname, line, refs) in zip(
                _document(data, _TABLE), document["blocks"], strict=True
            )
        ),
        definitions=tuple(
            Definition(
                names=o.names,
                owner=o.owner,
                kind=o.kind,
                checksum=total,
                doc_checksum=doc,
                line=o.line,
                end_line=end,
                mentions=mentions(refs),
                effects=tuple(effects),
                bases=o.bases,
                decorators=tuple(decorators),
                flags=o.flags,
                hint_checksum=hints,
                hint_mentions=mentions(hint_refs),
            )
            for o, (total, doc, end, effects, decorators, hints, refs, hint_refs) in zip(
                decode_outline(data), document["definitions"], strict=True
            )
        ),
        imports=tuple(Import(*values) for values in document["imports"]),
        functions=tuple(
            FunctionSummary(
                name,
                tuple(effects),
                memoised,
                tuple(keeps),
                tuple(results),
                tuple(fills),
                tuple(owned),
                tuple(passes),
                gives,
                *map(tuple, rest),
            )
            for (
                name,
                effects,
                memoised,
                keeps,
                results,
                fills,
                owned,
                passes,
                gives,
                *rest,
            ) in document["functions"]
        ),
        doctests=frozenset(document["doctests"]),
        private=frozenset(document["private"]),
        sets=frozenset(document["sets"]),
    )


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
        found |= definition.hint_mentions
        found.update(definition.names)
        found.update(definition.owner.split("."))
    if any(function.memoised or function.keeps for function in model.functions):
        found.add(MEMOISES)
    if any(
        part.startswith((OF_CLASS, NEW_CLASS))
        for function in model.functions
        for part in function.passes
    ):
        found.add(PASSES)
    if any(imported.deferred for imported in model.imports):
        found.add(DEFERS)
    return b"".join(sorted({name_hash(name.lstrip(".@&=~%^")) for name in found}))


def mentions_any(index: bytes, hashes: set[bytes]) -> bool:
    """Whether an index holds one of these hashes."""
    # Mostly: then the slow look is spared.
    if len(hashes) < _FEW and not any(map(index.__contains__, hashes)):
        return False
    wanted = {int.from_bytes(found, sys.byteorder) for found in hashes}
    return not wanted.isdisjoint(memoryview(index).cast("I"))
