"""Definitions: the import-time statements of a module and its classes, and the names they bind.

Flags a definition may carry:

    literal     the value is a constant or a display of a builtin container
    instance    the value is a call; `bases` holds the dotted name of what is called
    bare        only an annotation, binds nothing
    keywords    a class with keywords (a metaclass, or for __init_subclass__)
    autouse     a fixture that every test below uses
    fixture     a fixture
    star        `from module import *`
    guarded     stands in a `try` that catches something: may fail without harm
    future      the module postpones annotations
    subclasses  a class whose body defines __init_subclass__
"""

import ast
from collections.abc import Collection, Iterable, Iterator

from testmon_cli.analysis import purity
from testmon_cli.analysis.blocks import is_docstring
from testmon_cli.analysis.checksums import checksum
from testmon_cli.analysis.effects import FALLIBLE, Names, Reader, dotted_name
from testmon_cli.analysis.normalise import Text
from testmon_cli.analysis.scopes import FunctionNode, Scope, bound_names, class_scope, module_scope
from testmon_cli.analysis.trees import children
from testmon_cli.analysis.typechecking import live_statements
from testmon_cli.domain.source import Definition

_COMPOUND = (ast.If, ast.Try, ast.TryStar, ast.With, ast.For, ast.While, ast.Match)
_LITERALS = (
    ast.Constant,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.Tuple,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.JoinedStr,
)


def names_of(tree: ast.Module) -> Names:
    """What names mean at the module's level."""
    aliases: dict[str, str] = {}
    for node in _module_level(tree.body):
        if isinstance(node, ast.Import):
            for alias in node.names:
                aliases[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                joint = "" if module.endswith(".") or not module else "."
                aliases[alias.asname or alias.name] = f"{module}{joint}{alias.name}"
    bound = frozenset(name for statement in live_statements(tree.body) for name in bound_names(statement))
    return Names(aliases, bound)


def _module_level(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, _COMPOUND):
            for child in children(statement):
                if isinstance(child, ast.stmt):
                    yield from _module_level([child])
                elif isinstance(child, ast.ExceptHandler | ast.match_case):
                    yield from _module_level(child.body)


def find_definitions(tree: ast.Module, names: Names, imported: frozenset[str]) -> tuple[Definition, ...]:
    """All definitions of a module, in order, those of classes after their class; `imported`: what its imports bind."""
    return tuple(_Reader(tree, names, imported).read())


class _Reader:
    def __init__(self, tree: ast.Module, names: Names, imported: frozenset[str]) -> None:
        self.tree = tree
        self.imported = imported
        self.names = names
        self.future = any(
            isinstance(node, ast.ImportFrom)
            and node.module == "__future__"
            and any(a.name == "annotations" for a in node.names)
            for node in tree.body
        )
        self.stars = any(
            isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names)
            for node in _module_level(tree.body)
        )
        self.bound_before: set[str] = {"__name__", "__file__", "__doc__", "__path__", "__package__", "__spec__"}

    def read(self) -> Iterator[Definition]:
        yield from self.body(self.tree.body, module_scope(self.imported), "")

    def body(self, statements: list[ast.stmt], scope: Scope, owner: str) -> Iterator[Definition]:
        if statements and is_docstring(statements[0]):
            node = statements[0]
            yield Definition(
                names=("__doc__",), owner=owner, kind="statement", checksum=0, doc_checksum=checksum(ast.dump(node)),
                line=node.lineno, end_line=node.end_lineno or node.lineno, mentions=frozenset(),
                flags=frozenset({"bare"}),
            )  # fmt: skip
            statements = statements[1:]
        for statement in live_statements(statements):
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue
            for single in _split(statement):
                yield from self.definition(single, scope, owner)
            if not owner:
                self.bound_before.update(bound_names(statement))

    def definition(self, node: ast.stmt, scope: Scope, owner: str) -> Iterator[Definition]:
        text = Text()
        flags: set[str] = {"future"} if self.future else set()
        bases: tuple[str, ...] = ()
        decorators: tuple[str, ...] = ()
        doc = hints = ""
        kind = "statement"
        effects = Reader(self.names)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            kind = "function"
            text._function(node, scope)
            text.mentions.discard(node.name)
            decorators = _decorators(node.decorator_list, self.names)
            flags |= _fixture_flags(node)
            doc, hints = _doc(node), _hints(node)
            effects.statement(node)
        elif isinstance(node, ast.ClassDef):
            kind = "class"
            text.class_header(node, scope)
            decorators = _decorators(node.decorator_list, self.names)
            bases = tuple(self.names.expand(name) if (name := dotted_name(_generic(b))) else "?" for b in node.bases)
            if node.keywords:
                flags.add("keywords")
            effects.decorators(node)
            for base in (*map(_generic, node.bases), *(k.value for k in node.keywords)):
                effects.expression(base)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            kind = "import"
            text.add(node, scope)
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                flags.add("star")
                text.mentions.discard("*")
        else:
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
                kind = "assign"
                bases = self._value(node, flags)
                if isinstance(node, ast.AnnAssign):
                    hints = ast.dump(node.annotation)
            if isinstance(node, ast.Try | ast.TryStar) and node.handlers:
                flags.add("guarded")
            text.add(node, scope)
            effects.statement(node)
        late = sorted(
            name for name in text.mentions
            if name in self.names.bound and name not in self.bound_before and not owner
        )  # fmt: skip
        effects.found |= self._may_be_unbound(text.mentions, scope.bound if owner else set(bound_names(node)))
        names = tuple(bound_names(node)) if kind != "import" else tuple(_imported_names(node))
        if kind == "assign" and isinstance(node, ast.AnnAssign) and node.value is None:
            flags.add("bare")
        yield Definition(
            names=names,
            owner=owner,
            kind=kind,
            checksum=checksum(owner, str(text), *late),
            doc_checksum=checksum(doc) if doc else 0,
            line=_line(node),
            end_line=node.end_lineno or node.lineno,
            mentions=frozenset(text.mentions),
            effects=tuple(sorted(effects.found)),
            bases=bases,
            decorators=decorators,
            flags=frozenset(flags),
            hint_checksum=checksum(hints) if hints else 0,
        )
        if isinstance(node, ast.ClassDef):
            inner = f"{owner}.{node.name}" if owner else node.name
            yield from self.body(node.body, class_scope(node, scope), inner)

    def _may_be_unbound(self, mentions: Iterable[str], own: Collection[str]) -> set[str]:
        """The effect of using a name that nothing before binds: it fails."""
        if self.stars:
            return set()
        bound = self.bound_before
        unbound = (m for m in mentions if m.isidentifier() and m not in bound and m not in own)
        return {FALLIBLE} if any(name not in purity.BUILTINS for name in unbound) else set()

    def _value(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, flags: set[str]) -> tuple[str, ...]:
        value = node.value
        if isinstance(value, _LITERALS):
            flags.add("literal")
        elif isinstance(value, ast.Call) and (dotted := dotted_name(value.func)):
            flags.add("instance")
            return (self.names.expand(dotted),)
        return ()


