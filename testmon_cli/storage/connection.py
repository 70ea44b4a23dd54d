"""The connection to SQLite: named statements, transactions and errors in words."""

import json
import re
import sqlite3
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from testmon_cli.domain.errors import DatafileError
from testmon_cli.storage.compiled_sqlite import STATEMENTS
from testmon_cli.storage.sealing import Seal, take_off

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
    """One SQLite connection, in autocommit mode, that speaks of statements by their names."""

    def __init__(
        self, driver: sqlite3.Connection, path: Path, on_wait: Callable[[], None] | None, timeout: float
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

    def rows(self, name: str, /, **parameters: object) -> list[Any]:
        """All rows of a query."""
        with translated(self.path):
            return self.driver.execute(STATEMENTS[name], parameters).fetchall()

    def stream(self, name: str, /, **parameters: object) -> Iterator[Any]:
        """The rows of a query, one after the other."""
        with translated(self.path):
            yield from self.driver.execute(STATEMENTS[name], parameters)

    def tuples(self, name: str, columns: Sequence[str], /, **parameters: object) -> list[Any]:
        """The rows of a query of very many, as tuples of these columns: that spares looking each one up by its name."""
        with translated(self.path):
            cursor = self.driver.execute(STATEMENTS[name], parameters)
            cursor.row_factory = None
            if [column[0] for column in cursor.description] != list(columns):
                raise ValueError(f"{name} does not give {', '.join(columns)}")
            return cursor.fetchall()

    def value(self, name: str, /, **parameters: object) -> Any:
        """The first column of the first row; None without rows."""
        with translated(self.path):
            row = self.driver.execute(STATEMENTS[name], parameters).fetchone()
        return None if row is None else row[0]

    def change(self, name: str, /, **parameters: object) -> sqlite3.Cursor:
        """Run a statement that changes rows."""
        with translated(self.path):
            return self.driver.execute(STATEMENTS[name], parameters)

    def changed(self, name: str, /, **parameters: object) -> int:
        """Run a statement that changes rows; how many it did."""
        self.change(name, **parameters)
        # The driver counts only for statements whose first word it knows, and WITH is not one.
        count: int = self.driver.execute("SELECT changes()").fetchone()[0]
        return count

    def change_many(self, name: str, rows: Iterable[Mapping[str, object]]) -> None:
        """Run a statement that changes rows once for each set of parameters.

        One that inserts takes many rows at a time: half the time of a run of the statement for each.
        """
        insert = _insert(name)
        with translated(self.path):
            if insert is None:
                self.driver.executemany(STATEMENTS[name], rows)
                return
            left = map(insert.values, rows)
            while chunk := list(islice(left, _ROWS)):
                if len(chunk) == _ROWS:
                    self.driver.execute(insert.many, list(chain.from_iterable(chunk)))
                else:
                    self.driver.executemany(insert.one, chunk)

    @contextmanager
    def transaction(self) -> Iterator[bool]:
        """All or nothing; gives whether another process has changed the file since the last transaction.

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
            self._patience(min(_PATIENCE, self._timeout))
            try:
                self.driver.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    with translated(self.path):
                        raise
                self._on_wait()
        self._patience(max(0.0, deadline - time.monotonic()))
        with translated(self.path):
            self.driver.execute("BEGIN IMMEDIATE")

    def _patience(self, seconds: float) -> None:
        self.driver.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")

    def _changed_elsewhere(self) -> bool:
        before = self._version
        self._version = self.driver.execute("PRAGMA data_version").fetchone()[0]
        return before != self._version


class _Insert(NamedTuple):
    """A statement that inserts, with places instead of names."""

    one: str
    many: str  # the same for `_ROWS` rows
    values: Callable[[Mapping[str, object]], Sequence[object]]  # of a row, in the order of the places


@cache
def _insert(name: str) -> _Insert | None:
    """The statement of this name, if all it does with its parameters is to insert them."""
    match = re.fullmatch(r"(INSERT INTO \w+ \([\w, ]+\) VALUES )\((:\w+(?:, :\w+)*)\)([^:]*)", STATEMENTS[name])
    if match is None:
        return None
    start, parameters, rest = match.groups()
    names = parameters.replace(":", "").split(", ")
    row = f"({', '.join('?' * len(names))})"
    values = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)
    return _Insert(f"{start}{row}{rest}", f"{start}{', '.join([row] * _ROWS)}{rest}", values)


UNREADABLE = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError, RecursionError, MemoryError,
    zlib.error, struct.error, sqlite3.OperationalError, sqlite3.DataError,
)  # fmt: skip


@contextmanager
def decoding(path: Path | str) -> Iterator[None]:
    """Turn what keeps values of the datafile from being read into one line for the user, whatever that is."""
    try:
        yield
    except UNREADABLE as error:
        raise DatafileError(
            f"{path} is damaged, it holds what cannot be read ({type(error).__name__}): restore a copy, "
            "or move it away and collect again"
        ) from error


def array(values: Iterable[int | str]) -> str:
    """A list as one parameter."""
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite says of the file into one line for the user; mistakes of ours stay as they are."""
    try:
        yield
    except sqlite3.Error as error:
        advice = _ADVICE.get(getattr(error, "sqlite_errorcode", -1) & 0xFF)
        if advice is None:
            raise
        raise DatafileError(f"{path} {advice}") from error
    except UnicodeDecodeError as error:  # in what SQLite says of a damaged schema
        raise DatafileError(f"{path} {_ADVICE[sqlite3.SQLITE_CORRUPT]}") from error
