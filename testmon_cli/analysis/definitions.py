"""Definitions: the import-time statements of a module and its classes, and the names they bind.

Flags a definition may carry:

    literal     the value is a constant or a display of a builtin container
    constant    the value is a constant
    instance    the value is a call; `bases` holds the dotted name of what is called
    bare        only an annotation, binds nothing
    keywords    a class with keywords (a metaclass, or for __init_subclass__)
    metaclass   with a dotted name after it: a class that has this metaclass and no other keywords
    autouse     a fixture that every test below uses
    fixture     a fixture
    star        `from module import *`
    guarded     a `try` that catches imports that fail
    caught      a `try` that catches whatever fails
    evaluated   its annotations are evaluated where they stand
    deferred    an import that runs where its name is first used, see `Import.deferred`;
                it is guarded and caught, too
"""

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from testmon_cli.analysis.ast_walk import children, walk
from testmon_cli.analysis.blocks import is_docstring
from testmon_cli.analysis.checksums import checksum
from testmon_cli.analysis.constant_conditions import live_statements
from testmon_cli.analysis.dotted_names import Names, dotted_name
from testmon_cli.analysis.effects import FALLIBLE, Reader
from testmon_cli.analysis.fallibility import Fallibility, catches_all, catches_imports
from testmon_cli.analysis.normalise import Text
from testmon_cli.analysis.scopes import (
    FunctionNode,
    Scope,
    annotations_of,
    bound_names,
    class_scope,
    evaluates_annotations,
    module_scope,
)
from testmon_cli.domain.source import METACLASS, Definition

_COMPOUND = (ast.If, ast.Try, ast.TryStar, ast.With, ast.For, ast.While, ast.Match)
_PRIVATE = re.compile(r"_[^\W_]\w*?(__\w*[^\W_]_?)\Z")
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
    """Resolve names at the module's level: import aliases and what the module binds."""
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
    bindings = Counter(
        name for statement in live_statements(tree.body) for name in bound_names(statement)
    )
    classes = frozenset(
        n.name
        for n in tree.body
        if isinstance(n, ast.ClassDef) and _is_plain(n) and bindings[n.name] == 1
    )
    return Names(aliases, frozenset(bindings), classes)


def _is_plain(node: ast.ClassDef) -> bool:
    """Whether each call of a class, as long as nobody changes it, makes another object."""
    has_bases = any(not isinstance(base, ast.Name) or base.id != "object" for base in node.bases)
    return not (
        has_bases
        or node.keywords
        or node.decorator_list
        or any("__new__" in bound_names(statement) for statement in node.body)
    )


def _module_level(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, _COMPOUND):
            yield from _module_level(_nested(statement))


def find_definitions(
    tree: ast.Module, names: Names, imported: frozenset[str]
) -> tuple[Definition, ...]:
    """All definitions of a module, in order, those of classes after their class.

    `imported`: what its imports bind.
    """
    return tuple(_Reader(tree, names, imported).read())


class _Facts:
    """Properties of one statement, gathered while it is read."""

    __slots__ = ("bases", "decorators", "doc", "effects", "flags", "kind", "text")

    def __init__(self, names: Names) -> None:
        self.kind = "statement"
        self.text = Text()
        self.effects = Reader(names)
        self.flags: set[str] = set()
        self.bases: tuple[str, ...] = ()
        self.decorators: tuple[str, ...] = ()
        self.doc = ""


