"""Models of sources on disk, beside instrumented code.

A new datafile need not have them made again.
"""

import os
import struct
from collections.abc import Callable
from pathlib import Path

from testmon_cli.analysis.model_key import MODEL_KEY
from testmon_cli.application.checkout import cache_folder
from testmon_cli.application.checkout.sources import Stat
from testmon_cli.domain.records import SourceVersion
from testmon_cli.tracing.engines.cache_seal import read_key
from testmon_cli.tracing.engines.probe_cache import Cache

_LENGTH = struct.Struct("<Q")  # bytes of the model; the names follow it


class Models:
    """The models that earlier questions, or collecting, have kept of edited sources."""

    def __init__(self, root: Path) -> None:
        """Without a folder that collecting has made, nothing is kept."""
        self._root = root
        self._cache = Cache(str(root), read_key(cache_folder.key_of_existing(root)))

    def read(self, path: str, digest: str) -> bytes | None:
        """The model of a source with this content; None where none is kept."""
        data = self._cache.read(self._absolute(path), "model", _header(digest))
        return None if data is None else _parts(data)[0]

    def keep(self, path: str, digest: str, model: bytes, names: bytes) -> None:
        """Keep the model of a source, and its index of names."""
        self._cache.write(self._absolute(path), "model", _header(digest), _joined(model, names))

    def _absolute(self, path: str) -> str:
        return os.path.normpath(self._root / path)


def version_of(
    cache: Cache,
    absolute: str,
    path: str,
    digest: str,
    stat: Stat,
    make: Callable[[], SourceVersion],
) -> SourceVersion:
    """The version of a source, from the cache of the project.

    `digest` is that of the content. Where nothing is kept of it, `make` makes the version, which is
    kept.
    """
    data = cache.read(absolute, "model", _header(digest))
    if data is not None:
        return SourceVersion(path, digest, MODEL_KEY, *_parts(data), stat.size, stat.mtime_ns)
    version = make()
    if version.model:  # of what does not parse nothing is kept
        cache.write(absolute, "model", _header(digest), _joined(version.model, version.names))
    return version


def _header(digest: str) -> bytes:
    return f"testmon model {MODEL_KEY} {digest}\n".encode()


def _joined(model: bytes, names: bytes) -> bytes:
    return _LENGTH.pack(len(model)) + model + names


def _parts(data: bytes) -> tuple[bytes, bytes]:
    """The model and the index of names."""
    end = _LENGTH.size + _LENGTH.unpack_from(data)[0]
    return data[_LENGTH.size : end], data[end:]
