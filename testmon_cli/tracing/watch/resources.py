"""Sees what project code reads besides code: files, folders, environment variables."""

import functools
import os
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Protocol

from testmon_cli.tracing.disguise import disguise
from testmon_cli.tracing.originals import get_folder, get_state, is_file, is_there
from testmon_cli.tracing.settings import MEMO_LIMIT, Scope, TraceSettings, matches
from testmon_cli.tracing.watch.frames import FrameReader, Frames, is_import_from_archive, looks_for_distributions
from testmon_cli.tracing.watch.states import (
    EXISTS,
    KEPT,
    METADATA,
    PASSED,
    READ,
    directory_state,
    environment_state,
    existence_state,
    file_state,
    is_debris,
    metadata_state,
)
from testmon_cli.tracing.watch.variables import watch_environment
from testmon_cli.tracing.wire import Resource

_WRITES = os.O_WRONLY | os.O_RDWR
# Where things are on a machine: no dependency when only the standard library asks (to start a program, to find a
# folder for temporary files, to know the width of the terminal).
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
# Who gives templates of which it keeps those that it has read: class and method by module.
_TEMPLATES = {
    "jinja2.environment": ("Environment", "_load_template"),
    "django.template.engine": ("Engine", "find_template"),
    "mako.lookup": ("TemplateLookup", "get_template"),
}
_PLACES = (FrameType, TracebackType)
_BYTECODE = (".pyc", ".pyo")
_ARCHIVES = (".zip", ".egg", ".whl", ".pyz")  # Python imports from these


class Sink(Protocol):
    """Takes what was seen, for whom it was seen."""

    def known_state(self, kind: str, name: str) -> str | None:
        """What was recorded of a resource for whoever runs now."""

    def read(self, resource: Resource) -> None:
        """Whoever runs now read this."""

    def spawned(self, program: str, words: list[str], env: Any) -> None:
        """Whoever runs now starts a process."""

    def read_for_all(self, resource: Resource) -> None:
        """A resource was read that every test may rely on."""

    def watched(self) -> None:
        """A debugger, profiler or the like begins to see every call."""

    def failed(self, problem: BaseException) -> None:
        """Watching failed."""


