"""`testmon select --static`: test files that may reach a difference, without records.

The answer is made of text alone, and of whole files: what they import and which names they mention.
What is not understood selects all: data files, since nobody knows who reads them, and
configuration.
"""

import glob
import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from testmon_cli.analysis import codec
from testmon_cli.analysis.imports import ModuleIndex
from testmon_cli.analysis.project import CONFTEST, Project
from testmon_cli.analysis.static_reach import ADDED, CHANGED, REMOVED, ReachedChange, StaticReach
from testmon_cli.application.checkout import (
    cache_folder,
    environment,
    git,
    model_cache,
    pytest_config,
    sources,
)
from testmon_cli.application.checkout.patterns import may_match
from testmon_cli.application.checkout.sources import Tree
from testmon_cli.application.select import use_case
from testmon_cli.application.select.coverage_seed import CoverageSeed, Sight, differing_functions
from testmon_cli.application.select.declared_names import DeclaredNames, pyproject
from testmon_cli.application.select.filters import Narrowing
from testmon_cli.application.select.paths import Known
from testmon_cli.application.select.pytest_arguments import Arguments
from testmon_cli.application.select.reason_text import sentence
from testmon_cli.application.select.since_revision import SinceRevision
from testmon_cli.application.settings import Settings
from testmon_cli.domain import selection as kinds
from testmon_cli.domain.causes import Cause, Kind, Manner
from testmon_cli.domain.nodeid import NodeId, readings
from testmon_cli.domain.selection import Reason, Selected, Selection
from testmon_cli.tracing.engines.cache_seal import read_key
from testmon_cli.tracing.engines.probe_cache import Cache

if TYPE_CHECKING:
    from testmon_cli.domain.source import SourceModel

Progress = Callable[[int, int], None]

COARSE = "coarse: whole files, by what their text imports and names; `testmon collect` learns what each test relies on"

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


class Asked(NamedTuple):
    """The difference that is asked about, and where something is recorded of it."""

    base: str = "HEAD"  # a revision of git
    staged: bool = False  # whether the index of git counts in place of the working tree
    # A data file of coverage.py with contexts: tests that it shows to run what differs come first.
    coverage: str | None = None


def select_static(
    settings: Settings,
    asked: Asked,
    *,
    narrowing: Narrowing | None = None,
    exact: bool = False,
    progress: Progress | None = None,
) -> Selection:
    """The test files that a difference to a revision can affect.

    Raises EnvironmentFailure when git cannot be asked, or when data of coverage tells nothing.
    """
    root = Path(os.path.realpath(settings.root))
    overlay = use_case.overlay_of(root, staged=asked.staged)
    if asked.coverage is not None:  # no test reads it, whether git ignores it or not
        own = os.path.relpath(os.path.realpath(asked.coverage), root)
        settings = settings._replace(ignore=(*settings.ignore, glob.escape(own)))
    tree = Tree(root, sources.scan(root, settings.source, settings.exclude), overlay=overlay)
    since = SinceRevision(settings, tree, asked.base, in_index=asked.staged)
    static = _Static(settings, tree, since, Arguments(root, exact=exact))
    if asked.coverage is None:
        selection = static.choose(progress)
    else:
        with closing(CoverageSeed(Path(asked.coverage), root)) as seed:
            selection = static.choose(progress, seed)
    known = Known(tree, environment.current(settings.env))
    return (narrowing or Narrowing()).of(selection, known)


