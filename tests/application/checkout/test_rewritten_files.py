"""Files that runs change by themselves."""

import os
from pathlib import Path

import pytest

from testmon_cli.application.checkout.rewritten_files import facts_of
from testmon_cli.tracing.watch.states import EXISTS, MISSING, file_state
from tests.conftest import Project

BEFORE = 1_000.0  # when the run started
NOW = "what it holds now"


@pytest.mark.parametrize(
    ("found", "written", "expected"),
    [
        pytest.param({NOW}, 1, False, id="as-it-was"),
        pytest.param({NOW}, 2_000, False, id="as-it-was-with-a-new-time"),
        pytest.param({"other"}, 2_000, True, id="changed"),
        pytest.param({NOW, "other"}, 1, True, id="changed-between-two-tests"),
        pytest.param({MISSING}, 1, True, id="came"),
        pytest.param({MISSING}, None, False, id="never-there"),
        pytest.param({NOW}, None, True, id="went"),
        pytest.param({EXISTS}, 2_000, False, id="only-looked-for"),
        pytest.param({EXISTS}, None, True, id="only-looked-for-and-went"),
        pytest.param({EXISTS, NOW}, 2_000, False, id="looked-for-and-as-it-was"),
        pytest.param({EXISTS, MISSING}, 2_000, True, id="only-looked-for-and-came"),
    ],
)
def test_what_a_run_changed(
    tmp_path: Path, found: set[str], written: int | None, expected: bool
) -> None:
    path = tmp_path / "key.log"
    path.write_text(NOW)
    states = {file_state(str(path)) if state == NOW else state for state in found}
    if written is None:
        path.unlink()
    else:
        os.utime(path, (written, written))
    facts = facts_of({"key.log": states}, tmp_path, BEFORE, {})
    assert facts == {"rewritten": ["key.log"] if expected else [], "own": []}


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    assert facts_of({"a\0b": {MISSING}}, tmp_path, BEFORE, {}) == {"rewritten": [], "own": []}


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param({}, {"rewritten": ["a"], "own": []}, id="first-time"),
        pytest.param({"rewritten": ["a"]}, {"rewritten": ["a"], "own": ["a"]}, id="second-time"),
        pytest.param(
            {"rewritten": ["b"], "own": ["b"]},
            {"rewritten": ["a"], "own": []},
            id="another-is-steady-now",
        ),
        pytest.param(
            {"rewritten": ["c"], "own": ["c"]},
            {"rewritten": ["a", "c"], "own": ["c"]},
            id="another-was-not-read",
        ),
    ],
)
def test_a_file_that_two_runs_changed_is_their_own(
    tmp_path: Path, before: dict[str, list[str]], expected: dict[str, list[str]]
) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    read = {"a": {"other"}, "b": {file_state(str(tmp_path / "b"))}}
    assert facts_of(read, tmp_path, BEFORE, before) == expected


def test_a_file_that_a_run_made_and_removed_is_its_own_at_once(tmp_path: Path) -> None:
    (tmp_path / "back.txt").write_text(NOW)
    read = {"gone.txt": {EXISTS}, "back.txt": {MISSING}}
    facts = facts_of(read, tmp_path, BEFORE, {}, ["gone.txt", "back.txt"])
    assert facts == {"rewritten": ["back.txt", "gone.txt"], "own": ["gone.txt"]}


def test_a_log_that_a_subprocess_writes_selects_its_test_once(project: Project) -> None:
    project.write(
        {
            "keys.log": "first\n",
            "data.txt": "1",
            "test_keys.py": """
                import pathlib
                import subprocess


                def test_log():
                    assert pathlib.Path("keys.log").read_text()
                    subprocess.run("echo more >> keys.log", shell=True, check=True)


                def test_data():
                    assert pathlib.Path("data.txt").read_text()
                """,
        }
    )
    selected = []
    for _ in range(3):
        assert project.testmon("collect", "-q").code == 0
        selected.append(project.testmon("select").out.splitlines())
    assert selected == [["test_keys.py::test_log"], [], []]
    project.write({"data.txt": "2"})
    assert project.testmon("select").out.splitlines() == ["test_keys.py::test_data"]
