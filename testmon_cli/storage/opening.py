"""From a path to a connection: recognise, refuse, create, upgrade."""

import os
import re
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from testmon_cli.domain.errors import DatafileError
from testmon_cli.storage.connection import Connection, translated
from testmon_cli.storage.gc import Progress
from testmon_cli.storage.layout import APPLICATION_ID, Schema, create_tables
from testmon_cli.storage.sealing import Seal

Mode = Literal["read", "write"]
_MAGIC = b"SQLite format 3\0"
_OTHER = "name another with --datafile or TESTMON_DATAFILE"


class MissingDatafile(DatafileError):  # noqa: N818 - the message says it is an error, the name says which
    """There is no datafile yet."""


class DamagedDatafile(DatafileError):  # noqa: N818
    """Nothing in the datafile can be believed."""


def path_of(location: str | Path) -> Path:
    """The file that a path or a `sqlite:///` URL names."""
    text = str(location)
    if text.startswith("sqlite:///"):
        text = text.removeprefix("sqlite:///")
    elif re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text):
        scheme = text.partition(":")[0]
        raise DatafileError(
            f"{scheme} URLs are not supported as datafile: give a path or sqlite:///PATH"
        )
    if text in ("", ":memory:"):
        raise DatafileError("the datafile has no name: give a path or sqlite:///PATH")
    return Path(text)


def connect(
    path: Path, mode: Mode, timeout: float, on_wait: Callable[[], None] | None, schema: Schema
) -> Connection:
    """Open an existing datafile of ours; an older one is upgraded first."""
    recognise(path)
    connection = Connection(_driver(path, mode, timeout), path, on_wait, timeout)
    try:
        found = _revision(connection)
        if found != schema.head:
            if found not in schema.revisions:
                raise DatafileError(
                    f"{path} has schema {found}, which a newer testmon made: upgrade testmon-cli, or {_OTHER}"
                )
            _check_seal(connection)
            connection.close()
            upgrade(path, found, timeout, schema)
            connection = Connection(_driver(path, mode, timeout), path, on_wait, timeout)
        _check_seal(connection)
        if mode == "read":
            with translated(path):
                connection.driver.execute("PRAGMA query_only = ON")
        else:
            connection.driver.execute("ROLLBACK")
        return connection
    except BaseException:
        connection.close()
        raise


def _check_seal(connection: Connection) -> None:
    """Begin to read one state of the file, and refuse it when it is damaged."""
    with translated(connection.path):
        connection.driver.execute("BEGIN")
    _revision(connection)  # the first query fixes what this reader sees
    connection.seal = Seal(connection.path)
    if connection.seal.is_broken():
        raise DamagedDatafile(
            f"{connection.path} is damaged, or was changed by another program: its checksum does not match; "
            "restore a copy, or move it away and collect again"
        )


def recognise(path: Path) -> None:
    """Refuse a file that is no datafile, by its first bytes.

    Raises MissingDatafile where `path` does not exist, DatafileError for another file.
    """
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise DatafileError(
                f"{path} is a folder: name a file with --datafile or TESTMON_DATAFILE"
            )
        if not stat.S_ISREG(kind):
            raise DatafileError(f"{path} is no regular file: {_OTHER}")
        header = _header(path)
    except FileNotFoundError:
        raise MissingDatafile(f"{path} does not exist: run testmon collect first") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DatafileError(
            f"{path} cannot be read ({reason}): make it readable, or {_OTHER}"
        ) from error
    if not header:
        raise DatafileError(f"{path} is empty: remove it, or {_OTHER}")
    if not header.startswith(_MAGIC):
        raise DatafileError(f"{path} is not a datafile of testmon: {_OTHER}")
    if not _is_marked(header):
        raise DatafileError(f"{path} is an SQLite file of another program: {_OTHER}")


def is_ours(path: str) -> bool:
    """Tell whether a regular file is a datafile, whatever its schema."""
    return _is_marked(_header(Path(path)))


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(100)


def _is_marked(header: bytes) -> bool:
    return header.startswith(_MAGIC) and int.from_bytes(header[68:72], "big") == APPLICATION_ID


