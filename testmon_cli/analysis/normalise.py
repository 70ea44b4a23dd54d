"""Statements as text that does not depend on how they are written, with the names they mention.

Positions, comments, quotes, parentheses and annotations of locals do not show; each Name carries
its scope, so that a global that becomes a local is another text.
"""

import ast
from collections.abc import Callable, Iterable

from testmon_cli.analysis import lookups, mentions
from testmon_cli.analysis.builtin_values import builtin_type
from testmon_cli.analysis.scopes import (
    CLASS,
    COMPREHENSIONS,
    GLOBAL,
    FunctionNode,
    Scope,
    annotations_of,
    class_scope,
    comprehension_scope,
    function_scope,
)

_BUILTIN_TYPES = ("bytes", "dict", "float", "int", "list", "set", "str", "tuple")
_OF_OBJECTS = (mentions.DYNAMIC_ATTRIBUTES, lookups.ATTRIBUTES)
_CALLED = "is_called"  # noted on a function that looks names up
# Noted on the name of an attribute that is looked up in the own object.
_OF_OWN = "is_of_own_object"
_COMPARED = "is_compared"  # noted on a constant that something is compared with
_AUGMENTED = "is_augmented"  # noted on what is set to something that is made of its value
_SKIPPED_FIELDS = {
    "ctx",
    "type_comment",
    "kind",
    "lineno",
    "col_offset",
    "end_lineno",
    "end_col_offset",
    "type_ignores",
}
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}


