"""What project code reads besides code, seen in real runs."""

import os
from pathlib import Path

import pytest

from testmon_cli.tracing import wire
from testmon_cli.tracing.watch.states import directory_state, environment_state, file_state
from tests.tracing.projects import Project

READS = """\
import configparser, glob, os, pathlib, runpy, sqlite3, subprocess
import loader

DATA = pathlib.Path(__file__).parent / "data"

def test_open():
    assert loader.load(DATA / "one.txt") == "one"

def test_library():
    configparser.ConfigParser().read(DATA / "conf.ini")

def test_missing():
    assert loader.load(DATA / "none.txt") is None

def test_exists():
    assert (DATA / "one.txt").exists() and not os.path.exists(DATA / "two.txt") and os.path.isdir(DATA)

def test_relative(monkeypatch):
    monkeypatch.chdir(DATA)
    open("one.txt").close()

def test_list():
    assert sorted(os.listdir(DATA))
    assert list(DATA.iterdir())

def test_glob():
    assert glob.glob(str(DATA / "*.txt"))

def test_written():
    path = DATA / "made.txt"
    path.write_text("x")
    assert path.read_text() == "x"
    os.rename(path, DATA / "moved.txt")
    assert (DATA / "moved.txt").read_text() == "x"
    (DATA / "moved.txt").unlink()
    folder = DATA / "made"
    folder.mkdir()
    (folder / "a").write_text("")
    assert os.listdir(folder) == ["a"]
    (folder / "a").unlink()
    folder.rmdir()

def test_appended():
    with open(DATA / "log.txt", "a+") as handle:
        handle.seek(0)
        handle.read()

def test_run_path():
    runpy.run_path(str(DATA / "script.py"))

def test_command():
    subprocess.run(["true", "data/one.txt"], cwd=DATA.parent, check=True)

def test_outside(tmp_path):
    (tmp_path / "x").write_text("x")
    open(os.devnull).close()

def test_nothing():
    import lazily

def test_database():
    sqlite3.connect(DATA / "base.db").close()
"""


def test_files_and_folders(project: Project) -> None:
    project.write(
        {
            "loader.py": "def load(path):\n    try:\n        with open(path) as f:\n            return f.read()\n"
            "    except OSError:\n        return None\n",
            "lazily.py": "",
            "data/one.txt": "one",
            "data/conf.ini": "",
            "data/log.txt": "l",
            "data/script.py": "x = 1\n",
            "data/base.db": "",
            "test_r.py": READS,
        }
    )
    data = project.root / "data"
    listing = directory_state(str(data))

    recorded = project.collect("-p", "no:cacheprovider", ignore_files=("*.ignored",))

    one = file_state(str(data / "one.txt"))
    assert recorded.exitcode == 0, recorded.stdout
    assert {
        nodeid.partition("::")[2]: recorded.resources(f"test:{nodeid}")
        for nodeid in recorded.outcomes()
    } == {
        "test_open": {("file", "data/one.txt"): one},
        "test_library": {("file", "data/conf.ini"): file_state(str(data / "conf.ini"))},
        "test_missing": {("file", "data/none.txt"): "missing"},
        "test_exists": {
            ("file", "data/one.txt"): "exists",
            ("file", "data/two.txt"): "missing",
            ("file", "data"): "exists",
        },
        "test_relative": {("file", "data/one.txt"): one},
        "test_list": {("directory", "data"): listing},
        "test_glob": {("directory", "data"): listing},
        "test_written": {},
        "test_appended": {("file", "data/log.txt"): file_state(str(data / "log.txt"))},
        "test_run_path": {("file", "data/script.py"): file_state(str(data / "script.py"))},
        "test_command": {("file", "data/one.txt"): one},
        "test_outside": {},
        "test_nothing": {},
        "test_database": {("file", "data/base.db"): file_state(str(data / "base.db"))},
    }
    (trace,) = recorded.traces("test:test_r.py::test_open")
    assert trace.resources[0].frames == (
        (str(project.root / "loader.py"), "load", 3),
        (str(project.root / "test_r.py"), "test_open", 7),
    )


def test_who_looks_for_distributions_relies_on_no_other_name_in_the_folder(
    project: Project,
) -> None:
    project.write(
        {
            "conftest.py": "import os, sys\nsys.path.insert(0, os.path.dirname(__file__))\n",
            "test_d.py": "import importlib.metadata, pathlib\n"
            "def ask(): importlib.metadata.entry_points(group='none')\n"
            "def test_first(): ask()\n"
            "def test_kept(): ask()\n"
            "def test_listed_anew():\n    pathlib.Path('made').touch()\n    ask()\n    pathlib.Path('made').unlink()\n",
        }
    )

    recorded = project.collect()

    found = {nodeid: set(recorded.resources(f"test:{nodeid}")) for nodeid in recorded.outcomes()}
    looked = {("metadata", str(project.root))}
    assert found == {f"test_d.py::test_{name}": looked for name in ("first", "kept", "listed_anew")}


