"""Files that a run changes by itself, in ways that were not seen.

A subprocess writes them, or a library written in C.

A test that read such a file before it changed is selected, since somebody may have edited the file
while tests ran. When the next run changes it again, the file is the run's own: what it holds is no
dependency any more. What a run made in this way and then removed is its own at once.
"""

import os
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

from testmon_cli.tracing.originals import get_state
from testmon_cli.tracing.watch.states import EXISTS, MISSING, file_state

REWRITTEN = "rewritten"  # names of facts: files that were changed in a run ...
OWN = "own"  # ... those that were in the run before, too, and folders that it removed


def facts_of(
    read: Mapping[str, AbstractSet[str]],
    root: Path,
    started: float,
    before: Mapping[str, object],
    passing: Collection[str] = (),
    listed: AbstractSet[str] = frozenset(),
) -> dict[str, list[str]]:
    """Facts of a run that is over, from the states in which tests found the files they `read`.

    `before` has the facts of the run before it; `passing` are files and folders that the run made
    and removed, `listed` the folders whose entries tests looked at.
    """
    changed = {name for name, states in read.items() if _is_rewritten(root / name, states, started)}
    once = _names(before, REWRITTEN)
    gone = {name for name in passing if file_state(os.fspath(root / name)) == MISSING}
    again = changed & once | gone & (changed | listed) | own_files(before) - read.keys()
    return {REWRITTEN: sorted(changed | once - read.keys()), OWN: sorted(again)}


def own_files(facts: Mapping[str, object]) -> frozenset[str]:
    """Files that a run with these facts and the one before it changed by themselves."""
    return _names(facts, OWN)


def _names(facts: Mapping[str, object], fact: str) -> frozenset[str]:
    found = facts.get(fact)
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()


def _is_rewritten(path: Path, states: AbstractSet[str], started: float) -> bool:
    """Tell whether a file is not as every test found it.

    If its time is from before the run, it need not be read.
    """
    try:
        is_older = get_state(path).st_mtime < started
    except (OSError, ValueError):  # of a name with a zero byte
        return states != {MISSING}
    contents = states - {EXISTS}  # of others nobody knows what was in it
    if is_older and len(contents) <= 1 and MISSING not in states:
        return False
    now = file_state(os.fspath(path))
    return now == MISSING or not contents <= {now}
