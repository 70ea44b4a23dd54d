"""The limits that explain a miss are those of the page on limits."""

from pathlib import Path

from testmon_cli.application.proof.missing_link import LIMITS

PAGE = Path(__file__).parents[3] / "docs" / "limits.md"


def test_limits_are_rows_of_the_page() -> None:
    cells = {
        line.split(" | ")[0].removeprefix("| ")
        for line in PAGE.read_text(encoding="utf-8").splitlines()
    }
    assert [limit for limit in LIMITS if limit not in cells] == []
