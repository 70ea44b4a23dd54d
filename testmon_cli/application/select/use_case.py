"""`testmon select`: which tests a change can affect."""

import os
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from testmon_cli.analysis.pytest_naming import Naming, candidates
from testmon_cli.application.checkout import environment, interpreters, pytest_config, sources
from testmon_cli.application.checkout.resources import Today
from testmon_cli.application.checkout.sources import Overlay, Tree
from testmon_cli.application.invalidate import changed_distributions
from testmon_cli.application.invalidate.snapshot_diff import (
    UNKNOWN,
    FileChanges,
    Hits,
    PackageChanges,
    changed_states,
    compare_files,
    is_loaded,
)
from testmon_cli.application.select import canaries
from testmon_cli.application.select.absent_tests import Absence
from testmon_cli.application.select.filters import Narrowing
from testmon_cli.application.select.paths import Known
from testmon_cli.application.select.pytest_arguments import Arguments
from testmon_cli.application.select.reason_text import sentence
from testmon_cli.application.settings import Settings
from testmon_cli.domain import selection as kinds
from testmon_cli.domain.causes import Cause
from testmon_cli.domain.errors import SourceError
from testmon_cli.domain.nodeid import NodeId, function_of, path_of
from testmon_cli.domain.records import FAILURES, Environment, Heads, Package, Run, StoredExecution, VersionRef
from testmon_cli.domain.selection import Reason, Selected, Selection
from testmon_cli.storage.datafile import DamagedDatafile, Datafile, MissingDatafile

if TYPE_CHECKING:  # what matches changes is imported where there are some: that takes longer than all the rest
    from testmon_cli.analysis.project import Project
    from testmon_cli.application.invalidate.affected_traces import RunMatcher
    from testmon_cli.application.select.existing_tests import Existence
    from testmon_cli.application.select.inherited_tests import Inherited
    from testmon_cli.application.select.since_revision import SinceRevision

_T = TypeVar("_T")


def select(
    settings: Settings,
    *,
    narrowing: Narrowing | None = None,
    failed: bool = True,
    exact: bool = False,
    staged: bool = False,
    base: str | None = None,
) -> Selection:
    """Decide which tests must run.

    `failed` selects remembered failures as well; `exact` keeps node ids that xargs would split as they are. With
    `staged`, the index of git counts in place of the working tree; with `base`, only what differs from that revision.
    Raises DatafileError when the datafile cannot be read, EnvironmentFailure when git cannot be asked.
    """
    narrowing = narrowing or Narrowing()
    root = Path(os.path.realpath(settings.root))
    tree = Tree(root, sources.scan(root, settings.source, settings.exclude), overlay=_overlay(root, staged=staged))
    since = _since(settings, tree, base, staged=staged)
    if since is not None:
        narrowing = narrowing.also(since.files)
    config = pytest_config.read(root, pytest_config.place_of((), root), text=tree.text)
    current = environment.current(settings.env)
    arguments = Arguments(root, exact=exact)
    try:
        datafile = Datafile.open(settings.datafile, mode="read")
    except MissingDatafile:
        note = f"no datafile {settings.datafile}: everything is selected; run `testmon collect` first"
        return narrowing.of(_everything(settings, tree, config.naming(), note, arguments), Known(tree, current))
    except DamagedDatafile as error:
        note, why = f"everything is selected: {error}", "the datafile is damaged"
        return narrowing.of(_everything(settings, tree, config.naming(), note, arguments, why), Known(tree, current))
    with datafile:
        tree.datafile = datafile
        runs = datafile.runs(current)
        known = Known(tree, current, datafile, runs)
        if not runs:
            others = ", ".join(sorted({describe(e) for e in datafile.environments()})) or "none"
            note = f"nothing was collected for {describe(current)} (there is: {others}): everything is selected"
            note += interpreters.hint(next(iter(datafile.runs()), None))
            return narrowing.of(_everything(settings, tree, config.naming(), note, arguments), known)
        if interpreters.is_another(datafile, runs[0], environment.installed_packages):
            note = (
                f"the tests ran with another Python than {sys.executable}, which has no pytest: everything is selected"
            )
            note += interpreters.hint(runs[0])
            return narrowing.of(_everything(settings, tree, config.naming(), note, arguments), known)
        selection = Chooser(datafile, settings, runs, tree, arguments, since).choose(failed=failed)
        return _in_order(canaries.one_of_each(narrowing.of(interpreters.with_note(selection, runs[0]), known)))


