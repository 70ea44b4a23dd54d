"""The traces of a run.

What each is of, which of them use others, and what was not observed of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from testmon_cli.application.invalidate.snapshot_diff import Hits
from testmon_cli.application.invalidate.trace_uses import users_of
from testmon_cli.domain.causes import Cause, unobserved
from testmon_cli.domain.nodeid import path_of
from testmon_cli.domain.records import StoredTest
from testmon_cli.storage.datafile import Datafile

# Kinds of traces that are no tests; causes are found in this order.
_OTHERS = ("fixture", "module", "statement", "collect", "session")


class RecordedTraces:
    """All traces of one run, read at once; its tests where something asks for them."""

    def __init__(self, datafile: Datafile, run_id: int) -> None:
        self._datafile = datafile
        self._run_id = run_id
        # Of tests the ids are enough. All of them: one that has run again since may have made what
        # others found kept.
        self.kinds: dict[int, str] = dict.fromkeys(datafile.trace_ids(run_id), "test")
        self.modules: dict[int, str] = {}  # traces of imports, with the file
        # Those of statements, with the lines where these begin.
        self.lines: dict[int, frozenset[int]] = {}
        self.at: dict[tuple[str, int], list[int]] = defaultdict(list)  # the same by path and line
        # Traces of which something is not known, but for tests.
        self.unobserved: dict[int, Cause] = {}
        self.unfinished: dict[int, str] = {}  # fixtures whose teardown was not seen: trace -> name
        self.users: Mapping[int, Sequence[int]] = users_of(datafile, [run_id])
        others = sorted(datafile.traces([run_id], *_OTHERS), key=_kind_order)
        for trace_id, _, identity, unknown, complete in others:
            kind, _, rest = identity.partition(":")
            self.kinds[trace_id] = kind
            if kind == "module":
                self.modules[trace_id] = rest
            elif kind == "statement":
                self._add_statement(trace_id, rest, is_known=not unknown)
            name = identity.split(":", 2)[-1]
            if unknown:
                path = name if kind == "module" else ""
                self.unobserved[trace_id] = unobserved(
                    f"is not known in full: {unknown}", path, name
                )
            if not complete and kind == "fixture":
                self.unfinished[trace_id] = name

    def _add_statement(self, trace_id: int, text: str, *, is_known: bool) -> None:
        lines, _, path = text.partition(":")
        self.modules[trace_id] = path
        if is_known:
            self.lines[trace_id] = frozenset(map(int, lines.split(",")))
            for line in self.lines[trace_id]:
                self.at[path, line].append(trace_id)

    def whole_modules(self) -> Iterator[tuple[int, str]]:
        """The traces of imports that are not divided by statements, with the file."""
        return (
            (trace_id, path)
            for trace_id, path in self.modules.items()
            if trace_id not in self.lines
        )

    @cached_property
    def tests(self) -> Mapping[str, list[StoredTest]]:
        """By file. Read where something asks.

        Most changes are of blocks, and who ran these says the datafile.
        """
        found: dict[str, list[StoredTest]] = defaultdict(list)
        for test in self._datafile.tests(self._run_id):
            found[test.path].append(test)
        return found

    def tests_in(self, paths: Iterable[str]) -> Iterator[StoredTest]:
        """The tests of the run that stand in some files."""
        for path in paths:
            yield from self.tests.get(path, ())

    def tests_below(self, folder: str) -> Iterator[StoredTest]:
        """The tests of the run in the files of a folder.

        The folder is given with a slash at its end.
        """
        return self.tests_in(path for path in self.tests if path.startswith(folder))

    @cached_property
    def collected_from(self) -> Mapping[int, str]:
        """By trace, the file that pytest collects a test from.

        A file that inherits a test does not define it.
        """
        return {
            test.trace_id: path_of(test.nodeid, test.path) for test in self.tests_in(self.tests)
        }

    def with_fingerprints(self, causes: Mapping[int, Cause]) -> Hits:
        """The traces that hold one of some fingerprints, with the cause of that fingerprint."""
        found: Hits = {}
        if causes:
            for fingerprint_id, trace_id in self._datafile.traces_with(list(causes)):
                if trace_id in self.kinds:
                    found.setdefault(trace_id, causes[fingerprint_id])
        return found

    def spread(self, hits: Mapping[int, Cause]) -> Hits:
        """Some traces, with those that use one of them for the same cause."""
        found = dict(hits)
        stack = list(hits)
        while stack:
            trace_id = stack.pop()
            for user in self.users.get(trace_id, ()):
                if user not in found:
                    found[user] = found[trace_id]
                    stack.append(user)
        return found


def _kind_order(trace: tuple[int, int, str, str, bool]) -> int:
    return _OTHERS.index(trace[2].partition(":")[0])
