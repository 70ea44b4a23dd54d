"""On whose behalf a run was made and where, and whose results count where.

What a run says of itself is a claim. It is worth something because a hub keeps each origin in a
place of its own, to which only those may write that the owner of the hub lets, or because it is
signed.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from testmon_cli.domain.hashing import blake2b

FACT: Final = "provenance"  # of a run
PUSH: Final = "push"  # what stands on a branch or tag, also when it runs by a schedule or by hand
MERGE_QUEUE: Final = "merge-queue"  # what is about to become a branch, once its checks pass
PULL_REQUEST: Final = "pull-request"  # what somebody with write access proposes
FORK: Final = "fork"  # what somebody without write access proposes, or where that cannot be known
LOCAL: Final = "local"  # outside of continuous integration
OTHER: Final = "other"  # an event of a provider of which is not known whose code it runs
EVENTS: Final = (PUSH, MERGE_QUEUE, PULL_REQUEST, FORK, LOCAL, OTHER)
READ_ONLY: Final = (FORK, OTHER)  # their runs are kept nowhere
TRUST: Final = ("main", "master", MERGE_QUEUE)  # where the settings do not say
_LONGEST: Final = 200  # characters of a field
_LONGEST_NAME: Final = 80  # bytes of the name of an origin


class Provenance(NamedTuple):
    """Where a run comes from, as its provider says.

    `ref` is the bare name of a branch; everything else has its full name, like `refs/tags/v1` or
    `refs/pull/12`, and so is never taken for a branch.
    """

    # "github", "gitlab", "circleci", "buildkite", "azure", "jenkins" or LOCAL
    provider: str = LOCAL
    event: str = LOCAL  # one of EVENTS
    ref: str = ""  # "" where it is not known
    commit: str = ""
    base: str = ""  # the branch into which it is to be merged; "" where there is none
    workflow: str = ""
    job: str = ""
    actor: str = ""

    def bounded(self) -> "Provenance":
        """A copy whose fields are cut to the length that is kept."""
        return Provenance(*(value[:_LONGEST] for value in self))

    def as_facts(self) -> dict[str, str]:
        """The fields that say something."""
        return {name: value for name, value in self._asdict().items() if value}

    @property
    def origin(self) -> "Origin":
        name = self.actor if self.event == LOCAL else self.ref
        data = name.encode("utf-8", "surrogatepass")
        if len(data) > _LONGEST_NAME:  # "~" is in no name of git
            name = f"{name[:30]}~{blake2b(data, digest_size=8).hexdigest()}"
        return Origin(self.event, name)


class Origin(NamedTuple):
    """Who caused a run: the part of its provenance that decides whether it counts."""

    event: str
    name: str  # the ref; of local runs the person

    def __str__(self) -> str:
        return f"{self.event} {self.name}" if self.name else self.event

    def is_trusted(self, trust: Sequence[str]) -> bool:
        """Tell whether one of the names means this origin.

        An event stands for all that it caused, another for pushes to a branch.
        """
        return any(
            self.event == name if name in EVENTS else self._is_push_to(name) for name in trust
        )

    def _is_push_to(self, pattern: str) -> bool:
        from fnmatch import fnmatchcase

        return self.event == PUSH and bool(self.name) and fnmatchcase(self.name, pattern)

    def counts_for(self, reader: "Origin", trust: Sequence[str]) -> bool:
        """Tell whether runs of this origin count for a reader: trusted ones do, and its own."""
        return self.event not in READ_ONLY and (self == reader or self.is_trusted(trust))


def from_facts(value: object) -> Provenance | None:
    """Read the provenance from the fact of a run; None where it is absent or invalid."""
    if not isinstance(value, Mapping) or not value.keys() <= set(Provenance._fields):
        return None
    if (
        not all(isinstance(text, str) for text in value.values())
        or value.get("event") not in EVENTS
    ):
        return None
    return Provenance(**value)
