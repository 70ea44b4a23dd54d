"""BLAKE2b (RFC 7693) without `hashlib`, which loads OpenSSL.

That costs a short command milliseconds.
"""

try:
    from _blake2 import blake2b
except ImportError:  # an interpreter that is built otherwise
    from hashlib import blake2b

__all__ = ["blake2b"]
