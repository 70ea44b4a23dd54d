"""Which import-time code provably cannot raise.

Nothing is executed: the rules follow the language reference for the builtin types. What they do not
cover may raise. `Fallibility` gives an expression a kind (`str`, `int`, `list` ...) where its value
is known to be of that builtin type, `ANY` where evaluating it cannot raise but its value is not
known, and None where evaluating it may raise.
"""

import ast
import builtins
from collections.abc import Callable, Collection, Iterable

from testmon_cli.analysis import known_effects
from testmon_cli.analysis.ast_walk import walk
from testmon_cli.analysis.dotted_names import Names, dotted_name
from testmon_cli.analysis.scopes import COMPREHENSIONS, bound_names

ANY = "any"
VERSION = "version"  # sys.version_info or a slice of it: compares with tuples of integers
NUMBERS = frozenset({"bool", "int", "float"})
SCALARS = NUMBERS | {"str", "bytes", "none"}
HASHABLE = SCALARS | {"type"}
# "list" holds scalars only, "list?" anything; the same for the others.
_CONTAINERS = ("list", "tuple", "set", "dict")
ITERABLE = frozenset({*_CONTAINERS, *(f"{kind}?" for kind in _CONTAINERS), "str", "bytes", VERSION})
# Whose truth is known to be told without running other code.
TESTABLE = SCALARS | ITERABLE | {"type"}

_CONSTANTS = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    bytes: "bytes",
    type(None): "none",
}
_GENERIC = frozenset({"list", "dict", "tuple", "set", "frozenset", "type"})  # `list[x]` takes any x
_MAKERS = frozenset(
    {"dict", "list", "set", "tuple", "frozenset", "object", "str", "int", "float", "bool", "bytes"}
)
_MODULE_ATTRIBUTES = {"__name__": "str", "__file__": "str", "__debug__": "bool"}
_KNOWN_ATTRIBUTES = {"sys.version_info": VERSION} | dict.fromkeys(
    (
        "sys.platform",
        "sys.byteorder",
        "sys.executable",
        "os.name",
        "os.sep",
        "os.linesep",
        "os.pathsep",
    ),
    "str",
)
_KNOWN_ATTRIBUTES["typing.TYPE_CHECKING"] = "bool"
# Calls of the standard library that take such arguments without failing.
_KNOWN_CALLS = {
    "logging.getLogger": {"str"},
    "typing.TypeVar": {"str", "type"},
    "typing.ParamSpec": {"str"},
    "contextvars.ContextVar": {"str"},
    "collections.OrderedDict": set(),
    "collections.deque": set(),
    "collections.defaultdict": {"type"},
    "threading.Lock": set(),
    "threading.RLock": set(),
    "threading.local": set(),
    "threading.Event": set(),
}
_PURE_DECORATORS = frozenset({"property", "staticmethod", "classmethod"})
_CATCH_ALL = frozenset({"Exception", "BaseException"})
_CATCH_IMPORTS = _CATCH_ALL | {"ImportError", "ModuleNotFoundError"}
_EXCEPTIONS = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
)
# Modules of the standard library that every CPython has.
_ALWAYS_THERE = known_effects.STDLIB - {
    "curses", "dbm", "ensurepip", "idlelib", "lib2to3", "msvcrt", "nt", "readline", "tkinter", "turtle", "winreg",
    "winsound",
}  # fmt: skip
# What every Python has that we run with.
_GIVEN_BY_TYPING = frozenset({
    "TYPE_CHECKING", "Any", "Callable", "ClassVar", "Dict", "Final", "Generic", "Iterable", "Iterator", "List",
    "Literal", "Mapping", "NamedTuple", "NoReturn", "Optional", "Protocol", "Self", "Sequence", "Tuple", "Type",
    "TypeAlias", "TypeVar", "Union", "cast", "overload",
})  # fmt: skip
_LARGEST_EXPONENT = 100


