"""pytest-xdist: what workers tell adds up to what a serial run stores."""

import pytest

from tests.compatibility.suite import Suite, needs
from tests.conftest import Project

FILES = {
    "shop.py": """
        def connect():
            return leave_out(1)


        def leave_out(x):
            return x


        def close():
            return 0


        def price(x):
            return x * 2


        def name(x):
            return x
        """,
    "conftest.py": """
        import pytest
        import shop


        @pytest.fixture(scope="session")
        def base():
            yield shop.connect()
            shop.close()


        @pytest.fixture(scope="module", params=["a", "b"])
        def each(request):
            return shop.name(request.param)
        """,
    "test_a.py": """
        import pytest
        import shop


        def test_base(base):
            assert base == 1


        @pytest.mark.xdist_group("one")
        def test_each(each, base):
            assert each in "ab"


        class TestIn:
            @classmethod
            def setup_class(cls):
                cls.price = shop.price(1)

            def test_class(self):
                assert self.price == 2

            def test_wrong(self):
                assert self.price == 3
        """,
    "test_b.py": """
        import os
        import pytest
        import shop


        @pytest.mark.xdist_group("one")
        def test_price():
            assert shop.price(2) == 4


        @pytest.mark.skip
        def test_skipped():
            pass


        def test_file():
            with open(os.path.join(os.path.dirname(__file__), "data.txt")) as handle:
                assert handle.read() == "x"
        """,
    "data.txt": "x",
}


WAYS = [
    ("load", "2", "probes"),
    ("load", "2", "coverage"),
    ("loadgroup", "2", "probes"),
    ("each", "1", "probes"),
]
OTHER_WAYS = [(mode, "2", "probes") for mode in ("loadscope", "loadfile", "worksteal")]


@pytest.mark.parametrize(
    "ways", [WAYS, pytest.param(OTHER_WAYS, marks=pytest.mark.slow)], ids=["some", "others"]
)
def test_every_way_to_distribute_gives_what_a_serial_run_gives(
    suite: Suite, ways: list[tuple[str, str, str]]
) -> None:
    needs("xdist")
    suite.project.write(FILES)
    assert suite.collect("-q") == 1
    assert suite.known()["test_a.py::test_base"].functions == {
        "conftest.py::base", "shop.py::connect", "shop.py::leave_out", "shop.py::close",
    }  # fmt: skip
    serial = {"probes": suite.known()}
    for mode, workers, engine in ways:
        if engine not in serial:
            assert suite.collect("-q", engine=engine) == 1
            serial[engine] = suite.known()
        assert suite.collect("-q", "-p", "xdist", "-n", workers, "--dist", mode, engine=engine) == 1
        parallel = {nodeid.partition("@")[0]: seen for nodeid, seen in suite.known().items()}
        assert parallel == serial[engine], (mode, engine)
    assert suite.select() == ["test_a.py::TestIn::test_wrong"]


def test_a_worker_that_crashes_takes_its_own_test_along(project: Project, suite: Suite) -> None:
    needs("xdist")
    project.write(FILES)
    project.write(
        {"test_crash.py": "import os\n\n\ndef test_crash():\n    os.kill(os.getpid(), 9)\n"}
    )
    assert suite.collect("-q", "-p", "xdist", "-n", "2") == 1
    outcomes = suite.outcomes()
    assert outcomes.pop("test_crash.py::test_crash") == "failed"
    assert sorted(outcomes.values()) == ["failed", *["passed"] * 6, "skipped"]
    assert suite.unsure() == {"test_crash.py::test_crash": "the process that ran it crashed"}
