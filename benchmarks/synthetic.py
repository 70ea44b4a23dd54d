"""A project of any number of tests that each run through 300 blocks, and a datafile of it without running them.

Every second test calls one function of a module of its own: an edit of it affects half of them.
"""

import itertools
import os
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from testmon_cli import __version__
from testmon_cli.analysis import codec
from testmon_cli.application.checkout import sources
from testmon_cli.domain.records import Execution, ResourceState, Run, RunStart, Trace
from testmon_cli.storage.datafile import Datafile

MODULES, FUNCTIONS, BLOCKS, CALLS = 50, 40, 15, 20  # a test calls 20 functions of 15 blocks
IN_FILE = 10  # tests
SHARED = "app/shared.py"
BATCH = 2000  # tests in one transaction


@dataclass(frozen=True)
class Call:
    """A function of the project that a test calls."""

    module: str
    function: int

    def __str__(self) -> str:
        return f"{self.module}.f{self.function}(99)"


def plan(tests: int) -> dict[str, list[Call]]:
    """What each test calls, by node id: functions of five modules."""
    chance = random.Random(1)
    planned = {}
    for number in range(tests):
        modules = chance.sample(range(MODULES), 5)
        calls = [
            Call(f"m{m:02}", f)
            for m in modules
            for f in chance.sample(range(FUNCTIONS), CALLS // len(modules))
        ]
        if number % 2:
            calls[0] = Call("shared", 0)
        planned[f"tests/test_{number // IN_FILE:05}.py::test_{number}"] = calls
    return planned


def write_project(root: Path, planned: dict[str, list[Call]]) -> None:
    """Write the sources and test files."""
    for folder in ("app", "tests"):
        (root / folder).mkdir(parents=True)
    (root / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\ntestpaths = ["tests"]\npythonpath = ["."]\n'
    )
    (root / "app" / "__init__.py").touch()
    arms = "".join(
        f"    if x > {number}:\n        total += {number}\n" for number in range(BLOCKS - 1)
    )
    text = f"(x):\n    total = 0\n{arms}    return total\n"
    for module in range(MODULES):
        (root / "app" / f"m{module:02}.py").write_text(
            "\n\n".join(f"def f{n}{text}" for n in range(FUNCTIONS))
        )
    (root / SHARED).write_text(f"def f0{text}")
    files = defaultdict(list)
    for nodeid, calls in planned.items():
        path, _, name = nodeid.partition("::")
        files[path].append(
            f"def {name}():\n    total = {' + '.join(map(str, calls))}\n    assert total > 0\n"
        )
    for path, bodies in files.items():
        names = sorted(set(re.findall(r"(\w+)\.f\d", "".join(bodies))))
        (root / path).write_text(f"from app import {', '.join(names)}\n\n\n" + "\n\n".join(bodies))


def age(root: Path) -> None:
    """Let the sources be an hour old: those written just now are looked at more closely."""
    then = time.time() - 3600
    for path in root.rglob("*.py"):
        os.utime(path, (then, then))


def fill(root: Path, planned: dict[str, list[Call]]) -> float:
    """Add a run of all tests to a datafile that has one of the first test file.

    The seconds that writing took.
    """
    with Datafile.open(root / ".testmondata", mode="write") as datafile:
        sample = datafile.runs()[0]
        facts = dict(sample.facts) | {"pending": [], "inert": {}, "edges": _edges(root)}
        resources = _resources(datafile, sample)
        found = sources.scan(root)
        versions = [
            sources.version_of(path, (root / path).read_bytes(), stat)[0]
            for path, stat in found.items()
        ]
        checksums = {version.path: _functions(version.model) for version in versions}
        packages = datafile.packages(sample.id)
        started = time.perf_counter()
        run = datafile.begin_run(
            RunStart(
                sample.environment, time.time(), (), packages, "", False, "probes", __version__
            )
        )
        datafile.set_snapshot(run, datafile.add_sources(versions).values())
        datafile.set_facts(run, facts)
        executions = _executions(planned, checksums, resources)
        while batch := list(itertools.islice(executions, BATCH)):
            datafile.write(run, (), batch)
        datafile.finish_run(run, time.time(), True, 0)
    return time.perf_counter() - started


def add_day(
    root: Path,
    planned: dict[str, list[Call]],
    tests: int,
    modules: int,
    facts: Mapping[str, object],
) -> None:
    """Edit some modules, and add a run of some of the tests, chosen by chance, to a datafile that has all of them."""
    names = [f"m{number:02}" for number in range(modules)]
    for name in names:
        path = root / "app" / f"{name}.py"
        path.write_text(path.read_text().replace("total += 5", "total += 50"))
    chosen = random.Random(2).sample([*planned], tests)
    edited = {f"app/{name}.py" for name in names}
    with Datafile.open(root / ".testmondata", mode="write") as datafile:
        last = datafile.runs()[0]
        resources = _resources(datafile, last)
        snapshot = datafile.snapshot(last.id)
        needed = {nodeid.partition("::")[0] for nodeid in chosen} | {
            path for path in snapshot if path[:4] == "app/"
        }
        models = datafile.models(
            ref.id for path, ref in snapshot.items() if path in needed - edited
        )
        checksums = {
            ref.path: _functions(models[ref.id]) for ref in snapshot.values() if ref.id in models
        }
        found = sources.scan(root)
        versions = [
            sources.version_of(path, (root / path).read_bytes(), found[path])[0]
            for path in sorted(edited)
        ]
        checksums |= {version.path: _functions(version.model) for version in versions}
        start = RunStart(
            last.environment,
            time.time(),
            (),
            datafile.packages(last.id),
            "",
            False,
            "probes",
            __version__,
        )
        run = datafile.begin_run(start)
        ids = {ref.path: ref.id for ref in snapshot.values()}
        ids |= {path: number for (path, _), number in datafile.add_sources(versions).items()}
        datafile.set_snapshot(run, ids.values())
        datafile.set_facts(run, {**last.facts, **facts})
        executions = _executions(
            {nodeid: planned[nodeid] for nodeid in chosen}, checksums, resources
        )
        while batch := list(itertools.islice(executions, BATCH)):
            datafile.write(run, (), batch)
        datafile.finish_run(run, time.time(), True, 0)


def _edges(root: Path) -> dict[str, list[str]]:
    edges = {}
    for path in sorted((root / "tests").glob("*.py")):
        names = path.read_text().partition("\n")[0].removeprefix("from app import ").split(", ")
        edges[f"tests/{path.name}"] = ["app/__init__.py", *(f"app/{name}.py" for name in names)]
    return edges


def _resources(datafile: Datafile, run: Run) -> tuple[ResourceState, ...]:
    """What a test that really ran relied on besides code."""
    trace = datafile.executions(run.environment)[0].trace_id
    return tuple(datafile.trace_resources(trace).values())


def _functions(model: bytes) -> dict[str, frozenset[int]]:
    found = defaultdict(set)
    for block in codec.decode(model).blocks:
        found[block.qualname].add(block.checksum)
    return {name: frozenset(checksums) for name, checksums in found.items()}


def _executions(
    planned: dict[str, list[Call]],
    checksums: dict[str, dict[str, frozenset[int]]],
    resources: tuple[ResourceState, ...],
) -> Iterator[Execution]:
    for nodeid, calls in planned.items():
        path, _, name = nodeid.partition("::")
        reached = defaultdict(frozenset[int], {path: checksums[path][name]})
        for call in calls:
            module = f"app/{call.module}.py"
            reached[module] |= checksums[module][f"f{call.function}"]
        trace = Trace(f"test:{nodeid}", reached, resources)
        yield Execution(trace, nodeid, path, name, "function", "passed", 0.001, "", "")
