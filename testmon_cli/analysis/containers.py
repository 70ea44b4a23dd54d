"""Attributes that hold a container which nobody but the object has, as far as one module tells."""

import ast
from collections.abc import Iterator

from testmon_cli.analysis.ast_walk import EMPTY, children

# Of a container, these use one item, or change which there are.
_METHODS = frozenset({
    "get", "pop", "setdefault", "append", "appendleft", "add", "extend", "update", "clear", "remove", "discard",
    "insert", "popitem", "move_to_end",
})  # fmt: skip
_MAKERS = frozenset(
    {"dict", "list", "set", "OrderedDict", "defaultdict", "deque", "WeakKeyDictionary"}
)
_DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)


def private_containers(tree: ast.Module) -> frozenset[str]:
    """Attributes that a module sets only to new containers, and uses only by single items."""
    # Of attributes: a walk meets what is above a node before the node itself.
    parents: dict[int, ast.AST] = {}
    private: set[str] = set()
    shared: set[str] = set()
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Attribute):
            (private if _is_private(node, parents) else shared).add(node.attr)
        elif isinstance(node, ast.Constant):
            shared.update([node.value] if isinstance(node.value, str) else ())
        elif isinstance(node, ast.MatchClass):
            shared.update(node.kwd_attrs)
        elif isinstance(node, ast.ClassDef):
            shared.update(_members(node))
        if type(node) not in EMPTY:
            below = children(node)
            parents.update((id(child), node) for child in below if type(child) is ast.Attribute)
            pending += below
    # Names that Python changes to hold that of the class are asked for under another.
    return frozenset(name for name in private - shared if not name.startswith("__"))


def _members(node: ast.ClassDef) -> Iterator[str]:
    """Names that a class binds itself: its objects share what they hold."""
    pending: list[ast.AST] = list(node.body)
    while pending:
        child = pending.pop()
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child.name
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif not (isinstance(child, ast.AnnAssign) and child.value is None):
            pending += ast.iter_child_nodes(child)


def _is_private(node: ast.Attribute, parents: dict[int, ast.AST]) -> bool:
    parent = parents[id(node)]
    if isinstance(node.ctx, ast.Store):
        single = (
            isinstance(parent, ast.Assign)
            and len(parent.targets) == 1
            and parent.targets[0] is node
        )
        return (single or isinstance(parent, ast.AnnAssign)) and _is_new(parent.value)  # type: ignore[attr-defined]
    if isinstance(parent, ast.Subscript):
        return parent.value is node and not isinstance(parent.slice, ast.Slice)
    if isinstance(parent, ast.Attribute):
        call = parents[id(parent)]
        return parent.attr in _METHODS and isinstance(call, ast.Call) and call.func is parent
    if isinstance(parent, ast.Compare):
        return isinstance(parent.ops[-1], ast.In | ast.NotIn) and parent.comparators[-1] is node
    if isinstance(parent, ast.Call):
        return isinstance(parent.func, ast.Name) and parent.func.id == "len"
    return False


def _is_new(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        function = value.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        return name in _MAKERS
    return value is None or isinstance(value, _DISPLAYS)
