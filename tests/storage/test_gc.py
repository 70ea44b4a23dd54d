from pathlib import Path

import pytest

from testmon_cli.domain.records import Environment, Trace
from testmon_cli.storage.datafile import Datafile, Pruning
from tests.storage.rows import LINUX, execution, start, state, table_sizes, whole_run

DAY = 86_400.0
NOW = 100 * DAY
OTHER = Environment("other", "3.11", "linux")


@pytest.fixture
def filled(path: Path) -> Path:
    """Three runs of two tests, the sources different each time, and a run in another environment."""
    with Datafile.open(path, "write", create=True) as datafile:
        for number in (1, 2, 3):
            fields = {
                "fingerprints": {"app.py": frozenset({number}), f"mod{number}.py": frozenset({7})},
                "resources": (state("data.json", f"state {number}", f"frame {number}"),),
                "failure": "boo",
            }
            whole_run(
                datafile, number * 10 * DAY, "test_one", "test_two", digest=str(number), **fields
            )
        whole_run(datafile, 40 * DAY, "test_one", environment=OTHER)
    return path


def _left(path: Path) -> set[tuple[int, str]]:
    with Datafile.open(path) as datafile:
        return {
            (found.run_id, found.function)
            for environment in datafile.environments()
            for found in datafile.executions(environment)
        }


ALL = {(run, name) for run in (1, 2, 3) for name in ("test_one", "test_two")} | {(4, "test_one")}
NODEID = "tests/test_a.py::test_two"


@pytest.mark.parametrize(
    ("pruning", "gone", "counts"),
    [
        pytest.param(Pruning(), set(), {}, id="nothing asked"),
        pytest.param(
            Pruning(keep=2),
            {(1, "test_one"), (1, "test_two")},
            {
                "executions": 2,
                "runs": 1,
                "traces": 2,
                "fingerprints": 2,
                "blocks": 1,
                "resource states": 1,
                "snapshots": 1,
                "source versions": 1,
                "sources": 1,
            },
            id="keep",
        ),
        pytest.param(
            Pruning(tests=frozenset({NODEID, "not there"})),
            {(1, "test_two"), (2, "test_two"), (3, "test_two")},
            {"executions": 3, "traces": 3, "tests": 1},
            id="tests",
        ),
        pytest.param(
            Pruning(before=90 * DAY),
            {(run, name) for run in (1, 2) for name in ("test_one", "test_two")},
            {
                "executions": 4,
                "runs": 2,
                "traces": 4,
                "fingerprints": 4,
                "blocks": 2,
                "resource states": 2,
                "snapshots": 2,
                "source versions": 2,
                "sources": 2,
            },
            id="older, but the newest of each test",
        ),
        pytest.param(
            Pruning(environments=("other",)),
            {(4, "test_one")},
            {
                "executions": 1,
                "runs": 1,
                "environments": 1,
                "traces": 1,
                "snapshots": 1,
                "source versions": 1,
            },
            id="environment",
        ),
    ],
)
def test_pruned(
    filled: Path, pruning: Pruning, gone: set[tuple[int, str]], counts: dict[str, int]
) -> None:
    before = filled.read_bytes()
    with Datafile.open(filled) as datafile:
        rehearsed = datafile.prune(pruning, NOW, dry_run=True)
    assert filled.read_bytes() == before
    assert list(filled.parent.iterdir()) == [filled]
    assert rehearsed.counts == counts

    with Datafile.open(filled, "write") as datafile:
        assert datafile.prune(pruning, NOW) == rehearsed
    assert _left(filled) == ALL - gone
    assert len(before) - filled.stat().st_size == rehearsed.freed
    table_sizes(filled)  # no row names one that is gone


def test_everything_can_go(filled: Path) -> None:
    with Datafile.open(filled, "write") as datafile:
        datafile.prune(Pruning(keep=0, before=NOW), NOW)
    assert table_sizes(filled) == {"alembic_version": 1}


def test_what_is_left_is_what_it_was(filled: Path) -> None:
    def read() -> tuple[object, ...]:
        with Datafile.open(filled) as datafile:
            traces = [found.trace_id for found in datafile.executions(LINUX)[:2]]
            return (
                [datafile.trace_fingerprints(trace) for trace in traces],
                [datafile.trace_resources(trace) for trace in traces],
                datafile.failures(traces),
                datafile.snapshot(3),
                datafile.models(ref.id for ref in datafile.snapshot(3).values()),
            )

    before = read()
    with Datafile.open(filled, "write") as datafile:
        datafile.prune(Pruning(keep=1), NOW)
    assert read() == before


def test_fixtures_go_with_their_last_user_and_imports_with_their_run(datafile: Datafile) -> None:
    run = datafile.begin_run(start(1.0))
    datafile.write(
        run,
        [
            Trace("fixture:1:base"),
            Trace("fixture:2:db", uses=("fixture:1:base",)),
            Trace("fixture:3:lonely"),
            Trace("module:app.py"),
        ],
        [execution("test_one", uses=("fixture:2:db",)), execution("test_two")],
    )
    datafile.finish_run(run, 2.0, True, 0)
    assert datafile.prune(Pruning(), NOW).counts == {"traces": 1}
    assert [trace[2] for trace in datafile.traces([run], "fixture")] == [
        "fixture:1:base",
        "fixture:2:db",
    ]
    datafile.prune(Pruning(tests=frozenset({"tests/test_a.py::test_one"})), NOW)
    assert datafile.traces([run], "fixture") == []
    assert [trace[2] for trace in datafile.traces([run], "module")] == ["module:app.py"]


def test_a_killed_run_counts_as_going_on_for_a_day(datafile: Datafile) -> None:
    whole_run(datafile, NOW - 60, "test_one", end=False)
    wanted = Pruning(keep=0, before=NOW, environments=("default",))
    assert datafile.prune(wanted, NOW).counts == {}
    assert datafile.prune(wanted, NOW + DAY).counts["executions"] == 1


def test_empty_runs_go_but_the_newest_of_its_environment_stays(datafile: Datafile) -> None:
    for started in (1.0, 2.0, 3.0):
        whole_run(datafile, started)
    datafile.prune(Pruning(), NOW)
    assert [run.started for run in datafile.runs()] == [3.0]


def test_progress_is_told(filled: Path) -> None:
    steps: list[tuple[int, int]] = []
    with Datafile.open(filled, "write") as datafile:
        datafile.prune(
            Pruning(keep=1), NOW, progress=lambda done, total: steps.append((done, total))
        )
    assert [done for done, _ in steps] == list(range(steps[0][1] + 1))
