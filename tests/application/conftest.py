"""A project that is collected once, with a bit of everything that a test can rely on."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Project

DEPOT = {
    "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\n",
    "depot/__init__.py": "",
    "depot/rates.py": """
        BASE = 3
        TABLE = {"near": BASE}


        def rate(name):
            if name in TABLE:
                return TABLE[name]
            return 0


        def label(name):
            return name.upper()
        """,
    "depot/files.py": """
        import os

        import click


        def notes():
            with open("notes.txt") as file:
                return file.read()


        def mode():
            return os.environ.get("DEPOT_MODE", "none")


        def later():
            from depot import lazy

            return lazy.ONE
        """,
    "depot/lazy.py": "ONE = 1\n",
    "notes.txt": "hello",
    "tests/conftest.py": """
        import pytest

        from depot.rates import rate


        @pytest.fixture(scope="session")
        def near():
            yield rate("near")
            assert rate("far") == 0
        """,
    "tests/test_rates.py": """
        from depot import rates


        def test_near(near):
            assert near == 3


        def test_label():
            assert rates.label("a") == "A"
        """,
    "tests/test_files.py": """
        from depot.files import later, mode, notes


        def test_notes():
            assert notes() == "hello"


        def test_mode():
            assert mode() == "none"


        def test_later():
            assert later() == 1
        """,
}


@pytest.fixture(scope="session")
def _depot_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("depot"))
    project.write(DEPOT)
    assert project.testmon("collect", "-q").code == 0
    return project.path


@pytest.fixture
def depot(_depot_once: Path, tmp_path: Path) -> Project:
    """A copy of it."""
    return Project(shutil.copytree(_depot_once, tmp_path / "depot"))
