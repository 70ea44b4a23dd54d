"""Dividing among jobs what needs set-ups.

Complete, disjoint, the same each time, and about as good as can be.
"""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from testmon_cli.domain.set_ups import SetUps, divided

NAMES = {"database": 300, "server": 90, "browser": 40}
SUITES = st.lists(
    st.tuples(
        st.integers(1, 100),
        st.lists(st.sampled_from(sorted(NAMES)), unique=True, max_size=2),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=7,
)


def _load(share: list[int], times: list[int], needs: list[SetUps]) -> int:
    return sum(times[place] for place in share) + sum(
        dict(n for place in share for n in needs[place]).values()
    )


@given(SUITES, st.integers(1, 3))
def test_each_part_has_one_job_and_the_longest_is_about_as_short_as_can_be(
    suite: list[tuple[int, list[str], int]], jobs: int
) -> None:
    times = [time for time, _, _ in suite]
    needs = [tuple((name, NAMES[name]) for name in sorted(names)) for _, names, _ in suite]
    files = [f"test_{number}.py" for _, _, number in suite]
    shares = divided(times, needs, files, jobs)
    assert sorted(itertools.chain(*shares)) == [*range(len(suite))]
    assert divided(times, needs, files, jobs) == shares
    best = min(
        max(
            _load([p for p in range(len(suite)) if of[p] == job], times, needs)
            for job in range(jobs)
        )
        for of in itertools.product(range(jobs), repeat=len(suite))
    )
    assert max(_load(share, times, needs) for share in shares) <= 1.34 * best


def test_a_suite_of_many_tests_is_divided_within_five_percent_of_the_best() -> None:
    chance = random.Random(7)
    files = [f"test_{number // 10}.py" for number in range(1500)]
    times = [int(chance.lognormvariate(9, 1.5)) for _ in files]
    of_file = {file: int(chance.lognormvariate(11, 1)) for file in files}
    needs: list[SetUps] = []
    for number, file in enumerate(files):
        kinds: list[SetUps] = [
            (),
            (("database", 2_000_000),) if number % 2 else (),
            ((file, of_file[file]),),
        ]
        needs.append(kinds[number // 10 % 3])
    total = sum(times) + sum(dict(need for some in needs for need in some).values())
    for jobs in (2, 4, 8):
        longest = max(_load(share, times, needs) for share in divided(times, needs, files, jobs))
        assert longest <= 1.05 * total / jobs, jobs  # no division is shorter than that
