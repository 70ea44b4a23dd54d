from shop.config import TAX_RATE


def with_tax(net):
    return round(net * (1 + TAX_RATE), 2)


def discounted(net, percent):
    if percent > 100:
        raise ValueError("a discount of more than 100 %")
    return net - net * percent / 100
