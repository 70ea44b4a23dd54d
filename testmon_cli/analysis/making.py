"""Where a function makes what it keeps for others.

It keeps things in a global, a class, an object, or as its memoised result. What runs there is all
that the kept value can come from, apart from what the function does around it. So the run notes
what runs while such a part of a function does.
"""

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence

from testmon_cli.analysis import known_effects
from testmon_cli.analysis.ast_walk import own_nodes, walk
from testmon_cli.analysis.blocks import is_docstring
from testmon_cli.analysis.dotted_names import Names, dotted_name, root_name
from testmon_cli.analysis.memoisation import (
    CLASSES,
    bodies_of,
    keeping_statements,
    keeps_under_computed_name,
    last_part,
    set_by_name,
)
from testmon_cli.analysis.scopes import FunctionNode, parameters

Body = list[ast.stmt]

_TAKING = ("clear", "pop", "popitem")


def making_bodies(node: FunctionNode) -> list[Body]:
    """The bodies of a function, none inside of another, in which it makes what it keeps for others.

    That is the innermost one with a statement that keeps something, or the one around the outermost
    loop. The list is empty for functions that do not run in one piece: their callers run in
    between.
    """
    if isinstance(node, ast.AsyncFunctionDef) or _is_generator(node):
        return []
    if is_memoised(node):
        return [node.body]
    found: list[Body] = []
    _search(node.body, None, _Outliving(node), found)
    return found


def kept_inside(node: FunctionNode, bodies: Iterable[Body]) -> set[str]:
    """The attributes of its object that a function keeps something in, all in some bodies."""
    within = _within(bodies)
    keeping = keeping_statements(node)
    outside = {
        name for fill in keeping if id(fill.statement) not in within for name in fill.attributes
    }
    return {name for fill in keeping for name in fill.attributes} - outside


def emptying(node: FunctionNode) -> dict[int, str]:
    """The calls, by identity of their statements, that take something out of a name's object.

    They are those like `TABLE.clear()` that each call of the function comes to before it calls
    anything else, which might raise: nothing that it runs decides what is left. They come as dotted
    names, which no other call of the function has.
    """
    found: dict[int, str] = {}
    calls: dict[str, int] = {}
    for child in own_nodes(node.body):
        if isinstance(child, ast.Call) and (dotted := dotted_name(child.func)):
            calls[dotted] = calls.get(dotted, 0) + 1
    for statement in node.body:
        if isinstance(statement, ast.Expr | ast.Assign) and isinstance(statement.value, ast.Call):
            call = statement.value
            dotted = dotted_name(call.func)
            is_plain = not call.args and not call.keywords and calls.get(dotted) == 1
            if is_plain and dotted.rpartition(".")[2] in _TAKING:
                found[id(statement)] = dotted
        if id(statement) not in found and any(map(_may_leave, walk(statement))):
            break
    return found


def _may_leave(node: ast.AST) -> bool:
    return isinstance(node, ast.Return | ast.Raise | ast.Assert | ast.Call | ast.Await)


def is_memoised(node: FunctionNode) -> bool:
    """Whether a decorator keeps what a function returns."""
    return any(last_part(decorator) in known_effects.MEMOISING for decorator in node.decorator_list)


def first_of_making(body: Body) -> int:
    """The position of the first statement of a body that is run."""
    return 1 if is_docstring(body[0]) else 0


def names_inside(node: FunctionNode, bodies: Sequence[Body], names: Names) -> set[str]:
    """The names and attributes of a function that matter only in some of its bodies.

    They matter to what the function makes. The attributes of what it is given are left out, unless
    they are called: others may have set them before it ran. What comes after these bodies matters
    where it may change what was kept.
    """
    given = set(parameters(node.args)) - set(CLASSES)
    within = _within(bodies)
    called = {id(child.func) for child in _nodes_of(bodies) if isinstance(child, ast.Call)}
    harmless = _harmless_after(node, bodies, names) if bodies else set()
    inside: set[str] = set()
    outside: set[str] = set()
    for statement in node.body:
        for child in walk(statement):
            is_given = (
                isinstance(child, ast.Attribute)
                and root_name(child) in given
                and id(child) not in called
            )
            is_inside = id(child) in harmless or (id(child) in within and not is_given)
            (inside if is_inside else outside).update(_names_in(child))
    return inside - outside


