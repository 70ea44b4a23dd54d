"""Tells as facts of a run what its session of pytest collected and left out."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple

from testmon_cli.analysis.checksums import content_digest
from testmon_cli.analysis.pytest_naming import Naming, candidates
from testmon_cli.application.checkout import pytest_config, sources
from testmon_cli.application.checkout.files import read_bytes
from testmon_cli.application.collect.joiner import Joiner
from testmon_cli.application.collect.loaded_sources import LoadedSource
from testmon_cli.application.select import keywords
from testmon_cli.application.select.absent_tests import IN_PART
from testmon_cli.application.select.requested_tests import Asked
from testmon_cli.domain.nodeid import path_of
from testmon_cli.tracing import wire


class Request(NamedTuple):
    """The request of the command line to pytest."""

    asked: Asked
    narrows: bool  # it, not the configuration, leaves tests out: they still are to be run
    redefines: bool  # it, not the configuration, says what is a test


class CollectionFacts:
    """Tells of a session, from what its processes told up to now."""

    def __init__(
        self,
        joiner: Joiner,
        stats: Mapping[str, sources.Stat],
        request: Request,
        naming: Naming,
        place: pytest_config.ConfigPlace,
    ) -> None:
        self._joiner = joiner
        self._stats = stats
        self._asked = request.asked
        self._narrows = request.narrows
        self._redefines = request.redefines
        self._naming = naming
        self._place = place  # where pytest is expected to find its configuration

    @property
    def is_whole(self) -> bool:
        """Whether the session was asked for all tests."""
        session = self._joiner.told.session
        return session is not None and session.is_whole and not self._narrows

    def facts(self) -> dict[str, object]:
        """The tests that were collected and not run, or left out, with the keywords of all."""
        told = self._joiner.told
        return {
            "pending": self._pending(),
            "left_out": self._left_out(),
            "keywords": keywords.recorded(told.functions, told.keywords),
            **self._in_part(),
        }

    def unwanted(self) -> list[str]:
        """Tests that the configuration leaves out.

        A function stands for all its parameters when every one of them was left out.
        """
        if self._narrows:
            return []
        left_out, functions = self._joiner.told.deselected, self._joiner.told.functions
        others = {functions[nodeid] for nodeid in functions.keys() - left_out}
        shortened = {functions[nodeid] for nodeid in left_out} - others
        single = {nodeid for nodeid in left_out if functions[nodeid] in others}
        return sorted(shortened | single)

    def _pending(self) -> list[str]:
        """Tests that were collected and have not run.

        Those that the configuration leaves out are not to be run.
        """
        left_out = self._joiner.told.deselected if self._narrows else set()
        unwanted = set() if self._narrows else self._joiner.told.deselected
        return sorted((self._joiner.told.collected | left_out) - unwanted - self._joiner.executed)

    def _left_out(self) -> dict[str, list[object]]:
        """Names that node ids among the arguments left out of their files.

        Path -> content digest and the names.
        """
        reported = set(self._joiner.told.functions.values())
        found: dict[str, list[object]] = {}
        for path in self._asked.names:
            loaded = self._joiner.sources.by_path.get(path)
            if loaded is not None and loaded.outline is not None:
                names = self._asked.left_out(
                    path, candidates(loaded.outline, self._naming), reported
                )
                if names:
                    found[path] = [loaded.version.digest, names]
        return found

    def _in_part(self) -> dict[str, object]:
        """Which files were asked for in part.

        Nothing is said where the command line changes what tests are.
        """
        if self._redefines:
            return {}
        return {IN_PART: {path: self._asked.whole_names(path) for path in self._asked.names}}

    def configuration(self, session: wire.Session) -> dict[str, object]:
        """Facts on a configuration that pytest found, where it is not the one that was expected."""
        loaded = self._joiner.sources
        place = (
            self._place._replace(file=loaded.relative(session.inipath))
            if session.inipath
            else self._place
        )
        found = pytest_config.read(loaded.root, place)
        is_expected = (
            not found.options or found.path == pytest_config.read(loaded.root, self._place).path
        )
        return {} if is_expected else {"config": found.digest, "place": place}

    def inert(self) -> dict[str, list[object]]:
        """Names that look like tests and are none.

        Path -> content digest and the names ("*" for all).
        """
        joiner = self._joiner
        reported = set(joiner.told.functions.values())
        with_tests = set(map(path_of, reported))
        failed = set(map(path_of, joiner.told.errors))
        inert: dict[str, list[object]] = {}
        for path in self._stats:
            if not self._naming.is_test_file(path) or path in failed:
                continue
            loaded = joiner.sources.by_path.get(path)
            if path in with_tests:
                names = self._without_tests(path, loaded, reported)
                if loaded is not None and names:
                    inert[path] = [loaded.version.digest, names]
            elif self._was_looked_through(path):
                if loaded is None:
                    digest = _file_digest(joiner.sources.root / path)
                else:
                    digest = loaded.version.digest
                inert[path] = [digest, ["*"]]
        return inert

    def _was_looked_through(self, path: str) -> bool:
        """Tell whether pytest would have told of any test of a file, had it found one."""
        told = self._joiner.told
        if told.ended is None or self._narrows:
            return False
        if path in told.files and path not in self._asked.names:
            return True
        is_whole = told.session is not None and told.session.is_whole
        return not told.errors and (is_whole or self._asked.goes_through(path))

    def _without_tests(
        self, path: str, loaded: LoadedSource | None, reported: AbstractSet[str]
    ) -> list[str]:
        """Names of a file that look like tests, were asked for, and gave none."""
        if loaded is None or loaded.outline is None:
            return []
        found = candidates(loaded.outline, self._naming)
        shown = [each.name for each in found if self._asked.covers(path, each.name)]
        return [name for name in shown if f"{path}::{name}" not in reported]


def _file_digest(path: Path) -> str:
    try:
        return content_digest(read_bytes(path))
    except OSError:
        return ""
