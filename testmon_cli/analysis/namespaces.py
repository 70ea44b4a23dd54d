"""Functions that may pass on all attributes of a class, or may give them to something.

What a class keeps gets under the same name into another only if one function goes through the
attributes of the first and one, maybe the same, gives what was computed to the second.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence

from testmon_cli.analysis.ast_walk import walk
from testmon_cli.analysis.dotted_names import dotted_name
from testmon_cli.analysis.scopes import FunctionNode, parameters
from testmon_cli.domain.source import NEW_CLASS, OF_CLASS

_OF_ONE_ITEM = ("get", "pop", "setdefault", "keys", "__contains__", "__getitem__", "__setitem__")
_COPYING = ("dict", "list", "tuple", "sorted", "iter", "set")
_LOOKING = (
    "isinstance",
    "issubclass",
    "callable",
    "hasattr",
    "type",
    "id",
    "len",
    "repr",
    "str",
    "bool",
)
_MAKERS = ("new_class", "make_dataclass")
_NAMES_OF_CLASSES = (
    "meta",
    "mcs",
    "mcls",
    "cls",
    "class",
    "klass",
    "type",
    "kind",
    "maker",
    "factory",
)
_NO_NAMESPACES = (
    ast.Constant,
    ast.JoinedStr,
    ast.List,
    ast.Tuple,
    ast.Set,
    ast.Lambda,
    ast.Compare,
    ast.BoolOp,
)


def passed_on(function: FunctionNode, nodes: Sequence[ast.AST]) -> set[str]:
    """OF_CLASS and NEW_CLASS, as far as they hold of a function, all of whose nodes these are.

    After NEW_CLASS comes the class that is called, if that has a name of its own.
    """
    found: set[str] = set()
    if any(not _is_harmless(namespace, nodes) for namespace in _namespaces(nodes)):
        found.add(OF_CLASS)
    makers = {_makers(node, function, nodes) for node in nodes} - {None}
    return found | {f"{NEW_CLASS}{maker}" for maker in makers}


def looked_into(node: ast.AST) -> Iterable[ast.AST]:
    """What a node uses one item of."""
    if isinstance(node, ast.Subscript):
        return (node.value,)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _OF_ONE_ITEM
    ):
        return (node.func.value,)
    if isinstance(node, ast.Compare) and isinstance(node.ops[-1], ast.In | ast.NotIn):
        return (node.comparators[-1],)
    return ()


def _namespaces(nodes: Iterable[ast.AST]) -> Iterator[ast.expr]:
    """Uses of `x.__dict__` and `vars(x)` of what may be a class, but for looks at one item."""
    nodes = list(nodes)
    single = {id(part) for node in nodes for part in looked_into(node)}
    for node in nodes:
        if id(node) not in single and _is_namespace(node):
            yield node  # type: ignore[misc] # it is an expression


def _is_namespace(node: ast.AST) -> bool:
    """Whether an expression gives all attributes of an object other than the method's own."""
    if isinstance(node, ast.Attribute) and node.attr == "__dict__":
        holder = node.value
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "vars"
        and node.args
    ):
        holder = node.args[0]
    else:
        return False
    return not (isinstance(holder, ast.Name) and holder.id == "self")


def _is_harmless(namespace: ast.expr, nodes: Sequence[ast.AST]) -> bool:
    """Whether a function only goes through a namespace, and looks at the values one by one."""
    for node in nodes:
        if isinstance(node, ast.Compare) and namespace in (node.left, *node.comparators):
            return True
        if isinstance(node, ast.For | ast.comprehension):
            way, root = _gone_through(node.iter)
            if root is namespace:
                values = _values_of(node.target, way)
                return values is not None and not any(
                    _are_passed_on(value, nodes) for value in values
                )
    return False


def _gone_through(node: ast.expr) -> tuple[str, ast.expr]:
    """How something is gone through ("items", "values" or "keys"), and what."""
    way = ""
    while isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in (
            "items",
            "values",
            "keys",
            "copy",
        ):
            if node.func.attr != "copy":
                way = way or node.func.attr
            node = node.func.value
        elif isinstance(node.func, ast.Name) and node.func.id in _COPYING and len(node.args) == 1:
            node = node.args[0]
        else:
            break
    return way or "keys", node


