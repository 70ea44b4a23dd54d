"""What a scenario is, and the format of the tables.

A table is a text file of scenarios, each begun by `=== name: what happens`. Then come files (`---
path` and its text), what is edited (lines that begin with `@@`) and what is expected:

    @@ change path: old => new      replaces the one occurrence of a text; `\n` stands for a line end
    @@ write path                   the whole text follows, until the next line of this kind
    @@ remove path
    @@ rename path => path
    @@ environ NAME=before => after (`unset` for none)
    must: node ids                  come out otherwise; held against what plain pytest shows
    extra: node id -- why           selected though it comes out the same; any other such test fails the scenario
    always: node id                 selected whatever changes, so also when nothing was edited
    missed: reason                  known to be unsafe: the scenario is expected to fail
    python: >=3.14                  played with these Pythons alone (or <3.14)

`dist name version [requires ...]` begins the files of a distribution that is installed before the
edit, `@@ dist name version [requires ...]` after it.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

TABLES = Path(__file__).parent / "tables"
CONFIG_FILES = ("pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg")
CONFIG = '[tool.pytest.ini_options]\npythonpath = ["."]\n'
_MARK = re.compile(r"(===|---|@@|must:|extra:|always:|missed:|python:|dist )")


@dataclass
class Distribution:
    """A package to put on the import path, with metadata as an installer writes it."""

    name: str
    version: str
    requires: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)


@dataclass
class Scenario:
    """A small project, one edit to it, and the tests that it concerns."""

    name: str
    title: str
    files: dict[str, str] = field(default_factory=dict)
    changes: list[tuple[str, str, str]] = field(default_factory=list)  # path, old, new
    writes: dict[str, str] = field(default_factory=dict)
    removes: list[str] = field(default_factory=list)
    renames: list[tuple[str, str]] = field(default_factory=list)
    environ: tuple[dict[str, str], dict[str, str]] = field(default_factory=lambda: ({}, {}))
    distributions: tuple[list[Distribution], list[Distribution]] = field(
        default_factory=lambda: ([], [])
    )
    must: set[str] = field(default_factory=set)
    extra: dict[str, str] = field(default_factory=dict)
    always: set[str] = field(default_factory=set)
    missed: str = ""
    oldest: tuple[int, ...] = (0,)  # Python that it is played with
    beyond: tuple[int, ...] = (4,)  # the first that it is not played with


def load_all() -> list[Scenario]:
    """The scenarios of all tables, named family/name."""
    found = [s for path in sorted(TABLES.glob("*.txt")) for s in load(path)]
    assert len({s.name for s in found}) == len(found), "a name occurs twice"
    return found


def load(path: Path) -> list[Scenario]:
    scenarios: list[Scenario] = []
    text: list[str] = []  # lines that belong to no file are dropped
    target: tuple[dict[str, str], str] | None = None

    def flush() -> None:
        if target is not None:
            files, name = target
            files[name] = "\n".join(text).strip("\n") + "\n" if text and any(text) else ""

    for line in path.read_text(encoding="utf-8").splitlines():
        if not _MARK.match(line):
            text.append(line)
            continue
        flush()
        text, target = [], None
        if line.startswith("=== "):
            name, _, title = line[4:].partition(": ")
            scenarios.append(Scenario(f"{path.stem}/{name}", title))
        else:
            target = _read(scenarios[-1], line)
    flush()
    return scenarios


def _read(scenario: Scenario, line: str) -> tuple[dict[str, str], str] | None:
    """Take in a line; gives the place of the text that follows it, if any."""
    word, _, rest = line.partition(" ")
    if word == "---":
        dists = scenario.distributions[1] or scenario.distributions[0]
        return (dists[-1].files, rest[5:]) if rest.startswith("dist:") else (scenario.files, rest)
    if word == "must:":
        scenario.must.update(rest.split())
    elif word == "extra:":
        nodeid, _, why = rest.partition(" -- ")
        scenario.extra[nodeid] = why
    elif word == "always:":
        scenario.always.update(rest.split())
    elif word == "missed:":
        scenario.missed = rest
    elif word == "python:":
        version = tuple(map(int, rest.lstrip("<>=").split(".")))
        scenario.oldest, scenario.beyond = (
            (scenario.oldest, version) if rest[0] == "<" else (version, scenario.beyond)
        )
    elif word == "dist":
        scenario.distributions[0].append(_distribution(rest))
    else:
        return _edit(scenario, *rest.partition(" ")[::2])
    return None


def _distribution(text: str) -> Distribution:
    name, version, *requires = text.split()
    return Distribution(name, version, tuple(requires[1:]))


def _edit(scenario: Scenario, verb: str, rest: str) -> tuple[dict[str, str], str] | None:
    if verb == "write":
        return scenario.writes, rest
    if verb == "remove":
        scenario.removes.append(rest)
    elif verb == "rename":
        before, _, after = rest.partition(" => ")
        scenario.renames.append((before, after))
    elif verb == "change":
        path, _, replacement = rest.partition(": ")
        old, _, new = (part.replace("\\n", "\n") for part in replacement.partition(" => "))
        scenario.changes.append((path, old, new))
    elif verb == "environ":
        name, _, values = rest.partition("=")
        for where, value in zip(scenario.environ, values.split(" => "), strict=True):
            if value != "unset":
                where[name] = value
    elif verb == "dist":
        scenario.distributions[1].append(_distribution(rest))
    else:
        raise ValueError(f"{scenario.name}: cannot read '@@ {verb} {rest}'")
    return None
