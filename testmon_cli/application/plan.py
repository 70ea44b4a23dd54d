"""The part of a selection that one job runs, in what order, and in how much time."""

import json
import math
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

from testmon_cli.application.checkout import environment
from testmon_cli.application.checkout.files import read_bytes
from testmon_cli.application.invalidate.trace_uses import reachable, used_by
from testmon_cli.application.settings import Settings
from testmon_cli.domain import parts
from testmon_cli.domain import selection as kinds
from testmon_cli.domain.errors import DatafileError, SettingsError
from testmon_cli.domain.nodeid import NodeId, is_path, path_of
from testmon_cli.domain.parts import Part, Parts, Plan, Shard
from testmon_cli.domain.records import SET_UPS, Run, StoredExecution
from testmon_cli.domain.selection import Selected, Selection
from testmon_cli.storage.datafile import Datafile

_UNKNOWN_SECONDS: Final = 0.1  # of a test where no time of any is known
_TEST: Final = re.compile(rb"^[ \t]*(?:async[ \t]+)?def[ \t]+test", re.MULTILINE)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
ORDERS: Final = ("failed", "changed", "fast")


def plan(
    settings: Settings,
    selection: Selection,
    jobs: int,
    max_seconds: float = 0.0,
    *,
    commit: str = "",
) -> Plan:
    """Divide a selection among up to so many jobs.

    As few are taken as are done in `max_seconds`, or as soon as all could be where that is not
    enough time.
    """
    found = parts_of(settings, selection)
    shares = parts.divided(found, jobs)
    enough = max(longest(shares), max_seconds)
    least = math.ceil(parts.seconds_of(found) / enough) if enough else 1
    for fewer in range(max(least, 1), len(shares) + 1):
        few = parts.divided(found, fewer)
        if longest(few) <= enough:
            return Plan(fewer, few, commit)
    return Plan(jobs, shares, commit)


def longest(shares: Sequence[Parts]) -> float:
    """The seconds of the job that takes longest."""
    return max(map(parts.seconds_of, shares), default=0.0)


def parts_of(settings: Settings, selection: Selection) -> list[Part]:
    """Divide a selection into parts, one for each argument of pytest, with its recorded time.

    Where there is none, with a likely one.
    """
    known = selection.saved_seconds + selection.selected_seconds
    usual = known / selection.known if selection.known and known else _UNKNOWN_SECONDS
    found = []
    divided = parts.by_argument(selection)
    recorded = _recorded(settings, has_files=any(map(is_path, divided)))
    by_file = recorded.by_file()
    for argument, tests in divided.items():
        known_tests = [test.execution for test in tests if test.execution is not None]
        seconds = sum(map(recorded.set_ups.own_seconds, known_tests))
        is_file = is_path(argument)
        # all that stands in it will run, or in several files where pytest cannot be given one
        if is_file:
            paths = sorted({test.path for test in tests})
            there = [*chain.from_iterable(by_file.get(path, ()) for path in paths)]
            known_tests = [*there, *known_tests]
            seconds = max(seconds, sum(map(recorded.set_ups.own_seconds, there)))
        if not is_file or not known_tests:
            unknown = [test for test in tests if test.execution is None]
            seconds += sum(_count(settings.root, test) for test in unknown) * usual
        microseconds = round(seconds * 1_000_000)
        set_ups = recorded.set_ups.of(known_tests)
        found.append(Part(argument, tuple(tests), microseconds, set_ups))
    return found


def _known_seconds(tests: Sequence[Selected]) -> float:
    return sum(test.execution.duration for test in tests if test.execution is not None)


class _SetUps(NamedTuple):
    """The set-up times of wide fixtures, and the tests that use them."""

    microseconds: Mapping[str, int]  # by place
    places: Mapping[int, frozenset[str]]  # by the trace of a test
    # by run and test, the microseconds of set-ups that its time has
    included: Mapping[tuple[int, str], int]

    @classmethod
    def read(cls, datafile: Datafile, runs: Iterable[Run]) -> "_SetUps":
        times: dict[str, int] = {}
        places: dict[int, frozenset[str]] = {}
        included: dict[tuple[int, str], int] = defaultdict(int)
        for run in runs:
            told: Mapping[str, Any] = run.mapping(SET_UPS)
            if not told:
                continue
            found: dict[int, str] = {}  # by the trace of a fixture
            for trace in datafile.traces([run.id], "fixture"):
                if trace.identity in told:
                    place, time, nodeid = told[trace.identity]
                    times[place] = max(times.get(place, 0), time)
                    found[trace.id] = place
                    included[run.id, nodeid] += time
            links = used_by(datafile, [run.id])
            for trace_id in links:
                used = reachable([trace_id], links) & found.keys()
                if used:
                    places[trace_id] = frozenset(found[each] for each in used)
        return cls(times, places, included)

    def own_seconds(self, execution: StoredExecution) -> float:
        """How long a test takes where all that several tests use has been set up."""
        included = self.included.get((execution.run_id, execution.nodeid), 0)
        if not included:
            return execution.duration
        return max(0.0, execution.duration - included / 1_000_000)

    def of(self, executions: Iterable[StoredExecution]) -> tuple[tuple[str, int], ...]:
        """All that some tests use, each with its microseconds."""
        if not self.places:
            return ()
        used: set[str] = set()
        for execution in executions:
            used.update(self.places.get(execution.trace_id, ()))
        return tuple((place, self.microseconds[place]) for place in sorted(used))


