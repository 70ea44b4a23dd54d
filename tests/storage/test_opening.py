"""Every file that is not a datafile we can use is refused in one line and stays as it is."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from testmon_cli.domain.errors import DatafileError
from testmon_cli.storage import opening
from testmon_cli.storage.datafile import Datafile, MissingDatafile
from testmon_cli.storage.opening import Mode
from tests.storage.rows import LINUX, start, whole_run

_NOBODY = 65534


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as driver:
        driver.execute("CREATE TABLE mine (a)")
        driver.commit()


def _without_revision(path: Path) -> None:
    Datafile.open(path, "write", create=True).close()
    with closing(sqlite3.connect(path)) as driver:
        driver.execute("DELETE FROM alembic_version")
        driver.commit()


def _newer(path: Path) -> None:
    Datafile.open(path, "write", create=True).close()
    with closing(sqlite3.connect(path)) as driver:
        driver.execute("UPDATE alembic_version SET version_num = '9999'")
        driver.commit()


def _without_tables(path: Path) -> None:
    Datafile.open(path, "write", create=True).close()
    with closing(sqlite3.connect(path)) as driver:
        driver.execute("DROP TABLE alembic_version")
        driver.commit()


def _cut(path: Path) -> None:
    Datafile.open(path, "write", create=True).close()
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 9000)


@pytest.mark.parametrize("mode", ["read", "write"])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(_foreign, "is an SQLite file of another program", id="foreign"),
        pytest.param(_newer, "has schema 9999, which a newer testmon made", id="newer"),
        pytest.param(_without_revision, "does not say its schema", id="no revision"),
        pytest.param(_without_tables, "does not say its schema", id="no tables"),
        pytest.param(_cut, "is damaged", id="cut"),
        pytest.param(
            lambda path: path.write_text("hello " * 100), "is not a datafile of testmon", id="text"
        ),
        pytest.param(lambda path: path.touch(), "is empty", id="empty"),
    ],
)
def test_refused(path: Path, make: Callable[[Path], None], words: str, mode: Mode) -> None:
    make(path)
    before = path.read_bytes()
    with pytest.raises(DatafileError) as caught:
        Datafile.open(path, mode, create=True)
    message = str(caught.value)
    assert message.startswith(f"{path} {words}")
    assert "\n" not in message
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatafileError, match="is a folder"):
        Datafile.open(tmp_path, "write", create=True)


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_missing_file_is_missing(path: Path, mode: Mode) -> None:
    with pytest.raises(MissingDatafile, match="run testmon collect first"):
        Datafile.open(path, mode)
    assert not path.exists()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatafileError, match="there is no folder"):
        Datafile.open(tmp_path / "no" / "file", "write", create=True)


@pytest.mark.parametrize(
    "url", ["postgresql://host/db", "mysql+pymysql://host/db", "sqlite://", "", ":memory:"]
)
def test_other_locations_are_refused(url: str) -> None:
    with pytest.raises(DatafileError, match="give a path or sqlite:///PATH"):
        Datafile.open(url, "write", create=True)


def test_an_sqlite_url_names_the_path(path: Path) -> None:
    Datafile.open(f"sqlite:///{path}", "write", create=True).close()
    assert path.exists()


def test_odd_names_are_names(tmp_path: Path) -> None:
    path = tmp_path / "a?b#c%20 ü.db"
    with Datafile.open(path, "write", create=True) as datafile:
        datafile.begin_run(start())
    with Datafile.open(path) as datafile:
        assert len(datafile.runs()) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_creation_does_not_replace_what_another_process_made(path: Path) -> None:
    with Datafile.open(path, "write", create=True) as datafile:
        datafile.begin_run(start())
    opening.create(path)
    with Datafile.open(path) as datafile:
        assert len(datafile.runs()) == 1
    assert list(path.parent.iterdir()) == [path]


def test_a_reader_cannot_write(path: Path) -> None:
    Datafile.open(path, "write", create=True).close()
    with Datafile.open(path) as datafile, pytest.raises((DatafileError, sqlite3.OperationalError)):
        datafile.begin_run(start())


def test_a_full_disk_is_said_and_loses_nothing(path: Path) -> None:
    with Datafile.open(path, "write", create=True) as datafile:
        whole_run(datafile, 1.0, "test_one")
    before = path.read_bytes()
    with Datafile.open(path, "write") as datafile:
        datafile._connection.driver.execute("PRAGMA max_page_count = 1")
        names = [f"test_{number}" for number in range(500)]
        with pytest.raises(DatafileError, match="the disk is full"):
            whole_run(datafile, 2.0, *names, failure="x" * 999)
        assert len(datafile.executions(LINUX)) == 1
    with Datafile.open(path) as datafile:
        assert len(datafile.executions(LINUX)) == 1
    assert path.stat().st_size == len(before)


def _run_as_nobody(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.fixture
def locked_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A datafile in a folder that nobody can write to but anybody can read."""
    folder = tmp_path_factory.mktemp("locked")
    path = folder / ".testmondata"
    with Datafile.open(path, "write", create=True) as datafile:
        whole_run(datafile, 1.0, "test_one")
    for parent in path.parents:
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(0o711)
    folder.chmod(0o555)
    path.chmod(0o444)
    return path


_OPEN = """
import os, sys
sys.path.insert(0, {root!r})
from testmon_cli.storage.datafile import Datafile, DatafileError
if os.geteuid() == 0:  # permissions do not hold for root
    os.setgid({nobody})
    os.setuid({nobody})
try:
    with Datafile.open({path!r}, {mode!r}, create=True) as datafile:
        print(len(datafile.runs()))
except DatafileError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_read_only_folder_can_be_read_and_not_written(locked_folder: Path) -> None:
    root = str(Path(__file__).parents[2])
    before = locked_folder.read_bytes()
    assert (
        _run_as_nobody(
            _OPEN.format(root=root, nobody=_NOBODY, path=str(locked_folder), mode="read")
        )
        == "1\n"
    )
    answer = _run_as_nobody(
        _OPEN.format(root=root, nobody=_NOBODY, path=str(locked_folder), mode="write")
    )
    assert answer.startswith(f"{locked_folder} or its folder is read-only: make both writable")
    new = locked_folder.with_name("new")
    answer = _run_as_nobody(_OPEN.format(root=root, nobody=_NOBODY, path=str(new), mode="write"))
    assert answer.startswith(f"{new} cannot be created (Permission denied)")
    assert locked_folder.read_bytes() == before
    assert list(locked_folder.parent.iterdir()) == [locked_folder]
