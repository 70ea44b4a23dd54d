"""Values to put into datafiles, and what whole datafiles hold."""

import sqlite3
from contextlib import closing
from pathlib import Path

from testmon_cli.domain.records import (
    Environment,
    Execution,
    Package,
    ResourceState,
    RunStart,
    SourceVersion,
    Trace,
)
from testmon_cli.storage.datafile import Datafile

LINUX = Environment("default", "3.11", "linux")


def start(
    started: float = 100.0, environment: Environment = LINUX, packages: tuple[Package, ...] = ()
) -> RunStart:
    return RunStart(environment, started, ("-x",), packages, "abc", True, "coverage", "0.1")


def source(path: str, digest: str, model: bytes = b"model") -> SourceVersion:
    return SourceVersion(path, digest, "key", model, b"names", 10, 20)


def execution(name: str, outcome: str = "passed", failure: str = "", **fields: object) -> Execution:
    nodeid = f"tests/test_a.py::{name}"
    trace = Trace(f"test:{nodeid}", **fields)  # type: ignore[arg-type]
    return Execution(trace, nodeid, "tests/test_a.py", name, "function", outcome, 0.5, failure, "")


def whole_run(
    datafile: Datafile,
    started: float,
    *names: str,
    digest: str = "d",
    end: bool = True,
    **fields: object,
) -> int:
    """A run of some tests, each with the same fields of its trace."""
    environment = fields.pop("environment", LINUX)
    assert isinstance(environment, Environment)
    run = datafile.begin_run(start(started, environment))
    versions = datafile.add_sources([source("app.py", digest)])
    datafile.set_snapshot(run, versions.values())
    datafile.write(run, [], [execution(name, **fields) for name in names])  # type: ignore[arg-type]
    if end:
        datafile.finish_run(run, started + 1, True, 0)
    return run


def table_sizes(path: Path) -> dict[str, int]:
    """Rows of each table that has any."""
    with closing(sqlite3.connect(path)) as driver:
        names = [
            name
            for (name,) in driver.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1"
            )
        ]
        sizes = {
            name: driver.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names
        }
        assert driver.execute("PRAGMA foreign_key_check").fetchall() == []
        assert driver.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return {name: size for name, size in sizes.items() if size}


def state(name: str, value: str = "s", frames: str = "") -> ResourceState:
    return ResourceState("file", name, value, 1, 2, frames)
