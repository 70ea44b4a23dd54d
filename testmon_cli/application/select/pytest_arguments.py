"""The arguments that pytest takes for nodes, relative to the working directory."""

import os
from pathlib import Path

from testmon_cli.domain.nodeid import NodeId

# Characters that xargs, in its default mode, would split or unquote.
_SPLIT_BY_XARGS = frozenset(" \t\n\r\v\f'\"\\")
# What pytest, in an argument, takes for the beginning of names and of parameters, wherever it
# stands.
_BEHIND_A_PATH = ("::", "[")
# What begins an option, and a file of arguments.
_NOT_A_PATH = ("-", "@")


class Arguments:
    """Writes node ids as arguments of pytest."""

    def __init__(self, root: Path, *, exact: bool = False, folder: Path | None = None) -> None:
        """`exact` keeps what xargs would split; `folder` is the working directory."""
        self._root = root
        self._exact = exact
        here = Path(os.path.realpath(folder or os.curdir))
        self._here = None if here == root else here
        self._paths: dict[str, tuple[str, bool]] = {}

    def of(self, nodeid: NodeId) -> str:
        """The node, or the smallest node around it that can be an argument."""
        known = self._paths.get(nodeid.path)
        if known is None:
            known = self._paths[nodeid.path] = self._path(nodeid.path)
        path, is_whole = known
        if not is_whole:
            return path
        if not self._takes(nodeid.parameters):
            nodeid = nodeid.function
        while nodeid.names and not all(map(self._takes, nodeid.names)):
            nodeid = nodeid.group
        return str(nodeid._replace(path=path))

    def _path(self, path: str) -> tuple[str, bool]:
        """A path from the working directory, or a folder above it, and whether it is the path."""
        wanted = (
            path
            if self._here is None
            else os.path.relpath(self._root / path, self._here).replace(os.sep, "/")
        )
        found = wanted or "."
        while not self._takes(found) or any(mark in found for mark in _BEHIND_A_PATH):
            found = found.rpartition("/")[0] or "."
        return f"./{found}" if found.startswith(_NOT_A_PATH) else found, found == wanted

    def _takes(self, text: str) -> bool:
        return self._exact or not text or _SPLIT_BY_XARGS.isdisjoint(text)
