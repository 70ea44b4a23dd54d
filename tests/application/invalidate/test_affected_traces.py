"""Which executions a change touches, and the first cause that is found for each."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from testmon_cli.application import settings
from testmon_cli.application.checkout import environment, sources
from testmon_cli.application.checkout.resources import Today
from testmon_cli.application.checkout.sources import Tree
from testmon_cli.application.invalidate.affected_traces import (
    FileChanges,
    PackageChanges,
    RunMatcher,
)
from testmon_cli.domain.causes import Cause, Kind, Manner
from testmon_cli.domain.records import StoredExecution
from testmon_cli.storage.datafile import Datafile
from tests.conftest import Project

NEAR, LABEL = "tests/test_rates.py::test_near", "tests/test_rates.py::test_label"
NOTES, MODE, LATER = (f"tests/test_files.py::test_{name}" for name in ("notes", "mode", "later"))
ALL = {NEAR, LABEL, NOTES, MODE, LATER}


@dataclass
class Matching:
    """The one run of the project against its files as they are now."""

    depot: Project
    datafile: Datafile

    def matcher(self, packages: PackageChanges | None = None, **environ: str) -> RunMatcher:
        (run,) = self.datafile.runs()
        tree = Tree(self.depot.path, sources.scan(self.depot.path))
        today = Today(self.depot.path, str(run.facts["hash_key"]), environ)
        return RunMatcher(self.datafile, run, tree, today, packages or PackageChanges())

    def executions(self) -> list[StoredExecution]:
        return list(self.datafile.executions(environment.current("default")))

    def invalid(self, packages: PackageChanges | None = None, **environ: str) -> dict[str, Cause]:
        """Node ids of the executions that no longer hold, with what was found for each."""
        found = self.matcher(packages, **environ).match()
        return {e.nodeid: found[e.trace_id] for e in self.executions() if e.trace_id in found}


@pytest.fixture
def matching(depot: Project) -> Iterator[Matching]:
    with Datafile.open(settings.load(depot.path).datafile) as datafile:
        yield Matching(depot, datafile)


def test_nothing_is_touched_when_nothing_changed(matching: Matching) -> None:
    assert matching.invalid() == {}
    assert matching.matcher().files == FileChanges((), (), (), {})


def test_another_time_or_comment_is_no_change(matching: Matching) -> None:
    os.utime(matching.depot.path / "depot/rates.py", (1, 1))
    matching.depot.edit("depot/lazy.py", "ONE = 1", "ONE = 1  # the first")
    assert matching.matcher().files == FileChanges(("depot/lazy.py",), (), (), {})
    assert matching.invalid() == {}


def test_files_that_came_went_or_cannot_be_read(matching: Matching) -> None:
    matching.depot.write({"depot/new.py": "A = 1", "depot/rates.py": "def rate(:"})
    (matching.depot.path / "depot/lazy.py").unlink()
    found = matching.matcher().files
    assert (found.changed, found.added, found.removed) == (
        ("depot/rates.py",),
        ("depot/new.py",),
        ("depot/lazy.py",),
    )
    assert list(found.broken) == ["depot/rates.py"]
    assert found.broken["depot/rates.py"].endswith("(line 1)")


EDITS = [
    pytest.param("depot/rates.py", "name.upper()", "name.lower()", {LABEL: ("block", "changed")}, id="block"),
    pytest.param("depot/rates.py", "    return 0", "    return 1", {NEAR: ("block", "changed")},
                 id="teardown-of-a-shared-fixture"),
    pytest.param("depot/rates.py", "BASE = 3", "BASE = 4", {NEAR: ("block", "mentions")}, id="name"),
    pytest.param("depot/rates.py", "BASE = 3", "BASE = 3\nMORE = 1", {}, id="name-that-nobody-mentions"),
    pytest.param("depot/rates.py", "def label(", "def title(", {LABEL: ("block", "removed")}, id="function-removed"),
    pytest.param("depot/lazy.py", "ONE = 1", "ONE = 2", {LATER: ("block", "mentions")}, id="lazy-import"),
    pytest.param("depot/lazy.py", "ONE = 1", "ONE = 1\nlaunch()", {LATER: ("import", "needs")}, id="import-may-fail"),
    pytest.param("tests/conftest.py", "near():", "near(request):", {NEAR: ("block", "mentions")}, id="fixture"),
    pytest.param("notes.txt", "hello", "bye", {NOTES: ("file", "changed")}, id="file"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "old", "new", "wanted"), EDITS)
def test_what_an_edit_touches(
    matching: Matching, path: str, old: str, new: str, wanted: dict[str, tuple[str, str]]
) -> None:
    matching.depot.edit(path, old, new)
    assert {
        nodeid: (cause.kind.value, cause.wording) for nodeid, cause in matching.invalid().items()
    } == wanted


def test_a_source_that_cannot_be_read_endangers_who_imports_it(matching: Matching) -> None:
    matching.depot.write({"depot/files.py": "def notes(:"})
    matcher = matching.matcher()
    assert matcher.match() == {}
    assert {path for path in matcher.endangered if path.startswith("tests/")} == {
        "tests/test_files.py"
    }
    assert {
        (c.origin.kind.value, c.origin.wording, c.origin.path) for c in matcher.endangered.values()
    } == {("file", "does not parse", "depot/files.py")}


def test_a_removed_source_touches_who_ran_it_and_endangers_who_imports_it(
    matching: Matching,
) -> None:
    (matching.depot.path / "depot/rates.py").unlink()
    matcher = matching.matcher()
    nodeids = {e.trace_id: e.nodeid for e in matching.executions()}
    assert {nodeids[trace] for trace in matcher.match() if trace in nodeids} == {NEAR, LABEL}
    # Every test stands below the conftest that imports it.
    assert matcher.endangered.keys() >= {nodeid.partition("::")[0] for nodeid in ALL}
    assert "depot/files.py" not in matcher.endangered


def test_a_variable_touches_who_read_it(matching: Matching) -> None:
    found = matching.invalid(DEPOT_MODE="fast", DEPOT_OTHER="x")
    assert found == {MODE: Cause(Kind.ENVIRONMENT, Manner.CHANGED, "", "DEPOT_MODE")}
    assert matching.invalid(DEPOT_OTHER="x") == {}


def test_a_distribution_touches_who_mentions_what_it_gives(matching: Matching) -> None:
    for how in (Manner.REMOVED, Manner.CHANGED):  # it is imported, and nothing uses it
        cause = Cause(Kind.PACKAGE, how, "", "click 8")
        matcher = matching.matcher(PackageChanges(((("click",), cause),)))
        assert matcher.match() == {}
        assert set(matcher.endangered) == {"depot/files.py", "tests/test_files.py"}
    elsewhere = matching.matcher(PackageChanges(((("elsewhere",), cause),)))
    assert (elsewhere.match(), elsewhere.endangered) == ({}, {})


def test_one_change_alone(matching: Matching) -> None:
    matcher = matching.matcher()
    cause = Cause(Kind.DEFINITION, Manner.CHANGED, "depot/rates.py", "BASE", 1)
    nodeids = {e.trace_id: e.nodeid for e in matching.executions()}
    for name, wanted in (("BASE", {NEAR}), ("label", {LABEL}), ("NONE", set()), ("TABLE", {NEAR})):
        hits = matcher.reached_by(
            lambda growth, name=name: growth.name("depot/rates.py", name, cause)
        )
        assert {nodeids[trace] for trace in hits if trace in nodeids} == wanted, name


def test_users_of_a_fixture_share_what_touches_it(matching: Matching) -> None:
    matching.depot.edit("depot/rates.py", "return TABLE[name]", "return TABLE[name] + 0")
    (cause,) = matching.invalid().values()
    assert (cause.path, cause.name, cause.line) == ("depot/rates.py", "rate", 7)
