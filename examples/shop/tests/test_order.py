from shop.order import shipping, total


def test_total():
    assert total([10, 20]) == 36


def test_total_with_discount():
    assert total([10, 20], percent=50) == 18


def test_large_orders_ship_free():
    assert shipping([30, 20]) == 0


def test_small_orders_do_not():
    assert shipping([30]) == 4.9