class ResourceWatch:
    """Records reads that project code makes, or a library makes for it; what the run itself wrote does not count."""

    def __init__(self, settings: TraceSettings, scope: Scope, sink: Sink) -> None:
        self._settings = settings
        self._scope = scope
        self._sink = sink
        self._root = settings.root.rstrip(os.sep)
        self._frames = FrameReader(scope)
        self._written: set[str] = set()
        self._created: dict[str, set[str]] = {}  # folder -> names that the run created in it
        self._busy = threading.local()
        self._places: dict[str, str | None] = {}
        self._variables: dict[Any, str | None] = {}
        self._states: dict[str, tuple[int, int, str]] = {}
        self._unpickled_classes: set[tuple[Any, Any]] = set()  # by libraries
        self._handlers: dict[str, Callable[..., None]] = {
            "open": self._open,
            "import": self._import,
            "os.listdir": self._list,
            "os.scandir": self._list,
            "os.rename": self._renamed,
            "os.link": self._renamed,
            "os.symlink": self._renamed,
            "os.remove": self._wrote,
            "os.mkdir": self._wrote,
            "os.rmdir": self._wrote,
            "os.truncate": self._wrote,
            "sqlite3.connect": self._database,
            "subprocess.Popen": self._popen,
            "os.posix_spawn": self._spawn,
            "os.spawn": self._os_spawn,
            "os.exec": self._spawn,
            "os.system": self._system,
            "pickle.find_class": self._unpickled,
            **dict.fromkeys(_WATCHING, self._watched),
        }

    def install(self, once_loaded: Callable[[str, Callable[[], None]], None]) -> None:
        """Begin to see; modules that this process may do without are watched `once_loaded`."""
        sys.addaudithook(self._hook())
        watch_environment(self._read_variable)
        for name in ("exists", "isfile", "isdir"):
            setattr(os.path, name, self._wrap_test(getattr(os.path, name)))
        once_loaded("pathlib", self._watch_paths)
        once_loaded("inspect", self._watch_inspect)
        for name in _TEMPLATES:
            once_loaded(name, functools.partial(self._watch_templates, name))
        for name in ("importlib.metadata", "importlib_metadata"):
            once_loaded(name, functools.partial(self._watch_metadata, name))

    def _watch_paths(self) -> None:
        path: Any = sys.modules["pathlib"].Path
        for name in ("exists", "is_file", "is_dir"):
            setattr(path, name, self._wrap_test(getattr(path, name)))

    def _watch_inspect(self) -> None:
        inspect: Any = sys.modules["inspect"]
        inspect.findsource = self._wrap_findsource(inspect.findsource, inspect.getsourcefile)

    def _watch_templates(self, module: str) -> None:
        name, method = _TEMPLATES[module]
        engine: Any = getattr(sys.modules[module], name)
        setattr(engine, method, self._wrap_templates(getattr(engine, method)))

    def _watch_metadata(self, module: str) -> None:
        path: Any = sys.modules[module].FastPath
        path.search = self._wrap_search(path.search)

    def _hook(self) -> Callable[[str, tuple[Any, ...]], None]:
        handlers, busy = self._handlers, self._busy

        def audit(event: str, arguments: tuple[Any, ...]) -> None:
            handler = handlers.get(event)
            if handler is None or getattr(busy, "now", False):
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
        """What an object kept comes to life again, maybe in another test; classes of libraries do not matter."""
        key = (module, name)
        if key not in self._unpickled_classes and str(module).partition(".")[0] not in sys.stdlib_module_names:
            how = READ if self._frames.project_calls() else PASSED
            if how == PASSED:
                self._unpickled_classes.add(key)
            self._sink.read_for_all(Resource(KEPT, f"\t{how}{module}:{name}", ""))

    # files

    def _open(self, path: Any, mode: str | None, flags: int) -> None:
        if isinstance(path, str) and path.endswith(_BYTECODE):  # imports open many, and to place one takes long
            return
        place = self._place(path)
        if place is None or place.endswith(_BYTECODE):
            return
        if place.endswith(_ARCHIVES) and is_import_from_archive(sys._getframe(2)):
            # Its modules are not traced, and who imports one that is loaded already cannot be seen.
            if not self._skips(place):
                self._sink.read_for_all(Resource("file", place, self._file_state(place)))
        elif flags & _WRITES or (not flags and _writes(mode)):
            if not flags & (os.O_TRUNC | os.O_EXCL) and is_there(place):
                self._file(place)
            self._mark_written(place)
        else:
            self._file(place)

    def _file(self, place: str) -> None:
        # Also where it is known that it was read: this may be another function, which keeps it.
        frames = self._frames.project_frames()
        if frames and not self._skips(place):
            self._sink.read(Resource("file", place, self._file_state(place), frames))

    def _file_state(self, place: str) -> str:
        try:
            stat = get_state(place)
        except OSError:
            return existence_state(place)
        known = self._states.get(place)
        if known is None or known[:2] != (stat.st_mtime_ns, stat.st_size):
            known = self._states[place] = (stat.st_mtime_ns, stat.st_size, file_state(place))
        return known[2]

    def _import(self, _: Any, path: Any, *__: Any) -> None:
        """A compiled extension is loaded: once per process, so every test may rely on it."""
        place = self._place(path) if path else None
        if place is not None and not self._skips(place):
            self._sink.read_for_all(Resource("file", place, self._file_state(place)))

    def rely_on(self, path: str) -> None:
        """Take a file down as read, whoever reads it."""
        place = self._place(path)
        if place is not None and not self._skips(place):
            self._sink.read(Resource("file", place, self._file_state(place)))

    def _list(self, path: Any) -> None:
        place = self._place("." if path is None else path)
        if place is None:
            return
        if looks_for_distributions(sys._getframe(2)):
            return  # who asks is seen where it asks: the answer is mostly one that was kept
        if self._known("directory", place):
            return
        frames = self._frames.project_frames()
        if frames and not self._skips(place):
            self._sink.read(Resource("directory", place, directory_state(place, self._created.get(place, ())), frames))

    def _wrap_search(self, original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """Of what looks for distributions in one folder of the import path."""
        searched, busy, failed = self._searched, self._busy, self._sink.failed

        @functools.wraps(original)
        def search(self: Any, prepared: Any) -> Any:
            if not getattr(busy, "now", False):
                busy.now = True
                try:
                    searched(self.root)
                except Exception as problem:
                    failed(problem)
                finally:
                    busy.now = False
            return original(self, prepared)

        return disguise(search)

    def _searched(self, folder: str) -> None:
        place = self._place(folder or ".")
        if place is None or self._known(METADATA, place):
            return
        frames = self._frames.project_frames()
        if frames and not self._skips(place):
            state = metadata_state(place, self._created.get(place, ()))
            self._sink.read(Resource(METADATA, place, state, frames))

    def _wrap_test(self, original: Callable[..., bool]) -> Callable[..., bool]:
        tested, busy, failed = self._tested, self._busy, self._sink.failed

        @functools.wraps(original)
        def test(path: Any, *rest: Any, **named: Any) -> bool:
            __tracebackhide__ = True
            found = original(path, *rest, **named)
            if not getattr(busy, "now", False):
                busy.now = True
                try:
                    tested(path)
                except Exception as problem:
                    failed(problem)
                finally:
                    busy.now = False
            return found

        return disguise(test)

    def _tested(self, path: Any) -> None:
        place = self._place(path)
        if place is None or self._known("file", place):
            return
        frames = self._frames.project_frames()
        if frames and not self._skips(place):
            self._sink.read(Resource("file", place, existence_state(place), frames))

    def _wrap_findsource(
        self, original: Callable[[Any], Any], file_of: Callable[[Any], str | None]
    ) -> Callable[[Any], Any]:
        """Of what reads a source as text, mostly from a cache: to use it, unless it is one that only shows it."""
        busy, failed = self._busy, self._sink.failed

        @functools.wraps(original)
        def findsource(object: Any) -> Any:  # noqa: A002 # its name is not ours to choose
            found = original(object)
            if not getattr(busy, "now", False):
                busy.now = True
                try:
                    self._source_read(object, file_of(object))
                except Exception as problem:
                    failed(problem)
                finally:
                    busy.now = False
            return found

        return disguise(findsource)

    def _wrap_templates(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Of what gives templates, mostly ones that it keeps: who asks for one relies on its file."""
        given, busy, failed = self._template_given, self._busy, self._sink.failed

        @functools.wraps(original)
        def load(*arguments: Any, **named: Any) -> Any:
            __tracebackhide__ = True
            found = original(*arguments, **named)
            if not getattr(busy, "now", False):
                busy.now = True
                try:
                    given(found)
                except Exception as problem:
                    failed(problem)
                finally:
                    busy.now = False
            return found

        return disguise(load)

    def _template_given(self, found: Any) -> None:
        template = found[0] if isinstance(found, tuple) else found  # Django gives where it found it, too
        name = getattr(template, "filename", None) or getattr(getattr(template, "origin", None), "name", None)
        place = self._place(name) if isinstance(name, str) else None
        if place is not None:
            self._file(place)

    def _source_read(self, what: Any, path: str | None) -> None:
        place = self._place(path)
        if place is None or self._sink.known_state("file", place) not in (None, EXISTS):
            return
        # Where something was called is asked by many that do not want the text: `inspect.stack` gives it.
        frames = self._frames.project_frames_of_reader(of_place=isinstance(what, _PLACES))
        if frames and not self._skips(place):
            self._sink.read(Resource("file", place, self._file_state(place), frames))

    def _database(self, path: Any) -> None:
        self._open(path, None, os.O_RDWR)

    def _renamed(self, source: Any, target: Any, *_: Any) -> None:
        self._wrote(source)
        self._wrote(target)

    def _wrote(self, path: Any, *_: Any) -> None:
        place = self._place(path)
        if place is not None:
            self._mark_written(place)

    def _mark_written(self, place: str) -> None:
        if place not in self._written:
            self._written.add(place)
            if not is_there(place):
                folder, name = os.path.split(place)
                self._created.setdefault(folder, set()).add(name)

    def _known(self, kind: str, name: str) -> bool:
        return self._sink.known_state(kind, name) is not None

    def _skips(self, place: str) -> bool:
        """Whether the run wrote a place or one above it, or it is to be ignored."""
        if place in self._written:
            return True
        relative = place.removeprefix(self._root).lstrip(os.sep)
        if any(is_debris(part) for part in relative.split(os.sep)):
            return True
        if matches(relative.replace(os.sep, "/"), self._settings.ignore_files):
            return True
        folder = os.path.dirname(place)
        while len(folder) > len(self._root):
            if folder in self._written:
                return True
            folder = os.path.dirname(folder)
        return False

    def _place(self, path: Any) -> str | None:
        """The absolute path of something under the root, None for what is elsewhere."""
        if isinstance(path, int) or path is None:
            return None
        name: str = path if type(path) is str else os.fsdecode(path)
        try:
            return self._places[name]
        except KeyError:
            pass
        if name.startswith("<") and name.endswith(">"):  # no file, but how code objects name what has none
            return None
        if not os.path.isabs(name):
            try:
                folder = get_folder()
            except OSError:  # the working folder was removed
                return None
            return self._place(os.path.join(folder, name))
        if len(self._places) > MEMO_LIMIT:
            self._places.clear()
        found = self._places[name] = self._locate(os.path.normpath(name))
        return found

    def _locate(self, name: str) -> str | None:
        if self._scope.holds(name):
            return name
        real = self._scope.below_real_folder(name)
        return real if self._scope.holds(real) else None

    # the environment

    def _read_variable(self, key: Any, value: Any) -> None:
        if getattr(self._busy, "now", False):
            return
        name = self._variable(key)
        if name is None or self._known("environment", name):
            return
        if name in _LIBRARY_VARIABLES and self._frames.asked_by_library():
            return
        frames = self._frames.project_frames()
        if frames:
            text = None if value is None else os.fsdecode(value)
            self._sink.read(Resource("environment", name, environment_state(text, self._settings.hash_key), frames))

    def _variable(self, key: Any) -> str | None:
        """The name of a variable, None when nobody relies on it. Some programs read thousands of times."""
        try:
            return self._variables[key]
        except KeyError:
            name = os.fsdecode(key)
            is_ours = name.startswith(("TESTMON_", "PYTEST_")) or matches(name, self._settings.ignore_environment)
            if len(self._variables) > MEMO_LIMIT:
                self._variables.clear()
            found = self._variables[key] = None if is_ours else name
            return found

    # processes

    def _popen(self, executable: Any, arguments: Any, cwd: Any, env: Any) -> None:
        self._process(executable, arguments, cwd, env)

    def _spawn(self, path: Any, arguments: Any, env: Any) -> None:
        self._process(path, arguments, None, env)

    def _os_spawn(self, mode: int, path: Any, arguments: Any, env: Any) -> None:
        self._process(path, arguments, None, env)

    def _system(self, command: Any) -> None:
        self._process(None, command, None, None)

    def _process(self, executable: Any, arguments: Any, cwd: Any, env: Any) -> None:
        words = command_words(arguments)
        folder = os.fsdecode(cwd) if cwd is not None else ""
        frames: Frames | None = None
        for word in words:
            place = self._place(os.path.join(folder, word))
            if place is None or self._skips(place) or not is_file(place):
                continue
            if self._sink.known_state("file", place) not in (None, EXISTS):
                continue
            frames = self._frames.project_frames() if frames is None else frames
            if frames:
                self._sink.read(Resource("file", place, self._file_state(place), frames))
        program = os.fsdecode(executable) if executable is not None else (words[0] if words else "")
        self._sink.spawned(program, words, env)


def _writes(mode: str | None) -> bool:
    """Whether a file is opened for writing, as C code says it: without flags."""
    return mode is not None and not {"w", "a", "x", "+"}.isdisjoint(mode)


def command_words(arguments: Any) -> list[str]:
    """The words of a command, however it was given."""
    if isinstance(arguments, str | bytes):
        import shlex

        text = os.fsdecode(arguments)
        try:
            return shlex.split(text)
        except ValueError:
            return text.split()
    if isinstance(arguments, os.PathLike):
        return [os.fsdecode(arguments)]
    return [os.fsdecode(word) for word in arguments if isinstance(word, str | bytes | os.PathLike)]
