"""How bundles are named in a hub: by origin, time, commit, environment and content.

Names sort by time and say what is needed to choose among bundles, so that none has to be read for
that. A name is a claim: what is read has to bear it out.
"""

import json
import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from testmon_cli.bundles.files import SUFFIX, Header
from testmon_cli.domain.hashing import blake2b
from testmon_cli.domain.provenance import Origin, from_facts
from testmon_cli.domain.records import Environment

_TIME: Final = "%Y%m%dT%H%M%S.%fZ"
_NO_COMMIT: Final = "0" * 12
_PATTERN: Final = re.compile(
    rf"([a-z-]+)/([\w.=-]*)/(\d{{8}}T\d{{6}}\.\d{{6}}Z)-([0-9a-f]{{12}})-([0-9a-f]{{16}})-([0-9a-f]{{64}}){re.escape(SUFFIX)}",
    re.ASCII,
)
_SAFE: Final = re.compile(rb"[A-Za-z0-9_-]")
_DOT: Final = ord(".")


class BundleName(NamedTuple):
    """The parts of a bundle's name."""

    origin: Origin
    started: float
    commit: str  # its first 12 digits; "" without one
    environment: str  # digest of it
    content: str

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.started, UTC).strftime(_TIME)
        file = f"{when}-{self.commit or _NO_COMMIT}-{self.environment}-{self.content}{SUFFIX}"
        return f"{folder_of(self.origin)}{file}"


class Listed(NamedTuple):
    """A bundle in a hub."""

    name: str
    size: int
    said: BundleName


def folder_of(origin: Origin) -> str:
    """Where all bundles of an origin are."""
    return f"{origin.event}/{_quoted(origin.name)}/"


def name_of(header: Header) -> BundleName | None:
    """The name that a bundle must have; None for one that does not say where it comes from."""
    provenance = from_facts(header.provenance)
    if provenance is None:
        return None
    commit = next(iter(header.commits), "")[:12]
    return BundleName(
        provenance.origin,
        _rounded(header.last),
        commit if re.fullmatch("[0-9a-f]{12}", commit) else "",
        digest_of(header.environment),
        header.content,
    )


def parsed(text: str) -> BundleName | None:
    """Parse the name of a bundle; None for another name."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        return None
    event, name, when, commit, environment, content = match.groups()
    try:
        origin = Origin(event, _unquoted(name))
        started = datetime.strptime(when, _TIME).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    found = BundleName(
        origin, started, commit if commit != _NO_COMMIT else "", environment, content
    )
    return found if str(found) == text else None


def digest_of(environment: Environment) -> str:
    """A name for an environment."""
    return blake2b(json.dumps(list(environment)).encode(), digest_size=8).hexdigest()


def _rounded(seconds: float) -> float:
    """A time as exactly as a name can say it."""
    return datetime.fromtimestamp(seconds, UTC).timestamp()


def _quoted(text: str) -> str:
    """A text as one part of a path, for every kind of hub."""
    parts = (
        chr(byte) if _SAFE.match(bytes((byte,))) or (byte == _DOT and at) else f"={byte:02x}"
        for at, byte in enumerate(_bytes(text))
    )
    return "".join(parts) or "="


def _unquoted(quoted: str) -> str:
    if quoted == "=":
        return ""
    data = re.sub(
        rb"=([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), quoted.encode()
    )
    return data.decode("utf-8", "surrogatepass")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
