"""The source files that tests loaded, as the run saw them."""

import os
from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from testmon_cli.analysis import codec, lookups
from testmon_cli.analysis.checksums import content_digest
from testmon_cli.application.checkout import model_cache
from testmon_cli.application.checkout.files import read_bytes
from testmon_cli.application.checkout.sources import Stat, version_of
from testmon_cli.domain.records import SourceVersion
from testmon_cli.domain.source import BlockTable, Outline
from testmon_cli.storage.connection import decoding
from testmon_cli.tracing import wire
from testmon_cli.tracing.engines.cache_seal import read_key
from testmon_cli.tracing.engines.probe_cache import Cache

Decoded = TypeVar("Decoded")
_KNOWN_LIMIT = 10_000  # sets of hits remembered per file
_LOOKING_UP = {codec.name_hash(way) for way in lookups.WAYS}


class LoadedSource:
    """A source file as the run saw it."""

    def __init__(self, version: SourceVersion) -> None:
        self.version = version
        self._known: dict[bytes | tuple[int, ...], AbstractSet[int]] = {}

    def checksums(self, seen: bytes | tuple[int, ...]) -> AbstractSet[int]:
        """Checksums of the blocks that were hit, given by a byte for each or as traced lines."""
        if self.table is None:
            return frozenset()
        found = self._known.get(seen)  # many tests hit the same
        if found is None:
            table = self.table
            found = (
                table.reached_by(seen)
                if isinstance(seen, bytes)
                else table.masked(table.reached(table.on(seen)))
            )
            if len(self._known) >= _KNOWN_LIMIT:
                self._known.clear()
            self._known[seen] = found
        return found

    @property
    def module_checksum(self) -> int | None:
        return self.table.checksums[-1] if self.table is not None else None

    @cached_property
    def looks_up(self) -> bool:
        """Whether names are recorded that code of it looks up."""
        return codec.mentions_any(self.version.names, _LOOKING_UP)

    @cached_property
    def table(self) -> BlockTable | None:
        return self._decoded(codec.decode_table)

    @cached_property
    def outline(self) -> tuple[Outline, ...] | None:
        return self._decoded(codec.decode_outline)

    def _decoded(self, decode: Callable[[bytes], Decoded]) -> Decoded | None:
        with decoding("the datafile"):  # where the model may come from
            return decode(self.version.model) if self.version.model else None


class LoadedSources:
    """Reads each source file once, when a process tells that it was loaded."""

    def __init__(
        self,
        root: Path,
        known: Callable[[str, str], SourceVersion | None] = lambda *_: None,
        there: Collection[str] = (),
        key: str = "",
    ) -> None:
        """`known` gives a version that was stored before, by path and digest.

        `there` are the sources from before the run, `key` is that of what is kept of sources.
        """
        self.root = root
        self.by_path: dict[str, LoadedSource] = {}  # relative to the root
        self.fresh: list[SourceVersion] = []  # not yet written
        self._known = known
        self._there = there
        self._cache = Cache(str(root), read_key(key))
        self._paths: dict[str, str] = {}
        self._passing: set[str] = set()  # sources that a test made, loaded and removed
        self._unsafe: dict[str, str] = {}  # paths whose content was not the one that ran

    def relative(self, path: str) -> str:
        """A path as the datafile has it."""
        found = self._paths.get(path)
        if found is None:
            found = self._paths[path] = os.path.relpath(path, self.root).replace(os.sep, "/")
        return found

    def read(self, record: wire.File) -> str:
        """Read a file that was loaded, unless that was done; its path."""
        path = self.relative(record.path)
        if path in self.by_path:
            return path
        try:
            data = read_bytes(record.path)
        except OSError:
            if path not in self._there:
                self._passing.add(path)
                return path
            data = b""
        digest = content_digest(data)
        if record.digest and record.digest != digest:
            self._unsafe[path] = f"{path} changed while tests ran"
        stat = Stat(record.size, record.mtime_ns)
        known = self._known(path, digest)
        if known is not None:
            version = known._replace(size=stat.size, mtime_ns=stat.mtime_ns)
        else:
            version = model_cache.version_of(
                self._cache,
                record.path,
                path,
                digest,
                stat,
                lambda: version_of(path, data, stat)[0],
            )
        self.by_path[path] = LoadedSource(version)
        self.fresh.append(version)
        return path

    def is_passing(self, path: str) -> bool:
        """Whether a test made a file, loaded and removed it."""
        return path in self._passing

    def problem_of(self, path: str) -> str:
        """Why it cannot be known what ran of a file; empty where it can."""
        loaded = self.by_path.get(path)
        if loaded is not None and loaded.table is not None and path not in self._unsafe:
            return ""
        return self._unsafe.get(path, f"{path} could not be read")

    def take(self) -> list[SourceVersion]:
        """The versions that came since the last call."""
        fresh, self.fresh = self.fresh, []
        return fresh
