"""Try testmon on real projects that it was not made with.

Edits of every kind, judged by plain pytest.

python benchmarks/arena.py [--quick] [--mutants N] [--seed N] [--minutes N] [--write] [project ...]

For each project: plain pytest three times tells what is stable; `testmon collect` must let every
test come out as plain pytest does; nothing may be selected right after it. Then come edits of every
kind. Plain pytest with all tests says which come out otherwise after an edit (outcome or message),
are new, or are no longer collected: these are needed. What `testmon select` prints is given to
pytest as a user does it. A needed test is missed when pytest does not collect it, nor names a file
above it that cannot be imported. An argument that pytest refuses is a failure, unless it names a
file that cannot be imported.

All that was found is kept as JSON lines beside the projects, in the folder that the variable
TESTMON_LAB names; what plain pytest does with an edit is looked at once, what testmon does, again
with each change of its sources.
"""

import argparse
import json
import os
import re
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import mean, median
from typing import Any

import arena_recorder
import lab
import mutants
from arena_projects import CONTENDERS, Contender
from compare import Found, Log, cause_of, is_worth_a_look, share, shares
from engines import closed

from testmon_cli.analysis.model import build_model
from testmon_cli.domain.source import SourceError
from testmon_cli.storage.datafile import Datafile

PAGE = lab.CHECKOUT / "docs" / "comparison.md"
RECORD = ("-p", "arena_recorder", "--continue-on-collection-errors")
RAN = (0, 1, 2, 5)  # exit codes of a pytest that could do what it was asked
HEAD = (
    "project", "there for its", "tests", "other outcomes", "selected at once", "mutants / killed", "needed, mean",
    "selected, mean / median", "functions: floor", "functions: selected", "missed, tests / mutants", "refused",
    "select CPU s, median / max",
)  # fmt: skip
KINDS = (
    "edits of", "mutants", "killed", "needed, mean", "selected, mean / median", "missed, tests / mutants", "refused",
)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """What plain pytest did with the tests."""

    ran: lab.Ran
    collected: frozenset[str]
    observed: dict[str, str]  # node id -> what was observed of the test
    errors: frozenset[str]  # nodes that cannot be collected

    @property
    def is_broken(self) -> bool:
        """Whether pytest stopped before it could run anything, for a reason that concerns all."""
        return self.ran.status not in RAN and not self.observed


class Stand:
    """A project with its environment, where both plain pytest and testmon run."""

    def __init__(self, contender: Contender, tool: Path) -> None:
        project = lab.prepared(contender.recipe, str(tool))
        self.contender = contender
        self.record = project.home / "venv" / "record.json"
        (packages,) = (project.home / "venv").glob("lib/python*/site-packages")
        shutil.copy2(arena_recorder.__file__, packages)
        environ = (*contender.recipe.environ, ("ARENA_RECORD", str(self.record)))
        self.project = lab.Project(replace(contender.recipe, environ=environ), project.home)

    @cached_property
    def files(self) -> mutants.Files:
        folder = self.project.folder
        below = [path for path in (folder / part for part in self.contender.tests) if path.exists()]
        around = sorted(
            {
                path
                for place in below
                for path in ([place] if place.is_file() else place.rglob("*.py"))
            }
        )
        tests = [path for path in around if re.match(self.contender.test_files, path.name)]
        helpers = [path for path in around if path not in tests and path.stat().st_size]
        sources = [
            path for path in self.project.sources if path not in set(around) and path.stat().st_size
        ]
        parsed = (_that_parse(paths) for paths in (sources, helpers, tests))
        return mutants.Files(folder, *parsed, self.project.data)

    def pytest(self, *options: str, limit: float = 900) -> Seen:
        self.record.unlink(missing_ok=True)
        ran = self.project.run(
            "python", "-m", "pytest", *self._usual, *options, limit=limit, caches=False
        )
        return self._seen(ran)

    def everything(self, limit: float = 900) -> Seen:
        return self.pytest(*self.contender.paths, limit=limit)

    def collect(self) -> Seen:
        for path in self.project.folder.glob(".testmondata*"):
            path.unlink()
        self.record.unlink(missing_ok=True)
        ran = self.project.run(
            "testmon", "collect", "--", *self._usual, *self.contender.paths, caches=False
        )
        return self._seen(ran)

    def select(self, *options: str) -> lab.Ran:
        return self.project.run("testmon", "select", *options, caches=False)

    @property
    def _usual(self) -> tuple[str, ...]:
        return (*lab.PYTEST, *self.contender.recipe.options, *RECORD)

    def _seen(self, ran: lab.Ran) -> Seen:
        found: dict[str, Any] = {"collected": [], "observed": {}, "errors": []}
        if self.record.exists() and not ran.killed:
            found = json.loads(self.record.read_text(encoding="utf-8"))
        observed = {test: "\n".join(notes) for test, notes in found["observed"].items()}
        return Seen(ran, frozenset(found["collected"]), observed, frozenset(found["errors"]))


