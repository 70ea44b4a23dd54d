"""Computed look-ups whose names are recorded, and how to tell the name that was asked for.

The engine `probes` makes the code itself note the names (`tracing.engines.instrument`). Both it and
the analysis have to find the same places, so they find them here, in the tree as it was parsed.
Everything else that may look names up is open: it mentions every name, see `mentions`.
"""

import ast
from collections.abc import Container, Iterable, Iterator
from functools import cached_property, partial
from typing import NamedTuple

from testmon_cli.analysis.ast_walk import EMPTY, children, walk
from testmon_cli.analysis.checksums import checksum
from testmon_cli.analysis.scopes import FunctionNode, Scope, function_scope

# How a look-up is done, as in `mentions` but for names that are recorded.
ANYWHERE = "!*"
ATTRIBUTES = "!*="
MEMBERS = "!*."
OWN_NAMESPACE = "!*g"
# All names of an object are gone through: noted is what the object is, see
# `tracing.engines.probe_code`.
WALKS = "!w"
WAYS = (ANYWHERE, ATTRIBUTES, MEMBERS, OWN_NAMESPACE, WALKS)
NO_WAY = ""  # the name is a constant, and mentioned as such
OWN_MEMBERS = "*."  # the class of the method's own object is gone through, see `mentions`
MODULE = "&"  # the same of a module, which may be passed on
LOST = "*"  # in place of a name: that others were asked for, too

# Functions that take an object and a name, and those that take the name of a module or fixture.
_OF_OBJECT = {"getattr", "hasattr", "setattr", "delattr", "getattr_static"}
_BY_NAME = {"import_module": "name", "find_spec": "name", "getfixturevalue": "argname"}
_GETTERS = {"attrgetter", "methodcaller"}
_EVALUATING = {"eval", "exec"}  # what they are given uses names: those of a text, or of code
_NAMESPACES = {"globals", "locals"}
_LISTING = {"vars", "dir"}
_LISTING_MEMBERS = {"getmembers", "getmembers_static"}
_MAPPING_METHODS = {"get", "pop", "setdefault"}
_OF_MAPPING = {"setitem", "delitem"}  # methods of monkeypatch
# Nodes of which not all that is below runs where they stand, or stands in the same place.
_PARTED = frozenset({
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.AnnAssign, ast.Assert, ast.Lambda, ast.GeneratorExp,
    *filter(None, (getattr(ast, "TypeAlias", None),)),
})  # fmt: skip
_LOOKING = (ast.Call, ast.Subscript, ast.Compare, ast.Attribute)
_KEY = "lookup"  # of what is noted on a node
_QUIET = "is_looked_into"


class Lookup(NamedTuple):
    """A place where names are looked up."""

    node: ast.expr
    way: str  # of WAYS, or NO_WAY or MODULE
    names: tuple[ast.expr, ...]  # expressions that give the names, for WALKS the object
    quiet: ast.expr | None  # what would by itself say that names are looked up
    is_on_import: bool  # whether it belongs to a definition, not to a block of a function


def note(tree: ast.Module) -> None:
    """Note on the nodes of a tree which are recorded look-ups, for `way_of` and `is_quiet`."""
    for found in find(tree):
        vars(found.node)[_KEY] = found.way
        if found.quiet is not None:
            vars(found.quiet)[_QUIET] = True


def way_of(node: ast.expr) -> str | None:
    """In which way a node looks names up that are recorded; None where it is no such place."""
    way: str | None = vars(node).get(_KEY)
    return way


def is_quiet(node: ast.expr) -> bool:
    """Whether a node is part of a recorded look-up, which says what there is to say."""
    return _QUIET in vars(node)


