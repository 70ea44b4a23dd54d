"""What `testmon diff` prints, on a project that was collected."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import Answer, Project

FILES = {
    ".gitignore": ".testmondata*\n__pycache__/\n.pytest_cache/\n",
    "pyproject.toml": "",
    "shop.py": '''
        """A shop."""

        TAX = 2


        def price(x):
            return x * TAX


        def name(x):
            if x:
                return x
            return "none"


        class Box:
            size = 1

            def grow(self):
                self.size += 1
        ''',
    "extra.py": "def unused():\n    pass\n",
    "lonely.py": "X = 1\n",
    "test_price.py": """
        import shop


        def test_price():
            assert shop.price(2) == 4


        def test_grow():
            box = shop.Box()
            box.grow()
            assert box.size == 2
        """,
    "test_name.py": """
        import extra
        import shop


        def test_unnamed():
            assert shop.name("") == "none"
        """,
}


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
    """A project with a git revision that was collected as it is there."""
    return Project(shutil.copytree(_collected_once, tmp_path / "shop"))


LAST = "compared with what was last collected: "
HEAD = "compared with git revision HEAD: "


def test_nothing_has_changed_after_a_collect(shop: Project) -> None:
    shop.edit("shop.py", "TAX = 2\n", "# of the last year\nTAX = (2)\n")
    assert shop.testmon("diff") == Answer(0, f"{LAST}0 changes\n", "")
    assert shop.testmon("diff", "--base", "HEAD") == Answer(0, f"{HEAD}0 changes\n", "")


def _edit_everywhere(shop: Project) -> None:
    shop.edit("shop.py", "TAX = 2", "\n\nTAX = 3")
    shop.edit("shop.py", "x * TAX", "x + TAX")
    shop.edit("shop.py", '    return "none"', '    return "nobody"')
    shop.edit("shop.py", "size = 1", "size = 7")
    shop.write(
        {"new.py": "X = 1\n", "test_new.py": "def test_new(): pass\n", "lonely.py": "X = 2\n"}
    )
    (shop.path / "extra.py").unlink()


EVERYWHERE = """
removed file         extra.py  1 test
{}added file           new.py:1  0 tests
changed definition   shop.py:5 TAX  1 test
changed block        shop.py:8 price  1 test
changed block        shop.py:15 name  1 test
changed definition   shop.py:19 Box.size  1 test
added file           test_new.py:1  0 tests
"""


def test_every_change_has_its_place_and_the_number_of_tests_that_depend_on_it(
    shop: Project,
) -> None:
    _edit_everywhere(shop)
    assert shop.testmon("diff") == Answer(0, f"{LAST}7 changes{EVERYWHERE.format('')}", "")


def test_since_a_revision_files_that_no_test_loads_count_as_well(shop: Project) -> None:
    _edit_everywhere(shop)
    lonely = "changed definition   lonely.py:1 X  0 tests\n"
    assert shop.testmon("diff", "--base", "HEAD") == Answer(
        0, f"{HEAD}8 changes{EVERYWHERE.format(lonely)}", ""
    )


def test_the_last_run_that_loaded_a_file_counts_and_is_no_revision(shop: Project) -> None:
    shop.edit("shop.py", "x * TAX", "x * 2")
    assert shop.testmon("collect", "-q", "test_name.py").code == 0
    assert shop.testmon("diff").out == f"{LAST}0 changes\n"
    assert shop.testmon("diff", "--base", "HEAD").out == (
        f"{HEAD}1 change\nchanged block        shop.py:6 price  1 test\n"
    )


def test_diff_and_explain_name_the_same_line(shop: Project) -> None:
    shop.edit(
        "shop.py", '        return x\n    return "none"', '        return x\n    return "nobody"'
    )
    place = "shop.py:13"
    assert (
        shop.testmon("diff").out == f"{LAST}1 change\nchanged block        {place} name  1 test\n"
    )
    reason = f"runs shop.py::name, changed at {place}"
    assert shop.testmon("select", "--explain").out == f"test_name.py::test_unnamed  {reason}\n"


def test_tests_that_ran_a_block_as_it_is_now_count_since_a_revision(shop: Project) -> None:
    lines = f"{HEAD}1 change\nchanged block        shop.py:6 price  1 test\n"
    shop.edit("shop.py", "x * TAX", "TAX * x")
    assert shop.testmon("collect", "-q").code == 0
    assert shop.testmon("diff", "--base", "HEAD").out == lines
    shop.edit("shop.py", "TAX * x", "x * TAX * 1")  # ran in neither form
    assert shop.testmon("diff", "--base", "HEAD").out == lines


def test_what_went_has_no_line_and_what_came_no_tests(shop: Project) -> None:
    text = (shop.path / "shop.py").read_text()
    shop.write({"shop.py": text.partition("class Box")[0] + "def late():\n    pass\n"})
    assert shop.testmon("diff").out == (
        f"{LAST}4 changes\n"
        "removed definition   shop.py Box  1 test\n"
        "removed block        shop.py Box.grow  1 test\n"
        "added block          shop.py:16 late  0 tests\n"
        "added definition     shop.py:16 late  0 tests\n"
    )


def test_documentation_is_a_change_of_its_own_kind(shop: Project) -> None:
    shop.edit("shop.py", "def name(x):", "def name(x: str) -> str:")
    assert (
        shop.testmon("diff").out
        == f"{LAST}1 change\nannotation definition shop.py:10 name  0 tests\n"
    )


def test_a_file_that_does_not_parse_shows_the_error(shop: Project) -> None:
    shop.write({"shop.py": "def (\n"})
    line = "changed file         shop.py:1 (does not parse: invalid syntax)  3 tests\n"
    assert shop.testmon("diff") == Answer(0, f"{LAST}1 change\n{line}", "")
    assert shop.testmon("diff", "--base", "HEAD") == Answer(0, f"{HEAD}1 change\n{line}", "")


def test_the_configuration_of_pytest_concerns_all_tests(shop: Project) -> None:
    shop.write({"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-ra'\n"})
    assert (
        shop.testmon("diff").out
        == f"{LAST}1 change\nchanged config       pyproject.toml options of pytest  3 tests\n"
    )


def test_json_holds_the_same(shop: Project) -> None:
    shop.edit("shop.py", "x * TAX", "x + TAX")
    shop.write({"extra.py": "def (\n"})
    answer = shop.testmon("diff", "--format", "json")
    assert (answer.code, answer.err) == (0, "")
    broken, changed = json.loads(answer.out)["changes"]
    assert json.loads(answer.out) == {
        "version": 1,
        "base": "what was last collected",
        "changes": [broken, changed],
        "notes": [],
    }
    assert broken == {
        "how": "changed",
        "category": "file",
        "path": "extra.py",
        "name": "",
        "line": 1,
        "tests": 1,
        "detail": "does not parse: invalid syntax",
    }
    assert changed == {
        "how": "changed",
        "category": "block",
        "path": "shop.py",
        "name": "price",
        "line": 6,
        "tests": 1,
        "detail": "",
    }


def test_a_file_that_went_is_over_once_all_was_collected_without_it(shop: Project) -> None:
    (shop.path / "extra.py").unlink()
    shop.edit("test_name.py", "import extra\n", "")
    gone = "removed file         extra.py  1 test\n"
    assert gone in shop.testmon("diff").out
    assert shop.testmon("collect", "-q", "test_price.py").code == 0
    assert gone in shop.testmon("diff").out  # test_unnamed did not run yet
    assert shop.testmon("collect", "-q").code == 0
    assert shop.testmon("diff").out == f"{LAST}0 changes\n"


READING = {
    "pyproject.toml": "",
    "test_reading.py": """
        import os
        from pathlib import Path

        LIMIT = Path("limit.txt").read_text()


        def test_data():
            assert Path("data/rows.txt").read_text()


        def test_optional():
            assert not Path("optional.txt").exists()


        def test_listing():
            assert os.listdir("data")


        def test_variable():
            assert os.environ.get("SHOP_MODE") is None


        def test_again():
            assert Path("data/rows.txt").read_text()
        """,
    "test_lone.py": """
        def test_lone():
            pass
        """,
    "data/rows.txt": "1\n",
    "limit.txt": "1\n",
}


def test_what_tests_read_shows_as_well(project: Project) -> None:
    project.write(READING)
    assert project.testmon("collect", "-q").code == 0
    assert project.testmon("diff").out == f"{LAST}0 changes\n"
    project.write({"data/rows.txt": "2\n", "optional.txt": "", "data/more.txt": ""})
    (project.path / "limit.txt").unlink()
    assert project.testmon("diff", SHOP_MODE="fast").out == (
        f"{LAST}5 changes\n"
        "changed resource     data (folder)  1 test\n"
        "changed resource     data/rows.txt (data file)  2 tests\n"
        "removed resource     limit.txt (data file)  5 tests\n"
        "added resource       optional.txt (data file)  1 test\n"
        "added resource       SHOP_MODE (environment variable)  1 test\n"
    )


def _install(site: Path, name: str, version: str, requires: str = "") -> None:
    """Make a distribution of one module."""
    for old in site.glob(f"{name}-*.dist-info"):
        shutil.rmtree(old)
    about = site / f"{name}-{version}.dist-info"
    about.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (about / "METADATA").write_text(metadata + (f"Requires-Dist: {requires}\n" if requires else ""))
    (about / "top_level.txt").write_text(f"{name}\n")
    (site / f"{name}.py").write_text("SIZE = 1\n")


def test_a_package_counts_for_the_tests_that_import_it_or_what_requires_it(
    project: Project, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    for name, requires in (("wheels", ""), ("carts", "wheels"), ("idle", "")):
        _install(site, name, "1.0", requires)
    project.write({
        "test_direct.py": "import wheels\n\ndef test_direct():\n    assert wheels.SIZE\n",
        "test_through.py": "import carts\n\ndef test_through():\n    assert carts.SIZE\n",
        "test_without.py": "def test_without():\n    pass\n",
    })  # fmt: skip
    assert project.testmon("collect", "-q", PYTHONPATH=str(site)).code == 0
    for name in ("wheels", "idle"):
        _install(site, name, "1.1")
    assert project.testmon("diff", PYTHONPATH=str(site)).out == (
        f"{LAST}2 changes\n"
        "changed package      idle 1.0 -> 1.1  0 tests\n"
        "changed package      wheels 1.0 -> 1.1  2 tests\n"
    )
    assert len(project.testmon("select", PYTHONPATH=str(site)).out.splitlines()) == 2


def test_a_plugin_of_pytest_counts_for_all_tests(project: Project, tmp_path: Path) -> None:
    site = tmp_path / "site"
    _install(site, "plug", "1.0")
    (site / "plug-1.0.dist-info" / "entry_points.txt").write_text("[pytest11]\nplug = plug\n")
    project.write({"test_one.py": "def test_one():\n    pass\n\ndef test_two():\n    pass\n"})
    # An empty value lets pytest load it of itself.
    assert (
        project.testmon(
            "collect", "-q", PYTHONPATH=str(site), PYTEST_DISABLE_PLUGIN_AUTOLOAD=""
        ).code
        == 0
    )
    _install(site, "plug", "1.1")
    line = "changed package      plug 1.0 -> 1.1  2 tests\n"
    assert project.testmon("diff", PYTHONPATH=str(site)).out == f"{LAST}1 change\n{line}"


def _repository(folder: Path, files: dict[str, str]) -> Project:
    """A git repository whose project stands in a folder of it."""
    repository = Project(folder)
    folder.mkdir()
    repository.write(files)
    repository.git("init", "-q")
    repository.git("add", ".")
    repository.git("commit", "-qm", "first")
    return Project(folder / "app")


def test_a_revision_holds_what_the_scan_of_sources_would_find(tmp_path: Path) -> None:
    project = _repository(
        tmp_path / "repository",
        {
            ".gitignore": "made.py\n",
            "app/pyproject.toml": "[tool.testmon]\nsource = ['../lib', '../../far']\nexclude = ['vendored']\n",
            "app/one.py": "X = 1\n",
            "app/vendored/two.py": "X = 1\n",
            "app/vendored/three.py": "X = 1\n",
            "lib/four.py": "X = 1\n",
            "other/five.py": "X = 1\n",
        },
    )
    project.write({
        "made.py": "X = 1\n",  # git does not keep it
        "new.py": "X = 1\n",
        "vendored/two.py": "X = 2\n",
        "../lib/four.py": "X = 2\n",
        "../other/five.py": "X = 2\n",
        "../../far/six.py": "X = 1\n",
    })  # fmt: skip
    (project.path / "vendored" / "three.py").unlink()
    assert project.testmon("diff", "--base", "HEAD") == Answer(
        0,
        f"{HEAD}2 changes\n"
        "changed definition   ../lib/four.py:1 X  0 tests\n"
        "added file           new.py:1  0 tests\n"
        "not compared, as it is not in the git repository: ../../far\n",
        "",
    )


def test_a_symbolic_link_is_not_a_change(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "link.py").symlink_to("one.py")
    folder.rename(tmp_path / "linked")
    project = Project(tmp_path / "linked")
    project.write({"app/pyproject.toml": "", "app/one.py": "X = 1\n"})
    project.git("init", "-q")
    project.git("add", ".")
    project.git("commit", "-qm", "first")
    assert Project(project.path / "app").testmon("diff", "--base", "HEAD") == Answer(
        0, f"{HEAD}0 changes\n", ""
    )


def test_without_a_repository_or_git_a_revision_is_an_error(project: Project) -> None:
    reason = "not a git repository (or any of the parent directories): .git"
    message = f"testmon: error: --base HEAD: git cannot read {project.path}: {reason}; a comparison needs a commit\n"
    assert project.testmon("diff", "--base", "HEAD") == Answer(66, "", message)
    message = "testmon: error: cannot run git (No such file or directory), which this needs\n"
    assert project.testmon("diff", "--base", "HEAD", PATH=str(project.path)) == Answer(
        66, "", message
    )


@pytest.mark.parametrize("command", ["diff", "select", "report"])
def test_an_answer_imports_nothing_that_is_slow_to_import(shop: Project, command: str) -> None:
    shop.edit("shop.py", "TAX = 2\n", "TAX = 3\n")
    heavy = {"_pytest", "alembic", "coverage", "pytest", "rich", "sqlalchemy"}
    code = (
        f"import sys; from testmon_cli.cli import main; main([{command!r}]);"
        f"print(sorted(set(sys.modules) & {heavy!r}), file=sys.stderr)"
    )
    answer = shop.run(sys.executable, "-c", code)
    assert (answer.code, answer.err, answer.out != "") == (0, "[]\n", True)


@pytest.mark.parametrize("command", ["select", "gc"])
def test_nothing_that_parses_is_imported_where_nothing_changed(shop: Project, command: str) -> None:
    parsing = {
        "testmon_cli.analysis.model",
        "testmon_cli.application.invalidate.affected_traces",
        "subprocess",
    }
    code = (
        f"import sys; from testmon_cli.cli import main; main([{command!r}]);"
        f"print(sorted(set(sys.modules) & {parsing!r}), file=sys.stderr)"
    )
    answer = shop.run(sys.executable, "-c", code)
    assert (answer.code, answer.err) == (0, "[]\n")


def test_an_unknown_revision_is_an_error(shop: Project) -> None:
    message = f"testmon: error: git knows no revision 'nosuch' in {shop.path}; give a commit, branch or tag\n"
    assert shop.testmon("diff", "--base", "nosuch") == Answer(66, "", message)


def test_an_environment_without_runs_has_nothing_to_compare_with(shop: Project) -> None:
    first, second = shop.testmon("diff", "--env", "other").out.splitlines()
    assert first == "compared with nothing, as no run was collected: 0 changes"
    assert second.startswith("nothing was collected for environment 'other' with Python 3.")


def test_without_a_datafile_only_a_revision_can_be_compared_with(shop: Project) -> None:
    (shop.path / ".testmondata").unlink()
    shop.edit("shop.py", "x * TAX", "x + TAX")
    assert shop.testmon("diff").out == (
        "compared with nothing, as no run was collected: 0 changes\n"
        f"{shop.path}/.testmondata does not exist: run testmon collect first\n"
    )
    assert (
        shop.testmon("diff", "--base", "HEAD").out
        == f"{HEAD}1 change\nchanged block        shop.py:6 price  0 tests\n"
    )
