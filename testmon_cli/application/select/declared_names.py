"""Names by which configuration makes pytest, or others, load sources of a project."""

import tomllib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from testmon_cli.analysis.imports import ModuleIndex
from testmon_cli.analysis.mentions import of_string
from testmon_cli.application.checkout.sources import Tree

if TYPE_CHECKING:
    from testmon_cli.application.checkout.pytest_config import PytestConfig

_SCRIPTS = ("scripts", "gui-scripts")


class DeclaredNames:
    """Reads the options of pytest, pyproject.toml, setup.cfg and setup.py."""

    def __init__(self, tree: Tree, config: "PytestConfig") -> None:
        self._tree = tree
        self._config = config

    def plugins(self, index: ModuleIndex) -> frozenset[str]:
        """Files that pytest, or a library in it, loads since the configuration names them."""
        cleaned = {word.partition(":")[0] for word in (*self.words(), *self._entry_points())}
        return frozenset(path for word in cleaned if of_string(word) for path in index.files(word))

    def words(self) -> frozenset[str]:
        """The words among the options of pytest."""
        options = " ".join(map(str, (*self._config.options.values(), *self._config.addopts)))
        return frozenset(
            word.strip("'\"[]()") for word in options.replace(",", " ").replace("=", " ").split()
        )

    def commands(self) -> Iterator[str]:
        """The commands that the project installs, as far as pyproject.toml says."""
        project = pyproject(self._tree).get("project")
        for group in _SCRIPTS:
            yield from project.get(group) or () if isinstance(project, dict) else ()

    def _entry_points(self) -> Iterator[str]:
        """Names that others load by entry points of the project, but for its commands."""
        project = pyproject(self._tree).get("project")
        groups = project.get("entry-points") if isinstance(project, dict) else None
        for group, names in groups.items() if isinstance(groups, dict) else ():
            if group not in _SCRIPTS and isinstance(names, dict):
                yield from map(str, names.values())
        for name in ("setup.cfg", "setup.py"):
            if name in self._tree:
                yield from _entry_points_of_setuptools(self._tree.read(name))


def _entry_points_of_setuptools(data: bytes) -> Iterator[str]:
    """The values of lines like `name = module:object` in setup.cfg or setup.py."""
    text = data.decode("utf-8", "replace")
    if "entry_points" not in text:
        return
    for line in text.splitlines():
        if ":" in line:
            yield line.partition("=")[2].strip(" '\",]\n")


def pyproject(tree: Tree) -> dict[str, object]:
    """The content of pyproject.toml; empty where it is absent or cannot be read."""
    try:
        return tomllib.loads(tree.text(tree.root / "pyproject.toml"))
    except (OSError, ValueError):
        return {}
