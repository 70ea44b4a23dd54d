"""Where functions make what they keep for others."""

import ast
import textwrap

import pytest

from testmon_cli.analysis.dotted_names import Names
from testmon_cli.analysis.making import making_bodies, names_inside
from testmon_cli.analysis.scopes import FunctionNode

BODIES = [
    pytest.param("def f(a):\n    return a", [], id="keeps-nothing"),
    pytest.param("@cache\ndef f(a):\n    b = g(a)\n    return b", [2], id="memoised"),
    pytest.param("@cached_property\ndef f(self):\n    return g(self)", [1], id="cached-property"),
    pytest.param("def f(self):\n    if self.a is None:\n        self.a = g()\n    return 1", [1], id="object"),
    pytest.param("def f(self, k):\n    if k not in self.a:\n        self.a[k] = g()", [1], id="item-in-an-object"),
    pytest.param("def f(self):\n    self.a = g()\n    return self.a", [], id="object-without-a-look"),
    pytest.param("@cache\nasync def f(a):\n    return a", [], id="coroutine"),
    pytest.param("@cache\ndef f(a):\n    yield a", [], id="generator"),
    pytest.param("@cache\ndef f(a):\n    return (lambda: (yield))", [1], id="generator-inside"),
    pytest.param("def f(a):\n    if a not in G:\n        G[a] = g(a)\n    return G[a]", [1], id="item-of-a-global"),
    pytest.param("def f(a):\n    try:\n        pass\n    except E:\n        b = g()\n        G[a] = b", [2], id="try"),
    pytest.param("def f():\n    global G\n    if G is None:\n        G = g()\n    return G", [1], id="global"),
    pytest.param("def f():\n    G = {}\n    G['a'] = g()\n    return G", [], id="local"),
    pytest.param("def f(a):\n    a.b = g()\n    a.c.append(1)", [], id="of-what-is-given"),
    pytest.param("def f(cls):\n    with x:\n        if not cls.a:\n            cls.a = g()", [1], id="class"),
    pytest.param("def f(self):\n    type(self).a = g()", [1], id="class-of-self"),
    pytest.param("def f(self):\n    self.__class__.a = g()", [1], id="class-by-attribute"),
    pytest.param("def f():\n    a = 1\n    for b in g():\n        if b:\n            G[b] = a", [2], id="loop"),
    pytest.param("def f():\n    G.append(g())\n    if a:\n        G[1] = 2", [2], id="inside-of-another"),
    pytest.param("def f():\n    def h():\n        G[1] = g()\n    return h", [], id="function-inside"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "lengths"), BODIES)
def test_bodies(source: str, lengths: list[int]) -> None:
    assert [len(body) for body in making_bodies(_function(source))] == lengths


NAMES = Names({"re": "re"}, frozenset())
INSIDE = [
    pytest.param("normal(a); G[a] = make(a, 'spare', a.rate)", {"normal", "make", "spare"}, id="given"),
    pytest.param("G[1] = make(a.load(), b.rate)", {"make", "load", "b", "rate"}, id="called-and-of-others"),
    pytest.param("G[1] = c = make(a)\n  c.load(more()); show(2)", {"make", "show"}, id="changed-afterwards"),
    pytest.param("G[1] = make()\n  G[1].load(make()); show(2)", {"show"}, id="changed-where-it-is-kept"),
    pytest.param("G[1] = c = re.compile(make())\n  show(c, 2)", {"make", "re", "compile", "show"}, id="a-pattern"),
    pytest.param("c = str(make()); G[1] = c\n  show(c, 2)", {"make", "str", "show"}, id="a-text"),
    pytest.param("c = list(make()); G[1] = c\n  show(c, 2)", {"make", "list"}, id="a-list"),
    pytest.param("G[1] = make()\n  while make(): pass", {"make"}, id="a-loop-after"),
    pytest.param("self.a = make(self.load(), self.b)\n  self.make()", {"make", "load"}, id="own-object"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "inside"), INSIDE)
def test_names_inside_matter_nowhere_else(body: str, inside: set[str]) -> None:
    function = _function(f"def f(self, a):\n  if self.a is None:\n    {body}\n  return 1")

    assert (
        names_inside(function, making_bodies(function), NAMES) - {"G", "a", "c", "self"} == inside
    )


def _function(source: str) -> FunctionNode:
    node = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return node
