"""Sees code run that is no source: a text that a library evaluates, a script elsewhere.

What a test or fixture starts so may use any name of the project, and no source says which.
"""

import sys
from types import CodeType, FrameType
from typing import Any

from testmon_cli.tracing.engines.probe_code import words_of_code
from testmon_cli.tracing.settings import Scope
from testmon_cli.tracing.watch.frames import FrameReader, is_installed
from testmon_cli.tracing.watch.places import Places
from testmon_cli.tracing.watch.sink import Sink

# Modules that write code of what the project tells them, which mentions the same names, or that
# look for tests by their keywords.
_WRITERS = frozenset({"attr", "attrs", "collections", "dataclasses", "enum", "typing"})
_KEYWORDS = "_pytest.mark"


class ForeignCode:
    """Handles the audit event of code that is run."""

    def __init__(self, scope: Scope, places: Places, frames: FrameReader, sink: Sink) -> None:
        self._scope = scope
        self._places = places
        self._frames = frames
        self._sink = sink

    def ran(self, code: Any) -> None:
        """Code runs that was compiled apart: a module, a script or a text."""
        if not isinstance(code, CodeType):
            return
        name = code.co_filename
        is_text = name.startswith("<")
        if name.startswith("<frozen ") or (not is_text and self._has_model(name)):
            return
        caller = sys._getframe(1).f_back  # none of what Python was started with
        if self._frames.is_of_project(caller) or (is_text and _writes(caller)):
            return  # in the first case it is noted there
        is_made = not is_text and self._places.of(name) is not None
        self._sink.ran_code(words_of_code(code), is_made=is_made)

    def _has_model(self, name: str) -> bool:
        """Tell whether it is known what a file mentions, or that it mentions nothing of ours."""
        if is_installed(name):
            return True
        place = self._places.of(name)
        if place is None or self._scope.source(place) is None:
            return False
        return not self._places.is_skipped(place)


def _writes(frame: FrameType | None) -> bool:
    """Tell whether who runs a text has written it: for a class, or of keywords of tests."""
    module = str(frame.f_globals.get("__name__")) if frame is not None else ""
    return module.partition(".")[0] in _WRITERS or module.startswith(_KEYWORDS)
