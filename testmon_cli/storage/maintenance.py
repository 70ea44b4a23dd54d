"""Maintenance of a datafile: its state, a check, a copy, and the repair of a damaged one."""

import json
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from testmon_cli.domain.errors import DatafileError
from testmon_cli.domain.records import (
    FAILURES,
    OUTCOMES,
    TEST_KINDS,
    Environment,
    Execution,
    Package,
    RunStart,
    Trace,
)
from testmon_cli.storage import opening
from testmon_cli.storage.connection import UNREADABLE, translated
from testmon_cli.storage.datafile import Datafile
from testmon_cli.storage.gc import Progress
from testmon_cli.storage.layout import Schema
from testmon_cli.storage.packing import original, pack_numbers, unpack_numbers, unpack_text
from testmon_cli.storage.sealing import Seal

SAVED = "it was saved from a damaged datafile"  # why nothing is believed of what a test relied on
_MOST = 50  # problems of each kind that are told
_UNREADABLE = (*UNREADABLE, sqlite3.DatabaseError)


class State(NamedTuple):
    """The state of a datafile."""

    schema: str  # its revision
    newest: str  # the revision that this program writes
    seal: str  # "whole", "none" while it is written to and after a kill, or "broken"
    size: int  # bytes

    @property
    def is_current(self) -> bool:
        return self.schema == self.newest


def state_of(path: Path, timeout: float = 30.0, schema: Schema | None = None) -> State:
    """Read the state of a datafile without changing it. Raises DatafileError for another file."""
    opening.recognise(path)
    newest = (schema or Schema()).head
    with closing(opening.driver(path, "read", timeout)) as driver, closing(Seal(path)) as seal:
        with translated(path):
            driver.execute("BEGIN")
            try:
                (found,) = driver.execute("SELECT version_num FROM alembic_version").fetchone()
            except (sqlite3.OperationalError, TypeError):
                raise DatafileError(
                    f"{path} does not say its schema: restore a copy, or repair it"
                ) from None
            sealed = "broken" if seal.is_broken() else "whole" if seal.is_there() else "none"
        return State(str(found), newest, sealed, path.stat().st_size)


def upgrade(
    path: Path,
    timeout: float = 30.0,
    schema: Schema | None = None,
    progress: Progress | None = None,
) -> tuple[State, Path | None]:
    """Bring a datafile to the newest schema.

    Returns its state before, and the path of the backup: None where nothing was to be done.
    """
    schema = schema or Schema()
    before = state_of(path, timeout, schema)
    if before.is_current:
        return before, None
    if before.schema not in schema.revisions or before.seal == "broken":
        with Datafile.open(path, schema=schema):  # says what is wrong
            return before, None
    return before, opening.upgrade(path, before.schema, timeout, schema, progress)


def backup(path: Path, target: Path) -> int:
    """Copy a datafile to a place that is free, while others may write to it; bytes of the copy."""
    with Datafile.open(path) as datafile, opening.draft(target) as place:
        _copy(datafile, place)
        return place.stat().st_size


def _copy(datafile: Datafile, place: Path) -> None:
    with (
        closing(opening.driver(place, "write", 30.0)) as copy,
        closing(Seal(place)) as seal,
        translated(place),
    ):
        datafile.copy_to(copy)
        copy.execute("PRAGMA user_version = 0")  # the seal: the bytes may be others
        seal.put(copy)


def vacuum(path: Path, on_wait: Callable[[], None] | None = None) -> int:
    """Give back the room that nothing uses; how many bytes."""
    before = path.stat().st_size if path.exists() else 0
    with Datafile.open(path, "write", on_wait=on_wait) as datafile:
        datafile.vacuum()
    return before - path.stat().st_size


# Checking


def _check_numbers(packed: bytes) -> None:
    if pack_numbers(unpack_numbers(packed)) != packed:
        raise ValueError(packed)


_PACKED: Mapping[str, tuple[str, Callable[[Any], object]]] = {
    "SELECT id, facts FROM fact_set": ("facts", lambda value: json.loads(unpack_text(value))),
    "SELECT id, packages FROM package_set": ("packages", json.loads),
    "SELECT trace_id, text FROM failure": ("failure text", unpack_text),
    "SELECT id, blocks FROM fingerprint": ("fingerprint", _check_numbers),
    "SELECT id, fingerprints FROM fingerprint_set": ("set of fingerprints", _check_numbers),
    "SELECT id, versions FROM snapshot": ("snapshot", _check_numbers),
}


def problems_of(path: Path, timeout: float = 30.0) -> Iterator[str]:
    """Find what is wrong with the file and with each packed value in it."""
    with closing(opening.driver(path, "read", timeout)) as driver:
        try:
            driver.execute("BEGIN")
            yield from _found_by_sqlite(driver)
        except _UNREADABLE as error:
            yield f"SQLite cannot read it: {error}"
        for sql, (what, read) in _PACKED.items():
            try:
                unreadable = _unreadable(driver.execute(sql), what, read)
                yield from islice(unreadable, _MOST)
                deque(unreadable, maxlen=0)  # all values are looked at
            except _UNREADABLE as error:
                yield f"no {what} can be read any more: {error}"


