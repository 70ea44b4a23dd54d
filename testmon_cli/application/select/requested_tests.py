"""Which part of a test file a command line asks for, and what of the file it leaves out."""

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from testmon_cli.analysis.pytest_naming import Candidate
from testmon_cli.application.checkout.files import read_bytes
from testmon_cli.domain.nodeid import NodeId

# Ends the name of a test that ran in part: some of its parameters, some of what a class inherits.
IN_PART = "["


class Asked(NamedTuple):
    """Names that node ids among the arguments ask for, by file.

    Files that are not here run whole, if at all.
    """

    names: Mapping[str, frozenset[str]]
    folders: frozenset[str]  # that pytest goes through for test files

    def goes_through(self, path: str) -> bool:
        """Tell whether a file is in a folder that was asked for as a whole."""
        return any(_holds(folder, path) for folder in self.folders)

    def covers(self, path: str, name: str) -> bool:
        """Tell whether all of a test or class was asked for."""
        return path not in self.names or any(
            name == n or name.startswith(f"{n}::") for n in self.names[path]
        )

    def whole_names(self, path: str) -> list[str]:
        """The classes and functions of a file that were asked for with all that they hold."""
        return sorted(name for name in self.names[path] if "[" not in name)

    def left_out(
        self, path: str, candidates: Iterable[Candidate], reported: Collection[str]
    ) -> list[str]:
        """Names of tests in a file that the arguments left out.

        `reported` are the functions that pytest reported.
        """
        return sorted(set(self._left_out(path, candidates, reported)))

    def _left_out(
        self, path: str, candidates: Iterable[Candidate], reported: Collection[str]
    ) -> Iterator[str]:
        for candidate in candidates:
            name = candidate.name
            if self.covers(path, name):
                continue
            if any(n.startswith((f"{name}[", f"{name}::")) for n in self.names[path]):
                yield name + IN_PART
            elif f"{path}::{name}" not in reported:
                yield name


def asked_for(arguments: Sequence[str], root: Path) -> Asked:
    """Parse pytest's arguments into the tests they ask for.

    Paths are relative to the working directory.
    """
    whole: set[str] = set()
    folders: set[str] = set()
    names: dict[str, set[str]] = defaultdict(set)
    for argument in _expanded(arguments):
        nodeid = NodeId.parse(argument)
        if argument.startswith("-") or not os.path.exists(nodeid.path):
            continue
        path = os.path.relpath(os.path.realpath(nodeid.path), root).replace(os.sep, "/")
        if nodeid.names:
            names[path].add(nodeid.below)
        else:
            whole.add(path)
            if os.path.isdir(nodeid.path):
                folders.add(path)
    return Asked(
        {p: frozenset(found) for p, found in names.items() if not any(_holds(w, p) for w in whole)},
        frozenset(folders),
    )


def _holds(folder: str, path: str) -> bool:
    return folder in (".", path) or path.startswith(f"{folder}/")


def _expanded(arguments: Sequence[str]) -> Iterator[str]:
    """The arguments, with those of the files that `@file` names."""
    for argument in arguments:
        if not argument.startswith("@"):
            yield argument
            continue
        try:
            text = read_bytes(argument[1:])  # a pipe is for pytest alone
        except OSError:
            continue
        yield from text.decode(errors="surrogateescape").splitlines()
