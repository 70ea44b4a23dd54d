"""Which tests reach a place in the code, as `testmon explain PLACE` tells it."""

import pytest

from testmon_cli.application import settings
from testmon_cli.application.explain import one_test, reaching_tests
from testmon_cli.application.select.use_case import select
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.reliance import RUNS_IT, Reach
from tests.conftest import Project

NEAR = "tests/test_rates.py::test_near"
LABEL = "tests/test_rates.py::test_label"
THROUGH_A_FIXTURE = "uses the fixture near, which runs it"


def _reach(depot: Project, place: str) -> Reach:
    found = one_test.explain(settings.load(depot.path), place)
    assert isinstance(found, Reach)
    return found


@pytest.fixture(autouse=True)
def _there(depot: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(depot.path)


@pytest.mark.parametrize(
    ("place", "what", "name", "tests"),
    [
        pytest.param("depot/rates.py:12", "block", "label", {LABEL: "runs it"}, id="line"),
        pytest.param(
            "depot/rates.py:8",
            "block",
            "rate",
            {NEAR: THROUGH_A_FIXTURE},
            id="teardown-of-a-fixture",
        ),
        pytest.param("depot/rates.py:11", "function", "label", {LABEL: "runs it"}, id="signature"),
        pytest.param(
            "depot/rates.py::label", "function", "label", {LABEL: "runs it"}, id="function"
        ),
        pytest.param(
            "tests/conftest.py::near", "function", "near", {NEAR: THROUGH_A_FIXTURE}, id="fixture"
        ),
        pytest.param(
            "depot/rates.py::BASE",
            "definition",
            "BASE",
            {NEAR: "runs depot/rates.py::rate, which mentions TABLE, which depends on BASE"},
            id="definition",
        ),
        pytest.param("depot/rates.py:2", "definition", "TABLE", None, id="line-of-a-definition"),
        pytest.param("depot/lazy.py::ONE", "definition", "ONE", None, id="imported-when-it-runs"),
    ],
)
def test_reach(
    depot: Project, place: str, what: str, name: str, tests: dict[str, str] | None
) -> None:
    found = _reach(depot, place)
    assert (found.what, found.name, found.known) == (what, name, 5)
    if tests is not None:
        assert {test.nodeid: test.how for test in found.tests} == tests
    else:
        assert len(found.tests) == 1


def test_a_file_is_reached_by_who_runs_or_imports_it(depot: Project) -> None:
    found = _reach(depot, "depot/rates.py")
    assert found.tests[0].nodeid == LABEL
    assert {test.nodeid for test in found.tests} >= {LABEL, NEAR}


def test_what_was_edited_since_counts_as_it_was(depot: Project) -> None:
    depot.edit("depot/rates.py", "name.upper()", "name.title()")
    found = _reach(depot, "depot/rates.py:12")
    assert [test.nodeid for test in found.tests] == [LABEL]
    assert found.notes == (
        "depot/rates.py has changed since the tests ran: its functions count as they were",
    )


def test_who_may_use_a_kept_value_reaches_what_made_it(project: Project) -> None:
    project.write(
        {
            "shop.py": """
                from functools import cache


                @cache
                def table():
                    return made()


                def made():
                    return {1: 2}
                """,
            "test_shop.py": """
                from shop import table


                def test_one():
                    assert table()[1] == 2


                def test_two():
                    assert len(table()) == 1
                """,
        }
    )
    assert project.testmon("collect", "-q").code == 0
    found = one_test.explain(settings.load(project.path), str(project.path / "shop.py::table"))
    assert isinstance(found, Reach)
    assert {test.nodeid for test in found.tests} == {
        "test_shop.py::test_one",
        "test_shop.py::test_two",
    }


def test_a_change_may_select_more_than_run_the_place(project: Project) -> None:
    project.write(
        {
            "shop.py": """
                class Shop:
                    def __init__(self):
                        self.table = None

                    def find(self, name):
                        if self.table is None:
                            self.table = make()
                        return self.table[name]


                def make():
                    return {"a": 1, "b": 2}


                SHOP = Shop()
                START = make()
                """,
            "test_shop.py": """
                from shop import SHOP


                def test_one():
                    assert SHOP.find("a") == 1


                def test_two():
                    assert SHOP.find("b") == 2
                """,
            "test_other.py": """
                import shop


                def test_nothing():
                    pass
                """,
        }
    )
    assert project.testmon("collect", "-q").code == 0
    there = settings.load(project.path)
    place = f"{project.path}/shop.py::make"
    running = [
        test.nodeid for test in reaching_tests.reach_of(there, place).tests if test.how == RUNS_IT
    ]
    assert running == ["test_shop.py::test_one"]
    would = {
        test.nodeid: test.how
        for test in reaching_tests.reach_of(there, place, would_select=True).tests
    }
    project.edit("shop.py", '"a": 1', '"a": 0 + 1')
    assert sorted(would) == sorted(test.nodeid for test in select(there).tests)
    assert would["test_other.py::test_nothing"].startswith(
        "stands for its file, whose import may raise: "
    )


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("depot/rate.py", "no such file: depot/rate.py; did you mean depot/rates.py?"),
        ("rates.py:3", "no such file: rates.py; did you mean depot/rates.py?"),
        ("depot/rate.py::label", "no such file: depot/rate.py; did you mean depot/rates.py?"),
        ("depot/rates.py:99", "depot/rates.py has no line 99: it has 12"),
        (
            "depot/rates.py::labell",
            "nothing is called labell in depot/rates.py; did you mean label?",
        ),
        ("depot/rates.py::zzzz", "nothing is called zzzz in depot/rates.py; it has rate, label"),
        (
            f"{LABEL}s",
            f"nothing is called test_labels in tests/test_rates.py; did you mean {LABEL}?",
        ),
        (
            "depot",
            "depot is no file: name a source, like app/price.py, a line or a function of one",
        ),
        (
            "notes.txt",
            "notes.txt is not a source of the project: `testmon select notes.txt` tells of data files",
        ),
    ],
)
def test_a_place_that_is_not_there(depot: Project, place: str, message: str) -> None:
    answer = depot.testmon("explain", place)
    assert (answer.code, answer.out, answer.err) == (64, "", f"testmon: error: {message}\n")


def test_a_source_that_does_not_parse(depot: Project) -> None:
    depot.write({"depot/rates.py": "def"})
    with pytest.raises(TestmonError, match=r"depot/rates\.py does not parse: line 1: "):
        _reach(depot, "depot/rates.py:1")


def test_long_lists_are_cut_for_people(depot: Project) -> None:
    depot.write(
        {
            "tests/test_many.py": "def one(): pass\n"
            + "".join(f"def test_{n}(): one()\n" for n in range(30))
        }
    )
    assert depot.testmon("collect", "-q").code == 0
    lines = depot.testmon("explain", "tests/test_many.py::one").out.splitlines()
    assert lines[0].startswith("tests/test_many.py:1, function one: 30 of 35 tests reach it, ")
    assert (len(lines), lines[-1]) == (21, "  ... and 11 more; --all lists them")
    assert len(depot.testmon("explain", "tests/test_many.py::one", "--all").out.splitlines()) == 31
