"""What `testmon collect` says besides what pytest prints."""

import re

import pytest

from tests.commands.test_agent import SHOP
from tests.conftest import Project


@pytest.fixture
def shop(project: Project) -> Project:
    project.write(SHOP)
    return project


def test_a_line_says_what_was_remembered(shop: Project) -> None:
    first = shop.testmon_process("collect").err
    assert re.fullmatch(
        r"testmon: remembered 2 tests in \d+\.\d s; select now takes \d+\.\d s,"
        r" and after an edit prints what to run\n",
        first,
    )
    shop.write({"test_more.py": "def test_more(): pass\n"})
    assert re.fullmatch(
        r"testmon: remembered 3 tests \(1 new\) in \d+\.\d s; select now takes \d+\.\d s\n",
        shop.testmon_process("collect").err,
    )
    again = shop.testmon_process("collect", "test_more.py")
    assert re.fullmatch(r"testmon: remembered 1 test \(0 new\) in \d+\.\d s\n", again.err)


@pytest.mark.parametrize("option", ["-q", "--quiet"])
def test_who_asks_pytest_to_be_brief_means_us_as_well(shop: Project, option: str) -> None:
    assert shop.testmon_process("collect", option).err == ""


@pytest.mark.parametrize("option", ["--selct", "--sel"])
def test_an_option_of_ours_with_a_typo(shop: Project, option: str) -> None:
    answer = shop.testmon_process("collect", option, "-q")
    assert answer.code == 4
    assert answer.err.endswith(f"testmon: {option} went to pytest; did you mean --select?\n")
