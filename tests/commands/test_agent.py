"""What coding agents are told, and the hooks that ask for it."""

import json
import os
import sys
from pathlib import Path

import pytest

from testmon_cli.application import agent
from testmon_cli.domain.causes import Cause, Kind, Manner
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.records import StoredExecution
from testmon_cli.domain.selection import Reason, Selected, Selection
from testmon_cli.rendering import agent as rendering
from tests.conftest import Answer, Project

SHOP = {
    "shop.py": """
        def total(x):
            return x + 1


        def other(x):
            return x + 2
        """,
    "test_shop.py": """
        import shop


        def test_total():
            assert shop.total(1) == 2


        def test_other():
            assert shop.other(1) == 3
        """,
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("shop"))
    project.write({**SHOP, "pyproject.toml": ""})
    assert project.testmon("collect", "-q").code == 0
    return project


@pytest.fixture
def edited(shop: Project, tmp_path: Path) -> Project:
    import shutil

    project = Project(shutil.copytree(shop.path, tmp_path / "edited"))
    project.edit("shop.py", "return x + 1", "return 1 + x")
    return project


def hook(project: Project, payload: object, *arguments: str) -> Answer:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return project.run(sys.executable, "-m", "testmon_cli", "agent", "hook", *arguments, stdin=text)


SHORT = """\
testmon: some to run
1 of 2 tests, 0.0 s
run: testmon collect --select -q{paths}
- 1: total changed at shop.py:1
"""


def test_the_format_for_agents(edited: Project) -> None:
    assert edited.testmon("select", "--format", "agent") == Answer(0, SHORT.format(paths=""), "")


def test_the_command_that_it_gives_works(edited: Project) -> None:
    command = edited.testmon("select", "--format", "agent").out.splitlines()[2].split()
    assert command[:2] == ["run:", "testmon"]
    assert "1 passed" in edited.testmon(*command[2:]).out
    assert edited.testmon("select", "--format", "agent") == Answer(0, "", "")


def test_options_of_the_question_are_in_the_command(edited: Project) -> None:
    command = edited.testmon(
        "select", "--format", "agent", "-k", "total", "shop.py"
    ).out.splitlines()[2]
    assert command == "run: testmon select -0 -k total -- shop.py | xargs -0 -r pytest -q"


def test_a_command_with_too_many_paths_asks_the_same_of_all() -> None:
    paths = [f"app/module_{number}.py" for number in range(20)]
    assert rendering.command((), paths) == "testmon collect --select -q"
    of_base = "testmon select -0 --base main | xargs -0 -r pytest -q"
    assert rendering.command(("--base", "main"), paths) == of_base


def test_nothing_to_run_is_silence(shop: Project) -> None:
    assert shop.testmon("select", "--format", "agent") == Answer(0, "", "")


def test_a_long_answer_is_cut() -> None:
    execution = StoredExecution(1, 1, "", "", "", "function", "passed", 12.5, "", "")
    tests = tuple(
        Selected(
            f"tests/test_{n}.py::test",
            "",
            Reason(
                "affected",
                "",
                Cause(
                    Kind.BLOCK,
                    Manner.CHANGED,
                    f"some/long/folder/of_a_module_{n}.py",
                    "run_" * 30,
                    n,
                ),
            ),
            execution,
        )
        for n in range(1, 90)
    )
    text = rendering.as_text(
        Selection(tests, 2_000, (), 12_345.6, 9_876.5), rendering.command([], ["x" * 400])
    )
    assert rendering.tokens(text) <= rendering.MOST_TOKENS
    assert text.splitlines()[2] == "run: testmon collect --select -q"
    assert "more reasons" in text.splitlines()[-1]


# The hook


@pytest.mark.parametrize("key", ["tool_input", None], ids=["as-claude", "as-cursor"])
def test_an_edit_that_affects_tests(edited: Project, key: str | None) -> None:
    named = {"file_path": str(edited.path / "shop.py")}
    answer = hook(edited, {key: named} if key else named)
    assert answer == Answer(2, "", SHORT.format(paths=" shop.py"))


@pytest.mark.parametrize("file", ["README.md", "/nowhere/else.py"], ids=["not-read", "outside"])
def test_an_edit_that_concerns_no_test(edited: Project, file: str) -> None:
    edited.write({"README.md": "x"})
    assert hook(edited, {"tool_input": {"file_path": file}}) == Answer(0, "", "")


