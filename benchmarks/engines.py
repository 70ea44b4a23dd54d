"""Compare what the engine `probes` saw of each test of real projects with what coverage.py's tracer saw of it.

python benchmarks/engines.py [--quick] [--write] [project ...]
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import lab

from testmon_cli.analysis import codec
from testmon_cli.application.invalidate.snapshot_diff import is_loaded
from testmon_cli.storage.datafile import Datafile

PAGE = lab.CHECKOUT / "docs" / "comparison.md"
PROJECTS = (
    "sqlparse",
    "marshmallow",
    "jinja2",
    "click",
    "attrs",
    "mpmath",
    "starlette",
    "packaging",
    "networkx",
)
HEAD = (
    "project",
    "tests",
    "blocks a test, mean",
    "tests that are equal",
    "more by probes",
    "more by coverage",
    "where",
)
SHOWN = 3  # functions named for each project

# node id -> path, function and line of each block that it reached
Blocks = dict[str, frozenset[str]]


def seen_by(project: lab.Project, engine: str) -> Blocks:
    """What every test reached, itself or by its fixtures, as a fresh run with an engine recorded it."""
    ran = project.collect("--engine", engine)
    if ran.status not in (0, 1):
        raise SystemExit(
            f"{project.recipe.title} cannot be collected:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}"
        )
    with Datafile.open(project.folder / ".testmondata") as datafile:
        return read(datafile)


def read(datafile: Datafile) -> Blocks:
    """What every test of the newest run reached."""
    run, *_ = datafile.runs()
    names: dict[tuple[str, int], str] = {}
    for path, ref in datafile.snapshot(run.id).items():
        data = datafile.model(ref.id) if is_loaded(ref) else b""
        for block in codec.decode(data).blocks if data else ():
            names[path, block.checksum] = f"{path}::{block.qualname}:{block.line}"
    fingerprints = {f.id: f for f in datafile.fingerprints({path for path, _ in names})}
    of_trace: dict[int, list[int]] = defaultdict(list)
    for fingerprint, trace in datafile.traces_with(fingerprints):
        of_trace[trace].append(fingerprint)
    uses: dict[int, list[int]] = defaultdict(list)
    for user, used in datafile.uses([run.id]):
        uses[user].append(used)
    return {
        execution.nodeid: frozenset(
            names.get((fingerprints[number].path, checksum), f"{fingerprints[number].path}::?")
            for trace in closed(execution.trace_id, uses)
            for number in of_trace[trace]
            for checksum in fingerprints[number].checksums
        )
        for execution in datafile.executions(run.environment)
    }


def closed(trace: int, uses: Mapping[int, list[int]]) -> set[int]:
    """A trace and all that it relies on."""
    found: set[int] = set()
    stack = [trace]
    while stack:
        if (one := stack.pop()) not in found:
            found.add(one)
            stack += uses.get(one, ())
    return found


def compare(name: str) -> tuple[object, ...]:
    """A row of the table."""
    project = lab.prepare(name, str(lab.CHECKOUT))
    project.pytest()  # leaves behind what a first run makes
    first, second = seen_by(project, "probes"), seen_by(project, "coverage")
    tests = sorted(first.keys() & second.keys())
    more = {test: first[test] - second[test] for test in tests}
    less = {test: second[test] - first[test] for test in tests}
    places: Counter[str] = Counter()
    for test in tests:
        places.update({block.rpartition(":")[0] for block in more[test] | less[test]})
    equal = sum(1 for test in tests if not more[test] and not less[test])
    mean = sum(len(first[test]) for test in tests) / max(1, len(tests))
    where = ", ".join(
        f"`{Path(place).name}` in {count}" for place, count in places.most_common(SHOWN)
    )
    for sign, blocks in (("+", more), ("-", less)):
        for block, count in Counter(b for test in tests for b in blocks[test]).most_common(20):
            print(f"  {sign} {block} in {count} tests", file=sys.stderr)
    shown = (sum(1 for test in tests if blocks[test]) for blocks in (more, less))
    return (
        project.recipe.title,
        f"{len(tests):,}",
        f"{mean:.0f}",
        f"{equal:,}",
        *(f"{count:,}" for count in shown),
        where,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "projects", nargs="*", help=f"of {', '.join(PROJECTS)}; all if none is named"
    )
    parser.add_argument("--quick", action="store_true", help="one project")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    options = parser.parse_args()
    rows = []
    for name in options.projects or (PROJECTS[:1] if options.quick else PROJECTS):
        rows.append(compare(name))
        print(lab.table(HEAD, [rows[-1]]), file=sys.stderr)
    text = lab.table(HEAD, rows)
    lab.publish(text, PAGE, "engines", write=options.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
