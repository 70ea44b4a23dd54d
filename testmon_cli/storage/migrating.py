"""Alembic, for datafiles of an older schema.

Imported only when there is one: it takes half a second.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from testmon_cli.storage.layout import migrations_folder


def configuration(folder: Path | None = None) -> Config:
    """The Alembic configuration; no `alembic.ini` is needed."""
    config = Config()
    # ConfigParser would expand a percent sign of the path.
    config.set_main_option("script_location", str(folder or migrations_folder()).replace("%", "%%"))
    return config


def revisions(folder: Path | None = None) -> tuple[str, ...]:
    """All schema revisions, oldest first."""
    scripts = ScriptDirectory.from_config(configuration(folder))
    return tuple(script.revision for script in reversed(list(scripts.walk_revisions())))


def upgrade(
    connection: sqlite3.Connection,
    folder: Path | None = None,
    revision: str = "head",
    reached: Callable[[str], None] = lambda _: None,
) -> None:
    """Bring an open SQLite database to a revision in one transaction.

    The connection must be in autocommit mode (`isolation_level=None`). `reached` is told each
    revision on the way.
    """
    with _transaction(connection, folder) as config:
        config.attributes["reached"] = reached
        command.upgrade(config, revision)


def downgrade(connection: sqlite3.Connection, revision: str, folder: Path | None = None) -> None:
    """Take an open SQLite database back to an earlier revision, in the same way."""
    with _transaction(connection, folder) as config:
        command.downgrade(config, revision)


@contextmanager
def _transaction(connection: sqlite3.Connection, folder: Path | None) -> Iterator[Config]:
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    event.listen(engine, "begin", _begin)
    with engine.begin() as outer:
        outer.exec_driver_sql("PRAGMA user_version = 0")  # the seal, see `sealing`
        config = configuration(folder)
        config.attributes["connection"] = outer
        yield config


def _begin(connection: Connection) -> None:
    """The driver would begin only before the first INSERT: too late for DDL."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
