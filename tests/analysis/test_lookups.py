"""Where recorded look-ups stand, and what is kept of the names."""

import ast

import pytest

from testmon_cli.analysis import lookups


def found(source: str) -> list[tuple[str, list[str], bool]]:
    return [
        (each.way, [ast.unparse(name) for name in each.names], each.is_on_import)
        for each in lookups.find(ast.parse(source))
    ]


PLACES = [
    pytest.param("def f(a, b): getattr(a, b)", [("!*=", ["b"], False)], id="function"),
    pytest.param("getattr(a, b)", [("!*=", ["b"], True)], id="module"),
    pytest.param("class C:\n    x = getattr(a, b)", [("!*=", ["b"], True)], id="class"),
    pytest.param("def f(x=getattr(a, b)): pass", [("!*=", ["b"], True)], id="default"),
    pytest.param("@getattr(a, b)\ndef f(): pass", [("!*=", ["b"], True)], id="decorator"),
    pytest.param(
        "def f():\n    class C:\n        x = getattr(a, b)",
        [("!*=", ["b"], False)],
        id="class-in-function",
    ),
    pytest.param(
        "def f(): return lambda: getattr(a, b)", [("!*=", ["b"], False)], id="lambda-in-function"
    ),
    pytest.param("f = lambda: getattr(a, b)", [], id="lambda-of-a-definition"),
    pytest.param("f = (getattr(a, b) for b in c)", [], id="generator-of-a-definition"),
    pytest.param(
        "f = [getattr(a, b) for b in c]", [("!*=", ["b"], True)], id="list-of-a-definition"
    ),
    pytest.param("def f(x: getattr(a, b)) -> getattr(a, b): pass", [], id="annotations"),
    pytest.param(
        "x: getattr(a, b) = getattr(a, c)", [("!*=", ["c"], True)], id="annotation-of-a-name"
    ),
    pytest.param("getattr(a, 'b')", [], id="literal"),
    pytest.param("getattr(a)", [], id="too-few"),
    pytest.param("attrgetter(a, 'b', c)", [("!*=", ["a", "c"], True)], id="several"),
    pytest.param("methodcaller(a, b)", [("!*=", ["a"], True)], id="arguments-are-no-names"),
    pytest.param("attrgetter('a')", [("", [], True)], id="literal-getter"),
    pytest.param("sys.modules[a:b]", [], id="slice"),
    pytest.param("del sys.modules[a]", [("!*", ["a"], True)], id="deleted"),
    pytest.param("a not in sys.modules", [("!*", ["a"], True)], id="not-in"),
    pytest.param("a in b in sys.modules", [], id="chain"),
    pytest.param("vars(a).pop(b, None)", [("!*=", ["b"], True)], id="vars-pop"),
    pytest.param("vars()[b]", [], id="vars-of-nothing"),
]


@pytest.mark.parametrize(("source", "wanted"), PLACES)
def test_places(source: str, wanted: list[tuple[str, list[str], bool]]) -> None:
    assert found(source) == wanted


def kept(text: str) -> set[str]:
    """The names under which a name that was asked for is found again."""
    numbers = lookups.checksums_of(
        [f"{lookups.number_of(lookups.ATTRIBUTES, on_import=False)}{text}"]
    )
    candidates = {*text.split("."), text, text.replace("-", "_"), text[2:], "__x", "C"}
    return {name for name in candidates if lookups.checksum_of(lookups.ATTRIBUTES, name) in numbers}


NAMES = [
    pytest.param("a", {"a"}, id="name"),
    pytest.param("a.b", {"a", "b"}, id="path"),
    pytest.param("..b", {"b"}, id="relative"),
    pytest.param("a-b", {"a-b", "a_b"}, id="distribution"),
    pytest.param("0001_initial", {"0001_initial"}, id="migration"),
    pytest.param("_C__x", {"_C__x", "__x"}, id="private"),
    pytest.param("__x__", {"__x__"}, id="special"),
    pytest.param("", set(), id="empty"),
]


@pytest.mark.parametrize(("text", "wanted"), NAMES)
def test_names_by_which_a_look_up_is_found(text: str, wanted: set[str]) -> None:
    assert kept(text) == wanted


def test_ways_are_kept_apart() -> None:
    numbers = {
        lookups.checksum_of(way, "a", on_import=on_import)
        for way in lookups.WAYS
        for on_import in (False, True)
    }
    assert len(numbers) == 2 * len(lookups.WAYS)
