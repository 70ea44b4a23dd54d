"""Tests that came out otherwise are caught, escaped or unstable."""

import pytest

from testmon_cli.application.proof.outcomes import compare, differing, settled, without
from testmon_cli.domain.proof import BROKEN, ESCAPED, UNSTABLE, Outcome


def outcomes(**results: str) -> dict[str, Outcome]:
    return {nodeid: Outcome(result) for nodeid, result in results.items()}


@pytest.mark.parametrize(
    ("before", "after", "ran", "caught", "missed"),
    [
        pytest.param({"a": "passed"}, {"a": "passed"}, "", "", "", id="nothing is other"),
        pytest.param({"a": "passed"}, {}, "", "", "", id="removed"),
        pytest.param(
            {"a": "failed"}, {"a": "failed"}, "a", "", "", id="fails as before and was run"
        ),
        pytest.param({"a": "skipped"}, {"a": "skipped"}, "", "", "", id="skipped as before"),
        pytest.param({"a": "passed"}, {"a": "failed"}, "a", "a", "", id="caught"),
        pytest.param({"a": "passed"}, {"a": "failed"}, "", "", "a", id="a failure is missed"),
        pytest.param({"a": "failed"}, {"a": "passed"}, "", "", "a", id="a repair is missed"),
        pytest.param({"a": "failed"}, {"a": "failed"}, "", "", "a", id="what fails was not run"),
        pytest.param({}, {"a": "passed"}, "a", "a", "", id="new"),
        pytest.param({}, {"a": "passed"}, "", "", "a", id="a new one is missed"),
        pytest.param(
            {"f::a": "passed"}, {"f": BROKEN}, "f", "f", "", id="a file that breaks is seen"
        ),
        pytest.param(
            {"f::a": "passed"}, {"f": BROKEN}, "f::a", "", "f", id="a file that breaks is not seen"
        ),
        pytest.param(
            {"f": BROKEN},
            {"f::a": "passed"},
            "",
            "",
            "f::a",
            id="the tests of a file that broke are missed",
        ),
    ],
)
def test_outcomes_are_compared(
    before: dict[str, str], after: dict[str, str], ran: str, caught: str, missed: str
) -> None:
    found = compare(outcomes(**before), outcomes(**after), ran.split())
    assert [f.nodeid for f in found.caught] == caught.split()
    assert [f.nodeid for f in found.missed] == missed.split()


def test_what_an_older_result_says_needs_not_be_run() -> None:
    found = compare(
        outcomes(a="failed", b="failed", c="passed"),
        outcomes(a="passed", b="passed", c="failed"),
        (),
    )
    assert [
        f.nodeid for f in without(found.missed, {"a": "passed", "b": "skipped", "c": "failed"})
    ] == ["b", "c"]


@pytest.mark.parametrize(
    ("before", "after", "bucket"),
    [
        pytest.param(["passed", "passed"], ["failed", "failed"], ESCAPED, id="the same each time"),
        pytest.param(["passed", "passed"], ["failed", "passed"], UNSTABLE, id="otherwise after"),
        pytest.param(["failed", "passed"], ["failed", "failed"], UNSTABLE, id="otherwise before"),
        pytest.param(["passed", "passed"], [], ESCAPED, id="not looked at again"),
    ],
)
def test_more_runs_tell_what_is_unstable(before: list[str], after: list[str], bucket: str) -> None:
    missed = compare(outcomes(a="passed"), outcomes(a="failed"), ()).missed
    found = settled(
        missed, [outcomes(a=result) for result in before], [outcomes(a=result) for result in after]
    )
    assert [f.bucket for f in found] == [bucket]


def test_a_name_that_changes_with_each_run_is_unstable() -> None:
    missed = compare({}, {"a[0x7f]": Outcome("passed")}, ()).missed
    assert [f.bucket for f in settled(missed, [], [{"a[0x8e]": Outcome("passed")}])] == [UNSTABLE]


def test_outcomes_differ_under_observation() -> None:
    assert differing(outcomes(a="passed", b="passed"), outcomes(a="failed", c="failed")) == ("a",)
