from pathlib import Path

import others
from others import Found


def test_edits_are_inside_of_functions_and_outside_by_turns(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/a.py").write_text("X = 1\n\n\ndef f(n):\n    return n + 1\n")
    found = list(others.drawn(tmp_path, "app", seed=1, wanted=6))
    assert [edit.where for edit in found][::2] == ["functions"] * 3
    assert len(found) == 6


def test_a_row_for_each_tool() -> None:
    found = {
        tool.name: Found(tests=10, needed=2, ran=5, missed=0, code=1)
        for tool in others.tools("app")
    }
    found["pytest-picked"] = Found(tests=10, needed=2, ran=0, missed=2, code=5)
    rows = {str(row[0]).partition(" ")[0]: row[1:] for row in others.rows("app", [found, found])}
    assert rows["testmon"] == (others.RAN, "50.0%", "0 / 0")
    assert rows["pytest-picked"] == ("test files alone", "0.0%", "4 / 2")
