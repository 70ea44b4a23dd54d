"""What `testmon report` prints, on a project that was collected."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import Answer, Project

FILES = {
    "pyproject.toml": "",
    "shop.py": """
        TAX = 2


        def price(x):
            return x * TAX
        """,
    "test_shop.py": """
        import time

        import pytest

        import shop


        def test_price():
            assert shop.price(2) == 4


        def test_wrong():
            assert shop.price(2) == 5


        @pytest.fixture
        def broken():
            raise RuntimeError("a fence: ```")


        def test_error(broken):
            pass


        @pytest.mark.skip
        def test_skipped():
            pass
        """,
    "test_slow.py": """
        import time

        import pytest


        @pytest.mark.parametrize("bar", ["a|b"])
        def test_slow(bar):
            time.sleep(0.06)
        """,
}
WRONG = """\
def test_wrong():
>       assert shop.price(2) == 5
E       assert 4 == 5
E        +  where 4 = <function price at 0x>(2)
E        +    where <function price at 0x> = shop.price

test_shop.py:13: AssertionError"""
ERROR = """\
@pytest.fixture
    def broken():
>       raise RuntimeError("a fence: ```")
E       RuntimeError: a fence: ```

test_shop.py:18: RuntimeError"""


@pytest.fixture(scope="module")
def _collected_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("collected"))
    project.write(FILES)
    assert project.testmon("collect", "-q", "--engine", "coverage").code == 1
    return project.path


@pytest.fixture
def shop(_collected_once: Path, tmp_path: Path) -> Project:
    """A project that was collected: one failure, one error."""
    return Project(shutil.copytree(_collected_once, tmp_path / "shop"))


def _report(project: Project, *arguments: str) -> str:
    """The report with everything replaced that differs between machines and moments."""
    answer = project.testmon("report", *arguments)
    assert (answer.code, answer.err) == (0, "")
    return _plain(project, answer.out)


def _plain(project: Project, text: str) -> str:
    text = text.replace(str(project.path), "...")
    replacements = {
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, \d+\.\d s": "THEN, N s",
        r"Python 3\.\d+t? on [\w-]+": "Python 3 on os",
        r"\b[\d,]+ bytes": "N bytes",
        r"\b\d\.\d\d\d?\b": "N",
        r"at 0x[0-9a-f]+": "at 0x",
    }
    for pattern, replacement in replacements.items():
        text = re.sub(pattern, replacement, text)
    return text


def test_as_text(shop: Project) -> None:
    assert (
        _report(shop, "--slowest", "1")
        == f"""\
environment: default, Python 3 on os
datafile: .../.testmondata (N bytes)
tests known: 5 (1 error, 1 failed, 2 passed, 1 skipped)
last run: THEN, N s, exit 1, engine coverage, arguments -q
selected now: 2 (2 failed)
time of all tests: N s
time saved by selection: N s
failures remembered: 2 (2 unknown)

ERROR test_shop.py::test_error
unknown: has no earlier result that is remembered
{ERROR}

FAILED test_shop.py::test_wrong
unknown: has no earlier result that is remembered
{WRONG}

slowest tests:
     N s  test_slow.py::test_slow[a|b]
"""
    )


def test_as_markdown(shop: Project) -> None:
    assert (
        _report(shop, "--slowest", "1", "--format", "markdown")
        == f"""\
## testmon

| | |
| --- | --- |
| environment | default, Python 3 on os |
| datafile | .../.testmondata (N bytes) |
| tests known | 5 (1 error, 1 failed, 2 passed, 1 skipped) |
| last run | THEN, N s, exit 1, engine coverage, arguments -q |
| selected now | 2 (2 failed) |
| time of all tests | N s |
| time saved by selection | N s |
| failures remembered | 2 (2 unknown) |

### error: `test_shop.py::test_error`

unknown: has no earlier result that is remembered

````text
{ERROR}
````

### failed: `test_shop.py::test_wrong`

unknown: has no earlier result that is remembered

```text
{WRONG}
```

| slowest tests | seconds |
| --- | ---: |
| `test_slow.py::test_slow[a\\|b]` | N |
"""
    )


def test_as_json(shop: Project) -> None:
    answer = json.loads(shop.testmon("report", "--slowest", "1", "--format", "json").out)
    [slow] = answer["slowest"]
    run = answer["last_run"]
    seconds = {
        name: answer.pop(name) for name in ("all_seconds", "selected_seconds", "saved_seconds")
    }
    assert slow["seconds"] > 0.05 < seconds["saved_seconds"]
    assert seconds["all_seconds"] == pytest.approx(
        seconds["selected_seconds"] + seconds["saved_seconds"]
    )
    judged = {
        "in_last_run": True,
        "verdict": "unknown",
        "reason": "has no earlier result that is remembered",
        "chain": [],
        "history": [
            {
                "started": run["started"],
                "commit": "",
                "is_dirty": False,
                "outcome": "error",
                "inputs": "same",
            }
        ],
    }
    texts = [failure.pop("text") for failure in answer["failures"]]
    assert [_plain(shop, text) for text in texts] == [ERROR, WRONG]
    assert answer == {
        "version": 1,
        "environment": answer["environment"],
        "datafile": str(shop.path / ".testmondata"),
        "datafile_bytes": (shop.path / ".testmondata").stat().st_size,
        "tests": 5,
        "outcomes": {"error": 1, "failed": 1, "passed": 2, "skipped": 1},
        "last_run": {
            "started": run["started"],
            "seconds": run["seconds"],
            "completed": True,
            "exitstatus": 1,
            "engine": "coverage",
            "git_head": "",
            "git_dirty": False,
            "arguments": ["-q"],
        },
        "selected": 2,
        "selected_by_reason": {"failed": 2},
        "failures": [
            {
                "nodeid": "test_shop.py::test_error",
                "outcome": "error",
                "path": "test_shop.py",
                "line": 18,
                **judged,
            },
            {
                "nodeid": "test_shop.py::test_wrong",
                "outcome": "failed",
                "path": "test_shop.py",
                "line": 13,
                **judged,
                "history": [{**judged["history"][0], "outcome": "failed"}],
            },
        ],
        "slowest": [{"nodeid": "test_slow.py::test_slow[a|b]", "seconds": slow["seconds"]}],
        "notes": [],
        "runs": [],
    }


def test_a_failure_is_remembered_until_it_passes_or_goes(shop: Project) -> None:
    assert shop.testmon("report", "--fail-on-failure").code == 1
    shop.edit("test_shop.py", "== 5", "== 4")
    assert shop.testmon("report", "--fail-on-failure").code == 1
    assert shop.testmon("collect", "-q", "test_shop.py::test_wrong").code == 0
    shop.edit("test_shop.py", "def test_error(broken):\n    pass\n", "")
    assert shop.testmon("report", "--fail-on-failure").code == 0
    text = _report(shop, "--slowest", "0")
    assert "tests known: 4 (3 passed, 1 skipped)\n" in text
    assert text.endswith("failures remembered: 0\n")


def test_a_failure_is_of_the_sources_as_they_are(project: Project) -> None:
    """Not of the branch that was tested last."""
    tests = """
        import shop


        def test_four():
            assert shop.price() == 4


        def test_five():
            assert shop.price() == 5
        """
    project.write({"shop.py": "def price():\n    return 4\n", "test_shop.py": tests})
    assert project.testmon("collect", "-q").code == 1
    project.edit("shop.py", "return 4", "return 5")
    assert project.testmon("collect", "-q").code == 1
    project.edit("shop.py", "return 5", "return 4")
    assert project.testmon("select").out == "test_shop.py::test_five\n"
    answer = json.loads(project.testmon("report", "--format", "json").out)
    [failure] = answer["failures"]
    assert (failure["nodeid"], failure["outcome"]) == ("test_shop.py::test_five", "failed")
    assert "\nE       assert 4 == 5\n" in failure["text"]
    assert answer["selected_by_reason"] == {"failed": 1}
    assert (answer["tests"], answer["outcomes"]) == (2, {"failed": 1, "passed": 1})
    project.edit("test_shop.py", "price() == 5", "price() == 4")
    assert project.testmon("collect", "--select", "-q").code == 0
    project.edit("shop.py", "return 4", "return 5")
    assert project.testmon("collect", "--select", "-q").code == 1
    project.edit("shop.py", "return 5", "return 4")
    assert project.testmon("select").out == ""
    assert json.loads(project.testmon("report", "--format", "json").out)["outcomes"] == {
        "passed": 2
    }


def test_a_datafile_may_be_named_by_a_url(shop: Project) -> None:
    url = f"sqlite:///{shop.path}/.testmondata"
    size = (shop.path / ".testmondata").stat().st_size
    assert f"datafile: {url} ({size:,} bytes)\n" in shop.testmon("report", "--datafile", url).out


def test_what_changed_counts_by_reason_and_notes_are_shown(shop: Project) -> None:
    shop.write({"shop.py": "def (\n"})
    lines = _report(shop, "--slowest", "0").splitlines()
    assert (lines[4], lines[8]) == (
        # in the one file that imports it: they show that it cannot be imported
        "selected now: 2 (2 failed)",
        "note: shop.py does not parse: invalid syntax (line 1)",
    )


def test_another_environment_knows_nothing(shop: Project) -> None:
    here = "with Python 3 on os"
    assert (
        _report(shop, "--env", "other")
        == f"""\
environment: other, Python 3 on os
datafile: .../.testmondata (N bytes)
tests known: 0
last run: none
selected now: 2 (2 new)
time of all tests: N s
time saved by selection: N s
failures remembered: 0
note: nothing was collected for environment 'other' {here} (there is: environment 'default' {here}): \
everything is selected
"""
    )


@pytest.mark.parametrize("option", ["--fail-on-failure", "--coverage=lines"])
def test_without_a_datafile_there_is_nothing_to_report_and_none_is_made(
    shop: Project, option: str
) -> None:
    (shop.path / ".testmondata").unlink()
    message = (
        f"testmon: error: {shop.path}/.testmondata does not exist: run testmon collect first\n"
    )
    assert shop.testmon("report", option) == Answer(65, "", message)
    assert not (shop.path / ".testmondata").exists()


def test_a_negative_number_of_slow_tests_is_refused(shop: Project) -> None:
    message = "testmon: error: Invalid value for '--slowest': -1 is not in the range x>=0 (see testmon report --help)\n"
    assert shop.testmon("report", "--slowest", "-1") == Answer(64, "", message)
