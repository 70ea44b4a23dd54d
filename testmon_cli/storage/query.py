"""SQL with its parameters, typed by what it takes and gives.

The functions of `compiled_sqlite` make these.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, NewType, TypeVar

_Row_co = TypeVar("_Row_co", covariant=True)
_Columns_co = TypeVar("_Columns_co", bound="tuple[Any, ...]", covariant=True)
_First_co = TypeVar("_First_co", covariant=True)

Array = NewType("Array", str)
"""A list as one parameter, see `connection.array`."""


class Query(Generic[_Row_co, _Columns_co, _First_co]):
    """A statement that gives rows, typed by names, by order, and by the first column."""

    __slots__ = ("parameters", "sql")

    def __init__(self, sql: str, parameters: Mapping[str, object]) -> None:
        self.sql = sql
        self.parameters = parameters


class Change:
    """A statement that changes rows."""

    __slots__ = ("parameters", "sql")

    def __init__(self, sql: str, parameters: Mapping[str, object]) -> None:
        self.sql = sql
        self.parameters = parameters


class Insert:
    """Rows to insert: `start` and `rest` of the statement surround the places for `names`."""

    __slots__ = ("names", "rest", "rows", "start")

    def __init__(
        self, start: str, names: Sequence[str], rest: str, rows: Iterable[Mapping[str, object]]
    ) -> None:
        self.start = start
        self.names = names
        self.rest = rest
        self.rows = rows

    def sql(self, rows: int = 1) -> str:
        """The statement for a number of rows."""
        row = f"({', '.join('?' * len(self.names))})"
        return f"{self.start}{', '.join([row] * rows)}{self.rest}"
