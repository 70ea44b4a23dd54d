"""Models of sources on disk, beside instrumented code: a new datafile need not have them made again."""

import struct
from collections.abc import Callable

from testmon_cli.analysis.model_key import MODEL_KEY
from testmon_cli.application.sources import Stat
from testmon_cli.domain.hashing import blake2b
from testmon_cli.domain.records import SourceVersion
from testmon_cli.tracing import probe_cache

_LENGTH = struct.Struct("<Q")  # bytes of the model; the names follow it
_SEAL = 16  # bytes of the checksum that tells a damaged file


def version_of(
    root: str, absolute: str, path: str, digest: str, stat: Stat, make: Callable[[], SourceVersion]
) -> SourceVersion:
    """The version of a source with this digest, made and kept when there is none."""
    place = probe_cache.place_of(root, absolute, "model")
    header = f"testmon model {MODEL_KEY} {digest}\n".encode()
    data = probe_cache.read(place, header)
    if data is not None and _seal(data[_SEAL:]) == data[:_SEAL]:
        start = _SEAL + _LENGTH.size
        end = start + _LENGTH.unpack_from(data, _SEAL)[0]
        return SourceVersion(path, digest, MODEL_KEY, data[start:end], data[end:], stat.size, stat.mtime_ns)
    version = make()
    if version.model:  # of what does not parse nothing is kept
        body = _LENGTH.pack(len(version.model)) + version.model + version.names
        probe_cache.write(place, header + _seal(body) + body)
    return version


def _seal(body: bytes) -> bytes:
    return blake2b(body, digest_size=_SEAL).digest()
