"""What PATHS and -k leave of a selection, on a project that was collected once."""

import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from testmon_cli.application.select.filters import paths_in
from testmon_cli.cli import main
from tests.conftest import Answer, Project

FILES = {
    "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\nmarkers = ['slow', 'db']\n",
    "shop/__init__.py": "",
    "shop/price.py": """
        from shop.rates import RATE


        def price(x):
            return x * RATE
        """,
    "shop/rates.py": "RATE = 2\n",
    "shop/idle.py": "X = 1\n",
    "data/rows.txt": "1\n",
    "data/limit.txt": "9\n",
    "notes.md": "Nobody reads this.\n",
    "tests/unit/helper.py": "ONE = 1\n",
    "tests/unit/test_price.py": """
        import pytest

        from shop.price import price


        def test_price():
            assert price(2) == 4


        @pytest.mark.slow
        def test_large():
            assert price(2000) == 4000
        """,
    "tests/unit/test_plain.py": """
        def test_plain():
            assert 1 == 1
        """,
    "tests/test_data.py": """
        from pathlib import Path

        import pytest


        @pytest.mark.parametrize("name", ["rows", pytest.param("none", marks=pytest.mark.db)])
        def test_rows(name):
            assert Path("data/rows.txt").read_text()


        class TestTable:
            @pytest.mark.db
            def test_table(self):
                assert Path("data/rows.txt").read_text()

            def test_other(self):
                assert Path("data/rows.txt").read_text()
        """,
    "tests/test_limit.py": """
        from pathlib import Path

        LIMIT = Path("data/limit.txt").read_text()


        def test_limit():
            assert LIMIT
        """,
}
LARGE = "tests/unit/test_price.py::test_large"
PRICE = "tests/unit/test_price.py::test_price"
PLAIN = "tests/unit/test_plain.py::test_plain"
TABLE = "tests/test_data.py::TestTable::test_table"
OTHER = "tests/test_data.py::TestTable::test_other"
ROWS = "tests/test_data.py::test_rows[rows]"
NONE = "tests/test_data.py::test_rows[none]"
LIMIT = "tests/test_limit.py::test_limit"

Select = Callable[..., Answer]


@pytest.fixture(scope="module")
def _collected_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("collected"))
    project.write(FILES)
    assert project.testmon("collect", "-q").code == 0
    return project.path


@pytest.fixture
def shop(_collected_once: Path, tmp_path: Path) -> Project:
    """A copy of the project."""
    return Project(shutil.copytree(_collected_once, tmp_path / "shop"))


@pytest.fixture
def edited(shop: Project) -> Project:
    """The project after edits that affect every test but one."""
    shop.edit("shop/rates.py", "2", "3")
    shop.write({"data/rows.txt": "2\n", "data/limit.txt": "8\n"})
    return shop


@pytest.fixture
def select(shop: Project, capsys: pytest.CaptureFixture[str]) -> Select:
    """Run `testmon select` with options."""

    def run(*options: str, directory: str = "") -> Answer:
        code = main(["-C", str(shop.path / directory), "select", *options])
        return Answer(code, *capsys.readouterr())

    return run


def _lines(answer: Answer) -> list[str]:
    assert (answer.code, answer.err) == (0, "")
    return sorted(answer.out.splitlines())


# PATHS


@pytest.mark.usefixtures("edited")
@pytest.mark.parametrize(
    ("path", "tests"),
    [
        (".", [OTHER, TABLE, NONE, ROWS, LIMIT, LARGE, PRICE]),
        ("shop/price.py", [LARGE, PRICE]),
        ("shop/rates.py", [LARGE, PRICE]),
        ("shop/idle.py", []),
        ("shop", [LARGE, PRICE]),
        ("data/rows.txt", [OTHER, TABLE, NONE, ROWS]),
        ("data/limit.txt", [LIMIT]),
        ("data", [OTHER, TABLE, NONE, ROWS, LIMIT]),
        ("notes.md", []),
        ("tests/unit", [LARGE, PRICE]),
        ("tests/unit/helper.py", []),
        ("tests/unit/test_price.py", [LARGE, PRICE]),
        (PRICE, [PRICE]),
        ("tests/test_data.py::TestTable", [OTHER, TABLE]),
        ("tests/test_data.py::test_rows", [NONE, ROWS]),
    ],
)
def test_a_path_means_the_selected_tests_that_stand_there_or_can_be_affected_from_there(
    select: Select, path: str, tests: list[str]
) -> None:
    assert _lines(select(path)) == tests


