"""The session in the README is what a reader gets."""

import os
import re
import shutil
import sys
from pathlib import Path

from tests.conftest import Project

ROOT = Path(__file__).parents[2]


def session() -> list[tuple[str, str]]:
    """Commands of the README with what they print."""
    [block] = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    steps = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(step.partition("\n")[0], step.partition("\n")[2]) for step in steps]


def test_the_session_in_the_readme(tmp_path: Path) -> None:
    left_out = shutil.ignore_patterns("__pycache__", ".*")
    project = Project(shutil.copytree(ROOT / "examples" / "shop", tmp_path / "shop", ignore=left_out))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command, expected in session():
        answer = project.run("sh", "-c", command, PATH=path, COLUMNS="80")
        assert (command, _without_times(answer.out), answer.err) == (command, _without_times(expected), "")


def _without_times(text: str) -> str:
    return re.sub(r" in \d+\.\d+s", " in 0s", text)
