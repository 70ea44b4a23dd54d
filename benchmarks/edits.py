"""Edits of Python source as a slip of a programmer would make them.

Drawn with a seed, always valid syntax.
"""

import ast
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SPAN = tuple[str, ast.AST, str]  # the kind of slip, a node and the text to put in its place
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SPECIAL = ("__eq__", "__repr__", "__len__", "__getattr__", "__init_subclass__")
_SWAPS: tuple[tuple[type[ast.AST], type[ast.AST]], ...] = (
    (ast.Add, ast.Sub), (ast.Mult, ast.FloorDiv), (ast.And, ast.Or), (ast.BitOr, ast.BitAnd), (ast.Lt, ast.LtE),
    (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.In, ast.NotIn), (ast.Is, ast.IsNot),
)  # fmt: skip
# where an edit is made
FUNCTION, IMPORT, DATA = "functions", "module and class level", "data files"
_OTHER = dict(_SWAPS) | {second: first for first, second in _SWAPS}


@dataclass(frozen=True)
class Edit:
    """A file with one place changed."""

    path: Path
    line: int
    what: str
    text: str
    gone: bool = False  # the file is removed
    where: str = FUNCTION


def draw(paths: Sequence[Path], seed: int, *, inside: bool = False) -> Iterator[Edit]:
    """Edits without end; inside functions only, or at module and class level too."""
    chance = random.Random(seed)
    while True:
        path = chance.choice(paths)
        source = path.read_bytes().decode()
        functions = inside or chance.random() < 0.5
        kinds = defaultdict(list)
        for kind, node, new in (
            in_functions(ast.parse(source)) if functions else at_import(ast.parse(source))
        ):
            kinds[kind].append((node, new))
        if not kinds:
            continue
        kind = chance.choice(list(kinds))  # first the kind: most places hold a constant
        node, new = chance.choice(kinds[kind])
        text = replaced(source, node, new)
        if text != source and parses(text):
            line = node.lineno  # type: ignore[attr-defined] # only nodes with a place are drawn
            yield Edit(
                path,
                line,
                f"{kind}: {type(node).__name__} -> {new[:40]}",
                text,
                where=FUNCTION if functions else IMPORT,
            )


def draw_data(paths: Sequence[Path], seed: int) -> Iterator[Edit]:
    """Edits of data files without end: another digit, a line less, no file, a copy beside it."""
    chance = random.Random(seed)
    while paths:
        path = chance.choice(paths)
        text = path.read_bytes().decode()
        lines = text.splitlines(keepends=True)
        digits = [place for place, letter in enumerate(text) if letter.isdigit()]
        kind = chance.choice(("digit", "line", "gone", "copy"))
        if kind == "digit" and digits:
            place = chance.choice(digits)
            digit = (int(text[place]) + 1) % 10
            yield Edit(
                path,
                text.count("\n", 0, place) + 1,
                kind,
                f"{text[:place]}{digit}{text[place + 1 :]}",
                where=DATA,
            )
        elif kind == "line" and lines:
            number = chance.randrange(len(lines))
            yield Edit(
                path, number + 1, kind, "".join(lines[:number] + lines[number + 1 :]), where=DATA
            )
        elif kind == "copy":
            yield Edit(path.with_stem(f"{path.stem}_copy"), 1, kind, text, where=DATA)
        elif kind == "gone":
            yield Edit(path, 1, kind, "", gone=True, where=DATA)


def in_functions(tree: ast.Module) -> Iterator[SPAN]:
    for function in ast.walk(tree):
        if isinstance(function, FUNCTIONS):
            for node in (node for statement in function.body for node in ast.walk(statement)):
                yield from _slips(node)


