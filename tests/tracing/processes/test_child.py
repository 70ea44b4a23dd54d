"""Processes that tests start count for the test, however they end."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import testmon_cli
from testmon_cli.tracing import wire
from testmon_cli.tracing.processes import child
from testmon_cli.tracing.settings import IDENTITY_VARIABLE, VARIABLE
from tests.tracing.projects import Project, read
from tests.tracing.pytest_plugin.test_plugin import functions

PACKAGE = Path(testmon_cli.__file__).parent
APP = """\
import os, signal, sys, time

def work(x=0):
    return deeper(x)

def deeper(x):
    return x + 1

def leave():
    work()
    os._exit(3)

def hang():
    work()
    print("ready", flush=True)
    time.sleep(60)

if __name__ == "__main__":
    globals()[sys.argv[1]]()
"""
LATE, LATER = "def late(): pass\n", "def later(): pass\n"
TESTS = """\
import multiprocessing, os, signal, subprocess, sys
import concurrent.futures
import app

def run(*words, **named):
    return subprocess.run([sys.executable, *words], **named).returncode

def test_run(): assert run("-c", "import app; app.work()") == 0
def test_module(): assert run("-m", "app", "work") == 0
def test_script(): assert run("app.py", "work") == 0
def test_exit(): assert run("-c", "import app; app.leave()") == 3
def test_kill():
    process = subprocess.Popen([sys.executable, "-c", "import app; app.hang()"], stdout=subprocess.PIPE)
    assert process.stdout.readline().strip() == b"ready"
    process.kill()
    process.wait()
    process.stdout.close()
def test_environ():
    env = {**os.environ, "PYTHONPATH": os.getcwd()}
    assert run("-c", "import app, os; app.work(); assert len(os.environ['PYTHONPATH']) > 1", env=env) == 0
SHOW = "import app, os; app.work(); print(sorted(os.environ))"
def test_scratch():
    env = {"A": "1", "B": "2"}
    shown = subprocess.run([sys.executable, "-c", SHOW], env=env, capture_output=True, text=True).stdout
    assert "'A', 'B'" in shown and "TESTMON" not in shown and "PYTHONPATH" not in shown
def test_scratch_isolated(): assert run("-E", "-c", "pass", env={"PATH": os.environ["PATH"]}) == 0
def test_scratch_shell():
    code = "import os, sys; os.system(sys.executable + ' -c pass')"
    assert run("-c", code, env={"PATH": os.environ["PATH"]}) == 0
def test_no_environ(monkeypatch):
    monkeypatch.setattr(os, "environ", {})
    assert run("-c", "import app; app.work()") == 0
    assert os.environ == {}
def test_empty_environ(monkeypatch):
    for name in list(os.environ):
        monkeypatch.delenv(name)
    assert run("-c", "import app; app.work()") == 0
    assert not os.environ
def test_shebang(tmp_path):
    script = tmp_path / "isolated"
    script.write_text(f"#!{sys.executable} -I\\n")
    script.chmod(0o755)
    assert subprocess.run([str(script)]).returncode == 0
def test_isolated(): assert run("-I", "-c", "pass") == 0
def test_nested():
    assert run("-c", "import subprocess, sys; subprocess.run([sys.executable, '-m', 'app', 'work'])") == 0
def test_fork():
    pid = os.fork()
    if not pid:
        app.work()
        os._exit(0)
    os.waitpid(pid, 0)
def test_pool():
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.map(app.work, [1]) == [2]
def test_spawn():
    process = multiprocessing.get_context("spawn").Process(target=app.work)
    process.start()
    process.join()
    assert process.exitcode == 0
def test_lazy_in_fork():
    pid = os.fork()
    if not pid:
        import late
        late.late()
        os._exit(0)
    os.waitpid(pid, 0)
