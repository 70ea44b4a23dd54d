"""The connection to SQLite: typed statements, transactions and errors in words."""

import json
import sqlite3
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

from testmon_cli.domain.errors import DatafileError
from testmon_cli.storage.query import Array, Change, Insert, Query
from testmon_cli.storage.sealing import Seal, take_off

_Row = TypeVar("_Row")
_Columns = TypeVar("_Columns", bound="tuple[Any, ...]")
_First = TypeVar("_First")

_ROWS = 50  # that one statement inserts
_PATIENCE = 0.2  # seconds without a word before `on_wait` hears that we wait
_ADVICE = {
    sqlite3.SQLITE_BUSY: "is locked by another process: try again when that has finished",
    sqlite3.SQLITE_LOCKED: "is locked by another process: try again when that has finished",
    sqlite3.SQLITE_FULL: "cannot grow, the disk is full: make room and run again",
    sqlite3.SQLITE_READONLY: "cannot be written: make the file and its folder writable or name another with --datafile",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: make its folder accessible or name another with --datafile",
    sqlite3.SQLITE_PERM: "cannot be opened: permission denied",
    sqlite3.SQLITE_NOTADB: "is not a datafile of testmon: name another with --datafile",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore a copy, or move it away and collect again",
    sqlite3.SQLITE_IOERR: "cannot be read or written, the system reports an I/O error: check the disk",
}


class Connection:
    """One SQLite connection, in autocommit mode, that runs statements of `compiled_sqlite`."""

    def __init__(
        self,
        driver: sqlite3.Connection,
        path: Path,
        on_wait: Callable[[], None] | None,
        timeout: float,
    ) -> None:
        self.driver = driver
        self.path = path
        self._on_wait = on_wait
        self._timeout = timeout
        self._version: int | None = None
        self._is_in_one = False  # a transaction
        self.seal: Seal | None = None

    def close(self) -> None:
        """Close the file, the connection first."""
        self.driver.close()
        if self.seal is not None:
            self.seal.close()

    def rows(self, query: Query[_Row, Any, Any]) -> list[_Row]:
        """All rows of a query."""
        with translated(self.path):
            return self.driver.execute(query.sql, query.parameters).fetchall()

    def stream(self, query: Query[_Row, Any, Any]) -> Iterator[_Row]:
        """The rows of a query, one after the other."""
        with translated(self.path):
            yield from self.driver.execute(query.sql, query.parameters)

    def tuples(self, query: Query[Any, _Columns, Any]) -> list[_Columns]:
        """The rows of a query of very many, as tuples.

        That spares looking each column up by its name.
        """
        with translated(self.path):
            cursor = self.driver.execute(query.sql, query.parameters)
            cursor.row_factory = None
            return cursor.fetchall()

    def value(self, query: Query[Any, Any, _First]) -> _First | None:
        """The first column of the first row; None without rows."""
        with translated(self.path):
            row = self.driver.execute(query.sql, query.parameters).fetchone()
        return None if row is None else row[0]

    def only(self, query: Query[Any, Any, _First]) -> _First:
        """The first column of a row that must be there; LookupError if it is not."""
        return present(self.value(query))

    def change(self, change: Change) -> None:
        """Run a statement that changes rows."""
        with translated(self.path):
            self.driver.execute(change.sql, change.parameters)

    def changed(self, change: Change) -> int:
        """Run a statement that changes rows; how many it did."""
        self.change(change)
        # The driver counts only for statements whose first word it knows, and WITH is not one.
        count: int = self.driver.execute("SELECT changes()").fetchone()[0]
        return count

    def insert(self, insert: Insert) -> None:
        """Insert rows, many at a time: half the time of a run of the statement for each."""
        names = insert.names
        values = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)
        left = map(values, insert.rows)
        with translated(self.path):
            while chunk := list(islice(left, _ROWS)):
                if len(chunk) == _ROWS:
                    self.driver.execute(insert.sql(_ROWS), list(chain.from_iterable(chunk)))
                else:
                    self.driver.executemany(insert.sql(), chunk)

    def insert_one(self, insert: Insert) -> int:
        """Insert a row that cannot be there yet; its id."""
        (row,) = insert.rows
        with translated(self.path):
            number = self.driver.execute(
                insert.sql(), [row[name] for name in insert.names]
            ).lastrowid
        assert number is not None
        return number

    @contextmanager
    def transaction(self) -> Iterator[bool]:
        """Make one transaction; gives whether others have changed the file since the last.

        One within another is a part of it.
        """
        if self._is_in_one:
            yield False
            return
        self._begin()
        self._is_in_one = True
        try:
            is_changed = self._changed_elsewhere()
            if is_changed:  # and sealed again
                take_off(self.driver)
            yield is_changed
            with translated(self.path):
                self.driver.execute("COMMIT")
        except BaseException:
            self._version = None  # the seal is on again: the next one has to take it off
            # A full disk may have ended the transaction already.
            if self.driver.in_transaction:
                self.driver.execute("ROLLBACK")
            raise
        finally:
            self._is_in_one = False

    def _begin(self) -> None:
        deadline = time.monotonic() + self._timeout
        if self._on_wait is not None:
            with translated(self.path):
                if self._begins_soon():
                    return
            self._on_wait()
        self._patience(max(0.0, deadline - time.monotonic()))
        with translated(self.path):
            self.driver.execute("BEGIN IMMEDIATE")

    def _begins_soon(self) -> bool:
        """Begin a transaction to write, unless another process keeps the file locked for long."""
        self._patience(min(_PATIENCE, self._timeout))
        try:
            self.driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        return True

    def _patience(self, seconds: float) -> None:
        self.driver.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")

    def _changed_elsewhere(self) -> bool:
        before = self._version
        self._version = self.driver.execute("PRAGMA data_version").fetchone()[0]
        return before != self._version


UNREADABLE = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError, RecursionError, MemoryError,
    zlib.error, struct.error, sqlite3.OperationalError, sqlite3.DataError,
)  # fmt: skip


@contextmanager
def decoding(path: Path | str) -> Iterator[None]:
    """Turn any error while values are decoded into one line for the user."""
    try:
        yield
    except UNREADABLE as error:
        raise DatafileError(
            f"{path} is damaged, it holds what cannot be read ({type(error).__name__}): restore a copy, "
            "or move it away and collect again"
        ) from error


def present(value: _First | None) -> _First:
    """A value that must be there; LookupError if it is not."""
    if value is None:
        raise LookupError("a row, or a column of it, is missing")
    return value


def array(values: Iterable[int | str]) -> Array:
    """A list as one parameter."""
    return Array(json.dumps(list(values), ensure_ascii=False, separators=(",", ":")))


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite says of the file into one line for the user.

    Mistakes of ours stay as they are.
    """
    try:
        yield
    except sqlite3.Error as error:
        advice = _ADVICE.get(getattr(error, "sqlite_errorcode", -1) & 0xFF)
        if advice is None:
            raise
        raise DatafileError(f"{path} {advice}") from error
    except UnicodeDecodeError as error:  # in what SQLite says of a damaged schema
        raise DatafileError(f"{path} {_ADVICE[sqlite3.SQLITE_CORRUPT]}") from error
