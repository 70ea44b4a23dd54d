"""Where a function makes what it keeps for others: in a global, in a class, or as the result of a memoised function.

What runs there is all that the kept value can come from, apart from what the function does around it. So the run notes
what runs while such a part of a function does.
"""

import ast
from collections.abc import Iterable, Iterator

from testmon_cli.analysis import known_effects
from testmon_cli.analysis.ast_walk import walk
from testmon_cli.analysis.blocks import is_docstring
from testmon_cli.analysis.dotted_names import root_name
from testmon_cli.analysis.memoisation import CLASSES, SCOPES, bodies_of, last_part, object_of_cached_property
from testmon_cli.analysis.scopes import FunctionNode, parameters

Body = list[ast.stmt]


def making_bodies(node: FunctionNode) -> list[Body]:
    """The bodies of a function, none inside of another, in which it makes what it keeps for others.

    That is the innermost one with a statement that keeps something, or the one around the outermost loop. The list is
    empty for functions that do not run in one piece: their callers run in between.
    """
    if isinstance(node, ast.AsyncFunctionDef) or _is_generator(node):
        return []
    if is_memoised(node):
        return [] if object_of_cached_property(node) else [node.body]
    found: list[Body] = []
    _search(node.body, None, _Outliving(node), found)
    return found


def is_memoised(node: FunctionNode) -> bool:
    """Whether a decorator keeps what a function returns."""
    return any(last_part(decorator) in known_effects.MEMOISING for decorator in node.decorator_list)


def first_of_making(body: Body) -> int:
    """The position of the first statement of a body that is run."""
    return 1 if is_docstring(body[0]) else 0


def names_inside(node: FunctionNode, bodies: Iterable[Body]) -> set[str]:
    """The names and attributes that a function uses in some of its bodies, and nowhere else.

    The attributes of what it is given are left out: others may have set them before it ran.
    """
    given = set(parameters(node.args)) - set(CLASSES)
    within = {id(child) for body in bodies for statement in body for child in walk(statement)}
    inside: set[str] = set()
    outside: set[str] = set()
    for statement in node.body:
        for child in walk(statement):
            is_given = isinstance(child, ast.Attribute) and root_name(child) in given
            (outside if is_given or id(child) not in within else inside).update(_names_in(child))
    return inside - outside


def _names_in(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
        yield node.value


def _search(body: Body, around: Body | None, outliving: "_Outliving", found: list[Body]) -> None:
    """Add the bodies that keep something; `around` holds the outermost loop that this one is in."""
    if any(outliving.is_changed_by(statement) for statement in body):
        if (around or body) not in found:
            found.append(around or body)
        return
    inner: list[Body] = []
    for statement in body:
        outer = around or (body if isinstance(statement, ast.For | ast.While) else None)
        for below in bodies_of(statement):
            _search(below, outer, outliving, inner)
    if body in inner:  # something keeps in a loop of this body
        inner = [body]
    found += [each for each in inner if each not in found]


class _Outliving:
    """What outlives a call of a function, by how it is named there."""

    def __init__(self, node: FunctionNode) -> None:
        own = list(_own_nodes(node.body))
        self._globals = {name for child in own if isinstance(child, ast.Global) for name in child.names}
        stored = {child.id for child in own if isinstance(child, ast.Name) and not isinstance(child.ctx, ast.Load)}
        self._locals = (stored | set(parameters(node.args))) - self._globals - set(CLASSES)

    def is_changed_by(self, statement: ast.stmt) -> bool:
        """Whether a simple statement may set, or change, what outlives the call."""
        if hasattr(statement, "body") or isinstance(statement, ast.Match):
            return False
        return any(self._is_change(child) for child in walk(statement))

    def _is_change(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            return isinstance(node.ctx, ast.Store) and node.id in self._globals
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            return self._is_of_others(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return node.func.attr in known_effects.CONTAINER_MUTATORS and self._is_of_others(node.func.value)
        return False

    def _is_of_others(self, node: ast.expr) -> bool:
        is_of_class = False
        while isinstance(node, ast.Attribute | ast.Subscript):
            is_of_class |= isinstance(node, ast.Attribute) and node.attr == "__class__"
            node = node.value
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and node.func.id == "type"
        return is_of_class or (isinstance(node, ast.Name) and node.id not in self._locals)


def _own_nodes(body: Body) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions and classes in it."""
    pending: list[ast.AST] = [*body]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, (*SCOPES, ast.Lambda)):
            pending += ast.iter_child_nodes(node)


def _is_generator(node: FunctionNode) -> bool:
    return any(isinstance(child, ast.Yield | ast.YieldFrom | ast.Await) for child in _own_nodes(node.body))
