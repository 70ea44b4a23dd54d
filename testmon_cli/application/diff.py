"""`testmon diff`: what changed since it was last collected, or since a git revision."""

import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from testmon_cli.analysis.model import build_model
from testmon_cli.analysis.model_diff import (
    BlockChange,
    DefinitionChange,
    block_changes,
    definition_changes,
)
from testmon_cli.analysis.propagation import Growth
from testmon_cli.application.checkout import environment, interpreters, pytest_config, sources
from testmon_cli.application.checkout.resources import Today
from testmon_cli.application.checkout.sources import Tree, stored_model
from testmon_cli.application.invalidate import changed_distributions
from testmon_cli.application.invalidate.affected_traces import RunMatcher
from testmon_cli.application.invalidate.snapshot_diff import FileChanges, PackageChanges, is_loaded
from testmon_cli.application.invalidate.trace_uses import reachable, users_of
from testmon_cli.application.select.use_case import describe, select
from testmon_cli.application.settings import Settings
from testmon_cli.domain.causes import ADDED, CHANGED, MOVED, REMOVED, Cause, Kind, Manner
from testmon_cli.domain.difference import Change, Difference
from testmon_cli.domain.records import Run, StoredExecution, StoredFingerprint, VersionRef
from testmon_cli.domain.source import SourceError, SourceModel
from testmon_cli.storage.datafile import Datafile, MissingDatafile
from testmon_cli.tracing.watch import states
from testmon_cli.tracing.watch.distributions import DISTRIBUTION

_ALONE = Cause(Kind.FILE, CHANGED, "", "")
_RESOURCES = {
    "file": "data file",
    "directory": "folder",
    states.METADATA: "distributions in a folder",
    DISTRIBUTION: "metadata of a distribution",
    "environment": "environment variable",
    "glob": "pattern",
}


def diff(settings: Settings, *, base: str | None = None) -> Difference:
    """Compare the sources with what was last collected of each, or with a git revision.

    Raises EnvironmentFailure when git does not know the revision.
    """
    root = Path(os.path.realpath(settings.root))
    tree = Tree(root, sources.scan(root, settings.source, settings.exclude))
    try:
        datafile = Datafile.open(settings.datafile)
    except MissingDatafile as error:
        if base is not None:
            return _since_revision(settings, tree, base, None)
        return Difference("nothing, as no run was collected", (), (str(error),))
    with datafile:
        tree.datafile = datafile
        current = environment.current(settings.env)
        runs = datafile.runs(current)
        dependents = Dependents(datafile, runs, tree)
        if base is not None:
            return _since_revision(settings, tree, base, dependents)
        if not runs:
            note = f"nothing was collected for {describe(current)}"
            return Difference("nothing, as no run was collected", (), (note,))
        changes = [
            *_since_runs(settings, tree, datafile, runs, dependents),
            *_resources(dependents),
            *_configuration(root, runs[0], dependents),
        ]
        if interpreters.is_another(datafile, runs[0], environment.installed_packages):
            note = f"packages were not compared: {sys.executable} is another Python than that of the tests"
            return Difference(
                "what was last collected", _ordered(changes), (note + interpreters.hint(runs[0]),)
            )
        changes += _packages(settings, root, datafile, runs[0], dependents)
        return Difference("what was last collected", _ordered(changes))