class Text:
    """Collects the text of some nodes (`parts`) and what they mention."""

    __slots__ = ("mentions", "parts", "stored")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.mentions: set[str] = set()
        self.stored: set[str] = set()  # attributes that methods set on their own object

    @property
    def mentioned(self) -> frozenset[str]:
        """All mentions, those of attributes that are set included."""
        found = set(self.mentions)
        for name in self.stored:
            is_read = "." + name in self.mentions or "~" + name in self.mentions
            found |= {"~" + name} if is_read else {"~" + name, mentions.STORES + name}
        return frozenset(found)

    def __str__(self) -> str:
        return " ".join(self.parts)

    def add(self, node: object, scope: Scope) -> None:
        """Add a node (or list or value) as it is evaluated in `scope`."""
        if isinstance(node, ast.AST):
            special = _SPECIAL.get(type(node))
            if special is not None:
                special(self, node, scope)
            else:
                self._generic(node, scope)
        elif isinstance(node, list):
            self.parts.append("[")
            for item in node:
                self.add(item, scope)
            self.parts.append("]")
        else:
            self.parts.append(repr(node))

    def _generic(self, node: ast.AST, scope: Scope) -> None:
        cls = type(node)
        fields = _FIELDS.get(cls)
        if fields is None:
            fields = _FIELDS[cls] = tuple(
                name for name in cls._fields if name not in _SKIPPED_FIELDS
            )
        self.parts.append(cls.__name__ + "(")
        for name in fields:
            self.add(getattr(node, name, None), scope)
        self.parts.append(")")

    def _name(self, node: ast.Name, scope: Scope, *, is_base: bool = False) -> None:
        where = scope.resolve(node.id)
        if not is_base and scope.is_imported(node.id):
            self.mentions.add("&" + node.id)
        self.parts.append(f"{where}:{node.id}")
        # A name that a class body binds may also be found among the globals before it is bound
        # there. Binding a name at module or class level is no use of it; binding a global in a
        # function is.
        if where in (GLOBAL, CLASS) and not (
            isinstance(node.ctx, ast.Store) and scope.kind in ("module", "class")
        ):
            self.mentions.add(node.id)
        is_local = where not in (GLOBAL, CLASS) and node.id in mentions.BUILTINS_THAT_LOOK_UP
        if not lookups.is_quiet(node) and not is_local:
            self.mentions |= mentions.of_identifier(node.id)
        if not _is_called(node):
            self.mentions |= mentions.of_given(node.id)

    def _attribute(self, node: ast.Attribute, scope: Scope, *, is_base: bool = False) -> None:
        self.parts.append("." + node.attr)
        kind = builtin_type(node.value, scope.is_builtin)
        if kind is None or not hasattr(kind, node.attr):
            is_own = scope.is_own_object(node.value)
            if is_own and isinstance(node.ctx, ast.Store) and not _is_augmented(node):
                self.stored.add(node.attr)
            else:
                self.mentions.add(("~" if is_own else ".") + node.attr)
        way = lookups.way_of(node)
        if way:
            self.mentions.add(way)
        if not lookups.is_quiet(node):
            self.mentions |= mentions.of_attribute(node)
        if not _is_called(node):
            self.mentions |= mentions.of_given(node.attr)
        if not is_base and scope.is_imported(_first_name(node)):
            self.mentions.add("&" + node.attr)
        if isinstance(node.value, ast.Attribute):
            self._attribute(node.value, scope, is_base=True)
        elif isinstance(node.value, ast.Name):
            self._name(node.value, scope, is_base=True)
        else:
            self.add(node.value, scope)

    def _constant(self, node: ast.Constant, scope: Scope) -> None:
        value = node.value
        self.parts.append(repr(value))
        if _OF_OWN in vars(node):
            self.mentions.add(f"~{value!s}")
        elif isinstance(value, str) and _COMPARED not in vars(node):
            self.mentions |= mentions.of_string(value)

    def _call(self, node: ast.Call, scope: Scope) -> None:
        found = mentions.of_call(node)
        if not found.isdisjoint(_OF_OBJECTS) and self._is_builtin_type(node.args[0], scope):
            found = set()  # nothing of the project is found there
        self.mentions |= found
        if mentions.looks_up(node.func):
            vars(node.func)[_CALLED] = True
            name = mentions.literal_name(node)
            if name is not None and scope.is_own_object(node.args[0]):
                vars(name)[_OF_OWN] = True
        listed = mentions.of_listing(node)
        if listed and isinstance(node.func, ast.Name):  # not what the bare name says
            self.mentions |= {node.func.id} if lookups.is_quiet(node) else {*listed, node.func.id}
            self.parts.append(f"{scope.resolve(node.func.id)}:{node.func.id}(")
            self.add([node.args, node.keywords], scope)
            self.parts.append(")")
        else:
            self._generic(node, scope)

    @staticmethod
    def _is_builtin_type(node: ast.expr, scope: Scope) -> bool:
        return (
            isinstance(node, ast.Name) and node.id in _BUILTIN_TYPES and scope.is_builtin(node.id)
        )

    def _keyed(self, node: ast.Subscript | ast.Compare, scope: Scope) -> None:
        self.mentions |= mentions.of_key(node)
        self._generic(node, scope)

    def _compared(self, node: ast.Compare, scope: Scope) -> None:
        for constant in _compared_constants(node):
            vars(constant)[_COMPARED] = True
        self._keyed(node, scope)

    def _value_pattern(self, node: ast.MatchValue, scope: Scope) -> None:
        vars(node.value)[_COMPARED] = True
        self._generic(node, scope)

    def _pattern(self, node: ast.MatchClass, scope: Scope) -> None:
        if not self._is_builtin_type(node.cls, scope):  # that takes the object itself
            self.mentions |= mentions.of_pattern(node)
        self._generic(node, scope)

    def _keyword(self, node: ast.keyword, scope: Scope) -> None:
        self.parts.append(f"{node.arg}=")
        if node.arg:
            self.mentions.add("=" + node.arg)
        self.add(node.value, scope)

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        self.mentions |= mentions.of_import(node)
        self._generic(node, scope)

    def _lambda(self, node: ast.Lambda, scope: Scope) -> None:
        self.parts.append("Lambda(")
        self.signature(node.args)
        self.defaults(node.args, scope)
        self.add(node.body, function_scope(node, scope))
        self.parts.append(")")

    def _comprehension(self, node: ast.AST, scope: Scope) -> None:
        self._generic(node, comprehension_scope(node, scope))

    def _annotated(self, node: ast.AnnAssign, scope: Scope) -> None:
        """`x: int = 1` is `x = 1`.

        Without a value it only makes a name local, which the names' scopes show.
        """
        if scope.kind == "class":
            self._evaluated([node.annotation], scope)
        if node.value is None:
            if not isinstance(node.target, ast.Name):
                self.add(node.target, scope)
            return
        self.add(ast.Assign([node.target], node.value), scope)

    def _augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        vars(node.target)[_AUGMENTED] = True
        self._generic(node, scope)

    def _expression(self, node: ast.Expr, scope: Scope) -> None:
        if not isinstance(node.value, ast.Constant):  # a string or `...` by itself does nothing
            self._generic(node, scope)

    def _function(self, node: FunctionNode, scope: Scope) -> None:
        """The `def` statement as it is evaluated around the function.

        The body has blocks of its own.
        """
        self.parts.append(f"{type(node).__name__} {scope.resolve(node.name)}:{node.name}(")
        self.add(node.decorator_list, scope)
        self.signature(node.args)
        self.defaults(node.args, scope)
        self._evaluated(annotations_of(node), scope)
        self.parts.append(")")

    def _evaluated(self, annotations: Iterable[ast.expr | None], scope: Scope) -> None:
        """Annotations in a function: what runs it evaluates them.

        Those of modules and classes are told apart.
        """
        if scope.evaluates_annotations and scope.is_in_function():
            self.add([annotation for annotation in annotations if annotation is not None], scope)

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        self.class_header(node, scope)
        inner = class_scope(node, scope)
        for statement in node.body:
            self.add(statement, inner)
        self.parts.append("endclass")

    def class_header(self, node: ast.ClassDef, scope: Scope) -> None:
        self.parts.append(f"class {scope.resolve(node.name)}:{node.name}")
        self.add(node.decorator_list, scope)
        self.add(node.bases, scope)
        self.add(node.keywords, scope)
        if scope.is_in_function():
            self.mentions |= mentions.of_class(node)

    def signature(self, arguments: ast.arguments) -> None:
        """Names and kinds of the parameters.

        A parameter's name can be a keyword of a caller or a fixture.
        """
        for mark, group in (
            ("/", arguments.posonlyargs),
            ("", arguments.args),
            ("*", arguments.kwonlyargs),
        ):
            for argument in group:
                self.parts.append(f"{mark}{argument.arg},")
                self.mentions.add("@" + argument.arg)
        for mark, extra in (("*", arguments.vararg), ("**", arguments.kwarg)):
            if extra is not None:
                self.parts.append(f"{mark}{extra.arg},")

    def defaults(self, arguments: ast.arguments, scope: Scope) -> None:
        self.add(arguments.defaults, scope)
        self.add(arguments.kw_defaults, scope)


