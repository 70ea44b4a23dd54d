"""Reading files whose names come from a project."""

import errno
import os


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file.

    What is no regular one, like a pipe, would keep us waiting: it raises OSError.
    """
    if not os.path.isfile(path) and os.path.lexists(path):
        raise OSError(errno.EINVAL, "it is no regular file", os.fspath(path))
    with open(path, "rb", buffering=0) as handle:
        return handle.read()
