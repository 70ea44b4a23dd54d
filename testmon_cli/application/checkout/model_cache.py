"""Models of sources on disk, beside instrumented code.

A new datafile need not have them made again.
"""

import struct
from collections.abc import Callable

from testmon_cli.analysis.model_key import MODEL_KEY
from testmon_cli.application.checkout.sources import Stat
from testmon_cli.domain.records import SourceVersion
from testmon_cli.tracing.engines.probe_cache import Cache

_LENGTH = struct.Struct("<Q")  # bytes of the model; the names follow it


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
    header = f"testmon model {MODEL_KEY} {digest}\n".encode()
    data = cache.read(absolute, "model", header)
    if data is not None:
        start = _LENGTH.size
        end = start + _LENGTH.unpack_from(data)[0]
        return SourceVersion(
            path, digest, MODEL_KEY, data[start:end], data[end:], stat.size, stat.mtime_ns
        )
    version = make()
    if version.model:  # of what does not parse nothing is kept
        cache.write(
            absolute,
            "model",
            header,
            _LENGTH.pack(len(version.model)) + version.model + version.names,
        )
    return version
