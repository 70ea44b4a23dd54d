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
    found = re.findall(
        r"^ *(?:- |commands = |entry: |(?:- )?run: |- run: )?(testmon .*)$", text, re.MULTILINE
    )
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


def block(section: str, kind: str) -> str:
    """The first block of one kind in a section."""
    found = re.findall(r"```(\w+)\n(.*?)```", SECTIONS[section], re.DOTALL)
    return next(text for name, text in found if name == kind)


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
    first = [
        run(shop, step, TESTMON_DATAFILE=caches[n - 1], **PARALLEL[provider](n)) for n in (1, 2, 3)
    ]
    assert sum(map(ran, first)) == 7
    again = [
        run(shop, step, TESTMON_DATAFILE=caches[n - 1], **PARALLEL[provider](n)) for n in (1, 2, 3)
    ]
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
    plan, ci = steps(SECTIONS["GitHub Actions"])[-2:]
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
    assert (
        sum(
            ran(run(shop, planned, TESTMON_SHARD=shard, ARGUMENTS="-p no:cacheprovider"))
            for shard in shards
        )
        == 7
    )
    assert [
        ran(run(shop, ci, TESTMON_SHARD="", ARGUMENTS="")),
        ran(run(shop, ci, ARGUMENTS="-q")),
    ] == [0, 0]


DJANGO = {
    "pytest.ini": """
        [pytest]
        DJANGO_SETTINGS_MODULE = site_settings
        pythonpath = .
        addopts = -p pytest_django.plugin
        """,
    "site_settings.py": """
        SECRET_KEY = "x"
        INSTALLED_APPS = ["store"]
        ROOT_URLCONF = "store.urls"
        TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
        """,
    "store/__init__.py": "",
    "store/migrations/__init__.py": "",
    "store/views.py": """
        from django.shortcuts import render


        def index(request):
            return render(request, "index.html")


        def about(request):
            return render(request, "about.html")
        """,
    "store/urls.py": """
        from django.urls import path

        from store import views

        urlpatterns = [path("", views.index), path("about", views.about)]
        """,
    "store/templates/index.html": "index",
    "store/templates/about.html": "about",
    "test_store.py": """
        def test_index(client):
            assert client.get("/").content.startswith(b"index")


        def test_about(client):
            assert client.get("/about").content.startswith(b"about")
        """,
}


def test_django(project: Project) -> None:
    pytest.importorskip(
        "pytest_django", reason="the group test has it where Django can be installed"
    )
    step = block("Django", "bash")
    project.write({**DJANGO, "pyproject.toml": block("Django", "toml")})
    assert [ran(run(project, step)), ran(run(project, step))] == [2, 0]
    project.edit("store/templates/about.html", "about", "about us")
    assert ran(run(project, step)) == 1
    project.write({"store/migrations/0001_initial.py": "operations = []\n"})
    assert ran(run(project, step)) == 2
    assert ran(run(project, step, DATABASE_URL="postgres://host/shop")) == 2


def test_the_packages_of_a_monorepo(project: Project) -> None:
    pytest_table = '[tool.pytest.ini_options]\npythonpath = ["src", "../money/src"]\n'
    test = "from {0} import total\n\ndef test():\n    assert total() == 3\n"
    project.write(
        {
            "packages/money/pyproject.toml": pytest_table,
            "packages/money/src/money.py": "def total():\n    return 3\n",
            "packages/money/tests/test_money.py": test.format("money"),
            "packages/orders/pyproject.toml": pytest_table + block("Monorepo", "toml"),
            "packages/orders/src/orders.py": "import money\n\ndef total():\n    return money.total()\n",
            "packages/orders/tests/test_orders.py": test.format("orders"),
            "packages/users/pyproject.toml": pytest_table,
            "packages/users/tests/test_users.py": "def test():\n    pass\n",
        }
    )
    step = block("Monorepo", "bash")
    assert [ran(run(project, step)), ran(run(project, step))] == [3, 0]
    project.edit("packages/money/src/money.py", "return 3", "return 1 + 2")
    assert ran(run(project, step)) == 2


def test_the_gate_of_coverage(shop: Project) -> None:
    collect, report = block("Coverage gate", "bash").splitlines()
    assert ran(run(shop, collect)) == 7
    run(shop, report)
    shop.write({"shop/unused.py": "X = 1\n"})
    answer = shop.testmon(*report.replace("90", "99.9").split()[1:])
    assert (answer.code, "less than 99.9 %" in answer.err) == (1, True)
