"""Chooses tests: those without an execution that holds, new ones, and those marked."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from testmon_cli.application.checkout.sources import Tree
from testmon_cli.application.select import canaries
from testmon_cli.application.select.absent_tests import Absence
from testmon_cli.application.select.new_tests import NewTests
from testmon_cli.application.select.nodes_to_run import NodesToRun
from testmon_cli.application.select.pytest_arguments import Arguments
from testmon_cli.application.select.reasons import Reasons
from testmon_cli.application.select.run_changes import RunChanges
from testmon_cli.application.select.weighing import Verdict, Weigher
from testmon_cli.application.settings import Settings
from testmon_cli.domain.causes import Cause
from testmon_cli.domain.nodeid import NodeId, path_of
from testmon_cli.domain.records import Heads, Run, StoredExecution
from testmon_cli.domain.selection import Selected, Selection
from testmon_cli.storage.datafile import Datafile

if TYPE_CHECKING:
    from testmon_cli.application.select.since_revision import SinceRevision

_T = TypeVar("_T")


class _Found:
    """The results of weighing tests so far."""

    def __init__(self, known: int, saved: float) -> None:
        self.known = known  # tests that have an execution and still exist
        self.saved = saved  # seconds of tests that need not run
        self.spent = 0.0  # seconds of those that must
        self.chosen: list[Selected] = []
        self.gone: set[str] = set()  # node ids of tests that exist no longer


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
        """`since` is a difference to ask about in place of what has changed since the tests ran."""
        self._datafile = datafile
        self._runs = runs
        self._tree = tree
        self._arguments = arguments
        self._since = since
        self._changes = RunChanges(datafile, settings, runs, tree)
        self._learned = self._changes.learned
        self._absence = Absence(datafile, runs, self._changes.holds)
        self._weigher = Weigher(self._changes, since)
        self._nodes = NodesToRun(self._changes)
        self._new_tests = NewTests(self._changes, arguments, self._absence)
        self._reasons = Reasons()

    def choose(self, *, failed: bool, of_file: str | None = None) -> Selection:
        """Weigh each test, unless a look at the newest run tells that this would change nothing.

        All tests of a file whose import may raise are chosen as canaries, of which one is enough.
        With `of_file`, known tests of other files are left out, which saves looking whether they
        still exist.
        """
        at_once = self._at_once(failed=failed)
        return self._weighed(failed=failed, of_file=of_file) if at_once is None else at_once

    def why_invalid(self, execution: StoredExecution) -> Cause | None:
        """Why an execution does not hold; None where it does, as far as its record tells."""
        run = next(run for run in self._runs if run.id == execution.run_id)
        matched = self._changes.matched(run)
        return matched.everything or matched.invalid.get(execution.trace_id)

    def _at_once(self, *, failed: bool) -> Selection | None:
        """The answer where nothing has changed since the newest run, which ran all tests.

        None where it may have.
        """
        newest = self._runs[0]
        if self._since is not None:
            return None
        if any(run.facts.get("pending") or run.facts.get("left_out") for run in self._runs):
            return None
        if self._changes.compared(newest).differs or self._datafile.has_tests_besides(newest):
            return None
        remarkable = self._datafile.remarkable(newest.id)
        files = self._datafile.test_files(newest.id)
        if any(execution.unknown for execution in remarkable) or not all(
            map(self._tree.exists, files)
        ):
            return None
        chosen = []
        spent = 0.0
        for execution in remarkable:
            reason = self._reasons.to_repeat(execution, failed=failed)
            if reason is not None:
                spent += execution.duration
                nodeid = NodeId.parse(execution.nodeid, execution.path)
                chosen.append(
                    Selected(execution.nodeid, self._arguments.of(nodeid), reason, execution)
                )
        chosen += self._new_tests.of(self._changes.naming(newest), files)
        known, seconds = self._datafile.totals(newest.id)
        return Selection(tuple(chosen), known, (), seconds - spent, spent)

    def _weighed(self, *, failed: bool, of_file: str | None) -> Selection:
        heads = self._datafile.heads(self._runs[0].environment)
        standing = _standing(heads)
        files = set().union(*map(self._datafile.test_files, standing))
        missing = {file for file in files if not self._tree.exists(file)}
        failing = canaries.failing_files(self._datafile, self._runs)
        self._reasons.failing = self._unless_collected_as_now(failing)
        self._learned.doubt_in_any_case(self._reasons.failing)
        wanted = self._to_weigh(standing, missing)
        traces = _traces_of(heads, wanted)
        verdicts = self._weigher.verdicts(self._datafile.executions_of(traces))
        naming = self._changes.naming(self._runs[0])
        known = sum(map(len, standing.values())) - len(verdicts)
        if of_file is not None:
            verdicts = {n: verdict for n, verdict in verdicts.items() if path_of(n) == of_file}
        found = _Found(known, _seconds_of_others(heads, standing, wanted))
        self._judge(verdicts, found, missing, failed=failed)
        found.chosen += self._new_tests.of(naming, files)
        broken = sorted(self._learned.broken.items())
        unsettled = self._learned.unstable.union(self._learned.doubtful, self._learned.doubted)
        return Selection(
            tuple(found.chosen),
            found.known,
            tuple(f"{path} does not parse: {error}" for path, error in broken),
            found.saved,
            found.spent,
            tuple(path for path, _ in broken),
            frozenset(found.gone),
            unsettled=frozenset(unsettled),
        )

    def _judge(
        self,
        verdicts: Mapping[str, Verdict],
        found: "_Found",
        missing: Collection[str],
        *,
        failed: bool,
    ) -> None:
        """Sort the tests that were weighed into those that must run, need not, or are gone."""
        endangered = self._endangered()
        at_risk = not self._learned.doubtful.issuperset(endangered)
        unsettled = self._learned.unstable.union(self._learned.doubtful, missing)
        for nodeid, verdict in verdicts.items():
            newest = verdict.newest
            node = NodeId.parse(nodeid, newest.path)
            settled = self._is_settled(newest, node, unsettled)
            is_as_recorded = settled and not self._may_be_inherited(verdict)
            there = node if is_as_recorded else self._nodes.existing(newest)
            if there is None or self._absence.is_absent(newest):
                found.gone.add(nodeid)
                continue
            found.known += 1
            reason = self._reasons.of(verdict, failed=failed)
            if reason is not None:
                found.spent += newest.duration
            else:
                found.saved += newest.duration
                cause = endangered.get(node.path)
                if cause is None:
                    continue
                reason = canaries.reason(cause)
            given = self._nodes.given(newest, node, there, settled=settled, at_risk=at_risk)
            found.chosen.append(Selected(nodeid, self._arguments.of(given), reason, newest))

    def _is_settled(
        self, newest: StoredExecution, node: NodeId, unsettled: Collection[str]
    ) -> bool:
        """Tell whether a test stands, like most, in files of which nothing is to be asked."""
        if newest.path in unsettled or node.path in unsettled:
            return False
        return not self._learned.is_doubted_since(newest.run_id, (newest.path, node.path))

    def _may_be_inherited(self, verdict: Verdict) -> bool:
        """Tell whether a test that does not hold may come from a class above its own."""
        is_member = "." in verdict.newest.function
        return is_member and verdict.valid is None and self._learned.project is not None

    def held(self, executions: Iterable[StoredExecution]) -> dict[str, str]:
        """The outcome, by node id, of the newest execution that holds; the newest come first."""
        verdicts = self._weigher.verdicts(executions)
        return {
            nodeid: verdict.valid.outcome
            for nodeid, verdict in verdicts.items()
            if verdict.valid is not None
        }

    def _to_weigh(
        self, standing: Mapping[int, Mapping[int, int]], missing: Collection[str]
    ) -> set[int]:
        """The ids of tests of which there is something to say.

        All others hold as they ran last, and exist.
        """
        found: set[int] = set()
        for run in self._runs:
            tests = standing.get(run.id)
            if not tests:
                continue
            matched = self._changes.matched(run)
            if matched.everything is not None:
                found.update(tests.values())
                continue
            traces = matched.invalid.keys() | {
                e.trace_id for e in self._datafile.remarkable(run.id)
            }
            if self._since is not None:
                traces |= self._since.hits(self._datafile, run).keys()
            found.update(tests[trace] for trace in traces & tests.keys())
        files = self._learned.unstable.union(missing, self._reasons.failing, self._endangered())
        return found | self._datafile.tests_of(files) if files else found

    def _endangered(self) -> dict[str, Cause]:
        """Test files whose import may raise, with why."""
        # Of a run after which everything is other, nobody asked what that does to imports.
        matches = self._changes.matches_so_far().items()
        by_run = {
            run_id: matched.endangered for run_id, matched in matches if matched.everything is None
        }
        found = self._unless_collected_as_now(canaries.endangered_files(self._datafile, by_run))
        return {**self._since.endangered, **found} if self._since is not None else found

    def _unless_collected_as_now(self, files: dict[str, _T]) -> dict[str, _T]:
        """The test files among `files` that no run has collected in their present state."""
        for run in self._runs if files else ():
            if not self._changes.compared(run).differs:
                for path in self._datafile.test_files(run.id):
                    files.pop(path, None)
        return files


def _traces_of(heads: Iterable[Heads], tests: Collection[int]) -> list[int]:
    """All traces of some tests, which are given by their ids."""
    found = []
    for head in heads:
        pairs = zip(head.trace_ids, head.test_ids, strict=True)
        found += [trace for trace, test in pairs if test in tests]
    return found


def _seconds_of_others(
    heads: Iterable[Heads], standing: Mapping[int, Mapping[int, int]], wanted: Collection[int]
) -> float:
    """The seconds of the newest executions of all tests but those that are `wanted`."""
    microseconds = 0
    for head in heads:
        tests = standing[head.run_id]
        durations = zip(head.trace_ids, head.durations, strict=True)
        newest = ((tests[trace], time) for trace, time in durations if trace in tests)
        microseconds += sum(time for test, time in newest if test not in wanted)
    return microseconds / 1_000_000


def _standing(heads: Iterable[Heads]) -> dict[int, dict[int, int]]:
    """The newest execution of each test: run -> trace -> test. The newest run comes last."""
    standing: dict[int, dict[int, int]] = {}
    seen: set[int] = set()
    for head in reversed([*heads]):
        pairs = zip(head.trace_ids, head.test_ids, strict=True)
        standing[head.run_id] = (
            {trace: test for trace, test in pairs if test not in seen} if seen else dict(pairs)
        )
        seen.update(head.test_ids)
    return standing
