import pytest
from hypothesis import given
from hypothesis import strategies as st

from testmon_cli.domain import varints
from testmon_cli.storage import packing


@given(st.sets(st.integers(min_value=1, max_value=2**40)))
def test_numbers_come_back_sorted(numbers: set[int]) -> None:
    assert packing.unpack_numbers(packing.pack_numbers(numbers)) == sorted(numbers)


def _one_by_one(packed: bytes) -> list[int]:
    numbers: list[int] = []
    number = shift = rest = 0
    for byte in packed:
        rest |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            number += rest
            numbers.append(number)
            shift = rest = 0
    return numbers


@given(st.lists(st.sampled_from([0, 1, 5, 127, 128, 129, 200, 255])).map(bytes))
def test_any_bytes_are_numbers_and_those_of_a_set_are_told_apart(packed: bytes) -> None:
    numbers = packing.unpack_numbers(packed)
    assert numbers == _one_by_one(packed)
    is_set = all(number > 0 for number in numbers) and len(set(numbers)) == len(numbers)
    canonical = is_set and packing.pack_numbers(numbers) == packed
    assert varints.are_canonical(packed) is canonical


def test_neighbours_take_a_byte_each() -> None:
    assert packing.pack_numbers([130, 131, 5]) == bytes([5, 125, 1])


@pytest.mark.parametrize("checksum", [0, 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_checksums_fit_into_signed_integers(checksum: int) -> None:
    stored = packing.signed(checksum)
    assert -(2**63) <= stored < 2**63
    assert packing.unsigned(stored) == checksum


@given(st.text(st.characters(max_codepoint=0xFFFF)))
def test_any_text_can_be_stored(text: str) -> None:
    stored = packing.storable(text)
    stored.encode("utf-8")
    assert packing.original(stored) == text
    assert packing.unpack_text(packing.pack_text(text)) == text
