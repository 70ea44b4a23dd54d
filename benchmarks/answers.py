"""Measure how long `testmon select` takes after one edit, in real projects, those with many classes among them.

python benchmarks/answers.py [--quick] [--edits N] [--seed N] [--add NAME=FOLDER] [--write] [project
...]

Each project is collected once; then one place at a time is edited, with a fixed seed: in a
function, or at module or class level. What was measured is kept beside the project with what
testmon's sources were: a run that was stopped goes on from there. The source distribution of
hypothesis has no tests: give its repository's folder, at the commit of that release, as `--add
hypothesis=FOLDER`.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from statistics import median

import edits
import lab

PAGE = lab.CHECKOUT / "docs" / "development" / "measurements.md"
HEAD = (
    "project", "tests", "sources", "nothing changed, CPU s", "edits", "one edit, CPU s: median", "the slowest",
    "selected, median",
)  # fmt: skip
MEDIAN, SLOWEST = 0.4, 1.0  # CPU seconds that an answer may take

# Those in which one edit once took 12 to 124 seconds, and others that `lab` has not.
MORE = {
    recipe.name: recipe
    for recipe in (
        lab.Recipe("djangorestframework", "3.18.3", "rest_framework",
            ("pytest-django", "pytz", "dj-database-url", "importlib-metadata", "pyyaml", "inflection", "uritemplate",
             "django-guardian", "django-filter", "markdown", "pygments"),
            ("tests",),
        ),
        lab.Recipe(
            "hypothesis",
            "6.140.2",
            "src",
            ("pexpect", "pytest-xdist", "pytest<9"),
            ("tests/cover", "-p", "no:xdist"),
        ),
        lab.Recipe(
            "mypy",
            "2.4.1",
            "mypy",
            ("pytest-xdist", "attrs", "filelock", "lxml", "psutil", "setuptools"),
            tuple(
                f"mypy/test/{name}.py"
                for name in ("testargs", "testconstraints", "testgraph", "testinfer", "testparse", "testsemanal",
                             "testsolve", "testsubtypes", "testtransform", "testtypegen", "testtypes")
            ),
        ),
        lab.Recipe("sqlalchemy", "2.1.9", "lib", (), ("test/base", "test/sql")),
        lab.Recipe(
            "pydantic",
            "2.14.4",
            "pydantic",
            ("dirty-equals", "pytest-mock", "faker", "jsonschema", "pytz", "packaging", "cloudpickle",
             "pytest-run-parallel", "pytest-benchmark", "pytest-examples"),
            ("tests", "--ignore=tests/mypy", "--ignore=tests/benchmarks", "--ignore=tests/typechecking",
             "--ignore=tests/test_docs.py"),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What `testmon select` took after one edit."""

    place: str
    what: str
    where: str
    cpu: float
    selected: int


@dataclass(frozen=True)
class Result:
    """A row of the table."""

    title: str
    tests: int
    sources: int
    unchanged: float
    answers: tuple[Answer, ...]

    def cells(self) -> tuple[object, ...]:
        times = [answer.cpu for answer in self.answers]
        share = median(answer.selected for answer in self.answers) / self.tests
        return (
            self.title, f"{self.tests:,}", f"{self.sources:,}", f"{self.unchanged:.2f}", len(times),
            f"{median(times):.2f}", f"{max(times):.2f}", f"{share:.1%}",
        )  # fmt: skip

    @property
    def is_quick(self) -> bool:
        times = [answer.cpu for answer in self.answers]
        return median(times) <= MEDIAN and max(times) <= SLOWEST


def measure(recipe: lab.Recipe, wanted: int, seed: int, added: Path | None = None) -> Result:
    """Collect a project, if it is not yet, and ask after each of some edits."""
    project = lab.prepared(recipe, str(lab.CHECKOUT))
    if added is not None:
        shutil.copytree(
            added,
            project.folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns(".git", "__pycache__"),
        )
    kept = project.home / f"answers-{seed}.json"
    code = lab.digest(lab.CHECKOUT)
    known = json.loads(kept.read_text()) if kept.exists() else {}
    if known.get("code") != code:
        collected = project.collect()
        if collected.status not in (0, 1):
            raise SystemExit(
                f"{recipe.title} cannot be collected:\n{collected.stdout[-2000:]}{collected.stderr[-2000:]}"
            )
        known = {"code": code, **_facts(project), "answers": []}
    for edit in islice(edits.draw(project.sources, seed), len(known["answers"]), wanted):
        known["answers"].append(asdict(_ask(project, edit)))
        kept.write_text(json.dumps(known))
    answers = tuple(Answer(**answer) for answer in known["answers"][:wanted])
    return Result(recipe.title, known["tests"], known["sources"], known["unchanged"], answers)


def _facts(project: lab.Project) -> dict[str, object]:
    report = json.loads(_select(project).stdout)
    return {
        "tests": report["known_tests"],
        "sources": len(project.sources),
        "unchanged": min(_select(project).cpu for _ in range(3)),
    }


def _ask(project: lab.Project, edit: edits.Edit) -> Answer:
    place = f"{edit.path.relative_to(project.folder)}:{edit.line}"
    with lab.edited(edit.path, edit.text):
        ran = _select(project)
    answer = Answer(
        place, edit.what, edit.where, round(ran.cpu, 3), len(json.loads(ran.stdout)["tests"])
    )
    print(
        f"  {answer.cpu:6.2f} s, {answer.selected} selected: {place}: {edit.what}", file=sys.stderr
    )
    return answer


def _select(project: lab.Project) -> lab.Ran:
    ran = project.run("testmon", "select", "--format", "json")
    if ran.status:
        raise SystemExit(f"testmon select failed in {project.folder}:\n{ran.stderr}")
    return ran


def results(names: list[str], wanted: int, seed: int, added: dict[str, Path]) -> Iterator[Result]:
    for name in names:
        yield measure({**lab.RECIPES, **MORE}[name], wanted, seed, added.get(name))


def main() -> int:
    everything = [*MORE, *lab.RECIPES]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("projects", nargs="*", help=f"of {', '.join(everything)}")
    parser.add_argument("--edits", type=int, default=40, help="edits of each project")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--add", action="append", default=[], metavar="NAME=FOLDER", help="what its release lacks"
    )
    parser.add_argument("--quick", action="store_true", help="the smallest project and ten edits")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    options = parser.parse_args()
    names = options.projects or (["sqlparse"] if options.quick else everything)
    added = {
        name: Path(folder) for name, _, folder in (text.partition("=") for text in options.add)
    }
    rows = []
    for row in results(names, 10 if options.quick else options.edits, options.seed, added):
        rows.append(row)
        print(lab.table(HEAD, [row.cells()]), file=sys.stderr)
    text = lab.table(HEAD, [row.cells() for row in rows])
    lab.publish(text, PAGE, "answers", write=options.write)
    return 0 if all(row.is_quick for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
