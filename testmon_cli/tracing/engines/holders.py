"""Which objects, of those that keep what a method made once, outlive the test that it was made in.

What is kept in an object that dies with its test reaches no other. So before each statement that
keeps something in its object a probe notes the object, weakly. When somebody else's turn comes,
what lives counts as kept for others, and so does what cannot be watched: objects without weak
references, those of other processes than the one that runs the tests, more than can be noted. A
copy has all that its original kept: those that Python makes by itself are noted, too.
"""

import copyreg
import gc
import sys
import time
import weakref
from collections.abc import Callable
from types import CodeType
from typing import Any

from testmon_cli.tracing.watch.states import COPIED, EVERYTHING, LOST, SEEN

_MOST = 2_000  # objects that are noted at once
_SHARE = 0.01  # of the time that full collections may take
_LONG = 0.05  # seconds that one takes, as long as there was none
_MARK = "testmon copies"
_now = time.perf_counter  # as it is before tests put another in its place
# as good as `id`, which is an audit event: that is told to our own hook, at each note
_address = object.__hash__

_Key = tuple[str, str, int]  # path, what is kept, address of the holder
_Reference = weakref.ref[Any] | None  # None where there can be none


class Fills:
    """Takes the notes of one source; each is a store of an object, under what it keeps."""

    __slots__ = ("_holders", "_path")

    def __init__(self, path: str, holders: "Holders") -> None:
        self._path = path
        self._holders = holders

    def __setitem__(self, what: str, holder: object) -> None:
        reference: _Reference
        try:
            key, reference = (self._path, what, _address(holder)), weakref.ref(holder)
        except TypeError:
            key, reference = (self._path, what, 0), None
        # Nothing is called between these lines, so that no thread that takes the notes out can come
        # between.
        noted = self._holders.noted
        # an object at the place in memory of one that is dead takes its place here as well
        noted[key] = reference
        if len(noted) > _MOST:
            self._holders.thin_out()


class Copies:
    """Takes the notes of copies."""

    __slots__ = ("_holders",)

    def __init__(self, holders: "Holders") -> None:
        self._holders = holders

    def __setitem__(self, what: str, copied: object) -> None:
        if id(type(copied)) in self._holders.kinds:  # to copy is to read all
            self._holders.read |= self._holders.kinds[id(type(copied))]
        reference: _Reference
        try:
            key, reference = ("", what, _address(copied)), weakref.ref(copied)
        except TypeError:
            key, reference = ("", what + _name_of(copied), 0), None
        noted = self._holders.noted
        noted[key] = reference
        if len(noted) > _MOST:
            self._holders.thin_out()


class Reads:
    """Takes the notes of what code may read: an object, under the attributes."""

    __slots__ = ("_holders",)

    def __init__(self, holders: "Holders") -> None:
        self._holders = holders

    def __setitem__(self, names: str, holder: object) -> None:
        holders = self._holders
        found = holders.living.get(id(holder))
        if found is not None and found[0]() is holder:
            holders.read.update((each, names) for each in found[1])


