"""`testmon select --static`: test files that may reach a difference, without records.

The answer is made of text alone, and of whole files: what they import and which names they mention.
What is not understood selects all: data files, since nobody knows who reads them, and
configuration.
"""

import glob
import os
from contextlib import closing
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from testmon_cli.analysis.static_reach import CHANGED, ReachedChange
from testmon_cli.application.checkout import (
    environment,
    pytest_config,
    sources,
)
from testmon_cli.application.checkout.patterns import may_match
from testmon_cli.application.checkout.sources import Tree
from testmon_cli.application.select import use_case
from testmon_cli.application.select.coverage_seed import CoverageSeed, Sight
from testmon_cli.application.select.declared_names import DeclaredNames
from testmon_cli.application.select.filters import Narrowing
from testmon_cli.application.select.paths import Known
from testmon_cli.application.select.pytest_arguments import Arguments
from testmon_cli.application.select.since_revision import SinceRevision
from testmon_cli.application.select.static_sources import Progress, StaticSources
from testmon_cli.application.select.static_whole import WholeSuite, affected_by
from testmon_cli.application.settings import Settings
from testmon_cli.domain import selection as kinds
from testmon_cli.domain.causes import Cause, Kind, Manner
from testmon_cli.domain.nodeid import NodeId, readings
from testmon_cli.domain.selection import Reason, Selected, Selection

COARSE = "coarse: whole files, by what their text imports and names; `testmon collect` learns what each test relies on"


class Asked(NamedTuple):
    """The difference that is asked about, and where something is recorded of it."""

    base: str = "HEAD"  # a revision of git
    staged: bool = False  # whether the index of git counts in place of the working tree
    # A data file of coverage.py with contexts: tests that it shows to run what differs come first.
    coverage: str | None = None


def select_static(
    settings: Settings,
    asked: Asked,
    *,
    narrowing: Narrowing | None = None,
    exact: bool = False,
    progress: Progress | None = None,
) -> Selection:
    """The test files that a difference to a revision can affect.

    Raises EnvironmentFailure when git cannot be asked, or when data of coverage tells nothing.
    """
    root = Path(os.path.realpath(settings.root))
    overlay = use_case.overlay_of(root, staged=asked.staged)
    if asked.coverage is not None:  # no test reads it, whether git ignores it or not
        own = os.path.relpath(os.path.realpath(asked.coverage), root)
        settings = settings._replace(ignore=(*settings.ignore, glob.escape(own)))
    tree = Tree(root, sources.scan(root, settings.source, settings.exclude), overlay=overlay)
    since = SinceRevision(settings, tree, asked.base, in_index=asked.staged)
    static = _Static(settings, tree, since, Arguments(root, exact=exact))
    if asked.coverage is None:
        selection = static.choose(progress)
    else:
        with closing(CoverageSeed(Path(asked.coverage), root)) as seed:
            selection = static.choose(progress, seed)
    known = Known(tree, environment.current(settings.env))
    return (narrowing or Narrowing()).of(selection, known)


