"""The interface of every kind of hub."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from testmon_cli.bundles.files import Header


class Entry(NamedTuple):
    """A thing that is in a hub, by its name; most are bundles."""

    name: str
    size: int


class Gone(Exception):  # noqa: N818 - no error: hubs are tidied while others read
    """A bundle that was listed is not there any more."""


class Store(Protocol):
    """A place for bundles. Each call raises HubError for what keeps it from being done."""

    @property
    def where(self) -> str:
        """Its address for messages, without secrets."""

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """All that is there under a prefix of names, in no order."""

    def get(self, name: str, path: Path) -> None:
        """Copy one into a file. Raises Gone."""

    def put(self, name: str, path: Path, header: Header) -> bool:
        """Add one, whole or not at all; whether it was not there before.

        What is there stays as it is.
        """

    def remove(self, name: str) -> None:
        """Remove one; that is done also when it is not there."""

    def tidy(self, now: float) -> int:
        """Remove what killed writers left behind; how much that was."""

    def close(self) -> None:
        """Give back what is held open."""
