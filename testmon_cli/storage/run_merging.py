"""Unites runs from elsewhere, and the sources that they saw, with those of a datafile."""

from typing import TYPE_CHECKING

from testmon_cli.domain.evidence import UNFINISHED, RunRow, VersionRow
from testmon_cli.domain.records import RUN_KEY, Environment, Package, Run, RunStart, SourceVersion
from testmon_cli.storage.evidence_tables import Tables
from testmon_cli.storage.exporting import facts_that_travel, run_key, unpacked_packages
from testmon_cli.storage.packing import unpack_json, unpack_numbers

if TYPE_CHECKING:
    from testmon_cli.storage.datafile import Datafile

_VERSIONS = 200  # that are written at once


class RunMerger:
    """Takes the rows of runs and versions of one environment."""

    def __init__(self, datafile: "Datafile", environment: Environment, tables: Tables) -> None:
        self._datafile = datafile
        self._environment = environment
        self._tables = tables
        self._versions: list[int] = []  # ids by place
        self._version_keys: list[tuple[str, str, str]] = []  # path, digest and analysis of each
        self._waiting: list[VersionRow] = []  # to be written together
        self._present = {run_key(run): run for run in datafile.runs(environment)}
        self.all: list[tuple[int, RunRow]] = []  # with their ids, by place
        self.again: dict[int, Run] = {}  # by place: runs that the datafile had before
        self.new = 0  # how many runs it did not have

    def add_version(self, row: VersionRow) -> None:
        self._waiting.append(row)
        if len(self._waiting) >= _VERSIONS:
            self.write_versions()

    def write_versions(self) -> None:
        sources = self._tables.sources
        versions = [
            SourceVersion(
                sources[row.source - 1].path,
                row.digest,
                row.model_key,
                row.model,
                row.names,
                -1,
                -1,
            )
            for row in self._waiting
        ]
        if versions:
            ids = self._datafile.unite_sources(versions)
            self._version_keys += [version[:3] for version in versions]
            self._versions += [ids[version[:3]] for version in versions]
        self._waiting.clear()

    def add(self, row: RunRow) -> None:
        self.write_versions()
        facts_text = self._tables.facts[row.facts - 1] if row.facts else ""
        facts = unpack_json(facts_text) if row.facts else None
        present = self._present.get((row.started, str((facts or {}).get(RUN_KEY, ""))))
        if present is None:
            run_id = self._begin(row)
            self.new += 1
        else:
            run_id = present.id
            self.again[len(self.all) + 1] = present
            if self._rank(row, facts_text) <= self._rank_of(present):
                self.all.append((run_id, row))
                return
        if facts is not None:
            self._datafile.set_facts(run_id, facts)
        if row.has_snapshot:
            self._datafile.set_snapshot(
                run_id, [self._versions[n - 1] for n in unpack_numbers(row.snapshot)]
            )
        if row.ended != UNFINISHED:
            status = int(row.exitstatus) if row.exitstatus else None
            self._datafile.finish_run(run_id, row.ended, bool(row.completed), status)
        self.all.append((run_id, row))

    def _rank(self, row: RunRow, facts: str) -> tuple[object, ...]:
        """How much a copy of a run tells: of two copies the greater tells more."""
        versions = sorted(self._version_keys[number - 1] for number in unpack_numbers(row.snapshot))
        return row.ended, len(facts), facts, len(versions), versions

    def _rank_of(self, run: Run) -> tuple[object, ...]:
        ended = UNFINISHED if run.ended is None else run.ended
        facts = facts_that_travel(run) or ""
        versions = sorted(
            (ref.path, ref.digest, ref.model_key)
            for ref in self._datafile.snapshot(run.id).values()
        )
        return ended, len(facts), facts, len(versions), versions

    def _begin(self, row: RunRow) -> int:
        packages = unpacked_packages(self._tables.packages[row.packages - 1])
        return self._datafile.begin_run(
            RunStart(
                environment=self._environment,
                started=row.started,
                arguments=tuple(unpack_json(row.arguments)),
                packages=tuple(Package(n, v, d, tuple(m), tuple(r)) for n, v, d, m, r in packages),
                git_head=row.git_head,
                git_dirty=bool(row.git_dirty),
                engine=row.engine,
                version=row.version,
            )
        )