def _that_parse(paths: Iterable[Path]) -> list[Path]:
    found = []
    for path in paths:
        with suppress(SourceError):
            build_model(path.read_bytes())
            found.append(path)
    return found


@dataclass(frozen=True)
class Stable:
    """What can be said of the tests before anything was edited."""

    observed: dict[str, str]
    chance: frozenset[str]  # tests that come out by chance
    vague: frozenset[str]  # tests whose message is another one each time

    def differ(self, after: Seen) -> set[str]:
        """The tests that an edit makes come out otherwise."""
        if after.is_broken:
            return set(self.observed)
        lost = under(self.observed.keys() - after.observed.keys(), after.errors)
        new = after.observed.keys() - self.observed.keys() - self.chance
        other = {
            test
            for test in self.observed.keys() & after.observed.keys()
            if self._differs(test, after)
        }
        return lost | new | other

    def _differs(self, test: str, after: Seen) -> bool:
        first, second = self.observed[test], after.observed[test]
        return outcome(first) != outcome(second) if test in self.vague else first != second


def stable(runs: list[Seen]) -> Stable:
    first, *others = runs
    everywhere = first.observed.keys() & set.intersection(*(set(run.observed) for run in others))
    anywhere = set().union(*(run.observed for run in runs))
    chance = {
        t
        for t in everywhere
        if any(outcome(run.observed[t]) != outcome(first.observed[t]) for run in others)
    }
    vague = {
        t
        for t in everywhere - chance
        if any(run.observed[t] != first.observed[t] for run in others)
    }
    chance |= anywhere - everywhere
    kept = {test: notes for test, notes in first.observed.items() if test not in chance}
    return Stable(kept, frozenset(chance), frozenset(vague))


def outcome(notes: str) -> str:
    """What was observed of a test, without the messages."""
    return " ".join(re.findall(r"^(?:setup|call|teardown) x?\w+(?=:)", notes, re.MULTILINE))


def under(tests: Iterable[str], errors: Iterable[str]) -> set[str]:
    """Those of the tests that cannot run since something above them cannot be collected."""
    return {
        t for t in tests for e in errors if not e or t == e or t.startswith((f"{e}::", f"{e}/"))
    }


