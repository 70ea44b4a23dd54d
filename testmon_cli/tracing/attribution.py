"""On whose behalf code runs: a stack of identities, the innermost counts."""

from collections.abc import Callable
from typing import Protocol

SESSION = "session:"
STATEMENT = "statement:"  # what the identities of statements begin with
AFTER = "after:"  # the session is over: nothing that runs now can change an outcome


def identity_of_test(nodeid: str) -> str:
    """The identity of what a test itself runs."""
    return f"test:{nodeid}"


def module_identity(path: str) -> str:
    """The identity of the import of a module."""
    return f"module:{path}"


def statement_identity(path: str, *lines: object) -> str:
    """The identity of what statements run while a module is imported."""
    return f"{STATEMENT}{','.join(map(str, lines))}:{path}"


def is_import_of(identity: str, path: str) -> bool:
    """Tell whether an identity is that of a module's import, or of a statement of it."""
    return identity.startswith(("module:", STATEMENT)) and identity.endswith(f":{path}")


def collect_identity(nodeid: str) -> str:
    """The identity of what runs while a collector collects."""
    return f"collect:{nodeid}"


class Switch(Protocol):
    """Tells an engine for whom code runs from now on, see `Engine.switch`."""

    def __call__(self, identity: str, *, is_harvested: bool = False) -> None: ...


class Entry:
    """One level of the stack."""

    __slots__ = ("identity",)

    def __init__(self, identity: str) -> None:
        self.identity = identity


class Attribution:
    """The stack.

    Imports in threads may interleave, so a level is left by its entry, not by position.
    """

    def __init__(self, base: str, switch: Switch) -> None:
        self.base = base  # what counts when the stack is empty
        self._stack: list[Entry] = []
        self._switch = switch
        self.current = base
        self.note: Callable[[str], None] | None = None  # is told of each identity that is pushed

    def rebase(self, base: str) -> None:
        """Change what counts when the stack is empty."""
        self.base = base
        self._update()

    def push(self, identity: str, *, is_harvested: bool = False) -> Entry:
        if self.note is not None:
            self.note(identity)
        entry = Entry(identity)
        self._stack.append(entry)
        self._update(is_harvested=is_harvested)
        return entry

    def pop(self, entry: Entry) -> None:
        """Leave a level; one that was left already is no error."""
        if entry in self._stack:
            self._stack.remove(entry)
            self._update()

    def identities(self) -> list[str]:
        """All that are on the stack."""
        return [entry.identity for entry in self._stack]

    def holds(self, identity: str) -> bool:
        return any(entry.identity == identity for entry in self._stack)

    def caller(self) -> str:
        """The innermost identity that is not an import: who set things in motion."""
        for entry in reversed(self._stack):
            if not entry.identity.startswith("module:"):
                return entry.identity
        return self.base

    def _update(self, *, is_harvested: bool = False) -> None:
        identity = self._stack[-1].identity if self._stack else self.base
        if identity != self.current:
            self.current = identity
            self._switch(identity, is_harvested=is_harvested)
