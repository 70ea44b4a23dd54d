"""What is written can be read."""

import subprocess
import sys
from pathlib import Path

import pytest

from testmon_cli.domain.records import (
    Environment,
    Execution,
    Package,
    Run,
    StoredExecution,
    StoredFingerprint,
    Trace,
    VersionRef,
)
from testmon_cli.storage import block_sets, row_ids, trace_rows
from testmon_cli.storage.datafile import Datafile
from tests.storage.rows import LINUX, execution, source, start, state, table_sizes, whole_run


def test_a_run_is_read_as_it_was_written(datafile: Datafile) -> None:
    packages = (Package("b", "2"), Package("a", "1", "d", ("a", "_a"), ("b",)))
    run = datafile.begin_run(start(packages=packages))
    assert datafile.runs() == [
        Run(run, LINUX, 100.0, None, False, None, ("-x",), "abc", True, "coverage", "0.1", None, {})
    ]
    datafile.set_facts(run, {"edges": [["a.py", "b.py"]]})
    datafile.set_facts(run, {"edges": [["a.py", "c.py"]], "z": None})
    datafile.finish_run(run, 200.0, True, 1)
    [read] = datafile.runs()
    assert (read.ended, read.completed, read.exitstatus) == (200.0, True, 1)
    assert dict(read.facts) == {"edges": [["a.py", "c.py"]], "z": None}
    assert datafile.packages(run) == (packages[1], packages[0])


def test_runs_are_listed_by_environment_newest_first(datafile: Datafile) -> None:
    other = Environment("ü", "3.12", "linux")
    runs = [datafile.begin_run(start(environment=where)) for where in (LINUX, other, LINUX)]
    assert [run.id for run in datafile.runs()] == runs[::-1]
    assert [run.id for run in datafile.runs(LINUX)] == [runs[2], runs[0]]
    assert [run.id for run in datafile.runs(other)] == [runs[1]]
    assert datafile.environments() == [LINUX, other]


def test_equal_packages_facts_and_snapshots_are_stored_once(datafile: Datafile) -> None:
    for started in (1.0, 2.0):
        run = whole_run(datafile, started, "test_one", fingerprints={"app.py": frozenset({1})})
        datafile.set_facts(run, {"a": 1})
    sizes = table_sizes(datafile.path)
    shared = (
        "environment",
        "package_set",
        "fact_set",
        "snapshot",
        "source_version",
        "fingerprint",
        "test",
    )
    assert {sizes[name] for name in shared} == {1}
    assert sizes["execution"] == sizes["run"] == 2


def test_sources_of_a_snapshot(datafile: Datafile) -> None:
    run = datafile.begin_run(start())
    ids = datafile.add_sources([source("a.py", "1", b"one"), source("b.py", "2", b"")])
    datafile.set_snapshot(run, ids.values())
    a, b = ids["a.py", "1"], ids["b.py", "2"]
    assert datafile.snapshot(run) == {
        "a.py": VersionRef(a, "a.py", "1", "key", 10, 20),
        "b.py": VersionRef(b, "b.py", "2", "key", 10, 20),
    }
    assert datafile.models([a, b]) == {a: b"one", b: b""}
    assert datafile.model(a) == b"one"
    assert datafile.names([b]) == {b: b"names"}
    assert datafile.known_version("a.py", "1", "key") == a
    assert datafile.known_version("a.py", "1", "other") is None
    assert datafile.snapshot(99) == {}


def test_a_touched_source_keeps_its_version_and_gets_new_hints(datafile: Datafile) -> None:
    run = datafile.begin_run(start())
    first = source("a.py", "1")
    ids = datafile.add_sources([first])
    touched = type(first)("a.py", "1", "key", b"other", b"", 10, 30)
    assert datafile.add_sources([touched]) == ids
    datafile.set_snapshot(run, ids.values())
    assert datafile.snapshot(run)["a.py"].mtime_ns == 30
    assert datafile.models(ids.values()) == {ids["a.py", "1"]: b"model"}