class Fight:
    """One project, and what is known of each mutant of it."""

    def __init__(self, contender: Contender, tool: Path) -> None:
        self.stand = Stand(contender, tool)
        home = self.stand.project.home
        self.truth = Log(home / "arena-truth.jsonl")
        self.own = Log(home / f"arena-own-{lab.digest(tool)}.jsonl")
        first = self.truth.get("none", self._start)
        self.before = Stable(
            first["observed"], frozenset(first["chance"]), frozenset(first["vague"])
        )
        self.limit = 60 + 6 * float(first["seconds"])
        self.start = self.own.get("none", self._collect)
        self._look_again()

    def _start(self) -> Found:
        runs = [self.stand.everything() for _ in range(3)]
        if not runs[0].observed:
            raise SystemExit(
                f"{self.stand.project.home.name}: {runs[0].ran.stdout[-3000:]}{runs[0].ran.stderr[-2000:]}"
            )
        before = stable(runs)
        return {
            "observed": before.observed, "chance": sorted(before.chance), "vague": sorted(before.vague),
            "seconds": max(run.ran.seconds for run in runs), "cpu": median(run.ran.cpu for run in runs),
        }  # fmt: skip

    def _collect(self) -> Found:
        collected = self.stand.collect()
        other = self.before.differ(collected) | (
            self.before.observed.keys() - collected.observed.keys()
        )
        if other:  # perhaps by chance
            other &= self.before.differ(self.stand.collect()) | (
                self.before.observed.keys() - collected.observed.keys()
            )
        failing = {test for test, notes in collected.observed.items() if "failed" in outcome(notes)}
        asked = self.stand.select("--format", "json")
        if asked.status:
            raise SystemExit(
                f"testmon select failed in {self.stand.project.folder}:\n{asked.stderr}"
            )
        at_once = [
            test for test in json.loads(asked.stdout)["tests"] if test["nodeid"] not in failing
        ]
        return {
            "cpu": collected.ran.cpu, "other": sorted(other), "at once": [t["nodeid"] for t in at_once],
            "why at once": Counter(cause_of(test) for test in at_once).most_common(12),
        }  # fmt: skip

    def _look_again(self) -> None:
        """Collect anew when what was collected is gone, as after the source was unpacked anew."""
        stamp = self.stand.project.home / "collected"
        digest = self.own.path.name
        if (
            not stamp.exists()
            or stamp.read_text() != digest
            or not list(self.stand.project.folder.glob(".testmondata"))
        ):
            self.stand.collect()
            stamp.write_text(digest)

    def fought(self, mutant: mutants.Mutant) -> tuple[Found, Found] | None:
        """What plain pytest and testmon do with a mutant; nothing when that takes too long."""
        key = mutant.key(self.stand.project.folder)
        with _edited(mutant):
            truth = self.truth.get(key, lambda: self._needed(mutant))
            if "needed" not in truth:
                return None
            return truth, self.own.get(key, lambda: self._judged(mutant, truth))

    def _needed(self, mutant: mutants.Mutant) -> Found:
        after = self.stand.everything(self.limit)
        if after.ran.killed:
            return {"kind": mutant.kind, "left out": "takes too long"}
        needed = self.before.differ(after)
        return {"kind": mutant.kind, "needed": sorted(needed), "broken": after.is_broken}

    def _judged(self, mutant: mutants.Mutant, truth: Found) -> Found:
        needed, known = set(truth["needed"]), self.before.observed.keys()
        asked = self.stand.select("-0")
        arguments = [argument for argument in asked.stdout.split("\0") if argument]
        selected = lab.given(arguments, known | needed)
        refused = asked.stderr[-500:] if asked.status else ""
        reported: set[str] = set()
        hidden: set[str] = set()
        if arguments and not asked.status:
            given = self.stand.pytest("--collect-only", *arguments)
            reported = {*given.collected, *under(needed, given.errors)}
            if truth["broken"] and given.ran.status not in (0, 5):
                reported = needed
            elif given.ran.status not in RAN and given.errors:
                hidden = needed & selected - reported
            elif given.ran.status not in RAN:
                refused = (given.ran.stderr + given.ran.stdout)[-500:]
        missed = needed - reported - hidden
        if missed and not refused:
            again = self.stand.everything(self.limit)
            missed &= self.before.differ(again)
        floor = self._floor(mutant)
        wide = is_worth_a_look(len(selected), max(len(needed), floor or 0), len(known))
        return {
            "kind": mutant.kind, "selected": len(selected), "floor": floor, "missed": sorted(missed),
            "refused": refused, "hidden": len(hidden), "cpu": asked.cpu,
            "why": self._why(selected, needed) if wide or missed else [],
        }  # fmt: skip

    def _why(self, selected: set[str], needed: set[str]) -> list[tuple[str, int]]:
        asked = self.stand.select("--format", "json")
        tests = json.loads(asked.stdout)["tests"] if not asked.status else []
        return Counter(
            cause_of(test) for test in tests if test["nodeid"] not in needed
        ).most_common(8)

    def _floor(self, mutant: mutants.Mutant) -> int | None:
        """How many tests ran a block that is another one now; only for edits of functions."""
        if mutant.kind != mutants.FUNCTION or mutant.text is None:
            return None
        path = mutant.path.relative_to(self.stand.project.folder).as_posix()
        with Datafile.open(self.stand.project.folder / ".testmondata") as datafile:
            run, *_ = datafile.runs()
            before = (
                datafile.model(datafile.snapshot(run.id)[path].id)
                if path in datafile.snapshot(run.id)
                else b""
            )
            return _that_ran(datafile, path, _changed_blocks(before, mutant.text)) if before else 0


