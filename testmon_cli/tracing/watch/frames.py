"""On whose behalf something happens: the project frames of the stack."""

import _collections_abc
import _thread
import dis
import os
import sys
from functools import cache
from types import FrameType
from typing import Any

from testmon_cli.tracing.disguise import OURS
from testmon_cli.tracing.originals import list_folder, paths
from testmon_cli.tracing.settings import Scope

PROJECT, MACHINERY, OTHER, WATCH = 1, 2, 3, 4
_LIMIT = 32  # frames; a function that keeps what it reads may be far out
_PACKAGES = (
    "_pytest",
    "pytest",
    "pluggy",
    "xdist",
    "execnet",
    "coverage",
    "pytest_cov",
    "testmon_cli",
)
# What reads the sources of others to show them; hypothesis takes constants from there.
_SHOWING = (
    "hypothesis",
    "IPython",
    "executing",
    "stack_data",
    "icecream",
    "rich",
    "sphinx",
    "varname",
)
_MODULES = ("linecache.py", "traceback.py", "inspect.py", "doctest.py", "pdb.py")

_INSTALLED = ("site-packages", "dist-packages")
# Modules of this package that reads of project code go through. What `imports` reads it reads for
# itself.
_WATCHING = (
    "foreign_code",
    "frames",
    "library_calls",
    "places",
    "programs",
    "project_reads",
    "resources",
    "variables",
)
# What imports modules for who calls it, and looks up no names of its own choice there.
_PASSING_ON = (
    "importlib_metadata",
    "importlib_resources",
    "pkg_resources",
    "lazy_loader",
    "mock",
    "pytest_mock",
)
# packages that do the same as importlib.metadata
_FINDERS = ("importlib_metadata", "pkg_resources")
_LIBRARY = paths.dirname(os.__file__) + paths.sep
# what runs functions that it is given, in other processes
_RUNNERS = tuple(_LIBRARY + name + paths.sep for name in ("multiprocessing", "concurrent"))
# what reads texts for who calls it
_READERS = (_LIBRARY + "inspect.py", _LIBRARY + "doctest.py")
_METADATA = paths.join(_LIBRARY, "importlib", "metadata")
_WATCHERS = paths.dirname(paths.abspath(__file__)) + paths.sep
_OWN = paths.dirname(paths.dirname(_WATCHERS)) + paths.sep  # all of tracing
_PACKAGE = paths.dirname(paths.dirname(_OWN)) + paths.sep  # in a checkout, it is not installed
# What every read of os.environ goes through; the code of both is frozen into Python, so their files
# do not name it.
_PLUMBING = frozenset(
    {os.getenv.__code__.co_filename, _collections_abc.Mapping.get.__code__.co_filename, OURS},
)

_IMPORT = dis.opmap["IMPORT_NAME"]
# Modules of pytest that import what tests name: `importorskip`, `monkeypatch.setattr`.
_SETTING_UP = tuple(paths.join("_pytest", name) for name in ("fixtures.py", "unittest.py"))
_ASKING = tuple(paths.join("_pytest", name) for name in ("outcomes.py", "monkeypatch.py"))

# A module of pytest whose functions do what tests ask for.
_ON_REQUEST = paths.join("_pytest", "pytester.py")

Frames = tuple[tuple[str, str, int], ...]


