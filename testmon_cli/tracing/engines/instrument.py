"""Writes probes into a syntax tree, see `probes`.

Apart from it, since code that is cached needs none of this.
"""

import ast
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from testmon_cli.analysis import lookups
from testmon_cli.analysis.blocks import RawBlock, find_places, first_line, is_docstring
from testmon_cli.analysis.making import Body, first_of_making, making_bodies
from testmon_cli.analysis.memoisation import (
    fills_of_class,
    fills_of_object,
    functions_of,
    kept_names,
    object_of_cached_property,
    readings_of,
)
from testmon_cli.analysis.scopes import FunctionNode, annotations_of
from testmon_cli.domain.source import RESULT
from testmon_cli.tracing.engines.probe_code import (
    FILLS,
    HITS,
    LOOK,
    MADE,
    MAKES,
    MARK,
    READS,
    STATEMENT,
)

# No line, so that tracers see none: where it ends is at different ones.
_NOWHERE = {"lineno": -1, "col_offset": -1, "end_lineno": -1, "end_col_offset": -1}


def instrument(tree: ast.Module) -> None:
    """Put a probe before each block of a module, and one where the module itself begins.

    Computed look-ups are noted, too.
    """
    blocks = find_places(tree)
    functions = list(functions_of(tree))
    notes = [note for node, qualname in functions for note in _notes_of(node, qualname)]
    notes += _notes_of_reading([node for node, _ in functions])
    makings = [(body, qualname) for node, qualname in functions for body in making_bodies(node)]
    for found in list(lookups.find(tree)):
        number = lookups.number_of(found.way, on_import=found.is_on_import) if found.names else 0
        for name in found.names:
            _Looked.replace(found.node, name, number)
    _insert_probes(blocks)
    for note in notes:
        _insert_note(note)
    for body, qualname in makings:
        _note_making(body, qualname)
    start = _module_start(tree.body)
    _mark_statements(tree.body, start)
    qualnames = tuple(block.qualname for block in blocks)
    _insert(tree.body, start, (MARK, len(blocks), qualnames), 1)


def _insert_probes(blocks: Sequence[RawBlock]) -> None:
    """Put a probe before each block: from the end of a list of statements on, for its positions."""
    by_list: dict[int, list[tuple[int, int]]] = {}
    for index, block in enumerate(blocks):
        by_list.setdefault(id(block.body), []).append((_position(block), index))
    for places in by_list.values():
        for position, index in sorted(places, reverse=True):
            _insert(blocks[index].body, position, index, blocks[index].line)


class _Looked(ast.Call):
    """`MARK.look(way, name)` in the place of a name, or of an object that is gone through.

    Of a class of its own: pytest does not know it, and so does not show what is in it where an
    assertion fails.
    """

    @classmethod
    def replace(cls, parent: ast.expr, name: ast.expr, way: int) -> None:
        """Put this in the place of a name, wherever it stands right below a node."""
        at: dict[str, Any] = {
            "lineno": name.lineno,
            "col_offset": name.col_offset,
            "end_lineno": name.end_lineno,
            "end_col_offset": name.end_col_offset,
        }
        look = ast.Attribute(ast.Constant(MARK, **at), LOOK, ast.Load(), **at)
        looked = cls(look, [ast.Constant(way, **at), name], [], **at)
        if isinstance(parent, ast.Call):
            parent.args = [looked if argument is name else argument for argument in parent.args]
            for keyword in parent.keywords:
                if keyword.value is name:
                    keyword.value = looked
        elif isinstance(parent, ast.Subscript):
            parent.slice = looked
        elif isinstance(parent, ast.Compare):
            parent.left = looked
        elif isinstance(parent, ast.Attribute):
            parent.value = looked


class _Note(NamedTuple):
    """Where an object is to be noted that keeps something: before a statement of a body.

    After it where the holder is a local, which may have no value yet.
    """

    body: list[ast.stmt]
    statement: ast.stmt
    what: str
    holder: str
    taker: str = FILLS
    is_after: bool = False


def _notes_of(node: FunctionNode, qualname: str) -> Iterator[_Note]:
    """Which objects a function keeps something in, and under which names."""
    holder = object_of_cached_property(node)
    statements = node.body[1:] if is_docstring(node.body[0]) else node.body
    if holder and statements:
        yield _Note(node.body, statements[0], f"{qualname}\t{RESULT} .{node.name}", holder)
    for fill in fills_of_object(node):
        names = " ".join(f".{attribute}" for attribute in fill.attributes)
        yield _Note(fill.body, fill.statement, f"{qualname}\t{names}", "self")
    for filled in fills_of_class(node):
        names = " ".join(f".{attribute}" for attribute in filled.attributes)
        what = f"{qualname}\t{names}"
        yield _Note(filled.body, filled.statement, what, filled.root, is_after=True)


def _notes_of_reading(functions: list[FunctionNode]) -> Iterator[_Note]:
    """Which objects functions read something of that a function of the same module keeps there."""
    names = kept_names(functions)
    for function in functions if names else ():
        for body, statement, attributes in readings_of(function, names)[0]:
            yield _Note(
                body,
                statement,
                " ".join(f".{attribute}" for attribute in attributes),
                "self",
                READS,
            )