def _changed_blocks(before: bytes, text: str) -> set[int]:
    from testmon_cli.analysis import codec

    now = {block.checksum for block in build_model(text.encode()).blocks}
    return {block.checksum for block in codec.decode(before).blocks[:-1]} - now


def _that_ran(datafile: Datafile, path: str, checksums: set[int]) -> int:
    """How many tests ran one of the blocks, themselves or by a fixture or import that they rely on."""
    run, *_ = datafile.runs()
    found = {f.id for f in datafile.fingerprints({path}) if not checksums.isdisjoint(f.checksums)}
    traces = {trace for _, trace in datafile.traces_with(found)}
    uses: dict[int, list[int]] = {}
    for user, used in datafile.uses([run.id]):
        uses.setdefault(user, []).append(used)
    return sum(1 for e in datafile.executions(run.environment) if closed(e.trace_id, uses) & traces)


def _edited(mutant: mutants.Mutant) -> Any:
    return lab.edited(mutant.path, mutant.text)


@dataclass(frozen=True)
class Known:
    """What is known of a project: of all its tests, and of each mutant."""

    contender: Contender
    first: Found  # of plain pytest with all tests
    start: Found  # of testmon before anything was edited
    pairs: tuple[tuple[Found, Found], ...]  # of plain pytest, and of testmon

    @property
    def is_bad(self) -> bool:
        return bool(self.start["other"] or self.start["at once"]) or any(
            is_failed(own) for _, own in self.pairs
        )


def is_failed(own: Found) -> bool:
    return bool(own.get("missed") or own.get("refused"))


def fight(
    contender: Contender, tool: Path, wanted: int, seed: int, until: float, *, only_failed: bool
) -> Known:
    """Let one project's mutants come, each kind in its turn."""
    earlier = remembered(_home(contender, tool))
    failed = {key for key, own in earlier.items() if is_failed(own)}
    fight = Fight(contender, tool)
    _tell_start(fight)
    found: list[tuple[Found, Found]] = []
    for number, mutant in enumerate(mutants.draw(fight.stand.files, seed)):
        key = mutant.key(fight.stand.project.folder)
        if (number if only_failed else len(found)) >= wanted or time.time() > until:
            break
        if (key in failed or not only_failed) and (pair := fight.fought(mutant)):
            found.append(pair)
            _tell(key, *pair)
    return Known(contender, fight.truth.found["none"], fight.start, tuple(found))


def _home(contender: Contender, tool: Path) -> Path:
    return lab.home_of(contender.recipe.title.replace(" ", "-"), [str(tool)])


def remembered(home: Path) -> dict[str, Found]:
    """What testmon did with each mutant when it was last tried."""
    logs = sorted(home.glob("arena-own-*.jsonl"), key=lambda path: path.stat().st_mtime)
    return {key: own for path in logs for key, own in Log(path).found.items()}


def known(contender: Contender, tool: Path) -> Known | None:
    """What was found of a project so far, by whatever sources of testmon."""
    home = _home(contender, tool)
    truth, own = Log(home / "arena-truth.jsonl").found, remembered(home)
    if "none" not in truth or "none" not in own:
        return None
    pairs = tuple(
        (truth[key], own[key]) for key in own if key != "none" and "needed" in truth.get(key, ())
    )
    return Known(contender, truth["none"], own["none"], pairs)


def _tell_start(known: Fight) -> None:
    start, before = known.start, known.before
    print(
        f"{known.stand.project.home.name}: {len(before.observed)} tests, {len(before.chance)} by chance, "
        f"{len(before.vague)} vague, {len(start['other'])} come out otherwise, "
        f"{len(start['at once'])} selected at once",
        file=sys.stderr,
    )
    for test in start["other"][:5]:
        print(f"  OTHER OUTCOME {test}", file=sys.stderr)
    for text, number in start["why at once"][:5]:
        print(f"  AT ONCE {number}: {text}", file=sys.stderr)