class _Static:
    """Chooses test files."""

    def __init__(
        self, settings: Settings, tree: Tree, since: SinceRevision, arguments: Arguments
    ) -> None:
        self._settings = settings
        self._tree = tree
        self._since = since
        self._arguments = arguments
        self._config = pytest_config.read(
            tree.root, pytest_config.place_of((), tree.root), text=tree.text
        )
        self._declared = DeclaredNames(tree, self._config)
        self._tests = use_case.test_files(tree, self._config.naming(), settings)
        self._now: dict[str, SourceModel | None] = {}
        kept = cache_folder.prepare(tree.root, is_in_git=True)
        self._cache = Cache(str(tree.root), read_key(kept.key))
        self._reach = self._made()

    def choose(
        self, progress: Progress | None = None, seed: CoverageSeed | None = None
    ) -> Selection:
        """One reason for all, or one for each file; files of which `seed` knows come first."""
        self._changed_sources()
        whole = self._concerning_all()
        has_to_look = whole is None and self._has_changes()
        if has_to_look and progress is not None:
            self._read_all(progress)
        reasons = ((path, whole or self._reason(path)) for path in self._tests)
        found = {path: reason for path, reason in reasons if reason is not None}
        notes = [COARSE]
        if seed is not None:
            sights = seed.sights(
                self._differing_functions(), frozenset(self._tests), self._reach.project.index
            )
            notes.append(_what_it_adds(seed, len(sights), len(sights.keys() - found.keys())))
            shown = {path: found.get(path) or _seen(sights[path], seed) for path in sorted(sights)}
            found = shown | found
        tests = [
            Selected(path, self._arguments.of(NodeId(path)), reason)
            for path, reason in found.items()
        ]
        outside = [path for path in self._since.blobs if self._is_outside(path)]
        if outside:
            some = ", ".join(outside[:5])
            notes.append(f"not looked at, since they are outside of {self._tree.root}: {some}")
        return Selection(tuple(tests), 0, tuple(notes), files=len(self._tests))

    def _has_changes(self) -> bool:
        """Tell whether sources differ in anything that may reach others."""
        return bool(self._reach.changed or self._reach.on_import)

    def _read_all(self, progress: Progress) -> None:
        """Read the models of all sources, which takes most of the time, and say how far it is."""
        for done, path in enumerate(sorted(self._tree.stats)):
            progress(done, len(self._tree.stats))
            self._model(path)

    def _differing_functions(self) -> dict[str, dict[str, range]]:
        """Functions in which lines differ, as they were; "" for a file of which more does."""
        found: dict[str, dict[str, range]] = {}
        changes = self._since.changes
        for path in (*changes.changed, *changes.removed):
            old = self._since.models.get(path)
            if old is None or path in changes.removed:
                found[path] = {"": range(1, 2)}
                continue
            before = git.content(self._tree.root, self._since.blobs[path], path)
            texts = [data.decode("utf-8", "replace") for data in (before, self._tree.read(path))]
            found[path] = differing_functions(old, *texts)
        return found

    def _is_outside(self, path: str) -> bool:
        return path.startswith("../") and path not in self._tree.stats

    # The sources

    def _made(self) -> StaticReach:
        changes = self._since.changes
        paths = {*self._tree.stats, *changes.removed}
        project = Project(ModuleIndex(paths), self._model, lambda _: paths)
        folders = {path.rpartition("/")[0] for path in self._tests} - {""}

        def is_of_tests(path: str) -> bool:
            return (
                path in tests
                or _name(path) == CONFTEST
                or any(path.startswith(f"{folder}/") for folder in folders)
            )

        tests, plugins = frozenset(self._tests), self._declared.plugins(project.index)
        return StaticReach(
            project,
            self._models,
            self._tree.read,
            plugins,
            tests.__contains__,
            is_of_tests,
            commands=frozenset(self._declared.commands()),
            fixtures=self._declared.words(),
        )

    def _model(self, path: str) -> "SourceModel | None":
        if path not in self._tree.stats:
            return self._since.models.get(path)
        if path not in self._now:
            self._now[path] = self._read(path)
        return self._now[path]

    def _read(self, path: str) -> "SourceModel | None":
        """The model of a source, kept in the project's folder as collecting does it.

        None where it does not parse.
        """
        stat, data = self._tree.stats[path], self._tree.read(path)
        version = model_cache.version_of(
            self._cache,
            str(self._tree.root / path),
            path,
            self._tree.digest(path),
            stat,
            lambda: sources.version_of(path, data, stat)[0],
        )
        return codec.decode(version.model) if version.model else None

    def _models(self, path: str) -> "list[SourceModel]":
        """A file as it is now, and as it was."""
        models = (self._model(path), self._since.models.get(path))
        return [model for model in models if model is not None]

    # What changed

    def _changed_sources(self) -> None:
        changes, reach = self._since.changes, self._reach
        for path in changes.changed:
            old, new = self._since.models.get(path), self._model(path)
            if old is None or new is None:
                reach.whole_file(path, Manner.UNPARSABLE if new is None else CHANGED)
            else:
                before = len(reach.changed) + len(reach.on_import)
                reach.differing(path, old, new)
                if _name(path) == CONFTEST and len(reach.changed) + len(reach.on_import) > before:
                    reach.whole_file(path, CHANGED)
        for path in changes.added:
            reach.whole_file(path, ADDED)
        for path in changes.removed:
            reach.whole_file(path, REMOVED)

    def _concerning_all(self) -> Reason | None:
        """Find a reason to run every test, where nobody knows better."""
        if self._since.config_cause is not None:
            return _reason(self._since.config_cause)
        for path in sorted(self._since.blobs):
            is_ignored = any(fnmatch(path, pattern) for pattern in self._settings.ignore)
            if is_ignored or self._is_outside(path):
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

    def _of_source(self, path: str) -> Reason | None:
        """Find a reason to run every test in a source that differs."""
        cause = self._difference(path)
        if cause.how != CHANGED and _name(path) == "__init__.py":
            return _reason(cause, "what its folder is to imports changes")
        changed_files = {part[0] for part in self._reach.changed}
        if path not in self._reach.on_import and path not in changed_files:
            return None  # nothing in it differs that could matter
        if path in self._tests or path in self._loaded or _name(path) == CONFTEST:
            return None  # imports tell which tests it concerns
        if _is_for_people(path) and not self._is_read(path):
            return None
        return _reason(cause, "no import that is seen leads there")

    def _of_other(self, path: str) -> Reason | None:
        """Find a reason to run every test in a file that differs and is no source.

        Where only some sources can read it, these count as changed.
        """
        cause = self._difference(path)
        is_for_linters = path == "pyproject.toml" and self._is_for_linters_alone()
        if not is_for_linters and not _is_for_people(path):
            return _reason(cause, "nobody knows which tests read it")
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

    # The test files

    def _difference(self, path: str) -> Cause:
        """How a file differs from the revision."""
        if not self._since.blobs[path]:
            how = ADDED
        else:
            how = CHANGED if path in self._tree else REMOVED
        return Cause(Kind.FILE, how, path, "")

    def _reason(self, path: str) -> Reason | None:
        """Why a test file has to run; None where nothing says so."""
        if not self._since.blobs:
            return None
        if any(_is_about(path, pattern) for pattern in self._settings.always):
            return Reason(kinds.ALWAYS, "the setting `always` names it")
        if path in self._since.blobs and not path.endswith(".py"):
            return _reason(Cause(Kind.FILE, CHANGED, path, ""))
        text = self._tree.read(path)
        if b"testmon_always" in text:
            return Reason(kinds.ALWAYS, "it has the marker `testmon_always`")
        declared = self._declared_dependency(path)
        if declared is not None:
            return declared
        if b"testmon_depends" in text:
            return Reason(kinds.ALWAYS, "it has the marker `testmon_depends`")
        if not self._has_changes():
            return None
        if not path.endswith(".py"):
            return Reason(kinds.UNKNOWN, "examples in a text may run anything")
        found = self._reach.why(path, self._reach.project.conftests(path))
        return None if found is None else _of_change(found)

    def _declared_dependency(self, path: str) -> Reason | None:
        """The first file that differs of those that the setting `depends` names for a test file."""
        concerning = (
            file
            for pattern, files in self._settings.depends.items()
            if _is_about(path, pattern)
            for file in files
        )
        for file in concerning:
            for changed in self._since.blobs:
                if may_match(file, changed):
                    cause = Cause(Kind.FILE, CHANGED, changed, "")
                    return _reason(cause, f"the setting `depends` names {file}")
        return None


