"""A plugin of pytest that logs outcomes, and runs a share of the tests on request.

It is loaded by name (`-p`), in runs with and without tracing. Apart from the share it changes
nothing. A line of the file is a list in JSON: its first item says what it tells of.
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

import pytest

from testmon_cli.tracing.originals import paths
from testmon_cli.tracing.pytest_plugin.node_ids import NodeNames
from testmon_cli.tracing.pytest_plugin.outcomes import OutcomeReader

PLUGIN: Final = "testmon_cli.tracing.pytest_plugin.outcome_log"
VARIABLE: Final = "TESTMON_OUTCOMES"
TEST, BROKEN, ELSEWHERE, ENDED = "test", "broken", "elsewhere", "ended"
_LONGEST: Final = 300  # characters of a failure
_PARTS: Final = 1_000_000


class LogSettings(NamedTuple):
    """The settings of the plugin, carried by a variable as JSON."""

    path: str
    root: str  # that node ids are relative to
    share: float = 1.0
    seed: str = ""

    def to_json(self) -> str:
        return json.dumps(self)


def is_in_share(nodeid: str, share: float, seed: str) -> bool:
    """Tell whether a test is in a share of all tests, the same for the same seed."""
    digest = hashlib.blake2b(
        f"{seed}\0{nodeid}".encode(errors="surrogatepass"), digest_size=8
    ).digest()
    return int.from_bytes(digest, "big") % _PARTS < share * _PARTS


def pytest_configure(config: pytest.Config) -> None:
    """Write of the session, not of one that it starts."""
    told = os.environ.get(VARIABLE)
    if told and not config.pluginmanager.has_plugin("testmon-outcomes"):
        config.pluginmanager.register(
            OutcomeLog(config, LogSettings(*json.loads(told))), "testmon-outcomes"
        )


class OutcomeLog:
    """Writes of one session."""

    def __init__(self, config: pytest.Config, settings: LogSettings) -> None:
        self._settings = settings
        self._root = settings.root
        self._names = NodeNames(self._root, str(config.rootpath))
        self._process = os.getpid()
        self._tests: dict[str, OutcomeReader] = {}
        # A worker of pytest-xdist sends its reports to the process that writes.
        self._file: TextIO | None = None
        if not hasattr(config, "workerinput"):
            self._file = open(settings.path, "a", encoding="utf-8")  # noqa: SIM115

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        share, seed = self._settings.share, self._settings.seed
        if share < 1:
            left_out = [item for item in items if not is_in_share(item.nodeid, share, seed)]
            items[:] = [item for item in items if is_in_share(item.nodeid, share, seed)]
            config.hook.pytest_deselected(items=left_out)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            name = self._names.of_text(report.nodeid) if report.nodeid else ""
            self._write(BROKEN, name, _telling_line(report.longreprtext))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        reader = self._tests.setdefault(report.nodeid, OutcomeReader())
        reader.add(report)
        if reader.finished:
            text = _telling_line(reader.failure)
            nodeid = self._names.of_text(report.nodeid)
            self._write(TEST, nodeid, reader.outcome or "passed", round(reader.duration, 4), text)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        for name, path in _from_elsewhere(self._root):
            self._write(ELSEWHERE, name, path)
        self._write(ENDED, int(exitstatus))

    def _write(self, *record: Any) -> None:
        if self._file is not None and os.getpid() == self._process:
            self._file.write(json.dumps(record) + "\n")
            self._file.flush()


def _telling_line(text: str) -> str:
    """The line of a failure that says what went wrong.

    It is the first one that pytest marks with E, or else the last.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    found = next((line[1:] for line in lines if line.startswith("E ")), last)
    return " ".join(found.split())[:_LONGEST]


def _from_elsewhere(root: str) -> list[tuple[str, str]]:
    """Modules that stand below a root and were imported from another place, with that place."""
    found = []
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if (
            "." in name
            or not isinstance(path, str)
            or name in ("conftest", "setup", "tests", "test")
        ):
            continue
        if not paths.realpath(path).startswith(root + paths.sep) and any(
            Path(root, folder, name, "__init__.py").exists() for folder in ("", "src")
        ):
            found.append((name, path))
    return found
