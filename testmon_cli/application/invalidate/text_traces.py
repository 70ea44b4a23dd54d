"""Which traces of a run read a data file that holds a word.

Texts to be filled in name attributes of objects.
"""

import string
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from testmon_cli.application.invalidate.block_traces import BlockTraces
from testmon_cli.storage.datafile import Datafile

_OF_IDENTIFIERS = frozenset(f"{string.ascii_letters}{string.digits}_".encode())
_SUFFIXES_OF_CODE = (".py", ".pyi", ".pyc")


class TextsRead:
    """The data files that one run read, as they are now.

    Who read one that is another now is known in other ways.
    """

    def __init__(
        self, datafile: Datafile, run_id: int, read: Callable[[str], bytes], traces: BlockTraces
    ) -> None:
        """`read` gives the content of a file by its path below the root.

        It gives nothing for one that cannot be read.
        """
        self._datafile = datafile
        self._run_id = run_id
        self._read = read
        self._traces = traces
        self._contents: dict[str, bytes] = {}

    def holding(self, word: str) -> Iterator[tuple[str, int]]:
        """Files that hold an identifier, with the traces that read them."""
        for path, readers in self._readers.items():
            if path not in self._contents:
                self._contents[path] = self._read(path)
            if _is_in(self._contents[path], word.encode()):
                yield path, readers

    @cached_property
    def _readers(self) -> Mapping[str, int]:
        """By file, the traces that read it."""
        states = self._datafile.resource_states()
        files = {
            number: s.name
            for number, s in states.items()
            if s.kind == "file" and not _is_code(s.name)
        }
        found: dict[str, list[int]] = {}
        for trace_id, state_id in self._datafile.resources([self._run_id]) if files else ():
            if state_id in files:
                found.setdefault(files[state_id], []).append(trace_id)
        return {path: self._traces.bits.known(traces) for path, traces in found.items()}


def _is_in(content: bytes, word: bytes) -> bool:
    """Whether a text holds a word that is not a part of another.

    To compile a pattern for each takes longer.
    """
    start = content.find(word)
    while start >= 0:
        end = start + len(word)
        around = content[max(start - 1, 0) : start] + content[end : end + 1]
        if _OF_IDENTIFIERS.isdisjoint(around):
            return True
        start = content.find(word, start + 1)
    return False


def _is_code(path: str) -> bool:
    return path.endswith(_SUFFIXES_OF_CODE)
