"""PostgreSQL as a hub: bundles with what they say of themselves, and rows of outcomes for queries.

A bundle and its outcomes come in one transaction. Roles that may only read, or only read and add,
do what they may.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from testmon_cli.bundles.files import Header
from testmon_cli.domain.errors import EnvironmentFailure, HubError, SettingsError
from testmon_cli.domain.provenance import Provenance
from testmon_cli.hubs.store import Entry, Gone

_ATTEMPTS: Final = 3
_PAUSE: Final = 0.3
_ROWS: Final = 2_000  # of outcomes that go together
_LOCK: Final = 0x7465_7374  # of who makes the tables
_NO_TABLE: Final = "42P01"
_NOT_ALLOWED: Final = ("42501", "25006")  # insufficient privilege, read-only transaction
# classes of errors that pass: the connection, an operator, resources
_LOST: Final = ("08", "57", "53")
Answer = TypeVar("Answer")


class DatabaseStore:
    """Tables in a database."""

    def __init__(self, address: str) -> None:
        try:
            import psycopg  # noqa: F401 - SQLAlchemy imports it later
        except ImportError:
            raise EnvironmentFailure(
                "a hub in PostgreSQL needs the package psycopg: install testmon-cli[postgres]"
            ) from None
        from sqlalchemy import create_engine
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError
        from sqlalchemy.pool import NullPool

        parts = urlsplit(address)
        self.where = f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"
        try:
            url = make_url(address).set(drivername="postgresql+psycopg")
            options = {"connect_timeout": "10", **url.query}
            self._engine = create_engine(url.set(query=options), poolclass=NullPool)
        except (ArgumentError, ValueError):
            raise SettingsError(f"the address of the hub {self.where} cannot be read") from None
        self._is_current = False

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        from sqlalchemy import select

        from testmon_cli.hubs.tables import bundle

        def listed(connection: Any) -> list[Entry]:
            query = select(bundle.c.name, bundle.c.size).where(
                bundle.c.name.startswith(prefix, autoescape=True)
            )
            return [Entry(name, size) for name, size in connection.execute(query)]

        nothing: list[Entry] = []
        yield from self._tried("read", listed, otherwise=nothing)

    def get(self, name: str, path: Path) -> None:
        from sqlalchemy import select

        from testmon_cli.hubs.tables import bundle

        def read(connection: Any) -> bytes | None:
            data: bytes | None = connection.scalar(
                select(bundle.c.data).where(bundle.c.name == name)
            )
            return data

        data = self._tried("read", read, otherwise=None)
        if data is None:
            raise Gone(name)
        path.write_bytes(data)

    def put(self, name: str, path: Path, header: Header) -> bool:
        from sqlalchemy import insert
        from sqlalchemy.dialects.postgresql import insert as insert_or_leave

        from testmon_cli.hubs.outcomes import outcomes_of
        from testmon_cli.hubs.tables import bundle, outcome

        def write(connection: Any) -> bool:
            self._upgrade(connection)
            adding = insert_or_leave(bundle).values(_columns(name, path, header))
            number = connection.scalar(
                adding.on_conflict_do_nothing(index_elements=["name"]).returning(bundle.c.id)
            )
            if number is None:
                return False
            left = outcomes_of(path)
            while rows := list(islice(left, _ROWS)):
                connection.execute(
                    insert(outcome),
                    [{"bundle_id": number, **_storable(row._asdict())} for row in rows],
                )
            return True

        return self._tried("written", write)

    def remove(self, name: str) -> None:
        from sqlalchemy import delete

        from testmon_cli.hubs.tables import bundle

        self._tried(
            "written",
            lambda connection: connection.execute(delete(bundle).where(bundle.c.name == name)),
        )

    def tidy(self, now: float) -> int:
        return 0  # a transaction is done in full or not at all

    def close(self) -> None:
        self._engine.dispose()

    def _upgrade(self, connection: Any) -> None:
        """Make the tables, or bring older ones to what this version needs.

        One process does so at a time.
        """
        if self._is_current:
            return
        from sqlalchemy import text

        from testmon_cli.hubs import migrating

        if migrating.is_older(connection, self.where):
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            if migrating.is_older(connection, self.where):
                migrating.upgrade(connection)
        self._is_current = True

    def _tried(self, what: str, act: Callable[[Any], Answer], **otherwise: Answer) -> Answer:
        """Act in a transaction, again where the connection was lost."""
        from sqlalchemy.exc import DBAPIError

        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self._engine.begin() as connection:
                    return act(connection)
            except DBAPIError as error:
                self._is_current = False
                state = getattr(error.orig, "sqlstate", None)
                if state == _NO_TABLE and "otherwise" in otherwise:
                    return otherwise["otherwise"]
                if attempt == _ATTEMPTS or not (state is None or state.startswith(_LOST)):
                    raise HubError(
                        f"the hub {self.where} cannot be {what}: {_reason(state)}"
                    ) from None
                time.sleep(_PAUSE * 2**attempt)
        raise AssertionError


def _columns(name: str, path: Path, header: Header) -> dict[str, object]:
    provenance = Provenance(**{"provider": "", "event": "", **header.provenance})._asdict()
    environment, python, platform = header.environment
    data = path.read_bytes()
    return _storable(
        {
            **provenance,
            "commit": next(iter(header.commits), ""),
            "name": name,
            "content": header.content,
            "started": datetime.fromtimestamp(header.last, UTC),
            "environment": environment,
            "python": python,
            "platform": platform,
            "tests": header.tests,
            "executions": header.executions,
            "testmon": header.testmon,
            "signature": header.signature,
            "size": len(data),
            "data": data,
        }
    )


def _storable(fields: dict[str, Any]) -> dict[str, Any]:
    """Texts as PostgreSQL can hold them: without null characters and halves of surrogate pairs."""
    return {
        name: value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
        if type(value) is str
        else value
        for name, value in fields.items()
    }


def _reason(state: str | None) -> str:
    """Say what is wrong without the library's words, which may hold addresses."""
    if state in _NOT_ALLOWED:
        return "permission denied"
    if state == _NO_TABLE:
        return "it has no tables of testmon yet: let a role that may create tables push first"
    if state is not None and state.startswith("28"):
        return "user or password is wrong"
    if state == "3D000":
        return "there is no such database"
    if state is None or state.startswith(_LOST):
        return "there is no connection to it"
    return f"the database refused (SQLSTATE {state})"
