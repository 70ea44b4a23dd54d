"""Finds files that differ between a commit, the index and the working tree."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from testmon_cli.application.checkout import git
from testmon_cli.application.checkout.sources import Overlay
from testmon_cli.domain.errors import TestmonError

_SUBMODULE = "160000"  # git's mode of one


def staged(root: Path) -> Overlay:
    """Read the files of git's index in place of the working tree.

    Files that git ignores stay as they are.

    Raises EnvironmentFailure without git, TestmonError when files have conflicts.
    """
    prefix = _prefix(root)
    found = _differing(root, prefix, "diff-files", "--raw", "-z", "--no-renames")
    found |= dict.fromkeys(_untracked(root, prefix), "")

    def reader(path: str, blob: str) -> bytes:
        return git.content(root, blob, os.path.normpath(prefix + path))

    return Overlay(
        {path: partial(reader, path, blob) if blob else None for path, blob in found.items()}
    )


def since(root: Path, commit: str, *, in_index: bool) -> dict[str, str]:
    """Files that differ from a commit, now or in the index.

    Returns by path the id of the blob that the commit has, "" for a file that it has not.
    """
    prefix = _prefix(root)
    cached = ["--cached"] if in_index else []
    found = _differing(root, prefix, "diff-index", "--raw", "-z", "--no-renames", *cached, commit)
    if not in_index:
        found |= dict.fromkeys(_untracked(root, prefix), "")
    return found


def _prefix(root: Path) -> str:
    """Where our root stands in the repository, with a slash at the end; "" where that begins."""
    return os.fsdecode(git.answer(root, "rev-parse", "--show-prefix")).strip("\n")


def _differing(root: Path, prefix: str, *command: str) -> dict[str, str]:
    """Paths of a raw difference, with the objects on its first side."""
    parts = iter(git.answer(root, *command).split(b"\0"))
    found: dict[str, str] = {}
    for about in parts:
        if not about:
            continue
        path = os.fsdecode(next(parts))
        mode, _, blob, _, status = about.decode().lstrip(":").split()
        if status.startswith("U"):
            raise TestmonError(f"{path} has a conflict in the index of git: resolve it first")
        if mode != _SUBMODULE:
            found[_from_root(path, prefix)] = blob if blob.strip("0") else ""
    return found


def _untracked(root: Path, prefix: str) -> Iterator[str]:
    listed = git.answer(
        root, "ls-files", "-z", "--others", "--exclude-standard", "--full-name", ":/"
    )
    for name in listed.split(b"\0"):
        if name and not name.endswith(b"/"):  # a repository of its own
            yield _from_root(os.fsdecode(name), prefix)


def _from_root(path: str, prefix: str) -> str:
    """A path of the repository, relative to our root, which stands at `prefix` in it."""
    return os.path.relpath(path, prefix or ".").replace(os.sep, "/") if prefix else path
