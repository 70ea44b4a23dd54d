"""What it means for tests that a folder above them becomes a package, or is none any more.

pytest imports their files by other names then, from other folders, and runs the `__init__.py`
before.
"""

import re
from collections.abc import Callable, Collection, Iterator

from testmon_cli.analysis.imports import ModuleIndex
from testmon_cli.analysis.known_effects import PYTEST_NAMES
from testmon_cli.domain.source import Definition, SourceModel

# How code tells by what name its module was imported.
_OWN_NAMES = "__name__|__module__|__package__|__spec__"


def folder_of_package(path: str) -> str | None:
    """The folder, with a slash at its end, that an `__init__.py` makes a package.

    None for other files.
    """
    folder, slash, name = path.rpartition("/")
    return folder + slash if name == "__init__.py" else None


class FilesOfPackage:
    """Which of some test files and their conftest files mind if a folder is a package."""

    def __init__(
        self,
        folder: str,
        initialiser: SourceModel | None,
        files: Collection[str],
        text: Callable[[str], str],
        model: Callable[[str], SourceModel | None],
        index: ModuleIndex,
    ) -> None:
        """`initialiser` is the model of the `__init__.py`, None where nobody can read it."""
        self._folder = folder
        self._does_nothing = initialiser is not None and all(
            map(_is_harmless, initialiser.definitions)
        )
        self._files = files
        self._text = text
        self._model = model
        self._index = index

    def minding(self) -> Iterator[str]:
        """The files whose import may come out otherwise."""
        for path in sorted(self._files):
            if path.startswith(self._folder) and not (self._does_nothing and self._is_alike(path)):
                yield path

    def _is_alike(self, path: str) -> bool:
        """Whether a file does the same by either name, and from either folder."""
        model = self._model(path)
        name = path.rpartition("/")[2]
        has_namesake = any(other != path and other.endswith(f"/{name}") for other in self._files)
        if model is None or has_namesake:
            return False
        for imported in model.imports:
            targets = self._index.targets(imported, path)
            if imported.level or any(target.startswith(self._folder) for target in targets):
                return False
        text = self._text(path)
        stem = re.escape(name.removesuffix(".py"))
        return not re.search(rf"{_OWN_NAMES}|['\".]{stem}\b|\b{stem}['\".]", text)


def _is_harmless(definition: Definition) -> bool:
    """Whether a statement only binds names that nobody below the package asks for by themselves."""
    is_for_pytest = any(name in PYTEST_NAMES for name in definition.names)
    return definition.kind != "import" and not definition.effects and not is_for_pytest
