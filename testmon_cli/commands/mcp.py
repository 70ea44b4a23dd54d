"""`testmon mcp`: a server for agents, by the Model Context Protocol over stdin and stdout."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from testmon_cli import __version__
from testmon_cli.api import Project, TestmonError
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import EnvironmentFailure
from testmon_cli.rendering import explain as rendering
from testmon_cli.rendering.agent import command

_MOST = 50  # entries of a list
_INSTRUCTIONS = (
    "testmon knows what each pytest test ran, read and imported. After an edit ask select_tests, and run its command. "
    "Before an edit ask tests_for to find the tests that reach a place."
)


def run(load: Callable[[], Settings]) -> int:
    """Serve until stdin ends."""
    try:
        from mcp.server import MCPServer
    except ImportError as error:
        raise EnvironmentFailure(
            'the package mcp is missing: pip install "testmon-cli[mcp]"'
        ) from error
    server = MCPServer(
        "testmon", version=__version__, instructions=_INSTRUCTIONS, log_level="ERROR"
    )
    tools = Tools(load)
    for tool in (tools.select_tests, tools.explain, tools.tests_for):
        server.add_tool(tool, description=inspect.getdoc(tool))
    server.run("stdio")
    return 0


class Tools:
    """The tools, each a method: their docstrings are what an agent reads."""

    def __init__(self, load: Callable[[], Settings]) -> None:
        self._load = load

    def select_tests(
        self, paths: list[str] | None = None, base: str | None = None
    ) -> dict[str, object]:
        """Which tests must run now, and why.

        Those that changes since they ran can affect, that failed, or are new.

        `paths` narrows the answer to tests that these files can affect; `base` asks about the
        difference to a git revision. Run the tests with the command that is given.
        """
        with _told():
            found = self._project.select(paths, base=base)
        question = ("--base", base) if base is not None else ()
        tests = [
            {"nodeid": test.nodeid, "kind": test.kind, "reason": test.reason}
            for test in found.tests
        ]
        return {
            "verdict": found.verdict,
            "reason": found.reason,
            "command": command(question, paths or ()) if found.tests else None,
            "tests": tests[:_MOST],
            "more_tests": max(0, len(tests) - _MOST),
            "known_tests": found.known,
            "selected_seconds": found.selected_seconds,
            "saved_seconds": found.saved_seconds,
            "notes": list(found.notes),
        }

    def explain(self, nodeid: str) -> dict[str, object]:
        """What one test relies on, and why it is or is not selected now.

        `nodeid` is that of pytest.
        """
        with _told():
            return _cut(rendering.values(self._project.relies_on(nodeid)))

    def tests_for(self, place: str) -> dict[str, object]:
        """Which tests reach a place in the code, the fastest first.

        `place` is a line (`app/price.py:41`), a function, class or name (`app/price.py::total`) or
        a file.
        """
        with _told():
            return _cut(rendering.values(self._project.tests_for(place)))

    @property
    def _project(self) -> Project:
        return Project(self._load())


@contextmanager
def _told() -> Iterator[None]:
    """Tell an agent in our words about errors that the user can put right."""
    from mcp.server.mcpserver.exceptions import ToolError

    try:
        yield
    except TestmonError as error:
        raise ToolError(str(error)) from error


def _cut(values: dict[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, list) and len(value) > _MOST:
            found[key] = value[:_MOST]
            found[f"more_{key}"] = len(value) - _MOST
        else:
            found[key] = value
    return found
