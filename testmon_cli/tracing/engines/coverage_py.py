"""The reference engine: coverage.py's C tracer, one context per identity."""

import inspect
import opcode
import os
import sys
import threading
import warnings
from collections.abc import Callable
from types import CodeType
from typing import Any, NamedTuple

from testmon_cli.domain.hashing import blake2b
from testmon_cli.tracing.attribution import module_identity
from testmon_cli.tracing.engines.protocol import (
    Drained,
    EngineUnavailableError,
    Hits,
    LoadedFile,
    Witness,
)
from testmon_cli.tracing.settings import Scope, TraceSettings

_REMEMBERED = 20_000  # hits that are given out as the same objects
# Before 3.12 Python does not tell tracers that a frame goes on when an exception is thrown into one
# that waits for another: the C tracer then takes what follows, there and in the frames below, for
# lines of other files.
_LOSES_LINES = sys.version_info < (3, 12)
_LOST = "with Python 3.11 coverage.py can lose lines where coroutines are cancelled; --engine probes does not"
# the audit event: asyncio, trio and others set these hooks
_LOOP_STARTS = "sys.set_asyncgen_hook_firstiter"
_COROUTINES = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE
_DELEGATES = opcode.opmap.get("GET_YIELD_FROM_ITER", 0)
_MEASURED_BY_ANOTHER = "coverage was measured in the same process; use --engine probes"


class Lines(NamedTuple):
    """Which lines of a source are of which kind."""

    module: frozenset[int]  # those that only the module's own code has, no function or class in it
    # of functions that wait for others of their kind, without the first line
    waiting: frozenset[int]


