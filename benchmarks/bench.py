"""Measure what collecting costs over plain pytest, what asking costs, and how both grow with the suite.

python benchmarks/bench.py [--quick] [--rounds N] [--write] [part ...]     parts: overhead, asking,
real, growth
"""

import argparse
import multiprocessing
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import edits
import lab
import synthetic
from compare import INCUMBENT, OTHER

from testmon_cli.storage.datafile import Datafile
from testmon_cli.tracing.settings import CACHE_FOLDER

PAGE = lab.CHECKOUT / "docs" / "performance.md"
MEASUREMENTS = lab.CHECKOUT / "docs" / "development" / "measurements.md"
USERS_TABLES = ("overhead", "growth")  # those of PAGE; MEASUREMENTS has the others
EDIT = ("total += 5", "total += 6")  # one block of one function
QUESTIONS = (
    ("select",),
    ("explain", "tests/test_00003.py::test_33"),
    ("explain", f"{synthetic.SHARED}:5"),
    ("explain", f"{synthetic.SHARED}::f0"),
)


@dataclass(frozen=True)
class Extent:
    """How far a measurement goes."""

    rounds: int
    projects: tuple[str, ...]
    engines: tuple[str, ...]
    sizes: tuple[int, ...]


SUITES = (
    "sqlparse", "marshmallow", "packaging", "jinja2", "click", "attrs", "mpmath", "networkx", "starlette", lab.OWN,
)  # fmt: skip
QUICK = Extent(2, ("sqlparse",), ("auto",), (1_000,))
FULL = Extent(5, SUITES, ("auto",), (1_000, 10_000, 20_000, 100_000))


def interleaved(
    rounds: int, programs: dict[str, Callable[[], lab.Ran]]
) -> dict[str, list[lab.Ran]]:
    """Run each program once unmeasured, then all in turn, so that a slow minute of the machine hits all of them."""
    found: dict[str, list[lab.Ran]] = {name: [] for name in programs}
    for number in range(rounds + 1):
        for name, program in programs.items():
            ran = program()
            if ran.status not in (0, 1):
                raise SystemExit(
                    f"{name} ended with {ran.status}:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}"
                )
            if number:
                found[name].append(ran)
    return found


def _spread(values: Sequence[float], digits: int = 2) -> str:
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def overhead(extent: Extent) -> str:
    """CPU seconds of `testmon collect` over those of plain pytest, user and system, of all processes."""
    rows = []
    for name in extent.projects:
        project = lab.prepare(name, str(lab.CHECKOUT))
        programs: dict[str, Callable[[], lab.Ran]] = {"pytest": project.pytest}
        programs |= {
            engine: partial(project.collect, "--engine", engine) for engine in extent.engines
        }
        found = interleaved(extent.rounds, programs)
        plain = found["pytest"]
        row: list[object] = [project.recipe.title, _spread([ran.cpu for ran in plain])]
        for engine in extent.engines:
            ratios = [ran.cpu / other.cpu for ran, other in zip(found[engine], plain, strict=True)]
            row.append(_spread(ratios))
        usual = median(ran.memory for ran in plain)
        row += [
            f"{median(ran.memory for ran in found[engine]) / usual:.2f}"
            for engine in extent.engines
        ]
        rows.append(row)
        print(f"overhead: {row}", file=sys.stderr)
    ratios_of = [f"{engine}, times pytest" for engine in extent.engines]
    return lab.table(
        ["project", "pytest, CPU s", *ratios_of, *(f"{e}, times memory" for e in extent.engines)],
        rows,
    )


def asking(extent: Extent) -> str:
    """Seconds that a question takes in a project of 1,000 tests, beside pytest-testmon's way to ask it."""
    ours, theirs = (
        lab.prepare("sqlparse", str(lab.CHECKOUT)).bin,
        lab.prepare("sqlparse", OTHER).bin,
    )
    with tempfile.TemporaryDirectory() as place:
        here, there = (
            _project(Path(place) / name, synthetic.plan(1_000)) for name in ("here", "there")
        )
        lab.run([str(ours / "testmon"), "collect", "--", *lab.PYTEST], here)
        remember = [str(theirs / "python"), "-m", "pytest", "--testmon", *lab.PYTEST]
        lab.run(remember, there)
        # Nothing is left to run here, which pytest says with exit code 5.
        again = [*remember, "--testmon-nocollect", "--collect-only"]

        def ask() -> dict[str, list[lab.Ran]]:
            return interleaved(
                extent.rounds,
                {
                    "python -c 'pass'": lambda: lab.run([str(ours / "python"), "-c", "pass"], here),
                    "python -c 'import click'": lambda: lab.run(
                        [str(ours / "python"), "-c", "import click"], here
                    ),
                    **{
                        f"testmon {' '.join(words)}": partial(
                            lab.run, [str(ours / "testmon"), *words], here
                        )
                        for words in QUESTIONS
                    },
                    "pytest --testmon --collect-only": lambda: _forgiving(
                        partial(lab.run, again, there)
                    ),
                },
            )

        unchanged = ask()
        for root in (here, there):
            path = root / synthetic.SHARED
            path.write_text(path.read_text().replace(*EDIT, 1))
        changed = ask()
    rows = _seconds(unchanged, changed)
    return lab.table(["command", "nothing changed, s", "one function changed, s"], rows)