def killed(*steps):
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        for step in steps:
            step()
        os.write(writer, b"x")
        os.read(os.pipe()[0], 1)
    os.read(reader, 1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
def load():
    import later
    later.later()
def test_killed_fork(): killed(app.work)
def test_lazy_in_killed_fork(): killed(load)
def test_kill_after_import():
    code = "import late; late.late(); import app; app.hang()"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout.readline().strip() == b"ready"
    process.kill()
    process.wait()
    process.stdout.close()
def test_last(): pass
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_processes(project: Project) -> None:
    project.write({"app.py": APP, "late.py": LATE, "later.py": LATER, "test_p.py": TESTS})

    recorded = project.collect(
        "-W", "ignore", environ={"PYTHONPATH": f"{project.environ()['PYTHONPATH']}"}
    )

    assert recorded.exitcode == 0, recorded.stdout
    ran = {
        nodeid.partition("::")[2].removeprefix("test_"): sorted(
            {
                name
                for path, names in functions(recorded, f"test:{nodeid}").items()
                if path != "test_p.py"
                for name in names
            }
        )
        for nodeid in recorded.outcomes()
    }
    work = ["deeper", "work"]
    assert ran == {
        "run": work,
        "module": work,
        "script": [],  # Python compiles it itself: the file counts as a whole
        "exit": ["deeper", "leave", "work"],
        "kill": ["deeper", "hang", "work"],
        "environ": work,
        "scratch": work,
        "scratch_isolated": [],
        "scratch_shell": [],
        "no_environ": work,
        "empty_environ": work,
        "shebang": [],
        "isolated": [],
        "nested": work,
        "fork": work,
        "pool": work,
        "spawn": work,
        "lazy_in_fork": ["late"],
        "killed_fork": work,
        "lazy_in_killed_fork": ["later"],
        "kill_after_import": ["deeper", "hang", "late", "work"],
        "last": [],
    }
    assert ("file", "app.py") in recorded.resources("test:test_p.py::test_script")
    unknown = {n.partition("::")[2]: recorded.unknown(f"test:{n}") for n in recorded.outcomes()}
    assert {name: reasons for name, reasons in unknown.items() if reasons} == {
        "test_isolated": {"a Python subprocess was not traced: it was started with -I"},
        "test_scratch_isolated": {
            "a Python subprocess was not traced: its environment was made from scratch"
        },
        "test_scratch_shell": {
            "a Python subprocess was not traced: its environment was made from scratch"
        },
        "test_shebang": {"a Python subprocess was not traced: it was started with -I"},
    }
    (spool,) = project.root.parent.glob("*-spool-*")
    # of those that were killed and had something of their own to tell
    assert len(list(spool.glob("*.owner"))) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_killed_child_of_the_coverage_engine_is_unknown(project: Project) -> None:
    project.write({"app.py": APP, "test_p.py": TESTS})

    recorded = project.collect(
        "-W", "ignore", "-k", "(test_kill or exit or test_fork) and not after", engine="coverage"
    )

    assert recorded.exitcode == 0, recorded.stdout
    assert functions(recorded, "test:test_p.py::test_exit")["app.py"] == ["deeper", "leave", "work"]
    assert functions(recorded, "test:test_p.py::test_fork")["app.py"] == ["deeper", "work"]
    assert recorded.unknown("test:test_p.py::test_kill") == {
        "a Python subprocess was killed before it could tell what it ran"
    }
    assert recorded.unknown("test:test_p.py::test_fork") == set()


def test_a_process_that_may_write_no_more_is_spoken_for(project: Project) -> None:
    steps = "import app, resource; app.work(); resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"
    project.write({
        "app.py": APP,
        "test_a.py": f"""\
import subprocess, sys

def test_a():
    done = subprocess.run([sys.executable, "-c", {steps!r}], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
""",
    })  # fmt: skip

    recorded = project.collect(engine="probes")

    assert recorded.outcomes() == {"test_a.py::test_a": "passed"}, recorded.stdout
    assert functions(recorded, "test:test_a.py::test_a")["app.py"] == ["deeper", "work"]


def test_a_collect_within_a_test_is_its_own(project: Project, tmp_path: Path) -> None:
    spool = tmp_path / "inner"
    spool.mkdir()
    project.write({
        "app.py": APP,
        "inner/test_inner.py": "import app\ndef test_inner():\n    app.work()\n",
        "test_a.py": f"""\
import os, subprocess, sys
from testmon_cli.tracing.processes import launch
from testmon_cli.tracing.settings import TraceSettings

def test_a():
    settings = TraceSettings(spool={str(spool)!r}, root=os.getcwd())
    env = launch.environment(settings, os.environ)
    done = subprocess.run(launch.command(["inner"]), env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
""",
    })  # fmt: skip

    recorded = project.collect("test_a.py", engine="probes")

    assert recorded.outcomes() == {"test_a.py::test_a": "passed"}, recorded.stdout
    assert recorded.unknown("test:test_a.py::test_a") == {
        "a Python subprocess was traced for another `testmon collect`"
    }
    inner = [record for path in spool.glob("*.spool") for record in read(path)]
    assert [record.nodeid for record in inner if isinstance(record, wire.Outcome)] == [
        "inner/test_inner.py::test_inner"
    ]


def test_testmon_sees_its_own_tests(project: Project) -> None:
    shutil.copytree(
        PACKAGE, project.root / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__")
    )
    project.write({"test_own.py": """\
import subprocess, sys
from testmon_cli.analysis import checksums
from testmon_cli.tracing import settings
from testmon_cli.tracing.pytest_plugin import plugin

CHILD = "from testmon_cli.tracing import spool; spool.Spool('.')"

def test_analysis():
    assert checksums.content_digest(b"")

def test_tracing():
    assert settings.matches("app.py", ("*.py",))
    assert plugin.recording.current() is None

def test_child():
    subprocess.run([sys.executable, "-c", CHILD], check=True)

def test_plugin():
    options = ["-p", "testmon_cli.tracing.pytest_plugin.plugin", "test_own.py::test_analysis"]
    subprocess.run([sys.executable, "-m", "pytest", *options], check=True)
"""})  # fmt: skip

    recorded = project.collect("--verbose", engine="probes")

    assert set(recorded.outcomes().values()) == {"passed"}, recorded.stdout
    for name, path, function in (
        ("analysis", "analysis/checksums.py", "content_digest"),
        ("tracing", "tracing/settings.py", "matches"),
        ("child", "tracing/spool.py", "Spool.__init__"),
        ("plugin", "tracing/pytest_plugin/plugin.py", "pytest_configure"),
    ):
        identity = f"test:test_own.py::test_{name}"
        assert function in functions(recorded, identity)[f"testmon_cli/{path}"]
    assert "testmon_cli/tracing/recorder.py" not in functions(
        recorded, "test:test_own.py::test_analysis"
    )
    assert {
        reason for r in recorded.records if isinstance(r, wire.Trace) for reason in r.unknown
    } == set()


def test_a_sitecustomize_of_the_user_still_runs(project: Project) -> None:
    project.write(
        {
            "site/sitecustomize.py": "import builtins\nbuiltins.SEEN = True\n",
            "test_s.py": "import subprocess, sys\n"
            "def test_s():\n"
            "    code = 'import sys; assert SEEN; assert not any(\"bootstrap\" in p for p in sys.path)'\n"
            "    subprocess.run([sys.executable, '-c', code], check=True)\n",
        }
    )
    path = os.pathsep.join([str(project.root / "site"), project.environ()["PYTHONPATH"]])

    assert project.collect(environ={"PYTHONPATH": path}).outcomes() == {
        "test_s.py::test_s": "passed"
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param([sys.executable, "-c", "x"], "", id="code"),
        pytest.param([sys.executable, "-m", "x", "-I"], "", id="option of the module"),
        pytest.param([sys.executable, "-W", "error", "x.py"], "", id="other option"),
        pytest.param(
            [sys.executable, "-sE", "x.py"],
            "a Python subprocess was not traced: it was started with -sE",
            id="E",
        ),
        pytest.param(["git", "-I"], "", id="no Python"),
    ],
)
def test_why_a_process_goes_unseen(words: list[str], expected: str) -> None:
    assert child.why_unseen(words[0], words, {VARIABLE: "{}"}) == expected


