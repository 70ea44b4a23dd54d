"""Zstandard: Python's own where there is one (3.14), the package `zstandard` before that."""

import sys
from typing import BinaryIO, Protocol

_LEVEL = 3  # more of it takes push half as long again, for 5 to 7 percent fewer bytes
_WINDOW_LOG = 27  # memory that a reader may be made to use: 128 MiB


class Reading(Protocol):
    """Gives what was compressed."""

    def read(self, size: int, /) -> bytes: ...


class Writing(Protocol):
    """Takes what is to be compressed; must be closed."""

    def write(self, data: bytes, /) -> int: ...

    def close(self) -> None: ...


if sys.version_info >= (3, 14):
    from compression import zstd

    Damage: tuple[type[Exception], ...] = (zstd.ZstdError, EOFError)

    def reader(file: BinaryIO) -> Reading:
        """Reads a compressed file from where it stands."""
        options = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
        return zstd.ZstdFile(file, "rb", options=options)

    def writer(file: BinaryIO) -> Writing:
        """Writes into a file, which stays open."""
        return zstd.ZstdFile(file, "wb", level=_LEVEL)

else:
    import zstandard

    Damage: tuple[type[Exception], ...] = (zstandard.ZstdError,)

    def reader(file: BinaryIO) -> Reading:
        """Reads a compressed file from where it stands."""
        return zstandard.ZstdDecompressor(max_window_size=1 << _WINDOW_LOG).stream_reader(
            file, closefd=False
        )

    def writer(file: BinaryIO) -> Writing:
        """Writes into a file, which stays open."""
        packer = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=False)
        return packer.stream_writer(file, closefd=False)
