"""What `testmon report --format ...` prints, read by what reads such reports."""

import io
import json
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, validate

from tests.conftest import Project

SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"
HOSTILE = "]]> <b>&\\x1b[2J\\n::error::%0A"
FILES = {
    "shop.py": "def price(x):\n    return x * 2\n\n\ndef name():\n    return 1\n",
    "tests/test_shop.py": f"""
        import pytest

        import shop


        class TestPrice:
            def test_two(self):
                assert shop.price(1) == 2


        @pytest.mark.parametrize("text", ["{HOSTILE}"])
        def test_hostile(text):
            assert shop.price(2) == 4, text


        def test_name():
            assert shop.name() == 1


        @pytest.fixture
        def broken():
            raise ValueError(shop.price(1))


        def test_error(broken):
            pass


        @pytest.mark.skip
        def test_skipped():
            pass
        """,
}
_PARAMETERS = (
    "["
    + json.loads(f'"{HOSTILE}"'.replace("\\x1b", "\\u001b")).encode("unicode_escape").decode()
    + "]"
)


@pytest.fixture(scope="module")
def _run_twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("collected"))
    project.write({"pyproject.toml": "", **FILES})
    assert project.testmon("collect", "-q").code == 1
    project.edit("shop.py", "x * 2", "x * 3")
    assert project.testmon("collect", "-q", "--select").code == 1
    return project.path


@pytest.fixture
def shop(_run_twice: Path, tmp_path: Path) -> Project:
    """A project of which all tests ran once, and those that an edit concerns once more."""
    return Project(shutil.copytree(_run_twice, tmp_path / "shop"))


def _report(project: Project, format_: str, *arguments: str, **environ: str) -> str:
    answer = project.testmon("report", "--format", format_, *arguments, **environ)
    assert (answer.code, answer.err) == (0, "")
    return answer.out


def test_junit(shop: Project) -> None:
    parser = pytest.importorskip("junitparser")
    cases: dict[str, Any] = {
        case.name.partition("[")[0]: case
        for suite in parser.JUnitXml.fromfile(io.StringIO(_report(shop, "junit")))
        for case in suite
    }
    assert {name: [type(result) for result in case.result] for name, case in cases.items()} == {
        "test_two": [parser.Failure],
        "test_hostile": [parser.Failure],
        "test_name": [parser.Skipped],
        "test_error": [parser.Error],
        "test_skipped": [parser.Skipped],
    }
    assert (
        cases["test_name"].result[0].message
        == "need not run: nothing that it relies on has changed since it ran"
    )
    assert cases["test_two"].classname == "tests.test_shop.TestPrice"
    assert cases["test_hostile"].name == f"test_hostile{_PARAMETERS}"
    assert "]]> <b>&" in cases["test_hostile"].result[0].text
    assert "; new: passed on " in cases["test_two"].result[0].message
    totals = parser.JUnitXml.fromfile(io.StringIO(_report(shop, "junit")))
    assert (totals.tests, totals.failures, totals.errors, totals.skipped) == (5, 2, 1, 2)


# What the specification of CTRF asks of the fields that are used, and that there are no others.
_TEXT, _NUMBER = {"type": "string"}, {"type": "integer"}


def _closed(required: str, **properties: object) -> dict[str, object]:
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "additionalProperties": False,
    }


