"""What each statement of a module ran while the module was imported, as far as a run noted that."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property

from testmon_cli.analysis.project import Ran
from testmon_cli.application.invalidate.recorded_traces import RecordedTraces
from testmon_cli.application.invalidate.run_models import RunModels
from testmon_cli.domain.records import STATEMENTS, Run, StoredFingerprint
from testmon_cli.domain.source import Block, Definition
from testmon_cli.storage.datafile import Datafile


class StatementRuns:
    """What statements of modules ran on import, and the definitions that these statements are."""

    def __init__(
        self, datafile: Datafile, run: Run, models: RunModels, recorded: RecordedTraces
    ) -> None:
        self._datafile = datafile
        self._models = models
        self._recorded = recorded
        # Whether the run noted which statement ran what, of all that it saw; not every engine can.
        self._is_noted = bool(run.facts.get(STATEMENTS)) and run.facts.get("engine") == "probes"
        self._definitions: dict[int, Sequence[Definition] | None] = {}  # by trace
        self._lines: dict[str, dict[tuple[object, ...], list[int]]] = {}  # by file and definition
        self._functions: dict[tuple[str, int], list[Ran]] = {}  # by file and line
        self._mentions: dict[tuple[str, int], Sequence[tuple[str, frozenset[str]]]] = {}  # the same

    def ran(self, path: str, definition: Definition) -> Sequence[Ran] | None:
        """See `Project.ran`."""
        if not self._is_noted or path in self._unsure_modules or path not in self._models.loaded:
            return None
        lines = self._lines_of(path, definition)
        return (
            None
            if lines is None
            else [function for line in lines for function in self.ran_at(path, line)]
        )

    def ran_at(self, path: str, line: int) -> Sequence[Ran]:
        """The functions of the project that the statements on a line of a file ran on import."""
        key = (path, line)
        if key not in self._functions:
            checksums = self._checksums(path, line)
            self._functions[key] = [
                ran for at, found in checksums.items() for ran in self._functions_of(at, found)
            ]
        return self._functions[key]

    def mentioned(
        self, path: str, definition: Definition
    ) -> Sequence[tuple[str, frozenset[str]]] | None:
        """What the blocks mention that a definition ran on import, with their files.

        None where that is not known.
        """
        lines = self._lines_of(path, definition)
        if lines is None or not any((path, line) in self._recorded.at for line in lines):
            return None
        return [found for line in lines for found in self._mentioned_at(path, line)]

    def _mentioned_at(self, path: str, line: int) -> Sequence[tuple[str, frozenset[str]]]:
        key = (path, line)
        if key not in self._mentions:
            self._mentions[key] = [
                (at, block.mentions)
                for at, checksums in self._checksums(path, line).items()
                for block in self._blocks(at)
                if block.checksum in checksums
            ]
        return self._mentions[key]

    def _checksums(self, path: str, line: int) -> Mapping[str, AbstractSet[int]]:
        """The blocks that the statements on a line of a file ran on import, by their files."""
        checksums: dict[str, set[int]] = defaultdict(set)
        for trace_id in self._recorded.at.get((path, line), ()):
            for fingerprint in self._fingerprints.get(trace_id, ()):
                checksums[fingerprint.path] |= fingerprint.checksums
        return checksums

    def _blocks(self, path: str) -> Sequence[Block]:
        """The blocks of a file as it was in the run."""
        old = self._models.before(path)
        return old.blocks if old is not None else ()

    def definitions(self, trace_id: int) -> Sequence[Definition] | None:
        """The definitions, as they are now, that the trace of a statement is of.

        None where that is not known.
        """
        if trace_id not in self._definitions:
            self._definitions[trace_id] = self._definitions_of(trace_id)
        return self._definitions[trace_id]

    def _definitions_of(self, trace_id: int) -> Sequence[Definition] | None:
        lines = self._recorded.lines.get(trace_id)
        if lines is None:
            return None
        path = self._recorded.modules[trace_id]
        old, new = self._models.before(path), self._models.now(path)
        found = [d for d in old.definitions if d.line in lines] if old is not None else []
        if new is None or path not in self._models.changed:
            return found
        same = set(map(_key_of, found))
        return [d for d in new.definitions if _key_of(d) in same] or None

    def _lines_of(self, path: str, definition: Definition) -> Sequence[int] | None:
        """Where a definition of a file stood in the run, None for one that was not there."""
        if path not in self._models.changed:
            return [definition.line]
        return self._lines_before(path).get(_key_of(definition))

    def _lines_before(self, path: str) -> Mapping[tuple[object, ...], list[int]]:
        """Where the definitions of a source stood in the run."""
        if path not in self._lines:
            found: dict[tuple[object, ...], list[int]] = defaultdict(list)
            old = self._models.before(path)
            for definition in old.definitions if old is not None else ():
                found[_key_of(definition)].append(definition.line)
            self._lines[path] = dict(found)
        return self._lines[path]

    @cached_property
    def _unsure_modules(self) -> frozenset[str]:
        """Files of which not everything that ran on import is known by the statement."""
        whole = dict(self._recorded.whole_modules())
        ran = self._datafile.fingerprints_by_trace(whole)
        return frozenset(
            path
            for trace_id, path in whole.items()
            if trace_id in self._recorded.unobserved
            or any(
                fingerprint.path in self._models.snapshot for fingerprint in ran.get(trace_id, ())
            )
        )

    @cached_property
    def _fingerprints(self) -> Mapping[int, list[StoredFingerprint]]:
        """What the statements of modules ran on import, by their traces.

        Read at once, since many are asked for.
        """
        return self._datafile.fingerprints_by_trace(self._recorded.lines)

    def _functions_of(self, path: str, checksums: AbstractSet[int]) -> Iterator[Ran]:
        """The functions that have some blocks."""
        old, new = self._models.before(path), self._models.now(path)
        names = dict.fromkeys(
            block.qualname for block in self._blocks(path) if block.checksum in checksums
        )
        for qualname in names:
            models = [old] if old is new else [old, new]
            summaries = [
                f for m in models if m is not None for f in m.functions if f.qualname == qualname
            ]
            yield Ran(
                path,
                qualname,
                tuple(dict.fromkeys(effect for f in summaries for effect in f.effects)),
            )


def _key_of(definition: Definition) -> tuple[object, ...]:
    """What tells a definition from others of its file, wherever it stands."""
    return definition.owner, definition.names, definition.checksum
