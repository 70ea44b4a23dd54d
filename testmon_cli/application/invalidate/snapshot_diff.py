"""What is not as a run saw it: source files, distributions, resources.

Mostly nothing is, and no more is asked.
"""

from collections.abc import Mapping
from typing import NamedTuple

from testmon_cli.application.checkout.resources import Today
from testmon_cli.application.checkout.sources import Tree
from testmon_cli.domain.causes import Cause
from testmon_cli.domain.errors import SourceError
from testmon_cli.domain.records import ResourceState, VersionRef

Hits = dict[int, Cause]  # trace id -> first cause found


class FileChanges(NamedTuple):
    """Source files of a run's snapshot that are different now."""

    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    broken: Mapping[str, str]  # changed files that do not parse, with the error

    def __bool__(self) -> bool:
        return bool(self.changed or self.added or self.removed)


def compare_files(snapshot: Mapping[str, VersionRef], tree: Tree, recorded: float) -> FileChanges:
    """Compare the files a run loaded with the tree.

    Files that no test loaded count only when they came or went.
    """
    changed, removed, broken = [], [], {}
    recorded_ns = int(recorded * 1e9)
    for path, ref in snapshot.items():
        if not is_loaded(ref):
            if path not in tree.stats and path not in tree:
                removed.append(path)
        elif path not in tree:
            removed.append(path)
        elif not tree.is_unchanged(ref, recorded_ns):
            changed.append(path)
            try:
                tree.model(path)
            except SourceError as error:
                broken[path] = (
                    f"{error.message} (line {error.line})" if error.line else error.message
                )
    added = [path for path in tree.stats if path not in snapshot]
    return FileChanges(tuple(changed), tuple(added), tuple(removed), broken)


def is_loaded(ref: VersionRef) -> bool:
    """Whether a test loaded the file; of others a snapshot only knows that they were there."""
    return ref.model_key != "-"


class PackageChanges(NamedTuple):
    """Distributions that are not what they were in a run: top-level names, and what happened."""

    changes: tuple[tuple[tuple[str, ...], Cause], ...] = ()
    everything: Cause | None = None  # pytest itself or one of its plugins

    def changed(self) -> tuple[tuple[tuple[str, ...], Cause], ...]:
        return self.changes


def changed_states(states: Mapping[int, ResourceState], today: Today) -> frozenset[int]:
    """Ids of the states, of all that runs recorded, that do not hold today."""
    return frozenset(number for number, state in states.items() if not today.holds(state))