def _within(bodies: Iterable[Body]) -> set[int]:
    return set(map(id, _nodes_of(bodies)))


def _nodes_of(bodies: Iterable[Body]) -> Iterator[ast.AST]:
    return (child for body in bodies for statement in body for child in walk(statement))


def _harmless_after(node: FunctionNode, bodies: Sequence[Body], names: Names) -> set[int]:
    """The nodes that run after some bodies and have no hold of what these bodies kept."""
    end = max(_end_of(body[-1]) for body in bodies)
    holding = _holding(node, bodies, names)
    found: set[int] = set()
    pending: list[ast.AST] = [*node.body]
    while pending:
        current = pending.pop()
        inner = (
            [part for body in bodies_of(current) for part in body]
            if isinstance(current, ast.stmt)
            else []
        )
        pending += inner
        own = _nodes_without(current, inner)
        is_after = (
            min((_start_of(child) for child in own if hasattr(child, "lineno")), default=(0, 0))
            > end
        )
        if is_after and not any(_is_hold(child, holding) for child in own):
            found.update(map(id, own))
    return found


def _nodes_without(node: ast.AST, without: Iterable[ast.AST]) -> list[ast.AST]:
    """A statement with all that is in it, but for the statements in its bodies."""
    left_out = set(map(id, without))
    found: list[ast.AST] = []
    pending = [node]
    while pending:
        current = pending.pop()
        found.append(current)
        pending += [child for child in ast.iter_child_nodes(current) if id(child) not in left_out]
    return found


def _is_hold(node: ast.AST, holding: Collection[str]) -> bool:
    return any(name in holding for name in _names_in(node))


def _holding(node: FunctionNode, bodies: Sequence[Body], names: Names) -> set[str]:
    """The names under which a function can have what it kept.

    That is what it kept it in, and all that these bodies use. Its own object is none: what others
    do with that, at any time, is not followed either. Nor are locals with values that nobody can
    change, or that come from where such a value was kept.
    """
    locals_, _ = _locals_and_globals(node)
    kept = {
        name for body in bodies for statement in body for name in _stored_in(statement)
    } - locals_
    used = {child.id for child in _nodes_of(bodies) if isinstance(child, ast.Name)} & (
        locals_ - {"self"}
    )
    return kept | (used - _unchangeable(node, kept, names))


def _stored_in(statement: ast.stmt) -> Iterator[str]:
    """The names and attributes under which a statement sets or changes something."""
    for child in walk(statement):
        target: ast.AST | None = None
        if isinstance(child, ast.Name | ast.Attribute | ast.Subscript):
            target = child if isinstance(child.ctx, ast.Store) else None
        elif isinstance(child, ast.Call) and isinstance(child.func, ast.Attribute):
            if child.func.attr in known_effects.CONTAINER_MUTATORS:
                target = child.func.value
        elif (
            isinstance(child, ast.Call)
            and isinstance(child.func, ast.Name)
            and child.func.id == "setattr"
        ):
            yield from (
                name
                for argument in child.args
                for part in walk(argument)
                for name in _names_in(part)
            )
        while isinstance(target, ast.Subscript):
            target = target.value
        if target is not None:
            yield from _names_in(target)