def test_a_path_that_was_not_edited_has_no_more_to_say_than_the_selection(select: Select) -> None:
    assert _lines(select("shop/price.py", "data", "tests")) == []


def test_new_tests_may_need_what_others_need_from_elsewhere(shop: Project, select: Select) -> None:
    shop.write({"tests/test_new.py": "def test_new():\n    pass\n"})
    assert _lines(select("shop/price.py")) == ["tests/test_new.py"]
    assert _lines(select("notes.md")) == ["tests/test_new.py"]
    assert _lines(select("tests/unit")) == []
    assert _lines(select("tests/test_new.py::test_new")) == ["tests/test_new.py"]


def test_a_file_that_came_and_one_that_went(shop: Project, select: Select) -> None:
    shop.edit("tests/unit/test_plain.py", "    assert 1 == 1", "    from shop import late")
    shop.write({"shop/late.py": "X = 1\n"})
    (shop.path / "shop" / "rates.py").unlink()
    assert _lines(select("shop/late.py")) == [PLAIN]
    assert _lines(select("shop/rates.py")) == ["tests/unit/test_price.py"]
    assert _lines(select("tests/unit/test_plain.py")) == [PLAIN]


def test_the_configuration_of_pytest_may_affect_every_test(shop: Project, select: Select) -> None:
    shop.edit("pyproject.toml", "'db'", "'db', 'fast'")
    assert len(_lines(select("pyproject.toml"))) == 4
    assert _lines(select("notes.md")) == []


def test_without_a_datafile_a_source_may_affect_every_test(shop: Project, select: Select) -> None:
    (shop.path / ".testmondata").unlink()
    everything = [
        "tests/test_data.py",
        "tests/test_limit.py",
        "tests/unit/test_plain.py",
        "tests/unit/test_price.py",
    ]
    assert sorted(select("shop/price.py").out.splitlines()) == everything
    assert sorted(select("tests/unit").out.splitlines()) == everything[2:]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere", "no such file or folder: nowhere; give paths relative to {root}"),
        ("nowhere.py::test", "no such file or folder: nowhere.py; give paths relative to {root}"),
        ("x" * 5000, f"no such file or folder: {'x' * 5000}; give paths relative to {{root}}"),
        ("/etc/passwd", "/etc/passwd is outside of {root}: name a file or folder of the project"),
        ("..", ".. is outside of {root}: name a file or folder of the project"),
        ("", "'' is not a path: name a file, a folder or a test"),
        (
            "tests/test_data.py::nonexistent",
            "no such test in tests/test_data.py: nonexistent; {list} tests/test_data.py",
        ),
        (
            "tests/test_data.py::TestTable::test_no",
            "no such test in tests/test_data.py: TestTable::test_no; {list} tests",
        ),
        ("shop::test", "no such test in shop: test; {list} shop"),
    ],
)
def test_what_is_no_path_of_the_project_is_an_error(
    shop: Project, select: Select, path: str, message: str
) -> None:
    answer = select(path)
    wanted = message.format(root=shop.path, list="`pytest --collect-only -q")
    assert (answer.code, answer.out, answer.err.count("\n")) == (64, "", 1)
    assert answer.err.startswith(f"testmon: error: {wanted}")


def test_a_test_that_is_gone_is_no_test(shop: Project, select: Select) -> None:
    shop.edit("tests/unit/test_plain.py", "test_plain", "test_renamed")
    assert select(PLAIN).code == 64
    (shop.path / "tests" / "test_limit.py").unlink()
    assert select(LIMIT).err.startswith(
        "testmon: error: no such file or folder: tests/test_limit.py; "
    )