def create(path: Path) -> None:
    """Make a blank datafile.

    Another process that makes the same one at the same time does no harm. Raises DatafileError
    where `path` cannot be written.
    """
    path = Path(os.path.realpath(path))  # what a link leads to that may not be there yet
    draft = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}.new")
    try:
        _make_private(draft)
    except FileNotFoundError:
        raise DatafileError(f"{path} cannot be created: there is no folder {path.parent}") from None
    except OSError as error:
        raise DatafileError(
            f"{path} cannot be created ({error.strerror}): make its folder writable, or {_OTHER}"
        ) from error
    try:
        with translated(path):
            driver = sqlite3.connect(draft, isolation_level=None)
            try:
                create_tables(driver)
            finally:
                driver.close()
        _publish(draft, path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def draft(path: Path) -> Iterator[Path]:
    """Make a blank datafile beside `path`, and move it there if all goes well.

    Raises DatafileError where something is at `path` already, or it cannot be written.
    """
    target = Path(os.path.realpath(path))
    place = target.with_name(f"{target.name}.{os.getpid()}-{os.urandom(4).hex()}.new")
    try:
        create(place)
        yield place
        try:
            os.link(place, target)
        except FileExistsError:
            raise DatafileError(
                f"{path} is there already, it was left as it was: name another"
            ) from None
        except OSError:
            os.replace(place, target)  # a file system without links
    finally:
        for ending in ("", "-wal", "-shm"):
            place.with_name(place.name + ending).unlink(missing_ok=True)


def _make_private(path: Path) -> None:
    """An empty file that only its owner reads.

    It will hold failure texts, which may hold anything.
    """
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _publish(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return  # another process was faster
    except OSError:
        os.replace(draft, path)  # a file system without links


def upgrade(
    path: Path, revision: str, timeout: float, schema: Schema, progress: Progress | None = None
) -> Path:
    """Bring a datafile to the newest schema in one transaction.

    Returns the path of the backup that it puts beside it.

    `progress` is told of steps: the copy is one, and each revision.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from testmon_cli.storage import migrating

    driver = _driver(path, "write", timeout)
    seal = Seal(path)
    try:
        first = schema.revisions.index(revision)

        def reached(revision: str) -> None:
            if progress is not None:
                progress(
                    schema.revisions.index(revision) - first + 1, len(schema.revisions) - first
                )

        backup = _backup(driver, path, revision)
        reached(revision)
        try:
            with translated(path):
                migrating.upgrade(driver, schema.folder, reached=reached)
        except (SQLAlchemyError, sqlite3.Error) as error:
            backup.unlink()
            reason = str(error).partition("\n")[0]
            raise DatafileError(
                f"{path} could not be upgraded from schema {revision} to {schema.head} and was left as it was: {reason}"
            ) from error
        except BaseException:
            backup.unlink()
            raise
        with suppress(sqlite3.Error):  # it is whole without
            seal.put(driver)
        return backup
    finally:
        driver.close()
        seal.close()


def _backup(driver: sqlite3.Connection, path: Path, revision: str) -> Path:
    """A copy beside the datafile, under a name that is free."""
    count = 1
    target = path.with_name(f"{path.name}.backup-{revision}")
    while target.exists():
        count += 1
        target = path.with_name(f"{path.name}.backup-{revision}-{count}")
    try:
        _make_private(target)
    except OSError as error:
        raise DatafileError(
            f"{path} cannot be upgraded: no copy can be put at {target} ({error.strerror})"
        ) from error
    with translated(target):
        copy = sqlite3.connect(target)
        try:
            driver.backup(copy)
            copy.execute("PRAGMA user_version = 0")  # its bytes may be others
        except BaseException:
            copy.close()
            target.unlink(missing_ok=True)
            raise
        copy.close()
    return target


def driver(path: Path, mode: Mode, timeout: float) -> sqlite3.Connection:
    """A connection to a file that need not be whole."""
    return _driver(path, mode, timeout)


def _driver(path: Path, mode: Mode, timeout: float) -> sqlite3.Connection:
    """A connection of the driver, made sure to be able to do what it is for.

    A reader opens for writing too where it may: only then does the last one to close remove the
    files that SQLite keeps beside the datafile while it is in use. `query_only` keeps it from
    changing anything.
    """
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    if mode == "write" and not writable:
        raise DatafileError(f"{path} or its folder is read-only: make both writable, or {_OTHER}")
    # Nobody can write in a folder that is read-only, so nothing can change below us.
    alone = not writable and not path.with_name(f"{path.name}-wal").exists()
    options = "mode=rw" if writable else "mode=ro&immutable=1" if alone else "mode=ro"
    with translated(path):
        driver = sqlite3.connect(
            f"{_uri(path)}?{options}", uri=True, timeout=timeout, isolation_level=None
        )
        driver.row_factory = sqlite3.Row
        try:
            # a power cut loses the last batches, a killed process none
            driver.execute("PRAGMA synchronous = NORMAL")
            driver.execute("PRAGMA foreign_keys = ON")
            driver.execute("PRAGMA cache_size = -32000")  # kilobytes
        except BaseException:  # text in a damaged schema that cannot be decoded, too
            driver.close()
            raise
    return driver


def _uri(path: Path) -> str:
    """The path as SQLite wants it; `Path.as_uri` would import urllib, which takes milliseconds."""
    text = path.absolute().as_posix().replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    if not text.isascii():
        text = "".join([chr(byte) if byte < 0x80 else f"%{byte:02x}" for byte in os.fsencode(text)])
    return f"file:{text}" if text.startswith("/") else f"file:///{text}"


def _revision(connection: Connection) -> str:
    try:
        with translated(connection.path):
            row = connection.driver.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        row = None
    if row is None:
        raise DatafileError(
            f"{connection.path} does not say its schema: restore a copy, or {_OTHER}"
        )
    return str(row[0])
