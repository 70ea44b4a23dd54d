"""What is made of sources, kept in a folder of the project's root that plain runs never read.

Not beside Python's own caches: where Python is told to leave none behind, as in many containers, this one is worth
the more.
"""

import importlib.util
import marshal
import os
import sys
from collections.abc import Callable
from functools import cache
from types import CodeType

from testmon_cli.domain.hashing import blake2b
from testmon_cli.tracing.originals import is_file, make_folders, open_file, put_in_place
from testmon_cli.tracing.settings import CACHE_FOLDER

_BESIDE = {
    ".gitignore": "*\n",
    "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n# testmon made this; see bford.info/cachedir\n",
}


def prepare(root: str) -> None:
    """Make the folder, and tell version control and backups to leave it out."""
    folder = os.path.join(root, CACHE_FOLDER)
    for name, text in _BESIDE.items():
        if not is_file(os.path.join(folder, name)):
            write(os.path.join(folder, name), text.encode())


@cache
def cache_key() -> str:
    """Changes with everything that decides where probes go. Read from files: importing them takes longer."""
    tracing = os.path.dirname(os.path.abspath(__file__))
    analysis = os.path.join(os.path.dirname(tracing), "analysis")
    digest = blake2b(digest_size=6)
    for folder, name in ((analysis, "blocks"), (tracing, "instrumenting"), (tracing, "probes")):
        with open_file(os.path.join(folder, f"{name}.py"), "rb", buffering=0) as handle:
            digest.update(handle.read())
    return digest.hexdigest()


def cached_code(root: str, path: str, digest: str, make: Callable[[], CodeType]) -> CodeType:
    """The instrumented code of a source with this digest, made and kept when there is none."""
    place = place_of(root, path, "code")
    header = importlib.util.MAGIC_NUMBER + f"{cache_key()} {digest}\n".encode()
    data = read(place, header)
    code = None if data is None else _loaded(data)
    if code is None:
        code = make()
        write(place, header + marshal.dumps(code))
    return code


def place_of(root: str, path: str, kind: str) -> str:
    """Where something made of a source by this Python is kept; both paths are absolute."""
    inside = path.removeprefix(root + os.sep)
    if inside == path:
        inside = os.path.join("outside", os.path.splitdrive(path)[1].lstrip(os.sep))
    python = f"{sys.implementation.cache_tag}{f'-opt-{sys.flags.optimize}' if sys.flags.optimize else ''}"
    return os.path.join(root, CACHE_FOLDER, python, f"{inside}.{kind}")


def read(place: str, header: bytes) -> bytes | None:
    """What a file holds behind this header, None when it has another or is not there."""
    try:
        with open_file(place, "rb", buffering=0) as handle:
            data = handle.read()
    except OSError:
        return None
    return data[len(header) :] if data.startswith(header) else None


def write(place: str, data: bytes) -> None:
    """Put a whole file in place, as far as the folder can be written to."""
    draft = f"{place}.{os.getpid()}-{os.urandom(2).hex()}"
    try:
        make_folders(os.path.dirname(place))
        with open_file(draft, "wb", buffering=0) as handle:
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
