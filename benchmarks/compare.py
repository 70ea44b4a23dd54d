"""Count what is selected after random edits, and what of it is missed, beside pytest-testmon.

python benchmarks/compare.py [--quick] [--edits N] [--seed N] [--minutes N] [--write] [project ...]

Both tools start from a full collection before every edit. Plain pytest before and after the edit
says which tests come out otherwise: these are needed, and a needed test that a tool would not run
is missed. What was found is kept beside the project, so a run that is stopped goes on where it was.
What plain pytest and pytest-testmon do with an edit is looked at once; what testmon does, again
with each change of its sources.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from statistics import mean, median
from typing import Any

import edits
import lab

PAGE = lab.CHECKOUT / "docs" / "comparison.md"
OTHER = "pytest-testmon==2.2.0"
PROJECTS = ("sqlparse", "marshmallow", "packaging", "jinja2", "click")
HEAD = (
    "project", "tests", "edits of", "edits", "needed, mean", "selected, mean / median", "missed, tests / edits",
    "pytest-testmon selected", "pytest-testmon missed",
)  # fmt: skip
# A file that cannot be imported must not keep pytest from running the others.
RECORD = ("-p", "lab_recorder", "--continue-on-collection-errors")
# else it runs everything where the project's own options have -m
INCUMBENT = ("--testmon", "--testmon-forceselect")
FEW, MANY = 5, 0.2  # times the needed tests, and share of all: more is worth a look

Found = dict[str, Any]


class Log:
    """What was found of each edit, kept in a file of JSON lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        # after the line of a run that was killed
        self._start = "" if text.endswith("\n") or not text else "\n"
        self.found: dict[str, Found] = {}
        for line in text.splitlines():
            with suppress(ValueError):
                entry = json.loads(line)
                self.found[entry["edit"]] = entry

    def get(self, key: str, look: Callable[[], Found]) -> Found:
        """What is known of an edit; looked at when nothing is."""
        if key not in self.found:
            self.found[key] = {"edit": key} | look()
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{self._start}{json.dumps(self.found[key])}\n")
            self._start = ""
        return self.found[key]