def find(tree: ast.Module) -> Iterator[Lookup]:
    """All recorded look-ups of a module.

    Left out are annotations, type aliases and the like, which Python may turn into text or evaluate
    later; what a definition evaluates later (lambdas, generators); and in assertions all names that
    are not plain: pytest takes these apart, to show their parts.
    """
    stack: list[tuple[ast.AST, _Place, bool]] = [
        (tree, _Place(on_import=True, owner=_Owner()), False)
    ]
    named: set[int] = set()
    while stack:
        node, place, asserted = stack.pop()
        kind = type(node)
        found = _found_at(node, place, named) if isinstance(node, _LOOKING) else None
        if found is not None and (
            not asserted or all(isinstance(name, ast.Name) for name in found.names)
        ):
            named.add(id(found.quiet))  # not gone through: one of its names is looked up
            yield found
        if kind in _PARTED:
            inner = _place_inside(node, place)
            asserted = asserted or kind is ast.Assert
            below = _evaluated(node, place.on_import)
            stack += [
                (child, inner if is_inside else place, asserted) for child, is_inside in below
            ]
        else:
            stack += [
                (child, place, asserted) for child in children(node) if type(child) not in EMPTY
            ]


def _found_at(node: ast.expr, place: "_Place", named: Container[int]) -> Lookup | None:
    return _lookup(node, place) or (_walk_of(node, place) if id(node) not in named else None)


class _Owner:
    """The method that code stands in, or the class of which it is the body, or neither."""

    def __init__(self, method: FunctionNode | None = None, *, is_class: bool = False) -> None:
        self.is_class = is_class
        self._method = method

    @cached_property
    def name(self) -> str:
        """The parameter for the method's own object or class; "" if it may be another's."""
        if self._method is None:
            return ""
        name = function_scope(self._method, Scope("class", Scope("module", None))).own
        inner = (node for statement in self._method.body for node in walk(statement))
        return "" if any(map(partial(_gives_another, name), inner)) else name


class _Place(NamedTuple):
    """Where an expression stands."""

    on_import: bool
    owner: _Owner

    def is_own(self, node: ast.expr) -> bool:
        """Whether an expression is the object of the method around, or its class."""
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("type", "super")
        ):
            if node.func.id == "super":
                return not node.args and bool(self.owner.name)
            return len(node.args) == 1 and self.is_own(node.args[0])
        if isinstance(node, ast.Attribute) and node.attr == "__class__":
            node = node.value
        return isinstance(node, ast.Name) and node.id == self.owner.name


def _place_inside(node: ast.AST, place: _Place) -> _Place:
    """The place of the body of a function or class."""
    if isinstance(node, ast.ClassDef):
        return _Place(place.on_import, _Owner(is_class=place.on_import))
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return place
    return _Place(on_import=False, owner=_Owner(node) if place.owner.is_class else place.owner)


def _gives_another(name: str, node: ast.AST) -> bool:
    """Whether a name is another thing in a function or comprehension within."""
    if isinstance(node, ast.Name):
        return node.id == name and not isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.arg) and node.arg == name


