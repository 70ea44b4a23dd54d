"""Sources as a git revision has them, by git's own command."""

import subprocess
from pathlib import Path

from testmon_cli.domain.errors import EnvironmentFailure


def resolve(root: Path, revision: str) -> str:
    """The commit that a revision names. Raises EnvironmentFailure when git does not know it, or is not there."""
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found is None:
        raise EnvironmentFailure(f"git knows no revision {revision!r} in {root}; give a commit, branch or tag")
    return found.decode().strip()


def sources(root: Path, commit: str) -> dict[str, str]:
    """Python files of a commit below the root: path relative to the root -> object name."""
    listing = _git(root, "ls-tree", "-r", "-z", commit, "--", ".") or b""
    found = {}
    for entry in listing.split(b"\0"):
        about, _, path = entry.partition(b"\t")
        if path.endswith(b".py"):
            found[path.decode("utf-8", "surrogateescape")] = about.split()[2].decode()
    return found


def content(root: Path, blob: str) -> bytes:
    """The bytes of a git object."""
    return _git(root, "cat-file", "blob", blob) or b""


def blob_name(data: bytes) -> str:
    """The name git would give these bytes (SHA-1 repositories)."""
    import hashlib

    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _git(root: Path, *arguments: str) -> bytes | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        raise EnvironmentFailure(f"cannot run git ({error.strerror}); --base needs it") from error
    return done.stdout if done.returncode == 0 else None
