"""Divides a selection into parts, one an argument of pytest, and parts among jobs."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Final, NamedTuple

from testmon_cli.domain import set_ups
from testmon_cli.domain.hashing import blake2b
from testmon_cli.domain.nodeid import NodeId
from testmon_cli.domain.selection import Selected, Selection

_GOOD: Final = 1.01  # times the least that the longest job can take: nothing better is looked for
_LEAST: Final = 1  # microsecond: tests whose time is too short to measure have to be divided, too
# chunks; where there are more, the longest first leaves next to nothing to improve
_MOST_LOOKED_AT: Final = 2000
_MOST_MOVES: Final = 500


class Shard(NamedTuple):
    """One of several jobs that share the tests."""

    number: int  # from 1
    jobs: int
    plan: str = ""  # the name of the division that it belongs to; "" where each file has its place

    def __str__(self) -> str:
        return f"{self.number}/{self.jobs}" + (f"@{self.plan}" if self.plan else "")

    def has(self, nodeid: str) -> bool:
        """Tell whether a test belongs to this shard where there is no plan.

        That depends on the name of its file alone, so jobs agree without knowing of each other, and
        whatever evidence each of them has: there is one job for every test. What is in front of the
        first colons is the same for a file and for all that it holds, also where the path has
        colons itself.
        """
        name = nodeid.partition("::")[0].rstrip(":").encode("utf-8", "surrogateescape")
        return int.from_bytes(blake2b(name, digest_size=8).digest()) % self.jobs == self.number - 1


class Part(NamedTuple):
    """The tests that one argument of pytest runs."""

    argument: str
    tests: tuple[Selected, ...]
    microseconds: int  # without what is set up once for several tests
    set_ups: tuple[tuple[str, int], ...] = ()  # that: names, and microseconds

    @property
    def path(self) -> str:
        return self.tests[0].path


Parts = tuple[Part, ...]


class Plan(NamedTuple):
    """A selection, divided among jobs."""

    jobs: int  # among which it was divided; there can be fewer shares
    shares: tuple[Parts, ...]
    commit: str = ""  # what was checked out; "" without git

    @property
    def name(self) -> str:
        return name_of(self.shares)

    def shard(self, number: int) -> Shard:
        return Shard(number, self.jobs, self.name)


def by_argument(selection: Selection) -> dict[str, list[Selected]]:
    """The tests of a selection by the argument that runs them."""
    chosen = selection.arguments
    found: dict[str, list[Selected]] = {argument: [] for argument in chosen}
    for test in selection.tests:
        found[_holder(test.argument, found)].append(test)
    return found


def _holder(argument: str, chosen: dict[str, list[Selected]]) -> str:
    if argument in chosen:
        return argument
    return next(
        (above for above in map(str, NodeId.parse(argument).above()) if above in chosen), "."
    )


def divided(parts: Sequence[Part], jobs: int) -> tuple[Parts, ...]:
    """Divide parts among jobs so that the longest takes as little as possible.

    Jobs without any are left out.

    Files stay whole where that costs nothing, so that what they set up is set up once. The same
    parts are always divided in the same way. Within a job they keep their order.
    """
    if not parts:
        return ()
    jobs = min(jobs, len(parts))
    times = [max(part.microseconds, _LEAST) for part in parts]
    if any(part.set_ups for part in parts):
        found = set_ups.divided(
            times, [part.set_ups for part in parts], [part.path for part in parts], jobs
        )
    else:
        found = _divided(parts, times, jobs)
    shares = sorted(sorted(share) for share in found if share)
    return tuple(tuple(parts[place] for place in share) for share in shares)


def _divided(parts: Sequence[Part], times: Sequence[int], jobs: int) -> list[list[int]]:
    average = -(-sum(times) // jobs)
    least = max([average, *times])
    best: list[list[int]] = []
    longest = 0
    for grain in (None, least // 2, least // 4, least // 8, least // 16, 0):
        found = _longest_first(_chunks(parts, times, grain), jobs)
        length = max(time for time, _ in found)
        if not best or length < longest:
            best, longest = [chunk for _, chunk in found], length
        if longest <= least * _GOOD:
            break
    return best


def seconds_of(parts: Iterable[Part]) -> float:
    """How long parts take, one after the other."""
    return microseconds_of(parts) / 1_000_000


def microseconds_of(parts: Iterable[Part]) -> int:
    """How long parts take one after the other, in microseconds; each set-up counts once."""
    set_ups: dict[str, int] = {}
    total = 0
    for part in parts:
        total += part.microseconds
        set_ups.update(part.set_ups)
    return total + sum(set_ups.values())


def name_of(shares: Iterable[Iterable[Part]]) -> str:
    """A name for a division: two divisions with the same name are the same."""
    texts = ("\0".join(part.argument for part in share) for share in shares)
    return (
        blake2b("\0\0".join(texts).encode("utf-8", "surrogateescape"), digest_size=8).digest().hex()
    )


_Chunk = tuple[int, list[int]]  # microseconds, places of parts


def _chunks(parts: Sequence[Part], times: Sequence[int], grain: int | None) -> Iterator[_Chunk]:
    """Parts of one file together, up to some time; whole files for None."""
    by_file: dict[str, list[int]] = defaultdict(list)
    for place, part in enumerate(parts):
        by_file[part.path].append(place)
    for places in by_file.values():
        time, chunk = 0, list[int]()
        for place in places:
            if chunk and grain is not None and time + times[place] > grain:
                yield time, chunk
                time, chunk = 0, []
            time += times[place]
            chunk.append(place)
        yield time, chunk


def _longest_first(chunks: Iterable[_Chunk], jobs: int) -> list[_Chunk]:
    """Give the longest chunk to the job that has least to do, again and again."""
    ordered = sorted(chunks, key=lambda chunk: (-chunk[0], chunk[1]))
    shares: list[list[_Chunk]] = [[] for _ in range(jobs)]
    loads = [(0, job) for job in range(jobs)]
    for chunk in ordered:
        load, job = loads[0]
        shares[job].append(chunk)
        heapq.heapreplace(loads, (load + chunk[0], job))
    if len(ordered) <= _MOST_LOOKED_AT:
        _improve(shares)
    return [
        (sum(time for time, _ in share), [place for _, chunk in share for place in chunk])
        for share in shares
    ]


def _improve(shares: list[list[_Chunk]]) -> None:
    """Move or exchange chunks of the longest job as long as that makes it shorter."""
    for _ in range(_MOST_MOVES):
        loads = [sum(time for time, _ in share) for share in shares]
        longest = max(range(len(shares)), key=lambda job: (loads[job], -job))
        if not _exchange(shares, loads, longest):
            return


def _exchange(shares: list[list[_Chunk]], loads: Sequence[int], longest: int) -> bool:
    """Make the move that brings the longest job and another closest together, if any does."""
    best, change = 0, None
    for job, share in enumerate(shares):
        gap = loads[longest] - loads[job]
        if gap <= best:
            continue
        # Each chunk of the longest job for each of the other, or for nothing.
        others = [*((time, place) for place, (time, _) in enumerate(share)), (0, -1)]
        own = [(time, place) for place, (time, _) in enumerate(shares[longest])]
        for (time, place), (other_time, other) in product(own, others):
            moved = time - other_time
            gain = min(moved, gap - moved)
            if gain > best:
                best, change = gain, (job, place, other)
    if change is None:
        return False
    job, place, other = change
    given = shares[longest].pop(place)
    if other >= 0:
        shares[longest].append(shares[job].pop(other))
    shares[job].append(given)
    return True
