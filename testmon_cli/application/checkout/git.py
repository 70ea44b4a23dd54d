"""Sources as a git revision has them, by git's own command."""

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from testmon_cli.domain.errors import EnvironmentFailure

_LINK = b"120000"  # git's mode of a symbolic link, which is stored as the path it leads to
_FATAL = 128  # exit code of git when it cannot do what it was asked; 1 is an answer


class Listing(NamedTuple):
    """The Python files of a commit, by path relative to the root."""

    blobs: Mapping[str, str]  # path -> object name
    links: frozenset[str]  # symbolic links: their content is not that of the file they lead to
    outside: tuple[str, ...]  # folders that are not part of the repository


def resolve(root: Path, revision: str) -> str:
    """The commit that a revision names.

    Raises EnvironmentFailure when git does not know it, or is not there.
    """
    done = _run(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
    )
    if done.returncode == _FATAL and done.stderr:
        raise EnvironmentFailure(
            f"--base {revision}: git cannot read {root}: {_reason(done)}; a comparison needs a commit"
        )
    if done.returncode:
        raise EnvironmentFailure(
            f"git knows no revision {revision!r} in {root}; give a commit, branch or tag"
        )
    return done.stdout.decode().strip()


def sources(root: Path, commit: str, folders: Iterable[str] = ()) -> Listing:
    """List the Python files of a commit below the root.

    `folders` are more folders, relative to the root, that may be outside of it ("../lib").
    """
    entries = answer(root, "ls-tree", "-r", "-z", commit, "--", ".").split(b"\0")
    outside = []
    for folder in folders:
        done = _run(root, "ls-tree", "-r", "-z", commit, "--", folder)
        if done.returncode:
            outside.append(folder)
        entries += done.stdout.split(b"\0")
    blobs, links = {}, set()
    for entry in entries:
        about, _, name = entry.partition(b"\t")
        if name.endswith(b".py"):
            mode, _, blob = about.split()[:3]
            path = os.fsdecode(name)
            if mode == _LINK:
                links.add(path)
            else:
                blobs[path] = blob.decode()
    return Listing(blobs, frozenset(links), tuple(outside))


def content(root: Path, blob: str, path: str = "") -> bytes:
    """Read a git object.

    With its `path` in the repository, bytes are converted as a checkout would convert them.
    """
    if path:
        return answer(root, "cat-file", "--filters", f"--path={path}", blob)
    return answer(root, "cat-file", "blob", blob)


def ignored(root: Path, paths: Iterable[str]) -> frozenset[str]:
    """The paths among `paths` that git ignores, because a .gitignore says so."""
    names = b"\0".join(os.fsencode(path) for path in paths)
    if not names:
        return frozenset()
    done = _run(root, "check-ignore", "-z", "--stdin", stdin=names)
    return frozenset(os.fsdecode(name) for name in done.stdout.split(b"\0") if name)


def has_files_in(root: Path, folder: str) -> bool:
    """Tell whether git tracks files of a folder."""
    return bool(_run(root, "ls-files", "-z", "--", folder).stdout)


def blob_name(data: bytes) -> str:
    """The name git would give these bytes (SHA-1 repositories)."""
    import hashlib

    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def ancestors(root: Path, most: int) -> list[str]:
    """List the commits that the checked out one comes from, the nearest first; none without git.

    At most `most` are given.
    """
    try:
        return answer(root, "rev-list", f"--max-count={most}", "HEAD").decode().split()
    except EnvironmentFailure:
        return []


def answer(
    root: Path,
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    settings: Iterable[str] = (),
) -> bytes:
    """Run git and return its stdout. Raises EnvironmentFailure when it fails.

    It may be given another environment than ours, and `settings` ("name=value") that count for this
    command alone.
    """
    done = _run(root, *arguments, environ=environ, settings=settings)
    if done.returncode:
        raise EnvironmentFailure(f"git {arguments[0]} failed in {root}: {_reason(done)}")
    return done.stdout


def _reason(done: "subprocess.CompletedProcess[bytes]") -> str:
    """The first line of git's error message, or its exit code."""
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    return lines[0].removeprefix("fatal: ") if lines else f"exit code {done.returncode}"


def _run(
    root: Path,
    *arguments: str,
    stdin: bytes = b"",
    environ: Mapping[str, str] | None = None,
    settings: Iterable[str] = (),
) -> "subprocess.CompletedProcess[bytes]":
    command = ["git", *(part for setting in settings for part in ("-c", setting)), *arguments]
    env = {**(os.environ if environ is None else environ), "LC_ALL": "C"}
    try:
        return subprocess.run(
            command, cwd=root, env=env, input=stdin, capture_output=True, check=False
        )
    except OSError as error:
        raise EnvironmentFailure(f"cannot run git ({error.strerror}), which this needs") from error
