"""Compare the coverage that `testmon report --coverage --branch` writes with what `coverage run --branch` measures.

python benchmarks/covered.py [--write] [project ...]
"""

import argparse
import json
import platform
import sys
from collections.abc import Mapping
from typing import Any

import lab

PAGE = lab.CHECKOUT / "docs" / "ci.md"
HEAD = (
    "project",
    "lines",
    "that differ",
    "branches",
    "not known, and run",
    "wrongly counted as run",
)
PROJECTS = (
    lab.Recipe(
        "blinker",
        "1.9.0",
        "src",
        ("pytest-asyncio",),
        ("-o", "asyncio_default_fixture_loop_scope=function"),
    ),
    lab.Recipe("schema", "0.7.8", "schema", ("mock",)),
    lab.Recipe("voluptuous", "0.16.0", "voluptuous"),
    lab.Recipe("wtforms", "3.3.2", "src", ("babel", "email-validator", "python-dateutil")),
    lab.Recipe("tomlkit", "0.15.2", "tomlkit", ("pyyaml",)),
    lab.Recipe("mistune", "3.4.0", "src"),
    lab.Recipe("inflect", "7.6.0", "inflect", ("pygments",)),
    *(lab.RECIPES[name] for name in ("sqlparse", "marshmallow", "jinja2")),
)

Files = Mapping[str, Mapping[str, Any]]


def measured(project: lab.Project, data: str) -> Files:
    """What a data file says of the sources of a project, as coverage.py reads it."""
    report = project.home / "report.json"
    options = (
        f"--data-file={data}",
        "--rcfile=/dev/null",
        f"--include={project.recipe.package}/*",
        "-q",
        "-o",
        str(report),
    )
    ran = project.run("coverage", "json", *options)
    if ran.status:
        raise SystemExit(
            f"{project.recipe.title}: {data} cannot be read:\n{ran.stdout}{ran.stderr}"
        )
    files: Files = json.loads(report.read_text(encoding="utf-8"))["files"]
    return files


def compare(project: lab.Project) -> tuple[object, ...]:
    """How many lines and branches there are, and how many of them come out otherwise."""
    plain, ours = "plain.coverage", "ours.coverage"
    options = (
        "--branch",
        "--rcfile=/dev/null",
        f"--source={project.recipe.package}",
        f"--data-file={plain}",
    )
    ran = project.run(
        "coverage", "run", *options, "-m", "pytest", *lab.PYTEST, *project.recipe.options
    )
    collected = project.collect()
    written = project.run("testmon", "report", "--coverage", ours, "--branch")
    for one in (ran, collected, written):
        if one.status not in (0, 1):
            raise SystemExit(
                f"{project.recipe.title}: {one.status}\n{one.stdout[-2000:]}{one.stderr[-2000:]}"
            )
    theirs, here = measured(project, plain), measured(project, ours)
    lines = differing = branches = unknown = wrong = 0
    for path, found in theirs.items():
        other = here.get(path, {"executed_lines": (), "executed_branches": ()})
        lines += len(found["executed_lines"]) + len(found["missing_lines"])
        differing += len({*found["executed_lines"]} ^ {*other["executed_lines"]})
        run, written_as_run = (
            {(a, b) for a, b in one["executed_branches"]} for one in (found, other)
        )
        branches += len(run) + len(found["missing_branches"])
        unknown += len(run - written_as_run)
        wrong += len(written_as_run - run)
    return project.recipe.title, f"{lines:,}", differing, f"{branches:,}", unknown, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "projects",
        nargs="*",
        help=f"of {', '.join(recipe.name for recipe in PROJECTS)}; all if none",
    )
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    options = parser.parse_args()
    rows = []
    for recipe in PROJECTS:
        if not options.projects or recipe.name in options.projects:
            rows.append(compare(lab.prepared(recipe, str(lab.CHECKOUT))))
            print(rows[-1], file=sys.stderr)
    text = f"{lab.table(HEAD, rows)}\nMeasured with CPython {platform.python_version()}.\n"
    lab.publish(text, PAGE, "covered", write=options.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
