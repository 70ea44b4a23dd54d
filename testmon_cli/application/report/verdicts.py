"""Judges whether a failure is new, known or flaky, by executions with equal inputs.

The inputs of two executions are equal where the older one still holds in the state in which the
test failed, by the rules of `select`, and where the failure ran nothing that the older state did
not have. The first says that nothing which the older execution relied on has changed; the second
catches a test that takes another way each time. Where anything of that was not observed, nobody is
told that a test is flaky.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path

from testmon_cli.application.checkout import git, git_status, sources
from testmon_cli.application.checkout.sources import Overlay, Snapshot, Tree, is_left_out
from testmon_cli.application.invalidate.snapshot_diff import is_loaded
from testmon_cli.application.invalidate.trace_uses import reachable, used_by
from testmon_cli.application.select.chooser import Chooser
from testmon_cli.application.select.pytest_arguments import Arguments
from testmon_cli.application.select.reason_text import sentence
from testmon_cli.application.settings import Settings
from testmon_cli.domain.causes import Cause, Kind
from testmon_cli.domain.records import FAILURES, Run, StoredExecution
from testmon_cli.domain.verdicts import (
    FLAKY,
    KNOWN,
    NEW,
    OTHER,
    SAME,
    UNDECIDED,
    UNKNOWN,
    Judgement,
    Past,
)
from testmon_cli.storage.datafile import Datafile

_PASSES = ("passed", "xpassed")
# executions of a test that are compared: each run among them is matched with the present state
_MOST = 20

_LENGTH_OF_A_COMMIT = 40


def judge(
    settings: Settings,
    datafile: Datafile,
    runs: Sequence[Run],
    failures: Sequence[StoredExecution],
    executions: Iterable[StoredExecution],
    base: str | None = None,
) -> dict[str, Judgement]:
    """By node id, the verdict on each failure.

    `executions` are all of the environment, the newest first.

    With `base`, what is known of the tests at that revision of git counts before what came out
    elsewhere. Raises EnvironmentFailure for a revision that git does not know, also where nothing
    failed.
    """
    commit = git.resolve(Path(os.path.realpath(settings.root)), base) if base is not None else ""
    wanted = {failure.nodeid: failure for failure in failures}
    if not wanted:
        return {}
    past: dict[str, list[StoredExecution]] = {nodeid: [] for nodeid in wanted}
    for execution in executions:
        if execution.nodeid in wanted and len(past[execution.nodeid]) < _MOST:
            past[execution.nodeid].append(execution)
    judging = _Judge(settings, datafile, runs)
    before = _Base(judging, base, commit) if base is not None else None
    return {
        nodeid: judging.judge(failure, past[nodeid], before) for nodeid, failure in wanted.items()
    }


@dataclass(frozen=True, slots=True)
class _Weighed:
    """An execution, and whether its inputs are those of the failure."""

    execution: StoredExecution
    inputs: str
    cause: Cause | None = None  # why they are others
    why: str = ""  # why it is not known whether they are

    @property
    def has_passed(self) -> bool:
        return self.execution.outcome in _PASSES

    @property
    def has_failed(self) -> bool:
        return self.execution.outcome in FAILURES


class _Judge:
    """Compares executions with failures."""

    def __init__(self, settings: Settings, datafile: Datafile, runs: Sequence[Run]) -> None:
        self.settings = settings
        self.datafile = datafile
        self.runs = runs
        self.root = Path(os.path.realpath(settings.root))
        self.stats = sources.scan(self.root, settings.source, settings.exclude)
        self._by_id = {run.id: run for run in runs}
        self.now = self.chooser(Tree(self.root, self.stats, datafile))
        self._reliance = _Reliance(datafile)

    def chooser(self, tree: Tree) -> Chooser:
        return Chooser(self.datafile, self.settings, self.runs, tree, Arguments(self.root))

    def judge(
        self, failure: StoredExecution, past: Sequence[StoredExecution], base: "_Base | None"
    ) -> Judgement:
        holds = not failure.unknown and self.now.why_invalid(failure) is None
        others = [e for e in past if e.trace_id != failure.trace_id]
        weighed = [self._weigh(failure, execution, holds=holds) for execution in others]
        found = self._flaky(weighed)
        if found is None and base is not None:
            found = base.judge(failure, others)
        if found is None:
            found = self._by_past(failure, weighed)
        inputs = {w.execution.trace_id: w.inputs for w in weighed}
        history = tuple(self._past(e, inputs.get(e.trace_id, SAME)) for e in past)
        return found._replace(history=history)

    def when(self, execution: StoredExecution) -> str:
        run = self._by_id[execution.run_id]
        text = datetime.fromtimestamp(run.started, UTC).strftime("on %Y-%m-%d %H:%M:%S UTC")
        if run.git_head:
            text += f" at {run.git_head[:7]}"
            if run.git_dirty:
                text += " with changes"
        return text

    def _past(self, execution: StoredExecution, inputs: str) -> Past:
        run = self._by_id[execution.run_id]
        return Past(run.started, run.git_head, run.git_dirty, execution.outcome, inputs)

    # Verdicts

    def _flaky(self, weighed: Sequence[_Weighed]) -> Judgement | None:
        same = [each for each in weighed if each.inputs == SAME]
        passed = [each.execution for each in same if each.has_passed]
        if not passed:
            return None
        failed = 1 + sum(each.has_failed for each in same)
        often = f"failed {failed} of {failed + len(passed)} times with the same inputs"
        return Judgement(FLAKY, f"{often}; passed {self.when(passed[0])}")

    def _by_past(self, failure: StoredExecution, weighed: Sequence[_Weighed]) -> Judgement:
        """Look back from the failure to the first execution that tells something."""
        own = self._by_id[failure.run_id]
        order = {run.id: place for place, run in enumerate(self.runs)}  # the newest first
        older = [w for w in weighed if order[w.execution.run_id] > order[failure.run_id]]
        repeated: _Weighed | None = None  # a failure of the same change
        for each in older:
            if each.has_passed and each.inputs != SAME:
                return self._since_passed(each)
            if each.has_failed and each.inputs == SAME:
                if not _is_same_change(own, self._by_id[each.execution.run_id]):
                    return self._failed_before(each)
                repeated = repeated or each
        if repeated is not None:
            return self._failed_before(repeated)
        if any(each.has_failed for each in older):
            return Judgement(
                UNKNOWN,
                "failed with other inputs before, and no run is remembered in which it passed",
            )
        return Judgement(UNKNOWN, "has no earlier result that is remembered")

    def _since_passed(self, weighed: _Weighed) -> Judgement:
        """The verdict on a failure whose inputs were others, or may have been, when it passed."""
        passed = f"passed {self.when(weighed.execution)}"
        if weighed.inputs == UNDECIDED:
            return Judgement(UNKNOWN, f"{passed}, but {weighed.why}")
        if weighed.cause is None:
            return Judgement(NEW, f"{passed} with other inputs")
        since = f"since then: {sentence(weighed.cause)}"
        return Judgement(NEW, f"{passed}; {since}", cause=weighed.cause)

    def _failed_before(self, weighed: _Weighed) -> Judgement:
        return Judgement(KNOWN, f"failed {self.when(weighed.execution)} with the same inputs")

    # Inputs

    def _weigh(
        self, failure: StoredExecution, execution: StoredExecution, *, holds: bool
    ) -> _Weighed:
        """Compare an execution's inputs with those of the failure: those of today if it `holds`."""
        cause = self.now.why_invalid(execution) if holds else None
        if cause is not None and cause.origin.kind is Kind.UNKNOWN:
            why = f"it cannot be compared: {sentence(cause)}"
            return _Weighed(execution, UNDECIDED, why=why)
        if cause is not None:
            return _Weighed(execution, OTHER, cause)
        unseen = execution.unknown or execution.always or failure.unknown or failure.always
        if not holds and self._reliance.has_other_blocks(execution, failure.run_id):
            return _Weighed(execution, OTHER)
        if self._reliance.has_other_blocks(failure, execution.run_id):
            return _Weighed(execution, OTHER)
        if unseen:
            return _Weighed(execution, UNDECIDED, why=f"its inputs cannot all be seen: {unseen}")
        if not self._reliance.is_comparable(failure, execution.run_id):
            return _Weighed(
                execution, UNDECIDED, why="what the sources were then is not remembered in full"
            )
        if not holds and not self._is_one_state(failure.run_id, execution.run_id):
            why = "the sources have changed since it failed, so that its inputs cannot be compared"
            return _Weighed(execution, UNDECIDED, why=why)
        return _Weighed(execution, SAME)

    def _is_one_state(self, one: int, other: int) -> bool:
        """Tell whether two runs saw the same state of all that is recorded for whole runs."""
        first, second = self._by_id[one], self._by_id[other]
        if first.snapshot_id is None or first.snapshot_id != second.snapshot_id:
            return False
        if first.facts.get("config") != second.facts.get("config"):
            return False
        if self.datafile.packages(one) != self.datafile.packages(other):
            return False
        # What files and variables held then is known of those alone that were asked for, each run
        # in its own words.
        return not self._reliance.has_resources((one, other))