def asking_in_real_projects(extent: Extent) -> str:
    """Seconds that a question takes in real projects, before and after one of their sources has changed."""
    rows: list[list[str]] = []
    for name in extent.projects[:3]:
        ours, theirs = lab.prepare(name, str(lab.CHECKOUT)), lab.prepare(name, OTHER)
        ours.collect()
        theirs.pytest(*INCUMBENT)
        question = partial(theirs.pytest, *INCUMBENT, "--testmon-nocollect", "--collect-only")
        programs = {
            "python -c 'import click'": partial(ours.run, "python", "-c", "import click"),
            "testmon select": partial(_first, ours, "select"),
            "testmon explain TEST": partial(_first, ours, "explain", _some_test(ours)),
            "pytest --testmon --collect-only": partial(_forgiving, question),
        }
        unchanged = interleaved(extent.rounds, programs)
        edit = next(edits.draw(ours.sources, 1, inside=True))
        with ExitStack() as both:
            for project in (ours, theirs):
                both.enter_context(
                    lab.edited(project.folder / edit.path.relative_to(ours.folder), edit.text)
                )
            changed = interleaved(extent.rounds, programs)
        rows += ([ours.recipe.title, *row] for row in _seconds(unchanged, changed))
        print(f"real: {rows[-3:]}", file=sys.stderr)
    return lab.table(["project", "command", "nothing changed, s", "one file changed, s"], rows)


def _first(project: lab.Project, *words: str) -> lab.Ran:
    """Run testmon as the first question after an edit: what earlier ones kept of sources is gone."""
    for kept in (project.folder / CACHE_FOLDER).rglob("*.model"):
        kept.unlink()
    return project.run("testmon", *words)


def _some_test(project: lab.Project) -> str:
    """The node id of a test in the middle of all."""
    with Datafile.open(project.folder / ".testmondata") as datafile:
        found = sorted(each.nodeid for each in datafile.executions(datafile.runs()[0].environment))
    return found[len(found) // 2]


def _seconds(*found: dict[str, list[lab.Ran]]) -> list[list[str]]:
    """A row for each program: the seconds that it took each time."""
    return [
        [f"`{name}`", *(_spread([ran.seconds for ran in each[name]], 3) for each in found)]
        for name in found[0]
    ]


def _forgiving(program: Callable[[], lab.Ran]) -> lab.Ran:
    ran = program()
    return replace(ran, status=0) if ran.status == 5 else ran


def growth(extent: Extent) -> str:
    """How asking grows with the suite, 300 blocks a test.

    The datafile is written without running the tests.
    """
    tools = lab.prepare("sqlparse", str(lab.CHECKOUT)).bin
    rows = []
    for size in extent.sizes:
        with tempfile.TemporaryDirectory() as place:
            root = Path(place) / "project"
            # In another process: the memory that this one has counts for its children.
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                written = pool.apply(_grown, (root, size, tools / "testmon"))
            megabytes = sum(path.stat().st_size for path in root.glob(".testmondata*")) / 1e6
            select = {"select": lambda: lab.run([str(tools / "testmon"), "select"], root)}  # noqa: B023 # used here
            unchanged = interleaved(extent.rounds, select)["select"]
            path = root / synthetic.SHARED
            path.write_text(path.read_text().replace(*EDIT, 1))
            changed = interleaved(extent.rounds, select)["select"]
            gc = lab.run([str(tools / "testmon"), "gc", "--keep", "1"], root)
        if unchanged[0].stdout or gc.status:
            raise SystemExit(f"not as it must be: {unchanged[0].stdout[:500]}{gc.stderr}")
        rows.append([
            f"{size:,}", f"{written:.1f}", f"{megabytes:.1f}", _spread([ran.seconds for ran in unchanged]),
            _spread([ran.seconds for ran in changed]), f"{len(changed[0].stdout.splitlines()):,}",
            f"{max(ran.memory for ran in changed):.0f}", f"{gc.seconds:.1f}",
        ])  # fmt: skip
        print(f"growth: {rows[-1]}", file=sys.stderr)
    head = [
        "tests",
        "writing all, s",
        "datafile, MB",
        "select, nothing changed, s",
        "select, one function changed, s",
    ]
    return lab.table([*head, "selected", "memory, MB", "gc, s"], rows)


def _grown(root: Path, size: int, testmon: Path) -> float:
    """Make a project of this many tests, with a datafile.

    How many seconds it took to write that.
    """
    planned = synthetic.plan(size)
    _project(root, planned)
    lab.run([str(testmon), "collect", "--", *lab.PYTEST, "tests/test_00000.py"], root)
    return synthetic.fill(root, planned)


def _project(root: Path, planned: dict[str, list[synthetic.Call]]) -> Path:
    synthetic.write_project(root, planned)
    synthetic.age(root)
    return root


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parts = {
        "overhead": overhead,
        "asking": asking,
        "real": asking_in_real_projects,
        "growth": growth,
    }
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(parts)}; all if none is named")
    parser.add_argument("--rounds", type=int, help="how often each program is run")
    parser.add_argument(
        "--projects", nargs="+", choices=SUITES, help="whose suites show the overhead"
    )
    parser.add_argument(
        "--engines",
        nargs="+",
        choices=("auto", "probes", "coverage"),
        help="which engines are measured",
    )
    parser.add_argument("--quick", action="store_true", help="one project, one size, two rounds")
    parser.add_argument(
        "--write",
        action="store_true",
        help=f"put the tables into {PAGE.name} and {MEASUREMENTS.name}",
    )
    options = parser.parse_args()
    extent = QUICK if options.quick else FULL
    given = {"rounds": options.rounds, "projects": options.projects, "engines": options.engines}
    extent = replace(extent, **{name: value for name, value in given.items() if value})
    where = f"CPython {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores, {extent.rounds} rounds"
    for name in options.parts or parts:
        text = f"{parts[name](extent)}\nMeasured with {where}.\n"
        lab.publish(text, PAGE if name in USERS_TABLES else MEASUREMENTS, name, write=options.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
