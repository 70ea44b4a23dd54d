"""Variables as the providers set them, cut down to those that tell anything."""

import json
from pathlib import Path

import pytest

from testmon_cli.application.checkout.ci_providers import Job, job_of
from testmon_cli.domain.provenance import Provenance

GITHUB = """
CI=true
GITHUB_ACTIONS=true
GITHUB_ACTOR=ada
GITHUB_EVENT_NAME=push
GITHUB_JOB=test
GITHUB_REF=refs/heads/main
GITHUB_REPOSITORY=acme/shop
GITHUB_SHA=1a2b3c
GITHUB_STEP_SUMMARY=/home/runner/summary.md
GITHUB_WORKFLOW=Checks
"""
GITLAB = """
CI=true
CI_COMMIT_BRANCH=main
CI_COMMIT_MESSAGE=Count again
CI_COMMIT_SHA=1a2b3c
CI_JOB_NAME=test
CI_PIPELINE_NAME=Checks
CI_PIPELINE_SOURCE=push
CI_PROJECT_ID=7
GITLAB_CI=true
GITLAB_USER_LOGIN=ada
"""
# Variables of branches are not set in the pipeline of a merge request.
GITLAB_MERGE = """
CI_COMMIT_BRANCH=
CI_PIPELINE_SOURCE=merge_request_event
CI_MERGE_REQUEST_IID=12
CI_MERGE_REQUEST_PROJECT_ID=7
CI_MERGE_REQUEST_SOURCE_PROJECT_ID=7
CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main
CI_MERGE_REQUEST_EVENT_TYPE=detached
"""
CIRCLECI = """
CI=true
CIRCLECI=true
CIRCLE_BRANCH=main
CIRCLE_JOB=test
CIRCLE_NODE_INDEX=0
CIRCLE_NODE_TOTAL=1
CIRCLE_SHA1=1a2b3c
CIRCLE_USERNAME=ada
CIRCLE_WORKFLOW_ID=Checks
"""
BUILDKITE = """
BUILDKITE=true
BUILDKITE_BRANCH=main
BUILDKITE_BUILD_AUTHOR=ada
BUILDKITE_COMMIT=1a2b3c
BUILDKITE_LABEL=test
BUILDKITE_PIPELINE_SLUG=Checks
BUILDKITE_PULL_REQUEST=false
BUILDKITE_REPO=git@github.com:acme/shop.git
CI=true
"""
AZURE = """
BUILD_DEFINITIONNAME=Checks
BUILD_REASON=IndividualCI
BUILD_REQUESTEDFOR=ada
BUILD_SOURCEBRANCH=refs/heads/main
BUILD_SOURCEVERSION=1a2b3c
SYSTEM_JOBNAME=test
SYSTEM_JOBPOSITIONINPHASE=1
SYSTEM_TOTALJOBSINPHASE=1
TF_BUILD=True
"""
JENKINS = """
BRANCH_NAME=main
BUILD_USER_ID=ada
GIT_BRANCH=main
GIT_COMMIT=1a2b3c
JENKINS_URL=https://ci.example.org/
JOB_NAME=Checks
STAGE_NAME=test
"""
ALL = {
    "github": GITHUB,
    "gitlab": GITLAB,
    "circleci": CIRCLECI,
    "buildkite": BUILDKITE,
    "azure": AZURE,
    "jenkins": JENKINS,
}


def job(*texts: str) -> Job:
    """The job of some variables, of which later ones replace earlier ones."""
    return job_of(dict(line.split("=", 1) for text in texts for line in text.split("\n") if line))


def test_outside_of_ci_a_job_is_local() -> None:
    assert job("HOME=/root\nCI=true\nGITHUB_ACTIONS=false") == Job(Provenance("local", "local"))


@pytest.mark.parametrize("provider", ALL)
def test_a_push_to_a_branch(provider: str) -> None:
    assert job(ALL[provider]).provenance == Provenance(
        provider, "push", "main", "1a2b3c", "", "Checks", "test", "ada"
    )


