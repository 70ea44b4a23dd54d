"""`testmon report --html`: what the page shows, from what is stored."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from testmon_cli.application.checkout import environment
from testmon_cli.application.checkout.sources import Snapshot
from testmon_cli.application.invalidate.snapshot_diff import is_loaded
from testmon_cli.application.invalidate.trace_uses import reachable, users_of
from testmon_cli.application.report import suite
from testmon_cli.application.select.use_case import select
from testmon_cli.application.settings import Settings
from testmon_cli.domain.bits import Bits
from testmon_cli.domain.errors import OutputError, TestmonError
from testmon_cli.domain.page import Flaky, KnownTest, Page, ReachedFile, ReachedFunction, ShownRun
from testmon_cli.domain.records import Heads, Run, StoredExecution
from testmon_cli.domain.selection import Selection
from testmon_cli.domain.source import Block
from testmon_cli.storage.datafile import Datafile

_MODULE = "<module>"
_OTHERS = ("fixture", "module", "statement", "collect", "session")


def page(settings: Settings, *, slowest: int) -> Page:
    """Gather all that the page shows. Raises DatafileError when there is no datafile."""
    with Datafile.open(settings.datafile) as datafile:
        selection = select(settings)
        report = suite.report(settings, slowest=slowest)
        current = environment.current(settings.env)
        runs = datafile.runs(current)
        executions = [e for e in datafile.executions(current) if e.nodeid not in selection.gone]
        newest = {e.nodeid: e for e in reversed(executions)}
        return Page(
            report,
            tuple(_tests(selection, newest)),
            tuple(_runs(datafile.heads(current), runs)),
            tuple(_files(datafile, runs, list(newest.values()))),
            tuple(_flaky(executions, runs)),
        )


def write(path: str, text: str) -> None:
    """Write the page, and put it in place when it is whole.

    Raises OutputError where `path` cannot be written.
    """
    target = Path(path)
    if target.is_dir():
        raise TestmonError(
            f"{path} is a folder: name a file for the page, like {path.rstrip('/')}/testmon.html"
        )
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        temporary.replace(target)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror}") from error


def _tests(selection: Selection, newest: Mapping[str, StoredExecution]) -> list[KnownTest]:
    found = []
    for test in selection.tests:
        execution = test.execution
        outcome, seconds = (
            (execution.outcome, execution.duration) if execution is not None else ("", 0.0)
        )
        chain = test.reason.cause.chain() if test.reason.cause is not None else ()
        found.append(
            KnownTest(test.nodeid, outcome, seconds, test.reason.text, test.reason.kind, chain)
        )
    selected = {test.nodeid for test in selection.tests}
    rest = [
        KnownTest(e.nodeid, e.outcome, e.duration)
        for e in newest.values()
        if e.nodeid not in selected
    ]
    return [*found, *sorted(rest, key=lambda test: test.nodeid)]


def _runs(heads: Sequence[Heads], runs: Sequence[Run]) -> list[ShownRun]:
    by_id = {run.id: run for run in runs}
    durations: dict[int, int] = {}  # of the newest execution of each test so far, in microseconds
    found = []
    for head in heads:  # the newest run comes last
        durations.update(zip(head.test_ids, head.durations, strict=True))
        run = by_id[head.run_id]
        found.append(
            ShownRun(
                run.started,
                None if run.ended is None else run.ended - run.started,
                len(head.test_ids),
                sum(head.durations) / 1e6,
                sum(durations.values()) / 1e6,
                run.exitstatus,
                str(run.facts.get("engine") or run.engine),
                run.git_head,
                run.arguments,
            )
        )
    return found


def _flaky(executions: Sequence[StoredExecution], runs: Sequence[Run]) -> list[Flaky]:
    """Tests with several outcomes in runs that saw the same sources."""
    snapshots = {run.id: run.snapshot_id for run in runs}
    outcomes: dict[str, dict[int | None, list[str]]] = defaultdict(lambda: defaultdict(list))
    for execution in executions:
        outcomes[execution.nodeid][snapshots.get(execution.run_id)].append(execution.outcome)
    return [
        Flaky(nodeid, tuple(same))
        for nodeid, by_snapshot in sorted(outcomes.items())
        for snapshot, same in by_snapshot.items()
        if snapshot is not None and len(set(same)) > 1
    ]


def _files(
    datafile: Datafile, runs: Sequence[Run], newest: Sequence[StoredExecution]
) -> list[ReachedFile]:
    """Sources as the newest run saw them, with how many tests reach each block."""
    if not runs:
        return []
    snapshot = datafile.snapshot(runs[0].id)
    models = Snapshot(datafile, snapshot)
    paths = [path for path, ref in snapshot.items() if is_loaded(ref)]
    reaching = _Reaching(datafile, newest)
    found = []
    for path in sorted(paths):
        model = models(path)
        if model is None:
            continue
        by_checksum = reaching.blocks(path)
        functions: dict[str, list[Block]] = defaultdict(list)
        for block in model.blocks:
            if block.qualname != _MODULE:
                functions[block.qualname].append(block)
        if functions:
            every = 0
            for tests in by_checksum.values():
                every |= tests
            shown = tuple(
                _function(name, blocks, by_checksum) for name, blocks in functions.items()
            )
            lines = sum(last - first + 1 for b in model.blocks for first, last in b.lines)
            found.append(ReachedFile(path, lines, every.bit_count(), shown))
    return found


def _function(name: str, blocks: Sequence[Block], reached: Mapping[int, int]) -> ReachedFunction:
    tests = 0
    for block in blocks:
        tests |= reached.get(block.checksum, 0)
    unreached = tuple(block.line for block in blocks if not reached.get(block.checksum))
    return ReachedFunction(name, blocks[0].line, len(blocks), unreached, tests.bit_count())


class _Reaching:
    """The tests that reach blocks, themselves or through what they use, as bits of a number."""

    def __init__(self, datafile: Datafile, newest: Sequence[StoredExecution]) -> None:
        self._datafile = datafile
        bits: Bits[int] = Bits(execution.trace_id for execution in newest)
        self._tests = {execution.trace_id: bits.of([execution.trace_id]) for execution in newest}
        runs = {execution.run_id for execution in newest}
        users = users_of(datafile, runs)
        for trace in datafile.traces(runs, *_OTHERS):
            self._tests[trace.id] = bits.known(reachable([trace.id], users))

    def blocks(self, path: str) -> dict[int, int]:
        """By checksum of a block, the tests that reach it."""
        found: dict[int, int] = defaultdict(int)
        fingerprints = self._datafile.fingerprints([path])
        traces = self._datafile.trace_lists_with([fingerprint.id for fingerprint in fingerprints])
        for fingerprint in fingerprints:
            tests = 0
            for trace in traces.get(fingerprint.id, ()):
                tests |= self._tests.get(trace, 0)
            for checksum in fingerprint.checksums if tests else ():
                found[checksum] |= tests
        return found
