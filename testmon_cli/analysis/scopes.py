"""Which scope a name belongs to, as Python's own symbol table would say.

`symtable` answers the same question but cannot be matched to syntax nodes without their positions,
so the rules of the language reference (4.2.2, "Resolution of names") are applied to the tree
itself.
"""

import ast
import sys
from collections.abc import Iterable, Iterator

from testmon_cli.analysis.ast_walk import children, walk

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

# Decorators under which a function gets the object or the class that it is asked of.
_METHODS = frozenset({
    "abstractmethod", "cached_property", "classmethod", "contextmanager", "final", "override", "property", "setter",
    "deleter", "getter", "asynccontextmanager",
})  # fmt: skip

LOCAL = "l"
FREE = "f"
GLOBAL = "g"
CLASS = "c"


class Scope:
    """One scope: the names it binds and where it stands.

    `kind` is module, function, class or comprehension.
    """

    __slots__ = (
        "bound",
        "evaluates_annotations",
        "globals",
        "imported",
        "imports",
        "kind",
        "nonlocals",
        "own",
        "parent",
        "shadowed",
    )

    def __init__(self, kind: str, parent: "Scope | None") -> None:
        self.kind = kind
        self.parent = parent
        self.imported: frozenset[str] = parent.imported if parent is not None else frozenset()
        self.evaluates_annotations: bool = (
            parent.evaluates_annotations if parent is not None else False
        )
        self.shadowed: frozenset[str] = parent.shadowed if parent is not None else frozenset()
        self.bound: set[str] = set()
        self.imports: set[str] = set()  # those of `bound` that an import statement binds
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        # Of a method of a class outside functions: the parameter for its own object, like `self`.
        self.own = ""

    def is_own_object(self, node: ast.expr) -> bool:
        """Whether an expression is the object, or class, of the method that this scope is in."""
        if isinstance(node, ast.Call):
            is_super = (
                isinstance(node.func, ast.Name)
                and node.func.id == "super"
                and self.is_builtin("super")
            )
            return is_super and not node.args and self._method() is not None
        method = self._method() if isinstance(node, ast.Name) else None
        if method is None or node.id != method.own:  # type: ignore[attr-defined] # the node is a name, see above
            return False
        scope: Scope = self
        while scope is not method:
            if scope.kind == "class" or node.id in scope.bound or node.id in scope.globals:  # type: ignore[attr-defined]
                return False
            scope = scope.parent  # type: ignore[assignment] # the method is around it
        return True

    def _method(self) -> "Scope | None":
        scope: Scope | None = self
        while scope is not None and not scope.own:
            scope = scope.parent
        return scope

    def resolve(self, name: str) -> str:
        """Where `name`, used in this scope, is looked up: LOCAL, FREE, CLASS or GLOBAL."""
        if self.kind == "module" or name in self.globals:
            return GLOBAL
        if name in self.nonlocals:
            return FREE
        if name in self.bound:
            return CLASS if self.kind == "class" else LOCAL
        scope = self.parent
        while scope is not None and scope.kind != "module":
            if scope.kind != "class":
                if name in scope.globals:
                    return GLOBAL
                if name in scope.bound or name in scope.nonlocals:
                    return FREE
            scope = scope.parent
        return GLOBAL

    def is_builtin(self, name: str) -> bool:
        """Whether a builtin's name, used in this scope, means the builtin."""
        return (
            self.resolve(name) == GLOBAL and name not in self.imported and name not in self.shadowed
        )

    def is_in_function(self) -> bool:
        """Whether code of this scope runs when a function does."""
        scope: Scope | None = self
        while scope is not None and scope.kind != "function":
            scope = scope.parent
        return scope is not None

    def is_imported(self, name: str) -> bool:
        """Whether `name`, used in this scope, may be what an import bound."""
        if name not in self.imported:
            return False
        scope: Scope | None = self
        while scope is not None and scope.kind != "module":
            if name in scope.globals:
                return True
            if name in scope.bound and (scope.kind != "class" or scope is self):
                return name in scope.imports
            scope = scope.parent
        return True


def module_scope(
    imported: frozenset[str] = frozenset(),
    *,
    evaluates_annotations: bool = False,
    shadowed: frozenset[str] = frozenset(),
) -> Scope:
    """The scope of a module: every name in it is a global.

    `imported` are the names that its imports bind, anywhere, `shadowed` the names of builtins that
    it binds itself; annotations of functions and classes are evaluated where they stand, or when
    somebody asks.
    """
    scope = Scope("module", None)
    scope.imported = imported
    scope.evaluates_annotations = evaluates_annotations
    scope.shadowed = shadowed
    return scope


def evaluates_annotations(tree: ast.Module) -> bool:
    """Whether annotations of functions and classes are evaluated where they stand.

    Before Python 3.14 most were.
    """
    if sys.version_info >= (3, 14):
        return False
    futures = (
        node
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    )
    return not any(alias.name == "annotations" for node in futures for alias in node.names)


