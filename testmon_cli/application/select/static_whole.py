"""Which differences make `select --static` run every test.

Of these the text does not tell which tests rely on them: configuration, data files, and sources to
which no import leads.
"""

import os
import tomllib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from functools import cached_property

from testmon_cli.analysis.project import CONFTEST
from testmon_cli.analysis.static_reach import ADDED, CHANGED, REMOVED, StaticReach
from testmon_cli.application.checkout import git
from testmon_cli.application.checkout.sources import Tree
from testmon_cli.application.select.declared_names import pyproject
from testmon_cli.application.select.reason_text import sentence
from testmon_cli.application.select.since_revision import SinceRevision
from testmon_cli.application.settings import Settings
from testmon_cli.domain import selection as kinds
from testmon_cli.domain.causes import Cause, Kind
from testmon_cli.domain.selection import Reason

# Files that no library reads by itself. They count where a source names one, or lists folders.
_FOR_PEOPLE = (
    "*.md", "*.rst", "LICENSE*", "LICENCE*", "COPYING*", "AUTHORS*", "NOTICE*", "CHANGES", "CHANGELOG", "README",
    ".gitignore", ".gitattributes", ".git-blame-ignore-revs", ".mailmap", ".editorconfig", ".pre-commit-config.yaml",
    ".readthedocs.yml", ".readthedocs.yaml", ".gitlab-ci.yml", "CODEOWNERS", "noxfile.py",
)  # fmt: skip
_FOLDERS_FOR_PEOPLE = (".github/", ".circleci/")
_LISTING = (b"listdir", b"iterdir", b"scandir", b"glob", b"walk")
# Tables of pyproject.toml that are for tools which look at code and do not run it.
_OF_LINTERS = frozenset({
    "black", "codespell", "flake8", "isort", "mypy", "pylint", "pyright", "ruff", "towncrier", "ty", "typos",
})  # fmt: skip


def affected_by(cause: Cause, why: str = "") -> Reason:
    """The reason of tests that a change affects, with a word on `why` it does."""
    text = sentence(cause)
    return Reason(kinds.AFFECTED, f"{text}: {why}" if why else text, cause)


class WholeSuite:
    """Looks for a difference that concerns all tests."""

    def __init__(
        self,
        settings: Settings,
        tree: Tree,
        since: SinceRevision,
        tests: Sequence[str],
        reach: StaticReach,
    ) -> None:
        """`tests` are the paths of the test files."""
        self._settings = settings
        self._tree = tree
        self._since = since
        self._tests = tests
        self._reach = reach

    def reason(self) -> Reason | None:
        """Find a reason to run every test, where nobody knows better."""
        if self._since.config_cause is not None:
            return affected_by(self._since.config_cause)
        for path in sorted(self._since.blobs):
            is_ignored = any(fnmatch(path, pattern) for pattern in self._settings.ignore)
            if is_ignored or self.is_outside(path):
                continue
            if path.endswith(".py"):
                reason = self._of_source(path)
            elif path in self._tests:
                reason = None  # the file itself is selected
            else:
                reason = self._of_other(path)
            if reason is not None:
                return reason
        return None

    def is_outside(self, path: str) -> bool:
        """Tell whether a file that differs stands outside of the root, and is no source."""
        return path.startswith("../") and path not in self._tree.stats

    def _difference(self, path: str) -> Cause:
        """How a file differs from the revision."""
        if not self._since.blobs[path]:
            how = ADDED
        else:
            how = CHANGED if path in self._tree else REMOVED
        return Cause(Kind.FILE, how, path, "")

    def _of_source(self, path: str) -> Reason | None:
        """Find a reason to run every test in a source that differs."""
        cause = self._difference(path)
        if cause.how != CHANGED and _name(path) == "__init__.py":
            return affected_by(cause, "what its folder is to imports changes")
        changed_files = {part[0] for part in self._reach.changed}
        if path not in self._reach.on_import and path not in changed_files:
            return None  # nothing in it differs that could matter
        if path in self._tests or path in self._loaded or _name(path) == CONFTEST:
            return None  # imports tell which tests it concerns
        if _is_for_people(path) and not self._is_read(path):
            return None
        return affected_by(cause, "no import that is seen leads there")

    def _of_other(self, path: str) -> Reason | None:
        """Find a reason to run every test in a file that differs and is no source.

        Where only some sources can read it, these count as changed.
        """
        cause = self._difference(path)
        is_for_linters = path == "pyproject.toml" and self._is_for_linters_alone()
        if not is_for_linters and not _is_for_people(path):
            return affected_by(cause, "nobody knows which tests read it")
        for source in self._readers(path):
            self._reach.on_import.setdefault(source, cause)
        return None

    @cached_property
    def _loaded(self) -> frozenset[str]:
        """Sources to which imports lead from tests."""
        return self._reach.loaded_by([path for path in self._tests if path.endswith(".py")])

    def _is_for_linters_alone(self) -> bool:
        """Tell whether pyproject.toml says the same as before to all but linters."""
        root, blob = self._tree.root, self._since.blobs["pyproject.toml"]
        try:
            before = tomllib.loads(git.content(root, blob).decode()) if blob else {}
        except ValueError:
            return False
        return _without_linters(before) == _without_linters(pyproject(self._tree))

    def _is_read(self, path: str) -> bool:
        return next(iter(self._readers(path)), None) is not None

    def _readers(self, path: str) -> Iterator[str]:
        """Sources that name a file, or its ending, or that list folders."""
        name = _name(path)
        ending = name[name.rindex(".") :] if "." in name.lstrip(".") else name
        wanted = [os.fsencode(name), os.fsencode(ending)]
        for source in sorted(self._tree.stats):
            data = self._tree.read(source)
            if any(text in data for text in wanted) or any(word in data for word in _LISTING):
                yield source


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _is_for_people(path: str) -> bool:
    if any(fnmatch(_name(path), pattern) for pattern in _FOR_PEOPLE):
        return True
    return path.startswith(_FOLDERS_FOR_PEOPLE) or path in ("docs/conf.py", "doc/conf.py")


def _without_linters(document: dict[str, object]) -> dict[str, object]:
    tools = document.get("tool")
    if not isinstance(tools, dict):
        return document
    return {
        **document,
        "tool": {name: table for name, table in tools.items() if name not in _OF_LINTERS},
    }
