"""Node ids relative to our root; pytest's are relative to its own, which may lie deeper."""

import os
from typing import Any

import pytest

from testmon_cli.domain.nodeid import path_of
from testmon_cli.tracing.originals import paths


class NodeNames:
    """Names nodes. For most, pytest's root is ours, and so are its names."""

    def __init__(self, root: str, pytests_root: str) -> None:
        self._root = root
        self._pytests_root = pytests_root
        # pytest's name of a file or folder -> its path from our root, if that differs
        self._moved: dict[str, str] = {}
        # by file or folder: its node id, and its path from our root
        self._paths: dict[Any, tuple[str, str]] = {}
        self._parent: Any = None  # of the test that was asked for last: others mostly have the same
        self._of_parent = ("", "")
        self._file = ("", "")  # the path of a file from our root, and its absolute path

    def of(self, node: Any) -> str:
        """The node id of a test or collector; "" of the session."""
        theirs, ours = self._file_or_folder(node)
        nodeid: str = node.nodeid
        return nodeid if theirs == ours else ours + nodeid[len(theirs) :]

    def of_text(self, nodeid: str) -> str:
        """The name for a node id as pytest gives it to those who have no node."""
        if not self._moved and self._root == self._pytests_root:
            return nodeid
        path = path_of(nodeid)
        ours = self._moved.get(path) or self.of_path(paths.join(self._pytests_root, path))
        return ours + nodeid[len(path) :]

    def file_of(self, item: pytest.Item) -> str:
        """The absolute path of the file that a test was collected from, as its node id names it."""
        path = self._file_or_folder(item)[1]
        if path != self._file[0]:
            self._file = path, paths.join(self._root, path)
        return self._file[1]

    def _file_or_folder(self, node: Any) -> tuple[str, str]:
        """The node id of what holds a node, as pytest names it and as we do."""
        parent = node.parent
        if parent is not None and parent is self._parent:
            return self._of_parent
        holder = node
        while holder not in self._paths and not isinstance(holder, pytest.File | pytest.Directory):
            holder = holder.parent
            if holder is None:  # the session, or what stands in no file
                return "", ""
        found = self._paths.get(holder)
        if found is None:
            found = self._paths[holder] = (holder.nodeid, self.of_path(str(holder.path)))
            if found[0] != found[1]:
                self._moved[found[0]] = found[1]
        # then no other below this parent is a file
        if holder is not node and isinstance(holder, pytest.File):
            self._parent, self._of_parent = parent, found
        return found

    def of_path(self, path: str) -> str:
        """A path relative to the root; one that leads there through a link is resolved first."""
        found = paths.relpath(path, self._root)
        if found.startswith(os.pardir):
            resolved = paths.relpath(paths.realpath(path), self._root)
            found = found if resolved.startswith(os.pardir) else resolved
        return found.replace(paths.sep, "/")
