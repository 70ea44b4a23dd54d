"""Rows for what traces ran: blocks, fingerprints of blocks, and sets of fingerprints.

Many traces rely on the same: what was packed or stored once is remembered, as long as nobody else
writes.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain, compress

from testmon_cli.domain.records import Trace
from testmon_cli.domain.source import BlockTable, Reached
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.connection import Connection, array
from testmon_cli.storage.packing import pack_numbers, signed, unpack_numbers, unsigned
from testmon_cli.storage.row_ids import REMEMBERED, RowIds

_REMEMBERED_SETS = 5_000  # entries of each cache of sets of checksums, which are large


_Members = list[tuple[int, bytes]]  # ids of sources with packed block numbers


class BlockSets:
    """Stores sets of blocks, each once. Called within a transaction."""

    def __init__(self, connection: Connection, ids: RowIds) -> None:
        self._connection = connection
        self._ids = ids
        self._fingerprints: dict[tuple[int, bytes], int] = {}
        self._sets: dict[Hashable, int] = {}  # by paths and checksums, or sources and packed blocks
        self._packings: dict[tuple[int, AbstractSet[int]], bytes] = {}  # by source and checksums
        self._tables: dict[tuple[int, BlockTable], tuple[list[int], bool]] = {}  # see `_of_table`
        self._blocks: dict[int, dict[int, int]] = {}  # by source: checksum -> number

    def forget(self) -> None:
        """Look all up again."""
        for known in (self._fingerprints, self._sets, self._packings, self._tables, self._blocks):
            known.clear()

    def bound(self) -> None:
        """Forget what grew too large."""
        if len(self._fingerprints) > REMEMBERED:
            self._fingerprints.clear()
        if len(self._packings) > _REMEMBERED_SETS:
            self._packings.clear()
        if len(self._sets) > _REMEMBERED_SETS:
            self._sets.clear()
        if sum(map(len, self._blocks.values())) > 5 * REMEMBERED:
            self._blocks.clear()
            self._tables.clear()

    def add(self, traces: Iterable[Trace], ids: Mapping[str, int], old: set[int]) -> None:
        """Store what traces ran. Those in `old` are joined with what is stored."""
        numbered = {
            ids[trace.identity]: trace.fingerprints for trace in traces if trace.fingerprints
        }
        # Tests with other parameters share what they rely on: it is looked at once.
        shared = {id(fingerprints): fingerprints for fingerprints in numbered.values()}
        sources = self._ids.of_sources(set(chain.from_iterable(shared.values())))
        new: dict[Hashable, _Members] = {}  # by what the set is known by
        joined: dict[int, Hashable] = {}  # by trace
        for trace_id, before in self._stored_blocks(old & numbered.keys()).items():
            after = {sources[path]: checksums for path, checksums in numbered[trace_id].items()}
            members = self._united(before, after)
            joined[trace_id] = tuple(members)
            new[tuple(members)] = members
        fresh = {trace_id: id(found) for trace_id, found in numbered.items()}
        for trace_id in joined:
            del fresh[trace_id]
        keys: dict[int, Hashable] = {}  # by identity of what is shared
        for number in dict.fromkeys(fresh.values()):
            key = keys[number] = tuple(shared[number].items())
            if key not in self._sets:
                new[key] = self._members(shared[number], sources)
        self._store(new)
        sets = {number: self._sets[key] for number, key in keys.items()}
        rows = {trace_id: sets[number] for trace_id, number in fresh.items()}
        rows.update((trace_id, self._sets[key]) for trace_id, key in joined.items())
        self._connection.insert(
            sql.put_trace_set(
                {"trace_id": trace_id, "set_id": set_id} for trace_id, set_id in rows.items()
            )
        )

    def _store(self, new: Mapping[Hashable, _Members]) -> None:
        """Store new sets, so that all are known by their keys."""
        if new:
            self._sets.update(zip(new, self._set_ids(list(new.values())), strict=True))

    def _members(
        self, fingerprints: Mapping[str, AbstractSet[int]], sources: Mapping[str, int]
    ) -> _Members:
        """The members of a set of fingerprints: ids of sources with packed block numbers."""
        members = []
        for path, checksums in fingerprints.items():
            source_id = sources[path]
            members.append((source_id, self._packed(source_id, checksums)))
        return members

    def _stored_blocks(self, trace_ids: set[int]) -> dict[int, dict[int, list[int]]]:
        """By trace and source: the numbers of the blocks that the trace relied on so far."""
        if not trace_ids:
            return {}
        rows = self._connection.rows(sql.sets_of(ids=array(trace_ids)))
        sets = {row["trace_id"]: unpack_numbers(row["fingerprints"]) for row in rows}
        given = array({number for numbers in sets.values() for number in numbers})
        found = {row["id"]: row for row in self._connection.rows(sql.fingerprints_of(ids=given))}
        return {
            trace_id: {found[n]["source_id"]: unpack_numbers(found[n]["blocks"]) for n in numbers}
            for trace_id, numbers in sets.items()
        }

    def _united(
        self, before: Mapping[int, list[int]], after: Mapping[int, AbstractSet[int]]
    ) -> _Members:
        """The fingerprints of what was stored and what comes now, by source and packed blocks."""
        numbers = {source_id: set(blocks) for source_id, blocks in before.items()}
        for source_id, checksums in after.items():
            numbers.setdefault(source_id, set()).update(self._numbers(source_id, sorted(checksums)))
        return [(source_id, pack_numbers(blocks)) for source_id, blocks in sorted(numbers.items())]

    def _set_ids(self, sets: list[_Members]) -> list[int]:
        """The ids of sets of fingerprints, new rows made."""
        numbers = self._fingerprint_ids({member for members in sets for member in members})
        packed = [pack_numbers(map(numbers.__getitem__, members)) for members in sets]
        last = self._connection.value(sql.last_set()) or 0
        self._connection.insert(
            sql.add_set({"fingerprints": content} for content in dict.fromkeys(packed))
        )
        ids = {
            row["fingerprints"]: row["id"]
            for row in self._connection.stream(sql.sets_after(last=last))
        }
        self._connection.insert(
            sql.add_to_set(
                {"fingerprint_id": number, "set_id": set_id}
                for content, set_id in ids.items()
                for number in unpack_numbers(content)
            )
        )
        for content in set(packed).difference(ids):  # they were there before
            ids[content] = self._connection.only(sql.set_id(fingerprints=content))
        return [ids[content] for content in packed]

    def _packed(self, source_id: int, checksums: AbstractSet[int]) -> bytes:
        """The block numbers of checksums, packed; many traces rely on the same."""
        known = self._packings.get((source_id, checksums))
        if known is None:
            if isinstance(checksums, Reached):
                of_table, has_equal = self._of_table(source_id, checksums.table)
                numbers: Iterable[int] = compress(of_table, checksums.mask)
                numbers = set(numbers) if has_equal else numbers
            else:
                numbers = self._numbers(source_id, sorted(checksums))
            known = self._packings[source_id, checksums] = pack_numbers(numbers)
        return known

    def _of_table(self, source_id: int, table: BlockTable) -> tuple[list[int], bool]:
        """The numbers of all blocks of a table, in its order, and whether some are equal."""
        known = self._tables.get((source_id, table))
        if known is None:
            numbers = self._numbers(source_id, table.checksums)
            known = self._tables[source_id, table] = numbers, len(set(numbers)) < len(numbers)
        return known

    def _numbers(self, source_id: int, checksums: Sequence[int]) -> list[int]:
        """Block numbers of checksums, new ones given out."""
        known = self._blocks.get(source_id)
        if known is None:
            rows = self._connection.rows(sql.blocks(ids=array((source_id,))))
            known = self._blocks[source_id] = {
                unsigned(row["checksum"]): row["number"] for row in rows
            }
        new = [checksum for checksum in dict.fromkeys(checksums) if checksum not in known]
        if new:
            first = max(known.values(), default=0) + 1
            known.update(zip(new, range(first, first + len(new)), strict=True))
        self._connection.insert(
            sql.add_block(
                {"source_id": source_id, "number": known[checksum], "checksum": signed(checksum)}
                for checksum in new
            )
        )
        return list(map(known.__getitem__, checksums))

    def _fingerprint_ids(self, keys: set[tuple[int, bytes]]) -> dict[tuple[int, bytes], int]:
        """Ids by source and packed blocks, new rows made."""
        known = self._fingerprints
        missing = {key for key in keys if key not in known}
        if missing:
            last = self._connection.value(sql.last_fingerprint()) or 0
            self._connection.insert(
                sql.add_fingerprint(
                    {"source_id": source_id, "blocks": blocks}
                    for source_id, blocks in sorted(missing)
                )
            )
            for row in self._connection.stream(sql.fingerprints_after(last=last)):
                known[row["source_id"], row["blocks"]] = row["id"]
            for source_id, blocks in missing.difference(known):  # they were there before
                found = self._connection.only(
                    sql.fingerprint_id(source_id=source_id, blocks=blocks)
                )
                known[source_id, blocks] = found
        return {key: known[key] for key in keys}
