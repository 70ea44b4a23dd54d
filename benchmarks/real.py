"""Try the main job on the test suites of real projects, and say what it costs and whether anything was missed.

python benchmarks/real.py [--quick] [--edits N] [--seed N] [--write] [project ...]
"""

import argparse
import sys
from dataclasses import dataclass
from statistics import mean

import edits
import lab

PAGE = lab.CHECKOUT / "docs" / "comparison.md"
HEAD = (
    "project", "tests", "pytest s", "collect s", "pytest CPU s", "collect CPU s", "select s", "other outcomes",
    "selected at once", "edits", "selected", "missed",
)  # fmt: skip
RECORD = ("-p", "lab_recorder")


@dataclass(frozen=True)
class Result:
    """A row of the table."""

    name: str
    tests: int
    plain: lab.Ran
    collected: lab.Ran
    select: lab.Ran
    other: int  # tests that come out otherwise under collect
    at_once: int  # selected before anything was edited, besides those that failed
    shares: tuple[float, ...]  # of the tests, selected after each edit
    missed: int

    def cells(self) -> tuple[object, ...]:
        times = (self.plain.seconds, self.collected.seconds, self.plain.cpu, self.collected.cpu)
        return (
            self.name, self.tests, *(f"{seconds:.1f}" for seconds in times), f"{self.select.seconds:.2f}", self.other,
            self.at_once, len(self.shares), f"{mean(self.shares or (0,)):.0%}", self.missed,
        )  # fmt: skip


def try_project(name: str, wanted: int, seed: int) -> Result:
    """Hold the promises of `collect` and `select` against plain pytest."""
    project = lab.prepare(name, str(lab.CHECKOUT))
    first = project.outcomes(project.pytest(*RECORD))  # leaves compiled modules behind too
    plain = project.pytest(*RECORD)
    before = project.outcomes(plain)
    collected = project.collect(*RECORD)
    observed = project.outcomes(collected)
    steady = project.outcomes(project.pytest(*RECORD, caches=False))  # as after each edit
    # Some come out by chance, ask whether Python writes caches, or have the time of day in their
    # names: nobody can say what an edit does to these.
    tests = sorted(test for test in before if first.get(test) == before[test] == steady.get(test))
    other = {test for test in tests if observed.get(test) != before[test]}
    failing = {test for test in observed if observed[test].startswith("failed")}
    at_once = project.selected(tests) - failing
    for test in sorted(other)[:5]:
        print(
            f"  OTHER OUTCOME {test}: {before[test]}, collected {observed.get(test)}",
            file=sys.stderr,
        )
    for test in sorted(at_once)[:5]:
        print(f"  SELECTED AT ONCE {test}", file=sys.stderr)
    select = project.run("testmon", "select")
    shares: list[float] = []
    missed = tried = 0
    for edit in edits.draw(project.sources, seed, inside=True):
        tried += 1
        if len(shares) == wanted or tried > 20 * wanted:
            break
        with lab.edited(edit.path, edit.text):
            ran = project.pytest(*RECORD, limit=20 + 10 * plain.seconds, caches=False)
            after = project.outcomes(ran)
            changed = {test for test in tests if after.get(test) != before[test]}
            if ran.killed:
                print(
                    f"  {edit.path.name}:{edit.line}: {edit.what}: left out, takes too long",
                    file=sys.stderr,
                )
            if ran.killed or not changed:
                continue
            chosen = project.selected(tests)
        lost = changed - chosen - other
        shares.append(len(chosen) / len(tests))
        missed += len(lost)
        place = f"{edit.path.relative_to(project.folder)}:{edit.line}: {edit.what}"
        print(
            f"  {place}: {len(changed)} changed, {len(chosen)} selected, {len(lost)} missed",
            file=sys.stderr,
        )
        for test in sorted(lost)[:5]:
            print(f"    MISSED {test}: {before[test]}, now {after.get(test)}", file=sys.stderr)
    return Result(
        project.recipe.title,
        len(tests),
        plain,
        collected,
        select,
        len(other),
        len(at_once),
        tuple(shares),
        missed,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("projects", nargs="*", help=f"of {', '.join(lab.RECIPES)}")
    parser.add_argument(
        "--edits", type=int, default=10, help="edits of each project after which tests fail"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="the smallest project and two edits")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    options = parser.parse_args()
    names = options.projects or (["sqlparse"] if options.quick else list(lab.RECIPES))
    rows = []
    for name in names:
        rows.append(try_project(name, 2 if options.quick else options.edits, options.seed))
        print(lab.table(HEAD, [rows[-1].cells()]), file=sys.stderr)
    text = lab.table(HEAD, [row.cells() for row in rows])
    lab.publish(text, PAGE, "real", write=options.write)
    return 1 if any(row.missed or row.other or row.at_once for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
