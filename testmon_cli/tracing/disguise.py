"""Wrappers that leave no frame where users read tracebacks."""

from types import FunctionType
from typing import TypeVar

_F = TypeVar("_F")

# Python leaves frames of this file out of the traceback of a failed import, pytest leaves out all
# in <>.
IMPORT_MACHINERY = "<frozen importlib._bootstrap_external>"
OURS = "<testmon>"


def disguise(function: _F, filename: str = OURS) -> _F:
    """Make the frames of a function (and of those nested in it) count as frames of another file."""
    if isinstance(function, FunctionType):
        function.__code__ = function.__code__.replace(co_filename=filename)
    return function
