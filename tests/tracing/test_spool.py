import os
from pathlib import Path

import pytest

from testmon_cli.tracing import wire
from testmon_cli.tracing.spool import Spool
from tests.tracing.projects import read

RECORDS: list[wire.Record] = [
    wire.File(0, "/p/a.py", "ab", 3, 4),
    wire.Trace(
        "test:t.py::test_\udcff",
        {"0": [1, 2]},
        (wire.Resource("file", "/p/data", "cd", (("/p/a.py", "f", 3),)),),
        ("fixture:0:x",),
        ("/p/a.py",),
        ("why",),
        False,
    ),
    wire.Outcome(
        "t.py::test_\udcff", "/p/t.py", "test_x", "function", "passed", 0.5, "", "", ("*.sql",)
    ),
    wire.ImportEdge("/p/a.py", "/p/b.py"),
    wire.CollectionError("t.py", "/p/t.py", "boom"),
    wire.Collected(("a", "b"), ("b",)),
    wire.Session("/p", "", ("-q",), ("xdist==3",), "probes", {"python_files": ["test_*.py"]}),
    wire.Ended(0, {"a": "/p/a.py"}),
]


def test_records_survive_the_spool(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path))
    for record in RECORDS:
        spool.write(record)

    assert read(Path(spool.path)) == RECORDS


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_writes_to_a_file_of_its_own(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path))
    spool.write(RECORDS[0])
    pid = os.fork()
    if pid == 0:
        spool.write(RECORDS[3])
        os._exit(0)
    os.waitpid(pid, 0)
    spool.write(RECORDS[4])

    assert sorted(len(read(path)) for path in tmp_path.iterdir()) == [1, 2]
    assert read(Path(spool.path)) == [RECORDS[0], RECORDS[4]]