class FrameReader:
    """Finds the project code that an event happens for, if it is not pytest or an import."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._kinds: dict[str, int] = {}
        self._modules = frozenset(_LIBRARY + name for name in _MODULES)
        self._watch = frozenset({OURS, *(f"{_WATCHERS}{name}.py" for name in _WATCHING)})

    def project_frames(self) -> Frames:
        """The project frames, innermost first; none when the event is not the project's doing."""
        return self._from(sys._getframe(2))

    def project_frames_of_reader(self, *, of_place: bool) -> Frames:
        """The project frames, if a caller of `inspect` or `doctest` wants a text to use it.

        `of_place` says that it is that of code which runs: only what project code makes of it
        counts.
        """
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and (
            frame.f_code.co_filename in _READERS or self._kind(frame) == WATCH
        ):
            frame = frame.f_back
        if frame is None:
            return ()
        kind = self._kind(frame)
        is_meant = kind == PROJECT or (
            kind == OTHER and not of_place and not _only_shows(frame.f_code.co_filename)
        )
        return self._from(frame) if is_meant else ()

    def project_frames_of_importer(self, *, of_any: bool) -> Frames:
        """The project frames, if a call that the importing function made is looking for a module.

        None for an import statement of the project: what it names is known without running it.
        `of_any` says that a library may be calling for the project.
        """
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and (self._kind(frame) == WATCH or _imports(frame)):
            frame = frame.f_back
        while frame is not None and frame.f_code.co_filename.endswith(_ASKING):
            frame = frame.f_back
        if frame is None:
            return ()
        is_of_project = self._kind(frame) == PROJECT
        if not (of_any or is_of_project):
            return ()
        is_statement = is_of_project and frame.f_code.co_code[frame.f_lasti] == _IMPORT
        return () if is_statement else self._from(frame)

    def project_calls(self) -> bool:
        """Tell whether project code itself called what now raises an audit event."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and self._kind(frame) in (WATCH, MACHINERY):
            frame = frame.f_back
        return frame is not None and self._kind(frame) == PROJECT

    def is_of_project(self, frame: FrameType | None) -> bool:
        """Tell whether a frame, or who called it by way of our own code, is of the project."""
        while frame is not None and self._kind(frame) == WATCH:
            frame = frame.f_back
        return frame is not None and self._kind(frame) == PROJECT

    def _kind(self, frame: FrameType) -> int:
        name = frame.f_code.co_filename
        return self._kinds.get(name) or self._classify(name)

    def _from(self, frame: FrameType | None) -> Frames:
        found: list[tuple[str, str, int]] = []
        kinds = self._kinds
        while frame is not None:
            code = frame.f_code
            name = code.co_filename
            kind = kinds.get(name) or self._classify(name)
            if kind == PROJECT:
                found.append(
                    (self._scope.source(name) or name, code.co_qualname, frame.f_lineno or 0)
                )
                if len(found) == _LIMIT:
                    break
            elif kind == MACHINERY and not found and not _gives_data(frame):
                return ()
            frame = frame.f_back
        return tuple(found)

    def is_of_no_source(self, *, is_started: bool) -> bool:
        """Tell whether code runs that is no source, nor of a library, of pytest or of an import.

        It is a script that a test wrote, or one elsewhere. In a process that a test started
        (`is_started`) or a thread it may be a library that runs alone: what that does it does for
        who started it, as `threading.Thread(target=path.read_text)`.
        """
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            kind, name = self._kind(frame), frame.f_code.co_filename
            if kind in (PROJECT, MACHINERY):
                return False
            if kind == OTHER and not name.startswith("<") and not is_installed(name):
                return True
            frame = frame.f_back
        return is_started or _is_in_worker()

    def is_in_fixture_of_library(self) -> bool:
        """Tell whether a fixture of a plugin, or of a class of a library, runs, and no other code.

        What it reads it prepares for the tests that use it.
        """
        frame: FrameType | None = sys._getframe(1)
        is_of_plugin = False
        while frame is not None:
            name = frame.f_code.co_filename
            kind = self._kind(frame)
            if kind == MACHINERY:
                return is_of_plugin and name.endswith(_SETTING_UP)
            if kind == PROJECT:
                return False
            is_of_plugin = is_of_plugin or (kind == OTHER and not _is_library(name))
            frame = frame.f_back
        return False

    def asked_by_library(self) -> bool:
        """Tell whether the standard library reads a variable for its own purposes."""
        frame = asker(sys._getframe(2))
        return frame is not None and _is_library(frame.f_code.co_filename)

    def asked_by_runner(self) -> bool:
        """Tell whether a pool of processes reads a variable, as who uses it told it to."""
        frame = asker(sys._getframe(2))
        return frame is not None and frame.f_code.co_filename.startswith(_RUNNERS)

    def _classify(self, name: str) -> int:
        if name in self._watch:
            kind = WATCH
        elif self._scope.source(name) is not None and not name.startswith(_OWN):
            kind = PROJECT
        elif (
            name.startswith("<frozen importlib._bootstrap")
            or name in self._modules
            or (self._is_package(name) and not name.endswith(_ON_REQUEST))
        ):
            kind = MACHINERY
        else:
            kind = OTHER
        self._kinds[name] = kind
        return kind

    def _is_package(self, name: str) -> bool:
        return name.startswith(_OWN) or _is_of_package(name, _PACKAGES)


def _is_in_worker() -> bool:
    threading: Any = sys.modules.get("threading")
    return threading is not None and _thread.get_ident() != threading.main_thread().ident


def _imports(frame: FrameType) -> bool:
    """Tell whether code is of importlib."""
    return (
        frame.f_code.co_filename.startswith("<frozen importlib")
        or str(frame.f_globals.get("__name__")).partition(".")[0] == "importlib"
    )


def _gives_data(frame: FrameType) -> bool:
    """Tell whether code of importlib reads a file for others, as for `pkgutil.get_data`."""
    caller = frame.f_back
    return (
        frame.f_code.co_name == "get_data"
        and caller is not None
        and not caller.f_code.co_filename.startswith("<frozen importlib")
    )


def asker(frame: FrameType | None) -> FrameType | None:
    """The frame that uses os.environ, from one of those that a read of it goes through."""
    while frame is not None:
        code = frame.f_code
        if not _is_plumbing(code.co_filename) or code.co_name == "get_exec_path":
            return frame
        frame = frame.f_back
    return None


@cache
def _is_library(name: str) -> bool:
    """Tell whether a file is of the standard library. The answer is remembered."""
    return name.startswith((_LIBRARY, "<frozen ")) and not any(part in name for part in _INSTALLED)


def is_of_library(frame: FrameType | None, scope: Scope) -> bool:
    """Tell whether a library wants a module, for itself: neither the project, nor pytest.

    `frame` is where to begin to look; the standard library does what who calls it says.
    """
    while frame is not None:
        name = frame.f_code.co_filename
        if not _passes_on(name):
            return (
                scope.source(name) is None
                and not _is_of_package(name, _PACKAGES)
                and _is_distributed(name)
            )
        frame = frame.f_back
    return False


@cache
def _is_distributed(name: str) -> bool:
    """Tell whether a file is of a distribution, and no script that a test wrote."""
    folders = [f for f in sys.path if f and name.startswith(f.rstrip(paths.sep) + paths.sep)]
    return is_installed(name) or any(map(_has_distributions, folders))


def _has_distributions(folder: str) -> bool:
    try:
        return any(entry.endswith((".dist-info", ".egg-info")) for entry in list_folder(folder))
    except OSError:  # an archive, which modules are imported from as well
        return False


@cache
def _passes_on(name: str) -> bool:
    """Tell whether code of a file does what who calls it says."""
    return name.startswith(("<", _OWN)) or _is_library(name) or _is_of_package(name, _PASSING_ON)


@cache
def is_installed(name: str) -> bool:
    """Tell whether a file is of the standard library or of an installed distribution."""
    return name.startswith((_LIBRARY, _PACKAGE)) or any(
        f"{paths.sep}{part}{paths.sep}" in name for part in _INSTALLED
    )


@cache
def _only_shows(name: str) -> bool:
    """Tell whether code of a file reads sources only to show them, or to find examples."""
    return _is_library(name) or _is_of_package(name, _SHOWING)


def _is_of_package(name: str, packages: tuple[str, ...]) -> bool:
    """Tell whether a file is of one of some installed packages."""
    return any(
        f"{paths.sep}{folder}{paths.sep}{package}{paths.sep}" in name
        for folder in _INSTALLED
        for package in packages
    )


@cache
def _is_plumbing(name: str) -> bool:
    """Tell whether reads of os.environ go through code of a file."""
    return name in _PLUMBING or name.startswith(_OWN)


def looks_for_distributions(frame: FrameType) -> bool:
    """Tell whether code lists a folder of the import path to find distributions."""
    folder = paths.dirname(frame.f_code.co_filename)
    if folder == _METADATA:
        return True
    return (
        paths.basename(folder) in _FINDERS and paths.basename(paths.dirname(folder)) in _INSTALLED
    )


def is_import_from_archive(frame: FrameType | None) -> bool:
    """Tell whether Python reads a zip file to import from it."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen zipimport>":
            return True
        frame = frame.f_back
    return False
