"""The seal tells damage, and is never broken by what testmon does itself."""

import gc
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from testmon_cli.domain.errors import DatafileError
from testmon_cli.storage import migrating
from testmon_cli.storage.datafile import DamagedDatafile, Datafile, Pruning
from testmon_cli.storage.layout import APPLICATION_ID
from testmon_cli.storage.opening import Mode
from tests.storage.rows import whole_run

SEAL = slice(60, 64)


def _seal(path: Path) -> bytes:
    return path.read_bytes()[SEAL]


@pytest.fixture
def sealed(path: Path) -> Path:
    with Datafile.open(path, "write", create=True) as datafile:
        whole_run(
            datafile, 1.0, "test_one", fingerprints={"app.py": frozenset({1, 2})}, failure="boo"
        )
    assert any(_seal(path))
    return path


@pytest.mark.parametrize("mode", ["read", "write"])
def test_any_other_byte_breaks_it(sealed: Path, mode: Mode) -> None:
    whole = sealed.read_bytes()
    for place in (*range(0, len(whole), 4999), len(whole) - 1):
        sealed.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(DatafileError):
            Datafile.open(sealed, mode)
    sealed.write_bytes(whole[:-100])
    with pytest.raises(
        DamagedDatafile, match="its checksum does not match; restore a copy, or move it away"
    ):
        Datafile.open(sealed, mode)
    sealed.write_bytes(whole)
    Datafile.open(sealed, mode).close()
    assert sealed.read_bytes() == whole


def test_a_schema_that_is_no_text_is_damage(sealed: Path) -> None:
    whole = sealed.read_bytes()
    sealed.write_bytes(whole.replace(b"REFERENCES environment", b"R\xc5FERENCES environment"))
    with pytest.raises(DatafileError, match="is damaged"):
        Datafile.open(sealed)
    gc.collect()  # from Python 3.13 on, a connection that is left open is told of


def test_writing_takes_it_off_and_closing_puts_another_on(sealed: Path, tmp_path: Path) -> None:
    before = _seal(sealed)
    with Datafile.open(sealed, "write") as datafile:
        whole_run(datafile, 2.0, "test_two")
        for end in ("", "-wal"):  # as a kill leaves it
            shutil.copy(f"{sealed}{end}", f"{tmp_path / 'killed'}{end}")
    assert _seal(sealed) not in (before, bytes(4))
    with Datafile.open(tmp_path / "killed") as datafile:
        assert len(datafile.runs()) == 2
    assert _seal(tmp_path / "killed") == bytes(4)
    with Datafile.open(sealed) as datafile:
        assert len(datafile.runs()) == 2


def test_the_last_of_several_writers_puts_it_on(sealed: Path) -> None:
    first, second = Datafile.open(sealed, "write"), Datafile.open(sealed, "write")
    whole_run(first, 2.0, "test_two")
    first.close()  # and seals, since the second has not begun to write
    whole_run(second, 3.0, "test_three")
    with Datafile.open(sealed) as reader:
        second.close()
        assert len(reader.runs()) == 3
    with Datafile.open(sealed, "write") as datafile:
        assert len(datafile.runs()) == 3
        whole_run(datafile, 4.0, "test_four")
    assert any(_seal(sealed))
    Datafile.open(sealed).close()


def test_writing_takes_it_off_also_after_what_was_rolled_back(sealed: Path) -> None:
    with Datafile.open(sealed, "write") as datafile:
        with suppress(KeyError), datafile.uniting():
            whole_run(datafile, 2.0, "test_two")
            raise KeyError
        whole_run(datafile, 3.0, "test_three")
    with Datafile.open(sealed) as datafile:
        assert [run.started for run in datafile.runs()] == [3.0, 1.0]


def test_pruning_leaves_a_sealed_datafile(sealed: Path) -> None:
    with Datafile.open(sealed, "write") as datafile:
        whole_run(datafile, 2.0, "test_one")
        datafile.prune(Pruning(keep=1), now=1e9)
    assert any(_seal(sealed))
    Datafile.open(sealed).close()


def test_an_older_datafile_is_sealed_when_it_is_upgraded_and_can_go_back(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as driver:
        driver.execute("PRAGMA journal_mode = WAL")
        driver.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrating.upgrade(driver, revision="0002")
        driver.execute("INSERT INTO environment VALUES (1, 'default', '3.11', 'linux')")
    with Datafile.open(path) as datafile:
        assert [environment.name for environment in datafile.environments()] == ["default"]
    assert any(_seal(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as driver:
        migrating.downgrade(driver, "0002")
        assert driver.execute("SELECT version_num FROM alembic_version").fetchall() == [("0002",)]
        assert driver.execute("SELECT name FROM environment").fetchall() == [("default",)]
    assert _seal(path) == bytes(4)