def test_an_execution_with_all_that_it_relied_on(datafile: Datafile) -> None:
    run = datafile.begin_run(start())
    one = execution(
        "test_one",
        "failed",
        "assert \udc80 0",
        fingerprints={"a.py": frozenset({1, 2**64 - 1}), "b.py": frozenset({5})},
        resources=(state("data.json", frames="a.py\tread\t3"),),
        uses=("fixture:1:db",),
    )
    datafile.write(run, [Trace("fixture:1:db", {"a.py": frozenset({7})})], [one])
    assert datafile.executions(LINUX) == [
        StoredExecution(
            2,
            run,
            "tests/test_a.py::test_one",
            "tests/test_a.py",
            "test_one",
            "function",
            "failed",
            0.5,
            "",
            "",
        )
    ]
    assert {(f.path, f.checksums) for f in datafile.trace_fingerprints(2)} == {
        ("a.py", frozenset({1, 2**64 - 1})),
        ("b.py", frozenset({5})),
    }
    (shared,) = datafile.fingerprints(["b.py", "gone.py"])
    assert shared == StoredFingerprint(shared.id, "b.py", frozenset({5}))
    of_a = {found.checksums: found.id for found in datafile.fingerprints(["a.py"])}
    assert of_a.keys() == {frozenset({7}), frozenset({1, 2**64 - 1})}
    assert set(datafile.traces_with([shared.id, of_a[frozenset({7})]])) == {
        (of_a[frozenset({7})], 1),
        (shared.id, 2),
    }
    assert datafile.uses([run]) == [(2, 1)]
    assert datafile.traces([run], "fixture") == [(1, run, "fixture:1:db", "", True)]
    assert datafile.resources([run]) == [(2, 1)]
    assert datafile.resource_states() == {1: state("data.json")}
    assert datafile.trace_resources(2) == {1: state("data.json", frames="a.py\tread\t3")}
    assert datafile.failures([1, 2]) == {2: "assert \udc80 0"}


def test_executions_of_another_environment_are_not_shown(datafile: Datafile) -> None:
    other = Environment("default", "3.12", "linux")
    first = whole_run(datafile, 1.0, "test_one")
    whole_run(datafile, 2.0, "test_one", environment=other)
    newest = whole_run(datafile, 3.0, "test_one")
    assert [found.run_id for found in datafile.executions(LINUX)] == [newest, first]


def test_the_executions_of_one_test(datafile: Datafile) -> None:
    other = Environment("default", "3.12", "linux")
    whole_run(datafile, 1.0, "test_one", "test_\udcff")
    whole_run(datafile, 2.0, "test_one", environment=other)
    whole_run(datafile, 3.0, "test_two", "test_one")
    of_all = datafile.executions(LINUX)
    for nodeid in ("tests/test_a.py::test_one", "tests/test_a.py::test_\udcff"):
        expected = [found for found in of_all if found.nodeid == nodeid]
        assert datafile.executions_named(LINUX, nodeid) == expected != []
    assert datafile.executions_named(LINUX, "tests/test_a.py") == []


def test_a_trace_that_is_written_again_is_joined(datafile: Datafile) -> None:
    run = datafile.begin_run(start())
    setup = Trace(
        "fixture:1:db", {"a.py": frozenset({1})}, (state("x"),), (), "blind", complete=False
    )
    teardown = Trace(
        "fixture:1:db", {"a.py": frozenset({2}), "b.py": frozenset({3})}, (state("y"),), (), "deaf"
    )
    datafile.write(run, [setup], [])
    assert datafile.traces([run], "fixture") == [(1, run, "fixture:1:db", "blind", False)]
    datafile.write(run, [teardown], [])
    assert datafile.traces([run], "fixture") == [(1, run, "fixture:1:db", "blind; deaf", True)]
    assert {(f.path, f.checksums) for f in datafile.trace_fingerprints(1)} == {
        ("a.py", frozenset({1, 2})),
        ("b.py", frozenset({3})),
    }
    assert len(datafile.resources([run])) == 2


def test_two_records_of_a_trace_in_one_batch_are_joined_too(datafile: Datafile) -> None:
    run = datafile.begin_run(start())
    first = execution("test_one", "failed", "boo", fingerprints={"a.py": frozenset({1})})
    again = execution("test_one", fingerprints={"a.py": frozenset({2})})
    datafile.write(run, [], [first, again])
    assert [found.outcome for found in datafile.executions(LINUX)] == ["passed"]
    assert [f.checksums for f in datafile.trace_fingerprints(1)] == [frozenset({1, 2})]
    assert datafile.failures([1]) == {}