def _found_by_sqlite(driver: sqlite3.Connection) -> Iterator[str]:
    for (text,) in driver.execute(f"PRAGMA integrity_check({_MOST})"):
        if text != "ok":
            yield f"SQLite finds: {text}"
    for row in driver.execute("PRAGMA foreign_key_check").fetchmany(_MOST):
        yield f"a row of {row[0]} names one of {row[2]} that is not there"


def _unreadable(
    rows: Iterable[tuple[int, Any]], what: str, read: Callable[[Any], object]
) -> Iterator[str]:
    for number, value in rows:
        try:
            read(value)
        except _UNREADABLE as error:
            yield f"{what} {number} cannot be read ({type(error).__name__})"


# Repairing


class Saved(NamedTuple):
    """The counts of what could be read of a damaged datafile."""

    runs: int
    executions: int


def repair(path: Path, target: Path, timeout: float = 30.0) -> Saved:
    """Save runs and outcomes into a new datafile.

    Nothing of what tests relied on is believed any more: each of them is selected until it has run
    again.
    """
    with (
        closing(opening.driver(path, "read", timeout)) as driver,
        opening.draft(target) as place,
        Datafile.open(place, "write") as datafile,
        datafile.uniting(),
    ):
        return _Saving(driver, datafile).save()


class _Saving:
    def __init__(self, driver: sqlite3.Connection, datafile: Datafile) -> None:
        self._driver = driver
        self._datafile = datafile
        self._packages: dict[int, str] = {}

    def save(self) -> Saved:
        environments = {row["id"]: row for row in self._rows("environment")}
        subjects = {row["id"]: row for row in self._rows("subject")}
        tests = {row["id"]: row for row in self._rows("test")}
        executions = {row["trace_id"]: row for row in self._rows("execution")}
        failures = {row["trace_id"]: row["text"] for row in self._rows("failure")}
        self._packages = {row["id"]: row["packages"] for row in self._rows("package_set")}
        runs = sorted(filter(_is_run, self._rows("run")), key=lambda row: row["started"])
        ids: dict[int, int] = {}
        for row in runs:
            with suppress(*_UNREADABLE):
                ids[row["id"]] = self._save_run(row, environments[row["environment_id"]])
        found: dict[int, dict[str, Execution]] = {}
        for row in self._rows("trace"):
            with suppress(*_UNREADABLE):
                test, subject = tests[row["subject_id"]], subjects[row["subject_id"]]
                execution = _execution(
                    subject, test, executions[row["id"]], failures.get(row["id"])
                )
                found.setdefault(ids[row["run_id"]], {})[execution.nodeid] = execution
        for run_id, saved in found.items():
            self._datafile.write(run_id, [], list(saved.values()))
        return Saved(len(ids), sum(map(len, found.values())))

    def _save_run(self, row: sqlite3.Row, environment: sqlite3.Row) -> int:
        run_id = self._datafile.begin_run(
            RunStart(
                environment=Environment(
                    original(environment["name"]), environment["python"], environment["platform"]
                ),
                started=row["started"],
                arguments=tuple(map(str, json.loads(row["arguments"]))),
                packages=self._packages_of(row),
                git_head=str(row["git_head"]),
                git_dirty=bool(row["git_dirty"]),
                engine=str(row["engine"]),
                version=str(row["version"]),
            )
        )
        if isinstance(row["ended"], float):
            self._datafile.finish_run(
                run_id, row["ended"], bool(row["completed"]), int(row["exitstatus"] or 0)
            )
        return run_id

    def _packages_of(self, row: sqlite3.Row) -> tuple[Package, ...]:
        with suppress(*_UNREADABLE):
            listed = json.loads(self._packages[row["package_set_id"]])
            return tuple(
                Package(str(n), str(v), str(d), tuple(map(str, m)), tuple(map(str, r)))
                for n, v, d, m, r in listed
            )
        return ()

    def _rows(self, table: str) -> Sequence[sqlite3.Row]:
        """The rows of a table that can be read.

        They are read from its beginning and from its end, up to what is damaged.
        """
        found: dict[int, sqlite3.Row] = {}
        for order in ("ASC", "DESC"):
            try:
                for row in self._driver.execute(
                    f"SELECT rowid, * FROM {table} NOT INDEXED ORDER BY rowid {order}"
                ):
                    found[row[0]] = row
                break
            except _UNREADABLE:
                continue  # the rest from the other end
        return [found[number] for number in sorted(found)]


def _is_run(row: sqlite3.Row) -> bool:
    return isinstance(row["started"], float) and 0 < row["started"] < 4e9


def _execution(
    subject: sqlite3.Row, test: sqlite3.Row, row: sqlite3.Row, text: bytes | None
) -> Execution:
    """An execution of which nothing but its outcome counts. Raises what cannot be read."""
    if (
        row["outcome"] not in OUTCOMES
        or test["kind"] not in TEST_KINDS
        or subject["kind"] != "test"
    ):
        raise ValueError(row["outcome"])
    failure = ""
    if text is not None and row["outcome"] in FAILURES:
        with suppress(*_UNREADABLE):
            failure = unpack_text(text)
    nodeid = original(subject["name"])
    return Execution(
        Trace(f"test:{nodeid}", unknown=SAVED),
        nodeid,
        original(test["path"]),
        original(test["function"]),
        test["kind"],
        row["outcome"],
        max(0.0, min(float(row["duration"]), 1e6)),
        failure,
        original(str(row["always"])),
    )
