"""Which execution of each test still holds, and why the newest one does not."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from testmon_cli.application.select.run_changes import RunChanges
from testmon_cli.domain.causes import Cause
from testmon_cli.domain.errors import SourceError
from testmon_cli.domain.nodeid import path_of
from testmon_cli.domain.records import Run, StoredExecution, VersionRef

if TYPE_CHECKING:
    from testmon_cli.application.select.since_revision import SinceRevision


class Verdict:
    """The verdict on one test: its newest valid execution, or why the newest one is not valid."""

    __slots__ = ("cause", "current", "newest", "older", "text", "valid")

    def __init__(self, newest: StoredExecution) -> None:
        self.newest = newest
        self.current = newest  # the one to be weighed next
        # those to be weighed after it, the newest first
        self.older: list[StoredExecution] | None = None
        self.valid: StoredExecution | None = None
        self.cause: Cause | None = None
        self.text = ""


class Weigher:
    """Weighs executions, of each test the newest first, until one is found that holds."""

    def __init__(self, changes: RunChanges, since: "SinceRevision | None") -> None:
        """The difference that `since` stands for, if any, must leave an execution alone as well."""
        self._changes = changes
        self._learned = changes.learned
        self._datafile = changes.datafile
        self._runs = changes.runs
        self._since = since
        self._same: dict[tuple[int, int], bool] = {}  # by run and older run
        # By run: traces, of any run, with a block that what has changed since does not have now.
        self._outlived: dict[int, frozenset[int]] = {}

    def verdicts(self, executions: Iterable[StoredExecution]) -> dict[str, Verdict]:
        """By node id. Executions come with the newest first, and so do the runs."""
        verdicts: dict[str, Verdict] = {}
        # by the run whose execution is weighed next
        waiting: dict[int, list[Verdict]] = defaultdict(list)
        for execution in executions:
            verdict = verdicts.get(execution.nodeid)
            if verdict is None:
                verdict = verdicts[execution.nodeid] = Verdict(execution)
                waiting[execution.run_id].append(verdict)
            elif verdict.older is None:
                verdict.older = [execution]
            else:
                verdict.older.append(execution)
        for run in self._runs:
            here = waiting.pop(run.id, ())
            for verdict in self._undecided(run, here):
                waiting[verdict.current.run_id].append(verdict)
        return verdicts

    def _undecided(self, run: Run, verdicts: Sequence[Verdict]) -> Iterator[Verdict]:
        """Weigh executions of a run; those whose older execution must be weighed next."""
        if not verdicts:
            return
        matched = self._changes.matched(run)
        if matched.doubtful:
            self._learned.doubt_in_any_case(
                path_of(verdict.current.nodeid, verdict.current.path) for verdict in verdicts
            )
        for verdict in verdicts:
            execution = verdict.current
            cause = matched.everything or matched.invalid.get(execution.trace_id)
            if cause is None and not execution.unknown:
                verdict.cause = self._cause_since(run, execution)
                verdict.valid = None if verdict.cause else execution
                continue
            if verdict.cause is None and not verdict.text:
                verdict.cause, verdict.text = cause, execution.unknown
            if self._falls_back(run, verdict):
                yield verdict

    def _falls_back(self, run: Run, verdict: Verdict) -> bool:
        """Let an older execution count that may know what has changed since, if there is one."""
        while verdict.older:
            verdict.current = verdict.older.pop(0)
            if not (
                self._saw_the_same(run, verdict.current.run_id)
                or self._ran_what_is_gone(run, verdict.current)
            ):
                return True
        return False

    def _ran_what_is_gone(self, run: Run, execution: StoredExecution) -> bool:
        """Tell whether an execution ran a block that a file, changed since `run`, has no more.

        Then it does not hold, whatever else has changed: its run need not be matched for that.
        """
        if run.id not in self._outlived:
            now = dict(self._blocks_now(self._changes.compared(run).files.changed))
            fingerprints = self._datafile.fingerprints(now)
            gone = [each.id for each in fingerprints if each.checksums - now[each.path]]
            traces = self._datafile.traces_with(gone)
            self._outlived[run.id] = frozenset(trace_id for _, trace_id in traces)
        return execution.trace_id in self._outlived[run.id]

    def _blocks_now(self, paths: Iterable[str]) -> Iterator[tuple[str, frozenset[int]]]:
        for path in paths:
            with suppress(SourceError):  # its import fails, so that none of its blocks runs
                model = self._changes.tree.model(path)
                yield path, frozenset(block.checksum for block in model.blocks)

    def _cause_since(self, run: Run, execution: StoredExecution) -> Cause | None:
        """Why the difference that is asked about concerns an execution that holds.

        None where it does not.
        """
        if self._since is None:
            return None
        return self._since.hits(self._datafile, run).get(execution.trace_id)

    def _saw_the_same(self, run: Run, older: int) -> bool:
        """Tell whether an older run saw the same content as `run` of all that has changed since.

        Then it cannot know what the changes do. What it has of a test that does not do the same
        each time may have missed what the change concerns.
        """
        matched, key = self._changes.matched(run), (run.id, older)
        if matched.everything is not None or matched.beyond_files:
            return False
        if key not in self._same:
            files = self._changes.compared(run).files
            now, then = self._changes.compared(run).snapshot, self._datafile.snapshot(older)
            paths = (*files.changed, *files.added, *files.removed)
            self._same[key] = all(
                _digest(now.get(path)) == _digest(then.get(path)) for path in paths
            )
        return self._same[key]


def _digest(ref: VersionRef | None) -> str | None:
    """The digest a run recorded for a file.

    None if the file did not exist, "" if no test loaded it.
    """
    return None if ref is None else ref.digest