class _Recorded(NamedTuple):
    """The recorded times of tests."""

    executions: Sequence[StoredExecution]  # the newest first
    set_ups: _SetUps

    def by_file(self) -> dict[str, list[StoredExecution]]:
        """The newest execution of each known test, by the file of its node id."""
        newest: dict[str, StoredExecution] = {}
        for execution in self.executions:
            newest.setdefault(execution.nodeid, execution)
        found: dict[str, list[StoredExecution]] = defaultdict(list)
        for nodeid, execution in newest.items():
            found[path_of(nodeid, execution.path)].append(execution)
        return found


def _recorded(settings: Settings, *, has_files: bool) -> _Recorded:
    """Read the recorded times: of all tests, where whole files are to be run."""
    try:
        with Datafile.open(settings.datafile) as datafile:
            current = environment.current(settings.env)
            executions = datafile.executions(current) if has_files else ()
            return _Recorded(executions, _SetUps.read(datafile, datafile.runs(current)))
    except DatafileError:
        return _Recorded((), _SetUps({}, {}, {}))


def _count(root: Path, test: Selected) -> int:
    """How many tests there seem to be in what is not known.

    In a file, as many as functions are named like tests.
    """
    if not is_path(test.nodeid):
        return 1
    try:
        return max(1, len(_TEST.findall(read_bytes(root / test.nodeid))))
    except OSError:
        return 1


