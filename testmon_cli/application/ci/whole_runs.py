"""When all tests are to run, whatever is selected."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from testmon_cli.application.checkout import environment
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import DatafileError
from testmon_cli.domain.records import WHOLE
from testmon_cli.storage.datafile import Datafile

WORD: Final = "[testmon all]"  # in a commit message, in title or text of a pull request
LABEL: Final = "testmon all"  # of a pull request


def why(settings: Settings, words: str, now: float, *, is_all: bool = False) -> str:
    """Why all tests are to run; "" if only those that are selected.

    `words` are what the author of a change wrote.
    """
    if is_all:
        return "--all"
    words = f"{words}\n{messages(settings.root)}"
    if WORD in words or LABEL in (line.strip() for line in words.splitlines()):
        return f"{WORD} was asked for"
    if settings.full_every is not None and not _has_run(settings, now - settings.full_every):
        return "no run of all tests is as new as full_every wants it"
    return ""


def messages(root: Path) -> str:
    """The messages of the checked out commit, and of the one merged by a provider."""
    return "\n".join(
        git(root, "log", "-1", "--format=%B", revision) for revision in ("HEAD", "HEAD^2")
    )


def git(root: Path, *arguments: str) -> str:
    """Return what git prints; "" where it fails."""
    command: Sequence[str] = ("git", *arguments, "--")
    environ = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=environ,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return ""
    return "" if done.returncode else done.stdout.decode("utf-8", "replace").strip()


def _has_run(settings: Settings, since: float) -> bool:
    """Tell whether a run of all tests began since then."""
    try:
        with Datafile.open(settings.datafile) as datafile:
            runs = datafile.runs(environment.current(settings.env))
            return any(
                run.started >= since and run.completed and run.facts.get(WHOLE) for run in runs
            )
    except DatafileError:
        return False
