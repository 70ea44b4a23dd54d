"""On whose behalf something happens: the project frames of the stack."""

import os
import sys
from types import FrameType

from testmon_cli.tracing.settings import Scope

PROJECT, MACHINERY, OTHER = 1, 2, 3
_LIMIT = 8
_PACKAGES = ("_pytest", "pytest", "pluggy", "xdist", "execnet", "coverage", "pytest_cov", "testmon_cli")
_MODULES = ("linecache.py", "traceback.py", "inspect.py", "tokenize.py", "doctest.py", "pdb.py")

Frames = tuple[tuple[str, str, int], ...]


class FrameReader:
    """Finds the project code that an event happens for, unless pytest, imports or tracebacks do it for themselves."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._kinds: dict[str, int] = {}
        library = os.path.dirname(os.__file__) + os.sep
        self._modules = frozenset(library + name for name in _MODULES)
        self._own = os.path.dirname(os.path.abspath(__file__)) + os.sep

    def project_frames(self, depth: int) -> Frames:
        """The project frames, innermost first; none when the event is not the project's doing."""
        frame: FrameType | None = sys._getframe(depth + 1)
        found: list[tuple[str, str, int]] = []
        kinds = self._kinds
        while frame is not None:
            code = frame.f_code
            name = code.co_filename
            kind = kinds.get(name) or self._classify(name)
            if kind == PROJECT:
                found.append((self._scope.source(name) or name, code.co_qualname, frame.f_lineno or 0))
                if len(found) == _LIMIT:
                    break
            elif kind == MACHINERY and not found:
                return ()
            frame = frame.f_back
        return tuple(found)

    def _classify(self, name: str) -> int:
        if self._scope.source(name) is not None and not name.startswith(self._own):
            kind = PROJECT
        elif name.startswith("<frozen importlib._bootstrap") or name in self._modules or self._is_package(name):
            kind = MACHINERY
        else:
            kind = OTHER
        self._kinds[name] = kind
        return kind

    def _is_package(self, name: str) -> bool:
        return name.startswith(self._own) or any(
            f"{os.sep}{folder}{os.sep}{package}{os.sep}" in name
            for folder in ("site-packages", "dist-packages")
            for package in _PACKAGES
        )