def test_a_source_that_is_excluded_is_named(shop: Project, select: Select) -> None:
    shop.edit(
        "pyproject.toml", "[tool.pytest", "[tool.testmon]\nexclude = ['gen*']\n\n[tool.pytest"
    )
    shop.write({"gen.py": "X = 1\n"})
    note = "testmon: gen.py is not looked at: excluded, or not of the project\n"
    assert select("gen.py") == Answer(0, "", note)


def test_paths_are_relative_to_where_one_is_or_to_the_root(edited: Project, select: Select) -> None:
    for path in ("test_price.py", "../../shop/price.py", "tests/unit/test_price.py", PRICE, "."):
        found = _lines(select(path, directory="tests/unit"))
        assert found == ["test_price.py::test_price"] if "::" in path else len(found) == 2, path


def test_a_name_with_the_signs_of_a_node_id(shop: Project, select: Select) -> None:
    shop.write({"odd::name.txt": "1\n"})
    assert _lines(select("odd::name.txt")) == []


def test_paths_from_a_list(
    edited: Project, select: Select, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of(listed: str) -> Answer:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(listed.encode())))
        answer = select("--stdin")
        return Answer(
            answer.code, "".join(sorted(answer.out.splitlines(keepends=True))), answer.err
        )

    assert of("shop/price.py\ntests/test_data.py::TestTable\n").out.split() == [
        OTHER,
        TABLE,
        LARGE,
        PRICE,
    ]
    assert of("shop/price.py\0data/rows.txt\0").out.split() == [
        OTHER,
        TABLE,
        NONE,
        ROWS,
        LARGE,
        PRICE,
    ]
    assert of("") == Answer(0, "", "")
    missing = f"no such file or folder: old.md; give paths relative to {edited.path}\n"
    assert of("old.md\nshop/price.py\n") == Answer(0, f"{LARGE}\n{PRICE}\n", f"testmon: {missing}")
    assert of("old.md\n") == Answer(64, "", f"testmon: error: {missing}")


def test_a_list_as_git_writes_it() -> None:
    assert paths_in(b'a b.py\n"caf\\303\\251 \\"x\\".py"\r\n\n"odd\n') == [
        "a b.py",
        'café "x".py',
        '"odd',
    ]
    assert paths_in(b"a\nb.py\0c.py\0") == ["a\nb.py", "c.py"]


# -k


@pytest.mark.parametrize(
    ("expression", "tests"),
    [
        ("price", [LARGE, PRICE]),
        ("SLOW", [LARGE]),
        ("not slow", [OTHER, TABLE, NONE, ROWS, PRICE]),
        ("db", [TABLE, NONE]),
        ("not db", [OTHER, ROWS, LARGE, PRICE]),
        ("parametrize", [NONE, ROWS]),
        ("none or (unit and not slow)", [NONE, PRICE]),
        ("nosuch", []),
        (" ", [OTHER, TABLE, NONE, ROWS, LARGE, PRICE]),
    ],
)
def test_words_match_names_and_recorded_keywords(
    edited: Project, select: Select, expression: str, tests: list[str]
) -> None:
    edited.write({"data/limit.txt": "9\n"})
    assert _lines(select("-k", expression)) == tests


def test_where_keywords_may_be_others_now_a_test_is_kept(shop: Project, select: Select) -> None:
    shop.edit("tests/unit/test_price.py", "def test_price", "@pytest.mark.db\ndef test_price")
    shop.write({"tests/test_new.py": "def test_new():\n    pass\n"})
    assert _lines(select("-k", "db")) == ["tests/test_new.py", PRICE]
    assert _lines(select("-k", "not price")) == ["tests/test_new.py"]
    assert _lines(select("-k", "not new")) == [PRICE]


def test_an_expression_that_pytest_would_refuse_is_an_error(select: Select) -> None:
    message = "wrong expression passed to -k: '(a or b': at column 8: expected right parenthesis; got end of input"
    assert select("-k", "(a or b") == Answer(64, "", f"testmon: error: {message}\n")
