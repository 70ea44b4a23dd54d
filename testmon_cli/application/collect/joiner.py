"""From the records of collecting processes to rows of the datafile."""

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

from testmon_cli.analysis import codec, lookups
from testmon_cli.analysis.checksums import content_digest
from testmon_cli.application.checkout import model_cache
from testmon_cli.application.checkout.files import read_bytes
from testmon_cli.application.checkout.patterns import GLOB, check_pattern, glob_state, matches_test
from testmon_cli.application.checkout.sources import Stat, version_of
from testmon_cli.domain.nodeid import function_of
from testmon_cli.domain.records import Execution, ResourceState, SourceVersion, Trace
from testmon_cli.domain.source import BlockTable, Outline
from testmon_cli.storage.connection import decoding
from testmon_cli.tracing import wire
from testmon_cli.tracing.engines.cache_seal import read_key
from testmon_cli.tracing.engines.probe_cache import Cache
from testmon_cli.tracing.engines.probe_code import LOST, LOST_ON_IMPORT
from testmon_cli.tracing.watch.states import EXISTS, KEPT, MAKING, METADATA

_PATHS = ("file", "directory", METADATA)  # kinds of resources whose names are paths
Decoded = TypeVar("Decoded")
_KNOWN_LIMIT = 10_000  # sets of hits remembered per file


class SpoolReader:
    """Reads the records that processes append to their files of a spool folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offsets: dict[str, int] = {}

    def poll(self) -> Iterator[tuple[str, wire.Record]]:
        """Records that came since the last call, each with the file it came from. Unfinished frames wait."""
        found = [entry for entry in os.scandir(self._folder) if entry.name.endswith(".spool")]
        for entry in sorted(found, key=lambda entry: entry.stat().st_mtime_ns):
            name = entry.name
            start = self._offsets.get(name, 0)
            with open(entry.path, "rb") as handle:
                handle.seek(start)
                data = handle.read()
            records, end = wire.decode(data)
            self._offsets[name] = start + end
            for record in records:
                yield name, record


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
            found = table.reached_by(seen) if isinstance(seen, bytes) else table.masked(table.reached(table.on(seen)))
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


class _Hit(NamedTuple):
    """What traces ran of one file, or why that cannot be known."""

    path: str
    checksums: AbstractSet[int] = frozenset()
    problem: str = ""
    keeps_names: bool = True  # whether the names are told that it looked up


_LOOKING_UP = {codec.name_hash(way) for way in lookups.WAYS}
_NAMES_LOST = lookups.checksums_of((LOST, LOST_ON_IMPORT))
_LOST = _Hit("", problem="a part of its record was lost")


class Batch:
    """What to write in one transaction."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self.executions: list[Execution] = []

    def __bool__(self) -> bool:
        return bool(self.traces or self.executions)


