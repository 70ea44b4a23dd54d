"""Which tests other tools run after an edit, beside testmon and the truth.

All look at the same edits of one project: a fresh clone, where a tool has recorded what it records,
is edited without a commit, and the tool is started as its documentation says. What plain pytest
lets come out otherwise is needed.
"""

import argparse
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import edits
import lab

RECORDER = """
import os

def pytest_runtest_logreport(report):
    if report.when == "call" or (report.outcome != "passed" and not report.skipped):
        with open(os.environ["RAN"], "a") as file:
            file.write(f"{report.nodeid}\\t{report.outcome}\\n")
"""
RAN, TEXT = "what each test ran", "imports, by their text"
PYTEST = ("python", "-m", "pytest", "-q")
PAGE = lab.CHECKOUT / "docs" / "comparison.md"
LIMIT = 300  # seconds
HEAD = ("tool", "goes by", "tests that ran, mean", "missed, tests / edits")


@dataclass(frozen=True)
class Tool:
    """A tool, how it records what it needs, and how it runs what is affected."""

    name: str
    version: str  # "" as it is here
    by: str  # what it goes by
    run: tuple[str, ...]
    record: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def tools(package: str) -> tuple[Tool, ...]:
    """The tools; some want to know which package is looked at."""
    whole = ("--impacted", f"--impacted-module={package}", "--impacted-tests-dir=tests")
    own = ("testmon", "collect", "-q")
    return (
        Tool("testmon", "", RAN, (*own, "--select"), own),
        Tool("pytest-testmon", "2.2.0", RAN, (*PYTEST, "--testmon"), (*PYTEST, "--testmon")),
        Tool("pytest-tia", "1.1.1", RAN, ("tia", "run"), ("tia", "record")),
        Tool("pytest-difftest", "0.3.0", RAN, (*PYTEST, "--diff"), (*PYTEST, "--diff-baseline")),
        Tool("pytest-impacted", "0.36.0", TEXT, (*PYTEST, *whole)),
        Tool("pytest-selective", "0.4.1", TEXT, (*PYTEST, "--selective")),
        Tool("pytest-impact", "0.1.0", "fixtures and test files alone", (*PYTEST, "--impact")),
        Tool("pytest-picked", "0.5.1", "test files alone", (*PYTEST, "--picked")),
    )


@dataclass(frozen=True)
class Found:
    """What one tool made of one edit."""

    tests: int
    needed: int
    ran: int
    missed: int
    code: int


class Bench:
    """A project at one state, and what tools run in it."""

    def __init__(self, source: Path, place: Path, needs: Sequence[str]) -> None:
        self.source = source
        self.place = place
        self._needs = tuple(needs)

    def prepare(self, tool: Tool) -> Path:
        """An environment with one tool."""
        home = self.place / tool.name
        if not (home / "done").exists():
            shutil.rmtree(home, ignore_errors=True)
            venv.create(home, with_pip=True)
            wanted = f"{tool.name}=={tool.version}" if tool.version else str(lab.CHECKOUT)
            pip = [
                home / "bin/python",
                "-m",
                "pip",
                "install",
                "-q",
                "pytest",
                *self._needs,
                wanted,
                *tool.needs,
            ]
            subprocess.run(pip, check=True)
            (home / "recording.py").write_text(RECORDER)
            (home / "done").touch()
        return home

    def clone(self, tool: Tool) -> Path:
        """A fresh copy of the project, at a place of which no tool knows."""
        folder = Path(tempfile.mkdtemp(dir=self.place)) / self.source.name
        shutil.copytree(
            self.source, folder, ignore=shutil.ignore_patterns("__pycache__", ".*", "*.egg-info")
        )
        git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
        (folder / ".gitignore").write_text("__pycache__\n.*\n*.egg-info\n")
        for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "all"]):
            subprocess.run([*git, *command], cwd=folder, check=True)
        if tool.record:
            self.start(tool, tool.record, folder)
        return folder

    def start(self, tool: Tool, command: Sequence[str], folder: Path) -> tuple[dict[str, str], int]:
        """Which tests ran and how they came out, and the exit code."""
        home = self.prepare(tool)
        with tempfile.NamedTemporaryFile("r") as ran:
            environ = {
                **os.environ,
                "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": os.pathsep.join([str(home), str(folder / "src"), str(folder)]),
                "PYTEST_ADDOPTS": "-p recording",
                "RAN": ran.name,
            }
            done = subprocess.run(
                command, cwd=folder, env=environ, capture_output=True, timeout=LIMIT, check=False
            )
            found = dict(line.rstrip("\n").split("\t") for line in ran.read().splitlines())
        if done.returncode not in (0, 1, 5):
            print(
                tool.name,
                *command,
                done.returncode,
                done.stdout[-400:],
                done.stderr[-400:],
                file=sys.stderr,
            )
        return found, done.returncode


