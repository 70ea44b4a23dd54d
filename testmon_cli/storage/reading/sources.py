"""Questions about sources: the versions that runs saw, and the models of them."""

from collections.abc import Iterable

from testmon_cli.domain.records import VersionRef
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.connection import Connection, array
from testmon_cli.storage.packing import original, storable, unpack_numbers
from testmon_cli.storage.reading.questions import Questions, decoded


class SourceQuestions(Questions):
    """Versions of sources and their models."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._refs: dict[int, VersionRef] = {}
        self._changes = 0  # of this connection, when these were read

    @decoded
    def snapshot(self, run_id: int) -> dict[str, VersionRef]:
        """The source files as the run saw them, by path."""
        packed = self._connection.value(sql.snapshot_versions(run_id=run_id))
        if packed is None:
            return {}
        numbers = unpack_numbers(packed)
        if self._changes != self._connection.driver.total_changes:
            self._changes = self._connection.driver.total_changes
            self._refs.clear()
        # runs share most of them
        missing = [number for number in numbers if number not in self._refs]
        self._refs.update((ref.id, ref) for ref in self.versions(missing) if missing)
        return {ref.path: ref for number in numbers if (ref := self._refs.get(number)) is not None}

    @decoded
    def versions(self, version_ids: Iterable[int]) -> list[VersionRef]:
        """Source versions by their ids."""
        rows = self._connection.tuples(sql.versions(ids=array(version_ids)))
        return [
            found if found.path.isascii() else found._replace(path=original(found.path))
            for found in (VersionRef(*row) for row in rows)
        ]

    @decoded
    def known_version(self, path: str, digest: str, model_key: str) -> int | None:
        """The id of a source version that was stored before; None where there is none.

        `digest` is that of the content, `model_key` that of the analysis.
        """
        found = self._connection.value(
            sql.known_version(path=storable(path), digest=digest, model_key=model_key)
        )
        return None if found is None else int(found)

    @decoded
    def model(self, version_id: int) -> bytes:
        """The model of a source version; b"" when it does not parse."""
        return self.models((version_id,))[version_id]

    @decoded
    def models(self, version_ids: Iterable[int]) -> dict[int, bytes]:
        """Models by the ids of their source versions."""
        rows = self._connection.stream(sql.models(ids=array(version_ids)))
        return {row["version_id"]: row["model"] for row in rows}

    @decoded
    def names(self, version_ids: Iterable[int]) -> dict[int, bytes]:
        """Hashes of the identifiers that source versions mention."""
        return dict(self._connection.tuples(sql.names(ids=array(version_ids))))
