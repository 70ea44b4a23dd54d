"""The lines that ran, from the blocks that were reached: for reports in terms of lines.

A block stands for all its lines. Left out are headers that control meets only on its way to a later
arm (`except`, the second `case`) while no such arm ran, and arms of module-level conditions of
which nothing says that they ran.
"""

import ast
import operator
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from testmon_cli.analysis.blocks import first_line
from testmon_cli.analysis.constant_conditions import is_type_checking
from testmon_cli.domain.source import Block, SourceModel

_TRY = (ast.Try, ast.TryStar)
_ALWAYS_ENTERED = (ast.With, ast.AsyncWith, ast.For, ast.AsyncFor, ast.While)
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], object]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt,
    ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


def lines_of_blocks(blocks: Iterable[Block]) -> set[int]:
    """All lines of some blocks."""
    return {
        line for block in blocks for first, last in block.lines for line in range(first, last + 1)
    }


class Arm(NamedTuple):
    """An `except` or `case`: the lines of its header, and of its body."""

    header: range
    body: set[int]


def arms_of(tree: ast.Module) -> list[list[Arm]]:
    """The arms of each statement that control meets one after the other."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, _TRY):
            handlers = node.handlers
            found.append([Arm(range(h.lineno, h.body[0].lineno), _lines(h.body)) for h in handlers])
        elif isinstance(node, ast.Match):
            # The first pattern is met by all who come to the statement.
            cases = node.cases[1:]
            found.append(
                [Arm(range(c.pattern.lineno, c.body[0].lineno), _lines(c.body)) for c in cases]
            )
    return found


def unmet_headers(statements: Iterable[list[Arm]], lines: set[int]) -> set[int]:
    """Headers after which no arm was entered."""
    unmet: set[int] = set()
    for arms in statements:
        for position, (header, _) in enumerate(arms):
            if not any(lines & body for _, body in arms[position:]):
                unmet.update(header)
    return unmet


def import_lines(tree: ast.Module, reached: set[int], name: str = "a module") -> set[int]:
    """Lines that an import runs.

    `reached`, those of executed functions, tell which conditional arms it took.
    """
    return set(_ImportReader(reached, name).read(tree.body))


def changed_lines(model: SourceModel, before: SourceModel) -> set[int]:
    """Lines of import-time code that is not as it was."""
    known = {(d.names, d.owner, d.kind, d.checksum) for d in before.definitions}
    changed: dict[int, bool] = {}
    # What a class holds comes later.
    for definition in sorted(model.definitions, key=lambda d: d.line - d.end_line):
        differs = (
            definition.names,
            definition.owner,
            definition.kind,
            definition.checksum,
        ) not in known
        changed.update(dict.fromkeys(range(definition.line, definition.end_line + 1), differs))
    return {line for line, differs in changed.items() if differs}


def undecided_conditions(tree: ast.Module) -> set[int]:
    """Lines of conditions outside of functions whose text does not tell which arm is taken."""
    found = set()
    stack: list[ast.AST] = [*tree.body]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and _decide(node.test, "a module") is None:
            found.add(node.lineno)
        stack += ast.iter_child_nodes(node)
    return found


class _ImportReader(NamedTuple):
    """Reads what an import runs of a module."""

    reached: set[int]
    name: str  # what __name__ is

    def read(self, body: list[ast.stmt]) -> Iterator[int]:
        for statement in body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _header(statement, statement.body)
            elif isinstance(statement, ast.ClassDef):
                yield from _header(statement, statement.body)
                yield from self.read(statement.body)
            elif isinstance(statement, ast.If):
                yield from _header(statement, statement.body)
                yield from self.read(self.taken(statement))
            elif isinstance(statement, _TRY):
                yield statement.lineno
                yield from self.read([*statement.body, *statement.orelse, *statement.finalbody])
            elif isinstance(statement, ast.Match):
                yield from range(
                    statement.lineno, (statement.subject.end_lineno or statement.lineno) + 1
                )
            elif isinstance(statement, _ALWAYS_ENTERED):
                yield from _header(statement, statement.body)
                yield from self.read([*statement.body, *getattr(statement, "orelse", [])])
            else:
                yield from range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)

    def taken(self, statement: ast.If) -> list[ast.stmt]:
        """The arms of a module-level condition that ran.

        They are told by its text and by the functions in it that ran.
        """
        decided = _decide(statement.test, self.name)
        if decided is not None:
            return statement.body if decided else statement.orelse
        return [
            arm
            for body in (statement.body, statement.orelse)
            if self.reached & _lines(body)
            for arm in body
        ]


def _decide(test: ast.expr, name: str) -> bool | None:
    """Whether a condition holds here, None when its text does not tell."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _decide(test.operand, name)
        return None if inner is None else not inner
    if is_type_checking(test):
        return False
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    values = {
        "sys.version_info": tuple(sys.version_info),
        "sys.platform": sys.platform,
        "__name__": name,
    }
    left, compare = values.get(ast.unparse(test.left)), _COMPARISONS.get(type(test.ops[0]))
    if left is None or compare is None:
        return None
    try:
        return bool(compare(left, ast.literal_eval(test.comparators[0])))
    except (ValueError, TypeError):
        return None


def _header(statement: ast.stmt, body: list[ast.stmt]) -> range:
    return range(first_line(statement), max(first_line(body[0]), statement.lineno + 1))


def _lines(body: list[ast.stmt]) -> set[int]:
    return {
        line for node in body for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
