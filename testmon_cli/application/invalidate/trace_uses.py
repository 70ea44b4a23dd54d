"""Which traces use the results of others: a test those of its fixtures, a file's tests what collecting it ran."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from testmon_cli.storage.datafile import Datafile


def users_of(datafile: Datafile, runs: Iterable[int]) -> Mapping[int, Sequence[int]]:
    """By each trace of some runs that others use, the ids of those."""
    users: dict[int, list[int]] = defaultdict(list)
    for user, used in datafile.uses(runs):
        users[used].append(user)
    return users


def with_users(traces: Iterable[int], users: Mapping[int, Sequence[int]]) -> set[int]:
    """Some traces with all that use one of them, directly or through others."""
    found = set(traces)
    stack = list(found)
    while stack:
        for user in users.get(stack.pop(), ()):
            if user not in found:
                found.add(user)
                stack.append(user)
    return found
