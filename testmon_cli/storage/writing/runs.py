"""Writes runs: how they began, what they saw, and how they ended."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from testmon_cli.domain.records import Package, RunStart
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.packing import digest, pack_numbers, pack_text, storable, to_json
from testmon_cli.storage.writing.transactions import Transactions

if TYPE_CHECKING:
    from testmon_cli.storage.compiled_sqlite import AddEnvironmentValues


class RunChanges(Transactions):
    """Changes of runs."""

    def begin_run(self, start: RunStart) -> int:
        """Store what is known of a run when it begins; its id."""
        environment = start.environment
        where: AddEnvironmentValues = {
            "name": storable(environment.name),
            "python": environment.python,
            "platform": environment.platform,
        }
        packages = to_json(
            [
                _listed(package)
                for package in sorted(start.packages, key=lambda package: package.name)
            ]
        )
        named = digest(packages.encode())
        with self._transaction() as change:
            change.insert(sql.add_environment([where]))
            change.insert(sql.add_package_set([{"digest": named, "packages": packages}]))
            run_id = change.insert_one(
                sql.add_run(
                    [
                        {
                            "environment_id": change.only(sql.environment_id(**where)),
                            "package_set_id": change.only(sql.package_set_id(digest=named)),
                            "snapshot_id": None,
                            "fact_set_id": None,
                            "started": start.started,
                            "ended": None,
                            "completed": False,
                            "exitstatus": None,
                            "arguments": to_json(start.arguments),
                            "git_head": start.git_head,
                            "git_dirty": start.git_dirty,
                            "engine": start.engine,
                            "version": start.version,
                        }
                    ]
                )
            )
            self._trace_rows.begin_run(run_id)
        return run_id

    def set_snapshot(self, run_id: int, version_ids: Iterable[int]) -> None:
        """Store which source versions a run sees.

        `version_ids` replace those that were said before.
        """
        packed = pack_numbers(set(version_ids))
        named = digest(packed)
        with self._transaction() as change:
            change.insert(sql.add_snapshot([{"digest": named, "versions": packed}]))
            change.change(
                sql.set_snapshot(run_id=run_id, snapshot=change.only(sql.snapshot_id(digest=named)))
            )

    def set_facts(self, run_id: int, facts: Mapping[str, object]) -> None:
        """Store what the session told, as JSON.

        `facts` replace those that were said before.
        """
        text = to_json(dict(facts))
        named = digest(text.encode())
        with self._transaction() as change:
            change.insert(sql.add_fact_set([{"digest": named, "facts": pack_text(text)}]))
            change.change(
                sql.set_facts(run_id=run_id, fact_set=change.only(sql.fact_set_id(digest=named)))
            )

    def finish_run(
        self, run_id: int, ended: float, completed: bool, exitstatus: int | None
    ) -> None:
        """Store how a run ended.

        `ended` is in seconds since 1970; `completed` says whether pytest ran all that it was to
        run; `exitstatus` is None where pytest gave none.
        """
        with self._transaction() as change:
            change.change(
                sql.finish_run(run_id=run_id, end=ended, whole=completed, status=exitstatus)
            )


def _listed(package: Package) -> list[object]:
    return [package.name, package.version, package.digest, package.modules, package.requires]
