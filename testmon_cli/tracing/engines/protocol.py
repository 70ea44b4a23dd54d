"""The interface of engines."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from types import CodeType
from typing import NamedTuple, Protocol

from testmon_cli.tracing.wire import Resource


class LoadedFile(NamedTuple):
    """One content of a project source, as an engine met it."""

    path: str
    digest: str
    size: int
    mtime_ns: int


class Hits:
    """The blocks of one file that were hit.

    Compared by identity: engines give the same object for the same again and again.
    """

    __slots__ = ("file", "seen")

    def __init__(self, file: LoadedFile, seen: bytes | tuple[int, ...]) -> None:
        self.file = file
        self.seen = seen  # as in wire.Hits


class Drained(NamedTuple):
    """The records of an engine since it was last asked."""

    hits: dict[str, list[Hits]]  # by identity
    # identity -> paths whose module-level code ran there, not as an import
    module_level: dict[str, set[str]]
    unknown: dict[str, set[str]]  # identity -> why its record is not complete
    files: list[LoadedFile]  # loaded since, hit or not
    # by identity and source: names that were looked up, see wire
    asked: dict[str, dict[LoadedFile, frozenset[str]]]
    kept: dict[str, set[tuple[str, str]]] = {}  # noqa: RUF012 # identity -> path, and what outlives it; see `holders`


class EngineUnavailableError(Exception):
    """An engine cannot work in this process; the text says why."""


class Witness(Protocol):
    """Keeps the hits and reads of a process for the case that it is killed."""

    def open_hits(self, size: int) -> int: ...

    def loaded(self, file: LoadedFile, base: int, count: int) -> None: ...

    def read(self, resource: Resource) -> None: ...


class Engine(Protocol):
    """Sees which code of the project runs, and for whom."""

    name: str

    @property
    def plain(self) -> AbstractSet[str]:
        """Sources that run unseen, all of whose blocks count as run by every test."""

    @property
    def is_making(self) -> bool:
        """Tell whether a function is making what it keeps for others, as far as that is seen."""

    def start(self) -> None:
        """Begin to see; raises EngineUnavailableError."""

    def attach_pytest(self) -> None:
        """Pytest can be imported from now on; raises EngineUnavailableError."""

    def prepare(self, code: CodeType, path: str) -> CodeType:
        """The code to run in place of what pytest made of a project source."""

    def switch(self, identity: str, *, is_harvested: bool = False) -> None:
        """Attribute code to `identity` from now on, or since the last harvest."""

    def begin_module(self, path: str) -> object:
        """The code of a module begins, in the name of which things run now.

        What this gives is for its end.
        """

    def end_module(self, path: str, token: object) -> None:
        """The code of a module ends; `token` is what `begin_module` gave for it."""

    def harvest(self) -> None:
        """Take down what was seen up to now for who runs now."""

    def settle(self) -> None:
        """The current test is about to be over."""

    def postpone(self) -> None:
        """A shared fixture is about to end; what runs then is its own."""

    def resume(self) -> None:
        """The shared fixture of the last `postpone` has ended."""

    def weigh(self) -> None:
        """Tests run in this process: what is kept in objects that die with one is of no other."""

    def drain(self) -> Drained:
        """All that was taken down since the last call, by `harvest` and `switch`."""

    def forked(self, identity: str) -> None:
        """The process is a forked child; what it runs belongs to `identity`."""

    def entrust(self, make: Callable[[], Witness]) -> None:
        """Keep the hits of what this forked child loads, with the witness that `make` gives."""

    def relieve(self) -> None:
        """Hits need not be kept for the case that this process is killed any more."""

    def watched(self) -> None:
        """A debugger, profiler or the like begins to see the calls of this process.

        It is to see none of ours.
        """

    def imported(self, path: str) -> None:
        """A module of the project was executed; note it when its code runs unseen."""

    def observes(self, hits: Hits, code: CodeType) -> bool:
        """Tell whether hits of a file show that a function of it was entered."""

    def stop(self) -> None:
        """See no more."""
