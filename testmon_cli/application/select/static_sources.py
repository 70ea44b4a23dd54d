"""The sources that `select --static` compares: their models, and what in them has changed."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from testmon_cli.analysis import codec
from testmon_cli.analysis.imports import ModuleIndex
from testmon_cli.analysis.project import CONFTEST, Project
from testmon_cli.analysis.static_reach import ADDED, CHANGED, REMOVED, StaticReach
from testmon_cli.application.checkout import cache_folder, git, model_cache, sources
from testmon_cli.application.checkout.sources import Tree
from testmon_cli.application.select.coverage_seed import differing_functions
from testmon_cli.application.select.declared_names import DeclaredNames
from testmon_cli.application.select.since_revision import SinceRevision
from testmon_cli.domain.causes import Manner
from testmon_cli.tracing.engines.cache_seal import read_key
from testmon_cli.tracing.engines.probe_cache import Cache

if TYPE_CHECKING:
    from testmon_cli.domain.source import SourceModel

Progress = Callable[[int, int], None]


class StaticSources:
    """Reads sources as they are now and as they were, each once."""

    def __init__(
        self, tree: Tree, since: SinceRevision, tests: Sequence[str], declared: DeclaredNames
    ) -> None:
        """`tests` are the paths of the test files."""
        self._tree = tree
        self._since = since
        self._now: dict[str, SourceModel | None] = {}
        kept = cache_folder.prepare(tree.root, is_in_git=True)
        self._cache = Cache(str(tree.root), read_key(kept.key))
        self.reach = self._made(tests, declared)

    def note_changes(self) -> None:
        """Tell what differs to `reach`."""
        changes, reach = self._since.changes, self.reach
        for path in changes.changed:
            old, new = self._since.models.get(path), self._model(path)
            if old is None or new is None:
                reach.whole_file(path, Manner.UNPARSABLE if new is None else CHANGED)
                continue
            before = self._changes_known()
            reach.differing(path, old, new)
            is_conftest = path.rpartition("/")[2] == CONFTEST
            if is_conftest and self._changes_known() > before:
                reach.whole_file(path, CHANGED)
        for path in changes.added:
            reach.whole_file(path, ADDED)
        for path in changes.removed:
            reach.whole_file(path, REMOVED)

    def has_changes(self) -> bool:
        """Tell whether sources differ in anything that may reach others."""
        return self._changes_known() > 0

    def _changes_known(self) -> int:
        return len(self.reach.changed) + len(self.reach.on_import)

    def read_all(self, progress: Progress) -> None:
        """Read the models of all sources, which takes most of the time, and say how far it is."""
        for done, path in enumerate(sorted(self._tree.stats)):
            progress(done, len(self._tree.stats))
            self._model(path)

    def differing_functions(self) -> dict[str, dict[str, range]]:
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

    def _made(self, test_files: Sequence[str], declared: DeclaredNames) -> StaticReach:
        changes = self._since.changes
        paths = {*self._tree.stats, *changes.removed}
        project = Project(ModuleIndex(paths), self._model, lambda _: paths)
        folders = {path.rpartition("/")[0] for path in test_files} - {""}

        def is_of_tests(path: str) -> bool:
            if path in tests or path.rpartition("/")[2] == CONFTEST:
                return True
            return any(path.startswith(f"{folder}/") for folder in folders)

        tests = frozenset(test_files)
        return StaticReach(
            project,
            self._models,
            self._tree.read,
            declared.plugins(project.index),
            tests.__contains__,
            is_of_tests,
            commands=frozenset(declared.commands()),
            fixtures=declared.words(),
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
