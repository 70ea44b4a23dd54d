"""Sees modules being imported: whose code runs, and who asked for it.

Tracebacks of failed imports are something users read, so what is put in place here leaves the
frames as they were: same file, same function name, same line.
"""

import _imp
import builtins
import importlib
import sys
from collections.abc import Callable
from itertools import takewhile
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from testmon_cli.tracing.engines.protocol import EngineUnavailableError
from testmon_cli.tracing.settings import Scope
from testmon_cli.tracing.watch.frames import is_of_library

if TYPE_CHECKING:
    import ast

machinery: Any = importlib._bootstrap

Prepare = Callable[[CodeType, str], CodeType]

# Takes the place of importlib's function of this name, through which it executes all module code.
_CALL = """
def _call_with_frames_removed(f, *args, **kwds):
    token = begin(f, args)
    try:
        return f(*args, **kwds)
    finally:
        if token is not None:
            end(token)
"""
REWRITE = "_pytest.assertion.rewrite"
_CALL_LINE = 5  # of the call in the text above


class _Compiling(NamedTuple):
    path: str


class ImportWatch:
    """Tells when a module's code begins and ends, and notes who wanted it."""

    def __init__(
        self,
        scope: Scope,
        enter: Callable[[str], object],
        leave: Callable[[Any], None],
        edge: Callable[[str, str, bool], None],
        unparsable: Callable[[str], None],
    ) -> None:
        self._scope = scope
        self._unparsable = unparsable
        self._enter = enter
        self._leave = leave
        self._edge = edge
        # module -> what to do once it is loaded
        self._awaited: dict[str, list[Callable[[], None]]] = {}
        self._edges: set[tuple[str, str, bool]] = set()

    def once_loaded(self, module: str, do: Callable[[], None]) -> None:
        """Do something as soon as a module of a library is there.

        That may be at once, when it is imported, or never.
        """
        if module in sys.modules:
            do()
        else:
            self._awaited.setdefault(module, []).append(do)

    def install(self) -> None:
        original = machinery._call_with_frames_removed
        machinery._call_with_frames_removed = _same_frame(
            original, begin=self._begin, end=self._end
        )
        machinery._sanity_check = self._wrap_check(machinery._sanity_check)

    def attach_pytest(self, prepare: Prepare) -> None:
        """See pytest execute the modules it rewrites, and let the engine prepare their code."""
        from _pytest.assertion import rewrite

        def begin(code: CodeType, namespace: dict[str, Any]) -> tuple[CodeType, object | None]:
            # code that was cached before its folder was moved names the old place
            name = namespace.get("__file__")
            path = self._scope.source(name if isinstance(name, str) else code.co_filename)
            if path is not None:
                if self._scope.source(code.co_filename) != path:
                    _imp._fix_co_filename(code, name)  # type: ignore[attr-defined]
                code = prepare(code, path)
            return code, self._begin(builtins.exec, (code, namespace))

        def end(token: object | None) -> None:
            if token is not None:
                self._leave(token)

        hook: Any = rewrite.AssertionRewritingHook
        hook.exec_module = _around_exec(hook.exec_module, begin, end)

    def _begin(self, function: object, arguments: tuple[Any, ...]) -> object | None:
        if function is builtins.compile and len(arguments) > 1 and isinstance(arguments[1], str):
            path = self._scope.source(arguments[1])
            return None if path is None else _Compiling(path)
        if function is not builtins.exec or not isinstance(arguments[0], CodeType):
            return None
        name = arguments[0].co_filename
        path = self._scope.source(name)
        if path is None:
            return self._awaited.pop(arguments[1].get("__name__"), None)
        self.asked(path, sys._getframe(2))
        return self._enter(path)

    def _end(self, token: object) -> None:
        if isinstance(token, list):
            for do in token:
                do()
        elif isinstance(token, _Compiling):
            if isinstance(sys.exc_info()[1], SyntaxError):
                self._unparsable(token.path)
        else:
            self._leave(token)

    def _wrap_check(self, original: Callable[..., None]) -> Callable[..., None]:
        """importlib.import_module checks its arguments here.

        A module that is loaded already is asked for as well.
        """

        def check(name: Any, package: Any, level: Any) -> None:
            original(name, package, level)
            if level:
                name = machinery._resolve_name(
                    name[level:] if name[:1] == "." else name, package, level
                )
            path = getattr(sys.modules.get(name), "__file__", None)
            if isinstance(path, str):
                self.asked(path, sys._getframe(1))

        return check

    def asked(self, path: str, frame: FrameType | None) -> None:
        """Note who wants a module: the nearest project file on the stack.

        `path` is the module's file, `frame` where to begin to look.
        """
        imported = self._scope.source(path)
        if imported is None:
            return
        importer = ""
        by_library = is_of_library(frame, self._scope)
        while frame is not None:
            found = self._scope.source(frame.f_code.co_filename)
            if found is not None:
                importer = found
                break
            frame = frame.f_back
        edge = (importer, imported, by_library)
        if importer != imported and edge not in self._edges:
            self._edges.add(edge)
            self._edge(*edge)


