"""Where the import of test files may raise, one test of each is selected, until a run has shown how it comes out."""

import json

import pytest

from tests.conftest import Project

FILES = {
    "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\n",
    "shop.py": """
        import os

        PLACE = os.sep


        def total():
            return 1
        """,
    "tests/test_first.py": """
        import time

        from shop import total


        def test_slow():
            time.sleep(0.1)


        def test_fast():
            assert total() == 1
        """,
    "tests/test_second.py": """
        import time

        import shop


        def test_slow():
            time.sleep(0.1)


        def test_fast():
            assert shop.total() == 1
        """,
    "tests/test_other.py": "def test_other(): pass\n",
}
CANARIES = ["tests/test_first.py::test_fast", "tests/test_second.py::test_fast"]
ALL = {
    f"tests/test_{name}.py::test_{speed}"
    for name in ("first", "second")
    for speed in ("slow", "fast")
}


@pytest.fixture
def shop(project: Project) -> Project:
    project.write(FILES)
    assert project.testmon("collect", "-q").code == 0
    return project


def _selected(project: Project) -> list[str]:
    answer = project.testmon("select")
    assert (answer.code, answer.err) == (0, "")
    return sorted(answer.out.splitlines())


def test_the_fastest_test_of_each_file_stands_for_it(shop: Project) -> None:
    shop.edit("shop.py", "os.sep", "os.curdir")
    assert _selected(shop) == CANARIES
    (first, second) = json.loads(shop.testmon("select", "--format", "json").out)["tests"]
    assert [test["reason"]["kind"] for test in (first, second)] == ["canary", "canary"]
    assert first["reason"]["text"] == (
        "stands for its file, whose import may raise: imports shop.py, which depends on PLACE, changed at shop.py:3"
    )
    assert shop.testmon("collect", "--select", "-q").code == 0
    assert _selected(shop) == []


def test_a_canary_is_looked_for_among_the_tests_that_are_asked_for(shop: Project) -> None:
    shop.edit("shop.py", "os.sep", "os.curdir")
    assert shop.testmon("select", "tests/test_first.py").out.split() == CANARIES[:1]
    assert shop.testmon("select", "-k", "slow and first").out.split() == [
        "tests/test_first.py::test_slow"
    ]
    assert sorted(shop.testmon("select", "shop.py").out.split()) == CANARIES
    assert shop.testmon("select", "tests/test_other.py").out == ""


def test_no_canary_where_a_test_of_the_file_is_selected_anyway(shop: Project) -> None:
    shop.edit("shop.py", "os.sep", "os.curdir")
    shop.edit("tests/test_first.py", "time.sleep(0.1)", "time.sleep(0.01)")
    assert _selected(shop) == ["tests/test_first.py::test_slow", "tests/test_second.py::test_fast"]


def test_all_tests_of_a_file_that_failed_to_import_stay_selected(shop: Project) -> None:
    shop.edit("shop.py", "os.sep", "os.sepp")
    assert shop.testmon("collect", "--select", "-q").code != 0
    assert _selected(shop) == ["tests/test_first.py", "tests/test_second.py"]
    report = json.loads(shop.testmon("select", "--format", "json").out)
    assert {test["nodeid"] for test in report["tests"]} == ALL
    assert {test["reason"]["text"] for test in report["tests"]} == {
        "its file could not be imported last time"
    }
    shop.edit("shop.py", "os.sepp", "os.curdir")
    assert {
        test["nodeid"]
        for test in json.loads(shop.testmon("select", "--format", "json").out)["tests"]
    } == ALL
    assert shop.testmon("collect", "--select", "-q").code == 0
    assert _selected(shop) == []


def test_going_back_to_what_was_imported_selects_nothing(shop: Project) -> None:
    shop.edit("shop.py", "os.sep", "os.curdir")
    assert shop.testmon("collect", "-q").code == 0
    shop.edit("shop.py", "os.curdir", "os.sep")
    assert _selected(shop) == []
    shop.edit("shop.py", "os.sep", "os.sepp")
    assert shop.testmon("collect", "--select", "-q").code != 0
    shop.edit("shop.py", "os.sepp", "os.sep")
    assert _selected(shop) == []


def test_a_name_that_nothing_binds_makes_the_files_the_arguments(shop: Project) -> None:
    shop.edit("shop.py", "import os", "import re")
    assert _selected(shop) == ["tests/test_first.py", "tests/test_second.py"]


def test_an_older_run_under_another_configuration_says_nothing_of_imports(shop: Project) -> None:
    shop.edit(
        "pyproject.toml",
        "pythonpath = ['.']",
        "pythonpath = ['.']\naddopts = '-p no:cacheprovider'",
    )
    shop.edit("tests/test_other.py", "pass", "assert 1")
    assert shop.testmon("collect", "-q").code == 0
    shop.edit("tests/test_other.py", "assert 1", "assert 2")
    shop.edit("shop.py", "os.sep", "os.curdir")
    assert _selected(shop) == sorted([*CANARIES, "tests/test_other.py::test_other"])


@pytest.fixture
def registry(project: Project) -> Project:
    """Two files of tests that a statement with an effect may keep from being imported."""
    files = {
        "pyproject.toml": FILES["pyproject.toml"],
        "registry.py": """
            import os

            PLACES = ["a"]
            os.putenv("REGISTRY", "a")


            def made():
                def test():
                    assert len(PLACES) == 1
                return test
            """,
        "tests/test_first.py": """
            import registry


            def test_one():
                assert registry.PLACES


            def test_two():
                assert True
            """,
        "tests/test_second.py": """
            import registry

            test_made = registry.made()


            def test_plain():
                assert registry.PLACES
            """,
    }
    project.write(files)
    assert project.testmon("collect", "-q").code == 0
    return project


def test_an_import_that_a_newer_run_has_seen_work_is_in_doubt_no_more(registry: Project) -> None:
    registry.edit("registry.py", 'Y", "a")', 'Y", "b")')
    assert _selected(registry) == ["tests/test_first.py", "tests/test_second.py"]
    assert registry.testmon("collect", "--select", "-q").code == 0
    registry.edit("tests/test_first.py", "assert True", "assert 1")
    assert _selected(registry) == ["tests/test_first.py::test_two"]
    registry.edit("registry.py", 'Y", "b")', 'Y", "c")')
    assert _selected(registry) == ["tests/test_first.py", "tests/test_second.py"]


@pytest.mark.parametrize(
    ("ran", "given"),
    [
        pytest.param(
            "test_made", "tests/test_second.py::test_plain", id="a function statement is there"
        ),
        pytest.param("test_plain", "tests/test_second.py", id="what a call made may be gone"),
    ],
)
def test_tests_that_a_newer_run_left_out_are_named_where_the_text_tells_that_they_are_there(
    registry: Project, ran: str, given: str
) -> None:
    registry.edit("registry.py", 'Y", "a")', 'Y", "b")')
    assert registry.testmon("collect", "-q", "--", f"tests/test_second.py::{ran}").code == 0
    assert _selected(registry) == ["tests/test_first.py", given]
