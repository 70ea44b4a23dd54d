"""Node ids where pytest's root is not ours, and where names of files say more than they should."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Project

SHOP = "def price(x):\n    return x * 2\n"
TEST = "import shop\n\n\ndef test_price():\n    assert shop.price(2) == 4\n"
EDIT = ("shop.py", "x * 2", "2 * x")


def selected(project: Project, *options: str) -> list[str]:
    answer = project.testmon("select", *options)
    assert (answer.code, answer.err) == (0, ""), answer.err
    return sorted(answer.out.splitlines())


def runs(project: Project, lines: list[str]) -> int:
    """Give lines to pytest through xargs; how many tests passed."""
    stdin = "".join(f"{line}\n" for line in lines)
    answer = project.run("xargs", "-r", sys.executable, "-m", "pytest", "-v", stdin=stdin)
    assert answer.code == 0, answer.out
    return answer.out.count(" PASSED")


def removed(project: Project) -> str:
    return project.testmon("gc", "--dry-run").out


def test_a_configuration_below_our_root(project: Project) -> None:
    inner = {"tests/pytest.ini": "[pytest]\npythonpath = ..\n", "tests/test_a.py": TEST}
    project.write({"pyproject.toml": "", "shop.py": SHOP, **inner})
    assert project.testmon("collect", "-q", "tests").code == 0
    assert selected(project) == []
    project.edit(*EDIT)
    assert selected(project) == ["tests/test_a.py::test_price"]
    assert runs(project, selected(project)) == 1
    assert "tests/test_a.py" not in removed(project)
    assert project.testmon("collect", "--select", "-q").code == 0
    assert selected(project) == []
    project.edit("tests/pytest.ini", "= ..", "= .. .")
    assert selected(project) == ["tests/test_a.py"]


def test_a_configuration_above_our_root(project: Project) -> None:
    project.write({
        "pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = ['sub']\n",
        "conftest.py": "",
        "sub/setup.py": "",
        "sub/shop.py": SHOP,
        "sub/conftest.py": "",
        "sub/test_a.py": TEST,
    })  # fmt: skip
    sub = Project(project.path / "sub")
    assert sub.testmon("collect", "-q").code == 0
    assert selected(sub) == []
    sub.edit(*EDIT)
    assert selected(sub) == ["test_a.py::test_price"]
    assert runs(sub, selected(sub)) == 1
    assert "test_a.py" not in removed(sub)
    assert sub.testmon("collect", "--select", "-q").code == 0
    project.write({"conftest.py": "import sys\n"})
    assert selected(sub) == ["test_a.py"]


def test_a_root_and_a_configuration_that_are_given(project: Project) -> None:
    project.write(
        {
            "pyproject.toml": "",
            "conf/our.ini": "[pytest]\npythonpath = ..\n",
            "shop.py": SHOP,
            "t/test_a.py": TEST,
        }
    )
    assert project.testmon("collect", "-q", "-c", "conf/our.ini", "--rootdir=t", "t").code == 0
    assert selected(project) == []
    project.edit(*EDIT)
    assert selected(project) == ["t/test_a.py::test_price"]
    project.edit("conf/our.ini", "= ..", "= .. .")
    assert selected(project) == ["t/test_a.py"]


def test_files_whose_names_look_like_something_else(project: Project) -> None:
    names = ("--deselect=t/test_a.py", "@all/test_b.py", "p[1]/test_c.py", "in/a::b/test_d.py")
    project.write(
        {"pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\n", "shop.py": SHOP}
    )
    project.write(dict.fromkeys(names, TEST))
    assert project.testmon("collect", "-q").code == 0
    assert selected(project) == []
    project.edit("p[1]/test_c.py", "import shop", "# the shop\nimport shop")
    assert selected(project) == []
    project.edit(*EDIT)
    explained = project.testmon("select", "--explain").out
    assert [line.partition("  ")[0] for line in sorted(explained.splitlines())] == [
        f"{name}::test_price" for name in sorted(names)
    ]
    assert selected(project) == ["."]
    assert runs(project, selected(project)) == 4
    assert selected(project, "--", "--deselect=t", "@all") == [
        "./--deselect=t/test_a.py::test_price",
        "./@all/test_b.py::test_price",
    ]
    assert project.testmon("collect", "--select", "-q").out.splitlines()[-1].startswith("4 passed")
    assert selected(project) == []


def test_a_file_without_tests_is_new_only_once(project: Project) -> None:
    empty = "import sys\n\nif sys.platform == 'none':\n\n    def test_a(): pass\n"
    project.write(
        {"pyproject.toml": "", "shop.py": SHOP, "test_a.py": TEST, "test_empty.py": empty}
    )
    assert project.testmon("collect", "-q", "test_a.py").code == 0
    assert selected(project) == ["test_empty.py"]
    assert project.testmon("collect", "--select", "-q").code == 5
    assert selected(project) == []
    project.edit("test_empty.py", "'none'", "sys.platform")
    assert selected(project) == ["test_empty.py"]


@pytest.mark.parametrize("arguments", [(), ("tests",), (".",)])
def test_a_file_that_a_conftest_ignores_is_not_new(
    project: Project, arguments: tuple[str, ...]
) -> None:
    ignoring = "collect_ignore = ['test_b.py']\n"
    project.write(
        {
            "pyproject.toml": "",
            "shop.py": SHOP,
            "tests/conftest.py": ignoring,
            "tests/test_a.py": TEST,
        }
    )
    project.write(
        {
            "tests/test_b.py": "import nosuch\n\n\ndef test_b(): pass\n",
            "other/test_c.py": "def test_c(): pass\n",
        }
    )
    assert project.testmon("collect", "-q", *arguments).code == 0
    beside = ["other/test_c.py"] if arguments == ("tests",) else []
    assert selected(project) == beside
    project.edit("tests/conftest.py", "'test_b.py'", "'test_x.py'")
    assert selected(project) == [*beside, "tests/test_a.py", "tests/test_b.py"]


def test_what_options_keep_out_is_still_to_be_run(project: Project) -> None:
    project.write(
        {
            "pyproject.toml": "",
            "shop.py": SHOP,
            "test_a.py": TEST,
            "slow/test_b.py": "def test_b(): pass\n",
        }
    )
    assert project.testmon("collect", "-q", "--ignore=slow").code == 0
    assert selected(project) == ["slow/test_b.py"]


def test_parameters_that_are_gone_are_looked_for_once(project: Project) -> None:
    text = "import pytest\n\n\n@pytest.mark.parametrize('n', [1], ids=['old'])\ndef test_n(n):\n    assert n == 2\n"
    project.write({"pyproject.toml": "", "test_n.py": text})
    assert project.testmon("collect", "-q").code == 1
    project.write({"test_n.py": text.replace("old", "new").replace("[1]", "[2]")})
    assert selected(project) == ["test_n.py::test_n"]
    assert project.testmon("collect", "--select", "-q").code == 0
    assert selected(project) == []


def test_pytest_is_asked_for_files_when_it_does_not_know_the_tests(project: Project) -> None:
    project.write(
        {
            "pyproject.toml": "",
            "test_a.py": "def test_a():\n    pass\n\n\ndef test_b():\n    pass\n",
        }
    )
    project.write({"test_c.py": "def test_c():\n    assert 1\n"})
    assert project.testmon("collect", "-q").code == 0
    project.edit("test_a.py", "def test_a():\n    pass", "def test_a():\n    yield 1")
    project.edit("test_c.py", "assert 1", "assert 2")
    answer = project.testmon("collect", "--select", "-q", "--continue-on-collection-errors")
    assert answer.code == 1, answer.out
    assert (
        "pytest does not know some of these tests by their names; running their files instead"
        in answer.err
    )
    assert "1 passed, 1 error" in answer.out


def test_pytest_is_asked_for_functions_when_ids_hold_the_time(project: Project) -> None:
    text = """
        import time
        import pytest
        from shop import price

        @pytest.mark.parametrize("n", [0, time.time_ns()])
        def test_price(n):
            assert price(n) == n

        def test_other():
            pass
    """
    shop = "def price(n):\n    if n:\n        return n\n    return 0\n"
    project.write({"pyproject.toml": "", "shop.py": shop, "test_a.py": text})
    assert project.testmon("collect", "-q").code == 0
    project.edit("shop.py", "return n", "return n or 0")
    answer = project.testmon("collect", "--select", "-q")
    assert answer.code == 0, answer.out
    assert (
        "pytest does not know some of these tests by their names; running their functions instead"
        in answer.err
    )
    assert "2 passed" in answer.out
    assert selected(project) == []


@pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finds the process of pytest in /proc"
)
def test_parameters_that_a_killed_run_did_not_come_to(project: Project) -> None:
    text = """
        import pathlib
        import time

        import pytest


        @pytest.mark.parametrize("n", [1, 2, 3])
        def test_n(n):
            if n == 1 and not pathlib.Path("started").exists():
                pathlib.Path("started").touch()
                time.sleep(60)
        """
    project.write({"pyproject.toml": "", "test_n.py": text})
    command = [sys.executable, "-m", "testmon_cli", "collect", "-q"]
    process = subprocess.Popen(
        command, cwd=project.path, start_new_session=True, stdout=subprocess.DEVNULL
    )
    for _ in range(600):
        if (project.path / "started").exists():
            break
        time.sleep(0.05)
    time.sleep(1.5)  # for a transaction
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
    assert project.testmon("collect", "--select", "-q").code == 0
    assert selected(project) == []


def test_paths_with_tabs_and_line_ends(project: Project) -> None:
    reading = """
        from functools import cache
        from pathlib import Path

        @cache
        def words(): return Path(__file__).with_name("words.txt").read_text()

        @cache
        def price(): return base()

        def base(): return 3

        def test_words(): assert words()
        def test_same(): assert len(words())
        def test_price(): assert price()
        def test_again(): assert price() > 1
    """
    folder = "a\tb\nc"
    project.write({f"{folder}/test_a.py": reading, f"{folder}/words.txt": "a"})
    assert project.testmon("collect", "-q").code == 0
    project.edit(f"{folder}/words.txt", "a", "b")
    assert names_of(project) == {"test_words", "test_same"}
    assert project.testmon("explain", f"{folder}/test_a.py::test_words").code == 0
    project.edit(f"{folder}/words.txt", "b", "a")
    project.edit(f"{folder}/test_a.py", "return 3", "return 4")
    assert names_of(project) == {"test_price", "test_again"}


def names_of(project: Project) -> set[str]:
    """The names of the tests that are selected."""
    answer = json.loads(project.testmon("select", "--format", "json").out)
    return {test["nodeid"].rpartition("::")[2] for test in answer["tests"]}
