"""The answers of `testmon pull`, `testmon push` and `testmon hub`."""

from collections.abc import Mapping
from typing import NamedTuple

from testmon_cli.domain.provenance import Origin


class Refused(NamedTuple):
    """A bundle that was not taken."""

    name: str
    message: str


class Pulled(NamedTuple):
    """The answer of `testmon pull`."""

    hub: str
    bundles: int  # that were merged
    runs: int  # of these, what was new
    executions: int
    bytes: int  # that were read
    known: int  # bundles that had come before
    left: int  # bundles beyond the limit
    ignored: Mapping[str, int]  # reason -> bundles
    refused: tuple[Refused, ...]


class Pushed(NamedTuple):
    """The answer of `testmon push`."""

    hub: str
    origin: Origin
    names: tuple[str, ...]  # of bundles that are new there
    executions: int
    bytes: int
    known: int  # runs that were there before
    ignored: int  # runs that do not say where they ran


class Tidied(NamedTuple):
    """The answer of `testmon hub gc`."""

    hub: str
    removed: tuple[str, ...]
    bytes: int
    kept: int
    drafts: int  # left behind by writers that were killed


class Checked(NamedTuple):
    """The answer of `testmon hub check`."""

    hub: str
    bundles: int  # that were read
    bytes: int
    problems: tuple[Refused, ...]
    others: int  # things that are no bundles
