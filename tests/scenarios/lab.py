"""Plays scenarios: measures the truth with plain pytest, and asks testmon."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.forks import Forks
from tests.scenarios.scenario import CONFIG, CONFIG_FILES, Distribution, Scenario

Outcomes = dict[str, list[str]]


@dataclass
class Place:
    """Where a project is, with its variables and the folder of its distributions."""

    folder: Path
    site: Path
    forks: Forks
    environ: dict[str, str] = field(default_factory=dict)

    def set_up(self, scenario: Scenario) -> None:
        self.folder.mkdir()
        files = dict(scenario.files)
        if not any(name in files for name in CONFIG_FILES):
            files["pyproject.toml"] = CONFIG
        self._write(files)
        self._install(scenario.distributions[0])
        self.environ = scenario.environ[0]

    def edit(self, scenario: Scenario) -> None:
        for path, old, new in scenario.changes:
            text = (self.folder / path).read_text(encoding="utf-8")
            assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {path}"
            self._write({path: text.replace(old, new)})
        for before, after in scenario.renames:
            (self.folder / after).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / before).rename(self.folder / after)
        for path in scenario.removes:
            (self.folder / path).unlink()
        self._write(scenario.writes)
        self._install(scenario.distributions[1])
        self.environ = scenario.environ[1]

    def order(self, do: str, *arguments: str) -> dict:
        """What an order gives here, with all that it printed as `log`."""
        site = str(self.site)
        environ = {**os.environ, **self.environ, "PYTHONPATH": site}
        answer = self.folder.parent / "answer.json"
        given = self.forks.order(do, self.folder, arguments, environ, path=[site], answer=answer)
        given["log"] = given["out"] + given["err"]
        return given

    def collect(self) -> dict:
        return self.order("testmon", "collect", "-q", "-p", "no:cacheprovider")

    def _write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")

    def _install(self, distributions: list[Distribution]) -> None:
        shutil.rmtree(self.site, ignore_errors=True)
        self.site.mkdir()
        for distribution in distributions:
            info = f"{distribution.name}-{distribution.version}.dist-info"
            required = "".join(f"Requires-Dist: {name}\n" for name in distribution.requires)
            metadata = f"Metadata-Version: 2.1\nName: {distribution.name}\nVersion: {distribution.version}\n{required}"
            files = {**distribution.files, f"{info}/METADATA": metadata}
            files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
            for name, text in files.items():
                (self.site / name).parent.mkdir(parents=True, exist_ok=True)
                (self.site / name).write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Played:
    """What came of a scenario."""

    needed: set[str]  # tests that come out otherwise, by plain pytest
    ran: set[str]  # tests that ran, or could not be collected, when pytest was given the selection
    reasons: dict[str, str]
    # pytest did not take an argument, and not because it reports that its file cannot be imported
    refused: bool
    log: str


def play(scenario: Scenario, forks: Forks, folder: Path) -> Played:
    """The project, a collect, the edit, a select; plain pytest tells what had to be selected."""
    place = Place(folder / "project", folder / "site", forks)
    place.set_up(scenario)
    before = place.order("pytest")
    collected = place.collect()
    assert collected["code"] == before["code"], collected["log"]
    quiet = place.order("select")
    failed = {
        nodeid
        for nodeid, notes in before["outcomes"].items()
        if any("failed" in note for note in notes)
    }
    assert set(quiet["reasons"]) == failed | scenario.always, (
        f"selected though nothing was edited: {quiet['reasons']}"
    )
    place.edit(scenario)
    after = place.order("pytest")
    selected = place.order("select")
    needed = changed_tests(before, after)
    if not selected["arguments"]:
        return Played(needed, set(), {}, refused=False, log=selected["log"])
    again = place.order("pytest", *selected["arguments"])
    everything = {**before["outcomes"], **after["outcomes"]}
    ran = set(again["outcomes"]) | {n for n in everything if in_errors(n, again["errors"])}
    if again["code"] == after["code"] and not after["outcomes"]:
        ran = set(everything)  # nothing can run, and nothing did
    not_found = [argument for argument in selected["arguments"] if f"{argument}\n" in again["log"]]
    reported = all(in_errors(argument, again["errors"]) for argument in not_found)
    refused = again["code"] == 4 and after["code"] != 4 and not (not_found and reported)
    return Played(needed, ran, selected["reasons"], refused, again["log"])


def changed_tests(before: dict, after: dict) -> set[str]:
    """Tests that are new, come out otherwise or can no longer be collected."""
    now: Outcomes = after["outcomes"]
    then: Outcomes = before["outcomes"]
    changed = {nodeid for nodeid, notes in now.items() if then.get(nodeid) != notes}
    gone = {nodeid for nodeid in then if nodeid not in now}
    stopped = after["code"] in (3, 4)  # a broken conftest: no test runs
    return changed | {nodeid for nodeid in gone if stopped or in_errors(nodeid, after["errors"])}


def in_errors(nodeid: str, errors: list[str]) -> bool:
    """Whether a test stands in something that pytest reports as not collected."""
    return any(
        nodeid.startswith((f"{error}::", f"{error}/")) or nodeid == error or not error
        for error in errors
    )
