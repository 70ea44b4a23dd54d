"""Whatever order evidence comes in, and how often, the datafile knows the same."""

import itertools
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from testmon_cli.domain.evidence import EvidenceError, Row, SubjectRow
from testmon_cli.domain.records import CLOCK, INTERPRETER, RUN_KEY, Environment, Trace
from testmon_cli.storage.datafile import Datafile
from tests.storage.rows import LINUX, execution, source, start, state, whole_run

OTHER = Environment("default", "3.12", "linux")


def _rows(datafile: Datafile, environment: Environment = LINUX) -> list[Row]:
    return list(datafile.export(datafile.runs(environment)))


def _united(folder: Path, parts: Iterable[Sequence[Row]]) -> list[Row]:
    path = Path(tempfile.mkdtemp(dir=folder)) / "united"
    with Datafile.open(path, "write", create=True) as datafile:
        for rows in parts:
            datafile.merge(LINUX, rows)
        return _rows(datafile)


# One run as several machines may have it: at the beginning, killed, whole, pruned
_TESTS = st.dictionaries(
    st.sampled_from(("test_a", "test_b", "test_c[\ud800]")),
    st.tuples(
        st.sampled_from(("passed", "failed")),
        st.sampled_from(("", "lost", "lost; gone", "gone")),
        st.sets(st.integers(0, 2**64 - 1) | st.integers(1, 3), max_size=4),
        st.sets(st.sampled_from(("data.json", "other.txt")), max_size=2),
        st.booleans(),
    ),
    min_size=1,
)
_RUN = st.tuples(st.sampled_from((100.0, 200.0)), st.sampled_from("xy"), st.booleans(), _TESTS)
_MACHINE = st.lists(_RUN, min_size=1, max_size=2, unique_by=lambda run: run[:2])


def _machine(folder: Path, runs: list[tuple[float, str, bool, dict[str, tuple]]]) -> list[Row]:
    path = Path(tempfile.mkdtemp(dir=folder)) / "one"
    with Datafile.open(path, "write", create=True) as datafile:
        for started, key, ended, tests in sorted(runs, key=lambda run: run[0]):
            run = datafile.begin_run(start(started))
            versions = datafile.add_sources(
                [source("app.py", key), source(f"{len(tests)}.py", "d", b"")]
            )
            datafile.set_snapshot(run, versions.values())
            datafile.set_facts(run, {RUN_KEY: key, "pending": ["x"] * ended})
            for name, (outcome, unknown, checksums, files, complete) in tests.items():
                fixture = Trace(
                    f"fixture:{key}:f", {"lib.py": frozenset(checksums)}, complete=complete
                )
                resources = tuple(state(file, outcome, "frame") for file in sorted(files))
                reached = {"app.py": frozenset(checksums)} if checksums else {}
                found = execution(
                    name,
                    outcome,
                    failure=unknown,
                    fingerprints=reached,
                    resources=resources,
                    uses=(fixture.identity,),
                    unknown=unknown,
                )
                datafile.write(run, [fixture], [found])
            if ended:
                datafile.finish_run(run, started + 1, True, 0)
        return _rows(datafile)


# Without the phase that makes failures smaller: it takes minutes.
@settings(max_examples=12, deadline=None, phases=(Phase.explicit, Phase.generate), derandomize=True)
@given(st.lists(_MACHINE, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_gives_the_same(tmp_path_factory, machines, random) -> None:
    folder = tmp_path_factory.mktemp("merging")
    parts = [_machine(folder, runs) for runs in machines]
    expected = _united(folder, parts)
    shuffled = parts + random.choices(parts, k=2)
    random.shuffle(shuffled)
    assert _united(folder, shuffled) == expected
    assert _united(folder, [_united(folder, parts[1:]), *parts[:1], expected]) == expected


def test_the_time_of_runs_orders_them_and_not_when_they_came(tmp_path: Path, path: Path) -> None:
    with Datafile.open(tmp_path / "older", "write", create=True) as other:
        whole_run(other, 50.0, "test_one", "test_two", digest="older")
        rows = _rows(other)
    with Datafile.open(path, "write", create=True) as datafile:
        newer = whole_run(datafile, 100.0, "test_one")
        datafile.merge(LINUX, rows)
        assert [run.started for run in datafile.runs(LINUX)] == [100.0, 50.0]
        assert [run.started for run in datafile.runs()] == [100.0, 50.0]
        assert datafile.executions(LINUX)[0].run_id == newer
        assert [head.run_id for head in datafile.heads(LINUX)][-1] == newer


def test_times_of_files_do_not_travel_and_those_here_stay(tmp_path: Path, path: Path) -> None:
    with Datafile.open(tmp_path / "other", "write", create=True) as other:
        run = whole_run(other, 50.0, "test_one", digest="same")
        other.set_facts(run, {INTERPRETER: {"prefix": "/there"}, CLOCK: 50.0, "config": "c"})
        assert other.runs()[0].recorded == 50.0
        rows = _rows(other)
    with Datafile.open(path, "write", create=True) as datafile:
        datafile.merge(LINUX, rows)
        (merged,) = datafile.runs()
        assert (merged.recorded, dict(merged.facts)) == (0.0, {"config": "c"})
        assert {(ref.size, ref.mtime_ns) for ref in datafile.snapshot(merged.id).values()} == {
            (-1, -1)
        }
        ours = whole_run(datafile, 100.0, "test_one", digest="same")
        datafile.merge(LINUX, rows)
        assert {(ref.size, ref.mtime_ns) for ref in datafile.snapshot(ours).values()} == {(10, 20)}


def test_environments_stay_apart(tmp_path: Path, path: Path) -> None:
    with Datafile.open(tmp_path / "other", "write", create=True) as other:
        whole_run(other, 200.0, "test_one", environment=OTHER)
        rows = _rows(other, OTHER)
    with Datafile.open(path, "write", create=True) as datafile:
        whole_run(datafile, 100.0, "test_one")
        before = _rows(datafile)
        datafile.merge(OTHER, rows)
        assert _rows(datafile) == before
        assert _rows(datafile, OTHER) == rows


def test_evidence_that_cannot_be_changes_nothing(path: Path) -> None:
    with Datafile.open(path, "write", create=True) as datafile:
        whole_run(datafile, 100.0, "test_one")
        rows = _rows(datafile)
        wrong = [
            SubjectRow("nothing", "", "", "", "") if isinstance(row, SubjectRow) else row
            for row in rows
        ]
        with pytest.raises(EvidenceError, match="kind 'nothing'"):
            datafile.merge(OTHER, itertools.chain(wrong))
        assert datafile.environments() == [LINUX]
        assert _rows(datafile) == rows
        datafile.merge(OTHER, rows)  # what was remembered of the undone transaction does no harm
        assert _rows(datafile, OTHER) == rows
