"""Commits of a repository, and a place of its own where each is checked out in its turn."""

import os
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import distributions
from pathlib import Path
from typing import Final, NamedTuple

from testmon_cli.application.checkout import git as checkout_git
from testmon_cli.domain.errors import EnvironmentFailure, TestmonError
from testmon_cli.tracing.settings import CACHE_FOLDER

_FORMAT: Final = "%H%x00%s"
# Set while git runs a hook: they name the repository, whatever the working directory is.
_OF_GIT: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")
_NO_HOOKS: Final = ("core.hooksPath=/dev/null", "advice.detachedHead=false")


class Commit(NamedTuple):
    """A commit, and the first line of its message."""

    name: str
    subject: str


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment in which git finds its repository by the folder it works in."""
    return {name: value for name, value in environ.items() if name not in _OF_GIT}


class Repository:
    """The repository that a root belongs to. Nothing in its checkout is touched."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.top = Path(
            os.path.realpath(os.fsdecode(self._git("rev-parse", "--show-toplevel")).rstrip("\n"))
        )
        self.inside = os.path.relpath(root, self.top)  # where the root is in the repository
        self._lock = threading.Lock()

    def commits(self, number: int, between: str | None = None) -> list[Commit]:
        """The commits to replay, oldest first, after the one to begin with.

        They are the newest ones of the main line.

        `between` names them, as in git: `v1.0..main`.
        """
        first, _, last = between.partition("..") if between else ("", "", "HEAD")
        end = self._resolve(last or "HEAD")
        if between:
            start = self._resolve(first)
            found = self._log(f"{start}..{end}")
            return [*self._log("-1", start), *found] if found else []
        return self._log(f"--max-count={number + 1}", end)

    def _resolve(self, revision: str) -> str:
        try:
            found = self._git(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
            )
        except EnvironmentFailure:
            raise TestmonError(
                f"git knows no revision {revision!r}; give a range like v1.0..main"
            ) from None
        return found.decode().strip()

    def _log(self, *what: str) -> list[Commit]:
        text = self._git("log", "--first-parent", "--reverse", f"--format={_FORMAT}", *what, "--")
        # a subject may hold what `splitlines` takes for an end
        lines = text.decode("utf-8", "replace").split("\n")
        return [
            Commit(name, subject)
            for name, end, subject in (line.partition("\0") for line in lines)
            if end
        ]

    @contextmanager
    def worktree(self, commit: str) -> Iterator["Worktree"]:
        """A worktree in a temporary folder. git forgets it afterwards."""
        with tempfile.TemporaryDirectory(
            prefix="testmon-replay-", ignore_cleanup_errors=True
        ) as folder:
            place = Path(os.path.realpath(folder), self.top.name or "project")
            try:
                with self._lock:
                    self._git(
                        "worktree", "add", "--detach", "--quiet", "--force", str(place), commit
                    )
                yield Worktree(place, place / self.inside, self.top)
            finally:
                self._remove_worktree(place)

    def _remove_worktree(self, place: Path) -> None:
        with self._lock:
            with suppress(EnvironmentFailure):  # it may never have come to be
                self._git("worktree", "remove", "--force", "--force", str(place))
            self._git("worktree", "prune")

    def _git(self, *arguments: str) -> bytes:
        return git(self.root, *arguments)


class Worktree:
    """A checkout that is ours."""

    def __init__(self, place: Path, root: Path, top: Path) -> None:
        self.place = place
        self.root = Path(os.path.normpath(root))
        self._top = top

    def check_out(self, commit: str) -> None:
        """Check out a commit; nothing else stays but what testmon keeps of sources."""
        git(self.place, "checkout", "--quiet", "--force", "--detach", commit)
        git(self.place, "clean", "-ffdxq", "-e", f"{CACHE_FOLDER}/")

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Variables by which the project is imported from here, not from where it is installed."""
        own = import_folders(self._top, sys.path, _editable())
        folders = [str(self.place / folder) for folder in own]
        given = [folder for folder in environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
        found = {**environment(environ), "PYTHONPATH": os.pathsep.join([*folders, *given])}
        if not found["PYTHONPATH"]:
            del found["PYTHONPATH"]
        return found


def import_folders(top: Path, path: Sequence[str], editable: Sequence[str]) -> list[str]:
    """Folders of a checkout from which modules are imported here, relative to it.

    The import path tells them, and editable installs.
    """
    installed = [
        os.path.realpath(sysconfig.get_path(name))
        for name in ("purelib", "platlib", "stdlib", "scripts")
    ]
    found = []
    for folder in path:
        real = os.path.realpath(folder)
        if (
            folder
            and _is_below(real, str(top))
            and not any(_is_below(real, other) for other in installed)
        ):
            found.append(os.path.relpath(real, top))
    for folder in editable:
        real = os.path.realpath(folder)
        if _is_below(real, str(top)):
            inner = os.path.join(real, "src")
            found.append(os.path.relpath(inner if os.path.isdir(inner) else real, top))
    return list(dict.fromkeys(found))


def _editable() -> list[str]:
    """The folders of distributions that are installed in the editable way."""
    import json
    from urllib.parse import unquote, urlsplit

    found = []
    for distribution in distributions():
        text = distribution.read_text("direct_url.json")
        if text:
            facts = json.loads(text)
            if facts.get("dir_info", {}).get("editable"):
                found.append(unquote(urlsplit(facts.get("url", "")).path))
    return found


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def git(folder: Path, *arguments: str) -> bytes:
    """Run git without hooks, whatever hook of git runs us.

    Raises EnvironmentFailure when it fails.
    """
    return checkout_git.answer(
        folder, *arguments, environ=environment(os.environ), settings=_NO_HOOKS
    )