def _compared_constants(node: ast.Compare) -> list[ast.expr]:
    """What values are compared with.

    A text among these, as in `x == "name"` or `x in ("a", "b")`, looks nothing up.
    """
    found: list[ast.expr] = []
    left = node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        if isinstance(operator, ast.In | ast.NotIn):
            found += right.elts if isinstance(right, ast.Tuple | ast.List | ast.Set) else ()
        else:
            found += (left, right)
        left = right
    return found


def _is_called(node: ast.expr) -> bool:
    return _CALLED in vars(node)


def _is_augmented(node: ast.expr) -> bool:
    return _AUGMENTED in vars(node)


def _first_name(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


_SPECIAL: dict[type[ast.AST], Callable[..., None]] = {
    ast.Name: Text._name,
    ast.Attribute: Text._attribute,
    ast.Constant: Text._constant,
    ast.Call: Text._call,
    ast.Subscript: Text._keyed,
    ast.Compare: Text._compared,
    ast.MatchValue: Text._value_pattern,
    ast.MatchClass: Text._pattern,
    ast.keyword: Text._keyword,
    ast.Import: Text._import,
    ast.ImportFrom: Text._import,
    ast.Lambda: Text._lambda,
    ast.AnnAssign: Text._annotated,
    ast.AugAssign: Text._augmented,
    ast.Expr: Text._expression,
    ast.FunctionDef: Text._function,
    ast.AsyncFunctionDef: Text._function,
    ast.ClassDef: Text._class,
    **dict.fromkeys(COMPREHENSIONS, Text._comprehension),
}
