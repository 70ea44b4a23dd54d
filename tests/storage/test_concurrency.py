"""Several processes at one datafile."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from testmon_cli.domain.errors import DatafileError
from testmon_cli.storage.datafile import Datafile, Pruning
from tests.storage.rows import LINUX, execution, source, start, table_sizes, whole_run

_ROOT = str(Path(__file__).parents[2])
_BEGIN = f"""
import sys
sys.path.insert(0, {_ROOT!r})
from testmon_cli.storage.datafile import Datafile
from tests.storage.rows import *
path = sys.argv[1]
def say(word):
    print(word, flush=True)
    sys.stdin.readline()
"""


@contextmanager
def _process(script: str, path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that says a word and waits for a line."""
    with subprocess.Popen(
        [sys.executable, "-c", _BEGIN + script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        if process.poll() is None:
            process.communicate("\n", timeout=20)


def _heard(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _go_on(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_a_reader_sees_one_state_while_another_process_writes(path: Path) -> None:
    with Datafile.open(path, "write", create=True) as datafile:
        whole_run(datafile, 1.0, "test_one")
    script = """
with Datafile.open(path, "write") as datafile:
    run = whole_run(datafile, 2.0, "test_two", end=False)
    say("written")
    datafile.finish_run(run, 3.0, True, 0)
print("closed", flush=True)
"""
    with Datafile.open(path) as reader:
        with _process(script, path) as writer:
            assert _heard(writer) == "written"
            assert [found.function for found in reader.executions(LINUX)] == ["test_one"]
            with Datafile.open(path) as later:
                assert [found.function for found in later.executions(LINUX)] == [
                    "test_two",
                    "test_one",
                ]
            _go_on(writer)
            assert _heard(writer) == "closed"
        assert len(reader.runs()) == 1
    assert list(path.parent.iterdir()) == [path]
    with Datafile.open(path) as reader:
        assert [run.ended for run in reader.runs()] == [3.0, 2.0]


def test_a_killed_writer_loses_only_what_was_not_committed(path: Path) -> None:
    script = """
with Datafile.open(path, "write", create=True) as datafile:
    run = datafile.begin_run(start())
    datafile.write(run, [], [execution("test_one")])
    with datafile._transaction():
        datafile._trace_rows.of(run, [execution("test_two").trace])
        say("open")
"""
    with _process(script, path) as writer:
        assert _heard(writer) == "open"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    with Datafile.open(path) as datafile:
        assert [found.function for found in datafile.executions(LINUX)] == ["test_one"]
        assert datafile.runs()[0].ended is None
        assert len(datafile.traces([1], "test")) == 1
    assert list(path.parent.iterdir()) == [path]


def test_two_writers_take_turns(path: Path) -> None:
    script = """
with Datafile.open(path, "write") as datafile:
    run = whole_run(datafile, 1.0, "test_other", end=False, fingerprints={"app.py": frozenset({1, 2})})
    say("one")
    datafile.write(run, [], [execution("test_more", fingerprints={"app.py": frozenset({2, 3})})])
    datafile.finish_run(run, 2.0, True, 0)
    print("two", flush=True)
"""
    with Datafile.open(path, "write", create=True) as datafile:
        run = whole_run(
            datafile, 1.0, "test_one", end=False, fingerprints={"app.py": frozenset({9})}
        )
        with _process(script, path) as other:
            assert _heard(other) == "one"
            datafile.write(
                run, [], [execution("test_two", fingerprints={"app.py": frozenset({3, 9})})]
            )
            _go_on(other)
            assert _heard(other) == "two"
        datafile.write(run, [], [execution("test_three", fingerprints={"app.py": frozenset({2})})])
        stored = {
            found.function: [f.checksums for f in datafile.trace_fingerprints(found.trace_id)]
            for found in datafile.executions(LINUX)
        }
    assert stored == {
        "test_one": [{9}],
        "test_two": [{3, 9}],
        "test_three": [{2}],
        "test_other": [{1, 2}],
        "test_more": [{2, 3}],
    }
    assert table_sizes(path)["block"] == 4


def test_a_lock_is_waited_for_and_said(path: Path) -> None:
    waits: list[str] = []
    with (
        Datafile.open(
            path, "write", create=True, timeout=0.4, on_wait=lambda: waits.append("waiting")
        ) as datafile,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatafileError, match="is locked by another process"):
            datafile.begin_run(start())
        assert waits == ["waiting"]
        other.execute("ROLLBACK")
        datafile.begin_run(start())
        assert waits == ["waiting"]


def test_pruning_beside_a_collecting_writer_takes_nothing_it_needs(path: Path) -> None:
    with Datafile.open(path, "write", create=True) as writer:
        whole_run(writer, 1000.0, "test_one", fingerprints={"app.py": frozenset({1})})
        run = writer.begin_run(start(2000.0))
        ids = writer.add_sources([source("new.py", "1")])
        writer.write(run, [], [execution("test_one", fingerprints={"app.py": frozenset({2})})])
        with Datafile.open(path, "write") as pruner:
            pruner.prune(
                Pruning(tests=frozenset({"tests/test_a.py::test_one"}), keep=0, before=9e9), 3000.0
            )
        writer.set_snapshot(run, ids.values())
        writer.write(run, [], [execution("test_two", fingerprints={"app.py": frozenset({1, 2})})])
        writer.finish_run(run, 2001.0, True, 0)
        assert [found.function for found in writer.executions(LINUX)] == ["test_two", "test_one"]
        assert list(writer.snapshot(run)) == ["new.py"]
    assert table_sizes(path)["execution"] == 2
