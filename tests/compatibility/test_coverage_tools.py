"""Coverage measured in the same run: the same totals as without us, and our records complete."""

import json
import os
import sys

import coverage
import pytest

from tests.compatibility.suite import Suite, needs

FILES = {
    "shop.py": """
        def price(x, loud=False):
            if loud:
                print(x)
            for i in range(x):
                if i > 1:
                    break
            return x * 2


        def name(x):
            return x


        RATE = price(1)
        """,
    "conftest.py": """
        import pytest
        import shop


        @pytest.fixture(scope="session")
        def base():
            yield shop.name(1)
            shop.name(2)
        """,
    "test_shop.py": """
        import subprocess
        import sys

        import shop


        def test_price(base):
            assert shop.price(3) == 6


        def test_name():
            assert shop.name(1) == 1


        def test_child():
            subprocess.check_call([sys.executable, "-c", "import shop; shop.price(1, True)"])
        """,
}
EXPECTED = {"price": {"base", "name", "price"}, "name": {"name"}, "child": {"price"}}


@pytest.mark.parametrize(
    ("branch", "core"),
    [
        pytest.param(False, "ctrace", id="lines"),
        pytest.param(True, "ctrace", id="branches"),
        pytest.param(
            False, "sysmon", id="sysmon",
            marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with 3.12"),
        ),
    ],
)  # fmt: skip
def test_pytest_cov(suite: Suite, branch: bool, core: str, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("pytest_cov")
    monkeypatch.setenv("COVERAGE_CORE", core)
    suite.project.write(FILES)
    options = ["-q", "-p", "pytest_cov.plugin", "--cov=.", "--cov-report=json:out.json"]
    options += ["--cov-branch"] if branch else []
    assert suite.plain(*options).returncode == 0
    expected = totals(suite)
    assert suite.collect(*options) == 0
    assert totals(suite) == expected
    assert suite.functions() == EXPECTED
    assert suite.unsure() == {}
    # the engine that is coverage.py itself lets the other one measure, and says so
    if not branch and core == "ctrace":
        assert suite.collect(*options, engine="coverage") == 0
        assert totals(suite) == expected
        reason = "coverage was measured in the same process; use --engine probes"
        assert {nodeid: reason in text for nodeid, text in suite.unsure().items()} == dict.fromkeys(
            suite.known(), True
        )


def test_diff_cover(suite: Suite) -> None:
    """It reads what coverage.py makes of the report, and finds the lines of a change that no test ran."""
    needs("diff_cover")
    project = suite.project
    project.write({**FILES, ".gitignore": ".*\n__pycache__\n*.xml\n*.json\n"})
    project.git("init", "-q", "-b", "main")
    project.git("add", ".")
    project.git("commit", "-qm", "Begin")
    project.edit(
        "shop.py", "    return x * 2\n", "    if x > 9:\n        return 0\n    return x * 2\n"
    )
    assert suite.collect("-q") == 0
    assert project.testmon("report", "--coverage", ".coverage").code == 0
    for command in (
        ("coverage", "xml", "--rcfile=/dev/null", "-q"),
        (
            "diff_cover.diff_cover_tool",
            "coverage.xml",
            "--compare-branch=HEAD",
            "--format=json:out.json",
            "-q",
        ),
    ):
        answer = project.run(sys.executable, "-m", *command)
        assert answer.code == 0, answer.out + answer.err
    found = json.loads((project.path / "out.json").read_text(encoding="utf-8"))
    assert found["src_stats"]["shop.py"]["violation_lines"] == [8]
    assert found["total_num_lines"] == 2


def test_coverage_run(suite: Suite) -> None:
    """Coverage of all processes that `coverage run -m testmon_cli collect` starts, as of `coverage run -m pytest`."""
    suite.project.write(FILES)
    config = "[run]\nbranch = true\nparallel = true\npatch = subprocess\nsource = .\nomit = */testmon_cli/*\n"
    suite.project.write({".coveragerc": config})
    expected = measure(suite, "pytest", "-q")
    assert measure(suite, "testmon_cli", "collect", "-q") == expected
    assert suite.functions() == EXPECTED
    assert suite.unsure() == {}


def measure(suite: Suite, *command: str) -> object:
    answer = suite.project.run(sys.executable, "-m", "coverage", "run", "-m", *command)
    assert answer.code == 0, answer.out + answer.err
    data = str(suite.project.path / ".coverage")
    measured = coverage.Coverage(
        data_file=data, config_file=str(suite.project.path / ".coveragerc")
    )
    measured.combine([str(suite.project.path)])
    measured.json_report(outfile=str(suite.project.path / "out.json"))
    return totals(suite)


def totals(suite: Suite) -> object:
    """What was measured, file by file."""
    path = suite.project.path / "out.json"
    found = json.loads(path.read_text(encoding="utf-8"))["files"]
    assert any(values["executed_lines"] for values in found.values())
    os.unlink(path)
    found = {
        os.path.relpath(suite.project.path / name, suite.project.path): values
        for name, values in found.items()
    }
    names = ("executed_lines", "missing_lines", "executed_branches", "missing_branches")
    return {name: {n: values[n] for n in names if n in values} for name, values in found.items()}
