"""64-bit checksums: blake2b, as in RFC 7693, cut to eight bytes."""

from testmon_cli.domain.hashing import blake2b


def checksum(*parts: str) -> int:
    """Unsigned 64-bit checksum of texts.

    Lone surrogates (as in string literals) are hashed as they are.
    """
    data = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")


def content_digest(data: bytes) -> str:
    """The digest that names a file's content: blake2b of 16 bytes, in hexadecimal."""
    return blake2b(data, digest_size=16).hexdigest()
