"""The page of docs/ on the tables, from the comments of the models."""

from sqlalchemy import Column, Table

from testmon_cli.storage.models import Base

_INTRODUCTION = """# Schema of the datafile

The datafile is an SQLite database. These are its tables; this page is generated from the models.
"""


def render() -> str:
    """All tables and columns as Markdown, in alphabetical order of the tables."""
    tables = sorted(Base.metadata.tables.values(), key=lambda table: table.name)
    return "\n".join([_INTRODUCTION, *map(_section, tables)])


def _section(table: Table) -> str:
    lines = [f"## {table.name}", "", _sentence(table.comment or ""), ""]
    lines += ["| column | type | meaning |", "| --- | --- | --- |"]
    lines += [_row(column) for column in table.columns]
    return "\n".join(lines) + "\n"


def _row(column: Column[object]) -> str:
    kind = str(column.type).lower() + (" or null" if column.nullable else "")
    meaning = [column.comment or "number of the row"]
    meaning += [f"names `{key.target_fullname}`" for key in column.foreign_keys]
    if column.primary_key:
        meaning.append("primary key")
    return f"| `{column.name}` | {kind} | {'; '.join(meaning)} |"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
