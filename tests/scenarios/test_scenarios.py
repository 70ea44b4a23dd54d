"""Every scenario is safe, and selects beyond need only what its table lists, with the reason there."""

import sys
from pathlib import Path

import pytest

from tests.forks import AVAILABLE, Forks
from tests.scenarios.lab import play
from tests.scenarios.scenario import Scenario, load_all

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="plays scenarios in forked processes")


def _parameters() -> list[object]:
    return [
        pytest.param(
            s,
            id=s.name,
            marks=[pytest.mark.xfail(strict=True, reason=s.missed)] if s.missed else [],
        )
        for s in load_all()
        if s.oldest <= sys.version_info < s.beyond
    ]


@pytest.mark.parametrize("scenario", _parameters())
def test_scenario(scenario: Scenario, forks: Forks, tmp_path: Path) -> None:
    played = play(scenario, forks, tmp_path)
    assert played.needed == scenario.must, "the table says otherwise than plain pytest"
    assert not played.refused, f"pytest refused the selection:\n{played.log}"
    assert played.needed <= played.ran, (
        f"missed {sorted(played.needed - played.ran)}; reasons: {played.reasons}"
    )
    assert played.ran - played.needed == set(scenario.extra) | scenario.always - played.needed, (
        f"other extras; reasons: {played.reasons}"
    )
