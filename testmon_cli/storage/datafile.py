"""The owner of the datafile: it opens, locks, commits and closes. Nobody else sees a connection."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from testmon_cli.domain.errors import DatafileError
from testmon_cli.domain.records import Environment, Exchanged, Run
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage import opening
from testmon_cli.storage.connection import Connection, translated
from testmon_cli.storage.gc import Progress, Pruned, Pruning, prune, rehearse
from testmon_cli.storage.layout import Schema
from testmon_cli.storage.opening import DamagedDatafile, MissingDatafile, Mode
from testmon_cli.storage.reading import Reader
from testmon_cli.storage.writing import Writer

if TYPE_CHECKING:
    from testmon_cli.domain.evidence import Row
    from testmon_cli.domain.source import SourceModel
    from testmon_cli.storage.exporting import Exporter
    from testmon_cli.storage.merging import Merged

__all__ = ["DamagedDatafile", "Datafile", "DatafileError", "MissingDatafile", "Pruned", "Pruning"]


class Datafile(Reader, Writer):
    """An open datafile.

    Opened to read, it shows one state however long it is open and whoever writes meanwhile.
    """

    def __init__(self, connection: Connection, mode: Mode) -> None:
        Reader.__init__(self, connection)
        Writer.__init__(self, connection)
        self.path = connection.path
        self.mode = mode
        # of versions, once they were decoded; kept while it is read
        self.decoded: dict[int, SourceModel | None] = {}
        self._place = _place_of(self.path)

    @classmethod
    def open(
        cls,
        location: str | Path,
        mode: Mode = "read",
        *,
        create: bool = False,
        timeout: float = 30.0,
        on_wait: Callable[[], None] | None = None,
        schema: Schema | None = None,
    ) -> Self:
        """Open a path or `sqlite:///` URL.

        `on_wait` is called when another process holds the lock.
        """
        path = opening.path_of(location)
        if create and not os.path.exists(path):
            opening.create(path)
        return cls(opening.connect(path, mode, timeout, on_wait, schema or Schema()), mode)

    def prune(
        self,
        pruning: Pruning,
        now: float,
        *,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Pruned:
        """Take out what is wanted and all orphans; a dry run says the same and changes nothing."""
        return (rehearse if dry_run else prune)(self._connection, pruning, now, progress)

    def exporter(self, runs: Iterable[Run]) -> "Exporter":
        """Gives rows of evidence of some runs of one environment."""
        from testmon_cli.storage.exporting import Exporter  # not needed to select

        return Exporter(self._connection, self, runs)

    def export(self, runs: Iterable[Run]) -> Iterator["Row"]:
        """Export some runs of one environment as rows of evidence."""
        return self.exporter(runs).rows()

    def merge(self, environment: Environment, rows: Iterable["Row"]) -> "Merged":
        """Unite rows of evidence with what is known, or change nothing.

        Raises EvidenceError for what cannot be.
        """
        from testmon_cli.storage.merging import Merger

        with self.uniting():
            return Merger(self, environment).merge(rows)

    def exchanged(self) -> list[Exchanged]:
        """The bundles that were pulled or pushed."""
        rows = self._connection.tuples(sql.exchanged())
        return [
            Exchanged(content, key, executions, bool(ended))
            for content, key, executions, ended in rows
        ]

    def add_exchanged(self, bundles: Iterable[Exchanged]) -> None:
        """Remember bundles that were pulled or pushed."""
        with self.uniting():
            self._connection.insert(
                sql.add_exchanged(
                    {
                        "content": bundle.content,
                        "run_key": bundle.run_key,
                        "executions": bundle.executions,
                        "ended": bundle.ended,
                    }
                    for bundle in bundles
                )
            )

    def copy_to(self, driver: sqlite3.Connection) -> None:
        """Copy all to another database, while others may write to this one."""
        with translated(self.path):
            self._connection.driver.backup(driver)

    def vacuum(self) -> None:
        """Give back the room that nothing uses."""
        with self.uniting():
            pass  # waits for who writes, and takes the seal off
        with translated(self.path):
            self._connection.driver.execute("VACUUM")

    def check_in_place(self) -> None:
        """Raise DatafileError when the file was replaced or removed since it was opened."""
        if _place_of(self.path) != self._place:
            raise DatafileError(
                f"{self.path} was replaced or removed while tests ran: what they showed is lost, collect again"
            )

    def close(self) -> None:
        """Leave one file that holds everything."""
        connection = self._connection
        if self.mode == "write" and connection.seal is not None:
            # Readers may be open, or the disk full: what is committed stays in the -wal file until
            # the next.
            with suppress(sqlite3.Error):
                connection.seal.put(connection.driver)
        connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _place_of(path: Path) -> tuple[int, int] | None:
    """By what a file is recognised, whatever its content; None without one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
