"""What collect stores and never forgets, shown by what select prints afterwards."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from testmon_cli.cli import main
from testmon_cli.tracing.settings import CACHE_FOLDER
from tests.conftest import Answer, Project

Select = Callable[..., list[str]]

SHOP = "def price(x):\n    return x * 2\n\n\ndef name(x):\n    return x.strip()\n"
PRICE = "import shop\n\n\ndef test_price():\n    assert shop.price(2) == 4\n"
NAME = "import shop\n\n\ndef test_name():\n    assert shop.name('a') == 'a'\n"
TEST_PRICE, TEST_NAME = "test_price.py::test_price", "test_name.py::test_name"
# What a test waits in until it is told that it may go on, having told that it started.
SLOW = """
    import pathlib
    import time


    def test_first(): pass


    def test_slow():
        pathlib.Path("started").touch()
        time.sleep(60)


    def test_last(): pass
    """


@pytest.fixture
def select(project: Project, capsys: pytest.CaptureFixture[str]) -> Select:
    """Run `testmon select` with options and give its lines."""

    def run(*options: str) -> list[str]:
        code = main(["-C", str(project.path), "select", *options])
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return sorted(out.splitlines())

    return run


@pytest.fixture(scope="module")
def _collected_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("collected"))
    project.write(
        {"pyproject.toml": "", "shop.py": SHOP, "test_price.py": PRICE, "test_name.py": NAME}
    )
    assert project.testmon("collect", "-q").code == 0
    return project.path


@pytest.fixture
def shop(_collected_once: Path, project: Project) -> Project:
    """A project of two tests that were collected."""
    shutil.copytree(_collected_once, project.path, dirs_exist_ok=True)
    return project


def test_a_run_of_part_of_the_suite_forgets_nothing(shop: Project, select: Select) -> None:
    assert select() == []
    shop.edit("shop.py", "x * 2", "x * 3")
    assert shop.testmon("collect", "-q", "test_name.py").code == 0
    assert select() == [TEST_PRICE]
    shop.edit("shop.py", "x.strip()", "x.lstrip()")
    assert shop.testmon("collect", "-q", "-k", "price").code == 1
    assert select("--no-failed") == [TEST_NAME]
    assert select() == [TEST_NAME, TEST_PRICE]


def test_a_failure_is_selected_until_it_passes_and_going_back_selects_nothing(
    shop: Project, select: Select
) -> None:
    shop.edit("shop.py", "x * 2", "x * 3")
    shop.edit("shop.py", "x.strip()", "x.lstrip()")
    assert shop.testmon("collect", "-q", "-x", "test_price.py", "test_name.py").code == 1
    assert select("--explain") == [
        f"{TEST_NAME}  runs shop.py::name, changed at shop.py:5",
        f"{TEST_PRICE}  failed last time",
    ]
    shop.write({"shop.py": SHOP})
    assert select() == []


def test_an_older_run_of_the_same_sources_excuses_no_test(
    project: Project, select: Select, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What a test runs may depend on what nobody can see: then its last run counts."""
    unseen = tmp_path_factory.mktemp("elsewhere") / "unseen"
    code = f"import pathlib, shop\n\n\ndef test_it():\n    pathlib.Path({str(unseen)!r}).exists() and shop.price(2)\n"
    project.write({"shop.py": SHOP, "test_it.py": code})
    assert project.testmon("collect", "-q").code == 0
    unseen.touch()
    assert project.testmon("collect", "-q").code == 0

    project.edit("shop.py", "x * 2", "x * 3")

    assert select() == ["test_it.py::test_it"]


def test_git_does_not_see_what_is_kept_of_sources(shop: Project) -> None:
    subprocess.run(["git", "init", "-q"], cwd=shop.path, check=True)
    asked = ["git", "status", "--porcelain", "--untracked-files=all", CACHE_FOLDER]

    assert list((shop.path / CACHE_FOLDER).rglob("shop.py.*"))
    assert (
        subprocess.run(asked, cwd=shop.path, check=True, capture_output=True, text=True).stdout
        == ""
    )


def test_select_runs_what_is_affected_and_remembers_it(shop: Project, select: Select) -> None:
    nothing = Answer(0, "testmon: nothing is affected, no test to run\n", "")
    assert shop.testmon("collect", "--select") == nothing
    shop.edit("shop.py", "x * 2", "2 * x")
    answer = shop.testmon("collect", "--select", "-q")
    assert (answer.code, answer.out.splitlines()[-1].partition(" in ")[0]) == (0, "1 passed")
    assert select() == []
    shop.edit("shop.py", "2 * x", "x + x")
    assert shop.testmon("collect", "--select", "-q", "test_name.py") == nothing
    assert select() == [TEST_PRICE]


def test_select_takes_sources_and_leaves_values_of_options_alone(shop: Project) -> None:
    def ran(*arguments: str) -> str:
        return (
            shop.testmon("collect", "--select", "-q", *arguments)
            .out.splitlines()[-1]
            .partition(" in ")[0]
        )

    shop.edit("shop.py", "x * 2", "2 * x")
    shop.edit("shop.py", "x.strip()", "x.strip( ).strip()")
    (shop.path / "price").mkdir()  # named like a word of -k
    assert ran("-k", "price", "shop.py") == "1 passed, 1 deselected"
    (shop.path / ".testmondata").unlink()
    assert ran("shop.py") == "2 passed"  # pytest would find no test in it
    (shop.path / ".testmondata").unlink()
    assert ran("test_name.py") == "1 passed"


