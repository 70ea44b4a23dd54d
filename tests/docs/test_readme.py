"""The sessions in the README and in the walk through are what a reader gets."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import Project

ROOT = Path(__file__).parents[2]


def session(page: str) -> list[tuple[str, str]]:
    """Commands of a page with what they print."""
    blocks = re.findall(
        r"```console\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL
    )
    steps = [step for block in blocks for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(step.partition("\n")[0], step.partition("\n")[2]) for step in steps]


@pytest.mark.parametrize("page", ["README.md", "docs/walkthrough.md"])
def test_the_session_of_a_page(page: str, tmp_path: Path) -> None:
    left_out = shutil.ignore_patterns("__pycache__", ".*")
    project = Project(
        shutil.copytree(ROOT / "examples" / "shop", tmp_path / "shop", ignore=left_out)
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command, expected in session(page):
        answer = project.run("sh", "-c", command, PATH=path, COLUMNS="80")
        told = answer.err.replace("testmon: wrote the page to testmon.html\n", "")
        assert (command, _without_times(answer.out), told) == (
            command,
            _without_times(expected),
            "",
        )


def _without_times(text: str) -> list[str]:
    """Lines; where tests are ordered by their times, in any order."""
    text = re.sub(
        r" +\d+\.\d+ ?s\b", " 0 s", re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "now", text)
    )
    lines = text.splitlines()
    return sorted(lines) if " tests reach it" in text else lines


@pytest.mark.slow  # it depends on no version of Python
def test_the_commands_of_the_tutorial_work_one_after_the_other(tmp_path: Path) -> None:
    left_out = shutil.ignore_patterns("__pycache__", ".*")
    project = Project(
        shutil.copytree(ROOT / "examples" / "shop", tmp_path / "shop", ignore=left_out)
    )
    project.write({".gitignore": ".testmon*\n__pycache__\n", "data/prices.json": "{}"})
    project.git("init", "-q", "-b", "main")
    project.git("add", "-A")
    project.git("commit", "-qm", "all")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    commands = [
        command for command, _ in session("docs/tutorial.md") if "pip install" not in command
    ]
    assert len(commands) > 15
    ran = 0
    for command in commands:
        answer = project.run("sh", "-c", command, PATH=path)
        assert answer.code == 0, (command, answer)
        if command == "testmon collect":
            project.edit("shop/price.py", "return net - net", "return - net + 2 * net - net")
        ran += re.search(r"\d+ passed in", answer.out) is not None
    assert ran == 4  # all tests, and what the edit affects in three ways
