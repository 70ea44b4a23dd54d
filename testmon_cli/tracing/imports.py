"""Sees modules being imported: whose code runs, and who asked for it."""

import importlib
import importlib.machinery
import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

from testmon_cli.tracing.disguise import IMPORT_MACHINERY, disguise
from testmon_cli.tracing.settings import Scope

Enter = Callable[[str], object]  # a module begins: canonical path -> token
Leave = Callable[[Any], None]


class ImportWatch:
    """Wraps what executes modules: importlib's loaders, pytest's rewriting one, and import_module."""

    def __init__(self, scope: Scope, enter: Enter, leave: Leave, edge: Callable[[str, str], None]) -> None:
        self._scope = scope
        self._enter = enter
        self._leave = leave
        self._edge = edge
        self._edges: set[tuple[str, str]] = set()

    def install(self) -> None:
        base: Any = next(cls for cls in importlib.machinery.SourceFileLoader.__mro__ if "exec_module" in vars(cls))
        base.exec_module = self._wrap(base.exec_module)
        importlib.import_module = self._wrap_import_module(importlib.import_module)

    def attach_pytest(self) -> None:
        from _pytest.assertion.rewrite import AssertionRewritingHook

        AssertionRewritingHook.exec_module = self._wrap(AssertionRewritingHook.exec_module)  # type: ignore[method-assign]

    def _wrap(self, original: Callable[..., None]) -> Callable[..., None]:
        source, enter, leave, asked = self._scope.source, self._enter, self._leave, self.asked

        def exec_module(self: object, module: ModuleType) -> None:
            spec = module.__spec__
            path = source(spec.origin) if spec is not None and spec.origin else None
            if path is None:
                return original(self, module)
            asked(path, sys._getframe(1))
            token = enter(path)
            try:
                return original(self, module)
            finally:
                leave(token)

        return disguise(exec_module, IMPORT_MACHINERY)

    def _wrap_import_module(self, original: Callable[..., ModuleType]) -> Callable[..., ModuleType]:
        asked = self.asked

        def import_module(name: str, package: str | None = None) -> ModuleType:
            module = original(name, package)
            path = getattr(module, "__file__", None)
            if isinstance(path, str):
                asked(path, sys._getframe(1))
            return module

        import_module.__doc__ = original.__doc__
        import_module.__module__ = original.__module__
        return disguise(import_module, IMPORT_MACHINERY)

    def asked(self, path: str, frame: FrameType | None) -> None:
        """Note who wants a module: the nearest project file on the stack."""
        imported = self._scope.source(path)
        if imported is None:
            return
        importer = ""
        while frame is not None:
            found = self._scope.source(frame.f_code.co_filename)
            if found is not None:
                importer = found
                break
            frame = frame.f_back
        if importer != imported and (importer, imported) not in self._edges:
            self._edges.add((importer, imported))
            self._edge(importer, imported)
