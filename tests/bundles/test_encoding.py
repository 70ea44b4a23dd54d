"""Rows of evidence as bytes and back."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testmon_cli.bundles.encoding import END, Decoder, encoded
from testmon_cli.domain.evidence import KINDS, EvidenceError, Row, SourceRow, VersionRow

_OF = {
    int: st.one_of(st.integers(0, 300), st.integers(0, 2**63 - 1)),
    float: st.floats(allow_nan=False),
    str: st.text(max_size=200),
    bytes: st.binary(max_size=300),
}


def _of_kind(kind: type[Row]) -> st.SearchStrategy[Row]:
    return st.builds(kind, *(_OF[field] for field in kind.__annotations__.values()))


def _decoded(data: bytes, most: int) -> list[Row]:
    """The rows that bytes hold, which come so many at once."""
    file = BytesIO(data)
    return list(Decoder(lambda size: file.read(min(size, most))).rows())


@given(
    st.lists(st.one_of(*map(_of_kind, KINDS)), max_size=8).map(
        lambda rows: sorted(rows, key=lambda row: KINDS.index(type(row)))
    ),
    st.integers(1, 400),
)
def test_rows_come_back_in_however_many_pieces_they_are_read(rows: list[Row], most: int) -> None:
    found = _decoded(b"".join(map(encoded, rows)) + END, most)
    assert found == rows
    assert list(map(type, found)) == list(map(type, rows))


WHOLE = encoded(SourceRow("a.py", b"12345678")) + encoded(
    VersionRow(1, "d", "1-3.11", b"", b"x" * 200)
)


@pytest.mark.parametrize("most", [1, 7, 1 << 16])
def test_rows_that_are_cut_off_are_refused(most: int) -> None:
    for length in range(len(WHOLE)):
        with pytest.raises(EvidenceError, match="it ends too early"):
            _decoded(WHOLE[:length], most)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"\x01\x02\xc3\x28\x00\x00", "no UTF-8", id="text"),
        pytest.param(b"\x01\xff\xff\xff\xff\x7f", "a field of", id="length"),
        pytest.param(b"\x02\x80\x00", "too long", id="number-with-a-zero"),
        pytest.param(b"\x02" + b"\xff" * 10, "too large", id="number"),
        pytest.param(b"\x63", "of kind 99", id="kind"),
        pytest.param(b"\x00\x00", "after the last row", id="more"),
    ],
)
def test_bytes_that_no_rows_have_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(EvidenceError, match=reason):
        _decoded(data, 1 << 16)