def shard_of(text: str) -> Shard:
    """Parse a shard like 2/5, or 2/5@NAME for a part of a plan.

    Raises SettingsError for another `text`.
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})(?:@([0-9a-f]{1,64}))?", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise SettingsError(
            f"invalid shard {text!r}: expected the number of a job and how many there are, like 2/5"
        )
    return Shard(int(match[1]), int(match[2]), match[3] or "")


def of_shard(settings: Settings, selection: Selection, shard: Shard) -> Selection:
    """The part of a selection that is for one of several jobs.

    A part of a plan is given only to who comes to the same plan: with other evidence it may be
    another, and then a test could be in nobody's part. So who does not is given all.
    """
    if not shard.plan:
        return _of(selection, [test for test in selection.tests if shard.has(test.nodeid)])
    own = parts.divided(parts_of(settings, selection), shard.jobs)
    if parts.name_of(own) == shard.plan:
        shares = own[shard.number - 1 : shard.number]
        return _of(selection, [test for share in shares for part in share for test in part.tests])
    note = f"the tests are not those of plan {shard.plan} (here they make {parts.name_of(own)})"
    note += ": all of them are taken"
    return selection._replace(notes=(*selection.notes, note))


def _of(selection: Selection, tests: Sequence[Selected]) -> Selection:
    return selection._replace(
        tests=tuple(tests), selected_seconds=_known_seconds(tests), is_part=True
    )


class Planned(NamedTuple):
    """A plan as a file has it."""

    commit: str  # what was checked out; "" where that is not known
    shares: tuple[tuple[str, ...], ...]  # arguments

    def of(self, shard: Shard) -> tuple[str, ...]:
        """The arguments for one job, also where there are fewer jobs than were planned."""
        return tuple(chain.from_iterable(self.shares[shard.number - 1 :: shard.jobs]))


def read_plan(path: str) -> Planned:
    """Read a plan that `testmon plan` wrote.

    Raises SettingsError for anything else, and for what cannot be read.
    """
    try:
        text = read_bytes(path)
    except OSError as error:
        raise SettingsError(f"the plan {path} cannot be read: {error.strerror or error}") from error
    try:
        found = json.loads(text)
        shares = tuple(tuple(job["arguments"]) for job in found["jobs"])
        commit = found["commit"]
        texts = [commit, *chain.from_iterable(shares)]
        is_one = found["version"] == 1 and all(isinstance(text, str) for text in texts)
    except (ValueError, LookupError, TypeError, RecursionError):
        is_one = False
    if not is_one:
        raise SettingsError(
            f"{path}: it is no plan of this version of testmon; make it by `testmon plan --jobs N`"
        )
    return Planned(commit, shares)


def of_planned(selection: Selection, planned: Planned, shard: Shard) -> Selection:
    """Select what one job runs beside its part of a plan.

    What is selected here, and in no part of the plan.

    The job that made the plan may have known of other evidence than this one.
    """
    held = Holding(chain.from_iterable(planned.shares))
    own = Holding(planned.of(shard))

    def is_for_this_job(test: Selected) -> bool:
        return own.holds(test.argument) or not held.holds(test.argument)

    return _of(selection, list(filter(is_for_this_job, selection.tests)))


class Holding:
    """Arguments of pytest that run what is named by others, too."""

    def __init__(self, arguments: Iterable[str]) -> None:
        self._arguments = frozenset(arguments)

    def holds(self, argument: str) -> bool:
        if argument in self._arguments or "." in self._arguments:
            return True
        above = map(str, NodeId.parse(argument).above())
        return not self._arguments.isdisjoint(above)


def orders_of(text: str) -> tuple[str, ...]:
    """Parse a list of orders like failed,changed,fast.

    Raises SettingsError for a name in `text` that is none of `ORDERS`.
    """
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in ORDERS:
            raise SettingsError(f"invalid order {name!r}: known are {', '.join(ORDERS)}")
    return names


def ordered(settings: Settings, selection: Selection, orders: Sequence[str]) -> Selection:
    """Order the tests of a selection.

    The first of `orders` decides, the next where it does not.
    """
    keys = [_ORDERS[name] for name in orders]
    found = sorted(parts_of(settings, selection), key=lambda part: [key(part) for key in keys])
    return selection._replace(tests=tuple(test for part in found for test in part.tests))


def _failed_first(part: Part) -> int:
    return 0 if any(map(_has_failed, part.tests)) else 1


def _has_failed(test: Selected) -> bool:
    if test.reason.kind == kinds.FAILED:
        return True
    return test.execution is not None and test.execution.outcome in ("failed", "error")


def _nearest_first(part: Part) -> int:
    """New and changed tests come first, then those that run what has changed."""
    return min(map(_distance, part.tests))


def _distance(test: Selected) -> int:
    reason = test.reason
    if reason.kind == kinds.NEW:
        return 0
    if reason.kind != kinds.AFFECTED or reason.cause is None:
        return 1000
    return 0 if reason.cause.origin.path == test.path else len(reason.cause.chain())


_ORDERS: Final[Mapping[str, Callable[[Part], int]]] = {
    "failed": _failed_first,
    "changed": _nearest_first,
    "fast": lambda part: parts.microseconds_of([part]),
}


class Budgeted(NamedTuple):
    """The tests that fit into some seconds, and those that do not."""

    selection: Selection
    rest: tuple[str, ...]  # arguments
    rest_seconds: float


def within(settings: Settings, selection: Selection, seconds: float) -> Budgeted:
    """Take tests, in their order, as long as there is time for them.

    `seconds` is the time; set-ups of wide fixtures count once.

    One that takes too long is passed over.
    """
    taken: list[Part] = []
    rest: list[Part] = []
    most = round(seconds * 1_000_000)
    spent = 0
    paid: set[str] = set()  # set-ups
    for part in parts_of(settings, selection):
        more = part.microseconds + sum(time for place, time in part.set_ups if place not in paid)
        if spent + more <= most:
            spent += more
            paid.update(place for place, _ in part.set_ups)
            taken.append(part)
        else:
            rest.append(part)
    if not rest:
        return Budgeted(selection, (), 0.0)
    kept = _of(selection, [test for part in taken for test in part.tests])
    return Budgeted(kept, tuple(part.argument for part in rest), parts.seconds_of(rest))


def seconds_in(text: str, option: str) -> float:
    """How many seconds a time like 90s or 5m is, the value of an option.

    Raises SettingsError where it is none.
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([smh])", text.strip())
    if match is None:
        raise SettingsError(
            f"invalid {option} {text!r}: expected a number and s, m or h, for example 5m"
        )
    return float(match[1]) * _SECONDS[match[2]]


def write_rest(path: str, rest: Sequence[str], end: str) -> None:
    """Write arguments to a file, for pytest as `@FILE`, or for xargs.

    `end` follows each argument: a line end, or a zero byte.
    """
    with open(path, "wb") as file:
        file.write(b"".join(os.fsencode(f"{argument}{end}") for argument in rest))
