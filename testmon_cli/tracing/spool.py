"""The file that this process appends its records to."""

import os

from testmon_cli.tracing.originals import open_handle, paths, write_handle
from testmon_cli.tracing.wire import Record, encode


class Spool:
    """Appends records to a file of its own; a forked child gets another one."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._handle: int | None = None
        self.path = ""
        os.register_at_fork(after_in_child=self._forked)

    def write(self, *records: Record) -> None:
        """Append the records with one system call, so that a kill leaves whole frames."""
        if not records:
            return
        data = encode(records)
        handle = self._open()
        written = 0
        try:
            while written < len(data):
                written += write_handle(handle, data[written:])
        except OSError:  # the disk is full: what comes later must not follow half a frame
            if written:
                os.ftruncate(handle, os.fstat(handle).st_size - written)
            raise

    def _open(self) -> int:
        if self._handle is None:
            self.path = paths.join(self._folder, f"{os.getpid()}-{os.urandom(4).hex()}.spool")
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._handle = open_handle(self.path, flags, 0o600)
        return self._handle

    def _forked(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
        self._handle = None
        self.path = ""
