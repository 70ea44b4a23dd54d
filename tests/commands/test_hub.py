"""Machines that share what they learned, through a folder."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import Answer, Project

MAIN = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_ACTOR": "ann",
}
CHANGE = {
    **MAIN,
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_REF": "refs/pull/3/merge",
}


def _machine(project: Project, name: str) -> Project:
    target = project.path.parent / name
    shutil.copytree(project.path, target, ignore=shutil.ignore_patterns(".testmon*", "__pycache__"))
    return Project(target)


def _ok(answer: Answer) -> str:
    assert (answer.code, answer.err) == (0, "")
    return answer.out


@pytest.mark.slow
def test_a_week_of_two_machines(project: Project) -> None:
    project.write(
        {
            "pyproject.toml": "[tool.testmon]\nhub = '../hub'\n[tool.pytest.ini_options]\npythonpath = ['.']\n",
            "shop.py": "def one():\n    return 1\n\n\ndef two():\n    return 2\n",
            "test_one.py": "from shop import one\n\n\ndef test_one():\n    assert one() == 1\n",
            "test_two.py": "from shop import two\n\n\ndef test_two():\n    assert two() == 2\n",
        }
    )
    shards = [_machine(project, "shard-1"), _machine(project, "shard-2")]
    for shard, file in zip(shards, ("test_one.py", "test_two.py"), strict=True):
        assert shard.testmon("collect", "-q", file, **MAIN).code == 0
        assert _ok(shard.testmon("push", **MAIN)).startswith("pushed 1 bundle of push main, ")
    person = _machine(project, "person")
    pulled = _ok(person.testmon("pull"))
    assert pulled.startswith("pulled 2 bundles, ")
    assert pulled.endswith(": 2 new runs, 2 new executions; 0 were here already\n")
    assert _ok(person.testmon("select")) == ""
    person.edit("shop.py", "return 2", "return 3")
    assert _ok(person.testmon("select")) == "test_two.py::test_two\n"
    assert "0 bytes: 0 new runs, 0 new executions; 2 were here already" in _ok(
        person.testmon("pull")
    )

    listed = json.loads(_ok(person.testmon("hub", "list", "--format", "json")))
    assert [bundle["origin"] for bundle in listed["bundles"]] == [
        {"event": "push", "name": "main"}
    ] * 2
    assert len(_ok(person.testmon("hub", "list")).splitlines()) == 2
    shown = _ok(person.testmon("bundle", "show", str(Path("../hub", listed["bundles"][0]["name"]))))
    assert "\nevent        push\n" in shown
    assert "\nactor        ann\n" in shown
    assert _ok(person.testmon("hub", "check")).endswith(": all are whole\n")

    (project.path.parent / "hub" / listed["bundles"][0]["name"]).write_bytes(
        b"testmon bundle 1\n{}\n"
    )
    other = _machine(project, "other")
    assert other.testmon("collect", "-q", "test_two.py").code == 0
    answer = other.testmon("pull", "--format", "json")
    assert answer.code == 0
    assert answer.err.startswith("testmon: ignored push/main/")
    assert answer.err.endswith("it is damaged, or no bundle that testmon wrote (its header cannot be read): "
                               "nothing of it was taken\n")  # fmt: skip
    assert (json.loads(answer.out)["bundles"], len(json.loads(answer.out)["refused"])) == (1, 1)
    assert other.testmon("hub", "check").code == 65
    assert _ok(other.testmon("hub", "gc", "--older-than", "0m", "--keep", "0")).startswith(
        "removed 2 bundles"
    )
    assert _ok(other.testmon("hub", "list")) == ""


def test_what_goes_wrong_is_one_line_with_a_code(project: Project) -> None:
    project.write({"test_a.py": "def test_a():\n    pass\n"})
    assert project.testmon("collect", "-q", **CHANGE).code == 0
    for command, code, message in (
        (
            ("pull",),
            64,
            "there is no hub: name one with --hub, TESTMON_HUB, or hub in [tool.testmon]",
        ),
        (
            ("pull", "--hub", "ftp://user:secret@host/x"),
            64,
            "no hub can be at ftp://: give a folder, file:///FOLDER, s3://",
        ),
        (("pull", "--hub", "no/such"), 69, "cannot be read: No such file or directory"),
        (("push", "--hub", "no/such"), 69, "runs of a fork may not be pushed to the hub "),
        (("hub", "list", "--hub", "no/such"), 69, "cannot be read: No such file or directory"),
    ):
        answer = project.testmon(*command, **CHANGE)
        assert (answer.code, answer.out, answer.err.count("\n")) == (code, "", 1), command
        assert answer.err.startswith("testmon: error: ")
        assert message in answer.err
        assert "secret" not in answer.err


def test_select_does_not_look_at_the_hub(project: Project) -> None:
    project.write({"test_a.py": "def test_a():\n    pass\n"})
    assert project.testmon("collect", "-q").code == 0
    assert _ok(project.testmon("select", TESTMON_HUB="nowhere://x")) == ""
    loaded = "[name for name in sys.modules if name.startswith('testmon_cli.hubs')]"
    code = f"import sys; from testmon_cli.cli import main; main(['select']); print({loaded})"
    assert _ok(project.run(sys.executable, "-c", code, TESTMON_HUB="nowhere://x")) == "[]\n"