class Joiner:
    """Joins the records of all processes of a run, and keeps what they say of the session."""

    def __init__(
        self,
        root: Path,
        depends: Mapping[str, tuple[str, ...]],
        always: tuple[str, ...],
        known: Callable[[str, str], SourceVersion | None] = lambda *_: None,
        there: Collection[str] = (),
        variable: Callable[[str], str] | None = None,
        *,
        keeps_failures: bool = True,
        key: str = "",
    ) -> None:
        self.root = root
        self._variable = variable  # the state of an environment variable when the run began, None when nobody asks
        self._there = there  # sources from before the run
        self._passing: set[str] = set()  # sources that a test made, loaded and removed
        self._cache = Cache(str(root), read_key(key))
        self._known = known  # a source version that was stored before, by path and digest
        self.sources: dict[str, LoadedSource] = {}  # by path relative to the root
        self.fresh: list[SourceVersion] = []  # not yet written
        self.session: wire.Session | None = None
        self.ended: wire.Ended | None = None
        self.collected: set[str] = set()
        self.deselected: set[str] = set()
        self.keywords: dict[str, tuple[str, ...]] = {}  # node id -> what -k matches besides its names
        self.functions: dict[str, str] = {}  # node id, of all that were collected or deselected -> without parameters
        self.executed: set[str] = set()
        self.fixtures: set[str] = set()  # names of those that tests ask for
        self.set_ups: dict[str, tuple[str, int, str]] = {}  # by identity: place, microseconds, the test with that time
        self.files: set[str] = set()  # those that pytest collected, by their paths
        self.errors: dict[str, str] = {}
        self.read: dict[str, set[str]] = {}  # files whose content tests read -> the states they were found in
        self.edges: dict[str, set[str]] = {}
        self.batch = Batch()
        self._files: dict[tuple[str, int], str] = {}  # (spool file, number) -> path
        self._hits: dict[tuple[str, int], _Hit] = {}  # (spool file, number)
        self._asked: dict[tuple[str, int], tuple[str, AbstractSet[int]]] = {}  # (spool file, number) -> place, names
        self._ran: dict[
            tuple[str, tuple[int, ...], tuple[int, ...]], tuple[dict[str, AbstractSet[int]], list[str]]
        ] = {}
        self._paths: dict[str, str] = {}
        self._unsafe: dict[str, str] = {}  # paths whose content was not the one that ran
        self._depends = depends
        self._keeps_failures = keeps_failures
        self._always = always
        self._waiting: list[tuple[str, wire.Outcome]] = []
        self._traces: dict[str, Trace] = {}

    def relative(self, path: str) -> str:
        """A path as the datafile has it."""
        found = self._paths.get(path)
        if found is None:
            found = self._paths[path] = os.path.relpath(path, self.root).replace(os.sep, "/")
        return found

    def add(self, source: str, record: wire.Record) -> None:
        """Take in one record."""
        if isinstance(record, wire.Asked):
            self._names(source, record)
        elif isinstance(record, wire.File):
            self._file(source, record)
        elif isinstance(record, wire.Hits):
            if (source, record.number) in self._hits:
                self._ran.clear()  # the number has another meaning from now on
            self._hits[source, record.number] = self._hit(source, record)
        elif isinstance(record, wire.Trace):
            self._trace(source, record)
        elif isinstance(record, wire.Outcome):
            self._outcome(record)
        elif isinstance(record, wire.ImportEdge):
            if record.importer:
                self.edges.setdefault(self.relative(record.importer), set()).add(self.relative(record.imported))
        elif isinstance(record, wire.CollectionError):
            self.errors[record.nodeid] = record.failure if self._keeps_failures else ""
        elif isinstance(record, wire.Collected):
            self.collected.update(record.nodeids)
            self.deselected.update(record.deselected)
            self.keywords.update((nodeid, found) for found, nodeids in record.keywords for nodeid in nodeids)
            self.files.update(record.files)
            self.fixtures.update(record.fixtures)
            self.functions.update((nodeid, function_of(nodeid)) for nodeid in {*record.nodeids, *record.deselected})
        else:
            self._session(record)

    def _session(self, record: "wire.SetUp | wire.Session | wire.Ended") -> None:
        if isinstance(record, wire.SetUp):
            self.set_ups[record.identity] = record.place, round(record.seconds * 1_000_000), record.nodeid
        elif isinstance(record, wire.Session):
            self.session = record
        else:
            self.ended = record

    def take(self) -> Batch:
        """What has come together since the last call."""
        batch, self.batch = self.batch, Batch()
        for trace in self._traces.values():
            batch.traces.append(trace)
        self._traces = {}
        return batch

    def take_sources(self) -> list[SourceVersion]:
        fresh, self.fresh = self.fresh, []
        return fresh

    def _file(self, source: str, record: wire.File) -> None:
        path = self.relative(record.path)
        self._files[source, record.number] = path
        if path in self.sources:
            return
        try:
            data = read_bytes(record.path)
        except OSError:
            if path not in self._there:
                self._passing.add(path)
                return
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
                self._cache, record.path, path, digest, stat, lambda: version_of(path, data, stat)[0]
            )
        self.sources[path] = LoadedSource(version)
        self.fresh.append(version)

    def _hit(self, source: str, record: wire.Hits) -> "_Hit":
        path = self._files.get((source, record.file), "")
        loaded = self.sources.get(path)
        if path in self._passing:
            return _Hit(path)
        if loaded is None or loaded.table is None or path in self._unsafe:
            return _Hit(path, problem=self._unsafe.get(path, f"{path} could not be read"))
        # Of lines coverage.py tells, also in a child process of one with probes.
        is_told = isinstance(record.seen, bytes) or (self.session is not None and not self.keeps_names)
        keeps_names = is_told or not loaded.looks_up
        return _Hit(path, loaded.checksums(record.seen), keeps_names=keeps_names)

    def _names(self, source: str, record: wire.Asked) -> None:
        if (source, record.number) in self._asked:
            self._ran.clear()
        path = self._files.get((source, record.file), "")
        loaded = self.sources.get(path)  # none of what a test made, loaded and removed
        names = lookups.checksums_of(record.names) if loaded is not None and loaded.looks_up else frozenset()
        self._asked[source, record.number] = lookups.place_of(path), names

    @property
    def keeps_names(self) -> bool:
        """Whether the names are recorded that code looks up: only probes show them."""
        return self.session is not None and self.session.engine == "probes"

    def _trace(self, source: str, record: wire.Trace) -> None:
        fingerprints, problems = self._what_ran(source, record.hits, record.asked)
        unknown = [*record.unknown, *problems]
        if record.module_level:
            fingerprints = fingerprints.copy()
            for absolute in record.module_level:
                self._module_level(absolute, fingerprints, unknown)
        trace = Trace(
            identity=self._identity(record.identity),
            fingerprints=fingerprints,
            resources=tuple([self._resource(r) for r in record.resources if not self._is_of_the_run(r)]),
            uses=tuple(map(self._identity, record.uses)),
            unknown="; ".join(dict.fromkeys(unknown)),
            complete=record.complete,
        )
        known = self._traces.get(trace.identity)
        self._traces[trace.identity] = trace if known is None else merged(known, trace)

    def _what_ran(
        self, source: str, hits: tuple[int, ...], asked: tuple[int, ...]
    ) -> tuple[dict[str, AbstractSet[int]], list[str]]:
        """Checksums by path, and what is not known of them. Many tests have the same, and nobody changes it."""
        known = self._ran.get((source, hits, asked))
        if known is not None:
            return known
        fingerprints: dict[str, AbstractSet[int]] = {}
        problems = []
        for number in hits:
            path, checksums, problem, keeps_names = self._hits.get((source, number), _LOST)
            if problem:
                problems.append(problem)
            elif checksums:  # mostly the only ones of the file: then the set stays one object, known to the datafile
                fingerprints[path] = fingerprints[path] | checksums if path in fingerprints else checksums
                if not keeps_names:
                    fingerprints[lookups.place_of(path)] = _NAMES_LOST
        for number in asked:
            place, names = self._asked.get((source, number), ("", frozenset()))
            if not place:
                problems.append(_LOST.problem)
            elif names:
                fingerprints[place] = fingerprints[place] | names if place in fingerprints else names
        if len(self._ran) >= _KNOWN_LIMIT:
            self._ran.clear()
        self._ran[source, hits, asked] = fingerprints, problems
        return fingerprints, problems

    def _module_level(self, absolute: str, fingerprints: dict[str, AbstractSet[int]], unknown: list[str]) -> None:
        path = self.relative(absolute)
        loaded = self.sources.get(path)
        checksum = loaded.module_checksum if loaded is not None else None
        if checksum is None:
            unknown.append(f"{path} ran as a script and could not be read")
        else:
            fingerprints[path] = fingerprints.get(path, frozenset()) | {checksum}

    def _identity(self, identity: str) -> str:
        kind, _, rest = identity.partition(":")
        if kind == "statement":
            lines, _, path = rest.partition(":")
            return f"{kind}:{lines}:{self.relative(path)}"
        return f"{kind}:{self.relative(rest)}" if kind == "module" else identity

    def _is_of_the_run(self, resource: wire.Resource) -> bool:
        """Whether a process read a variable as tests or plugins have set it: what they set does not count."""
        if resource.kind != "environment" or self._variable is None:
            return False
        return self._variable(resource.name) != resource.state

    def _resource(self, resource: wire.Resource) -> ResourceState:
        name = self.relative(resource.name) if resource.kind in _PATHS else resource.name
        if resource.kind == KEPT:
            path, what, *ran = name.split("\t", 3) if MAKING in name else name.split("\t", 1)
            name = "\t".join([self.relative(path) if path else "", what, *map(self.relative, ran[:1]), *ran[1:]])
        if resource.kind == "file" and resource.state != EXISTS:
            self.read.setdefault(name, set()).add(resource.state)
        frames = "\n".join(f"{self.relative(path)}\t{qualname}\t{line}" for path, qualname, line in resource.frames)
        return ResourceState(resource.kind, name, resource.state, frames=frames)

    def _outcome(self, record: wire.Outcome) -> None:
        identity = f"test:{record.nodeid}"
        trace = self._traces.pop(identity, None) or Trace(identity, unknown="nothing was recorded of it")
        patterns = [*record.depends, *self._configured(record.nodeid)]
        if patterns:
            states = tuple(ResourceState(GLOB, p, glob_state(self.root, p)) for p in dict.fromkeys(patterns))
            wrong = "; ".join(f"testmon_depends({p!r}) is no pattern of files" for p in patterns if not _is_pattern(p))
            trace = merged(trace, Trace(identity, resources=states, unknown=wrong))
        self.executed.add(record.nodeid)
        self.batch.executions.append(
            Execution(
                trace=trace,
                nodeid=record.nodeid,
                path=self.relative(record.path),
                function=record.function,
                kind=record.kind,
                outcome=record.outcome,
                duration=record.duration,
                failure=record.failure if self._keeps_failures else "",
                always=record.always or self._always_by_settings(record.nodeid),
            )
        )

    def _configured(self, nodeid: str) -> list[str]:
        return [p for pattern, files in self._depends.items() if matches_test(nodeid, pattern) for p in files]

    def _always_by_settings(self, nodeid: str) -> str:
        for pattern in self._always:
            if matches_test(nodeid, pattern):
                return f"always = {json.dumps(pattern)} in the settings"
        return ""


def _is_pattern(text: str) -> bool:
    try:
        check_pattern(text)
    except ValueError:
        return False
    return True


def merged(first: Trace, second: Trace) -> Trace:
    """Two records of one identity as one."""
    fingerprints = dict(first.fingerprints)
    for path, checksums in second.fingerprints.items():
        fingerprints[path] = fingerprints.get(path, frozenset()) | checksums
    return Trace(
        identity=first.identity,
        fingerprints=fingerprints,
        resources=_united((*first.resources, *second.resources)),
        uses=tuple(dict.fromkeys((*first.uses, *second.uses))),
        unknown="; ".join(dict.fromkeys(filter(None, (first.unknown, second.unknown)))),
        complete=second.complete,
    )


def _united(resources: Iterable[ResourceState]) -> tuple[ResourceState, ...]:
    """Each resource once; who asked for it is known where all say the same."""
    found: dict[ResourceState, ResourceState] = {}
    for resource in resources:
        key = resource._replace(frames="")
        before = found.setdefault(key, resource)
        if before.frames != resource.frames:
            found[key] = key
    return tuple(found.values())
