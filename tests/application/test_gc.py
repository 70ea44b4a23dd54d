"""What gc takes away, on datafiles that real runs wrote."""

import shutil
from pathlib import Path

import pytest

from testmon_cli.application.gc import seconds_of
from testmon_cli.domain.errors import TestmonError
from tests.conftest import Project

FILES = {
    "test_a.py": """
        def test_one(): pass
        def test_two(): pass
        class TestGroup:
            def test_three(self): pass
        """,
    "test_b.py": "def test_four(): pass\n",
}


@pytest.fixture(scope="module")
def _collected_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("collected"))
    project.write({**FILES, "pyproject.toml": ""})
    assert project.testmon("collect", "-q").code == 0
    return project.path


@pytest.fixture
def collected(_collected_once: Path, tmp_path: Path) -> Project:
    """A project of four tests that were collected."""
    return Project(shutil.copytree(_collected_once, tmp_path / "copy"))


def test_tests_that_no_longer_exist_go_and_no_others(collected: Project) -> None:
    collected.edit("test_a.py", "def test_two(): pass\n", "")
    collected.edit("test_a.py", "test_three", "test_3")
    (collected.path / "test_b.py").unlink()
    gone = [
        "no longer exists: test_a.py::TestGroup::test_three",
        "no longer exists: test_a.py::test_two",
        "no longer exists: test_b.py::test_four",
        "would remove 3 executions",
    ]
    before = (collected.path / ".testmondata").read_bytes()
    assert collected.testmon("gc", "--dry-run").out.splitlines()[:4] == gone
    assert (collected.path / ".testmondata").read_bytes() == before
    assert collected.testmon("gc").out.splitlines()[:3] == gone[:3]
    assert "no longer exists" not in collected.testmon("gc").out


def test_a_file_that_does_not_parse_keeps_its_tests(collected: Project) -> None:
    collected.write({"test_a.py": "def broken(:\n"})
    assert "no longer exists" not in collected.testmon("gc").out


def test_no_missing_keeps_them(collected: Project) -> None:
    (collected.path / "test_b.py").unlink()
    assert "no longer exists" not in collected.testmon("gc", "--no-missing").out


def test_a_datafile_of_another_project_is_not_emptied(collected: Project) -> None:
    for name in FILES:
        (collected.path / name).unlink()
    answer = collected.testmon("gc")
    assert (answer.code, answer.out) == (64, "")
    assert answer.err.startswith("testmon: error: none of the 4 tests in ")


def test_an_unknown_environment_is_refused_with_those_there_are(collected: Project) -> None:
    answer = collected.testmon("gc", "--env", "nightly")
    assert (answer.code, answer.err) == (
        64,
        f"testmon: error: no environment is named 'nightly' in {collected.path}/.testmondata; there are: default\n",
    )


def test_without_a_datafile_there_is_nothing_to_prune(project: Project) -> None:
    answer = project.testmon("gc")
    assert (answer.code, answer.out, answer.err.count("\n")) == (65, "", 1)


@pytest.mark.parametrize(
    ("age", "seconds"),
    [("30d", 2_592_000.0), ("12h", 43_200.0), ("1.5w", 907_200.0), ("90 m", 5_400.0)],
)
def test_ages(age: str, seconds: float) -> None:
    assert seconds_of(age) == seconds


@pytest.mark.parametrize("age", ["", "30", "d", "-3d", "30 days", "3y"])
def test_what_is_no_age(age: str) -> None:
    with pytest.raises(TestmonError, match="expected a number and m, h, d or w, for example 30d"):
        seconds_of(age)
