"""Compare how `testmon plan` divides recorded suites with the least that any division can take.

python benchmarks/balance.py [--write] [project ...]

Each project is collected. All its test files are divided, and the tests that one edit selects.
"""

import argparse
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import chdir
from itertools import islice

import edits
import lab
from answers import MORE

from testmon_cli.application import plan as planning
from testmon_cli.application import settings
from testmon_cli.application.select import use_case
from testmon_cli.domain import parts
from testmon_cli.domain.parts import Part
from testmon_cli.domain.selection import Selection

PAGE = lab.CHECKOUT / "docs" / "development" / "measurements.md"
PROJECTS = ("djangorestframework", "click", "jinja2", "marshmallow", "packaging", "starlette")
JOBS = (2, 4, 8, 16)
TRIED, SHARE = 20, 0.1  # edits until one selects that share of the tests
HEAD = (
    "project",
    "what is divided",
    "parts",
    "seconds",
    *(f"{jobs} jobs, s" for jobs in JOBS),
)


def bound(found: Sequence[Part], jobs: int) -> float:
    """Microseconds that the longest of some jobs takes at least, however the parts are divided.

    All must be done, each set-up at least once, and each part by one job. Where a number of jobs do
    one set-up, all its parts are done by these. Which number is best is tried out.
    """
    set_ups = {name: time for part in found for name, time in part.set_ups}
    total = sum(part.microseconds for part in found) + sum(set_ups.values())
    alone = max(part.microseconds + sum(time for _, time in part.set_ups) for part in found)
    least = max(alone, total / jobs)
    for name, time in set_ups.items():
        using = sum(part.microseconds for part in found if name in dict(part.set_ups))
        least = max(
            least,
            min(
                max((total + (doing - 1) * time) / jobs, time + using / doing)
                for doing in range(1, jobs + 1)
            ),
        )
    return least


def divided(found: Sequence[Part]) -> Iterator[str]:
    """For each number of jobs, the seconds of the longest, and how many times the bound that is."""
    for jobs in JOBS:
        longest = max(map(parts.microseconds_of, parts.divided(found, jobs)))
        yield f"{longest / 1e6:.2f} ({longest / bound(found, jobs):.3f})"


def row(title: str, what: str, selection: Selection) -> tuple[object, ...]:
    found = planning.parts_of(settings.load(), selection)
    return title, what, len(found), f"{parts.seconds_of(found):.1f}", *divided(found)


def rows(recipe: lab.Recipe) -> Iterator[tuple[object, ...]]:
    """What came of a project."""
    project = lab.prepared(recipe, str(lab.CHECKOUT))
    collected = project.collect()
    if collected.status not in (0, 1):
        raise SystemExit(f"{recipe.title} cannot be collected:\n{collected.stderr[-2000:]}")
    with chdir(project.folder):
        yield row(recipe.title, "all files", use_case.everything(settings.load()))
        for edit in islice(edits.draw(project.sources, 1), TRIED):
            with lab.edited(edit.path, edit.text):
                selection = use_case.select(settings.load())
                if len(selection.tests) > SHARE * selection.known:
                    place = f"{edit.path.relative_to(project.folder)}:{edit.line}"
                    yield row(recipe.title, f"an edit at `{place}`", selection)
                    return


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("projects", nargs="*", default=PROJECTS)
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    options = parser.parse_args()
    known = {**lab.RECIPES, **MORE}
    found = [each for name in options.projects for each in rows(known[name])]
    version = f"CPython {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores"
    text = f"{lab.table(HEAD, found)}\nMeasured with {version}.\n"
    lab.publish(text, PAGE, "balance", write=options.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