class Truth:
    """A copy of the project that has pytest-testmon.

    What plain pytest and that tool do with edits.
    """

    def __init__(self, name: str, seed: int) -> None:
        self.project = lab.prepare(name, OTHER)
        self._kept = self.project.home / "kept"
        self._log = Log(self.project.home / f"edits-{seed}.jsonl")
        self.first = self._log.get("none", self._start)
        self.before: dict[str, str] = self.first["before"]

    @property
    def limit(self) -> float:
        return 20 + 4 * float(self.first["seconds"])

    def _start(self) -> Found:
        first = self.project.outcomes(self.project.pytest(*RECORD, caches=False))
        ran = self.project.pytest(*RECORD, caches=False)
        before = self.project.outcomes(ran)
        stable = {test: outcome for test, outcome in before.items() if first.get(test) == outcome}
        self._clear()
        if (kept := self.project.pytest(*INCUMBENT, caches=False)).status not in (0, 1):
            raise SystemExit(
                f"{OTHER} failed in {self.project.folder}:\n{kept.stdout}{kept.stderr}"
            )
        shutil.rmtree(self._kept, ignore_errors=True)
        self._kept.mkdir()
        for path in self._datafiles():
            shutil.copy2(path, self._kept)
        self._clear()
        # nobody can say what an edit does to these
        chance = sorted((before.keys() | first.keys()) - stable.keys())
        return {"before": stable, "chance": chance, "seconds": ran.seconds}

    def look(self, key: str, edit: edits.Edit) -> Found:
        """Which tests come out otherwise after an edit, and which pytest-testmon runs."""
        return self._log.get(key, lambda: self._look(edit))

    def _look(self, edit: edits.Edit) -> Found:
        with lab.edited(edit.path, None if edit.gone else edit.text):
            needed = self._changed()
            theirs = set() if needed is None else self._selected(needed)
            if needed and needed - theirs:
                needed = self._sure(needed, needed - theirs)
        if needed is None:
            return {"where": edit.where, "left out": "takes too long"}
        return {"where": edit.where, "needed": sorted(needed), "theirs": sorted(theirs)}

    def confirmed(self, edit: edits.Edit, missed: set[str]) -> set[str]:
        """Those of the missed tests that come out otherwise in one more run, too."""
        with lab.edited(edit.path, None if edit.gone else edit.text):
            return self._sure(missed, missed)

    def _sure(self, needed: set[str], doubtful: set[str]) -> set[str]:
        again = self._changed()
        return needed if again is None else needed - (doubtful - again)

    def _changed(self) -> set[str] | None:
        ran = self.project.pytest(*RECORD, limit=self.limit, caches=False)
        after = self.project.outcomes(ran)
        if ran.killed:
            return None
        chance = set(self.first["chance"])
        gone_or_other = {
            test for test, outcome in self.before.items() if after.get(test) != outcome
        }
        new = {test for test in after.keys() - self.before.keys() - chance if "::" in test}
        return gone_or_other | new

    def _selected(self, needed: set[str]) -> set[str]:
        self._clear()
        for kept in self._kept.iterdir():
            shutil.copy2(kept, self.project.folder)
        ran = self.project.pytest(
            *INCUMBENT, "--collect-only", *RECORD, limit=self.limit, caches=False
        )
        reported = self.project.outcomes(ran)
        self._clear()
        tests = self.before.keys() | needed
        if ran.status not in (0, 1, 2, 5):
            return set(tests)  # pytest cannot start: nobody would miss that
        return lab.given(reported, tests)

    def _datafiles(self) -> list[Path]:
        return list(self.project.folder.glob(".testmondata*"))

    def _clear(self) -> None:
        for path in self._datafiles():
            with suppress(FileNotFoundError):
                path.unlink()


class Ours:
    """A copy of the project that has testmon: what that does with edits."""

    def __init__(self, name: str, seed: int) -> None:
        self.project = lab.prepare(name, str(lab.CHECKOUT))
        digest = lab.digest(lab.CHECKOUT)
        self._log = Log(self.project.home / f"selected-{seed}-{digest}.jsonl")
        stamp = self.project.home / "collected"
        if not stamp.exists() or stamp.read_text() != digest:
            self.project.collect(caches=False)
            stamp.write_text(digest)

    def look(self, key: str, edit: edits.Edit, truth: Truth, entry: Found) -> Found:
        """Which tests it selects after an edit, and which of the needed ones it does not."""
        return self._log.get(key, lambda: self._look(edit, truth, entry))

    def _look(self, edit: edits.Edit, truth: Truth, entry: Found) -> Found:
        needed = set(entry["needed"])
        path = self.project.folder / edit.path.relative_to(truth.project.folder)
        started = time.perf_counter()
        with lab.edited(path, None if edit.gone else edit.text):
            selected = self.project.selected(truth.before.keys() | needed)
            seconds = time.perf_counter() - started
            reasons = self.project.reasons()
        missed = needed - selected
        if missed:
            missed = truth.confirmed(edit, missed)
        surplus = Counter(cause_of(test) for test in reasons if test["nodeid"] not in needed)
        return {
            "selected": sorted(selected), "missed": sorted(missed), "seconds": seconds, "why": surplus.most_common(12),
        }  # fmt: skip


def cause_of(test: dict[str, Any]) -> str:
    return f"{test['reason']['kind']}: {test['reason']['text']}"


def drawn(truth: Truth, seed: int) -> Iterator[tuple[str, edits.Edit]]:
    """Edits without end, each once: of source, and of each eight one of data where there are data."""
    sources = edits.draw(truth.project.sources, seed)
    data = edits.draw_data(truth.project.data, seed)
    seen = set()
    number = 0
    while True:
        number += 1
        edit = (next(data, None) if number % 8 == 0 else None) or next(sources)
        key = f"{edit.path.relative_to(truth.project.folder)}:{edit.line}: {edit.what}"
        if key not in seen:
            seen.add(key)
            yield key, edit


