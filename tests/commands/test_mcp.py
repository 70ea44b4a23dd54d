"""The MCP server, asked by a real client over stdio."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.commands.test_agent import SHOP
from tests.conftest import Project

mcp = pytest.importorskip("mcp", reason="the extra mcp is not installed")


@pytest.fixture
def shop(project: Project) -> Project:
    project.write({".gitignore": ".testmon*\n", **SHOP})
    project.git("init", "-q")
    project.git("add", ".")
    project.git("commit", "-qm", "first")
    assert project.testmon("collect", "-q").code == 0
    return project


def ask(project: Project, questions: Callable[[Any], Any]) -> Any:
    async def session() -> Any:
        server = mcp.StdioServerParameters(
            command=sys.executable, args=["-m", "testmon_cli", "mcp"], cwd=str(project.path)
        )
        async with mcp.Client(mcp.stdio_client(server)) as client:
            return await questions(client)

    return asyncio.run(session())


def test_the_three_tools(shop: Project) -> None:
    async def questions(client: Any) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert sorted(tools) == ["explain", "select_tests", "tests_for"]
        assert all(tool.description for tool in tools.values())
        assert not any("\n  " in tool.description for tool in tools.values())
        nothing = (await client.call_tool("select_tests", {})).structured_content
        assert (nothing["verdict"], nothing["tests"], nothing["command"]) == ("none", [], None)

        shop.edit("shop.py", "return x + 1", "return 1 + x")
        found = (await client.call_tool("select_tests", {"paths": ["shop.py"]})).structured_content
        assert (found["verdict"], found["known_tests"]) == ("some", 2)
        (test,) = found["tests"]
        assert test["nodeid"] == "test_shop.py::test_total"
        reach = (
            await client.call_tool("tests_for", {"place": "shop.py::other"})
        ).structured_content
        assert [test["nodeid"] for test in reach["tests"]] == ["test_shop.py::test_other"]
        told = (
            await client.call_tool("explain", {"nodeid": "test_shop.py::test_total"})
        ).structured_content
        assert told["selected"] == test["reason"]

        assert found["command"] == "testmon collect --select -q shop.py"
        assert shop.testmon(*found["command"].split()[1:]).code == 0
        assert (await client.call_tool("select_tests", {})).structured_content["tests"] == []
        # what passed since then differs from a revision all the same
        found = (await client.call_tool("select_tests", {"base": "HEAD"})).structured_content
        assert [test["nodeid"] for test in found["tests"]] == ["test_shop.py::test_total"]
        assert found["command"] == "testmon select -0 --base HEAD | xargs -0 -r pytest -q"

        wrong = await client.call_tool("tests_for", {"place": "shap.py"})
        assert wrong.is_error
        assert "no such file: shap.py; did you mean shop.py?" in wrong.content[0].text

    ask(shop, questions)


def test_without_the_extra(project: Project) -> None:
    program = "import sys; sys.modules['mcp'] = None; from testmon_cli import cli; sys.exit(cli.main(['mcp']))"
    answer = project.run(sys.executable, "-c", program)
    assert (answer.code, answer.out) == (66, "")
    assert (
        answer.err == 'testmon: error: the package mcp is missing: pip install "testmon-cli[mcp]"\n'
    )
