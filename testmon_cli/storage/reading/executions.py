"""Questions about tests and their executions."""

import json
from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from testmon_cli.domain.records import Environment, Heads, Run, StoredExecution, StoredTest
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.connection import array
from testmon_cli.storage.packing import original, storable, unpack_text
from testmon_cli.storage.query import Query
from testmon_cli.storage.reading.questions import decoded, key_of
from testmon_cli.storage.reading.runs import RunQuestions

_DURATION = StoredExecution._fields.index("duration")


class ExecutionQuestions(RunQuestions):
    """Tests, and how they came out in which run."""

    @decoded
    def executions(self, environment: Environment) -> list[StoredExecution]:
        """All executions of all tests, the newest run first."""
        return self._executions(sql.executions(**key_of(environment)))

    @decoded
    def heads(self, environment: Environment) -> list[Heads]:
        """All executions as ids of tests and traces with durations, by run, the newest run last."""
        rows = self._connection.tuples(sql.heads(**key_of(environment)))
        order = self.order()
        rows = sorted(rows, key=lambda row: order[row[0]]) if order else rows
        return [Heads(run_id, *map(json.loads, columns)) for run_id, *columns in rows]

    def known_before(self, run_id: int, environment: Environment) -> int:
        """Count the tests of a run that have an execution in another run.

        `run_id` is the run's, `environment` that of all of them.
        """
        heads = self.heads(environment)
        others = set().union(*(head.test_ids for head in heads if head.run_id != run_id))
        return sum(
            len(others.intersection(head.test_ids)) for head in heads if head.run_id == run_id
        )

    @decoded
    def executions_of(self, trace_ids: Iterable[int]) -> list[StoredExecution]:
        """The executions with some traces, the newest run first."""
        return self._executions(sql.executions_of(ids=array(trace_ids)))

    @decoded
    def executions_named(self, environment: Environment, nodeid: str) -> list[StoredExecution]:
        """The executions of one test, the newest run first."""
        return self._executions(
            sql.executions_named(nodeid=storable(nodeid), **key_of(environment))
        )

    @decoded
    def tests(self, run_id: int) -> list[StoredTest]:
        """The tests that a run has an execution of."""
        rows = self._connection.tuples(sql.tests(run_id=run_id))
        return [
            StoredTest(trace, original(nodeid), original(path), original(function), kind)
            for trace, nodeid, path, function, kind in rows
        ]

    @decoded
    def tests_of(self, files: Iterable[str]) -> set[int]:
        """The ids of all tests that stand in some files, or are named after them."""
        given = array(map(storable, files))
        return {
            number
            for query in (sql.tests_in(files=given), sql.tests_below(files=given))
            for (number,) in self._connection.tuples(query)
        }

    @decoded
    def ran_below(self, environment: Environment, files: Iterable[str]) -> list[tuple[str, int]]:
        """The tests that are named after some files, with the runs that have an execution of them.

        Returns pairs of a node id and the id of a run; `files` are paths relative to the root.
        """
        given = array(map(storable, files))
        rows = self._connection.tuples(sql.ran_below(files=given, **key_of(environment)))
        return [(original(name), run_id) for name, run_id in rows]

    @decoded
    def ran(self, environment: Environment, nodeids: Iterable[str]) -> set[str]:
        """The node ids among `nodeids` that have an execution in an environment."""
        given = array(map(storable, nodeids))
        return {
            original(n)
            for (n,) in self._connection.tuples(sql.ran(nodeids=given, **key_of(environment)))
        }

    @decoded
    def remarkable(self, run_id: int) -> list[StoredExecution]:
        """The executions of a run that failed, have gaps, or whose test is selected every time.

        `run_id` is the id of the run.
        """
        return self._executions(sql.remarkable(run_id=run_id))

    @decoded
    def has_tests_besides(self, run: Run) -> bool:
        """Tell whether other runs of the environment have tests that this run has not."""
        return (
            self._connection.value(sql.besides(run_id=run.id, **key_of(run.environment)))
            is not None
        )

    @decoded
    def test_files(self, run_id: int) -> set[str]:
        """The files that the tests of a run were collected from."""
        return {
            original(file) for (file,) in self._connection.tuples(sql.test_files(run_id=run_id))
        }

    @decoded
    def totals(self, run_id: int) -> tuple[int, float]:
        """How many executions a run has, and how many seconds they took."""
        (totals,) = self._connection.tuples(sql.totals(run_id=run_id))
        return totals

    @decoded
    def failures(self, trace_ids: Iterable[int]) -> dict[int, str]:
        """Failure texts of the executions that have one."""
        rows = self._connection.stream(sql.failures(ids=array(trace_ids)))
        return {row["trace_id"]: unpack_text(row["text"]) for row in rows}

    @decoded
    def newest_of_tests(self, nodeids: Iterable[str]) -> dict[str, tuple[float, str, str, str]]:
        """When each of some tests ran last, and where it stood.

        Returns by node id the seconds since 1970 at which the newest run began, and path, function
        and kind of the test; `nodeids` that never ran are left out.
        """
        given = array(map(storable, nodeids))
        return {
            original(name): (float(started), original(path), original(function), kind)
            for name, started, path, function, kind in self._connection.tuples(
                sql.newest_of_tests(nodeids=given)
            )
        }

    def _executions(self, query: Query[Any, tuple[str, ...], str]) -> list[StoredExecution]:
        (texts,) = self._connection.tuples(query)
        columns = list(map(json.loads, texts))
        columns[_DURATION] = [microseconds / 1_000_000 for microseconds in columns[_DURATION]]
        order = self.order()
        by_run_and_trace = (lambda row: (order[row[1]], row[0])) if order else itemgetter(1, 0)
        found = sorted(zip(*columns, strict=True), key=by_run_and_trace, reverse=True)
        executions = list(map(StoredExecution._make, found))
        return executions if all(map(str.isascii, texts)) else list(map(_restored, executions))


def _restored(found: StoredExecution) -> StoredExecution:
    """An execution with its texts as they were given."""
    return found._replace(
        nodeid=original(found.nodeid),
        path=original(found.path),
        function=original(found.function),
        always=original(found.always),
        unknown=original(found.unknown),
    )
