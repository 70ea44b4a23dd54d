"""Files by the names that they may mention."""

import pytest

from testmon_cli.analysis import codec
from testmon_cli.application.invalidate import mention_index
from testmon_cli.application.invalidate.mention_index import MentionIndex
from testmon_cli.domain.bits import Bits
from tests.analysis.sources import model

HASHES = {
    path: codec.name_index(model(text))
    for path, text in {"a.py": "one = two", "b.py": "two = three", "c.py": ""}.items()
}


@pytest.mark.parametrize("many", [0, 100], ids=["in-a-table", "one-by-one"])
def test_files_are_found_by_any_of_some_names(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mention_index, "_MANY", many)
    index = MentionIndex(HASHES, HASHES.__getitem__)
    assert index.files(frozenset({"two"})) == ["a.py", "b.py"]
    assert index.files(frozenset({"one", "three"})) == ["a.py", "b.py"]
    assert index.files(frozenset({"one"})) == ["a.py"]
    assert index.files(frozenset({"four"})) == []


@pytest.mark.parametrize("count", [0, 1, 7, 8, 200])
def test_bits_hold_what_they_were_given(count: int) -> None:
    bits: Bits[str] = Bits(["first"])
    things = [f"thing {number}" for number in range(count)]
    assert bits.known(things) == 0
    assert list(bits.things(bits.of(reversed(things)))) == (things[::-1] if count else [])
    assert set(bits.things(bits.of(things) | bits.known(["first", "never seen"]))) == {
        "first",
        *things,
    }
