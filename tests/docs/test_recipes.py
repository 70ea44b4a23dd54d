"""The steps of the recipes are run as they stand in the page, in files of this repository too."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import Answer, Project

pytestmark = pytest.mark.slow  # nothing in them depends on the version of Python

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(yaml|bash|ini|python)\n(.*?)```", PAGE, re.DOTALL)
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))


def steps(text: str) -> list[str]:
    """The lines for a shell; the installation of the project is left out, since there is no index to install from."""
    found = re.findall(r"^ *(?:- |commands = |entry: |(?:- )?run: |- run: )?(testmon .*)$", text, re.MULTILINE)
    return [step.removesuffix(" {posargs}") for step in found]


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    left_out = shutil.ignore_patterns("__pycache__", ".*")
    return Project(shutil.copytree(ROOT / "examples" / "shop", tmp_path / "shop", ignore=left_out))


def run(project: Project, step: str, **environ: str) -> Answer:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    answer = project.run("bash", "-euc", step, PATH=path, **environ)
    assert answer.code == 0, answer.out + answer.err
    return answer


def ran(answer: Answer) -> int:
    return sum(map(int, re.findall(r"(\d+) passed", answer.out)))


def test_a_recipe_has_ten_lines_at_most() -> None:
    assert [text for kind, text in BLOCKS if kind == "yaml" and len(text.splitlines()) > 10] == []


PARALLEL = {
    "GitLab": lambda number: {
        "GITLAB_CI": "true",
        "CI_JOB_NAME": f"test {number}/3",
        "CI_NODE_INDEX": f"{number}",
        "CI_NODE_TOTAL": "3",
    },
    "CircleCI": lambda number: {
        "CIRCLECI": "true",
        "CIRCLE_NODE_INDEX": f"{number - 1}",
        "CIRCLE_NODE_TOTAL": "3",
    },
    "Buildkite": lambda number: {
        "BUILDKITE": "true",
        "BUILDKITE_PARALLEL_JOB": f"{number - 1}",
        "BUILDKITE_PARALLEL_JOB_COUNT": "3",
    },
}


@pytest.mark.parametrize("provider", PARALLEL)
def test_jobs_of_a_provider_share_the_tests(shop: Project, provider: str, tmp_path: Path) -> None:
    [step] = steps(SECTIONS[provider])
    caches = [str(tmp_path / f"cache{number}.db") for number in (1, 2, 3)]
    first = [run(shop, step, TESTMON_DATAFILE=caches[n - 1], **PARALLEL[provider](n)) for n in (1, 2, 3)]
    assert sum(map(ran, first)) == 7
    again = [run(shop, step, TESTMON_DATAFILE=caches[n - 1], **PARALLEL[provider](n)) for n in (1, 2, 3)]
    assert sum(map(ran, again)) == 0


@pytest.mark.parametrize("section", ["tox", "pre-commit"])
def test_a_step_runs_what_is_affected(shop: Project, section: str) -> None:
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    [step] = steps(hooks if section == "pre-commit" else SECTIONS[section])
    assert f"`{step}`" in SECTIONS[section] or section == "tox"
    assert [ran(run(shop, step)), ran(run(shop, step))] == [7, 0]


def test_the_session_of_nox(shop: Project) -> None:
    [session] = [text for kind, text in BLOCKS if kind == "python"]
    shop.write({"noxfile.py": session})
    step = f"{sys.executable} -m nox -R --no-venv -s affected"
    assert [ran(run(shop, step)), ran(run(shop, step))] == [7, 0]


def test_the_steps_that_plan(shop: Project, tmp_path: Path) -> None:
    plan, ci = next(text for kind, text in BLOCKS if kind == "bash").splitlines()
    output = tmp_path / "output"
    run(shop, plan, GITHUB_OUTPUT=str(output))
    jobs, matrix = output.read_text(encoding="utf-8").splitlines()
    assert (jobs, matrix[:22]) == ("jobs=2", 'matrix={"include":[{"s')
    assert ran(run(shop, ci)) == 7


def test_the_steps_of_the_action(shop: Project, tmp_path: Path) -> None:
    plan, planned, ci = steps((ROOT / "action.yml").read_text(encoding="utf-8"))
    output = tmp_path / "output"
    run(shop, plan, JOBS="2", GITHUB_OUTPUT=str(output))
    shards = re.findall(r'"shard":"(.*?)"', output.read_text(encoding="utf-8"))
    assert sum(ran(run(shop, planned, TESTMON_SHARD=shard, ARGUMENTS="-p no:cacheprovider")) for shard in shards) == 7
    assert [ran(run(shop, ci, TESTMON_SHARD="", ARGUMENTS="")), ran(run(shop, ci, ARGUMENTS="-q"))] == [0, 0]
