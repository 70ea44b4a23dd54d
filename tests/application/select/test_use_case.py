"""What select prints, on a project that a real run collected."""

import json
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest

from testmon_cli.application.invalidate import affected_traces
from testmon_cli.cli import main
from testmon_cli.domain.records import StoredExecution
from testmon_cli.storage.datafile import Datafile
from tests.conftest import Answer, Project

FILES = {
    "pyproject.toml": "[project]\nname = 'shop'\n",
    "config.py": "TAX = 2\n",
    "shop.py": """
        import config


        def price(x):
            return x * config.TAX


        def name(x):
            return x.strip()
        """,
    "lonely.py": "X = 1\n",
    "tests/test_price.py": """
        import shop


        def test_price():
            assert shop.price(2) == 4


        def test_wrong():
            assert shop.price(2) == 5
        """,
    "tests/test_name.py": """
        import pytest

        import shop

        test_data = ["a"]


        class TestHelper:
            def __init__(self, x):
                self.x = x

            def test_nothing(self):
                pass


        @pytest.mark.parametrize("text", ["a b", "it's", "plain"])
        def test_name(text):
            assert shop.name(text) == text


        class TestEmpty:
            def test_empty(self):
                assert shop.name("") == ""
        """,
    "conftest.py": "",
}
PRICES = ["tests/test_price.py::test_price", "tests/test_price.py::test_wrong"]
NAMES = [
    "tests/test_name.py::TestEmpty::test_empty",
    "tests/test_name.py::test_name",
    "tests/test_name.py::test_name[plain]",
]

Select = Callable[..., Answer]


@pytest.fixture(scope="module")
def _collected_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("collected"))
    project.write(FILES)
    assert project.testmon("collect", "-q").code == 1
    return project.path


@pytest.fixture
def shop(_collected_once: Path, tmp_path: Path) -> Project:
    """A project that was collected with one failure."""
    return Project(shutil.copytree(_collected_once, tmp_path / "shop"))


@pytest.fixture
def select(shop: Project, capsys: pytest.CaptureFixture[str]) -> Select:
    """Run `testmon select` with options."""

    def run(*options: str) -> Answer:
        code = main(["-C", str(shop.path), "select", *options])
        return Answer(code, *capsys.readouterr())

    return run


def _lines(answer: Answer) -> list[str]:
    assert (answer.code, answer.err) == (0, "")
    return sorted(answer.out.splitlines())


def test_only_what_failed_is_selected_when_nothing_changed(select: Select) -> None:
    assert select() == Answer(0, "tests/test_price.py::test_wrong\n", "")
    assert select("--explain") == Answer(
        0, "tests/test_price.py::test_wrong  failed last time\n", ""
    )
    assert select("--no-failed") == Answer(0, "", "")


def test_what_matches_changes_is_imported_only_where_there_are_some(shop: Project) -> None:
    """Imports are most of the time of an answer."""
    code = (
        "import sys; from testmon_cli.cli import main; main(['select']);"
        "print(*sorted(m for m in sys.modules if m.startswith('testmon_cli.analysis.')), sep='\\n', file=sys.stderr)"
    )
    assert shop.run(sys.executable, "-c", code).err.split() == [
        "testmon_cli.analysis.checksums",
        "testmon_cli.analysis.pytest_naming",
    ]
    shop.edit("config.py", "TAX = 2", "TAX = 3")
    assert "testmon_cli.analysis.propagation" in shop.run(sys.executable, "-c", code).err.split()


