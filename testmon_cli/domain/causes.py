"""Why a name, a module or a test is affected: a chain that a person can check.

All words for what affects something are here; `application/select/reason_text.py` makes sentences
of them.
"""

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """The sort of thing that a link is about. Machine formats print the value."""

    DEFINITION = "definition"  # of a name, or a statement that binds none
    BLOCK = "block"  # code of a function
    IMPORT = "import"  # of a module, or of a name from one
    MEMOISED = "memoised"  # what a function or an object keeps for those that come later
    TEXT = "text"  # a source that is read as a text
    CODE = "code"  # what a test ran that is no source: a text, a script elsewhere
    PACKAGE = "package"  # an installed distribution
    CONFIG = "config"  # the configuration of pytest
    UNKNOWN = "unknown"  # what was not observed
    # Kinds of resources
    FILE = "file"
    DIRECTORY = "directory"
    METADATA = "metadata"
    DISTRIBUTION = "distribution"
    ENVIRONMENT = "environment"
    GLOB = "glob"


class Manner(Enum):
    """What is the matter with a thing. People and machine formats are shown the value."""

    # What may have happened to it: the end of a chain.
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"  # it is the same, and stands elsewhere among the members of its class
    DOCUMENTATION = "documentation"  # the docstring of a definition is another
    ANNOTATION = "annotation"
    UNPARSABLE = "does not parse"
    UNOBSERVED = "was not observed"  # `Cause.unobserved` says more
    # What it has to do with the next link of the chain.
    MENTIONS = "mentions"
    MAY_LOOK_UP = "may look up"
    LOOKS_UP = "looks up"
    READS = "reads"
    READS_DOCUMENTATION = "reads documentation of"
    READS_ANNOTATIONS = "reads annotations of"
    RUNS = "runs"
    NEEDS = "needs"
    IMPORTS = "imports"
    IMPORTS_ALL = "imports *"
    ANNOTATES = "annotates"
    INHERITS = "inherits"
    IS_TOLD_OF_SUBCLASSES = "is told of its subclasses"
    CHANGES = "changes"
    REQUIRES = "requires"
    KEEPS = "keeps results of"
    KEEPS_LATER = "keeps, after all imports, results of"  # so that it affects no import


ADDED, REMOVED, CHANGED = Manner.ADDED, Manner.REMOVED, Manner.CHANGED
MOVED = Manner.MOVED


class Cause(NamedTuple):
    """One link: what is the matter with what, and which earlier link brought it about."""

    kind: Kind
    how: Manner
    path: str  # "" where there is none (a package, a variable)
    name: str
    line: int = 0
    via: "Cause | None" = None
    unobserved: str = ""  # why a thing of the kind UNKNOWN was not observed, in words

    def chain(self) -> tuple["Cause", ...]:
        """The links from this one down to the change itself."""
        found: list[Cause] = []
        link: Cause | None = self
        while link is not None:
            found.append(link)
            link = link.via
        return tuple(found)

    @property
    def wording(self) -> str:
        """The manner in words."""
        return self.unobserved or self.how.value

    @property
    def comes_or_goes(self) -> bool:
        """Whether the thing was added or removed."""
        return self.how in (ADDED, REMOVED)

    @property
    def is_after_imports(self) -> bool:
        """Whether a test kept what brought it about: no import before that saw it."""
        return any(link.how is Manner.KEEPS_LATER for link in self.chain())

    @property
    def origin(self) -> "Cause":
        return self.chain()[-1]


def unobserved(why: str, path: str, name: str) -> Cause:
    """The cause of what was not observed, with the reason in words."""
    return Cause(Kind.UNKNOWN, Manner.UNOBSERVED, path, name, unobserved=why)


def changed_resource(kind: str, name: str) -> Cause:
    """The cause of a resource that is in another state now.

    Its kind as the datafile has it, which may be of later.
    """
    is_known = kind in Kind._value2member_map_
    return Cause(Kind(kind) if is_known else Kind.UNKNOWN, CHANGED, "", name)