@pytest.mark.parametrize(
    ("variables", "event", "ref", "base"),
    [
        (GITHUB + "GITHUB_EVENT_NAME=schedule", "push", "main", ""),
        (GITHUB + "GITHUB_REF=refs/tags/main", "push", "refs/tags/main", ""),
        (
            GITHUB + "GITHUB_EVENT_NAME=pull_request_target\nGITHUB_BASE_REF=main",
            "other",
            "main",
            "main",
        ),
        (GITHUB + "GITHUB_EVENT_NAME=workflow_run", "other", "main", ""),
        (GITHUB + "GITHUB_EVENT_NAME=issue_comment", "other", "main", ""),
        # Without its description, nobody knows whose pull request it is.
        (
            GITHUB
            + "GITHUB_EVENT_NAME=pull_request\nGITHUB_REF=refs/pull/12/merge\nGITHUB_BASE_REF=main",
            "fork",
            "refs/pull/12",
            "main",
        ),
        (GITLAB + "CI_COMMIT_BRANCH=\nCI_COMMIT_TAG=main", "push", "refs/tags/main", ""),
        (GITLAB + "CI_PIPELINE_SOURCE=trigger", "other", "main", ""),
        (GITLAB + GITLAB_MERGE, "pull-request", "refs/merge-requests/12", "main"),
        (
            GITLAB + GITLAB_MERGE + "CI_MERGE_REQUEST_SOURCE_PROJECT_ID=8",
            "fork",
            "refs/merge-requests/12",
            "main",
        ),
        (
            GITLAB + GITLAB_MERGE + "CI_MERGE_REQUEST_SOURCE_PROJECT_ID=",
            "fork",
            "refs/merge-requests/12",
            "main",
        ),
        (
            GITLAB + GITLAB_MERGE + "CI_MERGE_REQUEST_EVENT_TYPE=merge_train",
            "merge-queue",
            "refs/merge-requests/12",
            "main",
        ),
        (CIRCLECI + "CIRCLE_BRANCH=\nCIRCLE_TAG=v1", "push", "refs/tags/v1", ""),
        (CIRCLECI + "CIRCLE_BRANCH=pull/12\nCIRCLE_PR_NUMBER=12", "fork", "refs/pull/12", ""),
        (
            CIRCLECI + "CIRCLE_BRANCH=main\nCIRCLE_PR_REPONAME=shop\nCIRCLE_PR_NUMBER=12",
            "fork",
            "refs/pull/12",
            "",
        ),
        (
            BUILDKITE
            + "BUILDKITE_PULL_REQUEST=12\nBUILDKITE_PULL_REQUEST_BASE_BRANCH=main\nBUILDKITE_BRANCH=more\n"
            "BUILDKITE_PULL_REQUEST_REPO=https://github.com/acme/shop.git",
            "pull-request",
            "refs/pull/12",
            "main",
        ),
        (
            BUILDKITE
            + "BUILDKITE_PULL_REQUEST=12\nBUILDKITE_PULL_REQUEST_REPO=https://github.com/eve/shop.git",
            "fork",
            "refs/pull/12",
            "",
        ),
        (BUILDKITE + "BUILDKITE_TAG=v1\nBUILDKITE_BRANCH=v1", "push", "refs/tags/v1", ""),
        (
            AZURE + "BUILD_REASON=PullRequest\nBUILD_SOURCEBRANCH=refs/pull/12/merge\n"
            "SYSTEM_PULLREQUEST_ISFORK=False\nSYSTEM_PULLREQUEST_TARGETBRANCH=refs/heads/main",
            "pull-request",
            "refs/pull/12",
            "main",
        ),
        (
            AZURE + "BUILD_REASON=PullRequest\nBUILD_SOURCEBRANCH=refs/pull/12/merge",
            "fork",
            "refs/pull/12",
            "",
        ),
        (AZURE + "BUILD_REASON=ResourceTrigger", "other", "main", ""),
        (
            JENKINS + "BRANCH_NAME=PR-12\nCHANGE_ID=12\nCHANGE_TARGET=main",
            "pull-request",
            "refs/pull/12",
            "main",
        ),
        (JENKINS + "CHANGE_ID=12\nCHANGE_FORK=eve", "fork", "refs/pull/12", ""),
        (JENKINS + "BRANCH_NAME=\nGIT_BRANCH=origin/main", "push", "main", ""),
        (JENKINS + "TAG_NAME=v1", "push", "refs/tags/v1", ""),
        ("JENKINS_URL=x", "other", "", ""),
    ],
)
def test_whose_code_runs(variables: str, event: str, ref: str, base: str) -> None:
    found = job(variables).provenance
    assert (found.event, found.ref, found.base) == (event, ref, base)


