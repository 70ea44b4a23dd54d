"""Follows functions while they make what they keep for others.

In a global, a class or an object, or as their result.

That is all that a kept value can come from. Calls may be nested, and what an inner one runs belongs
to the outer ones, too. Only the thread that runs the tests is followed; what others make counts as
not known.
"""

import _thread
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from testmon_cli.tracing.watch.states import MAKING, UNKNOWN_MAKING, as_field

_MOST_CALLS = 300  # of one function that are followed in one process however long it takes
_SHARE = 0.01  # of the time that it may take to follow more
_MOST_FUNCTIONS = 500  # that one call may run

_now = time.perf_counter  # as it is before tests put another in its place

_Key = tuple[str, str]  # path and qualified name of a function


class Making:
    """One call that is going on."""

    __slots__ = ("hits", "key", "owner")

    def __init__(self, key: _Key, owner: str) -> None:
        self.key = key
        self.owner = owner  # the identity for which it runs
        self.hits: dict[int, bytes] = {}  # number of the unit -> its hits


class Makings:
    """The calls that are going on, and what ran in those that are over, by identity."""

    def __init__(self, names: Callable[[dict[int, bytes]], Iterable[tuple[str, str]]]) -> None:
        """`names` turns hits of units into pairs of a path and names of functions."""
        self.going_on: list[Making] = []
        # How many of them there are of a function: mostly none, and then nothing is looked for.
        self._open: dict[_Key, int] = {}
        self._unknown: dict[_Key, _Key] = {}  # what `lose` notes of a function
        self._names = names
        self._calls: dict[_Key, int] = {}
        self._found: dict[str, set[tuple[str, str]]] = {}
        self._thread = _thread.get_ident()
        self._started = _now()
        self._spent = 0.0  # seconds

    def may_begin(self, key: _Key, owner: str) -> bool:
        """Tell whether a call can be followed; else note that what it makes is not known."""
        calls = self._calls[key] = self._calls.get(key, 0) + 1
        is_cheap = calls <= _MOST_CALLS or self._spent <= (_now() - self._started) * _SHARE
        if is_cheap and _thread.get_ident() == self._thread:
            return True
        self.lose(key, owner)
        return False

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count how long it takes to follow calls."""
        begin = _now()
        yield
        self._spent += _now() - begin

    def begin(self, key: _Key, owner: str) -> None:
        self.going_on.append(Making(key, owner))
        self._open[key] = self._open.get(key, 0) + 1

    def last(self, key: _Key) -> Making | None:
        """The innermost call of a function that is going on."""
        if key not in self._open or _thread.get_ident() != self._thread:
            return None
        return next((making for making in reversed(self.going_on) if making.key == key), None)

    def end(self, making: Making, owner: str) -> None:
        """A call is over, whose hits were all taken."""
        self.going_on.remove(making)
        left = self._open.pop(making.key) - 1
        if left:
            self._open[making.key] = left
        names = list(self._names(making.hits))
        path, qualname = making.key
        # not of code that came by pickle
        is_named = all(found.strip(" ") and found[0] != " " for _, found in names)
        if not is_named or sum(found.count(" ") + 1 for _, found in names) > _MOST_FUNCTIONS:
            self.lose(making.key, owner)
            return
        notes = {
            (path, f"{MAKING}{qualname}\t{as_field(where)}\t{functions}")
            for where, functions in names
        }
        for identity in {making.owner, owner}:
            self._found.setdefault(identity, set()).update(notes)

    def lose(self, key: _Key, owner: str) -> None:
        """Note that it is not known in full what a function makes."""
        note = self._unknown.get(key)
        if note is None:
            path, qualname = key
            note = self._unknown[key] = path, UNKNOWN_MAKING + qualname
        found = self._found.get(owner)
        if found is None:
            found = self._found[owner] = set()
        found.add(note)

    def lose_all(self) -> None:
        """Note that it is not known what the calls make that are going on."""
        for making in self.going_on:
            self.lose(making.key, making.owner)
        self._stop()

    def take(self) -> dict[str, set[tuple[str, str]]]:
        """Return what was found since the last call: by identity, paths and what was made."""
        found, self._found = self._found, {}
        return found

    def forget(self) -> None:
        """Begin anew in a forked child: what it makes dies with it."""
        self._stop()
        self._found = {}
        self._calls = {}
        self._thread = -1

    def _stop(self) -> None:
        self.going_on.clear()
        self._open.clear()
