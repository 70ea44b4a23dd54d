"""What ran while functions made what they keep for others, as the run noted it.

See `tracing.engines.makings`.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import NamedTuple

from testmon_cli.domain.source import FunctionSummary
from testmon_cli.tracing.watch.states import EVERYTHING, MAKING, UNKNOWN_MAKING, from_field

Function = tuple[str, str]  # path and qualified name


class _Notes(NamedTuple):
    makers: dict[Function, set[int]]  # traces for which a function made something
    ran: dict[Function, set[Function]]  # the functions that ran meanwhile, for any of them
    # Traces for which it made something, and what ran is not known.
    unknown: dict[Function, set[int]]
    unseen: set[int]  # traces of which nothing is known
    unseen_paths: set[str]  # sources that ran unseen


class MadeValues:
    """Answers for one run what can have taken part in a kept value."""

    def __init__(self, noted: Iterable[tuple[int, str, str]], *, is_recorded: bool) -> None:
        """`noted` is `KeptValues.notes`.

        Of a run that did not record what is kept nothing is known.
        """
        self._noted = noted
        self._is_recorded = is_recorded

    def made(self, function: FunctionSummary, before: FunctionSummary | None) -> AbstractSet[str]:
        """The names under which a function keeps what the run noted the making of."""
        if before is None or not self._is_recorded or self._notes.unseen_paths:
            return frozenset()
        return frozenset(function.made) & frozenset(before.made)

    def is_known(self, key: Function, ran: AbstractSet[int]) -> bool:
        """Whether it is known what ran when a function made something for some traces."""
        return ran.isdisjoint(self._notes.unseen | self._notes.unknown.get(key, set()))

    def has_made(self, key: Function, traces: AbstractSet[int]) -> bool:
        """Whether a function made, or may have made, something for some traces."""
        return not self.is_known(key, traces) or not self._notes.makers.get(key, set()).isdisjoint(
            traces
        )

    def took_part(self, key: Function, traces: AbstractSet[int]) -> AbstractSet[Function]:
        """The functions that ran while a function made something, if some traces made it."""
        if self._notes.makers.get(key, set()).isdisjoint(traces):
            return frozenset()
        return self._notes.ran[key]

    @cached_property
    def _notes(self) -> _Notes:
        found = _Notes({}, {}, {}, set(), set())
        for trace_id, path, what in self._noted:
            _note(found, trace_id, path, what)
        return found


def _note(found: _Notes, trace_id: int, path: str, what: str) -> None:
    if what.startswith(MAKING):
        qualname, where, names = what.removeprefix(MAKING).split("\t")
        found.makers.setdefault((path, qualname), set()).add(trace_id)
        found.ran.setdefault((path, qualname), set()).update(
            (from_field(where), name) for name in names.split(" ")
        )
    elif what.startswith(UNKNOWN_MAKING):
        found.unknown.setdefault((path, what.removeprefix(UNKNOWN_MAKING)), set()).add(trace_id)
    elif what == EVERYTHING and path:
        found.unseen_paths.add(path)
    elif what == EVERYTHING:
        found.unseen.add(trace_id)
