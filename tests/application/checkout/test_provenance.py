"""Where a run comes from: what the provider says, unless what is checked out says otherwise."""

import pytest

from testmon_cli.application.checkout.provenance import here
from tests.conftest import Project

GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main", "GITHUB_ACTOR": "ann"}


@pytest.mark.parametrize(
    ("name", "expected", "elsewhere"),
    [
        ("push", "push", "other"),
        ("merge_group", "merge-queue", "other"),
        ("pull_request", "fork", "fork"),
    ],
)
def test_a_job_on_a_branch_that_runs_another_commit_is_not_of_the_branch(
    project: Project, name: str, expected: str, elsewhere: str
) -> None:
    project.git("init", "-q")
    project.git("commit", "-q", "--allow-empty", "-m", "one")
    head = project.git("rev-parse", "HEAD").out.strip()
    environ = {**GITHUB, "GITHUB_EVENT_NAME": name, "GITHUB_SHA": head}
    assert (here(project.path, environ).event, here(project.path, environ).commit) == (
        expected,
        head,
    )
    project.git("commit", "-q", "--allow-empty", "-m", "of somebody else")
    assert here(project.path, environ).event == elsewhere


def test_a_person_has_a_name_and_a_folder_without_git_is_believed(project: Project) -> None:
    assert here(project.path, {}).event == "local"
    assert here(project.path, {}).actor
    assert here(
        project.path, {**GITHUB, "GITHUB_EVENT_NAME": "push", "GITHUB_SHA": "abc"}
    ).origin == ("push", "main")
