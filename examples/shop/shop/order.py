from shop.config import FREE_SHIPPING_FROM
from shop.price import discounted, with_tax


def total(prices, percent=0):
    return with_tax(discounted(sum(prices), percent))


def shipping(prices):
    return 0 if sum(prices) >= FREE_SHIPPING_FROM else 4.9
