"""What keeps a datafile in order."""

import json
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from testmon_cli.application import db
from testmon_cli.domain.errors import DatafileError
from testmon_cli.storage import maintenance
from testmon_cli.storage.datafile import Datafile
from tests.conftest import Project
from tests.storage.rows import LINUX, table_sizes, whole_run

SUITE = {
    "pyproject.toml": "",
    "test_it.py": "def test_one():\n    pass\n\n\ndef test_two():\n    assert False, 'boo'\n",
}


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("collected"))
    project.write(SUITE)
    assert project.testmon("collect").code == 1
    return project


@pytest.fixture
def place(collected: Project, tmp_path: Path) -> Project:
    shutil.copytree(collected.path, tmp_path / "place")
    return Project(tmp_path / "place")


def _flip(path: Path, chance: random.Random, *, sealed: bool = True) -> None:
    data = bytearray(path.read_bytes())
    place = chance.randrange(100, len(data))
    data[place] ^= 1 << chance.randrange(8)
    if not sealed:
        data[60:64] = bytes(4)
    path.write_bytes(data)


def test_current_check_and_upgrade_of_what_is_in_order(place: Project) -> None:
    before = (place.path / ".testmondata").read_bytes()
    said = json.loads(place.testmon("db", "current", "--json").out)
    assert (said["version"], said["current"], said["seal"], said["size"]) == (
        1,
        True,
        "whole",
        len(before),
    )
    checked = place.testmon("db", "check")
    assert (checked.code, checked.err) == (0, "")
    assert checked.out.endswith("is whole: 2 executions, and all that they rely on, can be read\n")
    upgraded = json.loads(place.testmon("db", "upgrade", "--json").out)
    assert (upgraded["from"], upgraded["backup"]) == (said["schema"], None)
    repaired = place.testmon("db", "repair", "-o", "new")
    assert (repaired.code, repaired.out.endswith("is whole: nothing to repair\n")) == (0, True)
    assert (place.path / ".testmondata").read_bytes() == before
    assert not (place.path / "new").exists()


def test_an_older_datafile_is_upgraded_with_a_copy(place: Project) -> None:
    from testmon_cli.storage import migrating

    path = place.path / ".testmondata"
    with closing(sqlite3.connect(path, isolation_level=None)) as driver:
        migrating.downgrade(driver, migrating.revisions()[-2])
    assert "run `testmon db upgrade`" in place.testmon("db", "current").out
    old = place.testmon("db", "check")
    assert (old.code, "values were not checked, run db upgrade" in old.out) == (65, True)
    done = json.loads(place.testmon("db", "upgrade", "--json").out)
    assert Path(done["backup"]).is_file()
    assert place.testmon("db", "check").code == 0


def test_a_datafile_that_is_damaged_is_told_and_what_can_be_read_is_saved(place: Project) -> None:
    _flip(place.path / ".testmondata", random.Random(3))
    damaged = (place.path / ".testmondata").read_bytes()
    checked = place.testmon("db", "check", "--json")
    assert checked.code == 65
    assert "the checksum does not match" in json.loads(checked.out)["problems"][0]
    assert place.testmon("db", "backup", "-o", "copy").code == 65
    saved = json.loads(place.testmon("db", "repair", "-o", "new", "--json").out)
    assert saved["saved"] == {"runs": 1, "executions": 2}
    assert (place.path / ".testmondata").read_bytes() == damaged
    assert place.testmon("db", "repair", "-o", "new").code == 65
    selected = place.testmon("--datafile", "new", "select").out
    assert sorted(selected.split()) == ["test_it.py::test_one", "test_it.py::test_two"]
    assert "boo" in place.testmon("--datafile", "new", "report").out
    assert place.testmon("--datafile", "new", "collect").code == 1
    assert place.testmon("--datafile", "new", "select").out == "test_it.py::test_two\n"


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("count", [15, pytest.param(1_000, marks=pytest.mark.slow)])
def test_no_flipped_bit_gives_a_traceback_and_none_is_taken_for_what_it_was(
    collected: Project, tmp_path: Path, sealed: bool, count: int
) -> None:
    chance = random.Random(count)
    path, target = tmp_path / "datafile", tmp_path / "new"
    for _ in range(count):
        shutil.copy(collected.path / ".testmondata", path)
        _flip(path, chance, sealed=sealed)
        try:
            checked, saved = db.repair(str(path), str(target))
        except DatafileError:
            continue  # SQLite cannot even open it
        assert bool(checked.problems) or not sealed
        if saved is not None:
            assert all(count <= 1000 for count in table_sizes(target).values())
            with Datafile.open(target) as datafile:
                for environment in datafile.environments():
                    assert all(
                        e.unknown == maintenance.SAVED for e in datafile.executions(environment)
                    )
            target.unlink()
        for left in tmp_path.glob("datafile-*"):
            left.unlink()


def test_a_backup_is_made_while_somebody_writes(tmp_path: Path) -> None:
    path, copy = tmp_path / "datafile", tmp_path / "copy"
    with Datafile.open(path, "write", create=True) as writing:
        whole_run(writing, 50.0, "test_one")
        with writing.uniting():
            writing.begin_run(_start(60.0))
            db.backup(str(path), str(copy), 0.0)
        assert len(writing.runs()) == 2
    assert maintenance.state_of(copy).seal == "whole"
    with Datafile.open(copy) as datafile:
        assert [run.started for run in datafile.runs()] == [50.0]
    before = copy.read_bytes()
    with pytest.raises(DatafileError, match="is there already, it was left as it was"):
        db.backup(str(path), str(copy), 0.0)
    assert copy.read_bytes() == before


def test_vacuum_gives_room_back_beside_one_who_writes(tmp_path: Path) -> None:
    path = tmp_path / "datafile"
    with Datafile.open(path, "write", create=True) as writing:
        run = whole_run(writing, 50.0, "test_one")
        writing.set_facts(run, {"plugins": [str(number) * 20 for number in range(50_000)]})
        writing.set_facts(run, {})
        with closing(sqlite3.connect(path)) as driver:
            driver.execute("DELETE FROM fact_set WHERE id NOT IN (SELECT fact_set_id FROM run)")
            driver.commit()
        maintenance.vacuum(path)
        writing.begin_run(_start(60.0))
    assert path.stat().st_size < 300_000
    assert maintenance.state_of(path).seal == "whole"
    with Datafile.open(path) as datafile:
        assert [run.started for run in datafile.runs()] == [60.0, 50.0]


def _start(started: float) -> object:
    from tests.storage.rows import start

    return start(started, LINUX)
