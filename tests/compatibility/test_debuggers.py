"""Debuggers and tracers of the user.

The run works, and what could not be recorded is selected every time.
"""

import sys

import pytest

from tests.compatibility.suite import Suite

SHOP = "def price(x):\n    return x * 2\n"
TRACING = """
    import sys

    import shop


    def test_before():
        assert shop.price(1) == 2


    def test_traces():
        seen = []
        sys.settrace(lambda frame, event, arg: seen.append(frame.f_code.co_name))
        shop.price(2)
        sys.settrace(None)
        assert "price" in seen


    def test_profiles():
        sys.setprofile(lambda *_: None)
        shop.price(2)
        sys.setprofile(None)


    def test_recursion():
        def deeper():
            return deeper()

        try:
            deeper()
        except RecursionError:
            pass
        assert shop.price(1) == 2


    def test_after():
        assert shop.price(3) == 6
    """


@pytest.mark.parametrize("engine", ["probes", "coverage"])
def test_a_tracer_of_the_tests(suite: Suite, engine: str) -> None:
    suite.project.write({"shop.py": SHOP, "test_trace.py": TRACING})
    assert suite.collect("-q", engine=engine) == 0
    replaced = {"test_trace.py::test_traces": "the trace function was replaced while it ran"}
    unsure = suite.unsure()
    unsure.pop("test_trace.py::test_recursion", None)  # some Pythons take the tracer away then
    assert unsure == ({} if engine == "probes" else replaced)
    suite.project.edit("shop.py", "x * 2", "2 * x")
    assert len(suite.select()) == 5


def test_breakpoint(suite: Suite) -> None:
    """`breakpoint()` in a test, and `--pdb` after a failure, with commands on stdin."""
    suite.project.write({
        "shop.py": SHOP,
        "test_debug.py": """
            import shop


            def test_stops():
                breakpoint()
                assert shop.price(1) == 2


            def test_fails():
                assert shop.price(2) == 5


            def test_passes():
                assert shop.price(3) == 6
            """,
    })  # fmt: skip
    for engine in ("probes", "coverage"):
        answer = suite.project.run(
            sys.executable,
            "-m",
            "testmon_cli",
            "collect",
            "--pdb",
            "--engine",
            engine,
            stdin="p 6*7\nc\np 6*7\nc\n",
        )
        assert answer.code == 1, answer.out + answer.err
        assert answer.out.count("(Pdb) 42") == 2
        assert suite.outcomes() == {
            "test_debug.py::test_stops": "passed",
            "test_debug.py::test_fails": "failed",
            "test_debug.py::test_passes": "passed",
        }
        assert all(
            "shop.py::price" in seen.functions or seen.unknown for seen in suite.known().values()
        )
        assert set(suite.unsure()) <= {"test_debug.py::test_stops", "test_debug.py::test_fails"}
