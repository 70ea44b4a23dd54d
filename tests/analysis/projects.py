"""Projects of the tables: sources in memory, and what grows out of an edit of them."""

from collections.abc import Iterable, Mapping

from testmon_cli.analysis import codec
from testmon_cli.analysis.imports import ModuleIndex
from testmon_cli.analysis.model_diff import definition_changes
from testmon_cli.analysis.project import Project
from testmon_cli.analysis.propagation import Affected, Growth
from tests.analysis.sources import model


def project(files: Mapping[str, str], gone: Iterable[str] = (), **facts: object) -> Project:
    """A project of these files (path -> text); what is gone is still known by its path."""
    models = {path: model(text) for path, text in files.items()}
    indices = {path: codec.name_index(found) for path, found in models.items()}

    def mentioning(names: frozenset[str]) -> list[str]:
        hashes = {codec.name_hash(name) for name in names}
        return [path for path, index in indices.items() if codec.mentions_any(index, hashes)]

    return Project(ModuleIndex([*files, *gone]), models.get, mentioning, **facts)  # type: ignore[arg-type]


def grown(before: Mapping[str, str], edits: Mapping[str, str | None], **facts: object) -> Affected:
    """What the edits (path -> new text, None for a file that goes) affect."""
    after = {path: text for path, text in {**before, **edits}.items() if text is not None}
    growth = Growth(
        project(after, gone=[path for path, text in edits.items() if text is None], **facts)
    )
    for path, text in edits.items():
        old = model(before[path]) if path in before else None
        new = model(text) if text is not None else None
        if old is None:
            growth.new_module(path, new.definitions if new else ())
        elif new is None:
            growth.removed_module(path, old.definitions)
        else:
            for change in definition_changes(old, new):
                growth.changed_definition(path, change)
    return growth.grow()


def shown(affected: Affected) -> set[str]:
    """All that has another meaning: "a.py:name", "a.py:Class.member", "a.py?name" (its documents), "a.py" (its import).

    What may only raise is in `affected.fragile`.
    """
    found = {f"{path}:{name}" for path, name in affected.names}
    found |= {f"{path}:{owner}.{name}" for path, owner, name in affected.members}
    found |= {f"{path}?{name}" for path, name in (*affected.docs, *affected.hints)}
    return found | set(affected.modules)