def _tell(key: str, truth: Found, own: Found) -> None:
    print(
        f"  {key}: needed {len(truth['needed'])}, selected {own['selected']}, floor {own['floor']}, {own['cpu']:.2f} s",
        file=sys.stderr,
    )
    for test in own["missed"][:4]:
        print(f"    MISSED {test} (of {len(own['missed'])})", file=sys.stderr)
    if own["refused"]:
        print(f"    REFUSED {own['refused'][-300:]}", file=sys.stderr)
    if own["hidden"]:
        print(f"    HIDDEN {own['hidden']}", file=sys.stderr)
    for text, number in own["why"][:3]:
        print(f"    WIDE {number}: {text}", file=sys.stderr)


def row(known: Known) -> tuple[object, ...]:
    """What became of a project."""
    contender, found, tests = known.contender, known.pairs, len(known.first["observed"])
    functions = [own for truth, own in found if own["floor"] is not None]
    missed = [len(own["missed"]) for _, own in found]
    seconds = [own["cpu"] for _, own in found] or [0]
    return (
        contender.recipe.title, contender.why, tests, len(known.start["other"]), len(known.start["at once"]),
        f"{len(found)} / {sum(1 for truth, _ in found if truth['needed'])}",
        share(mean([len(truth["needed"]) / tests for truth, _ in found] or [0])),
        shares([own["selected"] / tests for _, own in found] or [0]),
        shares([own["floor"] / tests for own in functions] or [0]),
        shares([own["selected"] / tests for own in functions] or [0]),
        f"{sum(missed)} / {sum(map(bool, missed))}", sum(1 for _, own in found if own["refused"]),
        f"{median(seconds):.2f} / {max(seconds):.2f}",
    )  # fmt: skip


def by_kind(projects: list[Known]) -> str:
    """What became of the mutants of each kind, in all projects; the last line is the total."""
    found: dict[str, list[tuple[float, float, int, int]]] = {kind: [] for kind in mutants.ROUND}
    for project in projects:
        tests = len(project.first["observed"])
        for truth, own in project.pairs:
            needed, missed = len(truth["needed"]), len(own["missed"])
            found[truth["kind"]].append(
                (needed / tests, own["selected"] / tests, missed, bool(own["refused"]))
            )
    everything = [entry for entries in found.values() for entry in entries]
    rows = []
    for kind, entries in [*found.items(), ("all", everything)]:
        if entries:
            needed, selected, missed, refused = zip(*entries, strict=True)
            rows.append((
                kind, len(entries), sum(1 for part in needed if part), share(mean(needed)), shares(list(selected)),
                f"{sum(missed)} / {sum(map(bool, missed))}", sum(refused),
            ))  # fmt: skip
    return lab.table(KINDS, rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("projects", nargs="*", help=f"of {', '.join(CONTENDERS)}")
    parser.add_argument("--mutants", type=int, default=33, help="of each project")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--minutes", type=float, default=120, help="how long mutants of a project are drawn"
    )
    parser.add_argument("--quick", action="store_true", help="one project and three mutants")
    parser.add_argument(
        "--failed", action="store_true", help="only mutants that testmon failed at when last tried"
    )
    parser.add_argument(
        "--known", action="store_true", help="try nothing: tell what was found so far"
    )
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # files are put back as they were
    names = options.projects or list(CONTENDERS)[: 1 if options.quick else None]
    projects: list[Known] = []
    for name in names:
        until = time.time() + 60 * options.minutes
        wanted = 3 if options.quick else options.mutants
        if options.known:
            found = known(CONTENDERS[name], lab.CHECKOUT)
        else:
            found = fight(
                CONTENDERS[name], lab.CHECKOUT, wanted, options.seed, until, only_failed=options.failed
            )  # fmt: skip
        if found and found.pairs:
            projects.append(found)
            print(lab.table(HEAD, [row(found)]), file=sys.stderr)
    text = "\n".join((lab.table(HEAD, list(map(row, projects))), by_kind(projects)))
    lab.publish(text, PAGE, "arena", write=options.write)
    return 1 if any(project.is_bad for project in projects) else 0


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.exit(main())
