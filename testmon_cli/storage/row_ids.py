"""The ids of rows that many others point to.

These are sources, subjects, resources and their states, and origins.

Ids that were looked up are remembered. They are valid as long as nobody else writes; after that,
`forget` is called.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import count

from testmon_cli.domain.records import ResourceState
from testmon_cli.storage import compiled_sqlite as sql
from testmon_cli.storage.connection import Connection, array
from testmon_cli.storage.packing import storable

REMEMBERED = 200_000  # entries of each cache; a full one starts anew


class RowIds:
    """Looks ids up, and makes the rows that are not there. Called within a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sources: dict[str, int] = {}
        self._subjects: dict[str, int] = {}  # by identity
        self._has_all_subjects = False  # there were none before
        self._states: dict[tuple[str, str, str], tuple[int, int, int]] = {}  # -> id, size, mtime_ns
        self._origins: dict[str, int] = {}

    def forget(self) -> None:
        """Look all up again."""
        self._has_all_subjects = False
        for known in (self._sources, self._subjects, self._states, self._origins):
            known.clear()

    def bound(self) -> None:
        """Forget what grew too large."""
        if len(self._subjects) > REMEMBERED:
            self._has_all_subjects = False
        for known in (self._sources, self._subjects, self._states, self._origins):
            if len(known) > REMEMBERED:
                known.clear()

    def of_sources(self, paths: set[str]) -> dict[str, int]:
        """The ids of source files, by path."""
        known = self._sources
        missing = {storable(path): path for path in sorted(paths) if path not in known}
        if missing:
            self._connection.insert(sql.add_source({"path": path} for path in missing))
            for row in self._connection.rows(sql.source_ids(paths=array(missing))):
                known[missing[row["path"]]] = row["id"]
        return {path: known[path] for path in paths}

    def of_subjects(self, identities: Iterable[str]) -> dict[str, int]:
        """The ids of subjects, by identity."""
        known = self._subjects
        wanted = list(identities)
        missing = {storable(identity): identity for identity in wanted if identity not in known}
        if missing:
            last = self._connection.value(sql.last_subject()) or 0
            self._has_all_subjects |= not last
            found = {} if self._has_all_subjects else self._stored_subjects(missing)
            new = [stored for stored in missing if stored not in found]
            found.update(zip(new, count(last + 1), strict=False))
            self._add_subjects({stored: found[stored] for stored in new})
            known.update((missing[stored], number) for stored, number in found.items())
        return {identity: known[identity] for identity in wanted}

    def _stored_subjects(self, wanted: Collection[str]) -> dict[str, int]:
        """The ids of the subjects among `wanted` that have a row."""
        names = {stored.partition(":")[2] for stored in wanted}
        rows = self._connection.rows(sql.subject_ids(names=array(names)))
        found = {f"{row['kind']}:{row['name']}": int(row["id"]) for row in rows}
        return {stored: number for stored, number in found.items() if stored in wanted}

    def _add_subjects(self, ids: Mapping[str, int]) -> None:
        """Make rows for subjects that have none."""
        rows: list[sql.AddSubjectValues] = []
        for stored, number in ids.items():
            kind, _, name = stored.partition(":")
            rows.append({"id": number, "kind": kind, "name": name})
        self._connection.insert(sql.add_subject(rows))

    def of_states(self, states: list[ResourceState]) -> dict[tuple[str, str, str], int]:
        """The ids of states of resources, by `key_of`.

        What is known of their size and time is renewed.
        """
        known = self._states
        missing = {
            key_of(state): state
            for state in states
            if known.get(key_of(state), (0, 0, 0))[1:] != (state.size, state.mtime_ns)
        }
        if missing:
            resources = self._resource_ids({(kind, name) for kind, name, _ in missing})
            self._connection.insert(
                sql.put_resource_state(
                    {
                        "resource_id": resources[state.kind, state.name],
                        "state": storable(state.state),
                        "size": state.size,
                        "mtime_ns": state.mtime_ns,
                    }
                    for state in missing.values()
                )
            )
            rows = self._connection.rows(sql.resource_state_ids(ids=array(resources.values())))
            stored = {(row["resource_id"], row["state"]): row["id"] for row in rows}
            for key, state in missing.items():
                number = stored[resources[state.kind, state.name], storable(state.state)]
                known[key] = (number, state.size, state.mtime_ns)
        return {key_of(state): known[key_of(state)][0] for state in states}

    def _resource_ids(self, keys: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
        stored = {(kind, storable(name)): (kind, name) for kind, name in keys}
        self._connection.insert(
            sql.add_resource({"kind": kind, "name": name} for kind, name in stored)
        )
        rows = self._connection.rows(sql.resource_ids(names=array({name for _, name in stored})))
        return {
            stored[key]: row["id"] for row in rows if (key := (row["kind"], row["name"])) in stored
        }

    def of_origins(self, texts: set[str]) -> dict[str, int]:
        """The ids of the places in code that asked for resources, by their text."""
        known = self._origins
        missing = {storable(text): text for text in texts if text not in known}
        if missing:
            self._connection.insert(sql.add_origin({"frames": text} for text in missing))
            for row in self._connection.rows(sql.origin_ids(texts=array(missing))):
                known[missing[row["frames"]]] = row["id"]
        return {text: known[text] for text in texts}


def key_of(state: ResourceState) -> tuple[str, str, str]:
    """By what the state of a resource is known."""
    return state.kind, state.name, state.state
