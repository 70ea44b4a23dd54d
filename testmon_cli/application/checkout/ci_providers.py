"""Reads the variables of a CI provider.

Whose code it runs, and which part of the tests is its own.

Whoever is not known to have write access counts as a fork, and an event that may run anybody's code
as OTHER. An index of a job counts as a shard only where the provider says that its jobs divide the
work: the jobs of a matrix, which run the same tests in several environments, are numbered in the
same way.
"""

import json
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from testmon_cli.application.checkout.files import read_bytes
from testmon_cli.domain import provenance as events
from testmon_cli.domain.provenance import Provenance

_BRANCH: Final = "refs/heads/"
_Environ = Mapping[str, str]


class Job(NamedTuple):
    """A job of a provider."""

    provenance: Provenance
    # the number of this job, from 1, and how many there are; None for all tests
    shard: tuple[int, int] | None = None
    # what its author wrote: message of the commit, title, text and labels of the pull request
    words: str = ""
    summary: str = ""  # the file for a summary in Markdown; "" where the provider shows none


def job_of(environ: _Environ) -> Job:
    """The job that these variables describe; a local one if they are of no known provider."""
    for variable, value, read in _TABLE:
        given = environ.get(variable, "")
        if given and value in ("", given):
            return read(environ)
    return Job(Provenance())


def _github(environ: _Environ) -> Job:
    payload = _payload(environ.get("GITHUB_EVENT_PATH", ""))
    name = environ.get("GITHUB_EVENT_NAME", "")
    change = _of(payload, "pull_request")
    ref = environ.get("GITHUB_REF", "")
    base = environ.get("GITHUB_BASE_REF", "")
    if name == "pull_request":
        event = events.PULL_REQUEST if _is_own(change) else events.FORK
        ref = ref.removesuffix("/merge")
    elif name == "merge_group":
        event = events.MERGE_QUEUE
        base = _text(_of(payload, "merge_group"), "base_ref")
    else:
        event = events.PUSH if name in _GITHUB_PUSHES else events.OTHER
    labels = change.get("labels")
    return Job(
        Provenance(
            provider="github",
            event=event,
            ref=_branch(ref),
            commit=environ.get("GITHUB_SHA", ""),
            base=_branch(base),
            workflow=environ.get("GITHUB_WORKFLOW", ""),
            job=environ.get("GITHUB_JOB", ""),
            actor=environ.get("GITHUB_ACTOR", ""),
        ),
        words=_words(
            _text(_of(payload, "head_commit"), "message"),
            _text(_of(_of(payload, "merge_group"), "head_commit"), "message"),
            _text(change, "title"),
            _text(change, "body"),
            *(_text(label, "name") for label in (labels if isinstance(labels, list) else ())),
        ),
        summary=environ.get("GITHUB_STEP_SUMMARY", ""),
    )


# Events that run what stands on the branch or tag they name. Others, like pull_request_target,
# workflow_run and issue_comment, name the main branch and often check out what a stranger proposes.
_GITHUB_PUSHES: Final = ("push", "schedule", "workflow_dispatch", "release", "create")


def _is_own(change: Mapping[str, object]) -> bool:
    """Tell whether the branch of a pull request stands in the repository that it is for."""
    head = _text(_of(_of(change, "head"), "repo"), "full_name")
    return bool(head) and head == _text(_of(_of(change, "base"), "repo"), "full_name")


