"""Where names are looked up: the rules against Python's own symbol table."""

import ast
import symtable
import sys

import pytest

from testmon_cli.analysis.scopes import (
    FREE,
    GLOBAL,
    LOCAL,
    bound_names,
    class_scope,
    comprehension_scope,
    function_scope,
    module_scope,
)

BOUND = [
    pytest.param("a", [], id="use"),
    pytest.param("a = 1", ["a"], id="assign"),
    pytest.param("a.b = c[d] = 1", [], id="attribute-and-item"),
    pytest.param("(a, [*b, c]), d = x", ["a", "b", "c", "d"], id="unpacking"),
    pytest.param("a: int", ["a"], id="annotation"),
    pytest.param("a += 1", ["a"], id="augmented"),
    pytest.param("del a", ["a"], id="deleted"),
    pytest.param("f(a := 1)", ["a"], id="walrus"),
    pytest.param("[b := a for a in x]", ["b"], id="walrus-in-a-comprehension"),
    pytest.param("lambda a=(b := 1): (c := a)", ["b"], id="walrus-around-a-lambda"),
    pytest.param("for a, b in x:\n    c = 1\nelse:\n    d = 1", ["a", "b", "c", "d"], id="for"),
    pytest.param("with x as a, y as (b, c): pass", ["a", "b", "c"], id="with"),
    pytest.param("try: pass\nexcept E as a:\n    b = 1\nfinally:\n    c = 1", ["a", "b", "c"], id="try"),
    pytest.param("import a.b, c as d", ["a", "d"], id="import"),
    pytest.param("from a import b, c as d", ["b", "d"], id="from"),
    pytest.param("from a import *", [], id="star"),
    pytest.param("def f(a=(b := 1)):\n    c = 1", ["b", "f"], id="function"),
    pytest.param("@(a := d)\nclass C(x := B, k=(y := 1)):\n    z = 1", ["C", "a", "x", "y"], id="class"),
    pytest.param("match x:\n    case [a, *b]: pass\n    case {'k': c, **d}: pass\n    case P(q=e) as f: pass",
                 ["a", "b", "c", "d", "e", "f"], id="match"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "names"), BOUND)
def test_names_that_a_statement_binds(source: str, names: list[str]) -> None:
    assert list(bound_names(ast.parse(source))) == names


FUNCTIONS = [
    pytest.param("def f(a, /, b, *c, d, **e): a, b, c, d, e, g", id="parameters"),
    pytest.param("def f():\n    if a:\n        a = 1", id="bound-in-an-arm"),
    pytest.param("def f():\n    global a\n    a = b = 1", id="global"),
    pytest.param("def f():\n    for a in b:\n        with c as d: e", id="loop-and-with"),
    pytest.param("def f():\n    try: a\n    except E as b: b", id="handler"),
    pytest.param(
        "def f():\n    match a:\n        case {'x': b, **c}: b, c\n        case [*d]: d",
        id="patterns",
    ),
    pytest.param(
        "def f():\n    def g(): pass\n    class C: pass\n    import m.n, o as p\n    g, C, m, p",
        id="statements",
    ),
    pytest.param("def f():\n    del a\n    (b := 1)\n    c: int\n    d += 1", id="odd-bindings"),
    pytest.param("async def f():\n    async for a in b:\n        async with c as d: d", id="async"),
]


@pytest.mark.parametrize("source", FUNCTIONS)
def test_a_function_agrees_with_the_symbol_table(source: str) -> None:
    (node,) = ast.parse(source).body
    scope = function_scope(node, module_scope())
    tables = symtable.symtable(source, "<text>", "exec").get_children()
    # from 3.14 on annotations have scopes of their own
    table = next(t for t in tables if t.get_name() == node.name)
    expected = {s.get_name(): LOCAL if s.is_local() else GLOBAL for s in table.get_symbols()}
    assert {name: scope.resolve(name) for name in expected} == expected


def _inner(source: str) -> tuple[ast.AST, ast.AST]:
    outer = ast.parse(source).body[0]
    return outer, next(
        n for n in ast.walk(outer) if n is not outer and isinstance(n, ast.FunctionDef | ast.Lambda)
    )


NESTED = [
    pytest.param("def f(a):\n    def g(): return a", FREE, id="of-the-function-around"),
    pytest.param("def f(a):\n    def g(a): return a", LOCAL, id="hidden-by-a-parameter"),
    pytest.param("def f():\n    def g(): return a", GLOBAL, id="bound-nowhere"),
    pytest.param(
        "def f(a):\n    def g():\n        global a\n        a = 1", GLOBAL, id="global-statement"
    ),
    pytest.param(
        "def f(a):\n    def g():\n        nonlocal a\n        a = 1", FREE, id="nonlocal-statement"
    ),
    pytest.param(
        "def f():\n    global a\n    def g(): return a", GLOBAL, id="global-of-the-function-around"
    ),
    pytest.param("def f(a): return lambda: a", FREE, id="lambda"),
    pytest.param("def f(a): return lambda a: a", LOCAL, id="lambda-parameter"),
]


@pytest.mark.parametrize(("source", "where"), NESTED)
def test_a_name_in_a_function_inside_another(source: str, where: str) -> None:
    outer, inner = _inner(source)
    assert function_scope(inner, function_scope(outer, module_scope())).resolve("a") == where


def test_members_of_a_class_are_not_seen_by_its_methods() -> None:
    (node,) = ast.parse("class C:\n    a = 1\n    b = a\n    def f(self): return a").body
    scope = class_scope(node, module_scope())
    method = function_scope(node.body[-1], scope)
    assert (scope.resolve("a"), scope.resolve("f"), scope.resolve("x")) == ("c", "c", GLOBAL)
    assert (method.resolve("a"), method.resolve("self")) == (GLOBAL, LOCAL)


def test_a_comprehension_binds_its_targets_alone() -> None:
    outer = function_scope(ast.parse("def f(b): [a for a, *c in b]").body[0], module_scope())
    scope = comprehension_scope(ast.parse("[a for a, *c in b]", mode="eval").body, outer)
    assert [scope.resolve(name) for name in "acbx"] == [LOCAL, LOCAL, FREE, GLOBAL]


def test_every_name_of_a_module_is_a_global() -> None:
    scope = module_scope(frozenset({"m"}))
    assert scope.resolve("a") == GLOBAL
    assert function_scope(ast.parse("def f(): pass").body[0], scope).imported == {"m"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters came with 3.12")
def test_type_parameters_are_bound() -> None:
    function, cls = ast.parse("def f[T](a: T): T\nclass C[U]: b = U").body
    assert function_scope(function, module_scope()).resolve("T") == LOCAL
    assert class_scope(cls, module_scope()).resolve("U") == "c"
