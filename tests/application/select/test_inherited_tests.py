"""Tests that classes inherit come and go with the classes they come from."""

from collections.abc import Callable

import pytest

from testmon_cli.cli import main
from tests.conftest import Answer, Project

FILES = {
    "checks.py": """
        class Checks:
            def test_first(self):
                assert True

            def test_second(self):
                assert True
        """,
    "test_one.py": """
        from checks import Checks


        class TestOne(Checks):
            pass
        """,
}


@pytest.fixture
def select(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    project.write(FILES)
    answer: Answer = project.testmon("collect", "-q", "-p", "no:cacheprovider")
    assert answer.code == 0, answer.err
    monkeypatch.chdir(project.path)

    def run(*arguments: str) -> str:
        capsys.readouterr()
        assert main(["select", *arguments]) == 0
        return capsys.readouterr().out

    return run


def test_a_new_test_is_selected_where_it_is_inherited(
    project: Project, select: Callable[..., str]
) -> None:
    project.edit(
        "checks.py",
        "class Checks:\n",
        "class Checks:\n    def test_third(self):\n        assert True\n\n",
    )
    assert (
        select("--explain")
        == "test_one.py::TestOne::test_third  inherits the new test at checks.py:2\n"
    )


def test_a_removed_test_is_never_printed(project: Project, select: Callable[..., str]) -> None:
    project.edit("checks.py", "\n    def test_second(self):\n        assert True\n", "")
    assert select() == ""


def test_a_class_with_another_base_is_run_as_a_whole(
    project: Project, select: Callable[..., str]
) -> None:
    project.write({"more.py": "class More:\n    def test_more(self):\n        assert True\n"})
    project.edit(
        "test_one.py",
        "from checks import Checks",
        "from checks import Checks\nfrom more import More",
    )
    project.edit("test_one.py", "(Checks)", "(Checks, More)")
    assert select() == "test_one.py::TestOne\n"
