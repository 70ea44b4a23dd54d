"""Aliases: what a function keeps, alters and returns under other names, as its summary tells."""

import textwrap

import pytest

from testmon_cli.domain.source import FunctionSummary
from tests.analysis.sources import model

HEAD = (
    "import heapq, json, shop\nfrom shop import given\nBOX = {}\nROWS = []\n\ndef put(x): pass\n\n"
)


def summary(body: str) -> FunctionSummary:
    """The summary of a function of some lines, which is given x and more."""
    return model(HEAD + "def f(x, *args, **kw):\n" + textwrap.indent(body, " ")).functions[-1]


KEEPS = [
    pytest.param("t = BOX\nt['a'] = g()", {"BOX"}, id="local"),
    pytest.param("t = BOX['x']\nt['a'] = g()", {"BOX"}, id="item"),
    pytest.param("t = BOX.setdefault('x', {})\nt.update(a=g())", {"BOX"}, id="item-by-a-method"),
    pytest.param("for t in BOX.values():\n t['a'] = g()", {"BOX"}, id="loop"),
    pytest.param("t = next(iter(ROWS))\nt['a'] = g()", {"ROWS"}, id="builtin"),
    pytest.param("t = BOX if x else ROWS\nt['a'] = g()", {"BOX", "ROWS"}, id="one-of-two"),
    pytest.param("if (t := BOX):\n t['a'] = g()", {"BOX"}, id="walrus"),
    pytest.param("with BOX as t:\n t['a'] = g()", {"BOX"}, id="with"),
    pytest.param("u = BOX\nt = u\nt['a'] = g()", {"BOX"}, id="twice"),
    pytest.param("t = shop.TABLE\nt['a'] = g()", {"shop.TABLE"}, id="of-a-module"),
    pytest.param("t = given()\nt['a'] = g()", {"given()"}, id="result"),
    pytest.param("given()['a'] = g()", {"given", "given()"}, id="result-itself"),
    pytest.param("put(BOX)", {"BOX<put@0"}, id="given-to-a-function"),
    pytest.param("put(1, y=BOX)", {"BOX<put@y"}, id="given-by-a-keyword"),
    pytest.param("put(*x, BOX)", {"BOX<put@"}, id="given-after-others"),
    pytest.param("put(dict(BOX))", set(), id="copy-given"),
    pytest.param("t = dict(BOX)\nt['a'] = g()", set(), id="copy"),
    pytest.param("t = [*BOX]\nt.append(g())", set(), id="display"),
    pytest.param("t = BOX.copy()\nt['a'] = g()", set(), id="copy-by-a-method"),
    pytest.param("t = x\nt['a'] = g()", set(), id="of-an-argument"),
    pytest.param("t = BOX\nt = t['a']", set(), id="only-read"),
    pytest.param("put(x.rows)", {".rows<put@0"}, id="attribute-given"),
    pytest.param("BOX.update(x)", {"BOX<"}, id="method"),
    pytest.param("BOX.clear()", set(), id="only-emptied"),
    pytest.param("g()\nBOX.clear()", {"BOX<"}, id="emptied-after-a-call"),
    pytest.param("if x:\n BOX.clear()", {"BOX<"}, id="emptied-at-times"),
    pytest.param("BOX.clear()\nBOX['a'] = g()", {"BOX"}, id="emptied-and-filled"),
    pytest.param("given.append(1)", {"given<"}, id="method-of-what-is-imported"),
    pytest.param("if not BOX: BOX.fill(1)", {"BOX<.fill@0"}, id="asked-after-a-look"),
    pytest.param("BOX.fill(1)", set(), id="asked"),
    pytest.param("heapq.heappush(ROWS[0], x)", {"ROWS"}, id="changed-by-the-standard-library"),
    pytest.param("json.dumps(BOX)", set(), id="given-to-the-standard-library"),
    pytest.param("BOX = {}\nBOX['a'] = g()", set(), id="local-of-that-name"),
]


@pytest.mark.parametrize(("body", "keeps"), KEEPS)
def test_what_a_function_keeps_under_other_names(body: str, keeps: set[str]) -> None:
    assert set(summary(body).keeps) == keeps


ALTERS = [
    pytest.param("x['a'] = 1", {"^0:x"}, id="item"),
    pytest.param("x.rows.append(1)", {"^0:x"}, id="attribute"),
    pytest.param("for row in x: row.a = 1", {"^0:x"}, id="part"),
    pytest.param("put(x)", {"put@0^0:x"}, id="given-on"),
    pytest.param("x.put(1)", {".put@0^0:x"}, id="asked"),
    pytest.param("args.put(1, x)", {".put@2^0:x"}, id="given-to-a-method"),
    pytest.param("kw['a'] = 1\nargs.append(1)", set(), id="its-own"),
    pytest.param("t = list(x)\nt.append(1)", set(), id="copy"),
    pytest.param("return x['a']", set(), id="read"),
]


