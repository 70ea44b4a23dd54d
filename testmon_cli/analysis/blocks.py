"""Blocks: the statements of a function that run one after the other.

A function body is read as one list of steps, into which the bodies of `with`, `try` and `class`
statements are folded, since control enters them with the statement itself. A block begins at a
function's entry, at every arm (the body and `else` of a condition or loop, `except`, `finally`,
`case`), and after a step that control can leave early or come back to: one that contains `return`,
`raise`, `break`, `continue`, `yield` or `await`.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from testmon_cli.analysis.ast_walk import EMPTY, children
from testmon_cli.analysis.checksums import checksum
from testmon_cli.analysis.imports import imported_names
from testmon_cli.analysis.known_effects import BUILTINS
from testmon_cli.analysis.normalise import Text
from testmon_cli.analysis.scopes import (
    FunctionNode,
    Scope,
    bound_names,
    class_scope,
    evaluates_annotations,
    function_scope,
    module_scope,
)
from testmon_cli.domain.source import Block

_LEAVING = frozenset({
    ast.Return, ast.Raise, ast.Break, ast.Continue, ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith,
})  # fmt: skip
_STAYING = EMPTY - _LEAVING
_SCOPES = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef})
_TRY = (ast.Try, ast.TryStar)
_WITH = (ast.With, ast.AsyncWith)


@dataclass(slots=True)
class RawBlock:
    """A block while it is being read.

    `body[start]` is its first statement (or the end of `body` if it has none).
    """

    qualname: str
    identity: str
    body: list[ast.stmt]
    start: int
    parent: int
    text: Text
    lines: list[tuple[int, int]] = field(default_factory=list)
    line: int = 0
    empty: bool = True  # no statement yet: only marks of folded bodies that ended
    last: bool = False


def find_blocks(
    tree: ast.Module,
    imported: frozenset[str] | None = None,
    scopes: dict[ast.AST, Scope] | None = None,
) -> list[RawBlock]:
    """All blocks of a module's functions, in the order of `SourceModel.blocks`.

    `imported`: what its imports bind. The scopes of functions and classes, which take long to find,
    are put into `scopes`.
    """
    reader = _Reader(Text, scopes)
    reader.statements(tree.body, "", _scope_of(tree, imported))
    return reader.blocks


def _scope_of(tree: ast.Module, imported: frozenset[str] | None) -> Scope:
    names = imported_names(tree) if imported is None else imported
    shadowed = BUILTINS.intersection(bound_names(tree))
    return module_scope(names, evaluates_annotations=evaluates_annotations(tree), shadowed=shadowed)


def find_places(tree: ast.Module) -> list[RawBlock]:
    """Find the places of the blocks that `find_blocks` would give, without making their texts."""
    reader = _Reader(_Silent)
    reader.statements(tree.body, "", module_scope())
    return reader.blocks


def blocks_of(raw: list[RawBlock]) -> tuple[Block, ...]:
    """The blocks as values."""
    return tuple(
        Block(
            checksum=checksum(block.identity, str(block.text), "last" if block.last else ""),
            qualname=block.qualname,
            line=block.line,
            lines=tuple(block.lines),
            parent=block.parent,
            mentions=block.text.mentioned,
        )
        for block in raw
    )


def leaves_early(node: ast.AST) -> bool:
    """Whether control can leave `node` before its end, or leave and come back."""
    stack = [node]
    while stack:
        current = stack.pop()
        kind = type(current)
        if kind in _LEAVING:
            return True
        if kind in _SCOPES:
            if isinstance(current, ast.ClassDef):
                stack.extend(current.body)
            continue
        if isinstance(current, ast.comprehension) and current.is_async:
            return True
        stack += [child for child in children(current) if type(child) not in _STAYING]
    return False


def function_kind(node: FunctionNode) -> str:
    """plain, generator, coroutine or async generator: what a call gives, whatever runs."""
    yields = any(isinstance(child, ast.Yield | ast.YieldFrom) for child in _own_nodes(node))
    if isinstance(node, ast.AsyncFunctionDef):
        return "async generator" if yields else "coroutine"
    return "generator" if yields else "plain"


def _own_nodes(node: FunctionNode) -> Iterator[ast.AST]:
    stack: list[ast.AST] = list(node.body)
    while stack:
        current = stack.pop()
        yield current
        if type(current) not in _SCOPES:
            stack += [child for child in children(current) if type(child) not in EMPTY]


def is_docstring(statement: ast.stmt) -> bool:
    """Whether a statement, first in its body, would be the docstring."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _runs_nothing(statement: ast.stmt, scope: Scope) -> bool:
    """Whether no code is made of a statement.

    It only says where a name belongs, which shows at each use.
    """
    if isinstance(statement, ast.AnnAssign):
        return (
            statement.value is None
            and isinstance(statement.target, ast.Name)
            and scope.kind == "function"
        )
    return isinstance(statement, ast.Global | ast.Nonlocal)


