"""A bundle as a file: two lines for people and for lists of bundles, then the evidence, compressed.

The first line says what the file is, the second holds JSON: what is inside, by whom and how large
it is. The evidence is named by its SHA-256: whoever reads all of it knows that it is whole. What a
bundle says of itself in its second line is held against what is inside.
"""

import hashlib
import hmac
import json
import math
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final, NamedTuple

from testmon_cli import __version__
from testmon_cli.bundles import compressing
from testmon_cli.bundles.checking import Checker
from testmon_cli.bundles.encoding import END, Decoder, encoded
from testmon_cli.bundles.errors import BundleError
from testmon_cli.domain.errors import EnvironmentFailure
from testmon_cli.domain.evidence import (
    EvidenceError,
    FactsRow,
    Row,
    RunRow,
    SubjectRow,
    TraceRow,
    VersionRow,
)
from testmon_cli.domain.provenance import FACT, Provenance
from testmon_cli.domain.records import Environment

MAGIC: Final = b"testmon bundle "
FORMAT: Final = 1
SUFFIX: Final = ".testmonbundle"
_FIRST: Final = MAGIC + b"%d\n" % FORMAT
_LONGEST_HEADER: Final = 1 << 16
LARGEST: Final = 1 << 30  # bytes of evidence, uncompressed
_CHUNK: Final = 1 << 18
_SIGNATURE: Final = "hmac-sha256:"
_LISTED: Final = 50  # commits and analyses that the header names


class Header(NamedTuple):
    """The header of a bundle."""

    content: str  # SHA-256 of the evidence: the name of the bundle
    size: int  # bytes of the evidence
    packed: int  # the same, compressed
    environment: Environment
    runs: int
    tests: int  # that an execution tells of
    executions: int
    first: float  # when the oldest run began
    last: float  # when the newest one did
    commits: tuple[str, ...]
    analyses: tuple[str, ...]  # by which models and checksums were made
    testmon: str  # version that wrote the bundle
    # where it comes from, as far as all runs agree
    provenance: Mapping[str, str] = MappingProxyType({})
    signature: str = ""


_SUMMED_UP: Final = frozenset({TraceRow, SubjectRow, VersionRow, FactsRow, RunRow})


