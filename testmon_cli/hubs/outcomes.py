"""How the tests of a bundle came out, for queries."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from testmon_cli.bundles import files
from testmon_cli.domain.evidence import Row, TraceRow
from testmon_cli.domain.hashing import blake2b
from testmon_cli.domain.varints import unpack_numbers
from testmon_cli.storage.evidence_tables import Tables


class Outcome(NamedTuple):
    """How a test came out."""

    nodeid: str
    outcome: str
    seconds: float
    relied: str  # digest of all that it relied on


class _Trace(NamedTuple):
    own: bytes  # digest of what it relied on itself
    uses: tuple[int, ...]
    outcome: str
    seconds: float


def outcomes_of(path: Path) -> Iterator[Outcome]:
    """The outcomes in a bundle of one run, which was written here."""
    tables = Tables()
    traces: dict[int, _Trace] = {}
    with files.reading(path, is_own=True) as bundle:
        for row in bundle.rows:
            _take(row, tables, traces)
    digests: dict[int, bytes] = {}
    for subject, trace in traces.items():
        if trace.outcome:
            relied = _digest(subject, traces, digests).hex()
            yield Outcome(tables.subjects[subject - 1].name, trace.outcome, trace.seconds, relied)


def _take(row: Row, tables: Tables, traces: dict[int, _Trace]) -> None:
    if isinstance(row, TraceRow):
        uses = tuple(unpack_numbers(row.uses))
        traces[row.subject] = _Trace(tables.relied(row), uses, row.outcome, row.duration)
    else:
        tables.take(row)


def _digest(subject: int, traces: dict[int, _Trace], known: dict[int, bytes]) -> bytes:
    """A digest of all that a subject relied on, itself or by what it uses.

    Each subject counts once.
    """
    waiting = [subject]
    while waiting:
        at = waiting[-1]
        trace = traces.get(at)
        if at in known or trace is None:
            known.setdefault(at, b"")
            waiting.pop()
            continue
        missing = [used for used in trace.uses if used not in known and used not in waiting]
        if missing:
            waiting += missing
            continue
        parts = sorted(known.get(used, b"") for used in trace.uses)
        known[at] = blake2b(trace.own + b"".join(parts), digest_size=16).digest()
        waiting.pop()
    return known[subject]
