"""Traces that rely on the same fingerprints share them as one set."""

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from operator import itemgetter

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TRACES = 10_000  # that are moved at a time


def upgrade() -> None:
    sets = op.create_table(
        "fingerprint_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "fingerprints",
            sa.LargeBinary(),
            nullable=False,
            comment="ids of fingerprints: sorted, each but the first less the one before, as varints",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fingerprint_set")),
        sa.UniqueConstraint("fingerprints", name=op.f("uq_fingerprint_set_fingerprints")),
        comment="a row per set of fingerprints that traces relied on; equal sets share it",
    )
    members = op.create_table(
        "fingerprint_in_set",
        sa.Column("fingerprint_id", sa.Integer(), nullable=False, comment="the blocks of one file"),
        sa.Column("set_id", sa.Integer(), nullable=False, comment="the set"),
        sa.ForeignKeyConstraint(
            ["fingerprint_id"],
            ["fingerprint.id"],
            name=op.f("fk_fingerprint_in_set_fingerprint_id_fingerprint"),
        ),
        sa.ForeignKeyConstraint(
            ["set_id"],
            ["fingerprint_set.id"],
            name=op.f("fk_fingerprint_in_set_set_id_fingerprint_set"),
        ),
        sa.PrimaryKeyConstraint("fingerprint_id", "set_id", name=op.f("pk_fingerprint_in_set")),
        comment="a row per fingerprint and set it is in: `fingerprint_set`, from the other side",
        sqlite_with_rowid=False,
    )
    owners = op.create_table(
        "trace_set",
        sa.Column("trace_id", sa.Integer(), nullable=False, comment="the trace"),
        sa.Column("set_id", sa.Integer(), nullable=False, comment="what it relied on"),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["trace.id"], name=op.f("fk_trace_set_trace_id_trace")
        ),
        sa.ForeignKeyConstraint(
            ["set_id"], ["fingerprint_set.id"], name=op.f("fk_trace_set_set_id_fingerprint_set")
        ),
        sa.PrimaryKeyConstraint("trace_id", name=op.f("pk_trace_set")),
        comment="a row per trace that relied on code",
    )
    op.create_index(op.f("ix_trace_set_set_id"), "trace_set", ["set_id"], unique=False)
    _move(sets, members, owners)
    op.drop_table("trace_fingerprint")


def _move(sets: sa.Table, members: sa.Table, owners: sa.Table) -> None:
    links = sa.table("trace_fingerprint", sa.column("trace_id"), sa.column("fingerprint_id"))
    query = sa.select(links.c.trace_id, links.c.fingerprint_id).order_by(
        links.c.trace_id, links.c.fingerprint_id
    )
    known: dict[bytes, int] = {}
    for batch in _batches(groupby(op.get_bind().execute(query), itemgetter(0))):
        packed = {trace_id: _packed(fingerprints) for trace_id, fingerprints in batch.items()}
        new = {packed[trace_id]: fingerprints for trace_id, fingerprints in batch.items()}
        new = {
            content: fingerprints for content, fingerprints in new.items() if content not in known
        }
        known.update((content, number) for number, content in enumerate(new, len(known) + 1))
        op.bulk_insert(sets, [{"id": known[content], "fingerprints": content} for content in new])
        op.bulk_insert(
            members,
            [
                {"fingerprint_id": number, "set_id": known[content]}
                for content in new
                for number in new[content]
            ],
        )
        op.bulk_insert(
            owners,
            [{"trace_id": trace_id, "set_id": known[packed[trace_id]]} for trace_id in packed],
        )


def _packed(numbers: list[int]) -> bytes:
    """Sorted numbers, each but the first less the one before, as varints.

    How this schema keeps a set.
    """
    found = bytearray()
    before = 0
    for number in sorted(numbers):
        rest, before = number - before, number
        while rest > 0x7F:
            found.append(rest & 0x7F | 0x80)
            rest >>= 7
        found.append(rest)
    return bytes(found)


def _batches(
    traces: Iterable[tuple[int, Iterable[tuple[int, int]]]],
) -> Iterator[dict[int, list[int]]]:
    """Fingerprints by trace, of some traces at a time: all may be too many to keep."""
    found = (
        (trace_id, [fingerprint_id for _, fingerprint_id in rows]) for trace_id, rows in traces
    )
    while batch := dict(islice(found, _TRACES)):
        yield batch
