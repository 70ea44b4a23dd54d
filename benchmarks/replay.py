"""Replay commits of real projects.

What is selected for each, and what of it is missed, beside pytest-testmon.

python benchmarks/replay.py [--quick] [--commits N] [--from NAME=FOLDER] [--write] [project ...]

Both tools remember all tests at one commit; then the next one that changes Python source is checked
out. Plain pytest at both says which tests come out otherwise or are new: these are needed. What
plain pytest and pytest-testmon do is kept beside the project and looked at once; what testmon does,
again with each change of its sources.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import mean

import lab
from compare import (
    INCUMBENT,
    OTHER,
    RECORD,
    Found,
    Log,
    cause_of,
    is_worth_a_look,
    lost,
    share,
    shares,
)

PAGE = lab.CHECKOUT / "docs" / "comparison.md"
PROJECTS = ("sqlparse", "marshmallow")
HEAD = (
    "project", "commits", "needed, mean", "selected, mean / median", "missed, tests / commits",
    "pytest-testmon selected", "pytest-testmon missed",
)  # fmt: skip
STEPS = (
    "project",
    "commit",
    "tests",
    "needed",
    "selected",
    "missed",
    "pytest-testmon selected",
    "missed",
)


@dataclass(frozen=True)
class History:
    """A repository, and the commit that replaying ends with."""

    name: str
    url: str
    last: str
    needs: tuple[str, ...] = ()  # what its tests need
    options: tuple[str, ...] = ()  # of pytest

    @property
    def recipe(self) -> lab.Recipe:
        return lab.Recipe(self.name, self.last[:8], "", self.needs, self.options)


HISTORIES = {
    history.name: history
    for history in (
        History("sqlparse", "https://github.com/andialbrecht/sqlparse", "60cdc64"),
        History("click", "https://github.com/pallets/click", "e1fd5946"),
        History(
            "packaging",
            "https://github.com/pypa/packaging",
            "053c8846",
            ("hypothesis", "pretend", "tomli_w"),
            ("--ignore", "tests/test_version.py", "--hypothesis-seed=0"),
        ),
        History(
            "marshmallow",
            "https://github.com/marshmallow-code/marshmallow",
            "99103a67",
            ("simplejson", "pytz"),
        ),
    )
}


@dataclass
class Worktree:
    """A checkout of a repository and the environment that it is installed into."""

    project: lab.Project

    def at(self, commit: str) -> None:
        self._git("checkout", "-q", "--force", commit)
        self._git("clean", "-q", "-f", "-d", "-e", ".testmondata*")

    def commits(self, last: str, number: int) -> list[str]:
        """Commits of the main line that change Python source, oldest first, and the one before."""
        found = self._git(
            "rev-list", "--first-parent", f"-n{number + 1}", "--abbrev-commit", last, "--", "*.py"
        )
        return found.split()[::-1]

    def _git(self, *command: str) -> str:
        ran = lab.run(["git", *command], self.project.folder)
        if ran.status:
            raise SystemExit(
                f"git {' '.join(command)} failed in {self.project.folder}:\n{ran.stderr}"
            )
        return ran.stdout


def prepare(history: History, source: str, tool: str) -> Worktree:
    """Clone and install a project with pytest and a tool; what is there is used again."""
    project = lab.Project(
        history.recipe, lab.home_of(f"replay-{history.name}-{history.last}", [tool])
    )
    if not (project.home / "venv" / "ready").exists():
        lab.clear(project.home)
        subprocess.run(["git", "clone", "-q", source, str(project.home / history.name)], check=True)
    tree = Worktree(project)
    tree.at(history.last)
    lab.install(project, [tool])
    return tree


@dataclass(frozen=True)
class Step:
    """From one commit to the next: what had to run, and what each tool would run."""

    commit: str
    tests: int
    needed: int
    ours: int
    theirs: int
    missed: tuple[str, ...]
    missed_by_other: int
    # reasons of testmon for tests that are not needed
    surplus: Mapping[str, int] = field(default_factory=dict)

    def cells(self, project: str) -> tuple[object, ...]:
        missed = len(self.missed), self.missed_by_other
        return (
            project,
            self.commit,
            self.tests,
            self.needed,
            self.ours,
            missed[0],
            self.theirs,
            missed[1],
        )


class Replay:
    """The commits of one project, and what is known of them."""

    def __init__(self, history: History, source: str) -> None:
        self.truth = prepare(history, source, OTHER)
        self.ours = prepare(history, source, str(lab.CHECKOUT))
        home = self.truth.project.home
        self._plain, self._theirs = Log(home / "plain.jsonl"), Log(home / "theirs.jsonl")
        self._own = Log(self.ours.project.home / f"selected-{lab.digest(lab.CHECKOUT)}.jsonl")

    def step(self, old: str, new: str) -> Step:
        before, after = self.outcomes(old), self.outcomes(new)
        needed, tests = changed(before, after), set(after)
        theirs = set(self._theirs.get(f"{old}..{new}", lambda: self._other(old, new))["selected"])
        own = self._own.get(f"{old}..{new}", lambda: self._select(old, new, tests))
        ours = set(own["selected"])
        if needed - (ours & theirs):  # those that come out by chance do not count
            again = changed(self.outcomes(old, "again"), self.outcomes(new, "again"))
            needed -= needed - (ours & theirs) - again
        surplus = {
            text: len(set(of) - needed) for text, of in own["why"].items() if set(of) - needed
        }
        return Step(
            new, len(tests), len(needed), len(ours & tests), len(theirs & tests), tuple(sorted(needed - ours)),
            len(needed - theirs), surplus,
        )  # fmt: skip

    def outcomes(self, commit: str, look: str = "") -> dict[str, str]:
        """How the tests come out at a commit under plain pytest."""

        def run() -> Found:
            self.truth.at(commit)
            ran = self.truth.project.pytest(*RECORD, caches=False)
            return {"outcomes": self.truth.project.outcomes(ran)}

        found: dict[str, str] = self._plain.get(f"{commit} {look}".strip(), run)["outcomes"]
        return found

    def _other(self, old: str, new: str) -> Found:
        """What pytest-testmon runs at a commit when it ran everything at the one before."""
        project = self.truth.project
        _forget(project)
        self.truth.at(old)
        project.pytest(*INCUMBENT, *RECORD, caches=False)
        self.truth.at(new)
        ran = project.pytest(*INCUMBENT, "--collect-only", *RECORD, caches=False)
        _forget(project)
        return {"selected": sorted(lab.given(project.outcomes(ran), self.outcomes(new)))}

    def _select(self, old: str, new: str, tests: set[str]) -> Found:
        project = self.ours.project
        self.ours.at(old)
        project.collect(caches=False)
        self.ours.at(new)
        selected = project.selected(tests)
        reasons: dict[str, list[str]] = {}
        for test in project.reasons():
            reasons.setdefault(cause_of(test), []).append(test["nodeid"])
        return {"selected": sorted(selected), "why": reasons}


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Tests that are there after and came out otherwise before, or were not there."""
    return {test for test, outcome in after.items() if before.get(test) != outcome}


