"""Which traces of a run read a data file that holds a word: texts to be filled in name attributes of objects."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from testmon_cli.application.invalidate.block_traces import BlockTraces
from testmon_cli.storage.datafile import Datafile

_IDENTIFIER = re.compile(rb"[\w\x80-\xff]+")  # of letters beyond ASCII no byte is below 128
_SUFFIXES_OF_CODE = (".py", ".pyi", ".pyc")


class TextsRead:
    """The data files that one run read, as they are now; who read one that is another now is known in other ways."""

    def __init__(self, datafile: Datafile, run_id: int, read: Callable[[str], bytes], traces: BlockTraces) -> None:
        """`read` gives the content of a file by its path below the root, nothing for one that cannot be read."""
        self._datafile = datafile
        self._run_id = run_id
        self._read = read
        self._traces = traces

    def holding(self, word: str) -> Iterator[tuple[str, int]]:
        """Files that hold an identifier, with the traces that read them."""
        for path in self._holding.get(word.encode(), ()):
            yield path, self._readers[path]

    @cached_property
    def _holding(self) -> Mapping[bytes, list[str]]:
        """By identifier, the files that hold it."""
        found: dict[bytes, list[str]] = {}
        for path in self._readers:
            for word in set(_IDENTIFIER.findall(self._read(path))):
                found.setdefault(word, []).append(path)
        return found

    @cached_property
    def _readers(self) -> Mapping[str, int]:
        """By file, the traces that read it."""
        states = self._datafile.resource_states()
        files = {number: s.name for number, s in states.items() if s.kind == "file" and not _is_code(s.name)}
        found: dict[str, list[int]] = {}
        for trace_id, state_id in self._datafile.resources([self._run_id]) if files else ():
            if state_id in files:
                found.setdefault(files[state_id], []).append(trace_id)
        return {path: self._traces.bits.known(traces) for path, traces in found.items()}


def _is_code(path: str) -> bool:
    return path.endswith(_SUFFIXES_OF_CODE)
