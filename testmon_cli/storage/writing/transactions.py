"""The transactions of a datafile, and the ids that are remembered from one to the next."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from testmon_cli.storage.block_sets import BlockSets
from testmon_cli.storage.connection import Connection
from testmon_cli.storage.row_ids import RowIds
from testmon_cli.storage.trace_rows import TraceRows


class Transactions:
    """The base of all changes: each is one transaction, all or nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids = RowIds(connection)
        self._trace_rows = TraceRows(connection, self._ids)
        self._block_sets = BlockSets(connection, self._ids)

    def uniting(self) -> AbstractContextManager[object]:
        """Make one transaction of all that is written within this context."""
        return self._transaction()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._connection.transaction() as changed_elsewhere:
            if changed_elsewhere:
                self._forget()  # ids that may be gone
            for rows in (self._ids, self._trace_rows, self._block_sets):
                rows.bound()
            try:
                yield self._connection
            except BaseException:
                self._forget()  # ids of rows that are rolled back
                raise

    def _forget(self) -> None:
        for rows in (self._ids, self._trace_rows, self._block_sets):
            rows.forget()
