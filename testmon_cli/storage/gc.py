"""Removes runs, tests and orphans from a datafile.

An unfinished run younger than a day counts as going on: nothing of it is touched, and the source
versions that it may be about to name stay too. Of every test the newest execution in each
environment outlives an age limit.
"""

import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.connection import Connection, array, translated
from testmon_cli.storage.packing import storable, unpack_numbers
from testmon_cli.storage.query import Change

_DAY = 86_400.0
Progress = Callable[[int, int], None]


class Pruning(NamedTuple):
    """The choice of what to remove. Orphans go in any case."""

    tests: frozenset[str] = frozenset()  # nodeids
    keep: int | None = None  # executions of each test and environment
    # executions of runs that started before, in seconds since the epoch
    before: float | None = None
    environments: tuple[str, ...] = ()  # names


class Pruned(NamedTuple):
    """The rows that were removed, or would be, by their table, and bytes."""

    counts: Mapping[str, int]
    freed: int


class _Step(NamedTuple):
    # made when its turn comes: what it takes can depend on the steps before it
    change: Callable[[], Change]
    counted: str = ""  # as what; "" for rows that only belong to others


def _asked(pruning: Pruning, recent: float) -> Iterator[_Step]:
    """The steps that the user's word calls for.

    Runs that have begun since `recent` and go on are left alone.
    """
    if pruning.environments:
        names = array(map(storable, pruning.environments))
        yield _Step(
            partial(sql.prune_environment_executions, names=names, recent=recent), "executions"
        )
        yield _Step(partial(sql.prune_environment_runs, names=names, recent=recent), "runs")
    if pruning.tests:
        nodeids = array(map(storable, pruning.tests))
        yield _Step(partial(sql.prune_tests, nodeids=nodeids, recent=recent), "executions")
    if pruning.keep is not None:
        yield _Step(partial(sql.prune_beyond, keep=pruning.keep, recent=recent), "executions")
    if pruning.before is not None:
        yield _Step(partial(sql.prune_older, before=pruning.before, recent=recent), "executions")


def _orphans(pruning: Pruning, recent: float) -> Iterator[_Step]:
    """The steps that remove what nothing refers to any more, owners first."""
    before = -math.inf if pruning.before is None else pruning.before
    yield _Step(partial(sql.prune_empty_runs, recent=recent, before=before), "runs")
    yield _Step(sql.prune_environments, "environments")
    yield _Step(sql.prune_failures)
    yield _Step(partial(sql.prune_traces, recent=recent), "traces")
    yield _Step(sql.prune_tests_left, "tests")
    yield _Step(sql.prune_trace_sets)
    yield _Step(sql.prune_sets)
    yield _Step(sql.prune_members)
    yield _Step(sql.prune_uses)
    yield _Step(sql.prune_trace_resources)
    yield _Step(sql.prune_subjects)
    yield _Step(sql.prune_fingerprints, "fingerprints")
    yield _Step(sql.prune_blocks, "blocks")
    yield _Step(sql.prune_resource_states, "resource states")
    yield _Step(sql.prune_resources, "resources")
    yield _Step(sql.prune_origins)
    yield _Step(sql.prune_snapshots, "snapshots")
    yield _Step(sql.prune_package_sets, "package sets")
    yield _Step(sql.prune_fact_sets, "fact sets")


def _sources(connection: Connection) -> Iterator[_Step]:
    """The steps that remove sources that no snapshot holds."""
    yield _Step(
        lambda: sql.prune_versions(ids=array(_living_versions(connection))), "source versions"
    )
    yield _Step(sql.prune_models)
    yield _Step(sql.prune_sources, "sources")


def prune(
    connection: Connection, pruning: Pruning, now: float, progress: Progress | None = None
) -> Pruned:
    """Take out what is wanted and all orphans in one transaction, then give the room back."""
    driver = connection.driver
    size = _size(driver)
    driver.execute("PRAGMA foreign_keys = OFF")  # rows go before those that name them
    try:
        with connection.transaction():
            counts = _pruned(connection, pruning, now, progress)
    finally:
        driver.execute("PRAGMA foreign_keys = ON")
    with translated(connection.path):
        driver.execute("VACUUM")
    return Pruned(counts, size - _size(driver))


def rehearse(
    connection: Connection, pruning: Pruning, now: float, progress: Progress | None = None
) -> Pruned:
    """Do on a copy what `prune` would do, and tell what it removed."""
    import tempfile  # takes milliseconds that `select` does not have

    with tempfile.TemporaryDirectory(prefix="testmon-") as folder:
        copy = Path(folder, connection.path.name)
        with closing(sqlite3.connect(copy, isolation_level=None)) as driver:
            with translated(copy):
                connection.driver.backup(driver)
                driver.row_factory = sqlite3.Row
            return prune(Connection(driver, copy, None, 0.0), pruning, now, progress)


def _pruned(
    connection: Connection, pruning: Pruning, now: float, progress: Progress | None
) -> dict[str, int]:
    recent = now - _DAY
    steps = [*_asked(pruning, recent), *_orphans(pruning, recent)]
    if not connection.rows(sql.recent_runs(recent=recent)):
        steps += _sources(connection)
    counts: dict[str, int] = {}
    for done, step in enumerate(steps):
        if progress is not None:
            progress(done, len(steps))
        gone = connection.changed(step.change())
        if step.counted and gone:
            counts[step.counted] = counts.get(step.counted, 0) + gone
    if progress is not None:
        progress(len(steps), len(steps))
    return counts


def _living_versions(connection: Connection) -> set[int]:
    living: set[int] = set()
    for row in connection.stream(sql.all_snapshots()):
        living.update(unpack_numbers(row["versions"]))
    return living


def _size(driver: sqlite3.Connection) -> int:
    pages: int = driver.execute("PRAGMA page_count").fetchone()[0]
    size: int = driver.execute("PRAGMA page_size").fetchone()[0]
    return pages * size
