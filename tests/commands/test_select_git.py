"""`testmon select` on what git has: staged files, and the difference to a revision."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Answer, Project

FILES = {
    ".gitignore": ".testmondata*\n.testmon_cache/\n__pycache__/\n.pytest_cache/\nmade.py\n",
    "pyproject.toml": "",
    "made.py": "SIZE = 1\n",
    "shop.py": """
        import made


        def price(x):
            return x * 2


        def name(x):
            return x.strip()


        def rare(x):
            return x
        """,
    "rows.txt": "1\n",
    "test_price.py": """
        import shop


        def test_price():
            assert shop.price(2) > 1
        """,
    "test_name.py": """
        import shop


        def test_name():
            assert shop.name("a") == "a"
        """,
    "test_rows.py": """
        from pathlib import Path


        def test_rows():
            assert Path("rows.txt").read_text()
        """,
}
PRICE, NAME, ROWS = (
    "test_price.py::test_price",
    "test_name.py::test_name",
    "test_rows.py::test_rows",
)


@pytest.fixture(scope="module")
def _collected_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("collected"))
    project.write(FILES)
    project.git("init", "-q")
    project.git("add", ".")
    project.git("commit", "-qm", "first")
    assert project.testmon("collect", "-q").code == 0
    return project.path


@pytest.fixture
def shop(_collected_once: Path, tmp_path: Path) -> Project:
    """A git repository whose first commit was collected."""
    return Project(shutil.copytree(_collected_once, tmp_path / "shop"))


def _select(project: Project, *options: str) -> list[str]:
    answer = project.testmon("select", *options)
    assert (answer.code, answer.err) == (0, "")
    return sorted(answer.out.splitlines())


def test_only_what_is_staged_counts(shop: Project) -> None:
    shop.edit("shop.py", "x * 2", "x * 3")
    shop.git("add", "shop.py")
    shop.edit("shop.py", "x.strip()", "x.rstrip()")
    shop.write({"rows.txt": "2\n", "test_new.py": "def test_new():\n    pass\n"})
    assert _select(shop) == [NAME, "test_new.py", PRICE, ROWS]
    assert _select(shop, "--staged") == [PRICE]
    shop.git("add", "rows.txt", "test_new.py")
    (shop.path / "test_new.py").unlink()
    shop.write({"rows.txt": "1\n"})
    assert _select(shop) == [NAME, PRICE]
    assert _select(shop, "--staged") == ["test_new.py", PRICE, ROWS]


def test_files_that_git_ignores_are_as_they_are(shop: Project) -> None:
    assert _select(shop, "--staged") == []
    (shop.path / "made.py").unlink()
    assert _select(shop, "--staged") == ["test_name.py", "test_price.py"]


def test_the_staged_configuration_of_pytest_counts(shop: Project) -> None:
    shop.write({"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-ra'\n"})
    assert _select(shop, "--staged") == []
    shop.git("add", "pyproject.toml")
    shop.write({"pyproject.toml": ""})
    assert _select(shop, "--staged") == ["test_name.py", "test_price.py", "test_rows.py"]
    assert _select(shop) == []


def test_a_conflict_is_an_error(shop: Project) -> None:
    shop.git("checkout", "-qb", "other")
    shop.edit("shop.py", "x * 2", "x * 4")
    shop.git("commit", "-qam", "other")
    shop.git("checkout", "-q", "-")
    shop.edit("shop.py", "x * 2", "x * 5")
    shop.git("commit", "-qam", "mine")
    assert shop.run("git", "merge", "other").code == 1
    message = "testmon: error: shop.py has a conflict in the index of git: resolve it first\n"
    assert shop.testmon("select", "--staged") == Answer(64, "", message)


def test_the_difference_to_a_revision_is_asked_about_whatever_ran_since(shop: Project) -> None:
    shop.edit("shop.py", "x * 2", "x * 3")
    shop.write({"rows.txt": "2\n"})
    assert shop.testmon("collect", "-q", "test_price.py", "test_rows.py").code == 0
    assert _select(shop) == []
    assert _select(shop, "--base", "HEAD") == [PRICE, ROWS]
    assert _select(shop, "--base", "HEAD", "rows.txt") == [ROWS]
    shop.git("commit", "-qam", "second")
    assert _select(shop, "--base", "HEAD") == []
    assert _select(shop, "--base", "HEAD~1") == [PRICE, ROWS]
    reason = f"{PRICE}  runs shop.py::price, changed at shop.py:4\n"
    assert shop.testmon("select", "--base", "HEAD~1", "-k", "price", "--explain").out == reason


def test_what_changed_since_a_test_ran_counts_where_the_difference_may_matter(
    shop: Project,
) -> None:
    shop.edit("shop.py", "x * 2", "x * 3")
    shop.write({"rows.txt": "2\n"})
    shop.git("commit", "-qam", "second")
    assert _select(shop) == [PRICE, ROWS]
    assert _select(shop, "--base", "HEAD") == []  # nothing differs
    shop.edit("shop.py", "    return x\n", "    return x + 0\n")
    assert _select(shop, "--base", "HEAD") == [PRICE]  # nobody knows what it runs since it changed


def test_one_test_a_file_stands_for_an_import_that_the_difference_may_break(shop: Project) -> None:
    shop.edit("shop.py", "import made\n", "import made\n\nSIZES = made.SIZE * 2\n")
    assert shop.testmon("collect", "-q").code == 0
    assert _select(shop) == []
    assert _select(shop, "--base", "HEAD") == [NAME, PRICE]


def test_files_that_came_and_went_since_a_revision(shop: Project) -> None:
    shop.write({"test_new.py": "def test_new():\n    pass\n"})
    (shop.path / "test_rows.py").unlink()
    shop.git("mv", "test_name.py", "test_names.py")
    assert shop.testmon("collect", "-q").code == 0
    assert _select(shop, "--base", "HEAD") == ["test_names.py::test_name", "test_new.py::test_new"]
    assert _select(shop, "--base", "HEAD", "--staged") == ["test_names.py::test_name"]


def test_other_options_of_pytest_than_in_a_revision_concern_all_tests(shop: Project) -> None:
    shop.write({"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-ra'\n"})
    assert shop.testmon("collect", "-q").code == 0
    assert _select(shop, "--base", "HEAD") == [NAME, PRICE, ROWS]


def test_the_root_may_be_a_folder_of_the_repository(shop: Project) -> None:
    outer = shop.path.parent / "outer"
    outer.mkdir()
    shop.path.rename(outer / "app")
    shutil.rmtree(outer / "app" / ".git")
    repository, app = Project(outer), Project(outer / "app")
    repository.git("init", "-q")
    repository.git("add", ".")
    repository.git("commit", "-qm", "first")
    app.edit("shop.py", "x * 2", "x * 3")
    repository.write({"other.txt": "1\n", "pyproject.toml": ""})
    assert _select(app, "--base", "HEAD") == [PRICE]
    assert _select(app, "--staged") == []
    repository.git("add", "app")
    assert _select(app, "--staged") == [PRICE]


@pytest.mark.parametrize(
    ("option", "what"), [("--staged", "git rev-parse failed in"), ("--base=HEAD", "--base HEAD:")]
)
def test_without_a_repository_it_is_an_error(project: Project, option: str, what: str) -> None:
    answer = project.testmon("select", option)
    assert (answer.code, answer.out, answer.err.count("\n")) == (66, "", 1)
    assert answer.err.startswith(f"testmon: error: {what}")