def _insert_note(note: _Note) -> None:
    """Insert `MARK.fills[what] = holder`, or the same with `MARK.reads`."""
    position = next(n for n, statement in enumerate(note.body) if statement is note.statement)
    at = _at(_place(note.body, position, note.statement.lineno))
    noting = ast.Attribute(ast.Constant(MARK, **at), note.taker, ast.Load(), **at)
    target = ast.Subscript(noting, ast.Constant(note.what, **at), ast.Store(), **at)
    noted = ast.Assign([target], ast.Name(note.holder, ast.Load(), **at), **at)
    note.body.insert(position + note.is_after, noted)


def _note_making(body: Body, qualname: str) -> None:
    """Write `MARK.makes = qualname`, `try: ... finally: MARK.made = qualname` around a body."""
    start = first_of_making(body)
    if start == len(body):
        return
    at = _at(_place(body, start, body[start].lineno))
    begin, end = _naming(MAKES, qualname, at), _naming(MADE, qualname, _NOWHERE)
    body[start:] = [begin, ast.Try(body[start:], [], [], [end], **at)]


def _naming(attribute: str, qualname: str, at: dict[str, Any]) -> ast.Assign:
    """`MARK.attribute = qualname`."""
    target = ast.Attribute(ast.Constant(MARK, **at), attribute, ast.Store(), **at)
    return ast.Assign([target], ast.Constant(qualname, **at), **at)


def _mark_statements(body: list[ast.stmt], start: int, after: int = 0) -> bool:
    """Have a module, or a class that is made with it, say which statement it comes to.

    True where one may run code.

    `after` is the line of the class, which goes on when its body is over. What can run no code
    needs no mark.
    """
    found: list[ast.stmt] = []
    for statement in body[start:]:
        inner = False
        line = first_line(statement)
        if isinstance(statement, ast.ClassDef):
            inner = _mark_statements(
                statement.body, 1 if is_docstring(statement.body[0]) else 0, line
            )
        if inner or not is_inert(statement):
            found.append(_mark(line, _place([statement], 0, line)))
        found.append(statement)
    is_marked = len(found) > len(body) - start
    if is_marked:
        if after:
            found.append(_mark(after, _place(found, len(found) - 1, after)))
        body[start:] = found
    return is_marked


def is_inert(statement: ast.stmt) -> bool:
    """Tell whether a statement surely runs no code but its own."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        if statement.decorator_list or any(annotations_of(statement)):
            return False
        arguments = statement.args
        defaults = filter(None, (*arguments.defaults, *arguments.kw_defaults))
        return all(map(_is_inert_value, defaults))
    if isinstance(statement, ast.Assign):
        are_names = all(isinstance(target, ast.Name) for target in statement.targets)
        return are_names and _is_inert_value(statement.value)
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass | ast.Global | ast.Nonlocal)


def _is_inert_value(value: ast.expr) -> bool:
    if isinstance(value, ast.Tuple | ast.List):
        return all(map(_is_inert_value, value.elts))
    if isinstance(value, ast.Dict):
        return all(isinstance(key, ast.Constant) for key in value.keys) and all(
            map(_is_inert_value, value.values)
        )
    return isinstance(value, ast.Constant | ast.Name)


def _mark(line: int, place: tuple[int, int]) -> ast.Assign:
    """`MARK.statement = line`."""
    at = _at(place)
    target = ast.Attribute(ast.Constant(MARK, **at), STATEMENT, ast.Store(), **at)
    return ast.Assign([target], ast.Constant(line, **at), **at)


def _position(block: RawBlock) -> int:
    # A folded class body may begin with a docstring, which must stay first.
    if block.start == 0 and block.body and is_docstring(block.body[0]):
        return 1
    return block.start


def _module_start(body: list[ast.stmt]) -> int:
    start = 1 if body and is_docstring(body[0]) else 0
    while start < len(body):
        statement = body[start]
        if not (
            isinstance(statement, ast.ImportFrom)
            and statement.module == "__future__"
            and statement.level == 0
        ):
            break
        start += 1
    return start


def _probe(index: Any, place: tuple[int, int]) -> ast.Assign:
    """`MARK.hits[index] = 1`, all of it at one line and column."""
    at = _at(place)
    hits = ast.Attribute(ast.Constant(MARK, **at), HITS, ast.Load(), **at)
    return ast.Assign(
        [ast.Subscript(hits, ast.Constant(index, **at), ast.Store(), **at)],
        ast.Constant(1, **at),
        **at,
    )


def _at(place: tuple[int, int]) -> dict[str, Any]:
    line, column = place
    return {"lineno": line, "col_offset": column, "end_lineno": line, "end_col_offset": column}


def _insert(body: list[ast.stmt], position: int, index: Any, line: int) -> None:
    """Insert a probe at the position of the statement there.

    `line` is for the end of a body that has none.
    """
    body.insert(position, _probe(index, _place(body, position, line)))


def _place(body: list[ast.stmt], position: int, line: int) -> tuple[int, int]:
    """Line and column of the first statement from `position` on that is executed at all."""
    for statement in body[position:]:
        if isinstance(statement, ast.Global | ast.Nonlocal):
            continue
        decorators = getattr(statement, "decorator_list", None)
        first: ast.stmt | ast.expr = decorators[0] if decorators else statement
        return first.lineno, first.col_offset
    return line, 0