class Dependents:
    """Counts tests that depend on something, by their newest executions and fixtures.

    Everything is read when it is first asked for: mostly little has changed.
    """

    def __init__(self, datafile: Datafile, runs: Sequence[Run], tree: Tree) -> None:
        self._datafile = datafile
        self._all_runs = runs
        self._tree = tree
        self._matchers: dict[int, RunMatcher] = {}
        self._fingerprints: dict[str, list[StoredFingerprint]] = {}
        self._seen: dict[str, list[SourceModel]] = {}

    @cached_property
    def _executions(self) -> list[StoredExecution]:
        if not self._all_runs:
            return []
        executions = self._datafile.executions(self._all_runs[0].environment)
        newest = {execution.nodeid: execution for execution in reversed(executions)}
        return list(newest.values())

    @cached_property
    def _tests(self) -> set[int]:
        return {e.trace_id for e in self._executions}

    @cached_property
    def _runs(self) -> list[Run]:
        """The runs that hold the newest execution of some test."""
        ran = {e.run_id for e in self._executions}
        return [run for run in self._all_runs if run.id in ran]

    @cached_property
    def _users(self) -> Mapping[int, Sequence[int]]:
        return users_of(self._datafile, [run.id for run in self._runs])

    def all(self) -> int:
        """All tests that are known."""
        return len(self._tests)

    def of_block(self, path: str, change: BlockChange, old: SourceModel, new: SourceModel) -> int:
        """Count the tests that executed a block, as it was or as it is now.

        `old` and `new` are the models of the file. What its function was in runs between them
        counts as well.
        """
        checksums = {change.block.checksum}
        if change.before is not None:
            checksums.add(change.before.checksum)
        both = {block.checksum for block in (*old.blocks, *new.blocks)}
        for model in self._models(path):
            own = [block for block in model.blocks if block.qualname == change.block.qualname]
            checksums.update({block.checksum for block in own} - both)
        known = self._fingerprints_of(path)
        holding = [each.id for each in known if not each.checksums.isdisjoint(checksums)]
        traces = (trace for _, trace in self._datafile.traces_with(holding))
        return len(self._tests & self._with_users(traces))

    def _models(self, path: str) -> Sequence[SourceModel]:
        """The models of a file in the runs that are compared."""
        if path not in self._seen:
            seen = [self._datafile.snapshot(run.id).get(path) for run in self._runs]
            refs = {ref.id: ref for ref in seen if ref is not None}
            found = [stored_model(self._datafile, ref) for ref in refs.values()]
            self._seen[path] = [model for model in found if model is not None]
        return self._seen[path]

    def of_file(self, path: str) -> int:
        """Tests that executed anything of a file, or need it to be imported."""
        return len(self._of_file(path))

    def elsewhere(self, path: str) -> int:
        """Count the tests of other files that depend on a file."""
        return len(self._of_file(path) - {e.trace_id for e in self._executions if e.path == path})

    def of_definition(self, path: str, changes: Sequence[DefinitionChange]) -> int:
        """Count the tests that `changes` of one definition alone would reach.

        They are followed through the sources as they were when the tests ran.
        """

        def change(growth: Growth) -> None:
            for one in changes:
                growth.changed_definition(path, one)

        return len(self._reached(change))

    def of_packages(self, changes: Sequence[tuple[tuple[str, ...], Cause]]) -> int:
        """Tests that a change of these distributions alone would reach."""

        def change(growth: Growth) -> None:
            for modules, cause in changes:
                growth.package(modules, cause)

        return len(self._reached(change))

    def of_resources(self) -> Mapping[tuple[str, str], tuple[Manner, int]]:
        """The resources that are not as they were, with the number of tests that rely on each.

        Returns what happened to each, and the number, by its kind and name.
        """
        found: dict[tuple[str, str], tuple[Manner, set[int]]] = {}
        known = self._datafile.resource_states() if self._runs else {}
        shown = {number: state for number, state in known.items() if state.kind in _RESOURCES}
        for run in self._runs:
            today = Today.for_run(self._tree.root, run)
            other = {number: state for number, state in shown.items() if not today.holds(state)}
            for state_id, traces in self._readers(run, other).items():
                state = other[state_id]
                tests = self._tests & self._reading(run, traces)
                if tests:
                    how = _what_happened(state.state, today.state(state.kind, state.name))
                    found.setdefault((state.kind, state.name), (how, set()))[1].update(tests)
        return {key: (how, len(tests)) for key, (how, tests) in found.items()}

    def _readers(self, run: Run, states: Collection[int]) -> dict[int, list[int]]:
        """The traces of a run that rely on some states of resources, by the state."""
        found: dict[int, list[int]] = defaultdict(list)
        if states:
            for trace_id, state_id in self._datafile.resources([run.id]):
                if state_id in states:
                    found[state_id].append(trace_id)
        return found

    def _reading(self, run: Run, traces: Iterable[int]) -> set[int]:
        """Who uses some traces of a run; an import is used by those who need the module."""
        imports = self._datafile.traces([run.id], "module")
        modules = {trace.id: trace.name for trace in imports}
        direct = self._with_users(trace for trace in traces if trace not in modules)
        imported = {modules[trace] for trace in traces if trace in modules}
        if not imported:
            return direct

        def change(growth: Growth) -> None:
            for path in imported:
                growth.module(path, _ALONE)

        return direct | self._reached_in(run, change)

    def _of_file(self, path: str) -> set[int]:
        holding = [f.id for f in self._fingerprints_of(path)]
        executed = self._with_users(trace for _, trace in self._datafile.traces_with(holding))
        return (self._tests & executed) | self._reached(lambda growth: growth.module(path, _ALONE))

    def _fingerprints_of(self, path: str) -> list[StoredFingerprint]:
        if path not in self._fingerprints:
            self._fingerprints[path] = self._datafile.fingerprints([path])
        return self._fingerprints[path]

    def _reached(self, change: Callable[[Growth], None]) -> set[int]:
        found: set[int] = set()
        return found.union(*(self._reached_in(run, change) for run in self._runs))

    def _reached_in(self, run: Run, change: Callable[[Growth], None]) -> set[int]:
        if run.id not in self._matchers:
            # Nothing has changed for this matcher: it answers what one change would do to the
            # sources of the run.
            nothing = FileChanges((), (), (), {})
            today = Today(self._tree.root, "")
            self._matchers[run.id] = RunMatcher(
                self._datafile, run, self._tree, today, PackageChanges(), nothing
            )
        return self._tests & self._matchers[run.id].reached_by(change).keys()

    def _with_users(self, traces: Iterable[int]) -> set[int]:
        return reachable(traces, self._users)