def _is_same_change(one: Run, other: Run) -> bool:
    """Tell whether two runs tried the same commit, or the same uncommitted change on top of it."""
    return bool(one.git_head) and (one.git_head, one.git_dirty) == (other.git_head, other.git_dirty)


class _Base:
    """The tests as they are at a revision of git."""

    def __init__(self, judge: _Judge, revision: str, commit: str) -> None:
        self._judge = judge
        self._revision = revision[:10] if len(revision) == _LENGTH_OF_A_COMMIT else revision
        self._chooser = judge.chooser(_tree_at(judge, commit))

    def judge(
        self, failure: StoredExecution, others: Sequence[StoredExecution]
    ) -> Judgement | None:
        """The verdict by how the test comes out there; None where that is not known."""
        for execution in others:
            if not self._holds(execution):
                continue
            if execution.outcome in _PASSES:
                cause = self._judge.now.why_invalid(execution)
                since = f"; since then: {sentence(cause)}" if cause is not None else ""
                text = f"passes at {self._revision}, as {self._judge.when(execution)}{since}"
                return Judgement(NEW, text, cause=cause)
            if execution.outcome in FAILURES:
                return Judgement(
                    KNOWN, f"fails at {self._revision}, too, as {self._judge.when(execution)}"
                )
        if self._holds(failure):
            return Judgement(KNOWN, f"relies on nothing that differs from {self._revision}")
        return None

    def _holds(self, execution: StoredExecution) -> bool:
        """Tell whether a test is known to come out there as it did in an execution."""
        if execution.unknown or execution.always:
            return False
        return self._chooser.why_invalid(execution) is None


