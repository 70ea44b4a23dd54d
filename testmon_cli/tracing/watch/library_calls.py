"""Sees calls of libraries that read for project code without an audit event."""

import functools
import importlib
import os
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from testmon_cli.tracing.disguise import IMPORT_MACHINERY, OURS, disguise
from testmon_cli.tracing.originals import is_file, paths
from testmon_cli.tracing.watch.project_reads import ProjectReads
from testmon_cli.tracing.watch.states import METADATA, existence_state, metadata_state

OnceLoaded = Callable[[str, Callable[[], None]], None]  # see `ImportWatch.once_loaded`

# Who gives templates of which it keeps those that it has read: class and method by module.
_TEMPLATES = {
    "jinja2.environment": ("Environment", "_load_template"),
    "django.template.engine": ("Engine", "find_template"),
    "mako.lookup": ("TemplateLookup", "get_template"),
}
_PLACES = (FrameType, TracebackType)


class Busy(threading.local):
    """The mark that this thread is in code of a watcher, whose own reads do not count."""

    now = False


def told_of(
    original: Callable[..., Any],
    notice: Callable[..., None],
    busy: Busy,
    failed: Callable[[BaseException], None],
    filename: str = OURS,
) -> Callable[..., Any]:
    """Wrap `original`: `notice` is then called with the result and the arguments.

    It raises what `original` raises; what `notice` raises goes to `failed`. Its frames count as
    those of `filename`.
    """

    @functools.wraps(original)
    def told(*arguments: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        result = original(*arguments, **named)
        if not busy.now:
            busy.now = True
            try:
                notice(result, *arguments, **named)
            except Exception as problem:
                failed(problem)
            finally:
                busy.now = False
        return result

    return disguise(told, filename)


def asking(
    original: Callable[..., Any],
    notice: Callable[..., None],
    busy: Busy,
    failed: Callable[[BaseException], None],
) -> Callable[..., Any]:
    """Wrap `original`: before it, `notice` is called with the arguments.

    What `original` itself calls is not noticed.
    """

    @functools.wraps(original)
    def told(*arguments: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        if busy.now:
            return original(*arguments, **named)
        busy.now = True
        try:
            try:
                notice(*arguments, **named)
            except Exception as problem:
                failed(problem)
            return original(*arguments, **named)
        finally:
            busy.now = False

    return disguise(told)


class LibraryCalls:
    """Puts wrappers around functions of the standard library and of template engines."""

    def __init__(self, reads: ProjectReads, busy: Busy) -> None:
        self._reads = reads
        self._busy = busy

    def install(self, once_loaded: OnceLoaded) -> None:
        """Begin to see; modules that this process may do without are watched `once_loaded`."""
        for name in ("exists", "lexists", "isfile", "isdir", "islink"):
            self._wrap_asking(os.path, name, self._tested)
        for name in ("getsize", "getmtime"):
            self._wrap_asking(os.path, name, self._measured)
        self._wrap_asking(os.path, "realpath", self._resolved)
        self._watch_access()
        self._watch_finding(once_loaded)
        once_loaded("pathlib", self._watch_paths)
        once_loaded("ssl", self._watch_certificates)
        once_loaded("inspect", self._watch_inspect)
        once_loaded("linecache", self._watch_lines)
        once_loaded("doctest", self._watch_examples)
        for module in _TEMPLATES:
            once_loaded(module, functools.partial(self._watch_templates, module))
        for module in ("importlib.metadata", "importlib_metadata"):
            once_loaded(module, functools.partial(self._watch_metadata, module))

    def _wrap(self, owner: Any, name: str, notice: Callable[..., None]) -> None:
        setattr(
            owner, name, told_of(getattr(owner, name), notice, self._busy, self._reads.sink.failed)
        )

    def _wrap_asking(self, owner: Any, name: str, notice: Callable[..., None]) -> None:
        failed = self._reads.sink.failed
        setattr(owner, name, asking(getattr(owner, name), notice, self._busy, failed))

    def _watch_access(self) -> None:
        original = os.access
        self._wrap_asking(os, "access", self._tested)
        for able in (os.supports_dir_fd, os.supports_effective_ids, os.supports_follow_symlinks):
            if original in able:
                able.add(os.access)

    def _watch_finding(self, once_loaded: OnceLoaded) -> None:
        machinery: Any = importlib._bootstrap
        failed = self._reads.sink.failed
        find = told_of(machinery._find_spec, self._missed, self._busy, failed, IMPORT_MACHINERY)
        machinery._find_spec = find
        once_loaded(
            "importlib.util", lambda: setattr(sys.modules["importlib.util"], "_find_spec", find)
        )

    def _missed(self, found: object, name: str, folders: Any, *_: Any, **__: Any) -> None:
        """The project asked by a call for a module, which may not be there."""
        if found is not None:
            return
        reads = self._reads
        within = folders is not None  # a package, which may be one of the project
        found_places = map(reads.places.of, folders if within else sys.path)
        places = [place for place in found_places if place]
        frames = reads.frames.project_frames_of_importer(of_any=within) if places else ()
        if not frames:
            return
        for place in places:
            module = paths.join(place, name.rpartition(".")[2])
            for path in (module, module + ".py"):
                if not reads.is_known("file", path):
                    reads.take("file", path, existence_state, frames)

    def _watch_paths(self) -> None:
        path_class = sys.modules["pathlib"].Path
        for name in ("exists", "is_file", "is_dir", "is_symlink"):
            self._wrap_asking(path_class, name, self._tested)
        for name in ("stat", "lstat"):
            self._wrap_asking(path_class, name, self._described)

    def _tested(self, path: Any, *_: Any, **__: Any) -> None:
        """It was asked whether anything is at a place."""
        place = self._reads.places.of(path)
        if place is not None and not self._reads.is_known("file", place):
            self._reads.take("file", place, existence_state)

    def _resolved(self, path: Any, *, strict: Any = False) -> None:
        """A path is followed through its links, which may need to be there."""
        if strict:
            self._tested(path)

    def _measured(self, path: Any, *_: Any, **__: Any) -> None:
        """It was asked how large a file is, or how old."""
        place = self._reads.places.of(path)
        if place is not None and not self._reads.is_content_known(place):
            self._reads.take("file", place, self._reads.places.file_state)

    def _described(self, path: Any, *_: Any, **__: Any) -> None:
        """All was asked that the system knows of a file.

        Of a source that is mostly its age, which each checkout makes anew.
        """
        caller = sys._getframe(2)
        if str(caller.f_globals.get("__name__")).partition(".")[0] == "pathlib":
            return  # `resolve`, which wants no more than a name
        is_source = self._reads.places.is_source(path)
        (self._tested if is_source else self._measured)(path)

    def _watch_certificates(self) -> None:
        context = sys.modules["ssl"].SSLContext
        self._wrap_asking(context, "load_cert_chain", self._certificates_read)
        self._wrap_asking(context, "load_verify_locations", self._certificates_read)

    def _certificates_read(self, _: Any, *given: Any, **named: Any) -> None:
        """Files were read, as some arguments name them; a password is among the others."""
        for path in (*given, *named.values()):
            is_path = isinstance(path, str | bytes | os.PathLike)
            place = self._reads.places.of(path) if is_path else None
            if place is not None and is_file(place):
                self._reads.take_file(place)

    def _watch_inspect(self) -> None:
        inspect: Any = sys.modules["inspect"]
        self._wrap(
            inspect, "findsource", functools.partial(self._source_read, inspect.getsourcefile)
        )

    def _source_read(self, file_of: Callable[[Any], str | None], _: object, what: Any) -> None:
        """The text of a source was given, mostly from a cache.

        The caller uses it, unless it only shows sources.
        """
        place = self._reads.places.of(file_of(what))
        if place is None or self._reads.is_content_known(place):
            return
        # Where something was called is asked by many that do not want the text: `inspect.stack`
        # gives it.
        frames = self._reads.frames.project_frames_of_reader(of_place=isinstance(what, _PLACES))
        self._reads.take("file", place, self._reads.places.file_state, frames)

    def _watch_lines(self) -> None:
        for name in ("getline", "getlines"):
            self._wrap(sys.modules["linecache"], name, self._lines_read)

    def _lines_read(self, _: object, path: Any, *__: Any, **___: Any) -> None:
        """Lines of a file were given, by a library or to show where something happened.

        Only what the project asks for itself counts.
        """
        place = self._reads.places.of(path)
        if place is not None and self._reads.frames.is_of_project(sys._getframe(1)):
            self._reads.take_file(place)

    def _watch_examples(self) -> None:
        self._wrap(sys.modules["doctest"], "_load_testfile", self._examples_read)

    def _examples_read(self, read: tuple[str, str], *_: Any, **__: Any) -> None:
        """A text file with examples was read, for a test that runs them."""
        place = self._reads.places.of(read[1])
        if place is not None:
            frames = self._reads.frames.project_frames_of_reader(of_place=False)
            self._reads.take("file", place, self._reads.places.file_state, frames)

    def _watch_templates(self, module: str) -> None:
        name, method = _TEMPLATES[module]
        self._wrap(getattr(sys.modules[module], name), method, self._template_given)

    def _template_given(self, found: Any, *_: Any, **__: Any) -> None:
        """A template was given, mostly one that the engine keeps.

        Who asks for it relies on its file.
        """
        # Django gives where it found it, too
        template = found[0] if isinstance(found, tuple) else found
        name = getattr(template, "filename", None) or getattr(
            getattr(template, "origin", None), "name", None
        )
        place = self._reads.places.of(name) if isinstance(name, str) else None
        if place is not None:
            self._reads.take_file(place)

    def _watch_metadata(self, module: str) -> None:
        self._wrap(sys.modules[module].FastPath, "search", self._searched)

    def _searched(self, _: object, finder: Any, *__: Any) -> None:
        """Distributions were looked for in one folder of the import path."""
        places = self._reads.places
        place = places.of(finder.root or ".")
        if place is not None and not self._reads.is_known(METADATA, place):
            self._reads.take(
                METADATA, place, lambda folder: metadata_state(folder, places.created_in(folder))
            )
