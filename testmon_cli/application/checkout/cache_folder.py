"""The cache folder in the project's root. Only what this user made is used."""

import os
from pathlib import Path
from typing import NamedTuple

from testmon_cli.application.checkout import git
from testmon_cli.domain.errors import EnvironmentFailure
from testmon_cli.tracing.engines import cache_seal, probe_cache
from testmon_cli.tracing.settings import CACHE_FOLDER


class CacheFolder(NamedTuple):
    """The folder of a root, made ready for a run."""

    key: str  # file with the key of what is kept there, "" when nothing is to be kept or used
    note: str = ""  # why not, for stderr


def prepare(root: Path, *, is_in_git: bool) -> CacheFolder:
    """Make the folder, and the key of this user when it has none yet."""
    folder = root / CACHE_FOLDER
    if folder.is_symlink():
        return CacheFolder(
            "", f"{CACHE_FOLDER} is a link, so nothing in it is used: remove the link"
        )
    if is_in_git and folder.exists() and _is_tracked(root):
        return CacheFolder(
            "",
            f"git tracks {CACHE_FOLDER}, so nothing in it is used: git rm -r --cached {CACHE_FOLDER}",
        )
    probe_cache.prepare(str(root))
    place = cache_seal.key_place(os.environ)
    key = cache_seal.make_key(place)
    if not key and os.path.lexists(place):
        return CacheFolder(
            "",
            f"{place} is not a file for you alone (mode 0600), so {CACHE_FOLDER} is not used: remove it",
        )
    return CacheFolder(key)


def key_of_existing(root: Path) -> str:
    """The file with the key of what is kept in the folder of a root, as `prepare` leaves it.

    Nothing is made: "" where the folder, or the key of this user, is not there yet or not to be
    used.
    """
    folder = root / CACHE_FOLDER
    if folder.is_symlink() or not folder.is_dir() or _is_tracked(root):
        return ""
    return cache_seal.key_place(os.environ)


def _is_tracked(root: Path) -> bool:
    try:
        return git.has_files_in(root, CACHE_FOLDER)
    except EnvironmentFailure:  # git went away
        return False
