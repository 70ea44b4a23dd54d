"""The answer of `testmon diff`."""

from typing import NamedTuple

from testmon_cli.domain.causes import Manner


class Change(NamedTuple):
    """Something that is not as it was."""

    how: Manner  # ADDED, REMOVED, CHANGED or DOCUMENTATION
    category: str  # "file", "block", "definition", "resource", "package" or "config"
    path: str  # "" for packages and environment variables
    name: str  # qualified name; "" for a whole file
    line: int  # where it stands now; 0 when it is gone
    tests: int  # tests that depend on it
    # the syntax error of a file that does not parse, or what sort of resource it is
    detail: str = ""


class Difference(NamedTuple):
    """All changes, ordered by path and line."""

    base: str  # what the tree was compared with, in words
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()
