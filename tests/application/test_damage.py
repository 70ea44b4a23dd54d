"""Flipped bits in a datafile: no affected test is lost, and there is never a traceback."""

import random
import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from testmon_cli.cli import main
from tests.conftest import Project

AFFECTED = "tests/test_rates.py::test_near"
SEAL = slice(60, 64)
FLIPS = [pytest.param(60, id="few"), pytest.param(3000, id="many", marks=pytest.mark.slow)]


def _flipped(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def _answer(depot: Project, capsys: pytest.CaptureFixture[str], *command: str) -> tuple[str, str]:
    """How a command took a damaged datafile, and what it printed."""
    code = main(["-C", str(depot.path), *command])
    out, err = capsys.readouterr()
    assert code in (0, 65), err
    if code:
        assert (out, err.startswith("testmon: error: "), err.count("\n")) == ("", True, 1), err
        return "refused", out
    return "answered", out


def _holds(out: str, test: str) -> bool:
    """Whether a selection has a test, or a file or function that it is in."""
    return any(
        test == line or test.startswith((f"{line}::", f"{line}[")) for line in out.splitlines()
    )


@pytest.mark.parametrize("count", FLIPS)
def test_a_flipped_bit_loses_no_affected_test(
    depot: Project, capsys: pytest.CaptureFixture[str], count: int
) -> None:
    depot.edit("depot/rates.py", "BASE = 3", "BASE = 4")
    path = depot.path / ".testmondata"
    whole = path.read_bytes()
    chance = random.Random(count)
    for _ in range(count):
        path.write_bytes(_flipped(whole, chance))
        how, out = _answer(depot, capsys, "select")
        assert how == "refused" or _holds(out, AFFECTED)


@pytest.mark.parametrize("count", FLIPS)
@pytest.mark.parametrize(
    "command",
    [["select"], ["explain", AFFECTED], ["diff"], ["report"], ["gc", "--dry-run"]],
    ids=lambda command: command[-1].strip("-"),
)
def test_damage_that_the_seal_does_not_tell_ends_in_no_traceback(
    depot: Project, capsys: pytest.CaptureFixture[str], command: list[str], count: int
) -> None:
    """A run that was killed leaves the datafile without one."""
    depot.edit("depot/rates.py", "BASE = 3", "BASE = 4")
    path = depot.path / ".testmondata"
    whole = bytearray(path.read_bytes())
    whole[SEAL] = bytes(4)
    chance = random.Random(count)
    taken: Counter[str] = Counter()
    for _ in range(count // 3):
        path.write_bytes(_flipped(bytes(whole), chance))
        taken[_answer(depot, capsys, *command)[0]] += 1
    assert taken["answered"]


def test_a_value_that_another_program_changed_loses_no_affected_test(
    depot: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    depot.edit("depot/rates.py", "BASE = 3", "BASE = 4")
    with closing(sqlite3.connect(depot.path / ".testmondata", isolation_level=None)) as driver:
        driver.execute("UPDATE fingerprint SET source_id = source_id + 1000")
    assert main(["-C", str(depot.path), "select", "--explain"]) == 0
    out, err = capsys.readouterr()
    assert (
        out
        == "tests/test_files.py  the datafile is damaged\ntests/test_rates.py  the datafile is damaged\n"
    )
    assert err.startswith("testmon: everything is selected: ")
    assert "its checksum does not match" in err
    assert main(["-C", str(depot.path), "collect", "-q"]) == 65
    assert "move it away and collect again" in capsys.readouterr().err
