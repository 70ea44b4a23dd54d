"""Measure what collecting adds to a test, in generated projects of more and more sources.

python benchmarks/scaling.py [--quick] [--rounds N] [--write]

Every module has ten functions of three lines and a test file with ten tests of one line: half of
the sources are modules. What starting costs is measured with one module and taken off.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import lab
import synthetic
from bench import MEASUREMENTS, interleaved

SIZES = (100, 1_000, 4_000)  # sources
QUICK = (100, 400)
EACH = 10  # functions of a module, and tests of a test file
# pytest alone: a plugin that happens to be installed would cost more than what is measured.
ENVIRON = (("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"),)
OPTIONS = ("-q", "-p", "no:cacheprovider")
HEAD = ("sources", "tests", "pytest, CPU s", "collected, CPU s", "more for each test, ms")


def write_project(root: Path, modules: int) -> None:
    """Write modules and test files, as if an hour ago."""
    for folder in ("app", "tests"):
        (root / folder).mkdir(parents=True)
    (root / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\ntestpaths = ["tests"]\npythonpath = ["."]\n'
    )
    functions = [f"def f{n}(x):\n    y = x + {n}\n    return y\n" for n in range(EACH)]
    tests = [f"def test_{n}():\n    assert m.f{n}(1) == {n + 1}\n" for n in range(EACH)]
    for number in range(modules):
        (root / "app" / f"m{number}.py").write_text("\n\n".join(functions))
        (root / "tests" / f"test_{number}.py").write_text(
            "\n\n".join([f"import app.m{number} as m\n", *tests])
        )
    synthetic.age(root)


def measure(root: Path, modules: int, rounds: int) -> list[tuple[float, float]]:
    """CPU seconds of plain pytest and of `testmon collect` with all processes, for each round.

    Caches are warm.
    """
    write_project(root, modules)
    plain = (sys.executable, "-m", "pytest", *OPTIONS)
    collect = (sys.executable, "-m", "testmon_cli", "collect", "--", *OPTIONS)
    programs: dict[str, Callable[[], lab.Ran]] = {
        "pytest": partial(lab.run, plain, root, environ=ENVIRON),
        "collect": partial(_anew, collect, root),
    }
    # one more: a source whose model the datafile has leaves none in the cache
    programs["collect"]()
    found = interleaved(rounds, programs)
    return [
        (one.cpu, other.cpu) for one, other in zip(found["pytest"], found["collect"], strict=True)
    ]


def _anew(command: Sequence[str], root: Path) -> lab.Ran:
    for path in root.glob(".testmondata*"):
        path.unlink()
    return lab.run(command, root, environ=ENVIRON)


def table(sizes: Sequence[int], rounds: int) -> str:
    rows = []
    with tempfile.TemporaryDirectory() as place:
        start = [
            collected - plain for plain, collected in measure(Path(place) / "start", 1, rounds)
        ]
        for size in sizes:
            found = measure(Path(place) / str(size), size // 2, rounds)
            tests = size // 2 * EACH
            more = [
                1000 * (collected - plain - median(start)) / (tests - EACH)
                for plain, collected in found
            ]
            seconds = (f"{median(run[which] for run in found):.2f}" for which in (0, 1))
            rows.append(
                [
                    f"{size:,}",
                    f"{tests:,}",
                    *seconds,
                    f"{median(more):.2f} ({min(more):.2f} to {max(more):.2f})",
                ]
            )
            print(f"scaling: {rows[-1]}", file=sys.stderr)
    return (
        lab.table(HEAD, rows)
        + f"\nStarting costs {median(start):.2f} CPU seconds, which are taken off.\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small projects, two rounds")
    parser.add_argument("--rounds", type=int, help="how often each program is run")
    parser.add_argument(
        "--write", action="store_true", help=f"replace the table in {MEASUREMENTS.name}"
    )
    options = parser.parse_args()
    rounds = options.rounds or (2 if options.quick else 5)
    text = table(QUICK if options.quick else SIZES, rounds)
    where = f"CPython {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores, {rounds} rounds"
    text += f"\nMeasured with {where}.\n"
    lab.publish(text, MEASUREMENTS, "scaling", write=options.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
