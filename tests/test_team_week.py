"""The short form of the week that `nox -s team-week` plays."""

import subprocess
import sys
from pathlib import Path

import pytest

WEEK = Path(__file__).parents[1] / "examples" / "team-week" / "week.py"


@pytest.mark.slow
def test_nothing_is_missed_in_a_short_week() -> None:
    done = subprocess.run(
        [sys.executable, str(WEEK), "--small"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n| ") > 15
