"""Which traces of a run executed a block, as sets of bits.

What a file's fingerprints hold is read once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from testmon_cli.application.invalidate.trace_uses import reachable
from testmon_cli.domain.bits import Bits
from testmon_cli.domain.records import StoredFingerprint
from testmon_cli.storage.datafile import Datafile

_MANY = 3  # blocks of a file after which its others are likely to be asked for


class BlockTraces:
    """Traces of one run by the blocks that they executed."""

    def __init__(
        self, datafile: Datafile, traces: Mapping[int, object], users: Mapping[int, Sequence[int]]
    ) -> None:
        """`traces` holds those of the run, `users` who uses the results of one.

        A test uses that of a fixture.
        """
        self._datafile = datafile
        self._traces = traces
        self._users = users
        self._fingerprints: dict[str, list[StoredFingerprint]] = {}
        # By path and checksum, the ids of fingerprints.
        self._holding: dict[str, Mapping[int, list[int]]] = {}
        self._having: dict[int, int] = {}  # by fingerprint, the traces that have it
        self._touching: dict[str, int] = {}
        self._ran: dict[tuple[str, int], int] = {}
        self._asked: dict[str, int] = {}  # by path, of how many blocks somebody asked who ran them
        self._spread: dict[int, int] = {}  # of sets of traces that others use
        self._used: int | None = None

    @cached_property
    def bits(self) -> Bits[int]:
        """The bits of the run's traces."""
        return Bits(self._traces)

    def fingerprints(self, paths: Iterable[str]) -> Iterable[StoredFingerprint]:
        """All fingerprints of some files."""
        wanted = dict.fromkeys(paths)
        missing = [path for path in wanted if path not in self._fingerprints]
        self._fingerprints.update({path: [] for path in missing})
        for fingerprint in self._datafile.fingerprints(missing) if missing else ():
            self._fingerprints[fingerprint.path].append(fingerprint)
        for path in wanted:
            yield from self._fingerprints[path]

    def ran(self, path: str, checksum: int) -> int:
        """Traces that executed a block."""
        key = (path, checksum)
        if key not in self._ran:
            held = self._held(path)
            asked = self._asked[path] = self._asked.get(path, 0) + 1
            if asked == _MANY:  # one question for the rest of the file is cheaper than many
                self.having(fingerprint.id for fingerprint in self._fingerprints[path])
            self._ran[key] = self.having(held.get(checksum, ()))
        return self._ran[key]

    def having(self, fingerprint_ids: Iterable[int]) -> int:
        """Traces that have any of some fingerprints."""
        fingerprint_ids = tuple(fingerprint_ids)
        missing = [number for number in fingerprint_ids if number not in self._having]
        if missing:
            self._having.update(dict.fromkeys(missing, 0))
            for number, traces in self._datafile.trace_lists_with(missing).items():
                self._having[number] = self.bits.known(traces)
        united = 0
        for number in fingerprint_ids:
            united |= self._having[number]
        return united

    def touching(self, paths: Iterable[str]) -> int:
        """Traces that executed anything in some files."""
        missing = [path for path in paths if path not in self._touching]
        if missing:
            ids = self._datafile.fingerprint_ids(missing)
            self.having([number for numbers in ids.values() for number in numbers])
            self._touching.update((path, self.having(ids.get(path, ()))) for path in missing)
        united = 0
        for path in paths:
            united |= self._touching[path]
        return united

    def _held(self, path: str) -> Mapping[int, list[int]]:
        if path not in self._holding:
            found: dict[int, list[int]] = defaultdict(list)
            for fingerprint in self.fingerprints([path]):
                for checksum in fingerprint.checksums:
                    found[checksum].append(fingerprint.id)
            self._holding[path] = found
        return self._holding[path]

    def with_users(self, traces: int) -> int:
        """A set of traces with all that use one of them."""
        if self._used is None:
            self._used = self.bits.of(trace for trace in self._users if trace in self._traces)
        used = traces & self._used
        if used not in self._spread:
            self._spread[used] = self.bits.of(reachable(self.bits.things(used), self._users))
        return traces | self._spread[used]
