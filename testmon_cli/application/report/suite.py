"""`testmon report`: what is known of the suite, for CI logs."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from testmon_cli.application.checkout import environment
from testmon_cli.application.report import results, verdicts
from testmon_cli.application.select.use_case import select
from testmon_cli.application.settings import Settings
from testmon_cli.domain.records import FAILURES, Run, StoredExecution
from testmon_cli.domain.report import Failure, LastRun, Report
from testmon_cli.domain.selection import FAILED, Selection
from testmon_cli.storage.datafile import Datafile
from testmon_cli.storage.opening import path_of


def report(
    settings: Settings,
    *,
    slowest: int,
    base: str | None = None,
    runs_shown: int = 0,
    with_results: bool = False,
) -> Report:
    """Sum up the execution that counts, mostly the newest, of every test that still exists.

    `base` is a revision of git: how tests come out there tells whether a failure is new. Raises
    DatafileError when there is no datafile, EnvironmentFailure when git cannot be asked.
    """
    root = Path(os.path.realpath(settings.root))
    with Datafile.open(settings.datafile) as datafile:
        selection = select(settings)
        current = environment.current(settings.env)
        name = f"{current.name}, Python {current.python} on {current.platform}"
        runs = datafile.runs(current)
        executions = [e for e in datafile.executions(current) if e.nodeid not in selection.gone]
        newest: dict[str, StoredExecution] = {}
        for execution in executions:
            newest.setdefault(execution.nodeid, execution)
        standing = _standing(executions, selection)
        failed = list(_failed(executions, selection))
        texts = datafile.failures([e.trace_id for e in failed])
        judged = verdicts.judge(settings, datafile, runs, failed, executions, base)
        failures = []
        for e in failed:
            text = texts.get(e.trace_id, "")
            path, line = results.place_of(root, e, text)
            failures.append(
                Failure(
                    e.nodeid, e.outcome, text, path, line, e.run_id == runs[0].id, judged[e.nodeid]
                )
            )
        last = _last(runs[0]) if runs else None
        found = _report(name, settings, selection, list(standing.values()), last, failures, slowest)
        shown = (
            results.past_runs(datafile.heads(current), runs, executions, runs_shown)
            if runs_shown
            else ()
        )
        tests = (
            tuple(results.results(newest, selection, runs[0] if runs else None))
            if with_results
            else ()
        )
        return replace(found, runs=shown, results=tests)


def _standing(
    executions: Iterable[StoredExecution], selection: Selection
) -> dict[str, StoredExecution]:
    """The execution of each test that counts, mostly the newest; the newest are given first.

    As the sources are now, what is not selected did not fail, and what is selected for a failure
    did. Where the newest says otherwise, it is of other sources.
    """
    selected = {test.nodeid: test.reason.kind for test in selection.tests}
    standing: dict[str, StoredExecution] = {}
    for execution in executions:
        known = standing.setdefault(execution.nodeid, execution)
        kind = selected.get(execution.nodeid)
        fails = kind == FAILED
        is_of_others = kind in (None, FAILED) and (known.outcome in FAILURES) != fails
        if is_of_others and (execution.outcome in FAILURES) == fails:
            standing[execution.nodeid] = execution
    return standing


def _failed(
    executions: Iterable[StoredExecution], selection: Selection
) -> Iterator[StoredExecution]:
    """The failure that is remembered of each test, from executions of which the newest come first.

    A failure of another branch does not count where an older execution holds, and passed; one from
    before does where it holds again.
    """
    selected = {test.nodeid: test.reason.kind for test in selection.tests}
    decided: set[str] = set()
    for execution in executions:
        kind = selected.get(execution.nodeid)
        if kind is None or execution.nodeid in decided:
            continue
        if execution.outcome in FAILURES:
            yield execution
            decided.add(execution.nodeid)
        elif kind != FAILED:
            decided.add(execution.nodeid)


def _report(
    name: str,
    settings: Settings,
    selection: Selection,
    executions: list[StoredExecution],
    last: LastRun | None,
    failures: list[Failure],
    slowest: int,
) -> Report:
    by_time = sorted(executions, key=lambda e: (-e.duration, e.nodeid))
    path = path_of(settings.datafile)
    return Report(
        environment=name,
        datafile=settings.datafile,
        datafile_bytes=path.stat().st_size if path.exists() else 0,
        tests=len(executions),
        outcomes=dict(sorted(Counter(e.outcome for e in executions).items())),
        last_run=last,
        selected=len(selection.tests),
        selected_by_reason=dict(
            sorted(Counter(test.reason.kind for test in selection.tests).items())
        ),
        failures=tuple(sorted(failures, key=lambda f: f.nodeid)),
        slowest=tuple((e.nodeid, e.duration) for e in by_time[:slowest]),
        all_seconds=sum((e.duration for e in executions), 0.0),
        selected_seconds=selection.selected_seconds,
        notes=selection.notes,
    )


def _last(run: Run) -> LastRun:
    return LastRun(
        started=run.started,
        seconds=run.ended - run.started if run.ended is not None else None,
        completed=run.completed,
        exitstatus=run.exitstatus,
        engine=str(run.facts.get("engine") or run.engine),
        git_head=run.git_head,
        git_dirty=run.git_dirty,
        arguments=run.arguments,
    )