class _Reader:
    def __init__(self, tree: ast.Module, names: Names, imported: frozenset[str]) -> None:
        self.tree = tree
        self.imported = imported
        self.names = names
        self.evaluates_annotations = evaluates_annotations(tree)
        self.fallibility = Fallibility(names, evaluates_annotations=self.evaluates_annotations)
        self.stars = any(
            isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names)
            for node in _module_level(tree.body)
        )
        self.bound_before: set[str] = {
            "__name__",
            "__file__",
            "__doc__",
            "__path__",
            "__package__",
            "__spec__",
        }

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
        before = {"__module__", "__qualname__"} if owner else self.bound_before
        for statement in live_statements(statements):
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue
            for single in _split(statement):
                yield from self.definition(single, scope, owner, before)
            before.update(bound_names(statement))

    def definition(
        self, node: ast.stmt, scope: Scope, owner: str, before: set[str]
    ) -> Iterator[Definition]:
        """The definition that a statement is, then those in it.

        `before`: names that its own scope has bound so far.
        """
        facts = _Facts(self.names)
        self._read_kind(node, scope, facts)
        text, flags = facts.text, facts.flags
        own = scope.bound if owner else self.names.bound
        late = sorted(name for name in text.mentions if name in own and name not in before)
        annotations = list(_annotations(node))
        hint_mentions = _hint_mentions(filter(None, annotations), scope)
        if hint_mentions and self.evaluates_annotations:
            flags.add("evaluated")
        if self.fallibility.may_raise(node, None if self.stars else self.bound_before | before):
            facts.effects.found.add(FALLIBLE)
        names = tuple(bound_names(node)) if facts.kind != "import" else tuple(_imported_names(node))
        if owner:
            names += tuple(other for name in names if (other := _in_other_words(name, owner)))
        yield Definition(
            names=names,
            owner=owner,
            kind=facts.kind,
            checksum=checksum(owner, str(text), *late),
            doc_checksum=checksum(facts.doc) if facts.doc else 0,
            line=_line(node),
            end_line=node.end_lineno or node.lineno,
            mentions=text.mentioned,
            effects=tuple(sorted(facts.effects.found)),
            bases=facts.bases,
            decorators=facts.decorators,
            flags=frozenset(flags),
            hint_checksum=self._hint_checksum(annotations),
            hint_mentions=hint_mentions,
        )
        if isinstance(node, ast.ClassDef):
            inner = f"{owner}.{node.name}" if owner else node.name
            yield from self.body(node.body, class_scope(node, scope), inner)

    def _hint_checksum(self, annotations: Sequence[ast.expr | None]) -> int:
        """What tells annotations from others.

        Those that are evaluated differ from the same as texts.
        """
        if not any(annotations):
            return 0
        way = "evaluated" if self.evaluates_annotations else ""
        return checksum(
            way, *(ast.dump(annotation) if annotation else "" for annotation in annotations)
        )

    def _read_kind(self, node: ast.stmt, scope: Scope, facts: "_Facts") -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._read_function(node, scope, facts)
        elif isinstance(node, ast.ClassDef):
            self._read_class(node, scope, facts)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            facts.kind = "import"
            facts.text.add(node, scope)
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                facts.flags.add("star")
                facts.text.mentions.discard("*")
        else:
            self._read_other(node, scope, facts)

    def _read_function(self, node: FunctionNode, scope: Scope, facts: "_Facts") -> None:
        facts.kind = "function"
        facts.text._function(node, scope)
        facts.text.mentions.discard(node.name)
        facts.decorators = _decorators(node.decorator_list, self.names)
        facts.flags |= _fixture_flags(node)
        if any(map(_is_shared_default, (*node.args.defaults, *node.args.kw_defaults))):
            facts.flags.add("shares")
        facts.doc = _doc(node)
        facts.effects.statement(node)

    def _read_class(self, node: ast.ClassDef, scope: Scope, facts: "_Facts") -> None:
        facts.kind = "class"
        facts.text.class_header(node, scope)
        facts.decorators = _decorators(node.decorator_list, self.names)
        bases = [dotted_name(_generic(base)) for base in node.bases]
        facts.bases = tuple(self.names.expand(name) if name else "?" for name in bases)
        if node.keywords:
            facts.flags.add("keywords")
            metaclass = self._metaclass(node)
            facts.flags |= {METACLASS + metaclass} if metaclass else set()
        facts.effects.decorators(node)
        for base in (*map(_generic, node.bases), *(k.value for k in node.keywords)):
            facts.effects.expression(base)

    def _metaclass(self, node: ast.ClassDef) -> str:
        """The dotted name of the metaclass, if a class has one and no other keywords; else ""."""
        if len(node.keywords) != 1 or node.keywords[0].arg != "metaclass":
            return ""
        name = dotted_name(node.keywords[0].value)
        return self.names.expand(name) if name else ""

    def _read_other(self, node: ast.stmt, scope: Scope, facts: "_Facts") -> None:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            facts.kind = "assign"
            facts.bases = self._value(node, facts.flags)
        if isinstance(node, ast.AnnAssign) and node.value is None:
            facts.flags.add("bare")
        if isinstance(node, ast.Try | ast.TryStar):
            facts.flags |= {"guarded"} if catches_imports(node) else set()
            facts.flags |= {"caught"} if catches_all(node) else set()
        facts.text.add(node, scope)
        facts.effects.statement(node)

    def _value(
        self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, flags: set[str]
    ) -> tuple[str, ...]:
        value = node.value
        if isinstance(value, _LITERALS):
            flags |= {"literal", "constant"} if isinstance(value, ast.Constant) else {"literal"}
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
            vars(single)["is_lazy"] = getattr(node, "is_lazy", 0)  # of Python 3.15
            singles.append(ast.copy_location(single, node))
        return singles
    return [node]