def _what_happened(before: str, now: str) -> Manner:
    absent = (states.MISSING, states.UNSET)
    if before in absent:
        return ADDED
    return REMOVED if now in absent else CHANGED


def _selected_for(settings: Settings, paths: Collection[str]) -> Mapping[str, int]:
    """How many tests are selected because of each of some files."""
    if not paths:
        return Counter()
    causes = (test.reason.cause for test in select(settings, failed=False).tests)
    return Counter(cause.origin.path for cause in causes if cause is not None)


def _since_runs(
    settings: Settings,
    tree: Tree,
    datafile: Datafile,
    runs: Sequence[Run],
    dependents: Dependents,
) -> Iterator[Change]:
    last: dict[str, tuple[VersionRef, Run]] = {}
    newest: Collection[str] = ()  # files that were there when something was last collected
    there: set[str] = set()
    distinct: dict[int, Run] = {}
    for run in runs:
        if run.snapshot_id is not None:
            distinct.setdefault(run.snapshot_id, run)
    for number, run in enumerate(distinct.values()):
        snapshot = datafile.snapshot(run.id)
        if number == 0:
            newest = snapshot.keys()
        there |= snapshot.keys()
        for path, ref in snapshot.items():
            if is_loaded(ref):
                last.setdefault(path, (ref, run))
    for path, (ref, run) in last.items():
        if path not in tree:
            # One that was gone already when something was last collected counts while tests wait to
            # run without it.
            if path in newest or dependents.elsewhere(path):
                yield Change(REMOVED, "file", path, "", 0, dependents.of_file(path))
        elif not tree.is_unchanged(ref, int(run.recorded * 1e9)):
            yield from _of_file(tree, path, sources.stored_model(datafile, ref), dependents)
    added = tree.stats.keys() - there
    selected = _selected_for(settings, added)
    for path in added:
        yield Change(ADDED, "file", path, "", 1, selected.get(path, 0))


def _since_revision(
    settings: Settings, tree: Tree, base: str, dependents: Dependents | None
) -> Difference:
    from testmon_cli.application.checkout import git

    commit = git.resolve(tree.root, base)
    folders = {
        os.path.relpath((tree.root / folder).resolve(), tree.root) for folder in settings.source
    }
    outside = sorted(folder.replace(os.sep, "/") for folder in folders if folder.startswith(".."))
    before = git.sources(tree.root, commit, outside)
    changes: list[Change] = []
    for path, blob in before.blobs.items():
        if path not in tree:
            if not sources.is_left_out(path, settings.exclude):
                changes.append(Change(REMOVED, "file", path, "", 0, _count(dependents, path)))
        elif path in tree.stats and git.blob_name(tree.read(path)) != blob:
            old = _parsed(git.content(tree.root, blob))
            changes += _of_file(tree, path, old, dependents)
    unknown = tuple(f"{folder}/" for folder in before.outside)
    known = before.blobs.keys() | before.links
    added = [path for path in tree.stats if path not in known and not path.startswith(unknown)]
    ignored = git.ignored(tree.root, added)
    for path in added:
        if path not in ignored:
            changes.append(Change(ADDED, "file", path, "", 1, _count(dependents, path)))
    notes = [
        f"not compared, as it is not in the git repository: {folder}" for folder in before.outside
    ]
    return Difference(f"git revision {base}", _ordered(changes), tuple(notes))