def test_tests_that_a_first_run_left_out_are_pending(project: Project, select: Select) -> None:
    project.write(
        {
            "shop.py": SHOP,
            "test_price.py": PRICE,
            "test_name.py": NAME + "\n\ndef test_other(): assert 0\n",
        }
    )
    assert project.testmon("collect", "-q", "-k", "other or price", "-x").code == 1
    assert select("--no-failed", "test_name.py", "--explain") == [
        "test_name.py::test_name  collected, but never run"
    ]
    assert select("test_price.py") == ["test_price.py"]


def test_what_node_ids_leave_out_of_a_file_is_pending(project: Project, select: Select) -> None:
    text = """
        import pytest


        class Base:
            def test_one(self): pass
            def test_two(self): pass


        class TestMore(Base): pass


        def test_a(): pass
        def test_b(): pass


        @pytest.mark.parametrize("x", [1, 2])
        def test_x(x): pass
        """
    project.write({"test_a.py": text})
    asked = ["test_a.py::test_a", "test_a.py::test_x[1]", "test_a.py::TestMore::test_one"]
    assert project.testmon("collect", "-q", *asked).code == 0
    assert select() == ["test_a.py"]
    assert select("-k", "not more", "--explain") == [
        "test_a.py::test_b  left out when its file was collected",
        "test_a.py::test_x  left out when its file was collected",
    ]
    assert project.testmon("collect", "--select", "-q").code == 0
    assert select() == []
    project.edit("test_a.py", "def test_b(): pass", "def test_b(): pass\n\ndef test_c(): pass")
    (project.path / "ids.txt").write_text("test_a.py::test_a\n", encoding="utf-8")
    assert project.testmon("collect", "-q", "@ids.txt").code == 0
    assert select() == ["test_a.py::test_c"]


def test_names_that_only_look_like_tests_are_not_selected_twice(
    project: Project, select: Select
) -> None:
    odd = """
        import unittest.mock

        test_data = unittest.mock.sentinel.data


        class TestHelper:
            test_x = 1

            def __init__(self): pass


        def test_real(): pass
        """
    project.write({"test_odd.py": odd, "test_nothing.py": "X = 1\n"})
    assert project.testmon("collect", "-q").code == 0
    assert select() == []
    project.edit("test_odd.py", "sentinel.data", "sentinel.other")
    project.testmon("collect", "--select", "-q")
    assert select() == []


def test_a_file_that_cannot_be_collected_is_selected_until_it_can(
    project: Project, select: Select
) -> None:
    project.write(
        {
            "test_a.py": "def test_a(): pass\n",
            "test_bad.py": "import nosuch\n\n\ndef test_bad(): pass\n",
        }
    )
    assert project.testmon("collect", "-q").code == 2
    assert "test_bad.py  could not be collected last time" in select("--explain")
    project.edit("test_bad.py", "import nosuch\n", "")
    assert project.testmon("collect", "--select", "-q").code == 0
    assert select() == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["-k", "nosuch"], 5, id="no-tests"),
        pytest.param(["nosuch.py"], 4, id="usage-of-pytest"),
        pytest.param(["--engine", "nosuch"], 64, id="usage-of-ours"),
    ],
)
def test_the_exit_code_is_that_of_pytest(project: Project, arguments: list[str], code: int) -> None:
    project.write({"test_a.py": "def test_a(): pass\n"})
    assert project.testmon("collect", "-q", *arguments).code == code


# Runs that are ended from outside


def _started(project: Project) -> subprocess.Popen[str]:
    """A collect of the slow tests, of a process group of its own, at the second test."""
    command = [sys.executable, "-m", "testmon_cli", "collect", "-q", "test_slow.py"]
    process = subprocess.Popen(
        command, cwd=project.path, start_new_session=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        # it is ignored by what a script starts with &
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    for _ in range(600):
        if (project.path / "started").exists():
            time.sleep(1.5)  # for a transaction with the first test
            return process
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    raise AssertionError(f"the slow test did not start: {process.communicate()[0]}")


def _children(pid: int) -> list[int]:
    return [
        int(child)
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    ]


@pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finds the process of pytest in /proc"
)
@pytest.mark.parametrize(
    ("how", "code"),
    [
        pytest.param("interrupt", 2, id="interrupt"),
        pytest.param("pytest", 128 + signal.SIGKILL, id="kill-pytest"),
        pytest.param("both", -signal.SIGKILL, id="kill-both"),
    ],
)
def test_a_run_that_is_ended_keeps_what_finished_and_forgets_nothing(
    shop: Project, select: Select, how: str, code: int
) -> None:
    shop.edit("shop.py", "x * 2", "2 * x")
    shop.write({"test_slow.py": SLOW})
    process = _started(shop)
    if how == "interrupt":
        os.killpg(process.pid, signal.SIGINT)
    else:
        for pid in [process.pid] * (how == "both") + _children(process.pid):
            os.kill(pid, signal.SIGKILL)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in output) == (code, False), output
    assert select() == [TEST_PRICE, "test_slow.py::test_last", "test_slow.py::test_slow"]
