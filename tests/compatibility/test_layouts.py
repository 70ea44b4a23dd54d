"""Where a project's files may be: after an edit, the tests that ran the changed function are selected, no others."""

import os
import sys
import textwrap
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.compatibility.suite import Suite
from tests.conftest import Project

SHOP = "def price(x):\n    return x * 2\n\n\ndef name(x):\n    return x\n"
TESTS = """
    from {module} import price, name


    def test_price():
        assert price(2) == 4


    def test_name():
        assert name(2) == 2
    """
INI = "[tool.pytest.ini_options]\n"


def suite_of(module: str) -> str:
    return textwrap.dedent(TESTS.format(module=module))


@dataclass(frozen=True)
class Layout:
    """Files, how they are run, and where the shop is."""

    shop: str
    files: dict[str, str]
    selected: list[str]
    arguments: list[str] = field(default_factory=list)
    folder: str = ""
    environ: dict[str, str] = field(default_factory=dict)


LAYOUTS = {
    "flat": Layout("shop.py", {"test_shop.py": suite_of("shop")}, ["test_shop.py::test_price"]),
    "src": Layout(
        "src/shop/price.py",
        {"pyproject.toml": INI + "pythonpath = ['src']\n", "src/shop/__init__.py": "",
         "tests/test_shop.py": suite_of("shop.price")},
        ["tests/test_shop.py::test_price"],
    ),
    "namespace": Layout(
        "one/ns/shop.py",
        {"pyproject.toml": INI + "pythonpath = ['one', 'two']\n", "two/ns/other.py": "X = 1\n",
         "tests/test_shop.py": "import ns.other\n" + suite_of("ns.shop")},
        ["tests/test_shop.py::test_price"],
    ),
    "tests in the package": Layout(
        "shop/price.py",
        {"shop/__init__.py": "", "shop/tests/__init__.py": "", "shop/tests/test_shop.py": suite_of("..price")},
        ["shop/tests/test_shop.py::test_price"],
    ),
    "several roots": Layout(
        "lib/shop.py",
        {"pyproject.toml": INI + "pythonpath = ['lib']\ntestpaths = ['unit', 'more']\n",
         "unit/test_unit.py": suite_of("shop"), "more/test_more.py": suite_of("shop")},
        ["more/test_more.py::test_price", "unit/test_unit.py::test_price"],
    ),
    "another working directory": Layout(
        "shop.py",
        {"pyproject.toml": INI + "pythonpath = ['.']\n", "tests/unit/test_shop.py": suite_of("shop")},
        ["test_shop.py::test_price"],
        folder="tests/unit",
    ),
    "rootdir elsewhere": Layout(
        "shop.py", {"conf/pytest.ini": "[pytest]\n", "tests/test_shop.py": suite_of("shop")},
        ["tests/test_shop.py::test_price"],
        arguments=["--rootdir=.", "-c", "conf/pytest.ini", "tests"],
    ),
    "append": Layout(
        "shop.py", {"test_shop.py": suite_of("shop")}, ["test_shop.py::test_price"], arguments=["--import-mode=append"]
    ),
    "importlib": Layout(
        "pkg/shop.py",
        {"pkg/__init__.py": "", "pyproject.toml": INI + "addopts = '--import-mode=importlib'\npythonpath = '.'\n",
         "a/test_same.py": suite_of("pkg.shop"), "b/test_same.py": suite_of("pkg.shop")},
        ["a/test_same.py::test_price", "b/test_same.py::test_price"],
    ),
    "no caches": Layout(
        "shop.py", {"test_shop.py": suite_of("shop")}, ["test_shop.py::test_price"],
        arguments=["-p", "no:cacheprovider", "-p", "no:assertion"], environ={"PYTHONDONTWRITEBYTECODE": "1"},
    ),
    "plain asserts": Layout(
        "shop.py", {"test_shop.py": suite_of("shop")}, ["test_shop.py::test_price"], arguments=["--assert=plain"]
    ),
    "spaces and unicode": Layout(
        "my lib/shöp.py",
        {"pyproject.toml": INI + "pythonpath = ['my lib']\n", "the tests/test_shöp.py": suite_of("shöp")},
        ["the tests/test_shöp.py::test_price"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "layout", [pytest.param(layout, id=name) for name, layout in LAYOUTS.items()]
)
def test_layout(suite: Suite, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    for name, value in layout.environ.items():
        monkeypatch.setenv(name, value)
    suite.project.write({layout.shop: SHOP, **layout.files})
    suite = Suite(suite.project, layout.folder)
    assert suite.collect("-q", *layout.arguments) == 0
    assert suite.unsure() == {}
    assert suite.select() == []
    suite.project.edit(layout.shop, "x * 2", "2 * x")
    assert sorted(suite.select(exact=True)) == layout.selected


def test_sources_outside_of_the_root(
    tmp_path: Path, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of an editable install; they count when the setting `source` names them."""
    other = Project(tmp_path / "other")
    other.write({"shop.py": SHOP})
    suite.project.write(
        {
            "pyproject.toml": "[tool.testmon]\nsource = ['../other']\n",
            "test_shop.py": suite_of("shop"),
        }
    )
    monkeypatch.setenv("PYTHONPATH", str(other.path), prepend=os.pathsep)
    assert suite.collect("-q") == 0
    other.edit("shop.py", "x * 2", "2 * x")
    assert suite.select() == ["test_shop.py::test_price"]


def test_one_datafile_per_project(suite: Suite) -> None:
    """In a repository of several projects each keeps its own."""
    for name in ("one", "two"):
        files = {"pyproject.toml": "", "shop.py": SHOP, "test_shop.py": suite_of("shop")}
        suite.project.write({f"{name}/{file}": text for file, text in files.items()})
        assert Suite(suite.project, name).collect("-q") == 0
    suite.project.edit("one/shop.py", "x * 2", "2 * x")
    assert Suite(suite.project, "one").select() == ["test_shop.py::test_price"]
    assert Suite(suite.project, "two").select() == []


def test_links(suite: Suite, tmp_path: Path) -> None:
    """A file reached by another name, and a project that is itself reached by a link."""
    project = suite.project
    project.write(
        {
            "real/shop.py": SHOP,
            "test_shop.py": "import sys\nsys.path.insert(0, 'linked')\n" + suite_of("shop"),
        }
    )
    os.symlink(project.path / "real", project.path / "linked")
    os.symlink(project.path, tmp_path / "elsewhere")
    suite = Suite(Project(tmp_path / "elsewhere"))
    assert suite.collect("-q") == 0
    project.edit("real/shop.py", "x * 2", "2 * x")
    assert suite.select() == ["test_shop.py::test_price"]


def test_a_zipped_package_counts_as_a_file(suite: Suite) -> None:
    """Code in it is not traced: every test relies on the archive."""
    path = suite.project.path / "shop.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("zipped.py", SHOP)
    suite.project.write({
        "test_shop.py": "import sys\nsys.path.insert(0, 'shop.zip')\n" + suite_of("zipped"),
        "test_other.py": "def test_other():\n    pass\n",
    })  # fmt: skip
    assert suite.collect("-q") == 0
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("zipped.py", SHOP.replace("x * 2", "2 * x"))
    assert {argument.partition("::")[0] for argument in suite.select()} == {
        "test_shop.py",
        "test_other.py",
    }


@pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="names of files differ by more than case there"
)
def test_names_that_differ_by_case(suite: Suite) -> None:
    suite.project.write({"shop.py": SHOP, "Shop.py": SHOP, "test_shop.py": suite_of("shop")})
    suite.project.write({"test_Shop.py": suite_of("Shop")})
    assert suite.collect("-q") == 0
    suite.project.edit("Shop.py", "x * 2", "2 * x")
    assert suite.select() == ["test_Shop.py::test_price"]
