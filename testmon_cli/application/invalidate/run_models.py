"""The models of sources as a run saw them and as they are now, and their project."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import cast

from testmon_cli.analysis import codec
from testmon_cli.analysis.imports import ModuleIndex
from testmon_cli.analysis.lookups import ANYWHERE
from testmon_cli.analysis.mentions import DYNAMIC
from testmon_cli.analysis.model_diff import block_changes
from testmon_cli.analysis.model_key import MODEL_KEY
from testmon_cli.analysis.project import CONFTEST, Project, Ran
from testmon_cli.application.checkout.sources import Tree, stored_imports, stored_model
from testmon_cli.application.invalidate.lookup_traces import AskedNames
from testmon_cli.application.invalidate.mention_index import MentionIndex
from testmon_cli.application.invalidate.snapshot_diff import FileChanges, is_loaded
from testmon_cli.domain.records import FIXTURES, HANDED, Run, VersionRef
from testmon_cli.domain.source import (
    Block,
    Definition,
    FunctionSummary,
    Import,
    SourceError,
    SourceModel,
)
from testmon_cli.storage.datafile import Datafile


class RunModels:
    """Reads the model of each source once.

    That of today, too, is from the datafile where the file has not changed.
    """

    def __init__(
        self, datafile: Datafile, tree: Tree, snapshot: Mapping[str, VersionRef], files: FileChanges
    ) -> None:
        self.snapshot = snapshot
        self.files = files
        # Sources that are read as they are now.
        self.changed = frozenset((*files.changed, *files.added))
        self.loaded = frozenset(path for path, ref in snapshot.items() if is_loaded(ref))
        self.live = self.loaded | frozenset(files.added)  # sources that can matter to a test
        self._datafile = datafile
        self._tree = tree
        self._unchanged: dict[str, SourceModel | None] = {}
        self._before: dict[str, SourceModel | None] = {}
        self._counterparts: dict[str, Mapping[int, Block]] = {}
        self._names: dict[str, bytes] = {}

    def now(self, path: str) -> SourceModel | None:
        """The model of a source as it is now; None where there is none, or it does not parse."""
        ref = self.snapshot.get(path)
        if (
            path not in self.changed
            and ref is not None
            and is_loaded(ref)
            and ref.model_key == MODEL_KEY
        ):
            if path not in self._unchanged:
                self._unchanged[path] = stored_model(self._datafile, ref)
            return self._unchanged[path]
        if path in self.files.removed:
            return None
        try:
            return self._tree.model(path) if path in self._tree else None
        except SourceError:
            return None

    def imports(self, path: str) -> Sequence[Import]:
        """The imports of a source as it is now.

        The rest of its model is not read for that.
        """
        ref = self.snapshot.get(path)
        is_stored = (
            path not in self.changed
            and ref is not None
            and is_loaded(ref)
            and ref.model_key == MODEL_KEY
        )
        if is_stored and path not in self._unchanged:
            return stored_imports(self._datafile, ref)
        model = self.now(path)
        return model.imports if model is not None else ()

    def before(self, path: str) -> SourceModel | None:
        """The model of a source as the run saw it."""
        if path not in self._before:
            self._before[path] = stored_model(self._datafile, self.snapshot.get(path))
        return self._before[path]

    def counterparts(self, path: str) -> Mapping[int, Block]:
        """The blocks of today that stand where a changed block of a file stood.

        By the checksum of the changed block.
        """
        if path not in self._counterparts:
            changes = block_changes(self.before(path), self.now(path))
            self._counterparts[path] = {
                c.before.checksum: c.block for c in changes if c.before is not None
            }
        return self._counterparts[path]

    def text(self, path: str) -> str:
        """The text of a source as it is now."""
        return self._tree.read(path).decode(errors="replace")

    def function_before(self, path: str, function: FunctionSummary) -> FunctionSummary | None:
        """A function as it was when the run saw it."""
        if path not in self.changed:
            return function
        old = self.before(path)
        return (
            next((f for f in old.functions if f.qualname == function.qualname), None)
            if old is not None
            else None
        )

    @cached_property
    def _mentions(self) -> MentionIndex:
        return MentionIndex(self.live, self._index)

    def mentioning(self, names: frozenset[str]) -> list[str]:
        """Files whose text may mention one of the names.

        Files that no test loaded cannot matter.
        """
        return self._mentions.files(names)

    def _index(self, path: str) -> bytes:
        if path not in self._names:
            ref = self.snapshot.get(path)
            if path in self.changed or ref is None or ref.model_key != MODEL_KEY:
                model = self.now(path)
                self._names[path] = codec.name_index(model) if model is not None else b""
            else:
                self._load_names()
        return self._names[path]

    def _load_names(self) -> None:
        wanted = {
            ref.id: path
            for path, ref in self.snapshot.items()
            if ref.model_key == MODEL_KEY and path not in self.changed
        }
        for version_id, names in self._datafile.names(list(wanted)).items():
            self._names[wanted[version_id]] = names
        for path in wanted.values():
            self._names.setdefault(path, b"")

    def project(
        self,
        run: Run,
        asked: AskedNames,
        ran: Callable[[str, Definition], Sequence[Ran] | None],
        comes_upon: Callable[[str, Definition, tuple[str, str], str], bool],
        is_collected: Callable[[str], bool],
    ) -> Project:
        """The sources of today as a project; see there for `asked`, `ran` and `comes_upon`.

        `is_collected` says whether pytest takes tests from a file.
        """
        modules = {str(k): str(v) for k, v in run.mapping("modules").items()}
        edges = cast("Mapping[str, list[str]]", run.mapping("edges"))
        paths = {*self._tree.stats, *self.loaded, *self.files.removed}
        # A test that asks for others than in this run is another test.
        names = run.facts.get(FIXTURES)
        requested = frozenset(map(str, names)) if isinstance(names, list) else None
        folders = frozenset(path.rpartition("/")[0] for path in self.loaded)

        def starts(path: str) -> bool:
            """Whether pytest loads a file, or code of the run may find it by a computed name."""
            if path in self.loaded or is_conftest(path) or is_collected(path):
                return True
            return path.rpartition("/")[0] in folders and bool(
                self.mentioning(frozenset({DYNAMIC, ANYWHERE}))
            )

        return Project(
            ModuleIndex(paths, modules, self.files.added),
            self.now,
            self.mentioning,
            edges,
            cast("Mapping[str, list[str]]", run.mapping(HANDED)),
            starts=starts,
            loaded=self.live,
            imports=self.imports,
            asked=asked,
            ran=ran,
            comes_upon=comes_upon,
            requested=requested,
        )


def is_conftest(path: str) -> bool:
    """Whether pytest loads a file for the tests of its folder."""
    return path.rpartition("/")[2] == CONFTEST