class _Static:
    """Chooses test files."""

    def __init__(
        self, settings: Settings, tree: Tree, since: SinceRevision, arguments: Arguments
    ) -> None:
        self._settings = settings
        self._tree = tree
        self._since = since
        self._arguments = arguments
        place = pytest_config.place_of((), tree.root)
        config = pytest_config.read(tree.root, place, text=tree.text)
        self._tests = use_case.test_files(tree, config.naming(), settings)
        self._sources = StaticSources(tree, since, self._tests, DeclaredNames(tree, config))
        self._reach = self._sources.reach
        self._suite = WholeSuite(settings, tree, since, self._tests, self._reach)

    def choose(
        self, progress: Progress | None = None, seed: CoverageSeed | None = None
    ) -> Selection:
        """One reason for all, or one for each file; files of which `seed` knows come first."""
        self._sources.note_changes()
        whole = self._suite.reason()
        has_to_look = whole is None and self._sources.has_changes()
        if has_to_look and progress is not None:
            self._sources.read_all(progress)
        reasons = ((path, whole or self._reason(path)) for path in self._tests)
        found = {path: reason for path, reason in reasons if reason is not None}
        notes = [COARSE]
        if seed is not None:
            differing, index = self._sources.differing_functions(), self._reach.project.index
            sights = seed.sights(differing, frozenset(self._tests), index)
            notes.append(_what_it_adds(seed, len(sights), len(sights.keys() - found.keys())))
            shown = {path: found.get(path) or _seen(sights[path], seed) for path in sorted(sights)}
            found = shown | found
        tests = [
            Selected(path, self._arguments.of(NodeId(path)), reason)
            for path, reason in found.items()
        ]
        outside = [path for path in self._since.blobs if self._suite.is_outside(path)]
        if outside:
            some = ", ".join(outside[:5])
            notes.append(f"not looked at, since they are outside of {self._tree.root}: {some}")
        return Selection(tuple(tests), 0, tuple(notes), files=len(self._tests))

    def _reason(self, path: str) -> Reason | None:
        """Why a test file has to run; None where nothing says so."""
        if not self._since.blobs:
            return None
        if any(_is_about(path, pattern) for pattern in self._settings.always):
            return Reason(kinds.ALWAYS, "the setting `always` names it")
        if path in self._since.blobs and not path.endswith(".py"):
            return affected_by(Cause(Kind.FILE, CHANGED, path, ""))
        text = self._tree.read(path)
        if b"testmon_always" in text:
            return Reason(kinds.ALWAYS, "it has the marker `testmon_always`")
        declared = self._declared_dependency(path)
        if declared is not None:
            return declared
        if b"testmon_depends" in text:
            return Reason(kinds.ALWAYS, "it has the marker `testmon_depends`")
        if not self._sources.has_changes():
            return None
        if not path.endswith(".py"):
            return Reason(kinds.UNKNOWN, "examples in a text may run anything")
        found = self._reach.why(path, self._reach.project.conftests(path))
        return None if found is None else _of_change(found)

    def _declared_dependency(self, path: str) -> Reason | None:
        """The first file that differs of those that the setting `depends` names for a test file."""
        concerning = (
            file
            for pattern, files in self._settings.depends.items()
            if _is_about(path, pattern)
            for file in files
        )
        for file in concerning:
            for changed in self._since.blobs:
                if may_match(file, changed):
                    cause = Cause(Kind.FILE, CHANGED, changed, "")
                    return affected_by(cause, f"the setting `depends` names {file}")
        return None


def _of_change(found: ReachedChange) -> Reason:
    if found.is_open:
        where = f"{found.cause.path}::{found.cause.name}".removesuffix("::")
        return Reason(
            kinds.UNKNOWN, f"may run {where}, which may load or start anything", found.cause
        )
    if found.is_on_import:
        return affected_by(Cause(Kind.IMPORT, Manner.NEEDS, found.cause.path, "", 0, found.cause))
    cause = found.cause
    at = f" at {cause.path}:{cause.line}" if cause.line else f" in {cause.path}"
    what = cause.name or "code"
    return Reason(kinds.AFFECTED, f"may come to {what}, {cause.wording}{at}", cause)


def _seen(sight: Sight, seed: CoverageSeed) -> Reason:
    """The reason of a test file that nothing but a recorded run shows to come to a change."""
    what = f"{sight.path}::{sight.name}".removesuffix("::")
    cause = Cause(Kind.BLOCK, CHANGED, sight.path, sight.name, sight.line)
    return Reason(kinds.AFFECTED, f"ran {what}, which differs, as {seed.file} tells", cause)


def _what_it_adds(seed: CoverageSeed, files: int, added: int) -> str:
    if not files:
        return f"{seed.file} shows no test that ran what differs; it leaves nothing out"
    which = f"{files} file{'' if files == 1 else 's'}"
    return (
        f"{seed.file} shows tests of {which} that ran what differs: they come first,"
        f" {added} for that alone; it leaves nothing out"
    )


def _is_about(path: str, pattern: str) -> bool:
    """Tell whether a pattern of node ids may name tests of a file."""
    return (
        fnmatch(path, pattern)
        or path.startswith(pattern.rstrip("/") + "/")
        or any(may_match(place, path) for place, _ in readings(pattern))
    )
