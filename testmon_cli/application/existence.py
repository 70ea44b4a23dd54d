"""Whether a test that was recorded is still in the source."""

from typing import TYPE_CHECKING

from testmon_cli.application.sources import Tree
from testmon_cli.domain.errors import SourceError
from testmon_cli.domain.records import StoredExecution

if TYPE_CHECKING:
    from testmon_cli.domain.source import Definition


def is_there(tree: Tree, execution: StoredExecution) -> bool:
    """Whether the test exists today; what may be inherited, made or cannot be read is taken to be there."""
    collected_from = execution.nodeid.partition("::")[0]
    if not tree.exists(collected_from) or not tree.exists(execution.path):
        return False
    if not execution.function:
        return True
    try:
        definitions = tree.model(execution.path).definitions
    except SourceError:
        return True
    owner, _, name = execution.function.rpartition(".")
    if any(d.owner == owner and name in d.names for d in definitions):
        return True
    if owner:
        return any(_may_provide(d, owner) for d in definitions)
    return any(d.kind == "statement" or "star" in d.flags for d in definitions)


def _may_provide(definition: "Definition", cls: str) -> bool:
    """Whether this is the class, and one that may get members from elsewhere."""
    owner, _, name = cls.rpartition(".")
    if definition.owner != owner or name not in definition.names:
        return False
    return definition.kind != "class" or bool(definition.bases or definition.decorators)
