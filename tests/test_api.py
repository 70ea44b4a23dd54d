"""The interface for programs: what is promised is there, and answers what the command line does."""

import json
from pathlib import Path

import pytest

from testmon_cli import api
from tests.application.conftest import DEPOT
from tests.conftest import Project

SIGNATURES = {
    "SelectedTest": ("nodeid", "argument", "kind", "reason", "chain", "seconds"),
    "Link": ("kind", "how", "path", "name", "line"),
    "Selection": (
        "verdict", "reason", "arguments", "tests", "known", "selected_seconds", "saved_seconds", "notes",
    ),
    "RunFacts": (
        "environment", "started", "seconds", "completed", "exitstatus", "arguments", "tests", "git_head", "git_dirty",
        "engine", "version",
    ),
    "Failure": ("nodeid", "outcome", "text", "verdict", "reason", "chain", "history", "in_last_run"),
    "Past": ("started", "commit", "is_dirty", "outcome", "inputs"),
    "Reach": ("target", "path", "line", "name", "what", "tests", "known", "notes"),
    "ReachingTest": ("nodeid", "seconds", "outcome", "how"),
    "Reliance": (
        "nodeid", "selected", "outcome", "seconds", "started", "unknown", "ran", "names", "fixtures", "asked_for",
        "imports", "packages",
    ),
    "RanFunction": ("name", "line", "blocks", "of"),
    "Mentioned": ("path", "name", "line", "by"),
    "Resource": ("kind", "name", "asked_at"),
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNATURES)
def test_fields_that_were_promised_stay_where_they_are(name: str) -> None:
    promised = SIGNATURES[name]
    assert getattr(api, name)._fields[: len(promised)] == promised


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("depot"))
    project.write(DEPOT)
    assert project.testmon("collect", "-q").code == 0
    project.edit("depot/rates.py", "name.upper()", "name.title()")
    return project


def test_questions(depot: Project) -> None:
    before = (depot.path / ".testmondata").read_bytes()
    project = api.open_project(depot.path)
    assert project.root == depot.path
    selection = project.select()
    assert (selection.verdict, selection.known) == ("some", 5)
    (test,) = selection.tests
    assert test.reason == "runs depot/rates.py::label, changed at depot/rates.py:11"
    assert test.chain == (api.Link("block", "changed", "depot/rates.py", "label", 11),)
    assert project.relies_on(test.nodeid).selected == test.reason
    assert [
        found.nodeid for found in project.tests_for(f"{depot.path}/depot/rates.py::label").tests
    ] == [test.nodeid]
    (run,) = project.runs()
    assert (run.completed, run.exitstatus, run.arguments, run.tests) == (True, 0, ("-q",), 5)
    assert (depot.path / ".testmondata").read_bytes() == before


def test_the_command_line_prints_the_same_as_json(depot: Project) -> None:
    project = api.open_project(depot.path)
    nodeid = "tests/test_rates.py::test_near"
    printed = json.loads(depot.testmon("explain", nodeid, "--format", "json").out)
    found = project.relies_on(nodeid)
    assert printed["version"] == 1
    assert (printed["kind"], printed["nodeid"], printed["selected"]) == ("test", nodeid, None)
    assert printed["functions"] == {path: list(names) for path, names in found.functions}
    assert printed["names"] == [{**name._asdict(), "by": list(name.by)} for name in found.names]
    printed = json.loads(depot.testmon("explain", "depot/rates.py:12", "--format", "json").out)
    assert (printed["kind"], printed["name"], printed["line"]) == ("block", "label", 12)
    assert [test["nodeid"] for test in printed["tests"]] == ["tests/test_rates.py::test_label"]


def test_what_is_wrong_is_one_error(tmp_path: Path) -> None:
    project = api.open_project(tmp_path)
    with pytest.raises(api.TestmonError, match="does not exist: run testmon collect first"):
        project.relies_on("test_a.py::test_b")
    assert project.select().verdict == "none"
