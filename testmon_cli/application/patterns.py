"""Patterns that name tests, and files that tests depend on."""

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from testmon_cli.analysis.checksums import content_digest

# Kind of a resource: the names and contents of all files that match a pattern.
GLOB = "glob"


def matches_test(nodeid: str, pattern: str) -> bool:
    """Whether a node id is named by a pattern: of the id, its file, or a folder of it."""
    path = nodeid.partition("::")[0]
    base = nodeid.partition("[")[0]
    return any(fnmatchcase(name, pattern) for name in (nodeid, base, path)) or path.startswith(
        pattern.rstrip("/") + "/"
    )


def check_pattern(pattern: str) -> None:
    """Raises ValueError for what is no pattern of files, like `**.sql`."""
    next(_matching(Path(os.devnull), pattern), None)


def glob_state(root: Path, pattern: str) -> str:
    """A digest of the names and contents of the files that match a pattern, relative to the root or absolute."""
    try:
        found = set(_files(root, pattern))
    except ValueError:
        found = set()
    return content_digest("\n".join(sorted(_entry(root, path) for path in found)).encode("utf-8", "surrogatepass"))


def _files(root: Path, pattern: str) -> Iterator[Path]:
    """The files that match. A folder whose own name is given, or `**`, stands for all files below it."""
    last = os.path.basename(pattern.rstrip("/"))
    is_whole = last == "**" or not any(character in last for character in "*?[")
    for path in _matching(root, pattern):
        if path.is_file():
            yield path
        elif is_whole and path.is_dir():
            yield from (file for file in path.rglob("*") if file.is_file())


def _matching(root: Path, pattern: str) -> Iterator[Path]:
    expanded = os.path.expanduser(pattern)
    anchor = Path(expanded).anchor  # of an absolute pattern, which pathlib looks up from nowhere else
    return Path(anchor or root).glob(expanded[len(anchor) :])


def _entry(root: Path, path: Path) -> str:
    name = path.relative_to(root) if path.is_relative_to(root) else path
    try:
        content = content_digest(path.read_bytes())
    except OSError:
        content = "unreadable"
    return f"{name.as_posix()}\0{content}"