class CoverageEngine:
    """Collects lines with coverage.py.

    The C tracer is forced: the core that coverage.py prefers on new Pythons keeps only the first
    context of a line. Lines are taken from the collector at each switch, as coverage itself does
    before it stores them.
    """

    name = "coverage"
    plain: frozenset[str] = frozenset()  # it changes no bytecode
    is_making = False  # it does not see that

    def __init__(self, settings: TraceSettings, scope: Scope) -> None:
        self._settings = settings
        self._scope = scope
        self._identity = "session:"
        self._hits: dict[str, dict[str, set[int]]] = {}
        self._unknown: dict[str, set[str]] = {}
        self._files: dict[str, LoadedFile] = {}
        self._new: list[LoadedFile] = []
        self._lines: dict[str, Lines] = {}
        self._known: dict[tuple[LoadedFile, tuple[int, ...]], Hits] = {}

    def start(self) -> None:
        try:
            import coverage
            from coverage.tracer import CTracer
        except ImportError as error:
            raise EngineUnavailableError(
                f"coverage.py with its C tracer is needed: {error}"
            ) from error
        folders = [self._settings.root, *self._settings.roots]
        self._coverage = coverage.Coverage(
            data_file=None, source=folders, config_file=False, messages=False
        )
        self._coverage.set_option("run:core", "ctrace")
        self._coverage.set_option(
            "run:disable_warnings", ["couldnt-parse", "module-not-measured", "trace-changed"]
        )
        self._coverage.start()
        self._collector: Any = getattr(self._coverage, "_collector", None)
        if self._collector is None or not isinstance(getattr(self._collector, "data", None), dict):
            self._coverage.stop()
            raise EngineUnavailableError(
                f"coverage {coverage.__version__} keeps its lines where they cannot be reached"
            )
        self._tracer_class = CTracer
        if _LOSES_LINES:
            sys.addaudithook(self._notice_loop)

    def attach_pytest(self) -> None:
        """Nothing to do: lines are seen wherever they come from."""

    def prepare(self, code: CodeType, path: str) -> CodeType:
        return code

    def switch(self, identity: str, *, is_harvested: bool = False) -> None:
        if not is_harvested:
            self.harvest()
        self._identity = identity

    def begin_module(self, path: str) -> object:
        """Nothing to do: which statement runs is not seen."""

    def end_module(self, path: str, token: object) -> None:
        """Nothing to do."""

    def harvest(self) -> None:
        self._check_tracer()
        for name, lines in self._take().items():
            path = self._scope.source(name)
            if path is not None:
                self._hits.setdefault(self._identity, {}).setdefault(path, set()).update(lines)

    def settle(self) -> None:
        """Nothing is known of objects."""

    def postpone(self) -> None:
        """Nothing is known of objects."""

    def resume(self) -> None:
        """Nothing is known of objects."""

    def weigh(self) -> None:
        """Nothing is known of objects."""

    def drain(self) -> Drained:
        hits: dict[str, list[Hits]] = {}
        module_level: dict[str, set[str]] = {}
        for identity, by_path in self._hits.items():
            for path, lines in by_path.items():
                hits.setdefault(identity, []).append(self._same(path, tuple(sorted(lines))))
                if identity != module_identity(path) and not lines.isdisjoint(
                    self._kinds_of(path).module
                ):
                    module_level.setdefault(identity, set()).add(path)
                if _LOSES_LINES and not lines.isdisjoint(self._kinds_of(path).waiting):
                    self._unknown.setdefault(identity, set()).add(_LOST)
        drained = Drained(hits, module_level, self._unknown, self._new, {})
        self._hits, self._unknown, self._new = {}, {}, []
        return drained

    def forked(self, identity: str) -> None:
        self._take()
        self._hits, self._unknown, self._new, self._files = {}, {}, [], {}
        self._identity = identity

    def entrust(self, make: Callable[[], Witness]) -> None:
        """Nothing can be kept."""

    def relieve(self) -> None:
        """Nothing was kept."""

    def watched(self) -> None:
        """Nothing of ours is called for what it sees."""

    def imported(self, path: str) -> None:
        """Nothing to do: lines are seen wherever they come from."""

    def observes(self, hits: Hits, code: CodeType) -> bool:
        lines = {line for _, _, line in code.co_lines() if line and line != code.co_firstlineno}
        return not (lines or {code.co_firstlineno}).isdisjoint(hits.seen)

    def stop(self) -> None:
        self.harvest()
        if self._is_ours(sys.gettrace()):
            self._coverage.stop()

    def _take(self) -> dict[str, set[int]]:
        """Empty the collector.

        Its sets stay: the tracer holds on to those of the running frames.
        """
        taken = {}
        for name, lines in list(self._collector.data.items()):
            if lines:
                taken[name] = set(lines)
                lines -= taken[name]
        return taken

    def _check_tracer(self) -> None:
        tracer: object = sys.gettrace()
        if threading.current_thread() is not threading.main_thread() or self._is_ours(tracer):
            return
        # of another coverage.py, whose numbers are not ours to spoil
        if isinstance(tracer, self._tracer_class):
            self._unknown.setdefault(self._identity, set()).add(_MEASURED_BY_ANOTHER)
            return
        self._unknown.setdefault(self._identity, set()).add(
            "the trace function was replaced while it ran"
        )
        self._collector.tracers[0].start()

    def _is_ours(self, tracer: object) -> bool:
        return isinstance(tracer, self._tracer_class) and tracer in self._collector.tracers

    def _notice_loop(self, event: str, _: object) -> None:
        """Whoever starts an event loop may lose lines, also if all that it runs is of libraries."""
        if event == _LOOP_STARTS:
            self._unknown.setdefault(self._identity, set()).add(_LOST)

    def _kinds_of(self, path: str) -> Lines:
        if path not in self._lines:
            self._lines[path] = read_lines(path)
        return self._lines[path]

    def _same(self, path: str, lines: tuple[int, ...]) -> Hits:
        """The hits of these lines, the same object as before if it is remembered."""
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        file = self._file(path)
        return self._known.setdefault((file, lines), Hits(file, lines))

    def _file(self, path: str) -> LoadedFile:
        if path not in self._files:
            self._files[path] = file = read_file(path)
            self._new.append(file)
        return self._files[path]


def read_lines(path: str) -> Lines:
    """The lines of a source by their kind, none when it cannot be read."""
    try:
        with open(path, "rb") as handle, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(handle.read(), path, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return Lines(frozenset(), frozenset())
    own = _lines_of(code)
    waiting: set[int] = set()
    stack = [code]
    while stack:
        for inner in _functions_in(stack.pop()):
            stack.append(inner)
            lines = _lines_of(inner)
            own -= lines
            if inner.co_flags & _COROUTINES or _DELEGATES in inner.co_code[::2]:
                waiting |= lines - {inner.co_firstlineno}
    return Lines(frozenset(own), frozenset(waiting))


def _functions_in(code: CodeType) -> list[CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def _lines_of(code: CodeType) -> set[int]:
    return {line for _, _, line in code.co_lines() if line}


def read_file(path: str) -> LoadedFile:
    """A source as it is now; without digest when it is gone."""
    try:
        with open(path, "rb") as handle:
            data = handle.read()
            stat = os.fstat(handle.fileno())
    except OSError:
        return LoadedFile(path, "", -1, -1)
    return LoadedFile(
        path, blake2b(data, digest_size=16).hexdigest(), stat.st_size, stat.st_mtime_ns
    )
