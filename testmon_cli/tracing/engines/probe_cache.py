"""The cache of instrumented code, in a folder of the project that plain runs never read.

Not beside Python's own caches: where Python is told to leave none behind, as in many containers,
this one is worth the more.
"""

import importlib.util
import marshal
import os
import sys
from collections.abc import Callable
from functools import cache
from types import CodeType

from testmon_cli.domain.hashing import blake2b
from testmon_cli.tracing.engines.cache_seal import SEAL, read_own, seal
from testmon_cli.tracing.originals import (
    is_file,
    is_link,
    make_folders,
    open_file,
    paths,
    put_in_place,
    real_path,
)
from testmon_cli.tracing.settings import CACHE_FOLDER

_BESIDE = {
    ".gitignore": "*\n",
    "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n# testmon made this; see bford.info/cachedir\n",
}

_PLACING = (
    "analysis/blocks.py", "analysis/memoisation.py", "analysis/making.py", "analysis/known_effects.py",
    "analysis/lookups.py",
    "tracing/engines/instrument.py", "tracing/engines/probe_code.py",
)  # fmt: skip


def prepare(root: str) -> None:
    """Make the folder, and tell version control and backups to leave it out."""
    folder = paths.join(root, CACHE_FOLDER)
    if is_link(folder):
        return
    for name, text in _BESIDE.items():
        if not is_file(paths.join(folder, name)):
            write(paths.join(folder, name), text.encode())


@cache
def cache_key() -> str:
    """Changes with everything that decides where probes go.

    Read from files: importing them takes longer.
    """
    package = paths.dirname(paths.dirname(paths.dirname(paths.abspath(__file__))))
    digest = blake2b(digest_size=6)
    for path in _PLACING:
        with open_file(paths.join(package, path), "rb", buffering=0) as handle:
            digest.update(handle.read())
    return digest.hexdigest()


class Cache:
    """The cache for the sources below a root.

    Without a key nothing is: that costs time, not correctness.
    """

    def __init__(self, root: str, key: bytes | None) -> None:
        self._root = root
        self._key = key
        self._folders: dict[str, bool] = {}

    def code(self, path: str, digest: str, make: Callable[[], CodeType]) -> CodeType:
        """The instrumented code of a source with this digest.

        `make` makes it where none is kept.
        """
        header = importlib.util.MAGIC_NUMBER + f"{cache_key()} {digest}\n".encode()
        data = self.read(path, "code", header)
        code = None if data is None else _loaded(data)
        if code is None:
            code = make()
            self.write(path, "code", header, marshal.dumps(code))
        return code

    def read(self, path: str, kind: str, header: bytes) -> bytes | None:
        """Read what was kept under a header.

        None when nothing was, or when this user did not keep it.
        """
        if self._key is None:
            return None
        data = read_own(place_of(self._root, path, kind))
        start = len(header) + SEAL
        if data is None or not data.startswith(header) or not self._is_in_place(path):
            return None
        body = data[start:]
        return body if data[len(header) : start] == seal(self._key, header, body) else None

    def write(self, path: str, kind: str, header: bytes, body: bytes) -> None:
        """Keep something made of a source, where the folder can be written to.

        `header` tells what `body` was made of; `kind` is the ending of the file's name.
        """
        if self._key is not None and self._is_in_place(path):
            write(place_of(self._root, path, kind), header + seal(self._key, header, body) + body)

    def _is_in_place(self, path: str) -> bool:
        """Tell whether the folder for a source is where it seems to be, not behind a link."""
        folder = paths.dirname(place_of(self._root, path, ""))
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = real_path(folder) == folder
        return known


def place_of(root: str, path: str, kind: str) -> str:
    """The file that keeps something made of a source by this Python.

    `root` and `path` are absolute; `kind` is the ending of its name.
    """
    inside = path.removeprefix(root + paths.sep)
    if inside == path:
        inside = paths.join("outside", paths.splitdrive(path)[1].lstrip(paths.sep))
    python = f"{sys.implementation.cache_tag}{f'-opt-{sys.flags.optimize}' if sys.flags.optimize else ''}"
    return paths.join(root, CACHE_FOLDER, python, f"{inside}.{kind}")


def write(place: str, data: bytes) -> None:
    """Put a whole file in place, where its folder can be written to.

    A reader sees all of `data` or nothing.
    """
    draft = f"{place}.{os.getpid()}-{os.urandom(2).hex()}"
    try:
        try:
            handle = open_file(draft, "xb", buffering=0)
        except FileNotFoundError:  # mostly the folder is there
            make_folders(paths.dirname(place))
            handle = open_file(draft, "xb", buffering=0)
        with handle:
            handle.write(data)
        put_in_place(draft, place)
    except OSError:  # an unwritable folder costs time, not correctness
        return


def _loaded(data: bytes) -> CodeType | None:
    try:
        code = marshal.loads(data)
    except (EOFError, ValueError, TypeError):
        return None
    return code if isinstance(code, CodeType) else None