class _Silent(Text):
    """The text of blocks that nobody compares."""

    __slots__ = ()

    def add(self, node: object, scope: Scope) -> None:
        pass

    def class_header(self, node: ast.ClassDef, scope: Scope) -> None:
        pass

    def signature(self, arguments: ast.arguments) -> None:
        pass


class _Reader:
    """Reads functions one after the other; what is nested in a function follows it."""

    def __init__(self, text: type[Text], scopes: dict[ast.AST, Scope] | None = None) -> None:
        self.blocks: list[RawBlock] = []
        self.text = text
        self.scopes = {} if scopes is None else scopes
        self.alike: Counter[tuple[str, str]] = Counter()  # by qualified name and decorators

    def scope(self, node: FunctionNode | ast.ClassDef, around: Scope) -> Scope:
        """The scope of a function or class, as far as texts need it."""
        if self.text is _Silent:
            return Scope("class" if isinstance(node, ast.ClassDef) else "function", around)
        scope = (
            class_scope(node, around)
            if isinstance(node, ast.ClassDef)
            else function_scope(node, around)
        )
        self.scopes[node] = scope
        return scope

    def statements(self, body: list[ast.stmt], prefix: str, scope: Scope) -> None:
        """Functions among statements of a module's level, of class bodies, and of arms of these."""
        for statement in body:
            self.nested(statement, prefix, scope)

    def nested(self, node: ast.AST, prefix: str, scope: Scope) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.function(node, prefix, scope)
        elif isinstance(node, ast.ClassDef):
            self.statements(node.body, f"{prefix}{node.name}.", self.scope(node, scope))
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            for child in children(node):
                if not isinstance(child, ast.expr):
                    self.nested(child, prefix, scope)

    def function(self, node: FunctionNode, prefix: str, scope: Scope) -> None:
        qualname = prefix + node.name
        inner = self.scope(node, scope)
        start = 1 if is_docstring(node.body[0]) else 0
        sequence = _Sequence(self, qualname, self.ordinal(node, qualname), inner, parent=-1)
        first = sequence.begin(node.body, start)
        first.text.parts.append(function_kind(node))
        first.text.signature(node.args)
        first.line = node.lineno
        first.empty = False
        if all(_runs_nothing(statement, inner) for statement in node.body[start:]):
            # All that is executed is the `return` that Python adds, on the line where the function
            # begins.
            first.lines += [(first_line(node), first_line(node)), _line_range(node.body[0])]
        sequence.read(node.body, start, inner)
        sequence.end()
        for statement in node.body:
            self.nested(statement, f"{qualname}.<locals>.", inner)

    def ordinal(self, node: FunctionNode, qualname: str) -> str:
        """What tells a function from those of its name above it, of which it takes the place."""
        if self.text is _Silent:
            return ""
        decorators = " ".join(map(ast.dump, node.decorator_list))
        self.alike[qualname, decorators] += 1
        count = self.alike[qualname, decorators]
        return f"{count}:" if count > 1 else ""