def _around_exec(
    original: FunctionType,
    begin: Callable[[CodeType, dict[str, Any]], tuple[CodeType, object | None]],
    end: Callable[[object | None], None],
) -> Callable[..., Any]:
    """A copy of a method with calls before and after its `exec(code, namespace)`."""
    import ast  # only where pytest runs, which imports it too

    code = original.__code__
    function = _function_of(code)
    places = [n for n, found in enumerate(function.body) if ast.unparse(found).startswith("exec(")]
    if len(places) != 1:
        raise EngineUnavailableError("pytest executes rewritten modules in an unknown way")
    statement = function.body[places[0]]
    module_code, namespace = (
        ast.unparse(statement).removeprefix("exec(").removesuffix(")").split(", ")
    )
    before, around = ast.parse(
        f"{module_code}, _testmon_token = _testmon_begin({module_code}, {namespace})\n"
        "try: pass\nfinally: _testmon_end(_testmon_token)"
    ).body
    for node in (*ast.walk(before), *ast.walk(around)):
        if isinstance(node, ast.expr | ast.stmt):
            node.lineno = node.end_lineno = statement.lineno
    assert isinstance(around, ast.Try)
    around.body = [statement]
    function.body[places[0] : places[0] + 1] = [before, around]
    original.__globals__.update(_testmon_begin=begin, _testmon_end=end)
    made: dict[str, Any] = {}
    # names in annotations need not be there
    future = ast.parse("from __future__ import annotations").body
    module = ast.Module([*future, function], [])
    builtins.exec(compile(module, code.co_filename, "exec"), original.__globals__, made)  # noqa: S102
    replacement: Callable[..., Any] = made[original.__name__]
    return replacement


def _function_of(code: CodeType) -> "ast.FunctionDef":
    """The definition of a function, read from its file.

    Its lines alone are parsed, since the whole takes long.
    """
    import ast

    with open(code.co_filename, encoding="utf-8") as handle:
        lines = handle.read().splitlines(keepends=True)[code.co_firstlineno - 1 :]
    margin = len(lines[0]) - len(lines[0].lstrip())
    rest = takewhile(lambda line: not line.strip() or line[: margin + 1].isspace(), lines[1:])
    # Tracebacks show lines and columns: both stay as they are.
    above = "\n" * (code.co_firstlineno - 2) + ("if True:\n" if margin else "\n")
    tree = ast.parse("".join((above, lines[0], *rest)))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (node.name, node.lineno) == (
            code.co_name,
            code.co_firstlineno,
        ):
            return node
    raise EngineUnavailableError(f"the source of {code.co_qualname} cannot be read")


def _same_frame(original: FunctionType, **names: object) -> Callable[..., Any]:
    """The replacement, with the call on the line that the original has it on."""
    line = max(number for _, _, number in original.__code__.co_lines() if number)
    text = "\n" * (line - _CALL_LINE) + _CALL
    namespace: dict[str, Any] = {"__name__": original.__module__, **names}
    builtins.exec(compile(text, original.__code__.co_filename, "exec"), namespace)  # noqa: S102
    replacement: Callable[..., Any] = namespace[original.__name__]
    return replacement