def _in_order(selection: Selection) -> Selection:
    """A selection in the order of pytest: by folders and files, and in each file as the tests were recorded.

    Files are imported as in a run of all tests, then. What the import of a module that fails leaves in `sys.modules`
    decides whether the next that imports it fails as well.
    """

    def place(test: Selected) -> tuple[list[str], bool, int]:
        path = test.execution.path if test.execution is not None else path_of(test.nodeid)
        return path.split("/"), test.execution is None, test.execution.trace_id if test.execution is not None else 0

    return selection._replace(tests=tuple(sorted(selection.tests, key=place)))


def held(settings: Settings) -> dict[str, str]:
    """How the tests came out that need not run: by node id, the outcome of the execution that holds."""
    root = Path(os.path.realpath(settings.root))
    tree = Tree(root, sources.scan(root, settings.source, settings.exclude))
    with Datafile.open(settings.datafile) as datafile:
        tree.datafile = datafile
        current = environment.current(settings.env)
        runs = datafile.runs(current)
        chooser = Chooser(datafile, settings, runs, tree, Arguments(root, exact=True))
        return chooser.held(datafile.executions(current)) if runs else {}


def everything(settings: Settings, *, narrowing: Narrowing | None = None) -> Selection:
    """All test files that there are, whatever is known of them."""
    root = Path(os.path.realpath(settings.root))
    tree = Tree(root, sources.scan(root, settings.source, settings.exclude))
    config = pytest_config.read(root, pytest_config.place_of((), root), text=tree.text)
    selection = _everything(settings, tree, config.naming(), "", Arguments(root, exact=True), "all tests are run")
    return (narrowing or Narrowing()).of(selection, Known(tree, environment.current(settings.env)))


def _overlay(root: Path, *, staged: bool) -> Overlay | None:
    if not staged:
        return None
    from testmon_cli.application.checkout import git_status

    return git_status.staged(root)


def _since(settings: Settings, tree: Tree, base: str | None, *, staged: bool) -> "SinceRevision | None":
    if base is None:
        return None
    from testmon_cli.application.select.since_revision import SinceRevision

    return SinceRevision(settings, tree, base, in_index=staged)


def describe(env: Environment) -> str:
    """An environment in words."""
    return f"environment {env.name!r} with Python {env.python} on {env.platform}"


def _everything(
    settings: Settings,
    tree: Tree,
    naming: Naming,
    note: str,
    arguments: Arguments,
    why: str = "nothing is known of it",
) -> Selection:
    reason = Reason(kinds.NEW, why)
    files = [path for path in sorted(tree.stats) if _is_collectable(tree, path, naming)]
    files += _texts(tree, naming, settings)
    tests = [Selected(path, arguments.of(NodeId(path)), reason) for path in files]
    return Selection(tuple(tests), 0, (note,))


def _is_collectable(tree: Tree, path: str, naming: Naming) -> bool:
    if path.startswith("../"):
        return False
    if naming.is_test_file(path):
        return True
    return naming.doctest_modules and naming.is_visited(path) and b">>>" in tree.read(path)


def _texts(tree: Tree, naming: Naming, settings: Settings) -> list[str]:
    """Text files in which pytest finds doctests."""
    found = sources.texts(tree.root, naming.doctest_globs, settings.exclude)
    return [path for path in found if naming.is_text(path) and b">>>" in tree.read(path)]


class _Verdict:
    """The verdict on one test: its newest valid execution, or why the newest one is not valid."""

    __slots__ = ("cause", "current", "newest", "older", "text", "valid")

    def __init__(self, newest: StoredExecution) -> None:
        self.newest = newest
        self.current = newest  # the one to be weighed next
        self.older: list[StoredExecution] | None = None  # those to be weighed after it, the newest first
        self.valid: StoredExecution | None = None
        self.cause: Cause | None = None
        self.text = ""


class _Compared(NamedTuple):
    """The differences between a run and the present state."""

    snapshot: Mapping[str, VersionRef]
    files: FileChanges
    today: Today
    packages: PackageChanges
    everything: Cause | None  # what concerns all tests at once
    differs: bool  # whether anything at all may concern a test


class _Matched(NamedTuple):
    """The result of matching a run: which of its traces are invalid, and why."""

    invalid: Hits  # traces that do not hold
    everything: Cause | None = None  # what makes all of them invalid at once
    doubtful: bool = False  # whether pytest may know none of their node ids
    beyond_files: bool = False  # whether anything but source files may be why
    endangered: Mapping[str, Cause] = MappingProxyType({})  # files whose import may raise


_NOTHING = _Matched({})