class Fallibility:
    """Tells whether statements at module or class level may raise.

    `names` says what names stand for; `evaluates_annotations` whether annotations run where they
    stand (not so with `from __future__ import annotations`, and from Python 3.14 on).
    """

    def __init__(self, names: Names, *, evaluates_annotations: bool) -> None:
        self.names = names
        self.evaluates_annotations = evaluates_annotations
        self._bound: Collection[str] | None = None

    def may_raise(self, node: ast.stmt, bound: Collection[str] | None = None) -> bool:
        """Whether a statement may raise.

        Of a class only the header counts, its members are statements too. `bound` are the names
        that statements before this one bind, None where that cannot be known (`import *`).
        """
        own = {
            name
            for child in walk(node)
            if isinstance(child, ast.comprehension)
            for name in bound_names(child.target)
        }
        self._bound = None if bound is None else {*bound, *bound_names(node), *own}
        if isinstance(node, ast.ClassDef):
            return not self._class_header(node)
        return not self._statement(node)

    # Statements

    def _statements(self, body: Iterable[ast.stmt]) -> bool:
        return all(map(self._statement, body))

    def _statement(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return self._function(node)
        if isinstance(node, ast.ClassDef):
            return self._class_header(node) and self._statements(node.body)
        if isinstance(node, ast.Assign):
            return self.kind(node.value) is not None and all(
                self._target(t, node.value) for t in node.targets
            )
        if isinstance(node, ast.AnnAssign):
            value = node.value is None or self.kind(node.value) is not None
            return value and isinstance(node.target, ast.Name) and self._annotation(node.annotation)
        if isinstance(node, ast.If | ast.While):
            return self._tests(node.test) and self._statements([*node.body, *node.orelse])
        if isinstance(node, ast.For):
            is_plain = isinstance(node.target, ast.Name) and self.kind(node.iter) in ITERABLE
            return is_plain and self._statements([*node.body, *node.orelse])
        if isinstance(node, ast.Try):
            return self._try(node)
        if isinstance(node, ast.Expr):
            return self.kind(node.value) is not None
        if isinstance(node, ast.Import):
            return all(alias.name in _ALWAYS_THERE for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            is_typing = node.module == "typing" and not node.level
            return is_typing and all(alias.name in _GIVEN_BY_TYPING for alias in node.names)
        return type(node).__name__ in (
            "Pass",
            "Global",
            "Nonlocal",
            "Break",
            "Continue",
            "TypeAlias",
        )

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        arguments = node.args
        every = [
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            arguments.vararg,
            arguments.kwarg,
        ]
        annotations = [a.annotation for a in every if a is not None] + [node.returns]
        defaults = [*arguments.defaults, *arguments.kw_defaults]
        return (
            all(self._is_builtin(d, _PURE_DECORATORS) for d in node.decorator_list)
            and all(self.kind(value) is not None for value in defaults if value is not None)
            and all(map(self._annotation, annotations))
        )

    def _class_header(self, node: ast.ClassDef) -> bool:
        if node.decorator_list or node.keywords or len(node.bases) > 1:
            return False
        return all(self._is_builtin(base, _EXCEPTIONS | {"object"}) for base in node.bases)

    def _annotation(self, node: ast.expr | None) -> bool:
        return node is None or not self.evaluates_annotations or self.kind(node) is not None

    def _target(self, target: ast.expr, value: ast.expr) -> bool:
        if not isinstance(target, ast.Tuple | ast.List):
            return isinstance(target, ast.Name)
        if not isinstance(value, ast.Tuple | ast.List) or len(target.elts) != len(value.elts):
            return False
        is_starred = any(isinstance(part, ast.Starred) for part in (*target.elts, *value.elts))
        return not is_starred and all(map(self._target, target.elts, value.elts))

    def _try(self, node: ast.Try) -> bool:
        """Whether a `try` statement provably cannot raise; neither may its handlers."""
        after = [
            *node.orelse,
            *node.finalbody,
            *(s for handler in node.handlers for s in handler.body),
        ]
        if not self._statements(after):
            return False
        if catches_all(node):
            return True
        if catches_imports(node):
            return self._statements(
                s for s in node.body if not isinstance(s, ast.Import | ast.ImportFrom)
            )
        return self._statements(node.body)

    # Expressions

    def kind(self, node: ast.expr) -> str | None:
        """The kind of an expression's value.

        ANY where it is not known, None where evaluating the expression may raise.
        """
        if isinstance(node, ast.Constant):
            return _CONSTANTS.get(type(node.value), ANY)
        rule = _RULES.get(type(node))
        return rule(self, node) if rule is not None else None

    def _tests(self, node: ast.expr) -> bool:
        return self.kind(node) in TESTABLE

    def _is_builtin(self, node: ast.expr, names: frozenset[str]) -> bool:
        return isinstance(node, ast.Name) and node.id in names and self.names.is_builtin(node.id)

    def _name(self, node: ast.Name) -> str | None:
        if (
            self._bound is not None
            and node.id not in self._bound
            and node.id not in known_effects.BUILTINS
        ):
            return None
        if node.id in _MODULE_ATTRIBUTES and node.id not in self.names.bound:
            return _MODULE_ATTRIBUTES[node.id]
        if self.names.is_builtin(node.id) and isinstance(getattr(builtins, node.id, None), type):
            return "type"
        return ANY

    def _attribute(self, node: ast.Attribute) -> str | None:
        dotted = dotted_name(node)
        return _KNOWN_ATTRIBUTES.get(self.names.expand(dotted)) if dotted else None

    def _lambda(self, node: ast.Lambda) -> str | None:
        defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        return ANY if all(self.kind(value) is not None for value in defaults) else None

    def _text(self, node: ast.JoinedStr) -> str | None:
        for part in node.values:
            if not isinstance(part, ast.FormattedValue):
                continue
            if part.format_spec or self.kind(part.value) not in SCALARS:
                return None
        return "str"

    def _sequence(self, node: ast.List | ast.Tuple | ast.Set) -> str | None:
        name = type(node).__name__.lower()
        kinds = [self._element(element) for element in node.elts]
        if None in kinds or (name == "set" and not HASHABLE.issuperset(k or ANY for k in kinds)):
            return None
        return name if SCALARS.issuperset(k or ANY for k in kinds) else f"{name}?"

    def _element(self, node: ast.expr) -> str | None:
        if not isinstance(node, ast.Starred):
            return self.kind(node)
        inner = self.kind(node.value)
        return ANY if inner in ITERABLE else None

    def _dict(self, node: ast.Dict) -> str | None:
        values = [self.kind(value) for value in node.values]
        keys = [self.kind(key) if key is not None else None for key in node.keys]
        for key, key_kind, value in zip(node.keys, keys, values, strict=True):
            is_merged = key is None and value in ("dict", "dict?")
            if value is None or not (is_merged or key_kind in HASHABLE or self._is_hashable(key)):
                return None
        return "dict" if SCALARS.issuperset(k or ANY for k in (*keys, *values)) else "dict?"

    def _is_hashable(self, node: ast.expr | None) -> bool:
        """A tuple of what is hashable, or a constant."""
        if isinstance(node, ast.Tuple):
            return all(map(self._is_hashable, node.elts))
        return node is not None and self.kind(node) in HASHABLE

    def _unary(self, node: ast.UnaryOp) -> str | None:
        inner = self.kind(node.operand)
        if isinstance(node.op, ast.Not):
            return "bool" if inner in TESTABLE else None
        if isinstance(node.op, ast.Invert):
            return "int" if inner == "int" else None
        return ("int" if inner == "bool" else inner) if inner in NUMBERS else None

    def _binary(self, node: ast.BinOp) -> str | None:
        left, right = self.kind(node.left), self.kind(node.right)
        if left is None or right is None:
            return None
        if left in NUMBERS and right in NUMBERS:
            return _of_numbers(node, left, right)
        kinds = {left, right}
        if isinstance(node.op, ast.BitOr) and kinds in ({"type"}, {"type", "none"}):
            return "type"
        container = left.rstrip("?")
        is_alike = container == right.rstrip("?")
        if is_alike and container in _JOINED_BY.get(type(node.op), ()):
            return max(left, right)  # the one that holds anything, if one does
        is_repeated = kinds in ({"str", "int"}, {"list", "int"}, {"tuple", "int"})
        if isinstance(node.op, ast.Mult) and is_repeated:
            return left if right == "int" else right
        return None

    def _boolean(self, node: ast.BoolOp) -> str | None:
        kinds = [self.kind(value) for value in node.values]
        if None in kinds or not all(kind in TESTABLE for kind in kinds[:-1]):
            return None
        return kinds[0] if len({*kinds}) == 1 else ANY

    def _compare(self, node: ast.Compare) -> str | None:
        kinds = [self.kind(value) for value in (node.left, *node.comparators)]
        if None in kinds:
            return None
        known = [kind or ANY for kind in kinds]
        are_safe = all(map(self._compares, known, node.ops, known[1:], node.comparators))
        return "bool" if are_safe else None

    def _compares(self, left: str, operator: ast.cmpop, right: str, comparator: ast.expr) -> bool:
        if isinstance(operator, ast.Is | ast.IsNot):
            return True
        if left == VERSION:
            return isinstance(comparator, ast.Tuple) and all(
                self.kind(e) == "int" for e in comparator.elts
            )
        if isinstance(operator, ast.Eq | ast.NotEq):
            return ANY not in (left, right) and "?" not in left + right
        if isinstance(operator, ast.In | ast.NotIn):
            return (left in SCALARS and right in _CONTAINERS) or left == right == "str"
        return {left, right} <= NUMBERS or left == right in ("str", "bytes")

    def _conditional(self, node: ast.IfExp) -> str | None:
        kinds = {self.kind(node.body), self.kind(node.orelse)}
        if None in kinds or not self._tests(node.test):
            return None
        return kinds.pop() if len(kinds) == 1 else ANY

    def _assignment(self, node: ast.NamedExpr) -> str | None:
        return self.kind(node.value)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> str | None:
        first = node.generators[0]
        if isinstance(node, ast.GeneratorExp):
            # The rest runs when somebody iterates.
            return ANY if self.kind(first.iter) in ITERABLE else None
        for generator in node.generators:
            is_plain = isinstance(generator.target, ast.Name) and not generator.is_async
            if (
                not is_plain
                or self.kind(generator.iter) not in ITERABLE
                or not all(map(self._tests, generator.ifs))
            ):
                return None
        return (
            "list?" if isinstance(node, ast.ListComp) and self.kind(node.elt) is not None else None
        )

    def _subscript(self, node: ast.Subscript) -> str | None:
        if self._is_builtin(node.value, _GENERIC):
            return "type" if self.kind(node.slice) is not None else None
        if self.kind(node.value) != VERSION:
            return None
        if isinstance(node.slice, ast.Slice):
            return VERSION if self._slice(node.slice) else None
        is_number = isinstance(node.slice, ast.Constant) and node.slice.value in (0, 1, 2)
        return "int" if is_number else None

    def _slice(self, node: ast.Slice) -> str | None:
        parts = [part for part in (node.lower, node.upper, node.step) if part is not None]
        return ANY if all(self.kind(part) is not None for part in parts) else None

    def _call(self, node: ast.Call) -> str | None:
        dotted = dotted_name(node.func)
        if any(keyword.arg is None for keyword in node.keywords):
            return None
        kinds = [
            self.kind(argument) for argument in (*node.args, *(k.value for k in node.keywords))
        ]
        if self.names.is_builtin(dotted):
            return self._builtin_call(dotted, node, kinds)
        allowed = (
            _KNOWN_CALLS.get(self.names.expand(dotted))
            if self.names.is_imported(dotted.split(".")[0])
            else None
        )
        return ANY if allowed is not None and allowed.issuperset(k or ANY for k in kinds) else None

    @staticmethod
    def _builtin_call(name: str, node: ast.Call, kinds: list[str | None]) -> str | None:
        kind = (
            name
            if name in ("dict", "list", "set", "tuple", "str", "int", "float", "bool", "bytes")
            else ANY
        )
        if not kinds:
            return kind if name in _MAKERS else None
        if name == "dict" and not node.args and None not in kinds:
            return "dict?"
        if len(kinds) != 1 or node.keywords:
            return None
        if name in ("list", "tuple"):
            return f"{name}?" if kinds[0] in ITERABLE else None
        if name in ("set", "frozenset") and kinds[0] in ("str", "bytes", *_CONTAINERS):
            return kind
        if name in ("str", "bool", "repr"):
            return ("str" if name == "repr" else name) if kinds[0] in SCALARS else None
        return "int" if name == "len" and kinds[0] in ITERABLE else None


_JOINED_BY: dict[type[ast.operator], tuple[str, ...]] = {
    ast.Add: ("str", "bytes", "list", "tuple"),
    ast.BitOr: ("set", "dict"),
    ast.BitAnd: ("set",),
    ast.Sub: ("set",),
}
_RULES: dict[type[ast.expr], Callable[..., str | None]] = {
    ast.Name: Fallibility._name,
    ast.Attribute: Fallibility._attribute,
    ast.Lambda: Fallibility._lambda,
    ast.JoinedStr: Fallibility._text,
    ast.List: Fallibility._sequence,
    ast.Tuple: Fallibility._sequence,
    ast.Set: Fallibility._sequence,
    ast.Dict: Fallibility._dict,
    ast.UnaryOp: Fallibility._unary,
    ast.BinOp: Fallibility._binary,
    ast.BoolOp: Fallibility._boolean,
    ast.Compare: Fallibility._compare,
    ast.IfExp: Fallibility._conditional,
    ast.NamedExpr: Fallibility._assignment,
    ast.Subscript: Fallibility._subscript,
    ast.Slice: Fallibility._slice,
    ast.Call: Fallibility._call,
    **dict.fromkeys(COMPREHENSIONS, Fallibility._comprehension),
}


def _of_numbers(node: ast.BinOp, left: str, right: str) -> str | None:
    """The kind of an operation on two numbers, None where it may raise."""
    constant = node.right.value if isinstance(node.right, ast.Constant) else None
    is_exact = {left, right} <= {"int", "bool"}
    if isinstance(node.op, ast.Add | ast.Sub | ast.Mult):
        return "int" if is_exact else "float"
    if isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod):
        return (
            ("float" if isinstance(node.op, ast.Div) or not is_exact else "int")
            if constant
            else None
        )
    if isinstance(node.op, ast.BitOr | ast.BitAnd | ast.BitXor):
        return "int" if is_exact else None
    is_power = isinstance(node.op, ast.Pow | ast.LShift | ast.RShift) and isinstance(
        node.left, ast.Constant
    )
    is_small = isinstance(constant, int) and 0 <= constant <= _LARGEST_EXPONENT
    return "int" if is_exact and is_small and is_power else None


def catches_all(node: ast.Try | ast.TryStar) -> bool:
    """Whether a `try` has a handler for every ordinary exception."""
    return _catches(node, _CATCH_ALL)


def catches_imports(node: ast.Try | ast.TryStar) -> bool:
    """Whether a `try` has a handler for imports that fail."""
    return _catches(node, _CATCH_IMPORTS)


def _catches(node: ast.Try | ast.TryStar, names: frozenset[str]) -> bool:
    types = [handler.type for handler in node.handlers]
    every = [
        part for kind in types for part in (kind.elts if isinstance(kind, ast.Tuple) else [kind])
    ]
    return any(part is None or (isinstance(part, ast.Name) and part.id in names) for part in every)
