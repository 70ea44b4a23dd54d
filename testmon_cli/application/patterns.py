"""Patterns that name tests, and files that tests depend on."""

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


def glob_state(root: Path, pattern: str) -> str:
    """A digest of the names and contents of the files that match a pattern below the root."""
    try:
        paths = sorted(p for p in root.glob(pattern) if p.is_file())
    except (ValueError, NotImplementedError):
        paths = []
    parts = [f"{path.relative_to(root).as_posix()}\0{content_digest(path.read_bytes())}" for path in paths]
    return content_digest("\n".join(parts).encode("utf-8", "surrogatepass"))