def _forget(project: lab.Project) -> None:
    for path in project.folder.glob(".testmondata*"):
        with suppress(FileNotFoundError):
            path.unlink()


def replay(name: str, number: int, source: str) -> Iterator[Step]:
    """The newest commits of a project, oldest first."""
    history = HISTORIES[name]
    known = Replay(history, source or history.url)
    for old, new in pairwise(known.truth.commits(history.last, number)):
        step = known.step(old, new)
        print(
            f"  {old}..{new}: {step.tests} tests, {step.needed} needed, selected {step.ours} and {step.theirs}, "
            f"missed {len(step.missed)} and {step.missed_by_other}",
            file=sys.stderr,
        )
        for test in step.missed[:5]:
            print(f"    MISSED by testmon: {test}", file=sys.stderr)
        if is_worth_a_look(step.ours, step.needed, step.tests):
            for text in sorted(step.surplus, key=lambda text: -step.surplus[text])[:4]:
                print(f"    MANY {step.surplus[text]}: {text}", file=sys.stderr)
        yield step


def row(name: str, steps: list[Step]) -> tuple[object, ...]:
    """What became of all commits of a project."""
    theirs = shares([step.theirs / step.tests for step in steps])
    return (
        name, len(steps), share(mean(step.needed / step.tests for step in steps)),
        shares([step.ours / step.tests for step in steps]), lost([len(step.missed) for step in steps]),
        theirs, lost([step.missed_by_other for step in steps]),
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("projects", nargs="*", help=f"of {', '.join(HISTORIES)}")
    parser.add_argument("--commits", type=int, default=15, help="commits of each project")
    parser.add_argument(
        "--from", action="append", default=[], dest="sources", help="clone NAME from FOLDER"
    )
    parser.add_argument("--quick", action="store_true", help="two commits of one project")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}")
    options = parser.parse_args()
    sources = dict(source.split("=", 1) for source in options.sources)
    names = options.projects or list(PROJECTS[: 1 if options.quick else None])
    found = {
        name: list(replay(name, 2 if options.quick else options.commits, sources.get(name, "")))
        for name in names
    }
    text = "\n".join((
        lab.table(HEAD, [row(name, steps) for name, steps in found.items()]),
        lab.table(STEPS, [step.cells(name) for name, steps in found.items() for step in steps]),
    ))  # fmt: skip
    lab.publish(text, PAGE, "replay", write=options.write)
    return 1 if any(step.missed for steps in found.values() for step in steps) else 0


if __name__ == "__main__":
    sys.exit(main())