class Chooser:
    """Weighs the executions of all tests against the tree."""

    def __init__(
        self,
        datafile: Datafile,
        settings: Settings,
        runs: Sequence[Run],
        tree: Tree,
        arguments: Arguments,
        since: "SinceRevision | None" = None,
    ) -> None:
        self.datafile = datafile
        self.settings = settings
        self.runs = runs
        self.tree = tree
        self.arguments = arguments
        self.absence = Absence(datafile, runs, self._holds)
        self.since = since  # the difference that is asked about, where it is not what has changed since the tests ran
        self.broken: dict[str, str] = {}
        self.unstable: set[str] = set()  # test files whose node ids may be others now
        self.rebuilt: set[tuple[str, str]] = set()  # classes with bases that may have other tests now
        self.inherited: list[Inherited] = []
        self.project: Project | None = None
        self.doubted: set[str] = set()  # files whose import something concerns that has changed since any run
        self._doubts: dict[int, set[str]] = {}  # by run: the same, of what has changed since that run
        self._undecided: set[str] = set()  # files that may not import now, for what no newer run can tell
        self._doubtful: frozenset[str] | None = None
        self.failing: Collection[str] = ()  # test files that could not be imported by the last run that tried
        self.affected: set[tuple[str, str]] = set()  # names in files that may mean something else now
        self._touched: dict[int, set[str]] = {}  # by run: files whose tests may be others than it collected
        self._configs: dict[int, pytest_config.PytestConfig] = {}  # by run
        self._projects: dict[int, Project] = {}  # by run
        self._reasons: dict[int, Reason] = {}  # by the id of their cause
        self._comparisons: dict[int, _Compared] = {}  # by run
        self._matches: dict[int, _Matched] = {}  # by run
        self._same: dict[tuple[int, int], bool] = {}  # by run and older run

    def choose(self, *, failed: bool) -> Selection:
        """Weigh each test, unless a look at the newest run tells that this would change nothing.

        All tests of a file whose import may raise are chosen as canaries, of which one is enough.
        """
        at_once = self._at_once(failed=failed)
        return self._weighed(failed=failed) if at_once is None else at_once

    def why_invalid(self, execution: StoredExecution) -> Cause | None:
        """Why an execution does not hold; None where it does, as far as its record tells."""
        run = next(run for run in self.runs if run.id == execution.run_id)
        matched = self._matched(run)
        return matched.everything or matched.invalid.get(execution.trace_id)

    def _at_once(self, *, failed: bool) -> Selection | None:
        """The answer where nothing has changed since the newest run, which ran all tests; None where it may have."""
        newest = self.runs[0]
        if self.since is not None:
            return None
        if any(run.facts.get("pending") or run.facts.get("left_out") for run in self.runs):
            return None
        if self._compared(newest).differs or self.datafile.has_tests_besides(newest):
            return None
        remarkable = self.datafile.remarkable(newest.id)
        files = self.datafile.test_files(newest.id)
        if any(execution.unknown for execution in remarkable) or not all(map(self.tree.exists, files)):
            return None
        chosen = []
        spent = 0.0
        for execution in remarkable:
            reason = self._reason_to_repeat(execution, failed=failed)
            if reason is not None:
                spent += execution.duration
                nodeid = NodeId.parse(execution.nodeid, execution.path)
                chosen.append(Selected(execution.nodeid, self.arguments.of(nodeid), reason, execution))
        chosen += self._new(self._naming(newest), files)
        known, seconds = self.datafile.totals(newest.id)
        return Selection(tuple(chosen), known, (), seconds - spent, spent)

    def _weighed(self, *, failed: bool) -> Selection:
        heads = self.datafile.heads(self.runs[0].environment)
        standing = _standing(heads)
        files = set().union(*map(self.datafile.test_files, standing))
        missing = {file for file in files if not self.tree.exists(file)}
        failing = canaries.failing_files(self.datafile, self.runs)
        self.failing = self._unless_collected_as_now(failing)
        self._undecided.update(self.failing)
        self._doubtful = None
        wanted = self._to_weigh(standing, missing)
        traces = [t for head in heads for t, test in zip(head.trace_ids, head.test_ids, strict=True) if test in wanted]
        verdicts = self._verdicts(self.datafile.executions_of(traces))
        naming = self._naming(self.runs[0])
        chosen: list[Selected] = []
        spent = 0.0
        known = sum(map(len, standing.values())) - len(verdicts)
        left_out = 0  # microseconds
        for head in heads:
            tests = standing[head.run_id]
            durations = zip(head.trace_ids, head.durations, strict=True)
            left_out += sum([time for trace, time in durations if trace in tests and tests[trace] not in wanted])
        saved = left_out / 1_000_000
        gone: set[str] = set()
        endangered = self._endangered()
        unsettled = self.unstable.union(self.doubtful, missing)
        for nodeid, verdict in verdicts.items():
            newest = verdict.newest
            node = NodeId.parse(nodeid, newest.path)
            # Most tests stand in files of which nothing is to be asked.
            settled = newest.path not in unsettled and node.path not in unsettled
            if settled and newest.run_id in self._doubts:
                settled = self._doubts[newest.run_id].isdisjoint((newest.path, node.path))
            inherited = "." in newest.function and verdict.valid is None and self.project is not None
            there = node if settled and not inherited else self._existence.node(newest)
            if there is None or self.absence.is_absent(newest):
                gone.add(nodeid)
                continue
            known += 1
            reason = self._reason(verdict, failed=failed)
            if reason is None:
                saved += newest.duration
                cause = endangered.get(node.path)
                if cause is None:
                    continue
                reason = canaries.reason(cause)
            else:
                spent += newest.duration
            argument = self.arguments.of(self._given(newest, node, there, settled=settled))
            chosen.append(Selected(nodeid, argument, reason, newest))
        chosen += self._new(naming, files)
        notes = [f"{path} does not parse: {error}" for path, error in sorted(self.broken.items())]
        broken = tuple(sorted(self.broken))
        selection = Selection(tuple(chosen), known, tuple(notes), saved, spent, broken, frozenset(gone))
        return selection._replace(unsettled=frozenset(self.unstable.union(self.doubtful, self.doubted)))

    # Which executions hold

    def held(self, executions: Iterable[StoredExecution]) -> dict[str, str]:
        """The outcome, by node id, of the newest execution that holds; the newest come first."""
        verdicts = self._verdicts(executions)
        return {nodeid: verdict.valid.outcome for nodeid, verdict in verdicts.items() if verdict.valid is not None}

    def _to_weigh(self, standing: Mapping[int, Mapping[int, int]], missing: Collection[str]) -> set[int]:
        """The ids of tests of which there is something to say: all others hold as they ran last, and exist."""
        found: set[int] = set()
        for run in self.runs:
            tests = standing.get(run.id)
            if not tests:
                continue
            matched = self._matched(run)
            if matched.everything is not None:
                found.update(tests.values())
                continue
            traces = matched.invalid.keys() | {e.trace_id for e in self.datafile.remarkable(run.id)}
            if self.since is not None:
                traces |= self.since.hits(self.datafile, run).keys()
            found.update(tests[trace] for trace in traces & tests.keys())
        files = self.unstable.union(missing, self.failing, self._endangered())
        return found | self.datafile.tests_of(files) if files else found

    def _endangered(self) -> dict[str, Cause]:
        """Test files whose import may raise, with why."""
        # Of a run after which everything is other, nobody asked what that does to imports.
        known = {run_id: matched for run_id, matched in self._matches.items() if matched.everything is None}
        by_run = {run_id: matched.endangered for run_id, matched in known.items()}
        found = self._unless_collected_as_now(canaries.endangered_files(self.datafile, by_run))
        return {**self.since.endangered, **found} if self.since is not None else found

    def _unless_collected_as_now(self, files: dict[str, _T]) -> dict[str, _T]:
        """The test files among `files` that no run has collected in their present state."""
        for run in self.runs if files else ():
            if not self._compared(run).differs:
                for path in self.datafile.test_files(run.id):
                    files.pop(path, None)
        return files

    def _verdicts(self, executions: Iterable[StoredExecution]) -> dict[str, _Verdict]:
        """By node id. Executions come with the newest first, and so do the runs."""
        verdicts: dict[str, _Verdict] = {}
        waiting: dict[int, list[_Verdict]] = defaultdict(list)  # by the run whose execution is weighed next
        for execution in executions:
            verdict = verdicts.get(execution.nodeid)
            if verdict is None:
                verdict = verdicts[execution.nodeid] = _Verdict(execution)
                waiting[execution.run_id].append(verdict)
            elif verdict.older is None:
                verdict.older = [execution]
            else:
                verdict.older.append(execution)
        for run in self.runs:
            here = waiting.pop(run.id, None)
            if here is None:
                continue
            matched = self._matched(run)
            if matched.doubtful:
                self._undecided.update(path_of(v.current.nodeid, v.current.path) for v in here)
                self._doubtful = None
            for verdict in here:
                execution = verdict.current
                cause = matched.everything or matched.invalid.get(execution.trace_id)
                if cause is None and not execution.unknown:
                    verdict.cause = self._cause_since(run, execution)
                    verdict.valid = None if verdict.cause else execution
                    continue
                if verdict.cause is None and not verdict.text:
                    verdict.cause, verdict.text = cause, execution.unknown
                while verdict.older:
                    verdict.current = verdict.older.pop(0)
                    if not self._saw_the_same(run, verdict.current.run_id):
                        waiting[verdict.current.run_id].append(verdict)
                        break
        return verdicts

    def _cause_since(self, run: Run, execution: StoredExecution) -> Cause | None:
        """Why the difference that is asked about concerns an execution that holds; None where it does not."""
        return self.since.hits(self.datafile, run).get(execution.trace_id) if self.since is not None else None

    def _saw_the_same(self, run: Run, older: int) -> bool:
        """Whether an older run recorded the same content as `run` for everything that has changed since `run`.

        Then it cannot know what the changes do. What it has of a test that does not do the same each time may have
        missed what the change concerns.
        """
        matched, key = self._matched(run), (run.id, older)
        if matched.everything is not None or matched.beyond_files:
            return False
        if key not in self._same:
            files = self._compared(run).files
            now, then = self._compared(run).snapshot, self.datafile.snapshot(older)
            paths = (*files.changed, *files.added, *files.removed)
            self._same[key] = all(_digest(now.get(path)) == _digest(then.get(path)) for path in paths)
        return self._same[key]

    def _matched(self, run: Run) -> _Matched:
        if run.id not in self._matches:
            self._matches[run.id] = self._match(run)
        return self._matches[run.id]

    def _match(self, run: Run) -> _Matched:
        compared = self._compared(run)
        files = compared.files
        self.broken.update(files.broken)
        touched = self._touched[run.id] = {*files.changed, *files.added, *files.removed}
        self.unstable.update(touched)
        if compared.everything is not None:
            return _Matched({}, compared.everything, doubtful=compared.everything.kind == "config")
        if not compared.differs:
            self._doubt(run, set())
            return _NOTHING
        from testmon_cli.analysis.model_key import MODEL_KEY
        from testmon_cli.application.invalidate.affected_traces import RunMatcher

        snapshot = compared.snapshot
        if any(is_loaded(ref) and ref.model_key != MODEL_KEY for ref in snapshot.values()):
            # Checksums of two analyses cannot be compared, so nobody knows what the changes mean for these tests.
            cause = Cause(UNKNOWN, "read sources in another way", "", "recorded by another version of testmon")
            return _Matched({}, cause, doubtful=True)
        is_collected = partial(_is_collectable, self.tree, naming=self._naming(run))
        matcher = RunMatcher(
            self.datafile, run, self.tree, compared.today, compared.packages, files, snapshot, is_collected
        )
        invalid = matcher.match()
        self._learn(matcher)
        return _Matched(invalid, beyond_files=matcher.beyond_files, endangered=matcher.endangered)

    def _config(self, run: Run) -> pytest_config.PytestConfig:
        """Read pytest's present configuration, as if it were started where a run was, for the same files."""
        if run.id not in self._configs:
            self._configs[run.id] = pytest_config.of_run(self.tree.root, run, self.tree.text)
        return self._configs[run.id]

    def _is_configured(self, run: Run) -> bool:
        """Whether pytest is configured as it was in a run."""
        return run.facts.get("config") == self._config(run).digest

    def _naming(self, run: Run) -> Naming:
        return self._config(run).naming(run.arguments)

    def _compared(self, run: Run) -> _Compared:
        if run.id not in self._comparisons:
            self._comparisons[run.id] = self._compare(run)
        return self._comparisons[run.id]

    def _compare(self, run: Run) -> _Compared:
        snapshot = self.datafile.snapshot(run.id)
        files = compare_files(snapshot, self.tree, run.recorded)
        today = Today.for_run(self.tree.root, run, self.tree.overlay)
        config = self._config(run)
        if run.facts.get("config") not in (None, config.digest):
            cause = Cause("config", "changed", "", f"{pytest_config.OF_PYTEST}{config.path or 'PYTEST_ADDOPTS'}")
            return _Compared(snapshot, files, today, PackageChanges(), cause, differs=True)
        plugins = run.facts.get("plugins")
        changes = changed_distributions.compare(
            self.datafile.packages(run.id),
            self._installed,
            self.settings.ignore_packages,
            [str(p) for p in plugins] if isinstance(plugins, list) else (),
            (*config.addopts, *run.arguments),
        )
        differs = bool(changes.everything or files or changes.changed()) or self._is_felt(run, today)
        return _Compared(snapshot, files, today, changes, changes.everything, differs)

    def _is_felt(self, run: Run, today: Today) -> bool:
        """Whether a run has incomplete records, or relied on a resource that has changed."""
        if self.datafile.has_gaps(run.id):
            return True
        changed = changed_states(self.datafile.resource_states(), today)
        return bool(changed) and self.datafile.relies_on(run.id, changed)

    @cached_property
    def _installed(self) -> tuple[Package, ...]:
        return environment.installed_packages()

    def _learn(self, matcher: "RunMatcher") -> None:
        """Take over what matching a run found out about files and tests."""
        from testmon_cli.application.select.inherited_tests import has_bases, new_inherited_tests

        affected = matcher.growth.affected
        project = self.project = matcher.growth.project
        self.affected.update(affected.names)
        self.affected.update((path, f"{owner}.{name}") for path, owner, name in affected.members)
        self.inherited.extend(new_inherited_tests(matcher, self._naming(matcher.run)))
        self.rebuilt.update(key for key in affected.names if has_bases(project, *key))
        modules = (*affected.modules, *affected.broken)
        unstable = matcher.recollected.union(path for path, _ in affected.names)
        doubted = set().union(*(project.reaching(module, lazy=False) for module in modules))
        self.unstable.update(unstable)
        self._doubt(matcher.run, doubted)
        self._touched[matcher.run.id].update(unstable, doubted)

    def _doubt(self, run: Run, files: set[str]) -> None:
        """Take over the files whose import is concerned by what has changed since a run."""
        self._doubts[run.id] = files
        self.doubted.update(files)
        self._doubtful = None

    @property
    def doubtful(self) -> frozenset[str]:
        """The files that may not import now, so that pytest may know no node ids in them.

        A file that some run has collected can be imported, if nothing that has changed since then concerns that.
        """
        if self._doubtful is None:
            doubtful = set(self.doubted)
            for run_id, files in self._doubts.items() if doubtful else ():
                doubtful -= self.datafile.test_files(run_id) - files
            self._doubtful = frozenset(doubtful | self._undecided)
        return self._doubtful

    def _reason(self, verdict: _Verdict, *, failed: bool) -> Reason | None:
        execution = verdict.valid or verdict.newest
        if verdict.valid is None:
            if verdict.cause is None:
                return Reason(kinds.UNKNOWN, f"cannot be known: {verdict.text}")
            return self._reason_of(verdict.cause)
        if path_of(execution.nodeid, execution.path) in self.failing:
            return Reason(kinds.FAILED, "its file could not be imported last time")
        return self._reason_to_repeat(execution, failed=failed)

    @staticmethod
    def _reason_to_repeat(execution: StoredExecution, *, failed: bool) -> Reason | None:
        """Why a test whose execution holds must run nevertheless."""
        if execution.always:
            return Reason(kinds.ALWAYS, execution.always)
        if failed and execution.outcome in FAILURES:
            return Reason(kinds.FAILED, f"{execution.outcome} last time")
        return None

    def _reason_of(self, cause: Cause) -> Reason:
        """One reason for all tests that share a cause."""
        known = self._reasons.get(id(cause))
        if known is None:
            kind = kinds.UNKNOWN if cause.origin.kind == UNKNOWN else kinds.AFFECTED
            known = self._reasons[id(cause)] = Reason(kind, sentence(cause), cause)  # so that no other gets its id
        return known

    # What pytest is given

    @cached_property
    def _existence(self) -> "Existence":
        """Looks up tests in files that have changed, with what all runs have shown of the changes."""
        from testmon_cli.application.select.existing_tests import Existence

        naming = self._naming(self.runs[0])
        return Existence(self.tree, self._project_of, naming, self.affected, self.project, self.doubted)

    def _project_of(self, run_id: int) -> "Project":
        """The sources as a run saw them."""
        if run_id not in self._projects:
            self._projects[run_id] = sources.Snapshot(self.datafile, self.datafile.snapshot(run_id)).project()
        return self._projects[run_id]

    def _holds(self, run: Run, path: str) -> bool:
        """Whether pytest would collect the same tests from a file as in a run."""
        matched = self._matched(run)
        return matched.everything is None and not matched.doubtful and path not in self._touched.get(run.id, ())

    def _given(self, execution: StoredExecution, nodeid: NodeId, there: NodeId, *, settled: bool) -> NodeId:
        """The node to run for a test: `there`, or a wider one where tests may exist that were not recorded."""
        if nodeid.path in self.doubtful or execution.path in self.doubtful:
            return nodeid.file
        if not execution.function:
            return there if settled or self._still_documented(execution) else nodeid.file
        if nodeid.names and (nodeid.path, nodeid.names[0]) in self.rebuilt:
            there = there if len(there.names) < 1 else there.outermost
        return there if settled else there.function

    def _still_documented(self, execution: StoredExecution) -> bool:
        """Whether a doctest's docstring still has examples."""
        try:
            model = self.tree.model(execution.path)
        except SourceError:
            return False
        names = NodeId.parse(execution.nodeid, execution.path).names
        return execution.kind == "doctest" and any(names[-1].endswith("." + qualname) for qualname in model.doctests)

    # Tests that have no execution

    def _new(self, naming: Naming, files: set[str]) -> Iterator[Selected]:
        """`files` are those that known tests were collected from."""
        inert = self._inert()
        unwanted = self._unwanted()
        left_out = self._left_out(unwanted)
        files |= set(map(path_of, unwanted))
        functions: set[str] = set()  # in the files that may have others
        looked_at = {*left_out, *(files & self.unstable), *(test.path for test in self.inherited)}
        if looked_at:
            ran = self.datafile.ran_below(self.runs[0].environment, looked_at)
            functions.update(map(function_of, (*(nodeid for nodeid, _ in ran), *unwanted)))
        errors: Mapping[str, object] = self.runs[0].mapping("errors")
        asked = {path for path in self.tree.stats if path not in files or path in self.unstable or path in left_out}
        for path in sorted(asked):
            # A file in which tests were found may have been named to pytest, whatever it is called.
            if path not in files and not _is_collectable(self.tree, path, naming):
                continue
            names = inert.get(path, frozenset())
            if "*" in names:
                continue
            if path not in files:
                text = "could not be collected last time" if path in errors else "new test file"
                yield Selected(path, self.arguments.of(NodeId(path)), Reason(kinds.NEW, text))
            elif path in self.unstable:
                yield from self._new_functions(path, naming, functions, names)
            elif path in left_out:
                groups = tuple(f"{path}::{name}::" for name in left_out[path])
                shown = {f for f in functions if not f"{f}::".startswith(groups)}
                for test in self._new_functions(path, naming, shown, names):
                    if f"{test.nodeid}::" in groups:
                        yield test._replace(reason=Reason(kinds.NEW, "left out when its file was collected"))
        yield from self._inherited(naming, functions, files)
        yield from self._new_texts(naming, files)
        yield from self._pending(unwanted)

    def _new_texts(self, naming: Naming, files: Collection[str]) -> Iterator[Selected]:
        """New text files with examples. They are looked for where an option or a test tells that there may be some."""
        if naming.doctest_globs == Naming().doctest_globs and all(path.endswith(".py") for path in files):
            return
        for path in _texts(self.tree, naming, self.settings):
            if path not in files:
                yield Selected(path, self.arguments.of(NodeId(path)), Reason(kinds.NEW, "new text file with examples"))

    def _new_functions(
        self, path: str, naming: Naming, functions: set[str], inert: frozenset[str]
    ) -> Iterator[Selected]:
        try:
            model = self.tree.model(path)
        except SourceError:
            yield Selected(path, self.arguments.of(NodeId(path)), Reason(kinds.NEW, "does not parse"))
            return
        for candidate in candidates(model.definitions, naming):
            nodeid = f"{path}::{candidate.name}"
            if nodeid in functions or candidate.name in inert:
                continue
            known = any(f.startswith(nodeid + "::") for f in functions)
            if not known:
                certain = candidate.certain and path not in self.doubtful
                node = NodeId(path, candidate.names if certain else ())
                reason = Reason(kinds.NEW, f"new test at {path}:{candidate.line}")
                yield Selected(nodeid, self.arguments.of(node), reason)

    def _inherited(self, naming: Naming, functions: set[str], files: set[str]) -> Iterator[Selected]:
        """New tests of classes whose own text is as it was."""
        for test in self.inherited:
            group = f"{test.path}::{test.cls}"
            nodeid = f"{group}::{test.name}"
            if nodeid in functions or not (test.path in files or _is_collectable(self.tree, test.path, naming)):
                continue
            reason = Reason(kinds.NEW, f"inherits the new test at {test.origin}")
            if test.path not in self.doubtful and any(f.startswith(f"{group}::") for f in functions):
                yield Selected(nodeid, self.arguments.of(NodeId(test.path, (test.cls, test.name))), reason)
                continue
            named = candidates(self.tree.model(test.path).definitions, naming)
            if any(candidate.names[0] == test.cls for candidate in named):
                yield Selected(nodeid, self.arguments.of(NodeId(test.path)), reason)

    def _left_out(self, unwanted: Collection[str]) -> dict[str, set[str]]:
        """Names that runs of a part of a file left out and that no other run of the same file has shown."""
        by_name: dict[tuple[str, str], set[int]] = defaultdict(set)
        for run in self.runs:
            for path, value in run.mapping("left_out").items():
                if path in self.tree.stats and isinstance(value, list) and value[0] == self.tree.digest(path):
                    for name in value[1]:
                        by_name[path, name].add(run.id)
        if not by_name:
            return {}

        from testmon_cli.application.select.requested_tests import IN_PART

        ran: dict[str, set[int]] = defaultdict(set)
        for nodeid, run_id in self.datafile.ran_below(self.runs[0].environment, {path for path, _ in by_name}):
            function = NodeId.parse(nodeid).function
            for group in (function, function.group):
                ran[str(group)].add(run_id)
        found: dict[str, set[str]] = defaultdict(set)
        for (path, name), runs in by_name.items():
            nodeid = f"{path}::{name.removesuffix(IN_PART)}"
            shown = ran[nodeid] - runs if name.endswith(IN_PART) else ran[nodeid]
            if nodeid in unwanted or any(not name.endswith(IN_PART) or self._saw(run_id, path) for run_id in shown):
                continue
            found[path].add(name.removesuffix(IN_PART))
        return found

    def _saw(self, run_id: int, path: str) -> bool:
        """Whether a run recorded a file with its present content."""
        ref = self.datafile.snapshot(run_id).get(path)
        return ref is not None and ref.digest == self.tree.digest(path)

    def _unwanted(self) -> set[str]:
        """Tests that the configuration, as it still is, leaves out."""
        return {nodeid for run in self.runs if self._is_configured(run) for nodeid in _list(run.facts.get("unwanted"))}

    def _pending(self, unwanted: set[str]) -> Iterator[Selected]:
        """Tests that a run collected and that never ran."""
        seen = set(unwanted)
        waiting = {nodeid for run in self.runs for nodeid in _list(run.facts.get("pending"))}
        known = self.datafile.ran(self.runs[0].environment, waiting) if waiting else ()
        for run in self.runs:
            for nodeid in _list(run.facts.get("pending")):
                node = NodeId.parse(nodeid)
                if nodeid in known or not seen.isdisjoint((nodeid, str(node.function))):
                    continue
                seen.add(nodeid)
                if node.path in self.unstable or node.path in self.doubtful or not self._is_still_pending(run, node):
                    continue  # found, if it is still there, by reading the source
                yield Selected(nodeid, self.arguments.of(node), Reason(kinds.NEW, "collected, but never run"))

    def _is_still_pending(self, run: Run, nodeid: NodeId) -> bool:
        """Whether a test that a run collected is there: its file is as it was, and no newer run went without it."""
        ref = self.datafile.snapshot(run.id).get(nodeid.path)
        if not self.tree.exists(nodeid.path) or (
            ref is not None and is_loaded(ref) and ref.digest != self.tree.digest(nodeid.path)
        ):
            return False
        newer = self.runs[: self.runs.index(run)]
        return not any(self.absence.has_collected(other, nodeid) for other in newer)

    def _inert(self) -> dict[str, frozenset[str]]:
        """Names that look like tests and that pytest passed over, in files that are as they were then."""
        found: dict[str, frozenset[str]] = {}
        for run in self.runs:
            for path, value in run.mapping("inert").items():
                if path not in self.tree.stats or not isinstance(value, list):
                    continue
                if self.tree.digest(path) != value[0] or not self._is_configured(run):
                    continue
                if "*" not in value[1] or self._holds_nothing_still(run, path):
                    found[path] = found.get(path, frozenset()) | frozenset(value[1])
        return found

    def _holds_nothing_still(self, run: Run, path: str) -> bool:
        """Whether a file that gave pytest no test would give none today: nothing that could matter has changed."""
        compared = self._compared(run)
        if not compared.differs:
            return True
        if compared.everything is not None or compared.packages.changed():
            return False
        touched = self._touched.get(run.id, set())
        folders = path.split("/")[:-1]
        conftests = ("/".join([*folders[:count], "conftest.py"]) for count in range(len(folders) + 1))
        return self._holds(run, path) and touched.isdisjoint(conftests)


def _standing(heads: Iterable[Heads]) -> dict[int, dict[int, int]]:
    """The newest execution of each test: run -> trace -> test. The newest run comes last."""
    standing: dict[int, dict[int, int]] = {}
    seen: set[int] = set()
    for head in reversed([*heads]):
        pairs = zip(head.trace_ids, head.test_ids, strict=True)
        standing[head.run_id] = {trace: test for trace, test in pairs if test not in seen} if seen else dict(pairs)
        seen.update(head.test_ids)
    return standing


def _digest(ref: VersionRef | None) -> str | None:
    """The digest a run recorded for a file; None if the file did not exist, "" if no test loaded it."""
    return None if ref is None else ref.digest


def _list(value: object) -> Sequence[str]:
    return value if isinstance(value, list) else ()
