"""Which traces use the results of others.

A test uses those of its fixtures, a file's tests what collecting it ran. A trace stands for what
ran for a test, a fixture, an import or a collector.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from testmon_cli.storage.datafile import Datafile


def users_of(datafile: Datafile, runs: Iterable[int]) -> Mapping[int, Sequence[int]]:
    """By each trace of some runs that others use, the ids of those."""
    users: dict[int, list[int]] = defaultdict(list)
    for user, used in datafile.uses(runs):
        users[used].append(user)
    return users


def used_by(datafile: Datafile, runs: Iterable[int]) -> Mapping[int, Sequence[int]]:
    """By each trace of some runs that uses others, the ids of those."""
    used: dict[int, list[int]] = defaultdict(list)
    for user, other in datafile.uses(runs):
        used[user].append(other)
    return used


def reachable(traces: Iterable[int], links: Mapping[int, Sequence[int]]) -> set[int]:
    """Some traces with all that links lead to from them, directly or through others."""
    found = set(traces)
    stack = list(found)
    while stack:
        for trace_id in links.get(stack.pop(), ()):
            if trace_id not in found:
                found.add(trace_id)
                stack.append(trace_id)
    return found
