"""Which calls of functions that keep something are followed, and what is noted of the others."""

from testmon_cli.tracing.engines.makings import Makings
from testmon_cli.tracing.watch.states import MAKING, UNKNOWN_MAKING

BOX = ("a.py", "Box.fill")
BAG = ("a.py", "Bag.fill")


def _makings() -> Makings:
    return Makings(lambda hits: [("b.py", "price")])


def test_the_innermost_call_of_a_function_is_over_first() -> None:
    makings = _makings()
    for key in (BOX, BAG, BOX):
        makings.begin(key, "test:one")
    outer, other, inner = makings.going_on
    for key, making in ((BOX, inner), (BAG, other), (BOX, outer)):
        assert makings.last(key) is making
        makings.end(making, "test:one")
    assert makings.last(BOX) is makings.last(BAG) is None
    assert makings.take() == {
        "test:one": {(path, f"{MAKING}{name}\tb.py\tprice") for path, name in (BOX, BAG)}
    }


def test_calls_that_are_going_on_when_all_is_lost_are_over() -> None:
    makings = _makings()
    makings.begin(BOX, "test:one")
    makings.lose_all()
    assert makings.last(BOX) is None
    assert makings.take() == {"test:one": {("a.py", f"{UNKNOWN_MAKING}Box.fill")}}
    makings.begin(BOX, "test:two")
    makings.end(makings.going_on[0], "test:two")
    assert list(makings.take()) == ["test:two"]


def test_what_is_not_known_is_noted_for_each_who_made_it() -> None:
    makings = _makings()
    for owner in ("test:one", "test:two", "test:one"):
        makings.lose(BOX, owner)
    note = {("a.py", f"{UNKNOWN_MAKING}Box.fill")}
    assert makings.take() == {"test:one": note, "test:two": note}
    makings.lose(BOX, "test:one")
    assert makings.take() == {"test:one": note}
