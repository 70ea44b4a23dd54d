"""A folder as a hub: on a disk, a network share, or a cache of CI."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from testmon_cli.bundles.files import Header
from testmon_cli.domain.errors import HubError
from testmon_cli.domain.provenance import EVENTS
from testmon_cli.hubs.store import Entry, Gone

_DRAFT: Final = ".new"
_DAY: Final = 86_400.0
_DEEP: Final = 2  # folders above a bundle


class FolderStore:
    """Files in folders.

    They are written beside their place and then put there: no reader sees a part of one.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def where(self) -> str:
        return str(self._root)

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        with self._explained("read"):
            for path, status in self._files(self._root):
                name = path.relative_to(self._root).as_posix()
                if name.startswith(prefix) and not path.name.startswith("."):
                    yield Entry(name, status.st_size)

    def get(self, name: str, path: Path) -> None:
        with self._explained("read"):
            try:
                descriptor = os.open(self._root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            except FileNotFoundError as error:
                raise Gone(name) from error
            with open(descriptor, "rb") as source, open(path, "wb") as target:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise Gone(name)
                shutil.copyfileobj(source, target, 1 << 20)

    def put(self, name: str, path: Path, header: Header) -> bool:
        target = self._root / name
        with self._explained("written"):
            if target.exists():
                return False
            if not self._root.is_dir() and not self._root.parent.is_dir():
                raise FileNotFoundError(2, f"there is no folder {self._root.parent}")
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(
                f".{target.name[:60]}.{os.getpid()}-{os.urandom(4).hex()}{_DRAFT}"
            )
            try:
                with open(path, "rb") as source, open(draft, "xb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
                    copy.flush()
                    os.fsync(copy.fileno())
                return _publish(draft, target)
            finally:
                draft.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        with self._explained("written"):
            (self._root / name).unlink(missing_ok=True)

    def tidy(self, now: float) -> int:
        with self._explained("written"):
            left = [
                path
                for path, status in self._files(self._root)
                if path.name.startswith(".")
                and path.name.endswith(_DRAFT)
                and status.st_mtime < now - _DAY
            ]
            for path in left:
                path.unlink(missing_ok=True)
        return len(left)

    def close(self) -> None:
        pass

    def _files(self, folder: Path, above: int = 0) -> Iterator[tuple[Path, os.stat_result]]:
        """Regular files, in the folders that are ours.

        No link is followed, and what goes away is left out.
        """
        with os.scandir(folder) as found:
            entries = list(found)
        for entry in entries:
            try:
                is_folder = entry.is_dir(follow_symlinks=False)
                status = entry.stat(follow_symlinks=False)
                if not is_folder and stat.S_ISREG(status.st_mode):
                    yield Path(entry.path), status
                elif is_folder and _is_ours(entry.name, above):
                    yield from self._files(Path(entry.path), above + 1)
            except FileNotFoundError:
                continue

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise HubError(
                f"the hub {self._root} cannot be {what}: {error.strerror or error}"
            ) from error


def _is_ours(folder: str, above: int) -> bool:
    """Tell whether a folder, with so many of ours above it, may hold bundles."""
    if above == 0:
        return folder in EVENTS
    return above < _DEEP


def _publish(draft: Path, target: Path) -> bool:
    try:
        os.link(draft, target)
    except FileExistsError:
        return False  # another was faster
    except OSError:
        os.replace(draft, target)  # a file system without links
    return True
