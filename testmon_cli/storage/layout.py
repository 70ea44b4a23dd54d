"""The mark of our datafiles, and the place of the migrations."""

import sqlite3
from pathlib import Path
from typing import NamedTuple

from testmon_cli.storage.compiled_sqlite import REVISIONS, TABLES

APPLICATION_ID = 0x544D4F4E  # "TMON", in the header of every datafile


class Schema(NamedTuple):
    """The schema revisions that this program knows, oldest first, and their scripts."""

    revisions: tuple[str, ...] = REVISIONS
    folder: Path | None = None  # None: the one that came with this package

    @property
    def head(self) -> str:
        return self.revisions[-1]


def migrations_folder() -> Path:
    """The migration scripts: inside an installed package, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    shipped = package / "_migrations"
    return shipped if shipped.is_dir() else package.parent / "migrations"


def create_tables(connection: sqlite3.Connection) -> None:
    """Fill a blank database with the tables of the newest schema."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("BEGIN")
    for sql in TABLES:
        connection.execute(sql)
    connection.execute("INSERT INTO alembic_version VALUES (?)", (REVISIONS[-1],))
    connection.execute("COMMIT")
