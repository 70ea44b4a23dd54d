"""Questions about runs: when and where they ran, and what was installed."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from testmon_cli.domain.records import RUN_KEY, Environment, Package, Run
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.connection import Connection, decoding
from testmon_cli.storage.packing import original, unpack_text
from testmon_cli.storage.reading.questions import Questions, decoded, key_of

if TYPE_CHECKING:
    from testmon_cli.storage.compiled_sqlite import RunsRow


class Facts(Mapping[str, object]):
    """The facts of a run, unpacked when they are asked for."""

    def __init__(self, packed: bytes | None, path: Path) -> None:
        self._packed = packed
        self._path = path  # of the datafile
        self._values: dict[str, object] | None = None

    def _unpacked(self) -> dict[str, object]:
        if self._values is None:
            with decoding(self._path):
                text = "{}" if self._packed is None else unpack_text(self._packed)
                self._values = dict(json.loads(text))
        return self._values

    def __getitem__(self, key: str) -> object:
        return self._unpacked()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._unpacked())

    def __len__(self) -> int:
        return len(self._unpacked())

    def __repr__(self) -> str:
        return f"Facts({self._unpacked()!r})"


class RunQuestions(Questions):
    """Runs, their environments and their facts."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._facts: dict[int | None, Facts] = {}

    @decoded
    def environments(self) -> list[Environment]:
        """Where tests ran, in order of appearance."""
        return [
            Environment(original(row["name"]), row["python"], row["platform"])
            for row in self._connection.rows(sql.environments())
        ]

    @decoded
    def runs(self, environment: Environment | None = None) -> list[Run]:
        """Runs, the newest first."""
        rows: Sequence[RunsRow]
        if environment is None:
            rows = self._connection.rows(sql.runs())
        else:
            rows = self._connection.rows(sql.runs_in(**key_of(environment)))
        runs = [self._run(row) for row in rows]
        order = self.order()
        return sorted(runs, key=lambda run: order[run.id], reverse=True) if order else runs

    @decoded
    def packages(self, run_id: int) -> tuple[Package, ...]:
        """The distributions that were installed when a run began."""
        stored = self._connection.value(sql.packages(run_id=run_id))
        return tuple(
            Package(name, version, digest, tuple(modules), tuple(requires))
            for name, version, digest, modules, requires in json.loads(stored or "[]")
        )

    def order(self) -> dict[int, tuple[object, ...]]:
        """How runs follow each other, by their ids; empty where the ids themselves say it.

        Runs come from several machines, and are numbered as they came: it is their time that
        counts.
        """
        rows = self._connection.tuples(sql.run_order())
        if all(one[0] < next_[0] and one[1] < next_[1] for one, next_ in pairwise(rows)):
            return {}
        times = Counter(started for _, started, _ in rows)
        return {
            number: (
                started,
                str(self._facts_of(facts).get(RUN_KEY, "")) if times[started] > 1 else "",
                number,
            )
            for number, started, facts in rows
        }

    def _run(self, row: "RunsRow") -> Run:
        return Run(
            id=row["id"],
            environment=Environment(original(row["environment"]), row["python"], row["platform"]),
            started=float(row["started"]),
            ended=None if row["ended"] is None else float(row["ended"]),
            completed=bool(row["completed"]),
            exitstatus=row["exitstatus"],
            arguments=tuple(json.loads(row["arguments"])),
            git_head=row["git_head"],
            git_dirty=bool(row["git_dirty"]),
            engine=row["engine"],
            version=row["version"],
            snapshot_id=row["snapshot_id"],
            facts=self._facts_of(row["fact_set_id"]),
        )

    def _facts_of(self, fact_set_id: int | None) -> Facts:
        if fact_set_id not in self._facts:
            packed = (
                None
                if fact_set_id is None
                else self._connection.value(sql.facts(fact_set_id=fact_set_id))
            )
            self._facts[fact_set_id] = Facts(packed, self._connection.path)
        return self._facts[fact_set_id]
