"""Which tests a word of `-k` matches, as far as runs have recorded it.

A run keeps what pytest matches besides the names that a node id holds (markers, attributes of
functions and more), by keyword and file: "*" for all tests that it collected there, else the names
of functions, and those of tests with their parameters where not all of a function have the keyword.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from testmon_cli.application.select.keyword_grammar import Answer, Expression
from testmon_cli.domain.causes import Kind
from testmon_cli.domain.nodeid import NodeId, path_of
from testmon_cli.domain.records import Run
from testmon_cli.domain.selection import Selected

_ALL = "*"
Recorded = dict[str, dict[str, str | list[str]]]  # keyword -> path -> "*" or names


def recorded(functions: Mapping[str, str], keywords: Mapping[str, Sequence[str]]) -> Recorded:
    """Compress the keywords of tests for the facts of a run.

    They are grouped by keyword and file, as the module describes.
    """
    tests: dict[str, int] = defaultdict(int)  # how many a function has
    in_file: dict[str, int] = defaultdict(int)  # how many a file has
    for nodeid, function in functions.items():
        tests[function] += 1
        in_file[path_of(nodeid)] += 1
    # keyword -> function -> tests
    having: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for nodeid, words in keywords.items():
        for word in words if nodeid in functions else ():
            having[word][functions[nodeid]].append(nodeid)
    found: Recorded = {}
    for word, by_function in sorted(having.items()):
        names: dict[str, list[str]] = defaultdict(list)
        count: dict[str, int] = defaultdict(int)
        for function, nodeids in sorted(by_function.items()):
            path, some = (
                path_of(function),
                [function] if len(nodeids) == tests[function] else sorted(nodeids),
            )
            count[path] += len(nodeids)
            names[path] += [NodeId.parse(nodeid, path).below for nodeid in some]
        found[word] = {
            path: _ALL if count[path] == in_file[path] else listed for path, listed in names.items()
        }
    return found


class Keywords(NamedTuple):
    """The recorded keywords, matched against the tests of a selection."""

    runs: Mapping[int, Run]
    unsettled: Collection[str]  # files whose tests may be called or marked in another way now

    def holds(self, test: Selected, expression: Expression) -> bool:
        """Tell whether a test may match. One whose keywords are unknown may."""
        names = _Names(test, self)
        return expression(names.matches) is not False

    def run_of(self, test: Selected) -> Run | None:
        """The run that recorded the keywords that a test still has.

        None where nobody knows what it has now.
        """
        execution, cause = test.execution, test.reason.cause
        if execution is None or not {
            path_of(test.nodeid, execution.path),
            execution.path,
        }.isdisjoint(self.unsettled):
            return None
        # a plugin may mark tests
        if cause is not None and cause.origin.kind in (Kind.PACKAGE, Kind.CONFIG):
            return None
        run = self.runs.get(execution.run_id)
        return run if run is not None and "keywords" in run.facts else None


class _Names:
    """The names of one test."""

    def __init__(self, test: Selected, known: Keywords) -> None:
        nodeid = NodeId.parse(test.nodeid)
        self._path = nodeid.path.lower()
        self._parts = [*self._path.split("/"), *(name.lower() for name in nodeid.names)]
        self._is_open = False  # whether any word may match
        run = known.run_of(test)
        if run is None:
            self._is_open = True
        else:
            self._parts[-1] += nodeid.parameters.lower()
            self._take_recorded(run, nodeid.path, {nodeid.name, nodeid.below})

    def _take_recorded(self, run: Run, path: str, names: set[str]) -> None:
        for keyword, files in run.mapping("keywords").items():
            having = files.get(path, ()) if isinstance(files, dict) else ()
            if having == _ALL or not names.isdisjoint(having):
                self._parts.append(keyword.lower())

    def matches(self, word: str) -> Answer:
        word = word.lower()
        if any(word in part for part in self._parts):
            return True
        # Some versions of pytest name a file by its whole path.
        return None if self._is_open or word in self._path else False
