"""The folder that the processes of a collect write their records to."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from testmon_cli.tracing.settings import INTERRUPTED

_PREFIX = "testmon-spool-"
_LOCK = "lock"
# seconds since its last change after which a folder without a holder of its lock is left behind
_UNLOCKED_FOR = 60.0


class Spool(NamedTuple):
    """A folder that lives as long as its collect, and the open file that says that it does."""

    folder: str
    lock: int

    def is_interrupted(self) -> bool:
        """Tell whether pytest was interrupted."""
        return os.path.exists(os.path.join(self.folder, INTERRUPTED))


@contextmanager
def spool() -> Iterator[Spool]:
    """A new folder, locked by whoever has its lock open.

    Those of collects that were killed are removed first.
    """
    sweep(tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as folder:
        lock = os.open(os.path.join(folder, _LOCK), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield Spool(folder, lock)
        finally:
            os.close(lock)


def sweep(parent: str) -> None:
    """Remove our folders that no living process has locked."""
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if (
                entry.name.startswith(_PREFIX)
                and entry.is_dir(follow_symlinks=False)
                and _is_dead(entry)
            ):
                shutil.rmtree(entry.path, ignore_errors=True)


def _is_dead(entry: "os.DirEntry[str]") -> bool:
    """Tell whether a spool folder is abandoned: no process holds its lock, and it is old."""
    try:
        stat = entry.stat(follow_symlinks=False)
        if stat.st_uid != os.getuid() or stat.st_mtime > time.time() - _UNLOCKED_FOR:
            return False
        lock = os.open(os.path.join(entry.path, _LOCK), os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return os.path.isdir(entry.path)  # without a lock: its maker ended before there was one
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
