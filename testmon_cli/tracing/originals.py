"""Functions of the operating system, as they are before tests replace them.

A test that does may count the calls, answer as it likes, or refuse them: none of that is for us.
"""

import importlib.util
import os
import stat
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

open_file, open_handle, write_handle = open, os.open, os.write
get_folder, get_state, get_own_state, list_folder = os.getcwd, os.stat, os.lstat, os.listdir
make_folder, put_in_place, read_link = os.mkdir, os.replace, os.readlink
get_open_state, get_parent = os.fstat, os.getppid
_get_user = getattr(os, "geteuid", None)
environ = os.environ


def get_user(state: os.stat_result) -> int:
    """The user that this process acts for.

    Where systems know no numbers of users, it is the owner of the file.
    """
    return _get_user() if _get_user is not None else state.st_uid


def _copy_of(module: ModuleType) -> ModuleType:
    """A module whose functions call those of `os` as they are now."""
    spec = importlib.util.find_spec(module.__name__)
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    vars(copy)["os"] = SimpleNamespace(**vars(os))
    return copy


# `os.path`: tests put `ntpath` or `posixpath` in its place.
if TYPE_CHECKING:
    import posixpath

    paths = posixpath
else:
    paths = _copy_of(os.path)
absolute_path, real_path = paths.abspath, paths.realpath


def is_there(path: str) -> bool:
    """Tell whether anything is at a place, be it a link that leads nowhere."""
    try:
        get_own_state(path)
    except (OSError, ValueError):
        return False
    return True


def is_file(path: str) -> bool:
    """Tell whether a file is at a place."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: str) -> bool:
    """Tell whether a folder is at a place."""
    return stat.S_ISDIR(_mode(path))


def is_link(path: str) -> bool:
    """Tell whether a symbolic link is at a place."""
    try:
        return stat.S_ISLNK(get_own_state(path).st_mode)
    except (OSError, ValueError):
        return False


def make_folders(path: str) -> None:
    """Make a folder and those above it, as far as they are not there."""
    try:
        make_folder(path)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_folders(os.path.dirname(path))
        make_folder(path)


def _mode(path: str) -> int:
    try:
        return get_state(path).st_mode
    except (OSError, ValueError):
        return 0
