"""What a test relies on, as `testmon explain NODEID` tells it."""

import pytest

from testmon_cli.application import settings
from testmon_cli.application.explain import one_test
from testmon_cli.application.select.use_case import select
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.reliance import RanFunction, Reliance, Resource
from testmon_cli.storage.datafile import Datafile
from tests.conftest import Project


def _reliance(depot: Project, nodeid: str) -> Reliance:
    return one_test.relies_on(settings.load(depot.path), nodeid)


def test_functions_are_those_that_ran(depot: Project) -> None:
    found = _reliance(depot, "tests/test_rates.py::test_label")
    assert found.selected == ""
    assert found.functions == (
        ("depot/rates.py", ("label",)),
        ("tests/test_rates.py", ("test_label",)),
    )
    assert (found.fixtures, found.resources) == ((), ())


def test_what_a_shared_fixture_ran_counts(depot: Project) -> None:
    found = _reliance(depot, "tests/test_rates.py::test_near")
    assert found.functions == (
        ("depot/rates.py", ("rate",)),
        ("tests/conftest.py", ("near",)),
        ("tests/test_rates.py", ("test_near",)),
    )
    assert found.fixtures == ("near",)


@pytest.mark.parametrize(
    ("test", "resource"),
    [("test_notes", ("file", "notes.txt")), ("test_mode", ("environment", "DEPOT_MODE"))],
)
def test_files_and_variables_that_were_read(
    depot: Project, test: str, resource: tuple[str, str]
) -> None:
    assert _reliance(depot, f"tests/test_files.py::{test}").resources == (resource,)


def test_imports_and_packages_are_those_of_all_files_that_it_reaches(depot: Project) -> None:
    found = _reliance(depot, "tests/test_files.py::test_notes")
    files = ("depot/__init__.py", "depot/files.py", "depot/lazy.py", "depot/rates.py")
    assert found.imports == (*files, "tests/conftest.py", "tests/test_files.py")
    assert [name for name in found.packages if name != "pytest"] == ["click"]


def test_it_tells_of_the_run_though_the_sources_are_others_now(depot: Project) -> None:
    depot.write({"depot/rates.py": "", "tests/test_rates.py": ""})
    before = _reliance(depot, "tests/test_files.py::test_mode")
    assert before.functions == (
        ("depot/files.py", ("mode",)),
        ("tests/test_files.py", ("test_mode",)),
    )


def test_it_says_why_a_test_is_selected(depot: Project) -> None:
    depot.edit("depot/rates.py", "name.upper()", "name.title()")
    found = _reliance(depot, "tests/test_rates.py::test_label")
    assert found.selected == "runs depot/rates.py::label, changed at depot/rates.py:11"
    assert _reliance(depot, "tests/test_rates.py::test_near").selected == ""


EDITS = [
    pytest.param("depot/rates.py", "name.upper()", "name.title()", id="function"),
    pytest.param("depot/rates.py", "BASE = 3", "BASE = 4", id="constant"),
    pytest.param("depot/rates.py", "BASE = 3", "BASE = int('3')\nint('4')", id="may-raise"),
    pytest.param("depot/lazy.py", "ONE = 1", "ONE = len('a')", id="imported-when-it-runs"),
    pytest.param("tests/test_rates.py", "test_label", "test_other", id="renamed"),
    pytest.param("tests/test_rates.py", "    assert near == 3", "    assert near", id="test"),
    pytest.param("notes.txt", "hello", "hallo", id="file"),
    pytest.param("depot/files.py", "import os", "import os.", id="does-not-parse"),
]


@pytest.mark.parametrize(("path", "old", "new"), EDITS)
def test_it_gives_the_reason_that_select_gives(
    depot: Project, path: str, old: str, new: str
) -> None:
    with Datafile.open(depot.path / ".testmondata") as datafile:
        run = datafile.runs()[0]
        nodeids = [e.nodeid for e in datafile.executions(run.environment)]
    depot.edit(path, old, new)
    selection = select(settings.load(depot.path))
    assert selection.tests
    chosen = {test.nodeid: test.reason.text for test in selection.tests}
    for nodeid in nodeids:
        assert _reliance(depot, nodeid).selected == chosen.get(nodeid, "")


@pytest.mark.parametrize("nodeid", ["tests/test_rates.py", "tests/test_rates.py::test_gone", ""])
def test_a_test_that_is_not_known(depot: Project, nodeid: str) -> None:
    with pytest.raises(TestmonError, match=f"nothing was recorded of {nodeid}; "):
        _reliance(depot, nodeid)


def test_definitions_that_the_code_mentions_come_with_who_mentions_them(depot: Project) -> None:
    found = _reliance(depot, "tests/test_rates.py::test_near")
    assert [(name.path, name.name, name.line, name.by) for name in found.names] == [
        ("depot/rates.py", "BASE", 1, ("depot/rates.py::TABLE",)),
        ("depot/rates.py", "TABLE", 2, ("depot/rates.py::rate",)),
    ]


def test_blocks_that_it_did_not_reach_are_counted(depot: Project) -> None:
    (_, functions), *_ = _reliance(depot, "tests/test_rates.py::test_near").ran
    assert functions == (RanFunction("rate", 5, 3, 3),)
    depot.edit("tests/conftest.py", '    assert rate("far") == 0\n', "")
    assert depot.testmon("collect", "-q").code == 0
    (_, functions), *_ = _reliance(depot, "tests/test_rates.py::test_near").ran
    assert functions == (RanFunction("rate", 5, 2, 3),)


def test_what_was_read_comes_with_who_asked_for_it(depot: Project) -> None:
    (resource,) = _reliance(depot, "tests/test_files.py::test_notes").asked_for
    assert resource == Resource("file", "notes.txt", "depot/files.py:7")