class _Summary:
    """Sums up rows for the header."""

    def __init__(self) -> None:
        self.started: list[float] = []
        self.commits: set[str] = set()
        self.analyses: set[str] = set()
        self.tests = self.executions = 0
        self.provenance: Mapping[str, str] | None = None
        self._facts: list[str] = []

    def noting(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Pass rows on, and note what the header is to say of them."""
        for row in rows:
            kind = type(row)
            if kind not in _SUMMED_UP:  # most of them
                yield row
                continue
            if isinstance(row, TraceRow):
                self.executions += bool(row.outcome)
            elif isinstance(row, SubjectRow):
                self.tests += bool(row.test_kind)
            elif isinstance(row, VersionRow):
                self.analyses.add(row.model_key)
            elif isinstance(row, FactsRow):
                self._facts.append(row.facts)
            elif isinstance(row, RunRow):
                self.started.append(row.started)
                self.commits.add(row.git_head)
                self._note_provenance(json.loads(self._facts[row.facts - 1]) if row.facts else {})
            yield row

    def _note_provenance(self, facts: Mapping[str, Mapping[str, str]]) -> None:
        found = facts.get(FACT, {})
        before = found if self.provenance is None else self.provenance
        self.provenance = {
            name: value for name, value in found.items() if before.get(name) == value
        }

    def header(self, content: str, size: int, packed: int, environment: Environment) -> Header:
        return Header(
            content,
            size,
            packed,
            environment,
            len(self.started),
            self.tests,
            self.executions,
            min(self.started, default=0.0),
            max(self.started, default=0.0),
            tuple(sorted(self.commits - {""}))[:_LISTED],
            tuple(sorted(self.analyses - {"-"}))[:_LISTED],
            __version__,
            MappingProxyType(dict(self.provenance or {})),
        )


# Writing


def write(
    environment: Environment, rows: Iterable[Row], folder: Path, name: str | None, key: bytes = b""
) -> tuple[Path, Header]:
    """Write a bundle into a folder, by default named after its content.

    Returns the path and the header.

    With a key, it is signed.
    """
    summary = _Summary()
    with tempfile.TemporaryFile(dir=folder) as body:
        content, size = _write_body(body, environment, summary.noting(rows))
        header = summary.header(content, size, body.tell(), environment)
        if key:
            header = header._replace(signature=signature_of(header, key))
        body.seek(0)
        path = folder / (name or content + SUFFIX)
        descriptor, draft = tempfile.mkstemp(
            dir=folder, prefix=f".{path.name[:40]}.", suffix=".new"
        )
        try:
            with open(descriptor, "wb") as file:
                file.write(_FIRST + as_json(header).encode() + b"\n")
                shutil.copyfileobj(body, file, _CHUNK)
            os.replace(draft, path)
        except BaseException:
            os.unlink(draft)
            raise
    return path, header


def _write_body(file: BinaryIO, environment: Environment, rows: Iterable[Row]) -> tuple[str, int]:
    """Digest and size of what was written: nothing that would not be read again."""
    named = hashlib.sha256()
    size = 0
    packing = compressing.writer(file)
    waiting = bytearray(_preface(environment))

    def flush() -> None:
        nonlocal size
        size += len(waiting)
        named.update(waiting)
        packing.write(bytes(waiting))
        waiting.clear()

    try:
        for row in Checker().checked(rows):
            waiting += encoded(row)
            if len(waiting) > _CHUNK:
                flush()
    except EvidenceError as error:
        raise BundleError(
            f"no bundle can hold what is known of {environment.name!r} ({error})"
        ) from error
    waiting += END
    flush()
    packing.close()
    return named.hexdigest(), size


def _preface(environment: Environment) -> bytes:
    """The evidence begins with where it was found: that is part of its name."""
    return json.dumps(list(environment)).encode() + b"\n"


def signature_of(header: Header, key: bytes) -> str:
    """Sign a header, and with it the evidence that it names, with a key."""
    said = _FIRST + as_json(header._replace(signature="")).encode()
    return f"{_SIGNATURE}{hmac.new(key, said, hashlib.sha256).hexdigest()}"


def is_signed(header: Header, key: bytes) -> bool:
    """Tell whether the writer of a bundle had the key."""
    return hmac.compare_digest(
        signature_of(header, key).encode(), header.signature.encode("utf-8", "replace")
    )


def as_json(header: Header) -> str:
    """A header on one line."""
    fields = header._asdict() | {
        "environment": header.environment._asdict(),
        "provenance": dict(header.provenance),
    }
    return json.dumps(fields, sort_keys=True)


# Reading


def is_bundle(path: Path) -> bool:
    """Tell whether a file says that it is a bundle, of whatever format."""
    try:
        with _opened(path) as file:
            return file.read(len(MAGIC)) == MAGIC
    except (BundleError, EnvironmentFailure):
        return False


def header_of(path: Path) -> Header:
    """Read the header of a bundle; the evidence is not looked at."""
    with _opened(path) as file:
        return _header(path, file)


class Bundle(NamedTuple):
    """An open bundle."""

    header: Header
    rows: Iterator[Row]  # raises BundleError for what cannot be, at the latest after the last row


@contextmanager
def reading(path: Path, *, is_own: bool = False) -> Iterator[Bundle]:
    """Open a bundle. Rows are not to be kept unless all of them came.

    Of an own one each row was checked when it was written: it is whole, or it is refused.
    """
    with _opened(path) as file:
        header = _header(path, file)
        yield Bundle(header, _rows(path, file, header, is_own=is_own))


def check(path: Path) -> Header:
    """Read all of a bundle; what it says of itself, if that is so."""
    with reading(path) as bundle:
        for _ in bundle.rows:
            pass
        return bundle.header


def _rows(path: Path, file: BinaryIO, header: Header, *, is_own: bool) -> Iterator[Row]:
    body = _Body(file, header.size)
    summary = _Summary()
    try:
        preface = _preface(header.environment)
        if body.read_exactly(len(preface)) != preface:
            raise EvidenceError("it is of another environment than it says")
        rows = Decoder(body.read).rows()
        yield from summary.noting(rows if is_own else Checker().checked(rows))
        found = summary.header(body.digest, body.count, header.packed, header.environment)
        if found[:11] != header[:11] or found.provenance != header.provenance:
            raise EvidenceError("it does not hold what it says")
    except EvidenceError as error:
        raise damaged(path, str(error)) from error
    except compressing.Damage as error:
        raise damaged(path, "it cannot be uncompressed") from error


class _Body:
    """Reads the evidence, digests it, and stops where it should end."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._reading = compressing.reader(file)
        self._size = size
        self._digest = hashlib.sha256()
        self.count = 0

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def read(self, size: int) -> bytes:
        data = self._reading.read(size)
        self._digest.update(data)
        self.count += len(data)
        if self.count > self._size:
            raise EvidenceError("it is larger than it says")
        return data

    def read_exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (part := self.read(size - len(data))):
            data += part
        return data


def damaged(path: Path, reason: str) -> BundleError:
    """The error for a bundle with something wrong in it."""
    return BundleError(
        f"{path} is damaged, or no bundle that testmon wrote ({reason}): nothing of it was taken"
    )


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise BundleError(f"{path} is no regular file")
        file = open(path, "rb")  # noqa: SIM115 - closed below
    except FileNotFoundError:
        raise EnvironmentFailure(f"there is no {path}: name a bundle that is there") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BundleError(f"{path} cannot be read ({reason})") from error
    with file:
        yield file


def _header(path: Path, file: BinaryIO) -> Header:
    first = file.read(len(MAGIC))
    if first != MAGIC:
        raise BundleError(f"{path} is no bundle of testmon: make one with testmon bundle create")
    version = file.readline(16)
    if not version.rstrip(b"\n").isdigit():
        raise damaged(path, "it does not say its format")
    number = int(version)
    if number != FORMAT:
        raise BundleError(
            f"{path} is a bundle of format {number}, which another testmon wrote: upgrade testmon-cli"
        )
    line = file.readline(_LONGEST_HEADER)
    header = _parsed(line)
    if header is None:
        raise damaged(path, "its header cannot be read")
    if header.size > LARGEST:
        raise BundleError(
            f"{path} is too large: {header.size:,} bytes of evidence, and {LARGEST:,} are read at most"
        )
    if os.fstat(file.fileno()).st_size != file.tell() + header.packed:
        raise damaged(path, "it is cut off, or has more than it says")
    return header


def _parsed(line: bytes) -> Header | None:
    """The header that a line holds; None when it holds none."""
    try:
        fields = json.loads(line)
        environment = Environment(**fields.pop("environment"))
        header = Header(environment=environment, **fields)
        if not line.endswith(b"\n") or as_json(header).encode() + b"\n" != line:
            return None
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None
    listed = header._replace(commits=tuple(header.commits), analyses=tuple(header.analyses))
    return listed if _is_sound(listed) else None


def _is_sound(header: Header) -> bool:
    texts = (
        header.content,
        *header.environment,
        *header.commits,
        *header.analyses,
        header.testmon,
        header.signature,
    )
    return (
        all(
            map(
                _is_count,
                (header.size, header.packed, header.runs, header.tests, header.executions),
            )
        )
        and all(isinstance(text, str) for text in texts)
        and re.fullmatch("[0-9a-f]{64}", header.content) is not None
        and all(
            type(time) is float and 0 <= time < math.inf for time in (header.first, header.last)
        )
        and header.provenance.keys() <= set(Provenance._fields)
        and all(isinstance(text, str) for text in header.provenance.values())
    )


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0