def annotations_of(node: FunctionNode) -> Iterator[ast.expr | None]:
    """The annotation of each parameter of a function, then of its result.

    None where there is none.
    """
    arguments = node.args
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    yield from (argument.annotation if argument is not None else None for argument in every)
    yield node.returns


def parameters(arguments: ast.arguments) -> list[str]:
    """The names of all parameters."""
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [
        argument.arg
        for argument in (*plain, arguments.vararg, arguments.kwarg)
        if argument is not None
    ]


def function_scope(node: FunctionNode | ast.Lambda, parent: Scope) -> Scope:
    """The scope of a function's or lambda's body."""
    scope = Scope("function", parent)
    _bind_type_parameters(node, scope)
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    for statement in body:
        _bind(statement, scope)
    scope.own = _own_object(node, scope)
    scope.bound.update(parameters(node.args))
    scope.bound -= scope.globals | scope.nonlocals
    return scope


def _own_object(node: FunctionNode | ast.Lambda, scope: Scope) -> str:
    """The first parameter of a method, if it never gets another value.

    Only of methods of classes that stand in no function.
    """
    first = [*node.args.posonlyargs, *node.args.args][:1]
    around = scope.parent
    if isinstance(node, ast.Lambda) or not first or around is None or around.kind != "class":
        return ""
    if around.is_in_function() or any(
        not isinstance(d, ast.Name | ast.Attribute) for d in node.decorator_list
    ):
        return ""
    if any(_last_name(decorator) not in _METHODS for decorator in node.decorator_list):
        return ""
    name = first[0].arg
    rebound = name in scope.bound or any(
        isinstance(n, ast.Nonlocal) and name in n.names for n in walk(node)
    )
    return "" if rebound else name


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def class_scope(node: ast.ClassDef, parent: Scope) -> Scope:
    """The scope of a class body."""
    scope = Scope("class", parent)
    _bind_type_parameters(node, scope)
    for statement in node.body:
        _bind(statement, scope)
    scope.bound -= scope.globals | scope.nonlocals
    return scope


def comprehension_scope(node: ast.AST, parent: Scope) -> Scope:
    """The scope of a comprehension: its targets.

    Its first iterable belongs to the parent, which makes no difference by name.
    """
    scope = Scope("comprehension", parent)
    for generator in node.generators:  # type: ignore[attr-defined]
        for name in bound_names(generator.target):
            scope.bound.add(name)
    return scope


def bound_names(target: ast.AST) -> Iterator[str]:
    """Names that an assignment target, statement or pattern binds in its own scope."""
    scope = Scope("function", None)
    _bind(target, scope)
    yield from sorted(scope.bound)


def _bind_type_parameters(node: ast.AST, scope: Scope) -> None:
    for parameter in getattr(node, "type_params", ()):
        scope.bound.add(parameter.name)


def _bind(node: ast.AST, scope: Scope) -> None:
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, ast.Name):
            if not isinstance(current.ctx, ast.Load):
                scope.bound.add(current.id)
        elif isinstance(current, ast.expr):
            stack += _expression(current, scope)
        else:
            stack += _statement(current, scope)


def _expression(node: ast.expr, scope: Scope) -> Iterable[ast.AST]:
    """The nodes below an expression that belong to the same scope."""
    if isinstance(node, ast.Lambda):
        return (*node.args.defaults, *filter(None, node.args.kw_defaults))
    if isinstance(node, COMPREHENSIONS):
        # An assignment expression in a comprehension binds in the scope around it.
        scope.bound.update(
            child.target.id for child in walk(node) if isinstance(child, ast.NamedExpr)
        )
        return ()
    return children(node)


def _statement(node: ast.AST, scope: Scope) -> Iterable[ast.AST]:
    """Note what a statement, handler or pattern binds by a name that is no node.

    What to go on with.
    """
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        scope.bound.add(node.name)
        return _evaluated_outside(node)
    if isinstance(node, ast.Global):
        scope.globals.update(node.names)
    elif isinstance(node, ast.Nonlocal):
        scope.nonlocals.update(node.names)
    elif isinstance(node, ast.Import | ast.ImportFrom):
        names = [
            alias.asname or alias.name.partition(".")[0]
            for alias in node.names
            if alias.name != "*"
        ]
        scope.bound.update(names)
        scope.imports.update(names)
    elif isinstance(node, ast.ExceptHandler | ast.MatchStar | ast.MatchAs) and node.name:
        scope.bound.add(node.name)
    elif isinstance(node, ast.MatchMapping) and node.rest:
        scope.bound.add(node.rest)
    return children(node)


def _evaluated_outside(node: FunctionNode | ast.ClassDef) -> Iterator[ast.AST]:
    yield from node.decorator_list
    if isinstance(node, ast.ClassDef):
        yield from node.bases
        yield from node.keywords
    else:
        yield from node.args.defaults
        yield from filter(None, node.args.kw_defaults)