class Holders:
    """The objects that were noted, and what of them survived, by identity."""

    def __init__(self) -> None:
        # (path, what, address) -> weak reference, None where there can be none
        self.noted: dict[_Key, _Reference] = {}
        # Those that outlived the turn in which they were noted, by address, each with the paths and
        # what it keeps.
        self.living: dict[int, tuple[weakref.ref[Any], frozenset[tuple[str, str]]]] = {}
        # What these keep and under which names, by the addresses of their classes.
        self.kinds: dict[int, frozenset[tuple[tuple[str, str], str]]] = {}
        # what of these may have been read since, and as what
        self.read: set[tuple[tuple[str, str], str]] = set()
        # called when the first object has outlived its turn
        self.begin_reading: Callable[[], None] | None = None
        # whether this process runs the tests; of others nothing is known of the end
        self.is_watching = False
        # path and what is kept in more objects than can be noted
        self._full: set[tuple[str, str]] = set()
        self._postponed: dict[_Key, _Reference] = {}
        # what young collections have passed over, by address
        self._old: dict[int, weakref.ref[Any]] = {}
        self._survived: dict[str, set[tuple[str, str]]] = {}
        self._started = _now()
        self._spent = 0.0  # seconds, in full collections
        self._longest = _LONG

    def postpone(self) -> None:
        """Something runs for another that does not look at what was kept until now.

        It is the end of a fixture.
        """
        self._postponed.update(self._taken())

    def _taken(self) -> dict[_Key, _Reference]:
        """All notes, which are taken out; a thread may make others meanwhile."""
        found, self.noted = self.noted, {}
        return found

    def _put_back(self, notes: dict[_Key, _Reference]) -> None:
        for key, reference in notes.items():
            self.noted.setdefault(key, reference)

    def resume(self) -> None:
        """What `postpone` announced has run."""
        if self._postponed:
            self._put_back(self._postponed)
            self._postponed = {}

    def watch_copies(self) -> None:
        """Note what is made for `copy.copy` and its like.

        The functions stay what they are: `pickle` looks at them.
        """
        functions: Any = copyreg
        for function, signature, call in (
            (functions.__newobj__, "cls, *args", "cls, *args"),
            (functions.__newobj_ex__, "cls, args, kwargs", "cls, *args, **kwargs"),
        ):
            function.__code__ = _noting(function.__code__, signature, call, Copies(self))

    def settle(self) -> None:
        """Before a test is over, free what only waits for the garbage collector.

        The younger objects alone, which are few; all of them where this takes little of the time.
        """
        self.resume()
        for generation in (0, 1):
            if not self._must_collect():
                return
            gc.collect(generation)
        if self._must_collect():
            begin = _now()
            if self._spent + self._longest <= (begin - self._started) * _SHARE:
                gc.collect()
                self._longest = max(self._longest, _now() - begin)
                self._spent += _now() - begin
            self._remember_old()

    def _must_collect(self) -> bool:
        """Tell whether something lives that a garbage collection has not passed over yet.

        What does not live is forgotten.
        """
        if not (self.noted and self.is_watching):
            return False
        living = _living(self._taken())
        self._put_back(living)
        old = self._old
        return gc.isenabled() and any(
            reference is not None and old.get(address) is not reference
            for (_, _, address), reference in living.items()
        )

    def _remember_old(self) -> None:
        """What lives by now has been passed over by the collections of the young."""
        if len(self._old) > _MOST:
            self._old.clear()
        self._old.update(
            (key[2], reference)
            for key, reference in list(self.noted.items())
            if reference is not None
        )

    def weigh(self, identity: str) -> None:
        """The turn of `identity` is over, or somebody else's comes in between.

        What lives by now survives.
        """
        if not self.noted and not self._full and not self.read:
            return
        found = self._survived.setdefault(identity, set())
        found |= self._take_read()
        taken = self._taken()
        notes = _living(taken) if self.is_watching else taken
        for (path, what, _), reference in notes.items():
            holder = None if reference is None else reference()
            if what == COPIED:
                if holder is not None and not _is_of_stdlib(type(holder)):
                    found.add((path, what + _name_of(holder)))
            elif not self.is_watching or reference is None or holder is not None:
                found.add((path, what))
                if path and not self._lives_on(reference, holder, (path, what)):
                    found.add((path, LOST + what))
            holder = None
        found |= self._full
        found |= {(path, LOST + what) for path, what in self._full if what != EVERYTHING}
        self._full.clear()

    def _take_read(self) -> set[tuple[str, str]]:
        """What was read since the last call, what one function keeps in one piece.

        There are many readers.
        """
        seen: dict[tuple[str, str], set[str]] = {}
        while self.read:  # a thread may add to it
            (path, what), names = self.read.pop()
            qualname, _, kept = what.partition("\t")
            if kept == names or not set(names.split(" ")).isdisjoint(kept.split(" ")):
                seen.setdefault((path, qualname), set()).update(kept.split(" "))
        return {
            (path, f"{SEEN}{qualname}\t{' '.join(sorted(names))}")
            for (path, qualname), names in seen.items()
        }

    def _lives_on(self, reference: _Reference, holder: object, what: tuple[str, str]) -> bool:
        """Remember an object that outlived its turn; False where that is not possible."""
        if reference is None or holder is None or not self.is_watching:
            return False
        before = self.living.get(id(holder))
        if before is None or before[0]() is not holder:
            if len(self.living) >= _MOST:
                self.living = {
                    key: found for key, found in self.living.items() if found[0]() is not None
                }
            if len(self.living) >= _MOST:
                return False
            before = reference, frozenset()
        self.living[id(holder)] = before[0], before[1] | {what}
        kind = id(type(holder))
        self.kinds[kind] = self.kinds.get(kind, frozenset()) | {(what, what[1].partition("\t")[2])}
        if self.begin_reading is not None:
            self.begin_reading()
            self.begin_reading = None
        return True

    def unseen(self, identity: str) -> None:
        """Note that it is not known what `identity` keeps."""
        self._survived.setdefault(identity, set()).add(("", EVERYTHING))

    def unseen_in(self, path: str, identity: str) -> None:
        """Note that it is not known what `identity` keeps in code of one source."""
        self._survived.setdefault(identity, set()).add((path, EVERYTHING))

    def take(self) -> dict[str, set[tuple[str, str]]]:
        """Return what survived since the last call: by identity, paths and what was kept."""
        survived, self._survived = self._survived, {}
        return survived

    def forget(self) -> None:
        """Begin anew in a forked child: what the parent noted stays with the parent."""
        self.noted = {}
        self._postponed = {}
        self._full.clear()
        self.living, self.kinds = {}, {}
        self.read.clear()
        self._survived = {}
        self.is_watching = False

    def thin_out(self) -> None:
        """Make room: forget the dead; where too many live, note only that something is kept."""
        for key, reference in list(self.noted.items()):
            if reference is not None and reference() is None:
                self.noted.pop(key, None)
        if len(self.noted) > _MOST // 2:
            for key in list(self.noted):
                self.noted.pop(key, None)
                path, what, _ = key
                self._full.add(("", EVERYTHING) if what == COPIED else (path, what))


def _living(notes: dict[_Key, _Reference]) -> dict[_Key, _Reference]:
    """Notes of what lives, or may do so."""
    return {
        key: reference
        for key, reference in notes.items()
        if reference is None or reference() is not None
    }


def _is_of_stdlib(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in sys.stdlib_module_names


def _name_of(found: object) -> str:
    return f"{type(found).__module__}:{type(found).__qualname__}"


def _noting(code: CodeType, signature: str, call: str, copies: Copies) -> CodeType:
    """Code of a function of `copyreg` that makes an object, with a note of what it makes."""
    line = "\n" * (code.co_firstlineno - 1)
    body = f"made = cls.__new__({call}); {_MARK!r}[{COPIED!r}] = made; return made"
    text = f"{line}def {code.co_name}({signature}): {body}"
    compiled = compile(text, code.co_filename, "exec", dont_inherit=True)
    made = next(constant for constant in compiled.co_consts if isinstance(constant, CodeType))
    return made.replace(
        co_consts=tuple(copies if constant == _MARK else constant for constant in made.co_consts)
    )
