"""The changes since each run, and the traces that they affect.

Each run is looked at once, when it is asked for.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from testmon_cli.analysis.pytest_naming import Naming
from testmon_cli.application.checkout import environment, pytest_config
from testmon_cli.application.checkout.resources import Today
from testmon_cli.application.checkout.sources import Tree
from testmon_cli.application.invalidate import changed_distributions
from testmon_cli.application.invalidate.snapshot_diff import (
    FileChanges,
    Hits,
    PackageChanges,
    changed_states,
    compare_files,
    is_loaded,
)
from testmon_cli.application.select.files_with_tests import is_collectable
from testmon_cli.application.settings import Settings
from testmon_cli.domain.causes import Cause, Kind, Manner, unobserved
from testmon_cli.domain.records import Package, Run, VersionRef
from testmon_cli.storage.datafile import Datafile

# what matches changes is imported where there are some: that takes longer than all the rest
if TYPE_CHECKING:
    from testmon_cli.analysis.project import Project
    from testmon_cli.application.invalidate.affected_traces import RunMatcher
    from testmon_cli.application.select.bound_tests import Bound
    from testmon_cli.application.select.inherited_tests import Inherited


class Compared(NamedTuple):
    """The differences between a run and the present state."""

    snapshot: Mapping[str, VersionRef]
    files: FileChanges
    today: Today
    packages: PackageChanges
    everything: Cause | None  # what concerns all tests at once
    differs: bool  # whether anything at all may concern a test


class Matched(NamedTuple):
    """The result of matching a run: which of its traces are invalid, and why."""

    invalid: Hits  # traces that do not hold
    everything: Cause | None = None  # what makes all of them invalid at once
    doubtful: bool = False  # whether pytest may know none of their node ids
    beyond_files: bool = False  # whether anything but source files may be why
    endangered: Mapping[str, Cause] = MappingProxyType({})  # files whose import may raise


_NOTHING = Matched({})


class Learned:
    """The results, of files and tests, of comparing any run with today.

    It grows with each run.
    """

    def __init__(self, datafile: Datafile) -> None:
        self.broken: dict[str, str] = {}  # files that do not parse, with why
        self.unreadable: set[str] = set()  # files that import one of them
        self.unstable: set[str] = set()  # test files whose node ids may be others now
        # classes with bases that may have other tests now
        self.rebuilt: set[tuple[str, str]] = set()
        self.inherited: list[Inherited] = []
        # by run and file: names that may stand for tests since the run
        self.bound: dict[int, dict[str, list[Bound]]] = {}
        self.project: Project | None = None
        # names in files that may mean something else now
        self.affected: set[tuple[str, str]] = set()
        # files whose import something concerns that has changed since any run
        self.doubted: set[str] = set()
        self._datafile = datafile
        # by run: the same, of what has changed since that run
        self._doubts: dict[int, set[str]] = {}
        # files that may not import now, for what no newer run can tell
        self._undecided: set[str] = set()
        self._doubtful: frozenset[str] | None = None

    def doubt(self, run: Run, files: set[str]) -> None:
        """Take over the files whose import is concerned by what has changed since a run."""
        self._doubts[run.id] = files
        self.doubted.update(files)
        self._doubtful = None

    def doubt_in_any_case(self, files: Iterable[str]) -> None:
        """Take over files that may not import now, whatever runs have collected."""
        self._undecided.update(files)
        self._doubtful = None

    def is_doubted_since(self, run_id: int, paths: Iterable[str]) -> bool:
        """Tell whether changes since a run affect the import of one of the files."""
        return run_id in self._doubts and not self._doubts[run_id].isdisjoint(paths)

    @property
    def doubtful(self) -> frozenset[str]:
        """The files that may not import now, so that pytest may know no node ids in them.

        A file that some run has collected can be imported, if nothing that has changed since then
        concerns that.
        """
        if self._doubtful is None:
            doubtful = set(self.doubted)
            for run_id, files in self._doubts.items() if doubtful else ():
                doubtful -= self._datafile.test_files(run_id) - files
            self._doubtful = frozenset(doubtful | self._undecided)
        return self._doubtful


class RunChanges:
    """Compares runs with the present state, and matches what differs with what they recorded."""

    def __init__(
        self, datafile: Datafile, settings: Settings, runs: Sequence[Run], tree: Tree
    ) -> None:
        """`runs` come with the newest first."""
        self.datafile = datafile
        self.settings = settings
        self.runs = runs
        self.tree = tree
        self.learned = Learned(datafile)
        # by run: files whose tests may be others than it collected
        self._touched: dict[int, set[str]] = {}
        # by the place where pytest was started
        self._configs: dict[str, pytest_config.PytestConfig] = {}
        self._comparisons: dict[int, Compared] = {}  # by run
        self._metadata = environment.Metadata(tree.root)
        self._matches: dict[int, Matched] = {}  # by run

    def compared(self, run: Run) -> Compared:
        """The differences between a run and the present state."""
        if run.id not in self._comparisons:
            self._comparisons[run.id] = self._compare(run)
        return self._comparisons[run.id]

    def matched(self, run: Run) -> Matched:
        """Which traces of a run the differences touch."""
        if run.id not in self._matches:
            self._matches[run.id] = self._match(run)
        return self._matches[run.id]

    def config(self, run: Run) -> pytest_config.PytestConfig:
        """Read pytest's present configuration, as if it were started where a run was."""
        place = repr(run.facts.get("place"))
        if place not in self._configs:
            self._configs[place] = pytest_config.of_run(self.tree.root, run, self.tree.text)
        return self._configs[place]

    def is_configured(self, run: Run) -> bool:
        """Tell whether pytest is configured as it was in a run."""
        return run.facts.get("config") == self.config(run).digest

    def naming(self, run: Run) -> Naming:
        """The naming of tests, as pytest is configured now and was called in a run."""
        return self.config(run).naming(run.arguments)

    def holds(self, run: Run, path: str) -> bool:
        """Tell whether pytest would collect the same tests from a file as in a run."""
        matched = self.matched(run)
        return matched.everything is None and not matched.doubtful and path not in self.touched(run)

    def touched(self, run: Run) -> set[str]:
        """Files whose tests may be others than a run collected, as far as it was matched."""
        return self._touched.get(run.id, set())

    def matches_so_far(self) -> Mapping[int, Matched]:
        """The runs that were matched, by their ids."""
        return self._matches

    def _match(self, run: Run) -> Matched:
        compared = self.compared(run)
        files = compared.files
        self.learned.broken.update(files.broken)
        touched = self._touched[run.id] = {*files.changed, *files.added, *files.removed}
        self.learned.unstable.update(touched)
        if compared.everything is not None:
            return Matched(
                {}, compared.everything, doubtful=compared.everything.kind is Kind.CONFIG
            )
        if not compared.differs:
            self.learned.doubt(run, set())
            return _NOTHING
        from testmon_cli.analysis.model_key import MODEL_KEY
        from testmon_cli.application.invalidate.affected_traces import RunMatcher

        snapshot = compared.snapshot
        if any(is_loaded(ref) and ref.model_key != MODEL_KEY for ref in snapshot.values()):
            # Checksums of two analyses cannot be compared, so nobody knows what the changes mean
            # for these tests.
            cause = unobserved(
                "read sources in another way", "", "recorded by another version of testmon"
            )
            return Matched({}, cause, doubtful=True)
        is_collected = partial(is_collectable, self.tree, naming=self.naming(run))
        matcher = RunMatcher(
            self.datafile,
            run,
            self.tree,
            compared.today,
            compared.packages,
            files,
            snapshot,
            is_collected,
        )
        invalid = matcher.match()
        if matcher.is_everything():
            return Matched(invalid, doubtful=True, beyond_files=matcher.beyond_files)
        self._learn(matcher)
        return Matched(invalid, beyond_files=matcher.beyond_files, endangered=matcher.endangered)

    def _compare(self, run: Run) -> Compared:
        snapshot = self.datafile.snapshot(run.id)
        files = compare_files(snapshot, self.tree, run.recorded)
        today = Today.for_run(self.tree.root, run, self.tree.overlay)
        config = self.config(run)
        if run.facts.get("config") not in (None, config.digest):
            cause = Cause(
                Kind.CONFIG,
                Manner.CHANGED,
                "",
                f"{pytest_config.OF_PYTEST}{config.path or 'PYTEST_ADDOPTS'}",
            )
            return Compared(snapshot, files, today, PackageChanges(), cause, differs=True)
        plugins = run.facts.get("plugins")
        changes = changed_distributions.compare(
            self.datafile.packages(run.id),
            self._installed,
            self.settings.ignore_packages,
            [str(p) for p in plugins] if isinstance(plugins, list) else (),
            (*config.addopts, *run.arguments),
            self._metadata,
        )
        differs = bool(changes.everything or files or changes.changed()) or self._is_felt(
            run, today
        )
        return Compared(snapshot, files, today, changes, changes.everything, differs)

    def _is_felt(self, run: Run, today: Today) -> bool:
        """Tell whether a run has incomplete records, or relied on a resource that has changed."""
        if self.datafile.has_gaps(run.id):
            return True
        changed = changed_states(self.datafile.resource_states(), today)
        return bool(changed) and self.datafile.relies_on(run.id, changed)

    @cached_property
    def _installed(self) -> tuple[Package, ...]:
        return environment.installed_packages()

    def _learn(self, matcher: "RunMatcher") -> None:
        """Take over what matching a run found out about files and tests."""
        from testmon_cli.application.select.bound_tests import BoundTests
        from testmon_cli.application.select.inherited_tests import (
            may_be_filled,
            new_inherited_tests,
        )

        naming = self.naming(matcher.run)
        affected = matcher.growth.affected
        project = self.learned.project = matcher.growth.project
        self.learned.affected.update(affected.names)
        self.learned.affected.update(
            (path, f"{owner}.{name}") for path, owner, name in affected.members
        )
        self.learned.inherited.extend(new_inherited_tests(matcher, naming))
        self.learned.bound[matcher.run.id] = BoundTests(matcher, naming).by_file()
        self.learned.rebuilt.update(key for key in affected.names if may_be_filled(project, *key))
        modules = (*affected.modules, *affected.broken)
        unstable = matcher.recollected.union(path for path, _ in affected.names)
        doubted = set().union(*(project.reaching(module, lazy=False) for module in modules))
        self.learned.unstable.update(unstable)
        self.learned.doubt(matcher.run, doubted)
        self.learned.unreadable.update(
            *(project.reaching(module, lazy=False) for module in affected.broken)
        )
        self._touched[matcher.run.id].update(unstable, doubted)