def _count(dependents: Dependents | None, path: str) -> int:
    """How many tests depend on a file, as far as that is known."""
    return dependents.of_file(path) if dependents is not None else 0


def _parsed(data: bytes) -> SourceModel | None:
    try:
        return build_model(data)
    except SourceError:
        return None


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
        count = _count(dependents, path)
        yield Change(CHANGED, "file", path, "", error.line or 0, count, detail)
        return
    if old is None:
        detail = "nothing is known of what it was"
        yield Change(CHANGED, "file", path, "", 1, _count(dependents, path), detail)
        return
    for change in block_changes(old, new):
        block = change.block
        if block is new.module_block or block is old.module_block:
            continue  # the module's own code shows as its definitions
        tests = dependents.of_block(path, change, old, new) if dependents else 0
        line = 0 if change.how is REMOVED else block.line
        yield Change(change.how, "block", path, block.qualname, line, tests)
    yield from _of_definitions(path, old, new, dependents)


def _of_definitions(
    path: str, old: SourceModel, new: SourceModel, dependents: Dependents | None
) -> Iterator[Change]:
    """A line per name, though what it was and what it is now are changes of their own."""
    groups: dict[tuple[Manner, str], list[DefinitionChange]] = defaultdict(list)
    for change in definition_changes(old, new):
        qualname = ".".join(filter(None, (change.definition.owner, change.name)))
        groups[change.how, qualname].append(change)
    for (how, name), changes in groups.items():
        tests = dependents.of_definition(path, changes) if dependents else 0
        if how == MOVED and not tests:
            continue  # to most classes the order of members means nothing
        for line in _lines_now(changes, new) or [0]:
            yield Change(how, "definition", path, name, line, tests)


def _lines_now(changes: Sequence[DefinitionChange], new: SourceModel) -> list[int]:
    """The lines at which a changed definition stands now; none where it was removed."""
    how, name = changes[0].how, changes[0].name
    if how == REMOVED:
        return []
    changed = [change.definition for change in changes]
    lines = [definition.line for definition in changed if definition in new.definitions]
    if lines or how != CHANGED:
        return lines
    # One of several definitions of the name went.
    return [definition.line for definition in new.definitions if name in definition.names]


def _resources(dependents: Dependents) -> Iterator[Change]:
    """Changes of resources that tests relied on: files, folders, variables, patterns."""
    for (kind, name), (how, tests) in dependents.of_resources().items():
        path, own_name = ("", name) if kind == "environment" else (name, "")
        yield Change(how, "resource", path, own_name, 0, tests, _RESOURCES[kind])


def _configuration(root: Path, newest: Run, dependents: Dependents) -> Iterator[Change]:
    """The configuration of pytest, since the newest run."""
    config = pytest_config.of_run(root, newest)
    if newest.facts.get("config") not in (None, config.digest):
        yield Change(CHANGED, "config", config.path, "options of pytest", 0, dependents.all())


def _packages(
    settings: Settings, root: Path, datafile: Datafile, newest: Run, dependents: Dependents
) -> Iterator[Change]:
    """Distributions, since the newest run."""
    facts = newest.facts.get("plugins")
    plugins = [str(plugin) for plugin in facts] if isinstance(facts, list) else []
    options = (*pytest_config.of_run(root, newest).addopts, *newest.arguments)
    found = changed_distributions.compare(
        datafile.packages(newest.id),
        environment.installed_packages(),
        settings.ignore_packages,
        plugins,
        options,
        environment.Metadata(root),
    )
    causes: dict[Cause, list[tuple[tuple[str, ...], Cause]]] = defaultdict(list)
    for modules, cause in found.changed():
        causes[cause.origin].append((modules, cause))
    for origin, changes in causes.items():
        if changed_distributions.concerns_all(origin, plugins, options):
            tests = dependents.all()
        else:
            tests = dependents.of_packages(changes)
        yield Change(origin.how, "package", "", origin.name, 0, tests)


def _ordered(changes: Iterable[Change]) -> tuple[Change, ...]:
    """By place; what has none comes after."""
    unique = dict.fromkeys(changes)
    return tuple(
        sorted(
            unique,
            key=lambda c: (not c.path, c.category == "config", c.path, c.line, c.name, c.how.value),
        )
    )
