"""`testmon diff`: what changed since it was last collected, or since a git revision."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from testmon_cli.analysis import codec
from testmon_cli.analysis.changes import CHANGED, REMOVED, DefinitionChange, block_changes, definition_changes
from testmon_cli.analysis.growth import Growth
from testmon_cli.analysis.model import MODEL_KEY, build_model
from testmon_cli.application import environment, packages, pytest_config, revisions, selecting, sources
from testmon_cli.application.matching import FileChanges, PackageChanges, RunMatcher, is_loaded
from testmon_cli.application.resources import Today
from testmon_cli.application.settings import Settings
from testmon_cli.application.sources import Tree
from testmon_cli.domain.causes import Cause
from testmon_cli.domain.difference import Change, Difference
from testmon_cli.domain.records import Run, VersionRef
from testmon_cli.domain.source import SourceError, SourceModel
from testmon_cli.storage.datafile import Datafile, MissingDatafile


def diff(settings: Settings, *, base: str | None = None) -> Difference:
    """Compare the sources with what was last collected of each, or with a git revision.

    Raises EnvironmentFailure when git does not know the revision.
    """
    root = Path(os.path.realpath(settings.root))
    tree = Tree(root, sources.scan(root, settings.source, settings.exclude))
    try:
        datafile = Datafile.open(settings.datafile)
    except MissingDatafile as error:
        if base is None:
            return Difference("nothing, as no run was collected", (), (str(error),))
        commit = revisions.resolve(root, base)
        return Difference(f"git revision {base}", _ordered(_since_revision(tree, commit, None)))
    with datafile:
        runs = datafile.runs(environment.current(settings.env))
        dependents = Dependents(datafile, runs, tree)
        if base is not None:
            commit = revisions.resolve(root, base)
            return Difference(f"git revision {base}", _ordered(_since_revision(tree, commit, dependents)))
        if not runs:
            note = f"nothing was collected for {selecting.describe(environment.current(settings.env))}"
            return Difference("nothing, as no run was collected", (), (note,))
        changes = [
            *_since_runs(settings, tree, datafile, runs, dependents),
            *_around(settings, root, datafile, runs),
        ]
        return Difference("what was last collected", _ordered(changes))


_ALONE = Cause("file", CHANGED, "", "")


class Dependents:
    """How many tests depend on something, by their newest executions and the fixtures that they use."""

    def __init__(self, datafile: Datafile, runs: Sequence[Run], tree: Tree) -> None:
        self._datafile = datafile
        self._tree = tree
        executions = datafile.executions(runs[0].environment) if runs else []
        newest = {e.nodeid: e for e in reversed(executions)}
        self._executions = list(newest.values())
        self._tests = {e.trace_id for e in self._executions}
        ran = {e.run_id for e in self._executions}
        self._runs = [run for run in runs if run.id in ran]
        self._matchers: list[RunMatcher] = []
        self._users: dict[int, list[int]] = {}
        for user, used in datafile.uses([run.id for run in runs]):
            self._users.setdefault(used, []).append(user)

    def count(self, path: str, checksums: frozenset[int]) -> int:
        """Tests that executed one of some blocks of a file."""
        holding = [f.id for f in self._datafile.fingerprints([path]) if not f.checksums.isdisjoint(checksums)]
        return len(self._tests & self._with_users({trace for _, trace in self._datafile.traces_with(holding)}))

    def of_file(self, path: str) -> int:
        """Tests that executed anything of a file, or need it to be imported."""
        holding = [f.id for f in self._datafile.fingerprints([path])]
        executed = self._with_users({trace for _, trace in self._datafile.traces_with(holding)})
        return len(self._tests & (executed | self._reached(lambda growth: growth.module(path, _ALONE))))

    def of_definition(self, path: str, changes: Sequence[DefinitionChange]) -> int:
        """Tests that a change of one definition alone would reach, by what the sources were when they ran."""

        def change(growth: Growth) -> None:
            for one in changes:
                growth.changed_definition(path, one)

        return len(self._tests & self._reached(change))

    def _reached(self, change: Callable[[Growth], None]) -> set[int]:
        if not self._matchers:
            today = Today(self._tree.root, "")
            self._matchers = [
                RunMatcher(self._datafile, run, self._tree, today, PackageChanges(), FileChanges((), (), (), {}))
                for run in self._runs
            ]
        return {trace for matcher in self._matchers for trace in matcher.reached_by(change, self._executions)}

    def _with_users(self, traces: set[int]) -> set[int]:
        found = set(traces)
        stack = list(traces)
        while stack:
            for user in self._users.get(stack.pop(), ()):
                if user not in found:
                    found.add(user)
                    stack.append(user)
        return found


def _selected_for(settings: Settings, paths: Collection[str]) -> Mapping[str, int]:
    """How many tests are selected because of each of some files."""
    causes = (test.reason.cause for test in selecting.select(settings, failed=False).tests) if paths else ()
    return Counter(cause.origin.path for cause in causes if cause is not None)


def _since_runs(
    settings: Settings,
    tree: Tree,
    datafile: Datafile,
    runs: Sequence[Run],
    dependents: Dependents,
) -> Iterator[Change]:
    last: dict[str, tuple[VersionRef, Run]] = {}
    there: set[str] = set()
    for run in runs:
        for path, ref in datafile.snapshot(run.id).items():
            there.add(path)
            if is_loaded(ref):
                last.setdefault(path, (ref, run))
    for path, (ref, run) in last.items():
        if path not in tree:
            yield Change("removed", "file", path, "", 0, dependents.of_file(path))
        elif not tree.is_unchanged(ref, int(run.started * 1e9)):
            data = datafile.model(ref.id) if ref.model_key == MODEL_KEY else b""
            old = codec.decode(data) if data else None
            yield from _of_file(tree, path, old, dependents)
    added = tree.stats.keys() - there
    selected = _selected_for(settings, added)
    for path in added:
        yield Change("added", "file", path, "", 1, selected.get(path, 0))


def _since_revision(tree: Tree, commit: str, dependents: Dependents | None) -> Iterator[Change]:
    before = revisions.sources(tree.root, commit)
    for path, blob in before.items():
        if path not in tree:
            yield Change("removed", "file", path, "", 0, dependents.of_file(path) if dependents else 0)
        elif revisions.blob_name(tree.read(path)) != blob:
            try:
                old = build_model(revisions.content(tree.root, blob))
            except SourceError:
                old = None
            yield from _of_file(tree, path, old, dependents)
    for path in tree.stats.keys() - before.keys():
        yield Change("added", "file", path, "", 1, dependents.of_file(path) if dependents else 0)


def _of_file(
    tree: Tree,
    path: str,
    old: SourceModel | None,
    dependents: Dependents | None,
) -> Iterator[Change]:
    """Blocks and definitions of one file that changed."""
    try:
        new = tree.model(path)
    except SourceError as error:
        detail = f"does not parse: {error.message}"
        of_file = dependents.of_file(path) if dependents else 0
        yield Change("changed", "file", path, "", error.line or 0, of_file, detail)
        return
    if old is None:
        of_file = dependents.of_file(path) if dependents else 0
        yield Change("changed", "file", path, "", 1, of_file, "nothing is known of what it was")
        return
    gone = {block.checksum for block in old.blocks} - {block.checksum for block in new.blocks}
    for change in block_changes(old, new):
        block = change.block
        if block is new.blocks[-1] or block is old.blocks[-1]:
            continue  # the module's own code shows as its definitions
        lost = frozenset(b.checksum for b in old.blocks if b.qualname == block.qualname and b.checksum in gone)
        tests = dependents.count(path, lost) if dependents and lost else 0
        yield Change(change.how, "block", path, block.qualname, 0 if change.how == "removed" else block.line, tests)
    yield from _of_definitions(path, old, new, dependents)


def _of_definitions(path: str, old: SourceModel, new: SourceModel, dependents: Dependents | None) -> Iterator[Change]:
    """A line per name, though what it was and what it is now are changes of their own."""
    groups: dict[tuple[str, str], list[DefinitionChange]] = defaultdict(list)
    for change in definition_changes(old, new):
        groups[change.how, ".".join(filter(None, (change.definition.owner, change.name)))].append(change)
    for (how, name), changes in groups.items():
        there = [c.definition.line for c in changes if c.definition in new.definitions]
        tests = dependents.of_definition(path, changes) if dependents else 0
        if how == CHANGED and not there:  # one of several definitions of the name went
            there = [d.line for d in new.definitions if changes[0].name in d.names]
        for line in there if how != REMOVED and there else [0]:
            yield Change(how, "definition", path, name, line, tests)


def _around(settings: Settings, root: Path, datafile: Datafile, runs: Sequence[Run]) -> Iterator[Change]:
    """Packages and the configuration of pytest, since the newest run."""
    if not runs:
        return
    newest = runs[0]
    tests = len({e.nodeid for e in datafile.executions(newest.environment)})
    config = pytest_config.read(root)
    if newest.facts.get("config") not in (None, config.digest):
        yield Change("changed", "config", config.path, "options of pytest", 0, tests)
    found = packages.compare(
        datafile.packages(newest.id), environment.installed_packages(), settings.ignore_packages, ()
    )
    for _, cause in found.changed():
        if cause.via is None:
            yield Change(cause.how, "package", "", cause.name, 0, 0)


def _ordered(changes: Sequence[Change] | Iterator[Change]) -> tuple[Change, ...]:
    unique = dict.fromkeys(changes)
    return tuple(sorted(unique, key=lambda c: (c.category in ("package", "config"), c.path, c.line, c.name, c.how)))
