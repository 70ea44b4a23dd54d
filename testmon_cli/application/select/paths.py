"""The PATHS of `testmon select`.

The selected tests that stand there, or that can be affected from there.

A path is read relative to the working directory, or else to the root, like the names that we and
git print. A path that is gone is understood as long as something recorded relied on it.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from testmon_cli.application.checkout import pytest_config
from testmon_cli.application.checkout.patterns import GLOB, may_match
from testmon_cli.application.checkout.resources import Today
from testmon_cli.application.checkout.sources import Tree
from testmon_cli.application.invalidate.snapshot_diff import PackageChanges
from testmon_cli.domain import selection as kinds
from testmon_cli.domain.causes import CHANGED, Cause, Kind
from testmon_cli.domain.errors import SourceError, TestmonError
from testmon_cli.domain.nodeid import NodeId, depth_of, path_of, readings
from testmon_cli.domain.records import Environment, ResourceState, Run
from testmon_cli.domain.selection import Selected, Selection
from testmon_cli.storage.datafile import Datafile

if TYPE_CHECKING:  # what it imports takes long
    from testmon_cli.application.invalidate.affected_traces import RunMatcher
    from testmon_cli.domain.source import Definition


class Place(NamedTuple):
    """A path or node id that the user gave, resolved against the project."""

    text: str  # as it was given
    # relative to the root, "" for the root: of the file or folder, and what it may be a link to
    paths: tuple[str, ...]
    name: str = ""  # of a test or class within the file; "" for all of it
    exists: bool = True

    def holds(self, nodeid: str) -> bool:
        """Tell whether a test stands here, by its node id."""
        if not self.name:
            return any(_is_in(nodeid, path) for path in self.paths)
        return any(_is_part(nodeid, f"{path}::{self.name}") for path in self.paths)

    def names(self, path: str) -> bool:
        """Tell whether a path is this file or folder, or stands below it."""
        return not self.name and any(_is_below(path, own) for own in self.paths)


class ChangedFiles(NamedTuple):
    """Many files at once, of which only those count that are named."""

    files: frozenset[str]  # relative to the root
    text: str = ""
    name: str = ""
    exists: bool = True

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self.files)

    def holds(self, nodeid: str) -> bool:
        if path_of(nodeid) in self.files:
            return True
        if depth_of(nodeid)[0] <= 1:
            return False
        with_colons = (path for path, _ in readings(nodeid) if "::" in path)
        return any(path in self.files for path in with_colons)

    def names(self, path: str) -> bool:
        return path in self.files


Asked = Place | ChangedFiles


def _is_below(name: str, path: str) -> bool:
    return path in ("", name) or name.startswith(f"{path}/")


def _is_in(nodeid: str, path: str) -> bool:
    """Tell whether a test stands in a file or folder.

    Where paths hold colons, its node id alone may not tell the file.
    """
    if path in ("", nodeid) or nodeid.startswith(f"{path}/"):
        return True
    if not nodeid.startswith(f"{path}::"):
        return False
    return "::" in path or path_of(nodeid) == path


def _is_part(nodeid: str, whole: str) -> bool:
    return nodeid == whole or nodeid.startswith((f"{whole}::", f"{whole}["))


# Reading what was given


def places(root: Path, source: Sequence[str], texts: Iterable[str]) -> tuple[Place, ...]:
    """Resolve paths and node ids that the user gave.

    Raises TestmonError for one outside the project.
    """
    return tuple(_place(root, source, text) for text in texts)


def _place(root: Path, source: Sequence[str], text: str) -> Place:
    if not text or "\0" in text:
        raise TestmonError(f"{text!r} is not a path: name a file, a folder or a test")
    bases = (Path.cwd(), root)
    for file, name in readings(text):
        for base in bases:
            if os.path.lexists(base / file):
                return Place(text, _inside(root, source, text, base / file), name)
    file = path_of(text)
    found: dict[str, None] = {}
    for base in bases:
        found.update(dict.fromkeys(_inside(root, source, text, base / file)))
    return Place(text, tuple(found), text[len(file) + 2 :], exists=False)


def _inside(root: Path, source: Sequence[str], text: str, path: Path) -> tuple[str, ...]:
    """A path, and where it leads if it is a link, as the datafile has them."""
    own = os.fspath(path)
    if path.name not in ("", ".."):
        own = os.path.join(os.path.realpath(path.parent), path.name)
    found = dict.fromkeys((own, os.path.realpath(path)))
    relative = [_relative(root, source, each) for each in found]
    inside = tuple(each for each in relative if each is not None)
    if not inside:
        raise TestmonError(f"{text} is outside of {root}: name a file or folder of the project")
    return inside


def _relative(root: Path, source: Sequence[str], path: str) -> str | None:
    relative = os.path.relpath(path, root).replace(os.sep, "/")
    if relative == ".":
        return ""
    is_outside = relative == ".." or relative.startswith("../")
    if not is_outside:
        return relative
    folders = map(os.path.realpath, source)
    is_source = any(Path(path).is_relative_to(folder) for folder in folders)
    return relative if is_source else None


# What is known


class Known(NamedTuple):
    """The data to answer from; without a datafile, the sources alone."""

    tree: Tree
    environment: Environment
    datafile: Datafile | None = None
    runs: Sequence[Run] = ()


def within(
    selection: Selection, asked: Sequence[Asked], known: Known, *, is_listed: bool
) -> Selection:
    """The part of a selection that stands in some places, or that can be affected from there.

    Raises TestmonError for a place that does not exist and of which nothing is known. Lists name
    files that were removed, too: of one that nobody relied on a note is enough, as long as the list
    names others that are there.
    """
    problems = [problem for place in asked if (problem := _problem(place, known, selection.gone))]
    if problems and (not is_listed or len(problems) == len(asked)):
        raise TestmonError(problems[0])
    unseen = [
        f"{place.text} is not looked at: excluded, or not of the project"
        for place in asked
        if _is_unseen(place, known)
    ]
    selection = selection._replace(notes=(*selection.notes, *problems, *unseen))
    reliance = _Reliance(asked, known, selection.tests)
    return selection._replace(
        tests=tuple(test for test in selection.tests if reliance.concerns(test))
    )


def _problem(place: Asked, known: Known, gone: Collection[str]) -> str:
    """Why a place cannot be understood; "" when it can. Tests that are `gone` exist no longer."""
    if not place.exists and not _is_recorded(place, known):
        file = path_of(place.text)
        return f"no such file or folder: {file}; give paths relative to {Path.cwd()}"
    if place.exists and place.name and not _is_test(place, known, gone):
        file = place.text.removesuffix(f"::{place.name}")
        advice = f"`pytest --collect-only -q {file}` lists those that there are"
        return f"no such test in {file}: {place.name}; {advice}"
    return ""


def _is_unseen(place: Asked, known: Known) -> bool:
    """Tell whether a place is a source that is left out, so that its tests are not known."""
    if not isinstance(place, Place) or not place.exists or place.name:
        return False
    is_source = any(path.endswith(".py") for path in place.paths)
    return is_source and known.tree.stats.keys().isdisjoint(place.paths)


def _is_recorded(place: Asked, known: Known) -> bool:
    """Tell whether a file or folder that is gone was there for a run."""
    datafile = known.datafile
    if datafile is None:
        return False
    for run in known.runs:
        if any(map(place.names, datafile.snapshot(run.id))):
            return True
    return any(is_read(state, place) for state in datafile.resource_states().values())


def _is_test(place: Asked, known: Known, gone: Collection[str]) -> bool:
    """Tell whether a test or class was recorded and still exists, or is bound in the source."""
    if known.datafile is not None:
        ran = known.datafile.ran_below(known.environment, place.paths)
        there = (nodeid for nodeid, _ in ran if nodeid not in gone)
        if any(map(place.holds, there)):
            return True
    sources = (path for path in place.paths if path in known.tree.stats)
    return any(_is_bound(known.tree, path, place.name) for path in sources)


def _is_bound(tree: Tree, path: str, name: str) -> bool:
    try:
        model = tree.model(path)
    except SourceError:
        return True  # nobody knows
    has_star = any("star" in definition.flags for definition in model.definitions)
    if has_star or name in model.doctests:
        return True
    owner = ""
    classes: list[Definition] = []
    for part in NodeId.parse(f"{path}::{name}", path).names:
        members = [each for each in model.definitions if each.owner == owner]
        found = [each for each in members if part in each.names]
        if not found:
            return any(cls.bases or cls.decorators for cls in classes)  # it may have it from there
        classes = found
        owner = f"{owner}.{part}".lstrip(".")
    return True


# What tests rely on


class _Reliance:
    """Tells which selected tests have to do with some places."""

    def __init__(self, asked: Sequence[Asked], known: Known, tests: Sequence[Selected]) -> None:
        self._asked = asked
        self._whole = [place for place in asked if not place.name]
        self._known = known
        self._tests = tests
        self._matchers: dict[int, RunMatcher] = {}

    def concerns(self, test: Selected) -> bool:
        """Tell whether a test stands in one of the places, or may be affected from there."""
        if any(place.holds(test.nodeid) or test.nodeid in place.paths for place in self._asked):
            return True
        if not self._whole:
            return False
        cause = test.reason.cause
        if cause is not None and any(map(self._is_named, cause.chain())):
            return True
        if test.execution is None or test.reason.kind in (kinds.ALWAYS, kinds.UNKNOWN):
            return self._matters_elsewhere
        return test.execution.trace_id in self._reliant

    def _is_named(self, link: Cause) -> bool:
        paths = [link.path]
        if link.kind in (Kind.FILE, Kind.DIRECTORY, Kind.CONFIG):
            paths.append(link.name.removeprefix(pytest_config.OF_PYTEST))
        return any(place.names(path) for path in filter(None, paths) for place in self._whole)

    @cached_property
    def _reliant(self) -> set[int]:
        """Traces that can be affected from one of the places, of runs that tests ran in last."""
        runs = {test.execution.run_id for test in self._tests if test.execution is not None}
        found: set[int] = set()
        for run in self._known.runs:
            if run.id in runs:
                found.update(*(self._relying(run, place) for place in self._whole))
        return found

    @cached_property
    def _matters_elsewhere(self) -> bool:
        """Whether tests rely on one of the places that do not stand there.

        Others, of which less is known, may too.
        """
        return any(map(self._is_used_elsewhere, self._whole))

    @cached_property
    def _newest_runs(self) -> list[Run]:
        """The runs that hold the newest execution of some test."""
        found: set[int] = set()
        seen: set[int] = set()
        if self._known.datafile is None:
            return []
        heads = self._known.datafile.heads(self._known.environment)
        for head in reversed(heads):  # the newest run comes last
            if not seen.issuperset(head.test_ids):
                found.add(head.run_id)
                seen.update(head.test_ids)
        return [run for run in self._known.runs if run.id in found]

    def _is_used_elsewhere(self, place: Asked) -> bool:
        stands_here = any(place.holds(test.nodeid) for test in self._tests)
        for run in self._newest_runs:
            assert self._known.datafile is not None
            here: set[int] = set()
            elsewhere: set[int] = set()
            for test in self._known.datafile.tests(run.id):
                group = here if place.names(test.path) else elsewhere
                group.add(test.trace_id)
            stands_here = stands_here or bool(here)
            if not elsewhere.isdisjoint(self._relying(run, place)):
                return True
        return not stands_here

    def _relying(self, run: Run, place: Asked) -> set[int]:
        """Traces of a run that relied on a place, or that can reach it through imports."""
        matcher = self._matcher(run)
        files = {path for path in (*matcher.snapshot, *self._known.tree.stats) if place.names(path)}
        readers = set(self._readers(run, place))
        assert self._known.datafile is not None
        imports = self._known.datafile.traces([run.id], "module")
        modules = {trace.id: trace.name for trace in imports}
        files |= {modules[trace] for trace in readers & modules.keys()}
        reaching = frozenset().union(*map(matcher.growth.project.reaching, files))
        bits = matcher.traces.bits
        touching = matcher.traces.touching(reaching) | bits.of(
            test.trace_id for test in matcher.tests_in(reaching)
        )
        return (
            set(bits.things(matcher.traces.with_users(touching)))
            | matcher.recorded.spread(dict.fromkeys(readers, _ANYTHING)).keys()
        )

    def _readers(self, run: Run, place: Asked) -> Iterator[int]:
        assert self._known.datafile is not None
        states = self._known.datafile.resource_states()
        wanted = {number for number, state in states.items() if is_read(state, place)}
        if not wanted:
            return
        for trace, state in self._known.datafile.resources([run.id]):
            if state in wanted:
                yield trace

    def _matcher(self, run: Run) -> "RunMatcher":
        """A matcher that knows what the run relied on, and which files reach which today."""
        from testmon_cli.application.invalidate.affected_traces import RunMatcher

        if run.id not in self._matchers:
            assert self._known.datafile is not None
            tree = self._known.tree
            matcher = RunMatcher(
                self._known.datafile, run, tree, Today(tree.root, ""), PackageChanges()
            )
            self._matchers[run.id] = matcher
        return self._matchers[run.id]


_ANYTHING = Cause(Kind.BLOCK, CHANGED, "", "")


def is_read(state: ResourceState, place: Asked) -> bool:
    """Tell whether a resource is, contains or lists what is at a place."""
    if place.name or state.kind not in ("file", "directory", GLOB):
        return False
    if state.kind == GLOB:
        return any(may_match(state.name, path) for path in place.paths)
    if state.kind == "directory" and any(
        os.path.dirname(path) == state.name.strip(".") for path in place.paths
    ):
        return True
    return place.names(state.name)