def test_workers_of_xdist(project: Project) -> None:
    pytest.importorskip("xdist")
    project.write(
        {
            "app.py": APP,
            "conftest.py": "import app, pytest\n@pytest.fixture(scope='session')\ndef base():\n    return app.work()\n",
            "test_x.py": "import app, os\n"
            "def test_a(base): pass\ndef test_b(base): assert 0\ndef test_c(): app.deeper(1)\n"
            "def test_crash():\n    os.kill(os.getpid(), 9)\ndef test_d(base): pass\n",
        }
    )

    recorded = project.collect("-p", "xdist", "-n", "2", "--dist", "load")

    assert recorded.outcomes() == {
        "test_x.py::test_a": "passed",
        "test_x.py::test_b": "failed",
        "test_x.py::test_c": "passed",
        "test_x.py::test_crash": "failed",
        "test_x.py::test_d": "passed",
    }
    assert recorded.exitcode == 1
    for name in ("a", "b", "d"):
        (use,) = recorded.uses(f"test:test_x.py::test_{name}") - {"session:"}
        assert functions(recorded, use) == {"app.py": ["deeper", "work"], "conftest.py": ["base"]}
    assert functions(recorded, "test:test_x.py::test_c") == {
        "app.py": ["deeper"],
        "test_x.py": ["test_c"],
    }
    (ended,) = [r for r in recorded.records if isinstance(r, wire.Ended)]
    assert {"app", "test_x"} <= set(ended.modules)
    assert len([r for r in recorded.records if isinstance(r, wire.Session)]) == 1


def test_a_process_that_cannot_be_traced_says_so(tmp_path: Path) -> None:
    settings = json.dumps({"spool": str(tmp_path)})  # no root: a failure of ours
    environ = {
        VARIABLE: settings,
        IDENTITY_VARIABLE: "test:test_a.py::test_a",
        "PYTHONPATH": child.BOOTSTRAP,
    }
    subprocess.run(
        [sys.executable, "-c", "print('runs')"], env={**os.environ, **environ}, check=True
    )

    (path,) = tmp_path.iterdir()
    ((record,), _) = wire.decode(path.read_bytes())

    assert isinstance(record, wire.Trace)
    assert record.identity == "test:test_a.py::test_a"
    assert record.unknown[0].startswith("a Python subprocess was not traced: TypeError")
