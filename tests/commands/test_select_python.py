"""What `testmon select` says when another Python is asked than the one that ran the tests."""

import os
import sys
import venv
from pathlib import Path

import click
import pytest

import testmon_cli
from tests.conftest import Answer, Project

FILES = {
    "shop.py": "def price():\n    return 1\n",
    "test_shop.py": "import shop\n\ndef test_price():\n    shop.price()\n",
}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment of the same Python, with testmon and what that needs and without pytest."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(folder, symlinks=os.name != "nt")
    site = next(folder.glob("**/site-packages"))
    for module in (click, testmon_cli):
        (site / module.__name__).symlink_to(
            Path(module.__path__[0]).resolve(), target_is_directory=True
        )
    return folder


def _python(folder: Path) -> str:
    return str(
        next(
            path for path in (folder / "bin/python", folder / "Scripts/python.exe") if path.exists()
        )
    )


def test_a_python_without_pytest_says_which_one_to_ask(project: Project, bare: Path) -> None:
    project.write(FILES)
    assert project.testmon("collect", "-q").code == 0
    python = _python(bare)
    note = f"testmon: the tests ran with another Python than {python}, which has no pytest: everything is selected"
    assert project.run(python, "-m", "testmon_cli", "select") == Answer(
        0, "test_shop.py\n", f"{note}; --python {sys.executable} asks that one\n"
    )
    assert project.run(python, "-m", "testmon_cli", "select", "--python", sys.executable) == Answer(
        0, "", ""
    )
    project.edit("shop.py", "1", "2")
    for asked in (sys.executable, sys.prefix):
        answer = project.run(
            python, "-m", "testmon_cli", "-C", str(project.path), "select", "--python", asked
        )
        assert answer == Answer(0, "test_shop.py::test_price\n", "")
    answer = project.run(python, "-m", "testmon_cli", "diff").out.splitlines()
    other = f"packages were not compared: {python} is another Python than that of the tests"
    assert answer[2:] == [f"{other}; --python {sys.executable} asks that one"]
    assert project.run(
        python, "-m", "testmon_cli", "diff", f"--python={sys.executable}"
    ).out.endswith("  1 test\n")


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("nowhere/python", "cannot be run: No such file or directory"),
        (os.devnull, "cannot be run: Permission denied"),
        ("/bin/false", "it has no testmon; name the one that ran `testmon collect`"),
        ("/bin/true", "it has no testmon; name the one that ran `testmon collect`"),
    ],
)
def test_what_is_no_python_is_an_error(project: Project, python: str, message: str) -> None:
    assert project.testmon("select", "--python", python) == Answer(
        66, "", f"testmon: error: --python {python}: {message}\n"
    )
