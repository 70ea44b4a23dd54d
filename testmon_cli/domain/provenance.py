"""On whose behalf a run was made, and where."""

from typing import Final, NamedTuple

PUSH: Final = "push"  # what stands on a branch or tag, also when it runs by a schedule or by hand
MERGE_QUEUE: Final = "merge-queue"  # what is about to become a branch, once its checks pass
PULL_REQUEST: Final = "pull-request"  # what somebody with write access proposes
FORK: Final = "fork"  # what somebody without write access proposes, or where that cannot be known
LOCAL: Final = "local"  # outside of continuous integration
OTHER: Final = "other"  # an event of a provider of which is not known whose code it runs
EVENTS: Final = (PUSH, MERGE_QUEUE, PULL_REQUEST, FORK, LOCAL, OTHER)


class Provenance(NamedTuple):
    """Where a run comes from, as its provider says.

    `ref` is the bare name of a branch; everything else has its full name, like `refs/tags/v1` or `refs/pull/12`, and so
    is never taken for a branch.
    """

    provider: str = LOCAL  # "github", "gitlab", "circleci", "buildkite", "azure", "jenkins" or LOCAL
    event: str = LOCAL  # one of EVENTS
    ref: str = ""  # "" where it is not known
    commit: str = ""
    base: str = ""  # the branch into which it is to be merged; "" where there is none
    workflow: str = ""
    job: str = ""
    actor: str = ""