def test_only_executions_that_something_is_to_be_said_of_are_read(
    shop: Project, select: Select, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    executions_of = Datafile.executions_of

    def counted(datafile: Datafile, trace_ids: Iterable[int]) -> list[StoredExecution]:
        found = executions_of(datafile, trace_ids)
        read.extend(execution.nodeid for execution in found)
        return found

    monkeypatch.setattr(Datafile, "executions_of", counted)
    unchanged = json.loads(select("--format", "json").out)
    assert read == []
    shop.edit("shop.py", "x.strip()", "x.lstrip()")
    changed = json.loads(select("--format", "json").out)
    assert sorted(read) == sorted({test["nodeid"] for test in changed["tests"]}) != []
    assert unchanged["arguments"] == ["tests/test_price.py::test_wrong"]
    assert unchanged["known_tests"] == changed["known_tests"] == 6
    for answer in (unchanged, changed):
        answer["seconds"] = answer["selected_seconds"] + answer["saved_seconds"]
    # a microsecond a test
    assert unchanged["seconds"] == pytest.approx(changed["seconds"], abs=1e-5)
    assert 0 < unchanged["selected_seconds"] < unchanged["seconds"]


def test_a_failure_is_remembered_while_later_runs_leave_the_test_out(
    shop: Project, select: Select
) -> None:
    assert shop.testmon("collect", "-q", "tests/test_name.py").code == 0
    assert _lines(select()) == ["tests/test_price.py::test_wrong"]
    assert json.loads(select("--format", "json").out)["known_tests"] == 6


def test_a_new_file_is_found_where_nothing_else_has_changed(shop: Project, select: Select) -> None:
    (shop.path / "tests" / "notes.txt").write_text("nothing to test\n")
    assert _lines(select("--no-failed")) == []
    shop.write({"tests/test_new.py": "def test_new(): pass\n"})
    assert _lines(select("--no-failed")) == ["tests/test_new.py"]


def test_no_failed_keeps_a_failure_that_is_affected(shop: Project, select: Select) -> None:
    shop.edit("shop.py", "x * config.TAX", "config.TAX * x")
    assert _lines(select("--no-failed")) == PRICES


def test_comments_and_what_no_test_needs_select_nothing(shop: Project, select: Select) -> None:
    shop.edit("shop.py", "import config", "import config  # the numbers")
    shop.edit(
        "shop.py", "    return x.strip()", "    return x.strip()\n\n\ndef unused():\n    pass"
    )
    shop.write({"lonely.py": "X = 2\n"})
    assert _lines(select("--no-failed")) == []


def test_reasons_are_sentences(shop: Project, select: Select) -> None:
    shop.edit("config.py", "2", "3")
    shop.edit("shop.py", "x.strip()", "x.rstrip()")
    shop.write({"tests/test_new.py": "def test_new(): pass\n"})
    assert _lines(select("--explain")) == [
        "tests/test_name.py::TestEmpty::test_empty  runs shop.py::name, changed at shop.py:8",
        "tests/test_name.py::test_name[a b]  runs shop.py::name, changed at shop.py:8",
        "tests/test_name.py::test_name[it's]  runs shop.py::name, changed at shop.py:8",
        "tests/test_name.py::test_name[plain]  runs shop.py::name, changed at shop.py:8",
        "tests/test_new.py  new test file",
        "tests/test_price.py::test_price  runs shop.py::price, which mentions TAX, changed at config.py:1",
        "tests/test_price.py::test_wrong  runs shop.py::price, which mentions TAX, changed at config.py:1",
    ]


def test_ids_that_xargs_would_split_become_their_function(shop: Project, select: Select) -> None:
    shop.edit("shop.py", "x.strip()", "x.rstrip()")
    assert _lines(select("tests/test_name.py")) == [NAMES[0], NAMES[1]]
    exact = select("--null", "-k", "name").out
    assert sorted(exact.removesuffix("\0").split("\0")) == [
        "tests/test_name.py::TestEmpty::test_empty",
        "tests/test_name.py::test_name[a b]",
        "tests/test_name.py::test_name[it's]",
        "tests/test_name.py::test_name[plain]",
    ]


def test_paths_and_words_narrow(shop: Project, select: Select) -> None:
    shop.edit("shop.py", "x.strip()", "x.rstrip()")
    assert _lines(select("-k", "empty or wrong")) == [NAMES[0], PRICES[1]]
    assert _lines(select("-k", "test_name and not (plain or empty)")) == [
        "tests/test_name.py::test_name"
    ]
    assert _lines(select("tests/test_price.py")) == [PRICES[1]]
    assert _lines(select("tests/test_name.py::TestEmpty", "tests/test_price.py")) == [
        NAMES[0],
        PRICES[1],
    ]
    assert _lines(select("tests/test_name.py::test_name[plain]")) == [
        "tests/test_name.py::test_name[plain]"
    ]


def test_a_new_test_in_a_known_file(shop: Project, select: Select) -> None:
    shop.edit(
        "tests/test_price.py", "import shop\n", "import shop\n\n\ndef test_new():\n    pass\n"
    )
    assert _lines(select("--no-failed", "--explain")) == [
        "tests/test_price.py::test_new  new test at tests/test_price.py:4"
    ]


def test_a_test_that_went_is_not_printed(shop: Project, select: Select) -> None:
    shop.edit("tests/test_price.py", "def test_wrong():\n    assert shop.price(2) == 5\n", "")
    assert _lines(select()) == []
    (shop.path / "tests/test_name.py").unlink()
    shop.edit("shop.py", "x.strip()", "x.rstrip()")
    assert _lines(select()) == []


def test_a_renamed_file_is_new(shop: Project, select: Select) -> None:
    (shop.path / "tests/test_price.py").rename(shop.path / "tests/test_cost.py")
    assert _lines(select()) == ["tests/test_cost.py"]


def test_a_renamed_test_is_new_under_its_name(shop: Project, select: Select) -> None:
    shop.edit("tests/test_price.py", "def test_wrong", "def test_right")
    assert _lines(select()) == ["tests/test_price.py::test_right"]


def test_an_unparsable_source_is_named_and_its_dependents_are_selected(
    shop: Project, select: Select
) -> None:
    shop.write({"config.py": "TAX = (\n"})
    answer = select()
    assert sorted(answer.out.splitlines()) == ["tests/test_name.py", "tests/test_price.py"]
    assert answer.err == "testmon: config.py does not parse: '(' was never closed (line 1)\n"
    assert answer.code == 0


def test_an_unparsable_test_file_is_printed_itself(shop: Project, select: Select) -> None:
    shop.write({"tests/test_price.py": "def test_price(:\n"})
    answer = select("--no-failed")
    assert (answer.code, answer.out) == (0, "tests/test_price.py\n")
    assert answer.err.startswith("testmon: tests/test_price.py does not parse: invalid syntax")


def test_another_environment_selects_everything(select: Select) -> None:
    answer = select("--env", "other")
    assert (answer.code, answer.out) == (0, "tests/test_name.py\ntests/test_price.py\n")
    assert answer.err.startswith(
        "testmon: nothing was collected for environment 'other' with Python 3."
    )


def test_without_a_datafile_everything_is_selected(shop: Project, select: Select) -> None:
    (shop.path / ".testmondata").unlink()
    assert select() == Answer(
        0,
        "tests/test_name.py\ntests/test_price.py\n",
        f"testmon: no datafile {shop.path}/.testmondata: everything is selected; run `testmon collect` first\n",
    )


def test_options_of_pytest_that_change_select_everything(shop: Project, select: Select) -> None:
    shop.edit("pyproject.toml", "[project]", "# the shop\n[project]")
    assert _lines(select("--no-failed")) == []
    shop.edit(
        "pyproject.toml", "[project]", "[tool.pytest.ini_options]\naddopts = '-ra'\n[project]"
    )
    assert {line.partition("  ")[2] for line in _lines(select("--explain")) if "[" not in line} >= {
        "configuration of pytest in pyproject.toml changed"
    }
    assert _lines(select()) == ["tests/test_name.py", "tests/test_price.py"]


def test_a_project_that_moved_is_the_same(
    shop: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = shop.path.rename(tmp_path / "elsewhere")
    for file in moved.rglob("*.py"):
        file.touch()
    assert main(["-C", str(moved), "select", "--no-failed"]) == 0
    assert capsys.readouterr() == ("", "")
    datafile = (moved / ".testmondata").rename(tmp_path / "kept")
    assert main(["-C", str(moved), "select", "--no-failed", "--datafile", str(datafile)]) == 0
    assert capsys.readouterr() == ("", "")


def test_json_holds_the_chain_of_each_reason(shop: Project, select: Select) -> None:
    shop.edit("config.py", "2", "3")
    answer = json.loads(select("--format", "json", "-k", "test_price and not wrong").out)
    assert answer.pop("saved_seconds") > 0 < answer.pop("selected_seconds")
    assert answer == {
        "version": 1,
        "verdict": "some",
        "reason": "1 of 6 known tests: runs shop.py::price, which mentions TAX, changed at config.py:1",
        "command": f"pytest {PRICES[0]}",
        "arguments": [PRICES[0]],
        "tests": [
            {
                "nodeid": PRICES[0],
                "argument": PRICES[0],
                "reason": {
                    "kind": "affected",
                    "text": "runs shop.py::price, which mentions TAX, changed at config.py:1",
                    "chain": [
                        {
                            "kind": "block",
                            "how": "mentions",
                            "path": "shop.py",
                            "name": "price",
                            "line": 4,
                        },
                        {
                            "kind": "definition",
                            "how": "changed",
                            "path": "config.py",
                            "name": "TAX",
                            "line": 1,
                        },
                    ],
                },
            }
        ],
        "known_tests": 6,
        "unparsable": [],
        "notes": [],
    }


def test_why_not_is_explain_of_a_test(shop: Project, select: Select) -> None:
    found = select("--why-not", PRICES[0])
    assert found == shop.testmon("explain", PRICES[0])
    first, *lines = found.out.splitlines()
    assert first.startswith(f"{PRICES[0]} passed in ")
    assert lines == [
        "It is not selected. It would be, if one of these changed:",
        "code that it ran:",
        "  shop.py:4 price",
        "  tests/test_price.py:4 test_price",
        "definitions that this code mentions:",
        "  config.py:1 TAX, by price",
        "files that are imported:",
        "  config.py",
        "  conftest.py",
        "  shop.py",
        "  tests/test_price.py",
        "and the configuration of pytest, pytest and its plugins",
    ]
    shop.edit("shop.py", "x * config.TAX", "config.TAX * x")
    reason = select("--why-not", PRICES[0]).out.splitlines()[1]
    assert reason == "It is selected: runs shop.py::price, changed at shop.py:4"
    message = f"no such file: nowhere.py; give paths relative to {shop.path}"
    assert select("--why-not", "nowhere.py::test") == Answer(64, "", f"testmon: error: {message}\n")


def _edit_a_lot(shop: Project) -> None:
    shop.edit("shop.py", "x.strip()", "x.rstrip()")
    shop.edit("tests/test_name.py", '"plain"', '"simple"')
    shop.edit("tests/test_name.py", "def test_empty", "def test_blank")
    shop.edit("tests/test_price.py", "def test_price", "def test_cost")
    shop.write({"tests/test_new.py": "def test_new(): pass\n", "config.py": "TAX = 4\n"})


@pytest.mark.parametrize("how", ["pytest @affected.txt", "xargs -r pytest < affected.txt"])
def test_pytest_accepts_all_that_is_printed(shop: Project, select: Select, how: str) -> None:
    _edit_a_lot(shop)
    (shop.path / "affected.txt").write_text(select().out, encoding="utf-8")
    answer = shop.run("sh", "-c", how.replace("pytest", f"{sys.executable} -m pytest -q"))
    assert answer.out.splitlines()[-1].startswith("2 failed, 5 passed"), answer.out


def test_null_is_for_xargs_0(shop: Project, select: Select) -> None:
    shop.edit("shop.py", "x.strip()", "x.rstrip()")
    chosen = select("--null", "--no-failed").out
    answer = shop.run("xargs", "-0", "-r", sys.executable, "-m", "pytest", "-q", stdin=chosen)
    assert answer.out.splitlines()[-1].startswith("4 passed in ")


def _with_another_model(shop: Project) -> None:
    with closing(sqlite3.connect(shop.path / ".testmondata")) as driver, driver:
        driver.execute("PRAGMA user_version = 0")  # the seal
        driver.execute("UPDATE source_version SET model_key = '0-3.0' WHERE model_key != '-'")
        driver.execute("UPDATE source_model SET model = x'00', names = x'00'")


def test_what_another_version_of_testmon_recorded_holds_while_nothing_changes(
    shop: Project, select: Select
) -> None:
    _with_another_model(shop)
    assert _lines(select("--no-failed")) == []


def test_what_another_version_of_testmon_recorded_is_never_compared(
    shop: Project, select: Select
) -> None:
    _with_another_model(shop)
    shop.edit("lonely.py", "X = 1", "X = 2")
    shop.write({"more.py": "Y = 1\n"})
    assert _lines(select()) == ["tests/test_name.py", "tests/test_price.py"]
    reason = "recorded by another version of testmon, which read sources in another way"
    assert f"{PRICES[0]}  {reason}" in _lines(select("--explain"))
    assert shop.testmon("diff").code == shop.testmon("select", "--why-not", PRICES[0]).code == 0


def test_a_new_test_is_seen_where_a_change_concerns_all_tests(
    shop: Project, select: Select
) -> None:
    shop.edit(
        "tests/test_price.py",
        "def test_price():",
        "def test_more():\n    pass\n\n\ndef test_price():",
    )
    shop.edit("tests/test_price.py", "test_wrong", "test_right")
    with closing(sqlite3.connect(shop.path / ".testmondata")) as driver, driver:
        (text,) = driver.execute("SELECT packages FROM package_set").fetchone()
        listed = [
            [name, "0" if name == "pytest" else version, *rest]
            for name, version, *rest in json.loads(text)
        ]
        driver.execute("PRAGMA user_version = 0")  # the seal
        driver.execute("UPDATE package_set SET packages = ?", (json.dumps(listed),))
    found = _lines(select("tests/test_price.py"))
    assert found == [
        f"tests/test_price.py::{name}" for name in ("test_more", "test_price", "test_right")
    ]


def test_what_is_not_known_of_a_fixture_is_told(project: Project) -> None:
    project.write(
        {
            "pyproject.toml": "",
            "test_made.py": """
                import sys

                import pytest


                @pytest.fixture(scope="module")
                def untraced():
                    sys.settrace(None)


                def test_uses(untraced):
                    pass


                def test_alone():
                    pass
                """,
        }
    )
    assert project.testmon("collect", "-q", "--engine", "coverage").code == 0
    assert project.testmon("select", "--explain").out == (
        "test_made.py::test_uses  untraced, which is not known in full: the trace function was replaced while it ran\n"
    )


LOOKING = {
    "parts.py": "def part_a():\n    return 1\n",
    "asking.py": """
        import parts


        def ask(name):
            return hasattr(parts, "part_" + name)
        """,
    "test_asking.py": """
        from asking import ask


        def test_a():
            assert ask("a")


        def test_b():
            assert not ask("b")
        """,
}
LOOKED_UP = [
    pytest.param(
        "probes",
        "test_asking.py::test_b  runs asking.py::ask, which looks up part_b, added at parts.py:5\n",
        id="recorded",
    ),
    pytest.param(
        "coverage",
        "test_asking.py::test_a  runs asking.py::ask, which may look up part_b, added at parts.py:5\n"
        "test_asking.py::test_b  runs asking.py::ask, which may look up part_b, added at parts.py:5\n",
        id="not-recorded",
    ),
]


@pytest.mark.parametrize(("engine", "wanted"), LOOKED_UP)
def test_names_that_are_looked_up_are_known_where_they_are_recorded(
    project: Project, engine: str, wanted: str
) -> None:
    project.write(LOOKING)
    assert project.testmon("collect", "-q", "--engine", engine).code == 0
    with (project.path / "parts.py").open("a") as handle:
        handle.write("\n\ndef part_b():\n    return 2\n")

    assert sorted(project.testmon("select", "--explain").out.splitlines()) == wanted.splitlines()


def test_new_tests_of_a_file_that_pytest_was_given_by_name(project: Project) -> None:
    text = "class TestOld:\n    def test_old(self):\n        pass\n"
    project.write({"checks.py": text})
    assert project.testmon("collect", "-q", "checks.py").code == 0
    assert project.testmon("select").out == ""
    project.write(
        {
            "checks.py": f"{text}\n    def test_more(self):\n        pass\n\n\ndef test_new():\n    pass\n"
        }
    )
    assert project.testmon("select").out == "checks.py::TestOld::test_more\nchecks.py::test_new\n"


def test_nothing_more_is_looked_for_once_all_of_many_tests_are_hit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their parameters may be others as well: pytest is given the files."""
    rates = Project(tmp_path)
    rates.write(
        {
            "rates.py": "RATES = [1, 2]\n",
            "tests/test_rates.py": """
                import pytest

                import rates


                @pytest.mark.parametrize("rate", rates.RATES)
                def test_rate(rate):
                    assert rate


                def test_rates():
                    assert rates.RATES
                """,
        }
    )
    rates.testmon("collect", "-q")
    rates.edit("rates.py", "[1, 2]", "[1, 3]")
    looked: list[object] = []
    monkeypatch.setattr(affected_traces, "_MANY", 3)
    monkeypatch.setattr(affected_traces.RunMatcher, "_memoised", lambda self: looked.append(self))

    main(["-C", str(tmp_path), "select"])
    assert capsys.readouterr().out.split() == ["tests/test_rates.py"]
    assert not looked

    monkeypatch.setattr(affected_traces, "_MANY", 4)
    main(["-C", str(tmp_path), "select"])
    assert looked
