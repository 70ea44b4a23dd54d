"""Spares syntax trees the garbage collector.

They are large, hold no cycles, and live for a moment.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_lying() -> Iterator[None]:
    """Collect no garbage meanwhile, which would look at every node of a tree again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