def _values_of(target: ast.expr, way: str) -> list[str] | None:
    """The locals that get the values; None where that cannot be told."""
    if way == "keys":
        return []
    if way == "items":
        if not (isinstance(target, ast.Tuple) and len(target.elts) == 2):
            return None
        target = target.elts[1]
    return [target.id] if isinstance(target, ast.Name) else None


def _are_passed_on(name: str, nodes: Sequence[ast.AST]) -> bool:
    """Whether a local gets elsewhere as it is.

    That is where more is done than to look at it, or to use an attribute of it.
    """
    looked: set[int] = set()
    for node in nodes:
        if isinstance(node, ast.Attribute):
            looked.add(id(node.value))
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in _LOOKING
        ):
            looked |= {id(argument) for argument in node.args}
        elif isinstance(node, ast.Compare):
            looked |= {id(node.left), *map(id, node.comparators)}
        elif isinstance(node, ast.UnaryOp):
            looked.add(id(node.operand))
        elif isinstance(node, ast.If | ast.While | ast.IfExp):
            looked.add(id(node.test))
    return any(
        isinstance(node, ast.Name)
        and node.id == name
        and isinstance(node.ctx, ast.Load)
        and id(node) not in looked
        for node in nodes
    )


def _makers(node: ast.AST, function: FunctionNode, nodes: Sequence[ast.AST]) -> str | None:
    """The class that a node gives computed attributes, as it is called.

    "" without a name, None where it does not.
    """
    if not isinstance(node, ast.Call):
        return None
    spread = (word.value for word in node.keywords if word.arg is None)
    if any(_is_namespace(inner) for value in spread for inner in walk(value)):
        return ""
    called = node.func
    if isinstance(called, ast.Attribute) and called.attr == "update":
        return "" if any(map(_is_any_namespace, walk(called.value))) else None
    name = dotted_name(called)
    last = name.rpartition(".")[2]
    if last in _MAKERS:
        return ""
    if isinstance(called, ast.Attribute) and called.attr == "__new__":
        is_as_given = len(node.args) <= 3 or _is_as_given(node.args[3], function, nodes)
        return None if is_as_given else ""
    if len(node.args) < 3 or not _may_be_namespace(node.args[2]):
        return None
    if isinstance(called, ast.Call) or last in ("type", "__class__"):
        return ""
    if _is_local_class(called, function, nodes):
        return ""
    return name if last.lstrip("_")[:1].isupper() else None


def _is_any_namespace(node: ast.AST) -> bool:
    return _is_namespace(node) or (isinstance(node, ast.Attribute) and node.attr == "__dict__")


def _is_local_class(node: ast.expr, function: FunctionNode, nodes: Iterable[ast.AST]) -> bool:
    """Whether a local may be a class of classes: by what it gets, or as a parameter by its name."""
    if not isinstance(node, ast.Name):
        return False
    if node.id in parameters(function.args):
        return any(part in node.id.lower() for part in _NAMES_OF_CLASSES)
    values = [
        n.value
        for n in nodes
        if isinstance(n, ast.Assign | ast.NamedExpr | ast.AnnAssign) and _binds(n, node.id)
    ]
    return any(not isinstance(value, ast.Lambda) for value in values)


def _binds(node: ast.Assign | ast.NamedExpr | ast.AnnAssign, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(
        isinstance(each, ast.Name) and each.id == name
        for target in targets
        for each in walk(target)
    )


def _may_be_namespace(node: ast.expr) -> bool:
    if isinstance(node, ast.Dict):
        return any(not isinstance(key, ast.Constant) for key in node.keys)
    return not isinstance(node, _NO_NAMESPACES)


def _is_as_given(node: ast.expr, function: FunctionNode, nodes: Sequence[ast.AST]) -> bool:
    """Whether a namespace is what was given, but for items with names that are written there."""
    if not (isinstance(node, ast.Name) and node.id in parameters(function.args)):
        return False
    return not any(_adds_computed(each, node.id) for each in nodes)


def _adds_computed(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Name):
        return node.id == name and not isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        return _is_name(node.value, name) and not isinstance(node.slice, ast.Constant)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and _is_name(node.func.value, name)
    ):
        if node.func.attr == "setdefault":
            return not (node.args and isinstance(node.args[0], ast.Constant))
        return node.func.attr in ("update", "__setitem__", "__ior__")
    return False


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