@pytest.mark.parametrize(("body", "alters"), ALTERS)
def test_what_a_function_alters_of_what_it_is_given(body: str, alters: set[str]) -> None:
    assert set(summary(body).alters) == alters


RETURNS = [
    pytest.param("return BOX", {"BOX"}, id="global"),
    pytest.param("t = BOX.get(x)\nreturn t", {"BOX"}, id="part"),
    pytest.param("yield BOX", {"BOX"}, id="yielded"),
    pytest.param("return given(x)", {"given()"}, id="result"),
    pytest.param("t = {}\nt['a'] = BOX\nreturn t", set(), id="new"),
    pytest.param("return x", set(), id="given"),
    pytest.param("def inner(): return BOX\nreturn [1]", set(), id="inner-function"),
]


@pytest.mark.parametrize(("body", "returns"), RETURNS)
def test_what_the_result_of_a_function_is_a_part_of(body: str, returns: set[str]) -> None:
    functions = model(HEAD + "def f(x, *args, **kw):\n" + textwrap.indent(body, " ")).functions
    summary = next(function for function in functions if function.qualname == "f")
    assert set(summary.returns) == returns


MEMOISED = [
    pytest.param("def f(n, t={}):\n t[n] = g()", "f", True, id="default"),
    pytest.param("def f(n, *, t=[]):\n t.append(g())", "f", True, id="default-of-a-keyword"),
    pytest.param("def f(n, t={}):\n return t.get(n)", "f", False, id="default-that-is-read"),
    pytest.param("def f(n, t=()):\n t = [n]", "f", False, id="default-that-cannot-change"),
    pytest.param(
        "def f():\n t = {}\n def h(n):\n  t[n] = g()\n return h", "f.<locals>.h", True, id="closure"
    ),
    pytest.param(
        "def f():\n t = 0\n def h():\n  nonlocal t\n  t = g()\n return h",
        "f.<locals>.h",
        True,
        id="nonlocal",
    ),
    pytest.param(
        "def f():\n t = {}\n def h(n):\n  t[n] = g()\n h(1)",
        "f.<locals>.h",
        False,
        id="closure-of-one-call",
    ),
    pytest.param(
        "def f():\n t = {}\n def h(n):\n  return t[n]\n return h",
        "f.<locals>.h",
        False,
        id="closure-that-reads",
    ),
]


@pytest.mark.parametrize(("source", "qualname", "memoised"), MEMOISED)
def test_what_keeps_for_its_own_later_calls(source: str, qualname: str, memoised: bool) -> None:
    found = {function.qualname: function.memoised for function in model(source).functions}
    assert found[qualname] is memoised


HANDS = [
    pytest.param("g(1, x)", set(), id="no-result"),
    pytest.param("g(h())", {"g"}, id="result"),
    pytest.param("till.put(1, x=h())", {"put"}, id="keyword-of-a-method"),
    pytest.param("t = h()\ng(t)", {"g"}, id="by-a-local"),
    pytest.param("self.a = h()\ng(self.a)", {"g"}, id="by-an-attribute"),
    pytest.param("for t in h():\n g([t])", {"g"}, id="part-of-a-result"),
    pytest.param("len(h())", set(), id="builtin"),
]


@pytest.mark.parametrize(("body", "hands"), HANDS)
def test_to_whom_a_function_gives_results(body: str, hands: set[str]) -> None:
    assert set(summary(body).hands) == hands


TAKES = [
    pytest.param("BOX[1] = x", {"BOX"}, id="item-of-a-global"),
    pytest.param("BOX[x] = 1", set(), id="key"),
    pytest.param("BOX[x] = g(x)", set(), id="made-of-the-key"),
    pytest.param("t = g(x)\nBOX[x, 1] = t", set(), id="made-of-a-part-of-the-key"),
    pytest.param("BOX[x] = g(x, args)", {"BOX"}, id="made-of-more-than-the-key"),
    pytest.param("BOX[x].append(args)", {"BOX"}, id="appended-to-an-item"),
    pytest.param("BOX.setdefault(x, g(x))", set(), id="default-made-of-the-key"),
    pytest.param("BOX[1] = g()", set(), id="result"),
    pytest.param("ROWS.append([x])", {"ROWS"}, id="part"),
    pytest.param("t = x.copy()\nROWS.append(t)", {"ROWS"}, id="by-a-local"),
    pytest.param("global A\nA = x", {"A"}, id="global"),
    pytest.param("cls.a = x", {".a"}, id="class"),
    pytest.param("cls.a = 1\ncls(x)", set(), id="constant-of-a-class"),
    pytest.param("cls.a.append(x)", {".a"}, id="table-of-a-class"),
    pytest.param("if not self.a:\n self.a = x", set(), id="after-a-look"),
    pytest.param("self.a.append(x)", {".a"}, id="appended-by-an-object"),
]


@pytest.mark.parametrize(("body", "takes"), TAKES)
def test_under_which_names_a_function_keeps_what_it_is_given(body: str, takes: set[str]) -> None:
    assert set(summary(body).takes) == takes