def _of_change(found: ReachedChange) -> Reason:
    if found.is_open:
        where = f"{found.cause.path}::{found.cause.name}".removesuffix("::")
        return Reason(
            kinds.UNKNOWN, f"may run {where}, which may load or start anything", found.cause
        )
    if found.is_on_import:
        return _reason(Cause(Kind.IMPORT, Manner.NEEDS, found.cause.path, "", 0, found.cause))
    cause = found.cause
    at = f" at {cause.path}:{cause.line}" if cause.line else f" in {cause.path}"
    what = cause.name or "code"
    return Reason(kinds.AFFECTED, f"may come to {what}, {cause.wording}{at}", cause)


def _seen(sight: Sight, seed: CoverageSeed) -> Reason:
    """The reason of a test file that nothing but a recorded run shows to come to a change."""
    what = f"{sight.path}::{sight.name}".removesuffix("::")
    cause = Cause(Kind.BLOCK, CHANGED, sight.path, sight.name, sight.line)
    return Reason(kinds.AFFECTED, f"ran {what}, which differs, as {seed.file} tells", cause)


def _what_it_adds(seed: CoverageSeed, files: int, added: int) -> str:
    if not files:
        return f"{seed.file} shows no test that ran what differs; it leaves nothing out"
    which = f"{files} file{'' if files == 1 else 's'}"
    return (
        f"{seed.file} shows tests of {which} that ran what differs: they come first,"
        f" {added} for that alone; it leaves nothing out"
    )


def _reason(cause: Cause, why: str = "") -> Reason:
    text = sentence(cause)
    return Reason(kinds.AFFECTED, f"{text}: {why}" if why else text, cause)


def _is_about(path: str, pattern: str) -> bool:
    """Tell whether a pattern of node ids may name tests of a file."""
    return (
        fnmatch(path, pattern)
        or path.startswith(pattern.rstrip("/") + "/")
        or any(may_match(place, path) for place, _ in readings(pattern))
    )


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
