"""Where functions make what they keep for others."""

import ast
import textwrap

import pytest

from testmon_cli.analysis.making import making_bodies, names_inside
from testmon_cli.analysis.scopes import FunctionNode

BODIES = [
    pytest.param("def f(a):\n    return a", [], id="keeps-nothing"),
    pytest.param("@cache\ndef f(a):\n    b = g(a)\n    return b", [2], id="memoised"),
    pytest.param("@cached_property\ndef f(self):\n    return g(self)", [], id="kept-in-an-object"),
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


def test_names_inside_are_used_nowhere_else() -> None:
    function = _function("""
        def f(a):
            key = normal(a)
            if key not in G:
                G[key] = make(key, "spare", a.rate)
                G[key].spread()
            return shown(G[key], "spread")
    """)

    assert names_inside(function, making_bodies(function)) == {"make", "spare"}


def _function(source: str) -> FunctionNode:
    node = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return node
