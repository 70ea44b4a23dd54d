"""What the comparison of the engines reads, from runs that a test did itself and by a fixture."""

import engines
import pytest

from testmon_cli.storage.datafile import Datafile
from tests.conftest import Project

FILES = {
    "app.py": "def price(x):\n    if x:\n        return 2\n    return 1\n\n\ndef name():\n    return 'a'\n",
    "test_app.py": """
        import pytest

        import app


        @pytest.fixture(scope="module")
        def name():
            return app.name()


        def test_name(name):
            assert name == "a"


        def test_price():
            assert app.price(0) == 1
        """,
}


@pytest.mark.parametrize("engine", ["probes", "coverage"])
def test_what_tests_reached(project: Project, engine: str) -> None:
    project.write(FILES)
    assert project.testmon("collect", "-q", "--engine", engine).code == 0

    with Datafile.open(project.path / ".testmondata") as datafile:
        found = engines.read(datafile)

    reached = {
        test: {b for b in blocks if b.startswith("app.py")} for test, blocks in found.items()
    }
    assert reached == {
        "test_app.py::test_name": {"app.py::name:7"},
        "test_app.py::test_price": {"app.py::price:1", "app.py::price:4"},
    }