def test_what_a_module_reads_at_import_belongs_to_it(project: Project) -> None:
    project.write(
        {
            "conf.py": "import os\nTEXT = open('data.txt').read()\nMODE = os.environ.get('MODE')\n",
            "data.txt": "x",
            "test_m.py": "import conf\ndef test_m(): pass\n",
        }
    )

    recorded = project.collect()

    assert recorded.resources(f"module:{project.root / 'conf.py'}") == {
        ("file", "data.txt"): file_state(str(project.root / "data.txt")),
        ("environment", "MODE"): "unset",
    }
    assert recorded.resources("test:test_m.py::test_m") == {}


VARIABLES = """\
import os, pickle, copy, subprocess

def test_get(): assert os.environ.get("APP_SET") == "secret"
def test_getenv(): assert os.getenv("APP_UNSET") is None
def test_item(): assert os.environ["APP_SET"] == "secret"
def test_in(): assert "APP_UNSET" not in os.environ
def test_missing():
    try:
        os.environ["APP_UNSET"]
    except KeyError as error:
        assert error.args == ("APP_UNSET",)
def test_bytes(): assert os.environb[b"APP_SET"] == b"secret"
def test_copies():
    dict(os.environ), os.environ.copy(), list(os.environ.items()), {**os.environ}, os.environ | {}
    copy.deepcopy(os.environ), len(os.environ), list(os.environ)
def test_set_here(monkeypatch):
    monkeypatch.setenv("APP_UNSET", "1")
    monkeypatch.setenv("APP_SET", "other")
    assert os.environ["APP_UNSET"] == "1" and os.environ["APP_SET"] == "other"
def test_after(): assert os.environ["APP_SET"] == "secret"
def test_ours(): os.environ.get("PYTEST_CURRENT_TEST"), os.environ.get("APP_IGNORED")
def test_loop():
    for name, value in os.environ.items():
        pass
    return [(name, os.environ[name]) for name in os.environ]
def test_update():
    env = {}
    env.update(os.environ)
def test_after_copy():
    list(os.environ)
    assert os.environ[next(iter(dict(os.environ)))] != "APP"
    assert os.environ["APP_SET"] == "secret"
def test_path(): subprocess.run(["true"])
def test_path_of_ours(): os.environ["PATH"]
def test_loop():
    for name, value in os.environ.items():
        pass
    return [(name, os.environ[name]) for name in os.environ] and None
def test_update():
    env = {}
    env.update(os.environ)
def test_after_copy():
    list(os.environ), dict(os.environ)
    assert os.environ["APP_SET"] == "secret"
def test_path(): subprocess.run(["true"])
def test_path_of_ours(): os.environ["PATH"]
def test_library():
    import webbrowser, tempfile
    assert os.path.expandvars("$APP_SET") == "secret"
"""


def test_environment_variables(project: Project) -> None:
    project.write({"test_v.py": VARIABLES})
    key = "00ff" * 8

    recorded = project.collect(
        environ={"APP_SET": "secret"}, hash_key=key, ignore_environment=("APP_IGN*",)
    )

    assert recorded.exitcode == 0, recorded.stdout
    value = environment_state("secret", key)
    app = ("environment", "APP_SET")
    unset = {("environment", "APP_UNSET"): "unset"}
    found = {n.partition("::")[2]: recorded.resources(f"test:{n}") for n in recorded.outcomes()}
    found["test_library"] = {app: found["test_library"][app]}
    assert list(found.pop("test_path_of_ours")) == [("environment", "PATH")]
    assert found == {
        "test_get": {app: value},
        "test_getenv": unset,
        "test_item": {app: value},
        "test_in": unset,
        "test_missing": unset,
        "test_bytes": {app: value},
        "test_copies": {},
        "test_set_here": {},
        "test_after": {app: value},
        "test_ours": {},
        "test_loop": {},
        "test_update": {},
        "test_after_copy": {app: value},
        "test_path": {},
        "test_library": {app: value},
    }
    assert value != environment_state("secret", "11" * 16)
    assert "secret" not in repr([r for r in recorded.records if isinstance(r, wire.Trace)])


@pytest.mark.parametrize("name", ["__pycache__", ".testmondata", ".coverage.host.1", "a.pyc"])
def test_what_tools_leave_behind_is_not_in_a_listing(tmp_path: Path, name: str) -> None:
    before = directory_state(str(tmp_path))
    tmp_path.joinpath(name).mkdir()

    assert directory_state(str(tmp_path)) == before
    tmp_path.joinpath("new").touch()
    assert directory_state(str(tmp_path)) != before
    assert directory_state(str(tmp_path), without=("new",)) == before


def test_states_of_what_cannot_be_read(tmp_path: Path) -> None:
    assert file_state(str(tmp_path / "none")) == "missing"
    assert file_state(str(tmp_path)) == "exists"
    assert directory_state(str(tmp_path / "none")) == "missing"
    os.symlink(tmp_path / "none", tmp_path / "dangling")
    assert file_state(str(tmp_path / "dangling")) == "exists"
