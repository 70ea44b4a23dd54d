"""Walks over syntax trees.

They are most of what reading a source costs, and those of `ast` are slow.
"""

import ast
from collections.abc import Iterable, Iterator

# Fields without nodes, or with nodes that hold nothing (contexts and operators).
_LEAVES = {
    "arg", "asname", "attr", "conversion", "ctx", "id", "is_async", "kind", "kwd_attrs", "level", "module", "op",
    "ops", "rest", "simple", "tag", "type_comment", "type_ignores",
}  # fmt: skip
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
    kind: tuple(name for name in kind._fields if name not in _LEAVES)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
} | {ast.Constant: (), ast.alias: (), ast.Global: (), ast.Nonlocal: ()}
# Kinds of nodes without any below them. Most nodes are of these: who looks for others passes over
# them.
EMPTY = frozenset(kind for kind, names in _FIELDS.items() if not names)


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below one, in order; contexts and operators are left out."""
    found: list[ast.AST] = []
    for name in _FIELDS[type(node)]:
        value = getattr(node, name, None)
        if value.__class__ is list:
            for item in value:
                if item is not None:
                    found.append(item)  # noqa: PERF401 - a comprehension costs more than the few items
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def own_nodes(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of a function with this body, without functions, lambdas and classes in it."""
    pending: list[ast.AST] = [*body]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            pending += children(node)


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, in no order that means something."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if type(current) not in EMPTY:
            stack += children(current)