def _evaluated(node: ast.AST, on_import: bool) -> Iterator[tuple[ast.AST, bool]]:
    """The nodes below one that run as they stand there.

    True for those of the body of a function or class.
    """
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        outside = [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
        yield from ((child, False) for child in outside)
        yield from ((child, True) for child in node.body)
    elif isinstance(node, ast.ClassDef):
        yield from ((child, False) for child in [*node.decorator_list, *node.bases, *node.keywords])
        yield from ((child, True) for child in node.body)
    elif isinstance(node, ast.AnnAssign):
        yield from ((child, False) for child in filter(None, (node.target, node.value)))
    elif not _is_left_out(node, on_import):
        yield from ((child, False) for child in children(node))


def _is_left_out(node: ast.AST, on_import: bool) -> bool:
    if isinstance(node, ast.Assert):
        return any(isinstance(child, ast.NamedExpr) for child in walk(node))
    if isinstance(node, ast.Lambda | ast.GeneratorExp):
        return on_import
    return type(node).__name__ == "TypeAlias"


def _lookup(node: ast.expr, place: _Place) -> Lookup | None:
    if isinstance(node, ast.Call):
        return _of_call(node, place)
    if isinstance(node, ast.Subscript):
        return _of_key(node, node.value, node.slice, place)
    if (
        isinstance(node, ast.Compare)
        and len(node.ops) == 1
        and isinstance(node.ops[0], ast.In | ast.NotIn)
    ):
        return _of_key(node, node.comparators[0], node.left, place)
    return None


def _walk_of(node: ast.expr, place: _Place) -> Lookup | None:
    """`vars(x)`, `dir(x)`, `inspect.getmembers(x)`, `x.__dict__`.

    What a method's own class is need not be told.
    """
    if isinstance(node, ast.Attribute):
        if node.attr != "__dict__":
            return None
        if place.is_own(node.value):
            # An object's own attributes are set in blocks that ran; those of a class also stand in
            # its body.
            return Lookup(
                node, NO_WAY if _is_self(node.value) else OWN_MEMBERS, (), node, place.on_import
            )
        return (
            Lookup(node, WALKS, (node.value,), node, place.on_import)
            if isinstance(node.ctx, ast.Load)
            else None
        )
    if not isinstance(node, ast.Call) or not node.args or isinstance(node.args[0], ast.Starred):
        return None
    is_plain = isinstance(node.func, ast.Name)
    name = name_of(node.func)
    is_listing = name in _LISTING and is_plain and len(node.args) == 1 and not node.keywords
    if not is_listing and name not in _LISTING_MEMBERS:
        return None
    quiet = node if is_plain else node.func
    if place.is_own(node.args[0]):
        return Lookup(node, OWN_MEMBERS, (), quiet, place.on_import)
    return Lookup(node, WALKS, (node.args[0],), quiet, place.on_import)


def name_of(function: ast.expr) -> str:
    """The last part of the name of a function or of anything else; "" where it has none."""
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _of_call(node: ast.Call, place: _Place) -> Lookup | None:
    function = node.func
    name = name_of(function)
    arguments = node.args
    if name in _OF_OBJECT:
        return _of_object(node, place)
    if name in _BY_NAME:
        named = [*arguments[:1], *(k.value for k in node.keywords if k.arg == _BY_NAME[name])]
        return _made(node, ANYWHERE, named[:1], None, place.on_import, None)
    if name == "__import__" and isinstance(function, ast.Name) and not node.keywords:
        parts = (part for argument in arguments[3:] for part in _parts(argument))
        if not all(isinstance(part, ast.Constant) for part in parts):
            return None
        return _made(node, ANYWHERE, arguments[:1], function, place.on_import, MODULE)
    if name in _EVALUATING and isinstance(function, ast.Name):
        return _made(node, ANYWHERE, arguments[:1], function, place.on_import, None)
    if name in _GETTERS and not node.keywords:
        names = arguments if name == "attrgetter" else arguments[:1]
        return _made(node, ATTRIBUTES, names, function, place.on_import)
    if name in _OF_MAPPING and len(arguments) > 1:
        return _of_key(node, arguments[0], arguments[1], place)
    if name in _MAPPING_METHODS and isinstance(function, ast.Attribute) and arguments:
        return _of_key(node, function.value, arguments[0], place)
    return None


def _of_object(node: ast.Call, place: _Place) -> Lookup | None:
    """Read `getattr(x, name)`, and methods of such names.

    An example is `monkeypatch.setattr("module.name", value)`.
    """
    arguments = node.args
    if any(isinstance(argument, ast.Starred) for argument in arguments[:2]):
        return None
    names = arguments[1:2]
    function = node.func
    is_setter = isinstance(function, ast.Attribute) and function.attr == "setattr"
    if isinstance(function, ast.Attribute) and len(arguments) <= (2 if is_setter else 1):
        if arguments and isinstance(arguments[0], ast.Constant):
            return Lookup(node, NO_WAY, (), None, place.on_import)
        names = arguments
    if not names:
        return None
    return _made(
        node,
        MEMBERS if place.is_own(arguments[0]) else ATTRIBUTES,
        names,
        None,
        place.on_import,
        None,
    )


def _of_key(node: ast.expr, mapping: ast.expr, key: ast.expr, place: _Place) -> Lookup | None:
    """`globals()[name]`, `sys.modules.get(name)`, `name in vars(x)`."""
    if isinstance(key, ast.Slice | ast.Starred) or (
        isinstance(key, ast.Constant) and not isinstance(key.value, str)
    ):
        return None
    if (
        isinstance(mapping, ast.Call)
        and isinstance(mapping.func, ast.Name)
        and not mapping.keywords
    ):
        if mapping.func.id in _NAMESPACES and not mapping.args:
            return _made(node, OWN_NAMESPACE, [key], mapping.func, place.on_import)
        if mapping.func.id == "vars" and len(mapping.args) == 1:
            way = MEMBERS if place.is_own(mapping.args[0]) else ATTRIBUTES
            return _made(node, way, [key], mapping, place.on_import)
    name = name_of(mapping)
    if name == "modules":
        return _made(node, ANYWHERE, [key], mapping, place.on_import, MODULE)
    if isinstance(mapping, ast.Attribute) and name == "__dict__":
        is_own = place.is_own(mapping.value)
        if not is_own or not _is_self(mapping.value):
            return _made(node, MEMBERS if is_own else ATTRIBUTES, [key], mapping, place.on_import)
    return None


def _made(
    node: ast.expr, way: str, names: Iterable[ast.expr], quiet: ast.expr | None, on_import: bool,
    constant: str | None = NO_WAY,
) -> Lookup | None:  # fmt: skip
    """A look-up of names, of which some may be constants.

    Where all are, its way is `constant`, None is no look-up.
    """
    given = tuple(names)
    if not given or any(isinstance(name, ast.Starred) for name in given):
        return None
    computed = tuple(name for name in given if not isinstance(name, ast.Constant))
    if not computed:
        return None if constant is None else Lookup(node, constant, (), quiet, on_import)
    return Lookup(node, way, computed, quiet, on_import)


def _parts(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple | ast.List) else [node]


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def key_of(node: ast.Call | ast.Subscript | ast.Compare) -> ast.expr:
    """The name that a recorded look-up of one name asks for."""
    if isinstance(node, ast.Call):
        is_given = isinstance(node.func, ast.Attribute) and node.func.attr in _OF_MAPPING
        return node.args[1 if is_given else 0]
    return node.slice if isinstance(node, ast.Subscript) else node.left


# What was asked for


def number_of(way: str, *, on_import: bool) -> int:
    """Ways as code has them, those of definitions apart from those of functions."""
    return WAYS.index(way) + (len(WAYS) if on_import else 0)


def place_of(path: str) -> str:
    """Where the names are kept that code of a source asked for: as if it were another source."""
    return f"{path}?"


CODE_PLACE = place_of("")  # where the names are kept that code outside of the sources used


def named_in_code(words: Iterable[str]) -> frozenset[int]:
    """What is kept of the names that such code used; LOST among them stands for any."""
    return checksums_of(f"{number_of(ANYWHERE, on_import=False)}{word}" for word in words)


def is_place(path: str) -> bool:
    """Whether it is such a place."""
    return path.endswith("?")


def checksums_of(asked: Iterable[str]) -> frozenset[int]:
    """What is kept of names that were asked for, each with the number of the way before it."""
    return frozenset(checksum(text[:1], part) for text in asked for part in _names_in(text[1:]))


def checksum_of(way: str, name: str, *, on_import: bool = False) -> int:
    """By what is found that a name was asked for in a way.

    LOST may have been so in any, and is kept for the first. For WALKS it says that anything may
    have been gone through.
    """
    kept_for = WAYS[0] if name == LOST and way != WALKS else way
    return checksum(f"{number_of(kept_for, on_import=on_import)}", name)


def _names_in(text: str) -> Iterator[str]:
    """The names that a text may stand for when it is looked up.

    Parts of a dotted path, or a private name.
    """
    for part in text.split("."):
        if part:
            yield part
            if "-" in part:
                yield part.replace("-", "_")
            private = part.find("__", 1)
            if part[0] == "_" and private > 0 and not part.endswith("__"):
                yield part[private:]
