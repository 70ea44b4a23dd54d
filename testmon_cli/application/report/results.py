"""Each test for programs that show results, past runs, and the places of failures."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from testmon_cli.analysis.model import build_model
from testmon_cli.application.checkout.files import read_bytes
from testmon_cli.domain.errors import SourceError
from testmon_cli.domain.records import FAILURES, Heads, Run, StoredExecution
from testmon_cli.domain.report import PastRun, Result
from testmon_cli.domain.selection import Selection

_NEEDS_NOT_RUN = "need not run: nothing that it relies on has changed since it ran"
# as pytest ends each part of a traceback
_PLACE = re.compile(r"^([^\s:][^:\n]*):(\d+): ", re.MULTILINE)


def results(
    newest: Mapping[str, StoredExecution], selection: Selection, last: Run | None
) -> Iterator[Result]:
    """The newest execution of each test, by node id.

    For those that the last run left out, it tells why it could.
    """
    selected = {test.nodeid: test.reason.text for test in selection.tests}
    for nodeid, execution in sorted(newest.items()):
        if last is not None and execution.run_id == last.id:
            yield Result(nodeid, execution.path, execution.outcome, execution.duration, "")
            continue
        why = selected.get(nodeid)
        reason = _NEEDS_NOT_RUN if why is None else f"is still to be run: {why}"
        yield Result(
            nodeid, execution.path, "", execution.duration, reason, is_pending=why is not None
        )


def past_runs(
    heads: Sequence[Heads], runs: Iterable[Run], executions: Iterable[StoredExecution], most: int
) -> tuple[PastRun, ...]:
    """The last runs, the newest first. `heads` come with the newest last."""
    failures = Counter(
        execution.run_id for execution in executions if execution.outcome in FAILURES
    )
    by_id = {run.id: run for run in runs}
    durations: dict[int, int] = {}  # of the newest execution of each test so far, in microseconds
    found = []
    for head in heads:
        durations.update(zip(head.test_ids, head.durations, strict=True))
        run = by_id[head.run_id]
        found.append(
            PastRun(
                run.started,
                None if run.ended is None else run.ended - run.started,
                run.git_head,
                run.git_dirty,
                len(head.test_ids),
                len(durations),
                failures[run.id],
                sum(head.durations) / 1e6,
                sum(durations.values()) / 1e6,
            )
        )
    return tuple(islice(reversed(found), most))


def place_of(root: Path, execution: StoredExecution, text: str) -> tuple[str, int]:
    """The file and line to show a failure at.

    It is the last place in the test's file that the failure text names.
    """
    places = [(path, int(line)) for path, line in _PLACE.findall(text)]
    for path, line in reversed(places):
        if path == execution.path:
            return path, line
    for path, line in reversed(places):
        if not path.startswith(("/", "../")) and (root / path).is_file():
            return path, line
    try:
        definitions = build_model(read_bytes(root / execution.path)).definitions
    except (OSError, SourceError):
        return execution.path, 1
    return execution.path, next(
        (d.line for d in definitions if d.qualname == execution.function), 1
    )
