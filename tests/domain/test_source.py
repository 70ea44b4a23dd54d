"""Sets of checksums as masks of a table of blocks."""

from hypothesis import given
from hypothesis import strategies as st

from testmon_cli.domain.source import BlockTable, Reached

CHECKSUMS = [2**64 - 1, 7, 7, 30, 40]
TABLE = BlockTable(CHECKSUMS, [-1, 0, 1, -1, 3], [()] * 5)


@given(st.binary(max_size=8).map(lambda data: bytes(byte & 1 for byte in data)))
def test_a_mask_is_closed_as_indices_are(seen: bytes) -> None:
    indices = TABLE.reached(index for index, hit in enumerate(seen) if hit)
    reached = TABLE.reached_by(seen)
    assert reached == frozenset(CHECKSUMS[index] for index in indices)
    assert reached.mask == TABLE.masked(indices).mask


def test_it_is_a_set_like_others() -> None:
    reached = TABLE.reached_by(b"\0\0\1")
    assert sorted(reached) == [7, 2**64 - 1]
    assert (len(reached), bool(reached), 7 in reached, 30 in reached) == (2, True, True, False)
    assert reached | {1} == {1, 7, 2**64 - 1} == frozenset({1}) | reached
    assert TABLE.masked({0}) < reached
    assert not Reached(TABLE, bytes(5))