def _slips(node: ast.AST) -> Iterator[SPAN]:
    match node:
        case ast.Return():
            yield "return", node, "return None"
        case ast.If() | ast.While() | ast.IfExp():
            yield "condition", node.test, f"(not ({ast.unparse(node.test)}))"
            if isinstance(node, ast.If) and node.orelse:
                yield "arms", node, laid_out(node, ast.If(node.test, node.orelse, node.body))
        case ast.Compare():
            yield "condition", node, f"(not ({ast.unparse(node)}))"
            operators = [_other(node.ops[0]), *node.ops[1:]]
            yield (
                "operator",
                node,
                f"({ast.unparse(ast.Compare(node.left, operators, node.comparators))})",
            )
        case ast.BinOp():
            yield "value", node, "None"
            yield (
                "operator",
                node,
                f"({ast.unparse(ast.BinOp(node.left, _other(node.op), node.right))})",
            )
        case ast.BoolOp():
            yield "operator", node, f"({ast.unparse(ast.BoolOp(_other(node.op), node.values))})"
        case ast.Call(keywords=[_, *others]):
            yield "keyword", node, ast.unparse(ast.Call(node.func, node.args, others))
        case (
            ast.Assign()
            | ast.AugAssign()
            | ast.Expr()
            | ast.Raise()
            | ast.Delete()
            | ast.Global()
            | ast.Break()
        ):
            yield "statement", node, "pass"
        case ast.Constant():
            yield from _constants(node)


def _other(operator: Any) -> Any:
    """The operator that is easily confused with one; itself when there is none."""
    return _OTHER.get(type(operator), type(operator))()


def at_import(tree: ast.Module) -> Iterator[SPAN]:
    scopes = [
        node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef) and node.body
    ]
    methods = {s.name for scope in scopes[1:] for s in scope.body if isinstance(s, FUNCTIONS)}
    for scope in scopes:
        for node in scope.body:
            yield from _slips_at_import(node)
        last = scope.body[-1]
        own = {node.name for node in scope.body if isinstance(node, (*FUNCTIONS, ast.ClassDef))}
        for first, second in zip(scope.body, scope.body[1:], strict=False):
            if isinstance(first, ast.Assign) and isinstance(second, ast.Assign):
                yield "order", first, f"{ast.unparse(second)}; {ast.unparse(first)}"
        for name in sorted(own):
            yield "rebound", last, laid_out(last, last, f"{name} = None")
        if isinstance(scope, ast.ClassDef):
            for name in sorted({*methods, *SPECIAL} - own):
                yield (
                    "method",
                    last,
                    laid_out(last, last, f"def {name}(self, *args):", "    return 'new'"),
                )


def _slips_at_import(node: ast.stmt) -> Iterator[SPAN]:
    match node:
        case ast.Assign() | ast.AnnAssign():
            if node.value:
                yield from _constants(node.value)
            yield "statement", node, "pass"
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield from (
                ("decorator", decorator, "(lambda it: it)") for decorator in node.decorator_list
            )
            yield "definition", node, "pass"
            if isinstance(node, ast.ClassDef):
                yield from (("base", base, "object") for base in node.bases)
            else:
                yield from (("default", default, "'other'") for default in node.args.defaults)
        case ast.Import() | ast.ImportFrom() | ast.Expr():
            yield "statement", node, "pass"


def _constants(value: ast.expr) -> Iterator[SPAN]:
    for node in ast.walk(value):
        match node:
            case ast.Constant(value=bool(old)):
                yield "constant", node, repr(not old)
            case ast.Constant(value=int(old)):
                yield "constant", node, repr(old + 1)
            case ast.Constant(value=str(old)):
                yield "constant", node, repr(f"{old}x")


def laid_out(place: ast.stmt, statement: ast.stmt, *more: str) -> str:
    """A statement, and lines after it, as deep as another stands.

    Decorators stand there already.
    """
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)) and statement is place:
        bare = {
            name: value for name, value in ast.iter_fields(statement) if name != "decorator_list"
        }
        statement = type(statement)(**bare, decorator_list=[])
    lines = [*ast.unparse(ast.fix_missing_locations(statement)).splitlines(), *more]
    return f"\n{' ' * place.col_offset}".join(lines)


def replaced(source: str, node: ast.AST, new: str) -> str:
    data = source.encode()
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    assert isinstance(node, ast.expr | ast.stmt)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    first, last = (
        starts[node.lineno - 1] + node.col_offset,
        starts[node.end_lineno - 1] + node.end_col_offset,
    )
    return (data[:first] + new.encode() + data[last:]).decode()


def parses(text: str) -> bool:
    try:
        compile(text, "edited", "exec", dont_inherit=True)  # it refuses more than the parser does
    except (SyntaxError, ValueError):
        return False
    return True
