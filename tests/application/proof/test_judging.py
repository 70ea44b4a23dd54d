"""Regressions that are called flaky are looked at again."""

import pytest

from testmon_cli.application.proof.judging import doubtful, settled
from testmon_cli.domain.proof import Judged, Outcome, Replay, Step
from testmon_cli.rendering.replay import as_text

ONE = Judged("t.py::test_one", "passed", "flaky", "failed 1 of 2 times with the same inputs")


@pytest.mark.parametrize(
    ("before", "verdict"),
    [("passed", "new"), ("passed", "unknown"), ("failed", "flaky"), ("", "flaky")],
)
def test_what_is_no_regression_or_not_called_flaky_is_not_looked_at(
    before: str, verdict: str
) -> None:
    assert not doubtful([ONE._replace(before=before, verdict=verdict)])


@pytest.mark.parametrize(
    ("before", "after", "misjudged"),
    [
        pytest.param(["passed", "passed"], ["failed", "failed"], True, id="a regression"),
        pytest.param(
            ["passed", "failed"], ["failed", "failed"], False, id="it failed before as well"
        ),
        pytest.param(
            ["passed", "passed"], ["failed", "passed"], False, id="it passes after as well"
        ),
    ],
)
def test_more_runs_tell_whether_a_regression_is_called_flaky(
    before: list[str], after: list[str], misjudged: bool
) -> None:
    runs = [[{ONE.nodeid: Outcome(result)} for result in results] for results in (before, after)]
    (found,) = settled([ONE], *runs)
    assert found.is_misjudged is misjudged
    text = as_text(
        Replay((Step("0123456789", "Change", "compared", judged=(found,)),), None, "3.11", "1")
    )
    shown = "\na regression called flaky at 012345678: t.py::test_one\n  failed 1 of 2 times with the same inputs\n"
    assert (shown in text) is misjudged
    assert "failures: 1 that passed at the commit before (1 flaky)\n" in text
