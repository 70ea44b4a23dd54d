"""Editable installs of the project itself: their version may change with each commit."""

import json
import os
from pathlib import Path

import pytest

from tests.conftest import Project

SHOP = {
    "src/shop/__init__.py": """
        import sys

        from shop.price import *

        __all__ = joined(sys.modules["shop." + name].__all__ for name in ("price",))
        """,
    "src/shop/about.py": """
        from importlib.metadata import version


        def about():
            return version("shop")
        """,
    "src/shop/price.py": """
        __all__ = ["price", "joined"]


        def price():
            return 3


        def joined(names):
            return [each for some in names for each in some]
        """,
    "test_about.py": """
        from shop.about import about


        def test_about():
            assert about()
        """,
    "test_price.py": """
        from shop.price import price


        def test_price():
            assert price() == 3
        """,
}


class Installed:
    """What `pip install -e .` leaves, in a folder of the import path."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project = project
        self.folder = folder
        self.path = f"{project.path / 'src'}{os.pathsep}{folder}"

    def install(self, version: str, scripts: str = "", place: Path | None = None) -> None:
        for old in self.folder.glob("*.dist-info"):
            for path in old.iterdir():
                path.unlink()
            old.rmdir()
        info = self.folder / f"shop-{version}.dist-info"
        info.mkdir(parents=True)
        url = (place or self.project.path).as_uri()
        files = {
            "METADATA": f"Metadata-Version: 2.1\nName: shop\nVersion: {version}\n",
            "direct_url.json": json.dumps({"url": url, "dir_info": {"editable": True}}),
            "top_level.txt": "shop\n",
            "RECORD": f"__editable__.shop-{version}.pth,sha256=abc,20\n{info.name}/METADATA,sha256={version},60\n",
        }
        if scripts:
            files["entry_points.txt"] = scripts
        for name, text in files.items():
            (info / name).write_text(text)

    def select(self) -> list[str]:
        answer = self.project.testmon("select", PYTHONPATH=self.path)
        assert answer.code == 0, answer
        return answer.out.splitlines()


@pytest.fixture
def installed(project: Project, tmp_path: Path) -> Installed:
    project.write(SHOP)
    found = Installed(project, tmp_path / "site")
    found.install("1.0.dev1")
    assert project.testmon("collect", "-q", PYTHONPATH=found.path).code == 0
    assert found.select() == []
    return found


def test_another_version_matters_to_who_reads_it(installed: Installed) -> None:
    installed.install("1.0.dev2")
    assert installed.select() == ["test_about.py::test_about"]
    answer = installed.project.testmon("select", "--explain", PYTHONPATH=installed.path)
    assert "the metadata of shop changed" in answer.out
    changes = installed.project.testmon("diff", PYTHONPATH=installed.path)
    assert "shop" in changes.out


def test_other_entry_points_matter_to_all_that_import_it(installed: Installed) -> None:
    installed.install("1.0.dev1", "[shop]\nfruit = shop.price:price\n")
    assert len(installed.select()) == 2


def test_the_code_of_an_install_elsewhere_is_not_seen(installed: Installed, tmp_path: Path) -> None:
    installed.install("1.0.dev2", place=tmp_path / "elsewhere")
    assert len(installed.select()) == 2
