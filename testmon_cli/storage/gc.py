"""What can be taken out of a datafile, and how much room that makes.

An unfinished run younger than a day counts as going on: nothing of it is touched, and the source versions that it may
be about to name stay too. Of every test the newest execution in each environment outlives an age limit.
"""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from testmon_cli.storage.connection import Connection, array, translated
from testmon_cli.storage.packing import storable, unpack_numbers

_DAY = 86_400.0
Progress = Callable[[int, int], None]


class Pruning(NamedTuple):
    """What the user wants gone. Orphans go in any case."""

    tests: frozenset[str] = frozenset()  # nodeids
    keep: int | None = None  # executions of each test and environment
    before: float | None = None  # executions of runs that started before, in seconds since the epoch
    environments: tuple[str, ...] = ()  # names


class Pruned(NamedTuple):
    """What has gone, or would go: rows by what they are, and bytes."""

    counts: Mapping[str, int]
    freed: int


class _Step(NamedTuple):
    statement: str
    counted: str = ""  # as what; "" for rows that only belong to others
    parameters: tuple[str, ...] = ()


_ORPHANS = (
    _Step("prune_empty_runs", "runs", ("recent", "before")),
    _Step("prune_environments", "environments"),
    _Step("prune_failures"),
    _Step("prune_traces", "traces", ("recent",)),
    _Step("prune_tests_left", "tests"),
    _Step("prune_trace_sets"),
    _Step("prune_sets"),
    _Step("prune_members"),
    _Step("prune_uses"),
    _Step("prune_trace_resources"),
    _Step("prune_subjects"),
    _Step("prune_fingerprints", "fingerprints"),
    _Step("prune_blocks", "blocks"),
    _Step("prune_resource_states", "resource states"),
    _Step("prune_resources", "resources"),
    _Step("prune_origins"),
    _Step("prune_snapshots", "snapshots"),
    _Step("prune_package_sets", "package sets"),
    _Step("prune_fact_sets", "fact sets"),
)
_SOURCES = (
    _Step("prune_versions", "source versions", ("ids",)),
    _Step("prune_models"),
    _Step("prune_sources", "sources"),
)


def _asked(pruning: Pruning) -> tuple[_Step, ...]:
    """The steps that the user's word calls for."""
    steps: list[_Step] = []
    if pruning.environments:
        steps.append(_Step("prune_environment_executions", "executions", ("names", "recent")))
        steps.append(_Step("prune_environment_runs", "runs", ("names", "recent")))
    if pruning.tests:
        steps.append(_Step("prune_tests", "executions", ("nodeids", "recent")))
    if pruning.keep is not None:
        steps.append(_Step("prune_beyond", "executions", ("keep", "recent")))
    if pruning.before is not None:
        steps.append(_Step("prune_older", "executions", ("before", "recent")))
    return tuple(steps)


def prune(connection: Connection, pruning: Pruning, now: float, progress: Progress | None = None) -> Pruned:
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


def rehearse(connection: Connection, pruning: Pruning, now: float, progress: Progress | None = None) -> Pruned:
    """What `prune` would do, found out on a copy."""
    import tempfile  # takes milliseconds that `select` does not have

    with tempfile.TemporaryDirectory(prefix="testmon-") as folder:
        copy = Path(folder, connection.path.name)
        with closing(sqlite3.connect(copy, isolation_level=None)) as driver:
            with translated(copy):
                connection.driver.backup(driver)
                driver.row_factory = sqlite3.Row
            return prune(Connection(driver, copy, None, 0.0), pruning, now, progress)


def _pruned(connection: Connection, pruning: Pruning, now: float, progress: Progress | None) -> dict[str, int]:
    recent = now - _DAY
    parameters: dict[str, object] = {
        "names": array(map(storable, pruning.environments)),
        "nodeids": array(map(storable, pruning.tests)),
        "keep": pruning.keep,
        "before": pruning.before,
        "recent": recent,
    }
    steps = _asked(pruning) + _ORPHANS
    if not connection.rows("recent_runs", recent=recent):
        steps += _SOURCES
    counts: dict[str, int] = {}
    for done, step in enumerate(steps):
        if progress is not None:
            progress(done, len(steps))
        if "ids" in step.parameters:
            parameters["ids"] = array(_living_versions(connection))
        gone = connection.changed(step.statement, **{name: parameters[name] for name in step.parameters})
        if step.counted and gone:
            counts[step.counted] = counts.get(step.counted, 0) + gone
    if progress is not None:
        progress(len(steps), len(steps))
    return counts


def _living_versions(connection: Connection) -> set[int]:
    living: set[int] = set()
    for row in connection.stream("all_snapshots"):
        living.update(unpack_numbers(row["versions"]))
    return living


def _size(driver: sqlite3.Connection) -> int:
    pages: int = driver.execute("PRAGMA page_count").fetchone()[0]
    size: int = driver.execute("PRAGMA page_size").fetchone()[0]
    return pages * size