@pytest.mark.parametrize(
    ("name", "payload", "event", "base", "words"),
    [
        (
            "push",
            {"head_commit": {"message": "Count\n\n[testmon all]"}},
            "push",
            "",
            "Count\n\n[testmon all]",
        ),
        (
            "pull_request",
            {
                "pull_request": {
                    "title": "Count",
                    "body": None,
                    "labels": [{"name": "testmon all"}],
                    "head": {"repo": {"full_name": "acme/shop"}},
                    "base": {"repo": {"full_name": "acme/shop"}},
                }
            },
            "pull-request",
            "",
            "Count\ntestmon all",
        ),
        (
            "pull_request",
            {
                "pull_request": {
                    "head": {"repo": {"full_name": "eve/shop"}},
                    "base": {"repo": {"full_name": "acme/shop"}},
                }
            },
            "fork",
            "",
            "",
        ),
        (
            "pull_request",
            {"pull_request": {"head": {"repo": None}, "base": {"repo": None}}},
            "fork",
            "",
            "",
        ),
        (
            "merge_group",
            {"merge_group": {"base_ref": "refs/heads/main"}},
            "merge-queue",
            "main",
            "",
        ),
        ("push", [], "push", "", ""),
    ],
)
def test_what_github_says_of_an_event(
    tmp_path: Path, name: str, payload: object, event: str, base: str, words: str
) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(payload), encoding="utf-8")
    found = job(GITHUB, f"GITHUB_EVENT_NAME={name}\nGITHUB_EVENT_PATH={file}")
    assert (found.provenance.event, found.provenance.base, found.words) == (event, base, words)
    assert found.summary == "/home/runner/summary.md"


@pytest.mark.parametrize(
    ("variables", "shard"),
    [
        (GITLAB + "CI_JOB_NAME=test 2/5\nCI_NODE_INDEX=2\nCI_NODE_TOTAL=5", (2, 5)),
        # The jobs of a matrix are numbered as well, and each must run all tests.
        (GITLAB + "CI_JOB_NAME=test: [3.12]\nCI_NODE_INDEX=2\nCI_NODE_TOTAL=5", None),
        (CIRCLECI, None),
        (CIRCLECI + "CIRCLE_NODE_INDEX=4\nCIRCLE_NODE_TOTAL=5", (5, 5)),
        (CIRCLECI + "CIRCLE_NODE_INDEX=5\nCIRCLE_NODE_TOTAL=5", None),
        (CIRCLECI + "CIRCLE_NODE_INDEX=x\nCIRCLE_NODE_TOTAL=5", None),
        (BUILDKITE + "BUILDKITE_PARALLEL_JOB=0\nBUILDKITE_PARALLEL_JOB_COUNT=2", (1, 2)),
        (
            AZURE
            + "SYSTEM_TOTALJOBSINPHASE=3\nSYSTEM_JOBPOSITIONINPHASE=3\nSYSTEM_PARALLELEXECUTIONTYPE=MultiMachine",
            (3, 3),
        ),
        (
            AZURE
            + "SYSTEM_TOTALJOBSINPHASE=3\nSYSTEM_JOBPOSITIONINPHASE=3\nSYSTEM_PARALLELEXECUTIONTYPE=MultiConfiguration",
            None,
        ),
        (AZURE + "SYSTEM_TOTALJOBSINPHASE=3\nSYSTEM_JOBPOSITIONINPHASE=3", None),
    ],
)
def test_which_part_is_its_own(variables: str, shard: tuple[int, int] | None) -> None:
    assert job(variables).shard == shard