def _in_other_words(name: str, owner: str) -> str:
    """How others spell a private member; "" if it is none.

    `__size` of a class `Box` is `_Box__size` to those outside.
    """
    if name.startswith("__"):
        outside = owner.rpartition(".")[2].lstrip("_")
        return f"_{outside}{name}" if outside and not name.endswith("__") else ""
    private = _PRIVATE.match(name)
    return private[1] if private else ""


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


def _is_shared_default(node: ast.expr | None) -> bool:
    """Whether a default is an object of its own, which all calls share and which may change."""
    return not isinstance(
        node, ast.Constant | ast.Name | ast.Attribute | ast.UnaryOp | ast.Lambda | None
    )


def _fixture_flags(node: FunctionNode) -> set[str]:
    flags = set()
    for decorator in node.decorator_list:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        if dotted_name(function).rpartition(".")[2] not in ("fixture", "yield_fixture"):
            continue
        flags.add("fixture")
        for keyword in getattr(decorator, "keywords", ()):
            is_false = isinstance(keyword.value, ast.Constant) and not keyword.value.value
            if keyword.arg == "autouse" and not is_false:
                flags.add("autouse")
    return flags


def _doc(node: FunctionNode) -> str:
    return repr(ast.get_docstring(node, clean=False)) if is_docstring(node.body[0]) else ""


def _annotations(node: ast.stmt) -> Iterator[ast.expr | None]:
    """Annotations of a statement and of those in it that run with it.

    None for a parameter or result without one. Members of a class at module or class level have
    definitions of their own.
    """
    if isinstance(node, ast.AnnAssign):
        yield node.annotation
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from annotations_of(node)
    elif isinstance(node, _COMPOUND):
        for child in _nested(node):
            yield from _annotations(child)
            if isinstance(child, ast.ClassDef):
                yield from (a for member in child.body for a in _annotations(member))


def _nested(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements right in the arms of a compound statement."""
    for child in children(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from child.body


def _hint_mentions(annotations: Iterable[ast.expr], scope: Scope) -> frozenset[str]:
    """Names that annotations mention, also those in strings: somebody may evaluate them."""
    text = Text()
    for annotation in annotations:
        text.add(annotation, scope)
        for child in walk(annotation):
            if isinstance(child, ast.Constant) and isinstance(child.value, str):
                text.add(_parsed(child.value), scope)
    return text.mentioned


def _parsed(annotation: str) -> ast.expr | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in a text that is no code
            return ast.parse(annotation, mode="eval").body
    except (SyntaxError, ValueError, MemoryError):
        return None  # a text, like a value of `Literal`
