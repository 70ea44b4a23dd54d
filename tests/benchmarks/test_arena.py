import arena
import lab
import pytest


def _seen(observed, errors=(), status=1):
    ran = lab.Ran(status, "", "", 1.0, 1.0, 10.0)
    return arena.Seen(ran, frozenset(observed), dict(observed), frozenset(errors))


def test_what_is_stable_leaves_out_chance_and_the_messages_that_vary():
    before = arena.stable([
        _seen({"t::a": "", "t::b": "call failed: one", "t::c": "", "t::d": ""}),
        _seen({"t::a": "", "t::b": "call failed: two", "t::c": "call failed: x"}),
    ])  # fmt: skip
    assert before.observed == {"t::a": "", "t::b": "call failed: one"}
    assert before.chance == {"t::c", "t::d"}
    assert before.vague == {"t::b"}


@pytest.mark.parametrize(
    ("after", "needed"),
    [
        (_seen({"t::a": "", "t::b": "call failed: 1"}), set()),
        (_seen({"t::a": "", "t::b": "call failed: 2"}), {"t::b"}),
        (_seen({"t::a": "call skipped: x", "t::b": "call failed: 1"}), {"t::a"}),
        (_seen({"t::b": "call failed: 1"}), set()),  # removed
        (_seen({"t::b": "call failed: 1", "t::new": ""}), {"t::new"}),
        (_seen({}, errors=["t"], status=2), {"t::a", "t::b"}),
        (_seen({}, status=4), {"t::a", "t::b"}),
    ],
)
def test_needed_is_what_comes_out_otherwise_is_new_or_cannot_be_collected(after, needed):
    before = arena.Stable({"t::a": "", "t::b": "call failed: 1"}, frozenset(), frozenset())
    assert before.differ(after) == needed


def test_a_message_that_varies_is_not_compared():
    before = arena.Stable({"t::b": "call failed: one"}, frozenset(), frozenset({"t::b"}))
    assert before.differ(_seen({"t::b": "call failed: two"})) == set()
    assert before.differ(_seen({"t::b": ""})) == {"t::b"}


def test_a_test_is_under_its_file_class_and_folder_alone():
    tests = ["tests/test_a.py::T::test_x", "tests/test_ab.py::test_y"]
    assert arena.under(tests, ["tests/test_a.py"]) == {tests[0]}
    assert arena.under(tests, ["tests/test_a.py::T"]) == {tests[0]}
    assert arena.under(tests, ["tests"]) == set(tests)
    assert arena.under(tests, []) == set()
