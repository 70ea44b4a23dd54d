"""Instrumented code on disk, beside Python's own caches and never read by plain runs."""

import importlib.util
import marshal
import os
import sys
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from types import CodeType


@cache
def cache_key() -> str:
    """Changes with everything that decides where probes go. Read from files: importing them takes longer."""
    tracing = os.path.dirname(os.path.abspath(__file__))
    analysis = os.path.join(os.path.dirname(tracing), "analysis")
    digest = blake2b(digest_size=6)
    for folder, name in ((analysis, "blocks"), (tracing, "instrumenting"), (tracing, "probes")):
        with open(os.path.join(folder, f"{name}.py"), "rb") as handle:
            digest.update(handle.read())
    return digest.hexdigest()


def cached_code(path: str, digest: str, make: Callable[[], CodeType]) -> CodeType:
    """The instrumented code of a source with this digest, made and kept when there is none."""
    place = _place(path)
    header = importlib.util.MAGIC_NUMBER + f"{cache_key()} {digest}\n".encode()
    code = _read(place, header)
    if code is None:
        code = make()
        if not sys.dont_write_bytecode:
            _write(place, header + marshal.dumps(code))
    return code


def _place(path: str) -> str:
    cached = importlib.util.cache_from_source(path)
    return cached.removesuffix(".pyc") + ".testmon.pyc"


def _read(place: str, header: bytes) -> CodeType | None:
    try:
        with open(place, "rb") as handle:
            data = handle.read()
    except OSError:
        return None
    if not data.startswith(header):
        return None
    try:
        code = marshal.loads(data[len(header) :])
    except (EOFError, ValueError, TypeError):
        return None
    return code if isinstance(code, CodeType) else None


def _write(place: str, data: bytes) -> None:
    draft = f"{place}.{os.getpid()}-{os.urandom(2).hex()}"
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(draft, "wb") as handle:
            handle.write(data)
        os.replace(draft, place)
    except OSError:  # an unwritable folder costs time, not correctness
        return
