"""A failure of ours never breaks the user's run.

It is told, and the tests that met it are selected every time.
"""

import pytest

from tests.compatibility.suite import Suite

TESTS = """
    import pathlib

    import shop


    def test_file():
        assert pathlib.Path(__file__).with_name("data.txt").read_text() == "x"


    def test_price():
        assert shop.price(1) == 2


    def test_fails():
        assert shop.price(1) == 3
    """
BREAKING = {
    "what a test relied on": (
        "pytest_plugin.plugin.Collector._come_to",
        "test_file test_price test_fails",
    ),
    "how it came out": (
        "pytest_plugin.plugin.Collector._outcome_record",
        "test_file test_price test_fails",
    ),
    "the safety net": ("recorder.Recorder.observed", "test_file test_price test_fails"),
    "files": ("watch.project_reads.ProjectReads.take_file", "test_file"),
}


@pytest.mark.parametrize("name", BREAKING)
def test_our_failure(suite: Suite, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    target, met = BREAKING[name]
    module, owner, function = target.rsplit(".", 2)
    suite.project.write({
        "shop.py": "def price(x):\n    return x * 2\n",
        "data.txt": "x",
        "test_shop.py": TESTS,
        "conftest.py": f"""
            from testmon_cli.tracing.{module} import {owner}


            def broken(*_, **__):
                raise RuntimeError("our own")


            {owner}.{function} = broken
            """,
    })  # fmt: skip
    plain = suite.plain("-q", "-p", "testmon_cli.tracing.pytest_plugin.plugin")
    assert suite.collect("-q") == plain.returncode == 1
    told = "testmon failed: RuntimeError: our own; the tests it met are selected every time"
    output = capfd.readouterr()
    assert told in output.err
    assert "1 failed, 2 passed" in output.out
    selected = {argument.partition("::test_")[2] or "all" for argument in suite.select()}
    assert selected == {"all"} or {test.removeprefix("test_") for test in met.split()} <= selected