def _split(node: ast.stmt) -> list[ast.stmt]:
    """An import of several names as so many imports: each name is a definition of its own."""
    if isinstance(node, ast.Import | ast.ImportFrom) and len(node.names) > 1:
        singles: list[ast.stmt] = []
        for alias in node.names:
            single = (
                ast.Import([alias])
                if isinstance(node, ast.Import)
                else ast.ImportFrom(node.module, [alias], node.level)
            )
            singles.append(ast.copy_location(single, node))
        return singles
    return [node]


def _imported_names(node: ast.stmt) -> Iterator[str]:
    for alias in getattr(node, "names", ()):
        if alias.name != "*":
            yield alias.asname or alias.name.partition(".")[0]


def _line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", None)
    return min([node.lineno, *(d.lineno for d in decorators)]) if decorators else node.lineno


def _generic(base: ast.expr) -> ast.expr:
    """`Generic[T]` is a kind of `Generic`."""
    return base.value if isinstance(base, ast.Subscript) else base


def _decorators(decorators: list[ast.expr], names: Names) -> tuple[str, ...]:
    found = []
    for decorator in decorators:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        dotted = dotted_name(function)
        found.append(names.expand(dotted) if dotted else "?")
    return tuple(found)


def _fixture_flags(node: FunctionNode) -> set[str]:
    flags = set()
    for decorator in node.decorator_list:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        if dotted_name(function).rpartition(".")[2] in ("fixture", "yield_fixture"):
            flags.add("fixture")
            for keyword in getattr(decorator, "keywords", ()):
                if keyword.arg == "autouse" and not (
                    isinstance(keyword.value, ast.Constant) and not keyword.value.value
                ):
                    flags.add("autouse")
    return flags


def _doc(node: FunctionNode) -> str:
    return repr(ast.get_docstring(node, clean=False)) if is_docstring(node.body[0]) else ""


def _hints(node: FunctionNode) -> str:
    """Annotations of a function."""
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    annotations = [ast.dump(a.annotation) if a is not None and a.annotation is not None else "" for a in every]
    annotations.append(ast.dump(node.returns) if node.returns is not None else "")
    return "\0".join(annotations) if any(annotations) else ""