def test_a_file_that_is_gone_asks_about_everything(edited: Project) -> None:
    assert hook(edited, {"tool_input": {"file_path": "gone.py"}}).code == 2


def test_a_tool_without_a_file_asks_about_everything(edited: Project) -> None:
    assert hook(edited, {"tool_input": {"command": "sed"}}) == Answer(2, "", SHORT.format(paths=""))


def test_an_agent_that_stands_elsewhere_is_told_where_to_run(
    edited: Project, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    answer = hook(Project(elsewhere), {"tool_input": {"file_path": str(edited.path / "shop.py")}})
    assert answer.code == 2
    assert f"run: testmon -C {edited.path} collect --select -q shop.py\n" in answer.err


def test_a_project_that_was_never_collected_is_silent(project: Project) -> None:
    project.write(SHOP)
    assert hook(project, {"tool_input": {"file_path": "shop.py"}}) == Answer(0, "", "")
    assert not os.path.exists(project.path / ".testmondata")


def test_the_reply_for_cursor(edited: Project) -> None:
    answer = hook(edited, {"workspace_roots": []}, "--reply", "cursor")
    assert (answer.code, json.loads(answer.out)) == (
        0,
        {"followup_message": SHORT.format(paths="")},
    )
    edited.edit("shop.py", "return 1 + x", "return x + 1")
    assert hook(edited, "", "--reply", "cursor") == Answer(0, "{}\n", "")


def test_what_is_not_json(edited: Project) -> None:
    answer = hook(edited, "x")
    assert (answer.code, answer.out) == (64, "")
    assert answer.err.startswith("testmon: error: what came on stdin is not JSON: ")


# The configurations

OTHERS = {
    "claude": '{"permissions": {"deny": ["x"]}, "hooks": {"PostToolUse": [{"matcher": "Write", "hooks": []}]}}',
    "codex": '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "x"}]}]}}',
    "cursor": '{"version": 1, "hooks": {"afterFileEdit": [{"command": "x"}]}}',
    "aider": "# mine\nmodel: x\n",
}


@pytest.mark.parametrize("host", sorted(agent.HOSTS))
def test_install_and_uninstall_leave_what_others_wrote(host: str, tmp_path: Path) -> None:
    path = tmp_path / agent.HOSTS[host].path
    path.parent.mkdir(exist_ok=True)
    before = (
        OTHERS[host] if host == "aider" else json.dumps(json.loads(OTHERS[host]), indent=2) + "\n"
    )
    path.write_text(before)
    agent.write(agent.install(host, tmp_path))
    there = path.read_text()
    assert "testmon" in there
    again = agent.install(host, tmp_path)
    assert again.before == again.after == there
    agent.write(agent.uninstall(host, tmp_path))
    assert path.read_text() == before
    nothing = agent.uninstall(host, tmp_path)
    assert nothing.before == nothing.after


@pytest.mark.parametrize("host", sorted(agent.HOSTS))
def test_a_file_of_ours_alone_comes_and_goes(host: str, project: Project) -> None:
    path = project.path / agent.HOSTS[host].path
    shown = project.testmon("agent", "install", host)
    assert (shown.code, shown.err) == (0, "testmon: nothing was written; --yes writes it\n")
    assert f"+++ {path}\n" in shown.out
    assert not path.exists()
    assert (
        project.testmon("agent", "install", host, "--yes").err == f"testmon: {path} was written\n"
    )
    assert (
        project.testmon("agent", "install", host, "--yes").err
        == f"testmon: the hook is there already: {path}\n"
    )
    assert (
        project.testmon("agent", "uninstall", host, "--yes").err == f"testmon: {path} was removed\n"
    )
    assert not path.exists()


@pytest.mark.parametrize(
    ("host", "text", "message"),
    [
        ("claude", "{", "is not valid JSON"),
        ("claude", "[]", "has no object of hooks"),
        ("codex", '{"hooks": {"PostToolUse": {}}}', "has no list of PostToolUse hooks"),
        ("aider", "test-cmd: make\n", "already says 'test-cmd: make'"),
    ],
)
def test_a_configuration_that_cannot_take_it(
    host: str, text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / agent.HOSTS[host].path
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    with pytest.raises(TestmonError, match=f"{message}.*; add the hook by hand"):
        agent.install(host, tmp_path)
    assert path.read_text() == text


def test_the_skill_names_options_that_there_are(project: Project) -> None:
    text = project.testmon("agent", "skill").out
    assert text.startswith("---\nname: testmon\ndescription: ")
    assert "testmon select --format agent" in text
