"""Canaries: where the import of a test file may raise, one of its tests shows whether it does.

An import that fails makes pytest report the whole file, so that nothing goes unnoticed; where it
does not fail, little was run.
"""

from collections.abc import Mapping, Sequence

from testmon_cli.application.select.reason_text import sentence
from testmon_cli.domain.causes import Cause
from testmon_cli.domain.nodeid import path_of
from testmon_cli.domain.records import Run
from testmon_cli.domain.selection import CANARY, Reason, Selected, Selection
from testmon_cli.storage.datafile import Datafile


def endangered_files(
    datafile: Datafile, by_run: Mapping[int, Mapping[str, Cause]]
) -> dict[str, Cause]:
    """Test files whose import may raise, for what every run that ran their tests can tell.

    `by_run`: the runs that tests ran last in, each with the files whose import may raise since
    then. A file that was collected by a run since which nothing endangers it, can be imported.
    """
    found: dict[str, Cause] = {}
    safe: set[str] = set()
    for run_id, files in by_run.items():
        collected = datafile.test_files(run_id) if any(by_run.values()) else set()
        safe |= collected - files.keys()
        for path in files.keys() & collected:
            found.setdefault(path, files[path])
    return {path: cause for path, cause in found.items() if path not in safe}


def failing_files(datafile: Datafile, runs: Sequence[Run]) -> dict[str, Run]:
    """Test files that could not be imported when they were last collected, with the run.

    The newest run comes first.
    """
    found: dict[str, Run] = {}
    oldest = max((rank for rank, run in enumerate(runs) if run.mapping("errors")), default=-1)
    seen: set[str] = set()
    for run in runs[: oldest + 1]:
        errors = set(map(path_of, run.mapping("errors")))
        found.update(dict.fromkeys(errors - seen, run))
        seen |= errors | datafile.test_files(run.id)
    return found


def reason(cause: Cause) -> Reason:
    """Why a test stands for its file."""
    return Reason(CANARY, f"stands for its file, whose import may raise: {sentence(cause)}", cause)


def one_of_each(selection: Selection) -> Selection:
    """Keep one canary a file, the fastest, and none where another of its tests is selected."""
    running = {_file(test) for test in selection.tests if not _is_canary(test)}
    fastest: dict[str, Selected] = {}
    for test in selection.tests:
        if _is_canary(test) and _file(test) not in running:
            known = fastest.setdefault(_file(test), test)
            fastest[_file(test)] = min(known, test, key=_speed)
    kept = {test.nodeid for test in fastest.values()}
    tests = [test for test in selection.tests if not _is_canary(test) or test.nodeid in kept]
    seconds = sum(_speed(test)[0] for test in fastest.values())
    return selection._replace(
        tests=tuple(tests),
        saved_seconds=selection.saved_seconds - seconds,
        selected_seconds=selection.selected_seconds + seconds,
    )


def _is_canary(test: Selected) -> bool:
    return test.reason.kind == CANARY


def _file(test: Selected) -> str:
    return path_of(test.nodeid)


def _speed(test: Selected) -> tuple[float, str]:
    return (test.execution.duration if test.execution is not None else 0.0, test.nodeid)