def _unchangeable(node: FunctionNode, kept: Collection[str], names: Names) -> set[str]:
    """Locals that only ever hold values that nobody can change, or what such were kept in."""
    found: set[str] = set()
    others = set(parameters(node.args))
    targets: set[int] = set()  # of plain assignments
    own = list(own_nodes(node.body))
    for child in own:
        if isinstance(child, ast.Assign):
            named = [target for target in child.targets if isinstance(target, ast.Name)]
            targets.update(map(id, named))
            is_harmless = _is_unchangeable(child.value, names) or _is_kept(child.value, kept)
            (found if is_harmless else others).update(target.id for target in named)
    others |= {
        child.id
        for child in own
        if isinstance(child, ast.Name)
        and not isinstance(child.ctx, ast.Load)
        and id(child) not in targets
    }
    return found - others


def _is_unchangeable(node: ast.expr, names: Names) -> bool:
    """Whether an expression makes a text, a number, or another value that nobody can change."""
    if isinstance(node, ast.IfExp):
        return _is_unchangeable(node.body, names) and _is_unchangeable(node.orelse, names)
    if isinstance(node, ast.Call):
        name = dotted_name(node.func)
        expanded = names.expand(name)
        return expanded in known_effects.UNCHANGEABLE and (
            "." in expanded or names.is_builtin(name)
        )
    return isinstance(node, ast.Constant | ast.JoinedStr)


def _is_kept(node: ast.expr, kept: Collection[str]) -> bool:
    """Whether a value is an item of what the function keeps something in."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get"
    ):
        node = node.func.value
    elif isinstance(node, ast.Subscript):
        node = node.value
    else:
        return False
    return isinstance(node, ast.Name | ast.Attribute) and _is_hold(node, kept)


def _start_of(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _end_of(node: ast.stmt) -> tuple[int, int]:
    return node.end_lineno or node.lineno, node.end_col_offset or 0


def _names_in(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier()
    ):
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
        locals_, self._globals = _locals_and_globals(node)
        self._locals = locals_ - set(CLASSES)
        self._keeping = {id(fill.statement) for fill in keeping_statements(node)}
        self._emptying = emptying(node)
        self._names_are_computed = keeps_under_computed_name(node, own_nodes(node.body))

    def is_changed_by(self, statement: ast.stmt) -> bool:
        """Whether a simple statement may set, or change, what outlives the call."""
        if hasattr(statement, "body") or isinstance(statement, ast.Match):
            return False
        if id(statement) in self._emptying and isinstance(statement, ast.Expr):
            return False
        return id(statement) in self._keeping or any(
            self._is_change(child) for child in walk(statement)
        )

    def _is_change(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            return isinstance(node.ctx, ast.Store) and node.id in self._globals
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            return self._is_of_others(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return node.func.attr in known_effects.CONTAINER_MUTATORS and self._is_of_others(
                node.func.value
            )
        if isinstance(node, ast.Call) and (attribute := set_by_name(node)) is not None:
            return self._names_are_computed or self._is_of_others(attribute.value)
        return False

    def _is_of_others(self, node: ast.expr) -> bool:
        is_of_class = False
        while isinstance(node, ast.Attribute | ast.Subscript):
            is_of_class |= isinstance(node, ast.Attribute) and node.attr == "__class__"
            node = node.value
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and node.func.id == "type"
        return is_of_class or (isinstance(node, ast.Name) and node.id not in self._locals)


def _locals_and_globals(node: FunctionNode) -> tuple[set[str], set[str]]:
    """The locals of a function, with its parameters, and the names that it says are global."""
    own = list(own_nodes(node.body))
    globals_ = {name for child in own if isinstance(child, ast.Global) for name in child.names}
    stored = {
        child.id
        for child in own
        if isinstance(child, ast.Name) and not isinstance(child.ctx, ast.Load)
    }
    return (stored | set(parameters(node.args))) - globals_, globals_


def _is_generator(node: FunctionNode) -> bool:
    return any(
        isinstance(child, ast.Yield | ast.YieldFrom | ast.Await) for child in own_nodes(node.body)
    )