def drawn(source: Path, package: str, seed: int, wanted: int) -> Iterator[edits.Edit]:
    """Edits inside functions and outside of them, by turns."""
    paths = sorted((source / package).rglob("*.py"))
    pairs = zip(edits.draw(paths, seed, inside=True), edits.draw(paths, seed + 1), strict=False)
    return itertools.islice(itertools.chain.from_iterable(pairs), wanted)


def look(bench: Bench, package: str, seed: int, wanted: int) -> Iterator[dict[str, Found]]:
    """What each tool ran after each edit."""
    chosen = tools(Path(package).name)
    own = chosen[0]  # in whose environment plain pytest runs
    before, _ = bench.start(own, PYTEST, bench.clone(Tool("plain", "", "", PYTEST)))
    clones = {tool.name: bench.clone(tool) for tool in chosen}
    for edit in drawn(bench.source, package, seed, wanted):
        relative = edit.path.relative_to(bench.source)
        truth = _copied(clones[own.name])
        (truth / relative).write_text(edit.text)
        try:
            after, _ = bench.start(own, PYTEST, truth)
        except subprocess.TimeoutExpired:  # it hangs, with any tool
            continue
        needed = {test for test in after if after[test] != before.get(test)}
        found = {}
        for tool in chosen:
            folder = clones[tool.name]
            kept = _copied(folder)
            (folder / relative).write_text(edit.text)
            ran, code = bench.start(tool, tool.run, folder)
            found[tool.name] = Found(
                len(before), len(needed), len(ran), len(needed - ran.keys()), code
            )
            shutil.rmtree(folder)
            kept.rename(folder)
        told = ", ".join(f"{name} {one.ran}/{one.missed}" for name, one in found.items())
        print(
            f"{relative}:{edit.line} needed {len(needed)}; ran/missed {told}",
            file=sys.stderr,
            flush=True,
        )
        yield found


def rows(package: str, found: Sequence[Mapping[str, Found]]) -> Iterator[tuple[object, ...]]:
    """A row for each tool."""
    for tool in tools(package):
        own = [one[tool.name] for one in found]
        yield (
            f"{tool.name} {tool.version}".strip(),
            tool.by,
            f"{sum(one.ran / one.tests for one in own) / len(own):.1%}",
            f"{sum(one.missed for one in own)} / {sum(bool(one.missed) for one in own)}",
        )


def _copied(folder: Path) -> Path:
    target = Path(tempfile.mkdtemp(dir=folder.parent)) / folder.name
    shutil.copytree(folder, target, symlinks=True)
    return target


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("source", type=Path, help="the folder of a project, with its tests")
    parser.add_argument("package", help="its package, relative to the folder")
    parser.add_argument("--needs", nargs="*", default=[], help="what its tests need")
    parser.add_argument("--edits", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    options = parser.parse_args()
    place = lab.PLACE / "others"
    place.mkdir(parents=True, exist_ok=True)
    bench = Bench(options.source.resolve(), place, options.needs)
    found = list(look(bench, options.package, options.seed, options.edits))
    own = [one["testmon"] for one in found]
    needed = sum(one.needed / one.tests for one in own) / len(own)
    told = f"{options.source.name}: {own[0].tests} tests, {len(own)} edits, needed {needed:.1%}\n\n"
    table = lab.table(HEAD, list(rows(Path(options.package).name, found)))
    lab.publish(told + table, PAGE, "others", write=options.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
