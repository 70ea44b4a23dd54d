"""Dividing among jobs: complete, disjoint, the same each time, and about as good as can be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testmon_cli.domain.parts import Part, Shard, by_argument, divided, name_of
from testmon_cli.domain.selection import NEW, Reason, Selected, Selection


def selected(nodeid: str, argument: str = "") -> Selected:
    return Selected(nodeid, argument or nodeid, Reason(NEW, "new"))


def part(file: int, name: int, microseconds: int) -> Part:
    nodeid = f"test_{file}.py::test_{name}"
    return Part(nodeid, (selected(nodeid),), microseconds)


SUITES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 5_000_000)), max_size=60).map(
    lambda tests: [part(file, name, time) for name, (file, time) in enumerate(tests)]
)


@given(SUITES, st.integers(1, 9))
def test_each_part_goes_to_one_job_and_no_job_is_empty(parts: list[Part], jobs: int) -> None:
    shares = divided(parts, jobs)
    assert sorted(p.argument for share in shares for p in share) == sorted(
        p.argument for p in parts
    )
    assert len(shares) <= jobs
    assert all(shares)
    assert all([*share] == sorted(share, key=parts.index) for share in shares)
    assert divided([*parts], jobs) == shares


@given(SUITES, st.integers(1, 9))
def test_no_job_takes_longer_than_what_longest_first_promises(parts: list[Part], jobs: int) -> None:
    shares = divided(parts, jobs)
    times = [max(p.microseconds, 1) for p in parts]
    if times:
        loads = [sum(max(p.microseconds, 1) for p in share) for share in shares]
        assert max(loads) <= sum(times) / min(jobs, len(times)) + max(times)


@pytest.mark.parametrize(
    ("times", "jobs", "longest"),
    [
        ([3, 3, 2, 2, 2], 2, 6),  # longest first alone would make 7
        ([5, 5, 4, 4, 3, 3, 3], 3, 9),
        ([100, 1, 1, 1], 3, 100),
        ([0, 0, 0, 0], 2, 0),
        ([1] * 1000, 7, 144),
    ],
)
def test_how_long_the_longest_job_takes(times: list[int], jobs: int, longest: int) -> None:
    shares = divided([part(0, name, time * 1000) for name, time in enumerate(times)], jobs)
    assert max(sum(p.microseconds for p in share) for share in shares) == longest * 1000


def test_files_stay_whole_where_that_costs_nothing() -> None:
    parts = [part(name % 4, name, 1000) for name in range(40)]
    assert [{p.path for p in share} for share in divided(parts, 2)] == [
        {"test_0.py", "test_2.py"},
        {"test_1.py", "test_3.py"},
    ]
    assert len(divided(parts, 3)) == 3


def test_a_job_that_would_make_nothing_shorter_is_left_out() -> None:
    parts = [part(0, 0, 1_000_000), *(part(1, name, 1000) for name in range(1, 9))]
    assert len(divided(parts, 5)) == 2


def test_a_division_has_a_name_of_its_own() -> None:
    parts = [part(0, name, 1000) for name in range(4)]
    names = {
        name_of(divided(parts, 2)),
        name_of(divided(parts, 3)),
        name_of(divided(parts[:3], 2)),
        name_of([]),
    }
    assert len(names) == 4


@given(st.text(min_size=1), st.integers(1, 9))
def test_a_file_and_all_that_it_holds_have_one_place(path: str, jobs: int) -> None:
    shards = [Shard(number, jobs) for number in range(1, jobs + 1)]
    for nodeid in (path, f"{path}::TestTill::test_count[1]"):
        assert [shard.has(nodeid) for shard in shards].count(True) == 1
    assert [shard.has(path) for shard in shards] == [
        shard.has(f"{path}::test_total") for shard in shards
    ]


def test_what_an_argument_runs() -> None:
    tests = (
        selected("a.py::test_x[1]"),
        selected("a.py::test_x[2 3]", "a.py::test_x"),
        selected("b.py::test_y", "b.py"),
        selected("c.py::test_z", "c.py::test_z"),
    )
    found = by_argument(Selection(tests, 4))
    assert {argument: len(held) for argument, held in found.items()} == {
        "a.py::test_x": 2,
        "b.py": 1,
        "c.py::test_z": 1,
    }