def test_what_is_used_before_it_is_written_is_not_complete(datafile: Datafile) -> None:
    run = datafile.begin_run(start())
    datafile.write(run, [], [execution("test_one", uses=("fixture:1:db",))])
    (fixture,) = datafile.traces([run], "fixture")
    assert fixture[4] is False
    datafile.write(run, [Trace("fixture:1:db")], [])
    assert datafile.traces([run], "fixture") == [(*fixture[:4], True)]
    datafile.write(run, [], [execution("test_two", uses=("fixture:1:db",))])
    assert datafile.traces([run], "fixture") == [(*fixture[:4], True)]
    assert len(datafile.uses([run])) == 2


def test_a_batch_is_stored_whole_or_not_at_all(datafile: Datafile) -> None:
    run = datafile.begin_run(start())
    bad = execution("test_two", fingerprints={"a.py": frozenset({2**70})})
    with pytest.raises(OverflowError):
        datafile.write(run, [], [execution("test_one", fingerprints={"a.py": frozenset({1})}), bad])
    assert datafile.executions(LINUX) == []
    datafile.write(run, [], [execution("test_one", fingerprints={"a.py": frozenset({1})})])
    assert [f.checksums for f in datafile.fingerprints(["a.py"])] == [frozenset({1})]


def test_what_was_written_is_known_though_the_memory_of_it_is_full(
    path: Path, datafile: Datafile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (block_sets, row_ids, trace_rows):
        monkeypatch.setattr(module, "REMEMBERED", 2)
    run = datafile.begin_run(start())
    for _ in range(2):
        for number in range(4):
            datafile.write(run, [], [execution(f"test_{number}")])
    assert len(datafile.executions(LINUX)) == 4
    assert table_sizes(path)["subject"] == 4


@pytest.mark.parametrize(
    "name",
    ["test_a[ü]", "test_a[\udc80]", "test_a[a\nb]", "test_a[\0]", "test_a[:]", "test_a['\"]"],
)
def test_any_nodeid_is_kept(datafile: Datafile, name: str) -> None:
    run = datafile.begin_run(start())
    datafile.write(run, [], [execution(name)])
    assert [found.nodeid for found in datafile.executions(LINUX)] == [f"tests/test_a.py::{name}"]


def test_a_closed_datafile_is_one_file(path: Path) -> None:
    with Datafile.open(path, "write", create=True) as datafile:
        whole_run(datafile, 1.0, "test_one")
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    before = path.read_bytes()
    with Datafile.open(path) as datafile:
        assert len(datafile.executions(LINUX)) == 1
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_run_time_needs_no_sqlalchemy(path: Path) -> None:
    script = f"""
import sys
from testmon_cli.storage.datafile import Datafile, Pruning
with Datafile.open({str(path)!r}, "write", create=True) as datafile:
    datafile.runs()
    datafile.prune(Pruning(), 0.0)
print([name for name in ("sqlalchemy", "alembic") if name in sys.modules])
"""
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "[]\n"


@pytest.mark.parametrize(
    ("identity", "fields", "gaps"),
    [
        pytest.param("module:app.py", {}, False, id="whole"),
        pytest.param(
            "module:app.py", {"unknown": "a child was lost"}, True, id="an import with a gap"
        ),
        pytest.param("fixture:1:box", {"complete": False}, True, id="a fixture that was not over"),
        pytest.param("module:app.py", {"complete": False}, False, id="an import that others use"),
        pytest.param(
            "test:tests/test_a.py::test_one",
            {"unknown": "a child was lost"},
            False,
            id="only a test",
        ),
    ],
)
def test_gaps_in_what_tests_share(
    datafile: Datafile, identity: str, fields: dict[str, object], gaps: bool
) -> None:
    run, other = whole_run(datafile, 1.0, "test_two"), whole_run(datafile, 2.0, "test_two")
    datafile.write(run, [Trace(identity, **fields)], [])  # type: ignore[arg-type]
    assert (datafile.has_gaps(run), datafile.has_gaps(other)) == (gaps, False)


def test_whether_a_run_relies_on_a_state(datafile: Datafile) -> None:
    first = whole_run(datafile, 1.0, "test_one", resources=(state("a.txt"),))
    second = whole_run(datafile, 2.0, "test_one", resources=(state("b.txt"),))
    by_name = {found.name: number for number, found in datafile.resource_states().items()}
    assert datafile.relies_on(first, [by_name["a.txt"]])
    assert not datafile.relies_on(second, [by_name["a.txt"]])
    assert not datafile.relies_on(second, [])


def test_executions_come_with_the_newest_run_first_though_runs_wrote_in_turn(
    datafile: Datafile,
) -> None:
    older, newer = datafile.begin_run(start(1.0)), datafile.begin_run(start(2.0))
    for run, name in (
        (newer, "test_one"),
        (older, "test_two"),
        (newer, "test_three"),
        (older, "test_four"),
    ):
        datafile.write(run, [], [execution(name)])
    found = [(e.run_id, e.nodeid.partition("::")[2]) for e in datafile.executions(LINUX)]
    assert found == [
        (newer, "test_three"),
        (newer, "test_one"),
        (older, "test_four"),
        (older, "test_two"),
    ]


def test_traces_of_several_kinds(datafile: Datafile) -> None:
    run = datafile.begin_run(start())
    datafile.write(
        run,
        [Trace("module:app.py"), Trace("fixture:1:box"), Trace("session:")],
        [execution("test_one")],
    )
    found = datafile.traces([run], "fixture", "module")
    assert [identity for _, _, identity, _, _ in found] == ["module:app.py", "fixture:1:box"]


def test_what_a_run_says_of_its_tests_as_a_whole(datafile: Datafile) -> None:
    first = whole_run(datafile, 1.0, "test_one", "test_two", outcome="failed")
    second = whole_run(datafile, 2.0, "test_two", "test_three", unknown="was killed")
    assert datafile.totals(second) == (2, 1.0)
    assert datafile.totals(99) == (0, 0.0)
    assert datafile.test_files(second) == {"tests/test_a.py"}
    assert [
        (e.run_id, e.nodeid.partition("::")[2], e.unknown) for e in datafile.remarkable(second)
    ] == [
        (second, "test_three", "was killed"),
        (second, "test_two", "was killed"),
    ]
    assert {e.outcome for e in datafile.remarkable(first)} == {"failed"}
    assert datafile.remarkable(whole_run(datafile, 3.0, "test_one")) == []


def test_whether_other_runs_have_tests_besides_those_of_a_run(datafile: Datafile) -> None:
    def besides(number: int) -> bool:
        [run] = [run for run in datafile.runs() if run.id == number]
        return datafile.has_tests_besides(run)

    first = whole_run(datafile, 1.0, "test_one", "test_two")
    assert not besides(first)
    second = whole_run(datafile, 2.0, "test_two")
    assert (besides(first), besides(second)) == (False, True)
    whole_run(datafile, 3.0, "test_elsewhere", environment=Environment("other", "3.12", "linux"))
    assert not besides(first)


def test_the_ids_of_a_runs_traces(datafile: Datafile) -> None:
    whole_run(datafile, 1.0, "test_one")
    run = whole_run(datafile, 2.0, "test_one", "test_two", uses=("fixture:1:box",))
    ids = {number for kind in ("test", "fixture") for number, *_ in datafile.traces([run], kind)}
    assert (set(datafile.trace_ids(run)), len(ids)) == (ids, 3)


def test_every_text_of_an_execution_may_hold_any_character(datafile: Datafile) -> None:
    run = datafile.begin_run(start())
    odd = "\udcff\0\u00fc"
    for number in range(5):
        name, path, function, always, unknown = (
            odd if place == number else "a" for place in range(5)
        )
        trace = Trace(f"test:{number}{name}", unknown=unknown)
        datafile.write(
            run,
            [],
            [Execution(trace, f"{number}{name}", path, function, "other", "passed", 1, "", always)],
        )
    found = [
        (e.nodeid[1:], e.path, e.function, e.always, e.unknown) for e in datafile.executions(LINUX)
    ]
    assert found == [
        tuple(odd if place == number else "a" for place in range(5))
        for number in reversed(range(5))
    ]
