"""Sees what project code reads besides code: files, folders, environment variables."""

import os
import sys
from collections.abc import Callable
from typing import Any

from testmon_cli.tracing.originals import is_file, is_there, paths
from testmon_cli.tracing.settings import MEMO_LIMIT, Scope, TraceSettings, matches
from testmon_cli.tracing.watch.distributions import (
    DISTRIBUTION,
    METADATA_FILES,
    distribution_state,
    name_of_own,
)
from testmon_cli.tracing.watch.foreign_code import ForeignCode
from testmon_cli.tracing.watch.frames import is_import_from_archive, looks_for_distributions
from testmon_cli.tracing.watch.library_calls import Busy, LibraryCalls, OnceLoaded
from testmon_cli.tracing.watch.programs import Programs
from testmon_cli.tracing.watch.project_reads import ProjectReads
from testmon_cli.tracing.watch.sink import Sink
from testmon_cli.tracing.watch.states import KEPT, PASSED, PASSING, READ, environment_state
from testmon_cli.tracing.watch.variables import watch_environment
from testmon_cli.tracing.wire import Resource

_WRITES = os.O_WRONLY | os.O_RDWR
# Where things are on a machine: no dependency when only the standard library asks (to start a
# program, to find a folder for temporary files, to know the width of the terminal).
_LIBRARY_VARIABLES = frozenset(
    (
        "PATH",
        "PATHEXT",
        "TMPDIR",
        "TEMP",
        "TMP",
        "COLUMNS",
        "LINES",
        "TERM",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "LC_MESSAGES",
        "LANGUAGE",
    )
)

# Events before somebody begins to see every call of the process.
_WATCHING = ("sys.settrace", "sys.setprofile", "sys.monitoring.register_callback")
_BYTECODE = (".pyc", ".pyo")
_ARCHIVES = (".zip", ".egg", ".whl", ".pyz")  # Python imports from these


