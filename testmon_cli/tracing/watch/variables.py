"""Tells which environment variables are read by name."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from testmon_cli.tracing.disguise import disguise
from testmon_cli.tracing.watch.frames import asker
from testmon_cli.tracing.watch.library_calls import Busy

Read = Callable[[Any, Any], None]  # encoded name and value; the value is None when there is none


class _Walk(threading.local):
    """A walk over all variables: reads that belong to it tell nothing."""

    key: Any = None  # the one yielded last
    place: Any = None  # frame and instruction that walk

    def goes_on(self) -> bool:
        """Tell whether a read belongs to the walk; the first that does not ends it."""
        if self.place is not None and self.place != _place():
            self.place = None
        return self.place is not None


def watch_environment(read: Read, busy: Busy) -> Callable[[str, Any], None]:
    """Call `read` for each read of one variable whose value is what this process was started with.

    What the run sets for itself does not count, and once it is put back it counts again. A walk
    over all variables (a copy) is not a read of each, nor is one by a watcher, which is `busy`.

    The function that is returned does the same for a program that this process starts: it takes
    the name of a variable, and the environment of the program, None for that of this process.
    """
    environ: Any = os.environ
    initial = dict(environ._data)
    walk = _Walk()

    class Watched(dict[Any, Any]):
        """The variables behind os.environ and os.environb."""

        def __getitem__(self, key: Any) -> Any:
            value = self.get(key)
            if walk.key == key:
                walk.key = None
            elif value == initial.get(key) and not walk.goes_on() and not busy.now:
                read(key, value)
            return dict.__getitem__(self, key)

        def __reduce__(self) -> tuple[Any, ...]:
            return dict, (dict(self),)

    original = type(environ).__iter__

    def __iter__(self: Any) -> Iterator[Any]:  # noqa: N807
        for key in original(self):
            walk.place = _place()
            walk.key = self.encodekey(key)
            yield key

    watched = Watched(environ._data)
    environ._data = watched
    if hasattr(os, "environb"):
        os.environb._data = watched  # type: ignore[attr-defined]
    type(environ).__iter__ = disguise(__iter__)

    def read_by_program(name: str, env: Any) -> None:
        key = environ.encodekey(name)
        given = watched if env is None else env
        value = given.get(key, given.get(name))
        if value is not None and not isinstance(value, type(key)):
            value = environ.encodevalue(value)
        if value == initial.get(key):
            read(key, value)

    return read_by_program


def _place() -> tuple[int, int] | None:
    """Frame and instruction that use os.environ.

    A copy lists the names, then reads each, all in one instruction.
    """
    frame = asker(sys._getframe(1))
    return None if frame is None else (id(frame), frame.f_lasti)