def _gitlab(environ: _Environ) -> Job:
    change = environ.get("CI_MERGE_REQUEST_IID", "")
    tag = environ.get("CI_COMMIT_TAG", "")
    if change:
        source = environ.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "")
        is_own = bool(source) and source == environ.get("CI_MERGE_REQUEST_PROJECT_ID")
        event = events.PULL_REQUEST if is_own else events.FORK
        # somebody with write access put it there
        if environ.get("CI_MERGE_REQUEST_EVENT_TYPE") == "merge_train":
            event = events.MERGE_QUEUE
        ref = f"refs/merge-requests/{change}"
    else:
        event = events.PUSH if environ.get("CI_PIPELINE_SOURCE") in _GITLAB_PUSHES else events.OTHER
        ref = f"refs/tags/{tag}" if tag else environ.get("CI_COMMIT_BRANCH", "")
    name = environ.get("CI_JOB_NAME", "")
    shard = _shard(environ, "CI_NODE_INDEX", "CI_NODE_TOTAL", first=1)
    # Jobs of `parallel: 5` are called "test 1/5", those of a matrix "test: [3.12]".
    is_shard = shard is not None and name.endswith(f" {shard[0]}/{shard[1]}")
    return Job(
        Provenance(
            provider="gitlab",
            event=event,
            ref=ref,
            commit=environ.get("CI_COMMIT_SHA", ""),
            base=environ.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", ""),
            workflow=environ.get("CI_PIPELINE_NAME", ""),
            job=name,
            actor=environ.get("GITLAB_USER_LOGIN", ""),
        ),
        shard=shard if is_shard else None,
        words=_words(
            environ.get("CI_COMMIT_MESSAGE", ""),
            environ.get("CI_MERGE_REQUEST_TITLE", ""),
            environ.get("CI_MERGE_REQUEST_DESCRIPTION", ""),
            *environ.get("CI_MERGE_REQUEST_LABELS", "").split(","),
        ),
    )


_GITLAB_PUSHES: Final = ("push", "schedule", "web", "api", "parent_pipeline")


def _circleci(environ: _Environ) -> Job:
    tag, branch = environ.get("CIRCLE_TAG", ""), environ.get("CIRCLE_BRANCH", "")
    # Of a pull request from its own repository, the branch is built as it stands.
    is_fork = any(
        environ.get(name)
        for name in ("CIRCLE_PR_NUMBER", "CIRCLE_PR_REPONAME", "CIRCLE_PR_USERNAME")
    )
    is_fork = is_fork or branch.startswith("pull/")
    if is_fork:
        ref = f"refs/pull/{environ.get('CIRCLE_PR_NUMBER') or branch.removeprefix('pull/')}"
    else:
        ref = f"refs/tags/{tag}" if tag else branch
    return Job(
        Provenance(
            provider="circleci",
            event=events.FORK if is_fork else events.PUSH,
            ref=ref,
            commit=environ.get("CIRCLE_SHA1", ""),
            workflow=environ.get("CIRCLE_WORKFLOW_ID", ""),
            job=environ.get("CIRCLE_JOB", ""),
            actor=environ.get("CIRCLE_USERNAME", ""),
        ),
        shard=_shard(environ, "CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", first=0),
    )


def _buildkite(environ: _Environ) -> Job:
    change, tag = environ.get("BUILDKITE_PULL_REQUEST", "false"), environ.get("BUILDKITE_TAG", "")
    if change not in ("", "false"):
        source = _repository(environ.get("BUILDKITE_PULL_REQUEST_REPO", ""))
        is_own = bool(source) and source == _repository(environ.get("BUILDKITE_REPO", ""))
        event, ref = events.PULL_REQUEST if is_own else events.FORK, f"refs/pull/{change}"
    else:
        event, ref = events.PUSH, f"refs/tags/{tag}" if tag else environ.get("BUILDKITE_BRANCH", "")
    return Job(
        Provenance(
            provider="buildkite",
            event=event,
            ref=ref,
            commit=environ.get("BUILDKITE_COMMIT", ""),
            base=environ.get("BUILDKITE_PULL_REQUEST_BASE_BRANCH", ""),
            workflow=environ.get("BUILDKITE_PIPELINE_SLUG", ""),
            job=environ.get("BUILDKITE_STEP_KEY") or environ.get("BUILDKITE_LABEL", ""),
            actor=environ.get("BUILDKITE_BUILD_AUTHOR")
            or environ.get("BUILDKITE_BUILD_CREATOR", ""),
        ),
        shard=_shard(environ, "BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", first=0),
        words=environ.get("BUILDKITE_MESSAGE", ""),
    )