def compare(name: str, wanted: int, seed: int, until: float) -> Iterator[tuple[Found, Found]]:
    """What is found of each edit: by plain pytest and pytest-testmon, and by testmon."""
    truth, ours = Truth(name, seed), Ours(name, seed)
    found = 0
    for key, edit in drawn(truth, seed):
        if found == wanted or time.time() > until:
            return
        entry = truth.look(key, edit)
        if "needed" not in entry:
            print(f"  {key}: left out, takes too long", file=sys.stderr)
            continue
        found += 1
        own = ours.look(key, edit, truth, entry)
        _tell(key, entry, own, truth)
        yield entry, own


def _tell(key: str, entry: Found, own: Found, truth: Truth) -> None:
    needed, chosen, others = set(entry["needed"]), own["selected"], set(entry["theirs"])
    print(
        f"  {key}: {len(needed)} needed, selected {len(chosen)} and {len(others)}, missed {len(own['missed'])} "
        f"and {len(needed - others)}",
        file=sys.stderr,
    )
    for test in own["missed"][:5]:
        print(f"    MISSED by testmon: {test}", file=sys.stderr)
    if is_worth_a_look(len(chosen), len(needed), len(truth.before)):
        for text, number in own["why"][:4]:
            print(f"    MANY {number}: {text}", file=sys.stderr)


def is_worth_a_look(chosen: int, needed: int, tests: int) -> bool:
    """Whether far more is selected than had to be."""
    return chosen >= FEW * max(1, needed) and chosen >= MANY * tests


def rows(
    title: str, tests: int, found: Iterable[tuple[Found, Found]]
) -> Iterator[tuple[object, ...]]:
    """A row of the table for each kind of place."""
    places = (edits.FUNCTION, edits.IMPORT, edits.DATA)
    ordered = sorted(found, key=lambda pair: places.index(pair[0]["where"]))
    for where, group in groupby(ordered, key=lambda pair: str(pair[0]["where"])):
        pairs = list(group)
        ours = [len(own["selected"]) / tests for _, own in pairs]
        theirs = [len(entry["theirs"]) / tests for entry, _ in pairs]
        yield (
            title, tests, where, len(pairs), share(mean(len(entry["needed"]) / tests for entry, _ in pairs)),
            shares(ours), lost([len(own["missed"]) for _, own in pairs]),
            shares(theirs), lost([len(set(entry["needed"]) - set(entry["theirs"])) for entry, _ in pairs]),
        )  # fmt: skip


def share(share: float) -> str:
    return f"{share:.1%}"


def shares(shares: list[float]) -> str:
    return f"{share(mean(shares))} / {share(median(shares))}"


def lost(lost: list[int]) -> str:
    return f"{sum(lost)} / {sum(map(bool, lost))}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("projects", nargs="*", help=f"of {', '.join(lab.RECIPES)}")
    parser.add_argument("--edits", type=int, default=40, help="edits of each project")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--minutes", type=float, default=120, help="how long edits of a project are drawn"
    )
    parser.add_argument("--quick", action="store_true", help="one project and three edits")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # files are put back as they were
    names = options.projects or PROJECTS[: 1 if options.quick else None]
    lines: list[tuple[object, ...]] = []
    missed = 0
    for name in names:
        until = time.time() + 60 * options.minutes
        found = list(compare(name, 3 if options.quick else options.edits, options.seed, until))
        title, tests = f"{name} {lab.RECIPES[name].version}", len(Truth(name, options.seed).before)
        lines += rows(title, tests, found)
        missed += sum(len(own["missed"]) for _, own in found)
        print(lab.table(HEAD, lines), file=sys.stderr)
    text = lab.table(HEAD, lines)
    lab.publish(text, PAGE, "compare", write=options.write)
    return 1 if missed else 0


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.exit(main())
