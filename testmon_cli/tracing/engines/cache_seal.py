"""The key that only this user has.

What is kept in a project's folder is used only where a seal made with it fits.

A folder of a project may come from anybody, with a clone or an archive, and code from it is
executed.
"""

import os
import stat
from collections.abc import Mapping
from functools import cache

from testmon_cli.domain.hashing import blake2b
from testmon_cli.tracing.originals import (
    get_open_state,
    get_user,
    make_folders,
    open_file,
    open_handle,
    paths,
    put_in_place,
)

SEAL = 16  # bytes of a seal
_KEY = 32  # bytes of the key
_OTHERS = 0o077  # permissions for anybody but the owner
# A link is not followed, and to open a pipe does not wait for somebody to write into it.
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def key_place(environ: Mapping[str, str]) -> str:
    """Where the key of this user is kept; "" for a user without a home."""
    folder = environ.get("XDG_CACHE_HOME", "")
    if not paths.isabs(folder):  # as its specification wants it
        folder = paths.join(paths.expanduser("~"), ".cache")
    return paths.join(folder, "testmon", "key") if paths.isabs(folder) else ""


def make_key(place: str) -> str:
    """Make the key, unless there is one.

    Gives its place, "" when this user has none that can be used.
    """
    if place and not paths.lexists(place):
        draft = f"{place}.{os.getpid()}-{os.urandom(4).hex()}"
        try:
            make_folders(paths.dirname(place))
            with open_file(
                draft, "xb", opener=lambda path, flags: open_handle(path, flags, 0o600)
            ) as handle:
                handle.write(os.urandom(_KEY))
            put_in_place(draft, place)
        except OSError:
            return ""
    return place if read_key(place) is not None else ""


@cache
def read_key(place: str) -> bytes | None:
    """The key, None when there is none or others may know it."""
    key = read_own(place, secret=True) if place else None
    return key if key is not None and len(key) == _KEY else None


def read_own(place: str, *, secret: bool = False) -> bytes | None:
    """Read a regular file of this user; None for anything else.

    Anything else is a link, a pipe, or a file of somebody else. With `secret`, nobody else may be
    allowed to read the file.
    """
    try:
        with open_file(
            place, "rb", buffering=0, opener=lambda path, flags: open_handle(path, flags | _FLAGS)
        ) as handle:
            state = get_open_state(handle.fileno())
            is_own = stat.S_ISREG(state.st_mode) and state.st_uid == get_user(state)
            if not is_own or (secret and os.name == "posix" and state.st_mode & _OTHERS):
                return None
            return handle.read()
    except OSError:
        return None


def seal(key: bytes, *parts: bytes) -> bytes:
    """Seal content with the key: nobody else can make the same bytes."""
    digest = blake2b(key=key, digest_size=SEAL)
    for part in parts:
        digest.update(part)
    return digest.digest()
