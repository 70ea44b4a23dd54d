"""From the records of collecting processes to rows of the datafile."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from testmon_cli.analysis import lookups
from testmon_cli.application.checkout.patterns import GLOB, check_pattern, glob_state, matches_test
from testmon_cli.application.collect.executed_blocks import ExecutedBlocks
from testmon_cli.application.collect.loaded_sources import LoadedSources
from testmon_cli.application.collect.told_session import ToldSession
from testmon_cli.domain.records import Execution, ResourceState, Trace
from testmon_cli.tracing import wire
from testmon_cli.tracing.watch.states import (
    CODE,
    KEPT,
    MAKING,
    METADATA,
    PASSING,
    as_field,
    as_text,
    from_field,
)

Progress = Callable[[int, int], None]

_PATHS = ("file", "directory", METADATA)  # kinds of resources whose names are paths


class SpoolReader:
    """Reads the records that processes append to their files of a spool folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offsets: dict[str, int] = {}

    def poll(self, progress: Progress | None = None) -> Iterator[tuple[str, wire.Record]]:
        """Records that came since the last call, each with the file it came from.

        Unfinished frames wait.

        `progress` is told how many bytes were handed on, of those that there are.
        """
        found = [entry for entry in os.scandir(self._folder) if entry.name.endswith(".spool")]
        before = sum(self._offsets.values())
        total = sum(entry.stat().st_size for entry in found) - before if progress is not None else 0
        for entry in sorted(found, key=lambda entry: entry.stat().st_mtime_ns):
            name = entry.name
            start = self._offsets.get(name, 0)
            with open(entry.path, "rb") as handle:
                handle.seek(start)
                data = handle.read()
            records, end = wire.decode(data)
            self._offsets[name] = start + end
            handed_on = sum(self._offsets.values()) - before - end
            for count, record in enumerate(records, 1):
                yield name, record
                if progress is not None:
                    progress(handed_on + end * count // len(records), total)


class Batch:
    """Traces and executions to write in one transaction."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self.executions: list[Execution] = []

    def __bool__(self) -> bool:
        return bool(self.traces or self.executions)


class Joiner:
    """Joins the records of all processes of a run, and keeps what they say of the session."""

    def __init__(
        self,
        sources: LoadedSources,
        depends: Mapping[str, tuple[str, ...]],
        always: tuple[str, ...],
        variable: Callable[[str], str] | None = None,
        *,
        keeps_failures: bool = True,
    ) -> None:
        """`variable` gives the state of an environment variable when the run began.

        Without it, nobody asks.
        """
        self.sources = sources
        self.told = ToldSession(sources, keeps_failures=keeps_failures)
        self.executed: set[str] = set()
        # files that tests read -> the states they were found in
        self.read: dict[str, set[str]] = {}
        self.listed: set[str] = set()
        self.passing: set[str] = set()  # what the run made in ways that were not seen, and removed
        self.batch = Batch()
        self._blocks = ExecutedBlocks(sources)
        self._depends = depends
        self._always = always
        self._variable = variable
        self._keeps_failures = keeps_failures
        self._traces: dict[str, Trace] = {}

    def add(self, source: str, record: wire.Record) -> None:
        """Take in one record."""
        if isinstance(record, wire.Asked):
            self._blocks.add_names(source, record)
        elif isinstance(record, wire.File):
            self._blocks.add_file(source, record)
        elif isinstance(record, wire.Hits):
            # Of lines coverage.py tells, also in a child process of one with probes.
            is_of_coverage = self.told.session is not None and not self.told.keeps_names
            self._blocks.add_hits(
                source, record, is_told=is_of_coverage or isinstance(record.seen, bytes)
            )
        elif isinstance(record, wire.Trace):
            self._trace(source, record)
        elif isinstance(record, wire.Outcome):
            self._outcome(record)
        else:
            self.told.add(record)

    def take(self) -> Batch:
        """Return what was joined since the last call."""
        batch, self.batch = self.batch, Batch()
        for trace in self._traces.values():
            batch.traces.append(trace)
        self._traces = {}
        return batch

    def _trace(self, source: str, record: wire.Trace) -> None:
        fingerprints, problems = self._blocks.what_ran(source, record.hits, record.asked)
        unknown = [*record.unknown, *problems]
        if record.module_level:
            fingerprints = fingerprints.copy()
            for absolute in record.module_level:
                self._blocks.add_module_level(absolute, fingerprints, unknown)
        words = [r.name for r in record.resources if r.kind == CODE]
        if words:
            named = lookups.named_in_code("\n".join(words).split("\n"))
            fingerprints = {**fingerprints, lookups.CODE_PLACE: named}
        trace = Trace(
            identity=self._identity(record.identity),
            fingerprints=fingerprints,
            resources=tuple(
                [
                    self._resource(r)
                    for r in record.resources
                    if not self._is_told(r) and not self._is_of_the_run(r)
                ]
            ),
            uses=tuple(map(self._identity, record.uses)),
            unknown="; ".join(dict.fromkeys(unknown)),
            complete=record.complete,
        )
        known = self._traces.get(trace.identity)
        self._traces[trace.identity] = trace if known is None else known.joined(trace)

    def _identity(self, identity: str) -> str:
        kind, _, rest = identity.partition(":")
        if kind == "statement":
            lines, _, path = rest.partition(":")
            return f"{kind}:{lines}:{self.sources.relative(path)}"
        return f"{kind}:{self.sources.relative(rest)}" if kind == "module" else identity

    def _is_told(self, resource: wire.Resource) -> bool:
        """Take in what says something else than that a resource was read."""
        if resource.kind == PASSING:
            self.passing.add(self.sources.relative(resource.name))
        return resource.kind in (CODE, PASSING)

    def _is_of_the_run(self, resource: wire.Resource) -> bool:
        """Tell whether a process read a variable as tests or plugins have set it.

        What they set does not count.
        """
        if resource.kind != "environment" or self._variable is None:
            return False
        return self._variable(resource.name) != resource.state

    def _resource(self, resource: wire.Resource) -> ResourceState:
        relative = self.sources.relative
        name = relative(resource.name) if resource.kind in _PATHS else resource.name
        if resource.kind == KEPT:
            path, _, what = name.partition("\t")
            if what.startswith(MAKING):
                qualname, where, functions = what.split("\t")
                what = f"{qualname}\t{as_field(relative(from_field(where)))}\t{functions}"
            name = f"{as_field(relative(from_field(path))) if path else ''}\t{what}"
        if resource.kind == "file":
            self.read.setdefault(name, set()).add(resource.state)
        elif resource.kind == "directory":
            self.listed.add(name)
        frames = as_text(
            (relative(path), qualname, line) for path, qualname, line in resource.frames
        )
        return ResourceState(resource.kind, name, resource.state, frames=frames)

    def _outcome(self, record: wire.Outcome) -> None:
        identity = f"test:{record.nodeid}"
        trace = self._traces.pop(identity, None) or Trace(
            identity, unknown="nothing was recorded of it"
        )
        patterns = [*record.depends, *self._configured(record.nodeid)]
        if patterns:
            states = tuple(
                ResourceState(GLOB, p, glob_state(self.sources.root, p))
                for p in dict.fromkeys(patterns)
            )
            wrong = "; ".join(
                f"testmon_depends({p!r}) is no pattern of files"
                for p in patterns
                if not _is_pattern(p)
            )
            trace = trace.joined(Trace(identity, resources=states, unknown=wrong))
        self.executed.add(record.nodeid)
        self.batch.executions.append(
            Execution(
                trace=trace,
                nodeid=record.nodeid,
                path=self.sources.relative(record.path),
                function=record.function,
                kind=record.kind,
                outcome=record.outcome,
                duration=record.duration,
                failure=record.failure if self._keeps_failures else "",
                always=record.always or self._always_by_settings(record.nodeid),
            )
        )

    def _configured(self, nodeid: str) -> list[str]:
        return [
            p
            for pattern, files in self._depends.items()
            if matches_test(nodeid, pattern)
            for p in files
        ]

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
