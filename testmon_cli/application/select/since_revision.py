"""`testmon select --base`: tests that the difference to a git revision can affect.

What a test relied on was recorded at some state of the sources. Where that is the revision or the
present one, it tells exactly what the difference means for the test. Where it is neither, what the
test executed in between counts as different, and the rest is decided as if nothing was asked about
a revision: the test has changed since it ran.
"""

from collections.abc import Mapping
from functools import cached_property

from testmon_cli.analysis.model import build_model
from testmon_cli.analysis.model_key import MODEL_KEY
from testmon_cli.application.checkout import git, git_status, pytest_config
from testmon_cli.application.checkout.resources import Today
from testmon_cli.application.checkout.sources import Overlay, Tree, is_left_out
from testmon_cli.application.invalidate.affected_traces import RunMatcher
from testmon_cli.application.invalidate.run_models import RunModels
from testmon_cli.application.invalidate.snapshot_diff import (
    FileChanges,
    Hits,
    PackageChanges,
    compare_files,
)
from testmon_cli.application.select.paths import ChangedFiles, is_read
from testmon_cli.application.settings import Settings
from testmon_cli.domain.causes import Cause, Kind, Manner, changed_resource
from testmon_cli.domain.errors import SourceError
from testmon_cli.domain.records import Run, VersionRef
from testmon_cli.domain.source import Block, SourceModel
from testmon_cli.storage.datafile import Datafile


class SinceRevision:
    """The difference between a revision and the sources as they are now."""

    def __init__(self, settings: Settings, tree: Tree, revision: str, *, in_index: bool) -> None:
        """Raises EnvironmentFailure when git does not know the revision."""
        self._tree = tree
        commit = git.resolve(tree.root, revision)
        differing = git_status.since(tree.root, commit, in_index=in_index)
        self.blobs = {
            path: blob
            for path, blob in differing.items()
            if not is_left_out(path, settings.exclude) and not (blob and self._is_as_in(path, blob))
        }
        self._hits: dict[int, Hits] = {}
        self._endangered: dict[str, Cause] = {}

    @property
    def files(self) -> ChangedFiles:
        """All that differ, of any kind."""
        return ChangedFiles(frozenset(self.blobs))

    def hits(self, datafile: Datafile, run: Run) -> Hits:
        """Traces of a run that the difference can affect, and why."""
        if run.id not in self._hits:
            self._hits[run.id] = self._match(datafile, run)
        return self._hits[run.id]

    @property
    def endangered(self) -> Mapping[str, Cause]:
        """Test files whose import may raise for the difference, of the runs asked about."""
        return self._endangered

    def _match(self, datafile: Datafile, run: Run) -> Hits:
        if self.config_cause is not None:
            return dict.fromkeys(datafile.trace_ids(run.id), self.config_cause)
        matcher = _Matcher(datafile, run, self._tree, self.changes, self.models, self.files)
        hits = matcher.match()
        collected = datafile.test_files(run.id)
        for path in matcher.endangered.keys() & collected:
            self._endangered.setdefault(path, matcher.endangered[path])
        return hits

    def _is_as_in(self, path: str, blob: str) -> bool:
        """Tell whether a file has the content of a git blob."""
        return path in self._tree and git.blob_name(self._tree.read(path)) == blob

    @cached_property
    def changes(self) -> FileChanges:
        """Sources that differ."""
        changed, added, removed = [], [], []
        for path, blob in self.blobs.items():
            if not path.endswith(".py"):
                continue
            is_source = path in self._tree.stats
            if is_source and blob:
                changed.append(path)
            elif is_source:
                added.append(path)
            elif blob and path not in self._tree:
                removed.append(path)
        problems = {path: self._problem(path) for path in changed}
        broken = {path: text for path, text in problems.items() if text}
        return FileChanges(tuple(changed), tuple(added), tuple(removed), broken)

    def _problem(self, path: str) -> str:
        try:
            self._tree.model(path)
        except SourceError as error:
            return error.message
        return ""

    @cached_property
    def models(self) -> Mapping[str, SourceModel | None]:
        """Models of the differing sources in the revision.

        None for one that did not exist or does not parse.
        """
        found: dict[str, SourceModel | None] = dict.fromkeys(self.changes.added)
        for path in (*self.changes.changed, *self.changes.removed):
            try:
                found[path] = build_model(git.content(self._tree.root, self.blobs[path]))
            except SourceError:
                found[path] = None
        return found

    @cached_property
    def config_cause(self) -> Cause | None:
        """Set where pytest has other options than in the revision."""
        root = self._tree.root
        readers = {
            path: (lambda blob=blob: git.content(root, blob)) if blob else None
            for path, blob in self.blobs.items()
        }
        before = Tree(root, {}, overlay=Overlay(readers))
        now = pytest_config.read(root, text=self._tree.text)
        then = pytest_config.read(root, text=before.text)
        if then.digest == now.digest:
            return None
        return Cause(
            Kind.CONFIG, Manner.CHANGED, "", f"{pytest_config.OF_PYTEST}{now.path or then.path}"
        )


