"""Which files may mention a name, from the hashes of names that are stored with each model."""

import sys
from collections.abc import Callable, Iterable

from testmon_cli.analysis import codec

_MANY = 30  # names, from which on all hashes are looked at at once


class MentionIndex:
    """Finds files by the names that they mention.

    One by one at first, later in a table of all names.
    """

    def __init__(self, paths: Iterable[str], hashes_of: Callable[[str], bytes]) -> None:
        """`hashes_of` gives what `codec.name_index` made of a file."""
        self._paths = sorted(paths)
        self._hashes_of = hashes_of
        self._found: dict[str, list[str]] = {}
        self._table: dict[int, list[str]] = {}

    def files(self, names: frozenset[str]) -> list[str]:
        """Files that may mention any of some names, in order."""
        if len(names) == 1:
            return self._files(next(iter(names)))
        found = {path for name in names for path in self._files(name)}
        return sorted(found)

    def _files(self, name: str) -> list[str]:
        if name not in self._found:
            wanted = codec.name_hash(name)
            if len(self._found) < _MANY:
                found = [
                    path
                    for path in self._paths
                    if codec.mentions_any(self._hashes_of(path), {wanted})
                ]
            else:
                found = self._all().get(int.from_bytes(wanted, sys.byteorder), [])
            self._found[name] = found
        return self._found[name]

    def _all(self) -> dict[int, list[str]]:
        table = self._table
        if table:
            return table
        for path in self._paths:
            for number in memoryview(self._hashes_of(path)).cast("I"):
                if number in table:
                    table[number].append(path)
                else:
                    table[number] = [path]
        return table