class _Sequence:
    """One list of steps: a function body or an arm, with the bodies folded into it."""

    def __init__(
        self, reader: _Reader, qualname: str, path: str, scope: Scope, parent: int
    ) -> None:
        self.reader = reader
        self.qualname = qualname
        self.path = path
        self.scope = scope
        self.parent = parent
        self.count = 0
        self.current = -1  # index of the current block
        self.pending: list[str] = []  # marks that belong to a block that has not begun
        self.split = False

    def begin(self, body: list[ast.stmt], start: int) -> RawBlock:
        identity = f"{self.qualname}|{self.path}|{self.count}"
        self.count += 1
        block = RawBlock(self.qualname, identity, body, start, self.parent, self.reader.text())
        block.text.parts += self.pending
        self.pending = []
        self.split = False
        self.reader.blocks.append(block)
        self.current = self.parent = len(self.reader.blocks) - 1
        return block

    def end(self) -> None:
        if self.current >= 0:
            block = self.reader.blocks[self.current]
            block.text.parts += self.pending
            block.last = True

    def mark(self, text: str) -> None:
        if self.split or self.current < 0:
            self.pending.append(text)
        else:
            self.reader.blocks[self.current].text.parts.append(text)

    def block_for(self, body: list[ast.stmt], position: int) -> RawBlock:
        if self.split or self.current < 0:
            self.begin(body, position)
        return self.reader.blocks[self.current]

    def read(self, body: list[ast.stmt], start: int, scope: Scope) -> None:
        for position in range(start, len(body)):
            begins = self.split or self.current < 0
            # No tracer would see where it begins.
            if not (begins and _runs_nothing(body[position], scope)):
                self.step(body, position, scope)

    def step(self, body: list[ast.stmt], position: int, scope: Scope) -> None:
        statement = body[position]
        block = self.block_for(body, position)
        if block.empty:
            block.empty = False
            block.line = first_line(statement)
        block.lines.append(_header_range(statement))
        if isinstance(statement, _WITH):
            block.text.parts.append(type(statement).__name__)
            block.text.add(statement.items, scope)
            if isinstance(statement, ast.AsyncWith):
                self.split = True
            self.read(statement.body, 0, scope)
            self.mark("end")
        elif isinstance(statement, _TRY):
            self.try_statement(statement, block, scope)
        elif isinstance(statement, ast.ClassDef):
            block.text.class_header(statement, scope)
            self.read(statement.body, 0, self.reader.scope(statement, scope))
            self.mark("end")
        elif isinstance(statement, ast.If):
            block.text.parts.append("if")
            block.text.add(statement.test, scope)
            self.arms(statement, scope, [("then", statement.body), ("else", statement.orelse)])
        elif isinstance(statement, ast.While):
            block.text.parts.append("while")
            block.text.add(statement.test, scope)
            self.arms(statement, scope, [("loop", statement.body), ("else", statement.orelse)])
        elif isinstance(statement, ast.For | ast.AsyncFor):
            block.text.parts.append(type(statement).__name__)
            block.text.add(statement.target, scope)
            block.text.add(statement.iter, scope)
            self.arms(statement, scope, [("loop", statement.body), ("else", statement.orelse)])
        elif isinstance(statement, ast.Match):
            block.text.parts.append("match")
            block.text.add(statement.subject, scope)
            for case in statement.cases:
                block.text.add(case.pattern, scope)
                block.text.add(case.guard, scope)
                last = case.guard or case.pattern
                block.lines.append((case.pattern.lineno, last.end_lineno or last.lineno))
            self.arms(
                statement,
                scope,
                [(f"case{n}", case.body) for n, case in enumerate(statement.cases)],
            )
        else:
            block.text.add(statement, scope)
        if leaves_early(statement):
            self.split = True

    def try_statement(
        self, statement: ast.Try | ast.TryStar, block: RawBlock, scope: Scope
    ) -> None:
        block.text.parts.append(type(statement).__name__)
        for handler in statement.handlers:
            block.text.parts.append(f"except {handler.name}")
            block.text.add(handler.type, scope)
            last = handler.type or handler
            block.lines.append(
                (handler.lineno, (last.end_lineno if handler.type else None) or handler.lineno)
            )
        home = self.current
        arms = [(f"except{n}", handler.body) for n, handler in enumerate(statement.handlers)]
        self.arms(
            statement,
            scope,
            [*arms, ("tryelse", statement.orelse), ("finally", statement.finalbody)],
            home,
        )
        # The order in `blocks` is of no meaning but must be one: arms first, then what the body
        # folds in.
        self.read(statement.body, 0, scope)
        self.mark("end")

    def arms(
        self,
        statement: ast.stmt,
        scope: Scope,
        arms: list[tuple[str, list[ast.stmt]]],
        home: int | None = None,
    ) -> None:
        """Blocks of the arms of a compound statement; its own text says which arms there are."""
        home = self.current if home is None else home
        block = self.reader.blocks[home]
        ordinal = block.text.parts.count("arms")
        block.text.parts.append("arms")
        for name, body in arms:
            if not body:
                continue
            idle = all(_runs_nothing(inner, scope) for inner in body)
            block.text.parts.append(f"{name} idle" if idle else name)
            path = f"{self.path}/{self.count - 1}.{ordinal}.{name}"
            arm = _Sequence(self.reader, self.qualname, path, scope, home)
            arm.read(body, 0, scope)
            arm.end()


def _line_range(node: ast.stmt) -> tuple[int, int]:
    return (first_line(node), node.end_lineno or node.lineno)


def first_line(node: ast.stmt) -> int:
    """The line where a statement begins, its decorators included."""
    decorators = getattr(node, "decorator_list", None)
    return min([node.lineno, *(d.lineno for d in decorators)]) if decorators else node.lineno


def _header_range(node: ast.stmt) -> tuple[int, int]:
    """The lines of a statement without the bodies in it."""
    first = first_line(node)
    body = getattr(node, "body", None)
    if isinstance(node, ast.Match):
        return first, node.subject.end_lineno or first
    if not isinstance(body, list) or not body:
        return _line_range(node)
    return first, max(first, node.lineno, first_line(body[0]) - 1)
