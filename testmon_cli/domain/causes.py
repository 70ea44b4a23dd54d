"""Why a name, a module or a test is affected: a chain that a person can check."""

from typing import NamedTuple

# What may have happened to a definition, a file or a package.
ADDED = "added"
REMOVED = "removed"
CHANGED = "changed"


class Cause(NamedTuple):
    """One link: what is the matter with what, and which earlier link brought it about."""

    # "definition", "block", "import", "memoised" or "text" in code; "package", "config", "unknown" or a resource
    kind: str
    how: str  # "added", "removed", "changed" at the origin; before it a verb: "mentions", "needs", "runs" ...
    path: str  # "" where there is none (a package, a variable)
    name: str
    line: int = 0
    via: "Cause | None" = None

    def chain(self) -> tuple["Cause", ...]:
        """The links from this one down to the change itself."""
        found: list[Cause] = []
        link: Cause | None = self
        while link is not None:
            found.append(link)
            link = link.via
        return tuple(found)

    @property
    def comes_or_goes(self) -> bool:
        """Whether the thing was added or removed."""
        return self.how in (ADDED, REMOVED)

    @property
    def origin(self) -> "Cause":
        return self.chain()[-1]
