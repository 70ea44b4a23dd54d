"""Edits of Python source as a slip of a programmer would make them: drawn with a seed, always valid syntax."""

import ast
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SPAN = tuple[ast.AST, str]  # a node and the text to put in its place


@dataclass(frozen=True)
class Edit:
    """A file with one place changed."""

    path: Path
    line: int
    what: str
    text: str


def draw(paths: Sequence[Path], seed: int, *, inside: bool = False) -> Iterator[Edit]:
    """Edits without end; inside functions only, or at module and class level too."""
    chance = random.Random(seed)
    while True:
        path = chance.choice(paths)
        source = path.read_text(encoding="utf-8")
        functions = inside or chance.random() < 0.5
        found = list(_in_functions(ast.parse(source)) if functions else _at_import(ast.parse(source)))
        if not found:
            continue
        node, new = chance.choice(found)
        text = _replaced(source, node, new)
        if text != source and _parses(text):
            line = node.lineno  # type: ignore[attr-defined] # only nodes with a place are drawn
            yield Edit(path, line, f"{type(node).__name__} -> {new[:40]}", text)


def _in_functions(tree: ast.Module) -> Iterator[SPAN]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in (node for statement in function.body for node in ast.walk(statement)):
            if isinstance(node, ast.Return):
                yield node, "return None"
            elif isinstance(node, ast.If | ast.While | ast.IfExp):
                yield node.test, f"(not ({ast.unparse(node.test)}))"
            elif isinstance(node, ast.Compare):
                yield node, f"(not ({ast.unparse(node)}))"
            elif isinstance(node, ast.BinOp):
                yield node, "None"
            elif isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.Raise):
                yield node, "pass"


def _at_import(tree: ast.Module) -> Iterator[SPAN]:
    for scope in ast.walk(tree):
        for node in scope.body if isinstance(scope, ast.Module | ast.ClassDef) else ():
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
                yield from _constants(node.value)
                yield node, "pass"
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from ((default, "'other'") for default in node.args.defaults)
                yield from ((decorator, "(lambda it: it)") for decorator in node.decorator_list)
            elif isinstance(node, ast.ClassDef):
                yield from ((base, "object") for base in node.bases)
            elif isinstance(node, ast.Import | ast.ImportFrom | ast.Expr):
                yield node, "pass"


def _constants(value: ast.expr) -> Iterator[SPAN]:
    for node in ast.walk(value):
        match node:
            case ast.Constant(value=bool(old)):
                yield node, repr(not old)
            case ast.Constant(value=int(old)):
                yield node, repr(old + 1)
            case ast.Constant(value=str(old)):
                yield node, repr(f"{old}x")


def _replaced(source: str, node: ast.AST, new: str) -> str:
    data = source.encode()
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    assert isinstance(node, ast.expr | ast.stmt)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    first, last = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
    return (data[:first] + new.encode() + data[last:]).decode()


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True