class _RevisionModels(RunModels):
    """Models of a run's sources as they are now, and as they were in a revision."""

    def __init__(
        self,
        datafile: Datafile,
        tree: Tree,
        snapshot: Mapping[str, VersionRef],
        files: FileChanges,
        since_run: FileChanges,
        before: Mapping[str, SourceModel | None],
    ) -> None:
        super().__init__(datafile, tree, snapshot, files)
        # Sources that changed since the run are read as they are now, whether they differ from the
        # revision or not.
        self.changed |= {*since_run.changed, *since_run.added, *files.removed}
        self.live |= frozenset(since_run.added)
        self._in_revision = before

    def before(self, path: str) -> SourceModel | None:
        return self._in_revision[path] if path in self._in_revision else super().before(path)


class _Matcher(RunMatcher):
    """Matches a run with a difference that need not have come about since then."""

    def __init__(
        self,
        datafile: Datafile,
        run: Run,
        tree: Tree,
        changes: FileChanges,
        before: Mapping[str, SourceModel | None],
        files: ChangedFiles,
    ) -> None:
        snapshot = datafile.snapshot(run.id)
        self._since_run = compare_files(snapshot, tree, run.recorded)
        self._before = before
        self._files = files
        there = {
            path: VersionRef(0, path, "", MODEL_KEY, -1, -1)
            for path in (*changes.changed, *changes.removed)
        }
        today = Today(tree.root, str(run.facts.get("hash_key", "")), overlay=tree.overlay)
        super().__init__(
            datafile, run, tree, today, PackageChanges(), changes, {**snapshot, **there}
        )

    def _read_models(self, tree: Tree) -> RunModels:
        return _RevisionModels(
            self._datafile, tree, self.snapshot, self.files, self._since_run, self._before
        )

    def _vanished_blocks(self) -> None:
        """Executed blocks that are not the same in the revision and now."""
        causes: dict[int, Cause] = {}
        for path, before in self._before.items():
            now = self.models.now(path)
            blocks_before, blocks_now = _blocks_of(before), _blocks_of(now)
            same = blocks_before.keys() & blocks_now.keys()
            blocks = blocks_before | blocks_now
            for fingerprint in self.traces.fingerprints([path]):
                other = fingerprint.checksums - same
                if not other:
                    continue
                known = [blocks[checksum] for checksum in other if checksum in blocks]
                first = min(known, key=lambda block: block.line, default=None)
                cause = self._block_cause(path, first, now)
                causes[fingerprint.id] = cause
                self._hit_functions.update(((path, block.qualname), cause) for block in known)
        for trace_id, cause in self.recorded.with_fingerprints(causes).items():
            self._hit(trace_id, cause)

    def _changed_resources(self) -> None:
        """Files that differ, for those who read them."""
        known = self._datafile.resource_states()
        differing = {
            state_id: changed_resource(state.kind, state.name)
            for state_id, state in known.items()
            if is_read(state, self._files)
        }
        if not differing:
            return
        for trace_id, state_id in self._datafile.resources([self.run.id]):
            if trace_id in self.recorded.kinds and state_id in differing:
                self._hit(trace_id, differing[state_id])


def _blocks_of(model: SourceModel | None) -> dict[int, Block]:
    """The blocks of a model by their checksums."""
    return {block.checksum: block for block in model.blocks} if model is not None else {}
