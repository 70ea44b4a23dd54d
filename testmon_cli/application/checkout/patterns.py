"""Patterns that name tests, and files that tests depend on."""

import os
from collections.abc import Iterator
from fnmatch import fnmatch, fnmatchcase
from pathlib import Path

from testmon_cli.analysis.checksums import content_digest
from testmon_cli.application.checkout.sources import Overlay
from testmon_cli.domain.nodeid import function_of, path_of

# Kind of a resource: the names and contents of all files that match a pattern.
GLOB = "glob"


def matches_test(nodeid: str, pattern: str) -> bool:
    """Tell whether a pattern matches a node id, its file, or a folder of it.

    `pattern` is one of the settings `always` and `depends`: a path with wildcards.
    """
    path = path_of(nodeid)
    if path.startswith(pattern.rstrip("/") + "/"):
        return True
    names = (nodeid, function_of(nodeid, path), path)
    return any(fnmatchcase(name, pattern) for name in names)


def check_pattern(pattern: str) -> None:
    """Raises ValueError for what is no pattern of files, like `**.sql`."""
    next(_matching(Path(os.devnull), pattern), None)


def glob_state(root: Path, pattern: str, overlay: Overlay | None = None) -> str:
    """A digest of the names and contents of the files that match a pattern.

    `pattern` is relative to `root` or absolute; files of `overlay` count as it has them.
    """
    try:
        found = set(_files(root, pattern))
    except ValueError:
        found = set()
    names = {_name_of(path, root) for path in found}
    overlay = overlay or Overlay()
    names.update(path for path in overlay if may_match(pattern, path))
    there = sorted(name for name in names if name not in overlay or overlay.exists(name))
    entries = [f"{name}\0{_content(root / name, name, overlay)}" for name in there]
    return content_digest("\n".join(entries).encode("utf-8", "surrogatepass"))


def _name_of(path: Path, root: Path) -> str:
    """A path relative to the root, or absolute if it is outside."""
    if path.is_relative_to(root):
        path = path.relative_to(root)
    return path.as_posix()


def may_match(pattern: str, path: str) -> bool:
    """Tell whether a file pattern may match a file, or one below a folder."""
    fixed = pattern.partition("*")[0].partition("?")[0].partition("[")[0]
    loose = pattern.replace("**/", "*").rstrip("/")
    is_above = path == "" or fixed.startswith(f"{path}/")
    return is_above or fnmatch(path, loose) or fnmatch(path, f"{loose}/*")


def _files(root: Path, pattern: str) -> Iterator[Path]:
    """The files that match.

    A folder whose own name is given, or `**`, stands for all files below it.
    """
    last = os.path.basename(pattern.rstrip("/"))
    is_whole = last == "**" or not any(character in last for character in "*?[")
    for path in _matching(root, pattern):
        if path.is_file():
            yield path
        elif is_whole and path.is_dir():
            yield from (file for file in path.rglob("*") if file.is_file())


def _matching(root: Path, pattern: str) -> Iterator[Path]:
    expanded = os.path.expanduser(pattern)
    # of an absolute pattern, which pathlib looks up from nowhere else
    anchor = Path(expanded).anchor
    return Path(anchor or root).glob(expanded[len(anchor) :])


def _content(path: Path, name: str, overlay: Overlay) -> str:
    try:
        return content_digest(overlay.read(name) if name in overlay else path.read_bytes())
    except OSError:
        return "unreadable"
