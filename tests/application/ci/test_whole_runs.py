from pathlib import Path

import pytest

from testmon_cli.application.ci.whole_runs import why
from testmon_cli.application.settings import Settings


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("", ""),
        ("Run testmon all the time", ""),
        ("Count\n\n[testmon all]", "[testmon all] was asked for"),
        ("Count\nbug\ntestmon all", "[testmon all] was asked for"),  # a label is a line of its own
    ],
)
def test_what_people_write(tmp_path: Path, words: str, reason: str) -> None:
    assert why(Settings(tmp_path, str(tmp_path / "none")), words, 0.0) == reason


def test_where_nothing_is_known_a_full_run_is_due(tmp_path: Path) -> None:
    settings = Settings(tmp_path, str(tmp_path / "none"), full_every=60.0)
    assert why(settings, "", 0.0) == "no run of all tests is as new as full_every wants it"