def _repository(url: str) -> str:
    """The host and path of a repository's address, of whatever protocol."""
    rest = url.partition("://")[2] or url.replace(":", "/", 1)
    return rest.rpartition("@")[2].removesuffix("/").removesuffix(".git").lower()


def _azure(environ: _Environ) -> Job:
    reason = environ.get("BUILD_REASON", "")
    if reason == "PullRequest":
        is_own = environ.get("SYSTEM_PULLREQUEST_ISFORK", "").lower() == "false"
        event = events.PULL_REQUEST if is_own else events.FORK
    else:
        event = events.PUSH if reason in _AZURE_PUSHES else events.OTHER
    shard = _shard(environ, "SYSTEM_JOBPOSITIONINPHASE", "SYSTEM_TOTALJOBSINPHASE", first=1)
    # a matrix is MultiConfiguration
    is_shard = environ.get("SYSTEM_PARALLELEXECUTIONTYPE") == "MultiMachine"
    return Job(
        Provenance(
            provider="azure",
            event=event,
            ref=_branch(environ.get("BUILD_SOURCEBRANCH", "").removesuffix("/merge")),
            commit=environ.get("BUILD_SOURCEVERSION", ""),
            base=_branch(environ.get("SYSTEM_PULLREQUEST_TARGETBRANCH", "")),
            workflow=environ.get("BUILD_DEFINITIONNAME", ""),
            job=environ.get("SYSTEM_JOBNAME", ""),
            actor=environ.get("BUILD_REQUESTEDFOR", ""),
        ),
        shard=shard if is_shard else None,
        words=environ.get("BUILD_SOURCEVERSIONMESSAGE", ""),
    )


_AZURE_PUSHES: Final = ("IndividualCI", "BatchedCI", "Manual", "Schedule")


def _jenkins(environ: _Environ) -> Job:
    change, tag = environ.get("CHANGE_ID", ""), environ.get("TAG_NAME", "")
    if change:
        event, ref = (
            events.FORK if environ.get("CHANGE_FORK") else events.PULL_REQUEST,
            f"refs/pull/{change}",
        )
    elif tag:
        event, ref = events.PUSH, f"refs/tags/{tag}"
    else:
        event = events.PUSH
        ref = environ.get("BRANCH_NAME") or environ.get("GIT_BRANCH", "").removeprefix("origin/")
    return Job(
        Provenance(
            provider="jenkins",
            event=event if ref else events.OTHER,
            ref=ref,
            commit=environ.get("GIT_COMMIT", ""),
            base=environ.get("CHANGE_TARGET", ""),
            workflow=environ.get("JOB_NAME", ""),
            job=environ.get("STAGE_NAME", ""),
            actor=environ.get("CHANGE_AUTHOR") or environ.get("BUILD_USER_ID", ""),
        ),
        words=environ.get("CHANGE_TITLE", ""),
    )


# The variable that tells a provider, with the value that it must have ("" for any), and who reads
# the others.
_TABLE: Final[tuple[tuple[str, str, Callable[[_Environ], Job]], ...]] = (
    ("GITHUB_ACTIONS", "true", _github),
    ("GITLAB_CI", "", _gitlab),
    ("CIRCLECI", "true", _circleci),
    ("BUILDKITE", "true", _buildkite),
    ("TF_BUILD", "", _azure),
    ("JENKINS_URL", "", _jenkins),
)


def _shard(environ: _Environ, index: str, total: str, *, first: int) -> tuple[int, int] | None:
    """The number of this job among those that divide the work, and theirs.

    None where there is one alone.
    """
    try:
        number, count = int(environ.get(index, "")) + 1 - first, int(environ.get(total, ""))
    except ValueError:
        return None
    return (number, count) if 1 <= number <= count and count > 1 else None


def _branch(ref: str) -> str:
    return ref.removeprefix(_BRANCH)


def _words(*texts: str) -> str:
    return "\n".join(filter(None, texts))


def _payload(path: str) -> Mapping[str, object]:
    """The description of an event. Without it, a pull request counts as one of a fork."""
    try:
        found = json.loads(read_bytes(path)) if path else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _of(value: object, key: str) -> Mapping[str, object]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _text(value: object, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""
