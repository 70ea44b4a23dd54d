import pytest

from shop.price import discounted, with_tax


def test_tax_is_added():
    assert with_tax(10) == 12


def test_discount():
    assert discounted(80, 25) == 60


def test_discount_of_too_much():
    with pytest.raises(ValueError):
        discounted(80, 101)