def _tree_at(judge: _Judge, commit: str) -> Tree:
    root = judge.root
    readers = {
        path: partial(git.content, root, blob) if blob else None
        for path, blob in git_status.since(root, commit, in_index=False).items()
        if not is_left_out(path, judge.settings.exclude)
    }
    return Tree(root, judge.stats, judge.datafile, Overlay(readers))


@dataclass
class _Reliance:
    """The code that executions ran, with all that they use, and the sources as runs saw them."""

    datafile: Datafile
    _used: dict[int, Mapping[int, Sequence[int]]] = field(default_factory=dict)  # by run
    # by trace of a test
    _blocks: dict[int, Mapping[str, frozenset[int]]] = field(default_factory=dict)
    _snapshots: dict[int, Snapshot] = field(default_factory=dict)  # by run

    def has_other_blocks(self, execution: StoredExecution, run_id: int) -> bool:
        """Tell whether an execution ran code that a run did not have."""
        there, here = self._snapshot(run_id), self._snapshot(execution.run_id)
        for path, checksums in self._ran(execution).items():
            now, then = here.versions.get(path), there.versions.get(path)
            if then is None:
                return True
            is_same = now is not None and now.digest == then.digest
            if is_same or not is_loaded(then):
                continue
            model = there(path)
            if model is None:
                continue
            known = {block.checksum for block in model.blocks}
            if not checksums <= known:
                return True
        return False

    def is_comparable(self, execution: StoredExecution, run_id: int) -> bool:
        """Tell whether it is known how a run saw each source that an execution ran."""
        there = self._snapshot(run_id)
        versions = [there.versions.get(path) for path in self._ran(execution)]
        return all(version is not None and is_loaded(version) for version in versions)

    def has_resources(self, run_ids: Iterable[int]) -> bool:
        return bool(self.datafile.resources(run_ids))

    def _snapshot(self, run_id: int) -> Snapshot:
        if run_id not in self._snapshots:
            self._snapshots[run_id] = Snapshot(self.datafile, self.datafile.snapshot(run_id))
        return self._snapshots[run_id]

    def _ran(self, execution: StoredExecution) -> Mapping[str, frozenset[int]]:
        """Checksums by path."""
        if execution.trace_id not in self._blocks:
            traces = self._with_used(execution)
            found: dict[str, frozenset[int]] = {}
            by_trace = self.datafile.fingerprints_by_trace(traces)
            for fingerprint in chain.from_iterable(by_trace.values()):
                before = found.get(fingerprint.path, frozenset())
                found[fingerprint.path] = before | fingerprint.checksums
            self._blocks[execution.trace_id] = found
        return self._blocks[execution.trace_id]

    def _with_used(self, execution: StoredExecution) -> set[int]:
        if execution.run_id not in self._used:
            self._used[execution.run_id] = used_by(self.datafile, [execution.run_id])
        return reachable([execution.trace_id], self._used[execution.run_id])
