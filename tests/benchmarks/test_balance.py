from itertools import product

import balance
from hypothesis import given
from hypothesis import strategies as st

from testmon_cli.domain import parts
from testmon_cli.domain.parts import Part

_SET_UPS = {"a": 50, "b": 20}


def _part(microseconds: int, needs: frozenset[str]) -> Part:
    return Part("", (), microseconds, tuple((name, _SET_UPS[name]) for name in sorted(needs)))


_some_parts = st.lists(
    st.builds(_part, st.integers(1, 100), st.frozensets(st.sampled_from(sorted(_SET_UPS)))),
    min_size=1,
    max_size=5,
)


@given(_some_parts, st.integers(1, 3))
def test_no_division_takes_less_than_the_bound(found: list[Part], jobs: int) -> None:
    best = min(
        max(
            parts.microseconds_of(p for p, at in zip(found, places, strict=True) if at == job)
            for job in places
        )
        for places in product(range(jobs), repeat=len(found))
    )
    assert balance.bound(found, jobs) <= best + 1e-6


def test_the_bound_counts_a_set_up_for_each_job_that_does_it() -> None:
    found = [_part(100, frozenset({"a"})), _part(100, frozenset({"a"}))]
    assert balance.bound(found, 1) == 250
    assert balance.bound(found, 2) == 150
