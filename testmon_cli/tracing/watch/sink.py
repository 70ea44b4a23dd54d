"""Who takes what the watchers of this package see."""

from collections.abc import Collection
from typing import Any, Protocol

from testmon_cli.tracing.wire import Resource


class Sink(Protocol):
    """Takes what was seen, for whom it was seen."""

    def whose(self) -> str:
        """The identity for which code runs now."""

    def has_starter(self) -> bool:
        """Whether this process runs for one test or fixture, which started it."""

    def is_made_for_it(self, writer: str) -> bool:
        """Whether what an identity wrote was written for the one that runs now."""

    def known_state(self, kind: str, name: str) -> str | None:
        """The state of a resource that was recorded for whoever runs now."""

    def read(self, resource: Resource) -> None:
        """Whoever runs now read this."""

    def ran_code(self, words: Collection[str], *, is_made: bool = False) -> None:
        """Whoever runs now ran code that is no source of the project and uses these names.

        `is_made` says that it stands among the sources, where the run has put it.
        """

    def spawned(self, program: str, words: list[str], env: Any) -> None:
        """Whoever runs now starts a process."""

    def replaced(self) -> None:
        """The process is about to become another program."""

    def read_for_all(self, resource: Resource) -> None:
        """A resource was read that every test may rely on."""

    def watched(self) -> None:
        """A debugger, profiler or the like begins to see every call."""

    def failed(self, problem: BaseException) -> None:
        """Watching failed."""
