"""Write `compiled_sqlite.py`, so that run time needs no SQLAlchemy.

Each statement is a function there. Its parameters, and the columns of its rows, have the types of
the models: a name that is wrong does not pass mypy.

python -m testmon_cli.storage.generate          writes the module
python -m testmon_cli.storage.generate --check  exits 1 when it is stale
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, Text
from sqlalchemy import Insert as InsertStatement
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import ClauseElement, ColumnElement, FromClause, Join, Select
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from testmon_cli.storage import migrating
from testmon_cli.storage.models import Base
from testmon_cli.storage.statements import STATEMENTS, ArrayType, OptionalInteger

TARGET = Path(__file__).with_name("compiled_sqlite.py")
_HEADER = '''"""SQL of statements and models: made by `python -m testmon_cli.storage.generate`, do not edit."""

# ruff: noqa: D101, D103, E501
# fmt: off

from __future__ import annotations

from typing import TYPE_CHECKING

from testmon_cli.storage.query import Change, Insert, Query

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypedDict

    from testmon_cli.storage.query import Array
'''
_VERSION_TABLE = """CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)"""
# How values come from SQLite, the first that fits: a Boolean comes as a number.
_PYTHON_TYPES: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (ArrayType, "Array"), (OptionalInteger, "int | None"), (Boolean, "int"), (Integer, "int"), (Float, "float"),
    (Text, "str"), (LargeBinary, "bytes"),
)  # fmt: skip

Fields = dict[str, str]  # names with the Python types of their values


class Compiled(NamedTuple):
    """A statement as SQL, with all that is known of its parameters and rows."""

    name: str
    sql: str
    parameters: Fields
    columns: Fields  # none where it gives no rows
    # what stands before and after the values that an INSERT is given
    around: tuple[str, str] | None


def tidied(sql: str) -> str:
    """SQL without blank lines, and without blanks at the ends of lines."""
    lines = (line.strip() for line in sql.strip().splitlines())
    return "\n".join(line for line in lines if line)


def blank_datafile() -> list[str]:
    """The statements that create a blank datafile."""
    dialect = sqlite.dialect()
    found = [_VERSION_TABLE]
    for table in Base.metadata.sorted_tables:
        found.append(str(CreateTable(table).compile(dialect=dialect)))
        found += [str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes]
    return [tidied(sql) for sql in found]


def compiled(name: str, statement: object) -> Compiled:
    """Compile a statement. Raises ValueError if it holds values, or what has no type."""
    assert isinstance(statement, ClauseElement)
    style = "qmark" if isinstance(statement, InsertStatement) else "named"
    text = statement.compile(dialect=sqlite.dialect(paramstyle=style))
    assert isinstance(text, SQLCompiler)
    hidden = [key for key, value in text.params.items() if value is not None]
    if hidden:
        raise ValueError(
            f"{name} holds values as parameters ({', '.join(hidden)}): write them as literal_column"
        )
    if isinstance(statement, InsertStatement):
        return _compiled_insert(name, statement, text)
    parameters = {key: _python_type(name, key, bound.type) for key, bound in text.binds.items()}
    columns = dict(_columns(name, statement)) if isinstance(statement, Select) else {}
    return Compiled(name, tidied(str(text)), parameters, columns, None)


def _compiled_insert(name: str, statement: InsertStatement, text: SQLCompiler) -> Compiled:
    """A statement that inserts rows. Raises ValueError if it is given more than their values."""
    keys = text.positiontup or []
    start, row, rest = str(text).partition(f"({', '.join('?' * len(keys))})")
    if not row or "?" in rest:
        raise ValueError(
            f"{name} is given more than the values of its rows: change_many inserts nothing else"
        )
    table = Base.metadata.tables[str(statement.table)]
    values = {key: _given(name, table.c[key]) for key in keys}
    return Compiled(name, tidied(str(text)), values, {}, (start, rest))


def _given(name: str, column: "Column[Any]") -> str:
    return _python_type(name, column.name, column.type) + (" | None" if column.nullable else "")


def _python_type(name: str, key: str, kind: TypeEngine[object]) -> str:
    for sql_type, python_type in _PYTHON_TYPES:
        if isinstance(kind, sql_type):
            return python_type
    raise ValueError(
        f"{name}: {key} has no type, give it one with bindparam(type_=...) or type_coerce"
    )


def _columns(name: str, statement: "Select[tuple[object]]") -> Iterator[tuple[str, str]]:
    optional = {table for source in statement.get_final_froms() for table in _optional(source)}
    for key, column in statement.selected_columns.items():
        found = _python_type(name, key, column.type)
        yield _name_of(column, key), found + (" | None" if _may_be_null(column, optional) else "")


def _name_of(column: ColumnElement[object], key: str) -> str:
    return str(getattr(column, "name", None) or key)


def _may_be_null(column: ColumnElement[object], optional: set[FromClause]) -> bool:
    found = next(iter(column.base_columns), column)
    return isinstance(found, Column) and (
        bool(found.nullable) or getattr(found, "table", None) in optional
    )


def _optional(source: FromClause) -> Iterator[FromClause]:
    """The tables that an outer join may find no row of."""
    if not isinstance(source, Join):
        return
    if source.isouter:
        yield source.right
    yield from _optional(source.left)
    yield from _optional(source.right)


def all_compiled() -> list[Compiled]:
    """Every statement."""
    return [compiled(name, statement) for name, statement in STATEMENTS.items()]


def _literal(sql: str) -> str:
    return f'"""{sql}"""' if "\n" in sql else f"'{sql}'" if '"' in sql else f'"{sql}"'


def _class_name(name: str, ending: str) -> str:
    return "".join(map(str.capitalize, name.split("_"))) + ending


def _typed_dict(name: str, fields: Fields) -> str:
    lines = "".join(f"        {key}: {kind}\n" for key, kind in fields.items())
    return f"\n    class {name}(TypedDict):\n{lines}"


def _types_of(statement: Compiled) -> str:
    if statement.around is not None:
        return _typed_dict(_class_name(statement.name, "Values"), statement.parameters)
    return (
        _typed_dict(_class_name(statement.name, "Row"), statement.columns)
        if statement.columns
        else ""
    )


def _function(statement: Compiled) -> str:
    name, sql = statement.name, _literal(statement.sql)
    if statement.around is not None:
        start, rest = map(_literal, statement.around)
        names = "".join(f'"{key}", ' for key in statement.parameters)
        taken = f"rows: Iterable[{_class_name(name, 'Values')}]"
        return f"\n\ndef {name}({taken}) -> Insert:\n    return Insert({start}, ({names}), {rest}, rows)\n"
    taken = "".join(f", {key}: {kind}" for key, kind in statement.parameters.items())
    given = ", ".join(f'"{key}": {key}' for key in statement.parameters)
    made = "Change"
    if statement.columns:
        kinds = list(statement.columns.values())
        made = f"Query[{_class_name(name, 'Row')}, tuple[{', '.join(kinds)}], {kinds[0]}]"
    kind = made.partition("[")[0]
    return f"\n\ndef {name}({f'*{taken}' if taken else ''}) -> {made}:\n    return {kind}({sql}, {{{given}}})\n"


def rendered() -> str:
    """The text of the generated module."""
    statements = all_compiled()
    revisions = ", ".join(f'"{revision}"' for revision in migrating.revisions())
    parts = [_HEADER, *map(_types_of, statements)]
    parts.append(f"\nREVISIONS = ({revisions})  # oldest first\n")
    parts.append(
        "TABLES = (\n" + "".join(f"    {_literal(sql)},\n" for sql in blank_datafile()) + ")\n"
    )
    return "".join([*parts, *map(_function, statements)])


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    text = rendered()
    if "--check" not in arguments:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TARGET} is stale: run python -m testmon_cli.storage.generate", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
