"""Suites that are really collected, and what the datafile then holds of every test."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from testmon_cli.analysis import codec, lookups
from testmon_cli.application import settings
from testmon_cli.application.checkout import environment
from testmon_cli.application.collect import use_case as collecting
from testmon_cli.application.select import use_case as selecting
from testmon_cli.storage.datafile import Datafile
from tests.conftest import Project


def needs(*modules: str) -> None:
    """Skip a test whose tools are not installed.

    Where all must be (TESTMON_TEST_ALL), it fails instead.
    """
    for module in modules:
        if os.environ.get("TESTMON_TEST_ALL"):
            importlib.import_module(module)
        else:
            pytest.importorskip(module)


@dataclass(frozen=True)
class Seen:
    """What the datafile holds of one test and of all it uses."""

    outcome: str
    functions: frozenset[str]  # path::qualname of what was executed outside of test files
    own: frozenset[str]  # the same of the test's file
    resources: frozenset[tuple[str, str]]
    always: str
    unknown: str


@dataclass(frozen=True)
class Suite:
    """A project with tests; commands run in its folder or below."""

    project: Project
    folder: str = ""

    @property
    def cwd(self) -> Path:
        return self.project.path / self.folder

    def collect(self, *arguments: str, engine: str = "auto", verbose: bool = False) -> int:
        """Run `testmon collect` and give pytest's exit code."""
        with _inside(self.cwd):
            return collecting.collect(
                settings.load(engine=engine), arguments, verbose=verbose
            ).exitcode

    def plain(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run pytest as a user would."""
        command = [sys.executable, "-m", "pytest", *arguments]
        return subprocess.run(
            command,
            cwd=self.cwd,
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    def select(self, *, exact: bool = False) -> list[str]:
        """What `testmon select` would print."""
        with _inside(self.cwd):
            return list(selecting.select(settings.load(), exact=exact).arguments)

    def known(self) -> dict[str, Seen]:
        """All tests of the newest run."""
        with _inside(self.cwd), Datafile.open(settings.load().datafile) as datafile:
            return _read(datafile)

    def outcomes(self) -> dict[str, str]:
        return {nodeid: seen.outcome for nodeid, seen in self.known().items()}

    def functions(self) -> dict[str, set[str]]:
        """The names of functions outside test files that tests executed, by name of the test."""
        return {
            nodeid.partition("::")[2].rpartition("::")[2].removeprefix("test_"): {
                name.partition("::")[2] for name in seen.functions
            }
            for nodeid, seen in self.known().items()
        }

    def unsure(self) -> dict[str, str]:
        """Tests that are selected every time, with the reason."""
        return {
            n: seen.unknown or seen.always
            for n, seen in self.known().items()
            if seen.unknown or seen.always
        }


class _inside:
    """Work in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        self._before = Path.cwd()
        os.chdir(self._folder)

    def __exit__(self, *_: object) -> None:
        os.chdir(self._before)


def _read(datafile: Datafile) -> dict[str, Seen]:
    run, *_ = datafile.runs()
    names: dict[str, dict[int, str]] = {}
    for path, ref in datafile.snapshot(run.id).items():
        data = datafile.model(ref.id) if ref.model_key != "-" else b""
        if data:
            names[path] = {b.checksum: f"{path}::{b.qualname}" for b in codec.decode(data).blocks}
    uses: dict[int, set[int]] = {}
    for user, used in datafile.uses([run.id]):
        uses.setdefault(user, set()).add(used)
    unknown = {
        trace_id: reason
        for kind in ("fixture", "module", "collect", "session")
        for trace_id, _, _, reason, _ in datafile.traces([run.id], kind)
    }
    known: dict[str, Seen] = {}
    for execution in datafile.executions(environment.current(run.environment.name)):
        if execution.run_id != run.id:
            continue
        traces = _closed({execution.trace_id}, uses)
        executed = {
            names[fingerprint.path].get(checksum, f"{fingerprint.path}::?")
            for trace in traces
            for fingerprint in datafile.trace_fingerprints(trace)
            if not lookups.is_place(fingerprint.path)
            for checksum in fingerprint.checksums
        }
        resources = {
            (s.kind, s.name) for trace in traces for s in datafile.trace_resources(trace).values()
        }
        own = {name for name in executed if name.partition("::")[0] == execution.path}
        reasons = [execution.unknown, *(unknown.get(trace, "") for trace in traces)]
        known[execution.nodeid] = Seen(
            execution.outcome,
            frozenset(executed - own),
            frozenset(own),
            frozenset(resources),
            execution.always,
            "; ".join(filter(None, reasons)),
        )
    return known


def _closed(start: Iterable[int], uses: Mapping[int, set[int]]) -> set[int]:
    found: set[int] = set()
    stack = list(start)
    while stack:
        trace = stack.pop()
        if trace not in found:
            found.add(trace)
            stack += uses.get(trace, ())
    return found
