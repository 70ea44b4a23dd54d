"""The state of a file, directory or variable as one text: recorded when a test relies on it, compared by `select`."""

import hashlib
import os

MISSING = "missing"
UNSET = "unset"

_NOISE = frozenset({"__pycache__", ".pytest_cache", ".git", ".hypothesis", ".mypy_cache", ".ruff_cache", ".coverage"})


def file_state(path: str) -> str:
    """Digest of a file's content; MISSING where there is none, the sorted listing for a folder."""
    try:
        with open(path, "rb") as handle:
            return hashlib.blake2b(handle.read(), digest_size=16).hexdigest()
    except IsADirectoryError:
        return directory_state(path)
    except OSError:
        return MISSING


def directory_state(path: str) -> str:
    """Digest of the names in a folder, those that runs of tests make left out."""
    try:
        names = sorted(name for name in os.listdir(path) if not is_noise(name))
    except OSError:
        return MISSING
    return hashlib.blake2b("\0".join(names).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def is_noise(name: str) -> bool:
    """Whether a directory entry comes and goes with running tests."""
    return name in _NOISE or name.endswith(".pyc") or name.startswith(".testmondata")


def variable_state(value: str | None, hash_key: str) -> str:
    """Keyed digest of an environment variable's value, which itself is never stored; UNSET without one."""
    if value is None:
        return UNSET
    key = bytes.fromhex(hash_key)
    return hashlib.blake2b(value.encode("utf-8", "surrogateescape"), digest_size=16, key=key).hexdigest()