_STATUS = {"enum": ["passed", "failed", "skipped", "pending", "other"]}
CTRF = _closed(
    "reportFormat specVersion results",
    reportFormat={"const": "CTRF"},
    specVersion={"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
    timestamp={"type": "string", "format": "date-time"},
    generatedBy=_TEXT,
    results=_closed(
        "tool summary tests",
        tool=_closed("name", name=_TEXT),
        summary=_closed(
            "tests passed failed skipped pending other start stop",
            **dict.fromkeys(
                ("tests", "passed", "failed", "skipped", "pending", "other", "start", "stop"),
                _NUMBER,
            ),
        ),
        tests={
            "type": "array",
            "items": _closed(
                "name status duration",
                name={"type": "string", "minLength": 1},
                status=_STATUS,
                duration=_NUMBER,
                suite={"type": "array", "minItems": 1, "items": _TEXT},
                filePath=_TEXT,
                rawStatus=_TEXT,
                message=_TEXT,
                trace=_TEXT,
                line=_NUMBER,
                labels={"type": "object", "additionalProperties": _TEXT},
            ),
        },
    ),
)


def test_ctrf(shop: Project) -> None:
    answer = json.loads(_report(shop, "ctrf"))
    validate(answer, CTRF)
    found = answer["results"]
    states = {
        test["name"].rpartition("::")[2].partition("[")[0]: test["status"]
        for test in found["tests"]
    }
    assert states["test_two"] == "failed"
    assert states["test_name"] == "skipped"
    assert found["summary"]["failed"] == 3
    assert found["summary"]["tests"] == len(found["tests"]) == 5
    shop.edit("shop.py", "return 1", "return 2")
    tests = json.loads(_report(shop, "ctrf"))["results"]["tests"]
    [changed] = [test for test in tests if test["status"] == "pending"]
    assert changed["message"] == "is still to be run: runs shop.py::name, changed at shop.py:5"


def _commands(text: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """Commands as the runner of GitHub Actions takes them apart."""
    for line in text.splitlines():
        command = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line)
        assert command is not None, line
        properties = dict(part.split("=", 1) for part in command[2].split(","))
        for name, value in properties.items():
            for code, sign in (
                ("%2C", ","),
                ("%3A", ":"),
                ("%0A", "\n"),
                ("%0D", "\r"),
                ("%25", "%"),
            ):
                value = value.replace(code, sign)
            properties[name] = value
        yield command[1], properties, command[3].replace("%0A", "\n").replace("%25", "%")


def test_github(shop: Project, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    lines = (shop.path / "tests/test_shop.py").read_text(encoding="utf-8").splitlines()
    found = list(_commands(_report(shop, "github", GITHUB_STEP_SUMMARY=str(summary))))
    assert len(found) == 3
    by_name = {re.search(r"::(test_\w+)", p["title"])[1]: (c, p, text) for c, p, text in found}  # type: ignore[index]
    command, properties, text = by_name["test_hostile"]
    assert (command, properties["file"]) == ("error", "tests/test_shop.py")
    assert lines[int(properties["line"]) - 1] == "    assert shop.price(2) == 4, text"
    assert properties["title"] == f"new failure: tests/test_shop.py::test_hostile{_PARAMETERS}"
    assert text.splitlines()[1].startswith("new: passed on ")
    assert summary.read_text(encoding="utf-8").startswith("## testmon\n")


def test_gitlab(shop: Project) -> None:
    found = json.loads(_report(shop, "gitlab"))
    validate(
        found,
        {
            "type": "array",
            "items": _closed(
                "description check_name fingerprint severity location",
                description=_TEXT,
                check_name=_TEXT,
                fingerprint={"type": "string", "pattern": "^[0-9a-f]{64}$"},
                severity={"enum": ["info", "minor", "major", "critical", "blocker"]},
                location=_closed("path lines", path=_TEXT, lines=_closed("begin", begin=_NUMBER)),
            ),
        },
    )
    assert len({each["fingerprint"] for each in found}) == 3
    assert {each["location"]["path"] for each in found} == {"tests/test_shop.py"}


def _strict(schema: Any) -> Any:
    """A schema that knows all fields there are."""
    if isinstance(schema, list):
        return list(map(_strict, schema))
    if not isinstance(schema, dict):
        return schema
    found = {name: _strict(value) for name, value in schema.items()}
    return (
        {**found, "additionalProperties": False}
        if isinstance(schema.get("properties"), dict)
        else found
    )


def test_json_is_as_its_schema_says(shop: Project) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    answer = json.loads(_report(shop, "json", "--runs", "20"))
    validate(answer, schema)
    validate(answer, _strict(schema))
    newest, oldest = answer["runs"]
    assert (newest["tests"], newest["known"], newest["failures"]) == (3, 5, 3)
    assert (oldest["tests"], oldest["known"], oldest["failures"]) == (5, 5, 1)
    validate(json.loads(_report(shop, "json", "--env", "other")), _strict(schema))


def test_runs_are_a_table(shop: Project) -> None:
    lines = _report(shop, "text", "--runs", "1", "--slowest", "0").splitlines()
    heading, columns, row = lines[-3:]
    assert (heading, columns.split()) == ("runs:", ["run", "commit", "tests", "failed", "time"])
    assert row.split()[2:7] == ["-", "3", "of", "5", "3"]
    table = _report(shop, "markdown", "--runs", "2", "--slowest", "0").splitlines()[-4:]
    assert all(one.count("|") == other.count("|") == 6 for one, other in pairwise(table))