class ResourceWatch:
    """Records reads that project code makes, or a library makes for it.

    What the run itself wrote does not count.
    """

    def __init__(self, settings: TraceSettings, scope: Scope, sink: Sink) -> None:
        self._settings = settings
        self._sink = sink
        self._reads = ProjectReads(settings, scope, sink)
        self._places = self._reads.places
        self._frames = self._reads.frames
        self._busy = Busy()
        self._variables: dict[Any, str | None] = {}
        self._unpickled_classes: set[tuple[Any, Any]] = set()  # by libraries
        # by the folder of the metadata
        self._own_distributions: dict[str, str | None] = {}
        self._handlers: dict[str, Callable[..., None]] = {
            "open": self._open,
            "import": self._import,
            "os.listdir": self._list,
            "os.scandir": self._list,
            "os.rename": self._rename,
            "os.link": self._link,
            "os.symlink": self._link_by_name,
            "os.remove": self._remove,
            "os.mkdir": self._make_folder,
            "os.rmdir": self._remove,
            "os.truncate": self._truncate,
            "sqlite3.connect": self._database,
            "ctypes.dlopen": self._load,
            "pickle.find_class": self._unpickled,
            "exec": ForeignCode(scope, self._places, self._frames, sink).ran,
            **dict.fromkeys(_WATCHING, self._watched),
            **Programs(self._reads, self._read_by_program).handlers(),
        }

    def install(self, once_loaded: OnceLoaded) -> None:
        """Begin to see; modules that this process may do without are watched `once_loaded`."""
        sys.addaudithook(self._hook())
        self._ask_for_program = watch_environment(self._read_variable, self._busy)
        LibraryCalls(self._reads, self._busy).install(once_loaded)

    def _hook(self) -> Callable[[str, tuple[Any, ...]], None]:
        handlers, busy = self._handlers, self._busy

        def audit(event: str, arguments: tuple[Any, ...]) -> None:
            handler = handlers.get(event)
            if handler is None or busy.now:
                return
            busy.now = True
            try:
                handler(*arguments)
            except Exception as problem:
                self._sink.failed(problem)
            finally:
                busy.now = False

        return audit

    def _watched(self, *_: Any) -> None:
        self._sink.watched()

    def _unpickled(self, module: Any, name: Any) -> None:
        """An object is unpickled, perhaps in another test than the one that pickled it.

        Classes of libraries do not matter.
        """
        if str(module).partition(".")[0] in sys.stdlib_module_names:
            return
        self._sink.ran_code({*str(module).split("."), *str(name).split(".")})
        key = (module, name)
        if key not in self._unpickled_classes:
            how = READ if self._frames.project_calls() else PASSED
            if how == PASSED:
                self._unpickled_classes.add(key)
            self._sink.read_for_all(Resource(KEPT, f"\t{how}{module}:{name}", ""))

    # files

    def _open(self, path: Any, mode: str | None, flags: int) -> None:
        # imports open many, and to place one takes long
        if isinstance(path, str) and path.endswith(_BYTECODE):
            return
        if isinstance(path, str) and path.endswith(METADATA_FILES):
            self._read_metadata(paths.dirname(path))
        place = self._places.of(path)
        if place is None or place.endswith(_BYTECODE):
            return
        if place.endswith(_ARCHIVES) and is_import_from_archive(sys._getframe(2)):
            # Its modules are not traced, and who imports one that is loaded already cannot be seen.
            self._reads.take_file_for_all(place)
            return
        is_written = flags & _WRITES or (not flags and _writes(mode))
        if not is_written:
            self._reads.take_file(place)
            return
        if _reads_too(mode, flags) and is_there(place):
            self._reads.take_file(place, to_write=True)
        self._places.mark_written(place)

    def _read_metadata(self, folder: str) -> None:
        if folder not in self._own_distributions:
            self._own_distributions[folder] = name_of_own(folder, self._settings.root)
        name = self._own_distributions[folder]
        if name is not None:
            self._reads.take(DISTRIBUTION, name, lambda _: distribution_state(folder))

    def _import(self, _: Any, path: Any, *__: Any) -> None:
        """A compiled extension is loaded: once per process, so every test may rely on it."""
        place = self._places.of(path) if path else None
        if place is not None:
            self._reads.take_file_for_all(place)

    def _load(self, path: Any) -> None:
        """A compiled library is loaded."""
        place = self._places.of(path)
        if place is not None:
            self._reads.take_file(place)

    def rely_on(self, path: str) -> None:
        """Take a file down as read, whoever reads it."""
        place = self._places.of(path)
        if place is not None and not self._places.is_skipped(place):
            self._sink.read(Resource("file", place, self._places.file_state(place)))

    def _list(self, path: Any) -> None:
        if isinstance(path, int):
            place = self._places.of_open_folder(path)
        else:
            place = self._places.of("." if path is None else path)
        if place is None:
            return
        if looks_for_distributions(sys._getframe(2)):
            return  # who asks is seen where it asks: the answer is mostly one that was kept
        if not self._reads.is_known("directory", place):
            self._reads.take_folder(place)

    def _database(self, path: Any) -> None:
        """A database is opened, which whoever opens it most likely writes to, too."""
        path, flags = _file_of_database(path)
        if not self._frames.is_in_fixture_of_library():
            self._open(path, None, flags)
            return
        place = self._places.of(path)
        if place is not None:
            self._places.mark_written(place)

    def _truncate(self, path: Any, *_: Any) -> None:
        self._write(self._places.of(path))

    def _write(self, place: str | None) -> None:
        if place is not None:
            self._places.mark_written(place)

    def _make_folder(self, path: Any, _: int, folder: int = -1) -> None:
        place = self._places.in_folder(path, folder)
        if place is not None and not is_there(place):  # or else it fails
            self._places.mark_written(place)

    def _remove(self, path: Any, folder: int = -1) -> None:
        place = self._places.in_folder(path, folder)
        if place is None:
            return
        if self._places.is_made_unseen(place):
            self._sink.read_for_all(Resource(PASSING, place, ""))
        self._places.mark_written(place)

    def _rename(self, source: Any, target: Any, folder: int = -1, to_folder: int = -1) -> None:
        self._read_under_another_name(self._places.in_folder(source, folder))
        self._remove(source, folder)
        self._write(self._places.in_folder(target, to_folder))

    def _link(self, source: Any, target: Any, folder: int = -1, to_folder: int = -1) -> None:
        self._read_under_another_name(self._places.in_folder(source, folder))
        self._write(self._places.in_folder(target, to_folder))

    def _link_by_name(self, source: Any, target: Any, folder: int = -1) -> None:
        self._write(self._places.in_folder(target, folder))
        if folder < 0:
            beside = paths.join(paths.dirname(os.fsdecode(target)), os.fsdecode(source))
            self._read_under_another_name(self._places.of(beside))

    def _read_under_another_name(self, place: str | None) -> None:
        """Take a file as read that gets another name, under which reading it may not be seen."""
        if place is not None and is_file(place):
            self._reads.take_file(place)

    # the environment

    def _read_by_program(self, name: str, env: Any) -> None:
        """A command for a shell names a variable; `env` is None for that of this process."""
        self._ask_for_program(name, env)

    def _read_variable(self, key: Any, value: Any) -> None:
        name = self._variable(key)
        if name is None or self._reads.is_known("environment", name):
            return
        if name in _LIBRARY_VARIABLES and self._frames.asked_by_library():
            return
        frames = self._frames.project_frames()
        if frames or self._is_read_for_project():
            text = None if value is None else os.fsdecode(value)
            self._sink.read(
                Resource(
                    "environment", name, environment_state(text, self._settings.hash_key), frames
                )
            )

    def _is_read_for_project(self) -> bool:
        """Tell whether a variable is read for a test, though no code of the project runs."""
        is_started = self._sink.has_starter()
        if is_started and self._frames.asked_by_library() and not self._frames.asked_by_runner():
            return False
        return self._reads.is_of_no_source()

    def _variable(self, key: Any) -> str | None:
        """The name of a variable, None when nobody relies on it.

        Some programs read thousands of times.
        """
        try:
            return self._variables[key]
        except KeyError:
            name = os.fsdecode(key)
            is_ours = name.startswith(("TESTMON_", "PYTEST_")) or matches(
                name, self._settings.ignore_environment
            )
            if len(self._variables) > MEMO_LIMIT:
                self._variables.clear()
            found = self._variables[key] = None if is_ours else name
            return found


def _file_of_database(address: Any) -> tuple[Any, int]:
    """The file that SQLite opens for an address, and the flags with which it does.

    The address is a path or, by RFC 3986, a URI: https://sqlite.org/uri.html.
    """
    if not isinstance(address, str) or not address.startswith("file:"):
        return address, os.O_RDWR
    from urllib.parse import parse_qsl, unquote, urlsplit

    parts = urlsplit(address)
    options = dict(parse_qsl(parts.query))
    is_for_reading = options.get("mode") == "ro" or "immutable" in options
    return unquote(parts.path), os.O_RDONLY if is_for_reading else os.O_RDWR


def _reads_too(mode: str | None, flags: int) -> bool:
    """Tell whether who opens a file for writing may see what is in it.

    What is only appended to tells nobody.
    """
    if flags:
        return bool(flags & os.O_RDWR) and not flags & (os.O_TRUNC | os.O_EXCL)
    return mode is not None and "+" in mode and not mode.startswith(("w", "x"))


def _writes(mode: str | None) -> bool:
    """Tell whether a file is opened for writing, by the mode alone as C code gives it."""
    return mode is not None and not {"w", "a", "x", "+"}.isdisjoint(mode)
