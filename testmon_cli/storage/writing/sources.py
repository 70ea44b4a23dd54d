"""Writes versions of sources and their models."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from testmon_cli.domain.records import SourceVersion
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.connection import array
from testmon_cli.storage.writing.transactions import Transactions

if TYPE_CHECKING:
    from testmon_cli.storage.compiled_sqlite import AddVersionValues


class SourceChanges(Transactions):
    """Changes of sources."""

    def add_sources(self, versions: Iterable[SourceVersion]) -> dict[tuple[str, str], int]:
        """Store source versions, or the newer hints of those that are known.

        Ids by path and digest.
        """
        versions = list(versions)
        with self._transaction() as change:
            ids = self._ids.of_sources({version.path for version in versions})
            change.insert(sql.add_version(_version_rows(versions, ids)))
            stored = {
                (row["source_id"], row["digest"], row["model_key"]): int(row["id"])
                for row in change.stream(
                    sql.version_ids(ids=array({ids[version.path] for version in versions}))
                )
            }
            found = [
                (version, stored[ids[version.path], version.digest, version.model_key])
                for version in versions
            ]
            change.insert(
                sql.add_model(
                    {"version_id": number, "names": version.names, "model": version.model}
                    for version, number in found
                )
            )
        return {(version.path, version.digest): number for version, number in found}

    def unite_sources(self, versions: Sequence[SourceVersion]) -> dict[tuple[str, str, str], int]:
        """Store source versions from elsewhere, which say nothing of our files.

        Ids by path, digest and model key.
        """
        with self._transaction() as change:
            ids = self._ids.of_sources({version.path for version in versions})
            change.insert(sql.add_version_alone(_version_rows(versions, ids)))
            rows = change.stream(sql.version_ids(ids=array(ids.values())))
            stored = {
                (row["source_id"], row["digest"], row["model_key"]): int(row["id"]) for row in rows
            }
            found = {v[:3]: stored[ids[v.path], v.digest, v.model_key] for v in versions}
            change.insert(
                sql.put_model(
                    {"version_id": found[v[:3]], "names": v.names, "model": v.model}
                    for v in versions
                )
            )
        return found


def _version_rows(
    versions: Iterable[SourceVersion], source_ids: Mapping[str, int]
) -> "Iterator[AddVersionValues]":
    for version in versions:
        yield {
            "source_id": source_ids[version.path],
            "digest": version.digest,
            "model_key": version.model_key,
            "size": version.size,
            "mtime_ns": version.mtime_ns,
        }
