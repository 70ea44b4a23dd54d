"""Divides among jobs what needs set-ups: each job pays once for each that any of its parts needs.

Jobs are filled up to a limit. A part goes where it adds least, which is where its set-ups are, and
among these to the fullest job. The least limit at which all find a place is looked for.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

_GOOD: Final = 1.01  # times what no division can be shorter than: nothing better is looked for
_FINEST: Final = 2000  # parts; where there are more, the shortest ones of a file stay together
_GRAINS: Final = (2, 4, 8, 16, 64)

SetUps = tuple[tuple[str, int], ...]  # names, microseconds


class _Chunk(NamedTuple):
    """Parts that stay together."""

    time: int  # microseconds, without set-ups
    set_ups: Mapping[str, int]
    places: Sequence[int]
    alone: int  # microseconds, with set-ups


def _chunk(places: Sequence[int], times: Sequence[int], set_ups: Sequence[SetUps]) -> _Chunk:
    time = sum(times[place] for place in places)
    needed = {name: t for place in places for name, t in set_ups[place]}
    return _Chunk(time, needed, places, time + sum(needed.values()))


class _Job:
    def __init__(self) -> None:
        self.load = 0
        self.set_ups: set[str] = set()
        self.places: list[int] = []

    def added(self, chunk: _Chunk) -> int:
        """The microseconds that a chunk adds to the load."""
        more = (
            sum(time for name, time in chunk.set_ups.items() if name not in self.set_ups)
            if chunk.set_ups
            else 0
        )
        return chunk.time + more

    def take(self, chunk: _Chunk) -> None:
        self.load += self.added(chunk)
        self.set_ups.update(chunk.set_ups)
        self.places += chunk.places


def divided(
    times: Sequence[int], set_ups: Sequence[SetUps], files: Sequence[str], jobs: int
) -> list[list[int]]:
    """The places of the parts that each job gets. Files stay whole where that costs nothing."""
    every = {name: time for some in set_ups for name, time in some}
    total = sum(times) + sum(every.values())
    alone = max(time + sum(t for _, t in some) for time, some in zip(times, set_ups, strict=True))
    least = max(-(-total // jobs), alone)
    grains: list[int | None] = [None, *(least // grain for grain in _GRAINS)]
    if len(times) <= _FINEST:
        grains.append(0)
    best: list[_Job] = []
    for grain in grains:
        found = _filled([*_chunks(times, set_ups, files, grain)], jobs, least, total)
        if not best or _longest(found) < _longest(best):
            best = found
        if _longest(best) <= least * _GOOD:
            break
    return [job.places for job in best]


def _longest(jobs: Collection[_Job]) -> int:
    return max(job.load for job in jobs)


def _chunks(
    times: Sequence[int], set_ups: Sequence[SetUps], files: Sequence[str], grain: int | None
) -> Iterator[_Chunk]:
    """Parts of one file together that need the same set-ups, up to some time.

    Without a time, whole files stay together.
    """
    alike: dict[object, list[int]] = defaultdict(list)
    for place, file in enumerate(files):
        alike[file if grain is None else (file, set_ups[place])].append(place)
    for places in alike.values():
        time, chunk = 0, list[int]()
        for place in places:
            if chunk and grain is not None and time + times[place] > grain:
                yield _chunk(chunk, times, set_ups)
                time, chunk = 0, []
            time += times[place]
            chunk.append(place)
        yield _chunk(chunk, times, set_ups)


def _filled(chunks: list[_Chunk], jobs: int, least: int, total: int) -> list[_Job]:
    """The jobs, filled up to the least limit that is found."""
    chunks.sort(
        key=lambda chunk: (
            -sum(chunk.set_ups.values()),
            sorted(chunk.set_ups),
            -chunk.time,
            chunk.places,
        )
    )
    low, high = least, total
    best = _filled_up_to(high, chunks, jobs)
    assert best is not None  # all find a place in one job
    while high - low > least // 200:
        limit = (low + high) // 2
        found = _filled_up_to(limit, chunks, jobs)
        if found is None:
            low = limit + 1
        else:
            best, high = found, _longest(found)
    return best


def _filled_up_to(limit: int, chunks: Sequence[_Chunk], jobs: int) -> list[_Job] | None:
    """The jobs, none of which takes longer than a limit; None where they do not find a place."""
    found = [_Job() for _ in range(jobs)]
    order = [(0, number) for number in range(jobs)]  # by load
    holders: dict[str, set[int]] = defaultdict(set)  # by set-up, the jobs that have it
    for chunk in chunks:
        # Of the jobs that have none of its set-ups, the fullest that it fits into.
        place = bisect_right(order, (limit - chunk.alone, jobs)) - 1
        best = order[place][1] if place >= 0 else None
        rank = (chunk.alone, -order[place][0])
        for number in sorted(set().union(*(holders[name] for name in chunk.set_ups))):
            job = found[number]
            added = job.added(chunk)
            if job.load + added <= limit and (best is None or (added, -job.load) < rank):
                best, rank = number, (added, -job.load)
        if best is None:
            return None
        job = found[best]
        del order[bisect_left(order, (job.load, best))]
        job.take(chunk)
        insort(order, (job.load, best))
        for name in chunk.set_ups:
            holders[name].add(best)
    return found
