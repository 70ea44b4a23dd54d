"""Commits of a repository, and worktrees of it.

They import what is their own, wherever the project is installed.
"""

import subprocess
import sysconfig
from pathlib import Path

import pytest

from testmon_cli.application.proof.history import Repository, import_folders
from testmon_cli.domain.errors import EnvironmentFailure


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with two commits; the subject of the second one holds what Unicode calls the end of a line."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    commands = (
        ["init", "--quiet"],
        ["commit", "--quiet", "--allow-empty", "-m", "first"],
        ["commit", "--quiet", "--allow-empty", "-m", "second\u2028half"],
    )
    for command in commands:
        subprocess.run(["git", *identity, *command], cwd=tmp_path, check=True)
    return Repository(tmp_path)


def test_a_subject_is_one_line_whatever_it_holds(repository: Repository) -> None:
    assert [commit.subject for commit in repository.commits(5)] == ["first", "second\u2028half"]


def test_no_hook_of_the_user_runs_in_a_worktree(repository: Repository, tmp_path: Path) -> None:
    hook = tmp_path / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    first, second = repository.commits(5)
    with repository.worktree(first.name) as tree:
        tree.check_out(second.name)
        assert tree.root.is_dir()
    assert not (tmp_path / "ran").exists()
    assert not tree.root.exists()


def test_what_git_could_not_do_is_said_by_its_command(repository: Repository) -> None:
    with (
        pytest.raises(EnvironmentFailure, match=r"^git worktree failed"),
        repository.worktree("0" * 40),
    ):
        pass


def test_the_folders_that_a_checkout_is_imported_from(tmp_path: Path) -> None:
    (tmp_path / "two" / "src").mkdir(parents=True)
    site = sysconfig.get_path("purelib")
    inner = str(tmp_path / "lib")
    assert import_folders(tmp_path, ["", inner, site, "/elsewhere"], []) == ["lib"]
    assert import_folders(tmp_path, [str(tmp_path), inner], [str(tmp_path / "two")]) == [
        ".",
        "lib",
        "two/src",
    ]
    # an environment in the checkout is not its source
    assert import_folders(Path(site).parents[2], [site], []) == []
