"""Adds to an answer made of text alone what data of coverage.py with contexts tells.

It says which lines each test ran, once, at a state of the sources that it does not tell. So it is
evidence that a test comes to a function, and none that another does not: a function that every test
calls through a cache, or on import, counts for one of them, and what a test reads is not there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple

from testmon_cli.analysis.imports import ModuleIndex
from testmon_cli.domain.errors import EnvironmentFailure
from testmon_cli.domain.nodeid import path_of
from testmon_cli.domain.source import SourceModel


class Sight(NamedTuple):
    """Code that differs and that tests of a file ran."""

    path: str
    name: str  # of the function, "" for a whole file
    line: int
    tests: int


class CoverageSeed:
    """The lines that tests ran, by a file that coverage.py wrote."""

    def __init__(self, file: Path, root: Path) -> None:
        """Raises EnvironmentFailure where the file cannot be read or tells nothing of tests."""
        from coverage import CoverageData
        from coverage.exceptions import CoverageException

        self.file = file
        if not file.is_file():
            raise EnvironmentFailure(f"{file} is not there: record it with {_HOW}")
        self._data = CoverageData(str(file))
        try:
            self._data.read()
            contexts = self._data.measured_contexts()
            self._measured = _measured(self._data.measured_files(), root)
        except CoverageException as error:
            self.close()
            raise EnvironmentFailure(f"coverage.py cannot read {file}: {error}") from error
        if not any(contexts):
            self.close()
            raise EnvironmentFailure(f"{file} says of no test what it ran: record it with {_HOW}")

    def close(self) -> None:
        """Let go of the file."""
        self._data.close(force=True)

    def sights(
        self,
        differing: Mapping[str, Mapping[str, range]],
        tests: AbstractSet[str],
        index: ModuleIndex,
    ) -> dict[str, Sight]:
        """By test file: which code that differs its tests ran, at most of them.

        `differing` has, by path, the names and lines of that code as it was, "" for a whole file.
        """
        found: dict[str, Sight] = {}
        for sight, file in self._seen(differing, tests, index):
            if file not in found or found[file].tests < sight.tests:
                found[file] = sight
        return found

    def _seen(
        self,
        differing: Mapping[str, Mapping[str, range]],
        tests: AbstractSet[str],
        index: ModuleIndex,
    ) -> Iterator[tuple[Sight, str]]:
        for path, functions in differing.items():
            ran = self._data.contexts_by_lineno(self._measured.get(path, ""))
            for name, lines in functions.items():
                here = ran.values() if not name else (ran[line] for line in lines if line in ran)
                contexts = {context for contexts in here for context in contexts}
                for file, count in _tests_by_file(contexts, tests, index).items():
                    yield Sight(path, name, lines.start, count), file


def differing_functions(model: SourceModel, old: str, new: str) -> dict[str, range]:
    """The functions of a file, as it was, in which lines differ; "" where other lines do."""
    extents = _extents(model)
    found: dict[str, range] = {}
    for first, stop in _differing_lines(old, new):
        touched = {
            name: lines
            for name, lines in extents.items()
            if first < lines.stop and lines.start < stop
        }
        found.update(touched or {"": range(first, stop)})
    return found


def _extents(model: SourceModel) -> dict[str, range]:
    """The lines from the first to the last of each function."""
    found: dict[str, range] = {}
    for block in model.function_blocks:
        lines = [line for pair in block.lines for line in pair]
        known = found.get(block.qualname, range(block.line, block.line + 1))
        first, last = min(lines, default=block.line), max(lines, default=block.line)
        found[block.qualname] = range(min(known.start, first), max(known.stop, last + 1))
    return found


def _differing_lines(old: str, new: str) -> Iterator[tuple[int, int]]:
    """Ranges of lines of the old text that differ; lines that came are between two others."""
    matcher = SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False)
    for what, first, stop, _, _ in matcher.get_opcodes():
        if what == "insert":
            yield max(first, 1), first + 2
        elif what != "equal":
            yield first + 1, stop + 1


def _measured(files: Iterable[str], root: Path) -> dict[str, str]:
    """The names under which coverage.py has files, by their paths in the root.

    A machine that had the root elsewhere wrote longer paths that end in the same way.
    """
    found: dict[str, str] = {}
    for file in sorted(files):
        path = Path(file)
        parts = path.parts
        if path.is_relative_to(root):
            found[path.relative_to(root).as_posix()] = file
            continue
        for first in range(1 if path.is_absolute() else 0, len(parts)):
            relative = "/".join(parts[first:])
            if (root / relative).is_file():
                found.setdefault(relative, file)
                break
    return found


def _tests_by_file(
    contexts: Iterable[str], tests: AbstractSet[str], index: ModuleIndex
) -> Counter[str]:
    """How many tests of each file are among contexts; a test has one for each of its phases."""
    found = {(_file_of(context, tests, index), context.partition("|")[0]) for context in contexts}
    return Counter(file for file, _ in found if file)


def _file_of(context: str, tests: AbstractSet[str], index: ModuleIndex) -> str:
    """The test file that a context names: by a node id, or as a module with a function in it."""
    test = context.partition("|")[0]
    if "::" in test:
        path = path_of(test)
        return path if path in tests else ""
    name = test
    while "." in name:
        name = name.rpartition(".")[0]
        files = [path for path in index.files(name) if path in tests]
        if files:
            return files[0]
    return ""


_HOW = "`pytest --cov --cov-context=test`"
