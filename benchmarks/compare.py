"""Count what is selected after random edits, and what of it is missed, beside pytest-testmon.

python benchmarks/compare.py [--quick] [--edits N] [--seed N] [--write] [project ...]

Both tools start from a full collection before every edit. Plain pytest before and after the edit says which tests
come out otherwise; such a test that a tool would not run is missed.
"""

import argparse
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

import edits
import lab

PAGE = lab.CHECKOUT / "docs" / "comparison.md"
OTHER = "pytest-testmon==2.2.0"
PROJECTS = ("sqlparse", "marshmallow", "jinja2")
HEAD = (
    "project", "tests", "edits", "tool", "selected, mean", "selected, median", "tests missed",
    "edits with a missed test",
)  # fmt: skip
RECORD = ("-p", "lab_recorder")


@dataclass
class Score:
    """What one tool did with the edits of one project."""

    tool: str
    shares: list[float] = field(default_factory=list)
    missed: list[int] = field(default_factory=list)

    def add(self, chosen: set[str], changed: set[str], tests: list[str]) -> None:
        self.shares.append(len(chosen) / len(tests))
        self.missed.append(len(changed - chosen))

    def cells(self, project: str, tests: int) -> tuple[object, ...]:
        shares = f"{mean(self.shares):.1%}", f"{median(self.shares):.1%}"
        return project, tests, len(self.shares), self.tool, *shares, sum(self.missed), sum(map(bool, self.missed))


class Incumbent:
    """A copy of the project that has pytest-testmon, and what that remembered of the tests before any edit."""

    def __init__(self, name: str) -> None:
        self.project = lab.prepare(name, OTHER)
        self._kept = self.project.home / "kept"
        shutil.rmtree(self._kept, ignore_errors=True)
        self._clear()
        if (ran := self.project.pytest("--testmon", caches=False)).status not in (0, 1):
            raise SystemExit(f"{OTHER} failed in {self.project.folder}:\n{ran.stdout}{ran.stderr}")
        self._kept.mkdir()
        for path in self._datafiles():
            shutil.copy2(path, self._kept)

    def selected(self, path: Path, text: str, tests: list[str], limit: float) -> set[str] | None:
        """The tests that it runs after an edit; None when that takes too long."""
        self._clear()
        for kept in self._kept.iterdir():
            shutil.copy2(kept, self.project.folder)
        with lab.edited(self.project.folder / path, text):
            ran = self.project.pytest("--testmon", *RECORD, limit=limit, caches=False)
        if ran.killed:
            return None
        reported = self.project.outcomes(ran)
        if ran.status not in (0, 1, 5):
            return set(tests)  # pytest cannot start: nobody would miss that
        starts = tuple(f"{node}::" for node, outcome in reported.items() if outcome == "cannot be collected")
        return {test for test in tests if test in reported or test.startswith(starts)}

    def _datafiles(self) -> list[Path]:
        return list(self.project.folder.glob(".testmondata*"))

    def _clear(self) -> None:
        for path in self._datafiles():
            with suppress(FileNotFoundError):
                path.unlink()


def compare(name: str, wanted: int, seed: int) -> list[tuple[object, ...]]:
    """The rows of a project: one for each tool."""
    project, incumbent = lab.prepare(name, str(lab.CHECKOUT)), Incumbent(name)
    first = project.outcomes(project.pytest(*RECORD, caches=False))
    plain = project.pytest(*RECORD, caches=False)
    before = project.outcomes(plain)
    tests = sorted(test for test in before if first.get(test) == before[test])  # the others are matters of chance
    project.collect(caches=False)
    ours, theirs = Score("testmon"), Score(OTHER.replace("==", " "))
    for edit in edits.draw(project.sources, seed):
        if len(ours.shares) == wanted:
            break
        path = edit.path.relative_to(project.folder)
        limit = 20 + 10 * plain.seconds
        with lab.edited(edit.path, edit.text):
            ran = project.pytest(*RECORD, limit=limit, caches=False)
            after = project.outcomes(ran)
            chosen = project.selected(tests)
        others = incumbent.selected(path, edit.text, tests, 2 * limit) if not ran.killed else None
        if others is None:
            print(f"  {path}:{edit.line}: {edit.what}: left out, takes too long", file=sys.stderr)
            continue
        changed = {test for test in tests if after.get(test) != before[test]}
        ours.add(chosen, changed, tests)
        theirs.add(others, changed, tests)
        print(
            f"  {path}:{edit.line}: {edit.what}: {len(changed)} changed, selected {len(chosen)} and {len(others)}, "
            f"missed {ours.missed[-1]} and {theirs.missed[-1]}",
            file=sys.stderr,
        )
        for test in sorted(changed - chosen)[:5]:
            print(f"    MISSED by testmon: {test}: {before[test]}, now {after.get(test)}", file=sys.stderr)
    title = f"{name} {project.recipe.version}"
    return [score.cells(title, len(tests)) for score in (ours, theirs)]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("projects", nargs="*", help=f"of {', '.join(lab.RECIPES)}")
    parser.add_argument("--edits", type=int, default=40, help="edits of each project")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="one project and three edits")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    options = parser.parse_args()
    names = options.projects or PROJECTS[: 1 if options.quick else None]
    rows = []
    for name in names:
        rows += compare(name, 3 if options.quick else options.edits, options.seed)
        print(lab.table(HEAD, rows), file=sys.stderr)
    text = lab.table(HEAD, rows)
    print(text)
    if options.write:
        lab.write_between(PAGE, "compare", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
