import ast
from itertools import islice

import edits

SOURCE = '''"""A module."""
import os

LIMIT = 3
NAME = "näme"


class Base: ...


class Till(Base):
    step = 1

    @staticmethod
    def count(items, start=0):
        total = start
        for item in items:
            if item > LIMIT:
                total = total + item
        return total
'''


def _drawn(path, seed, **options):
    return list(islice(edits.draw([path], seed, **options), 200))


def test_every_edit_is_other_source_that_parses(tmp_path):
    path = tmp_path / "till.py"
    path.write_text(SOURCE, encoding="utf-8")
    for edit in _drawn(path, 1):
        ast.parse(edit.text)
        assert edit.text != SOURCE
        assert path.read_text(encoding="utf-8") == SOURCE


def test_a_seed_draws_the_same_edits_again_and_another_seed_others(tmp_path):
    path = tmp_path / "till.py"
    path.write_text(SOURCE, encoding="utf-8")
    assert _drawn(path, 1) == _drawn(path, 1)
    assert _drawn(path, 1) != _drawn(path, 2)


def test_edits_reach_functions_classes_and_the_module(tmp_path):
    path = tmp_path / "till.py"
    path.write_text(SOURCE, encoding="utf-8")
    texts = [edit.text for edit in _drawn(path, 1)]
    for expected in (
        "LIMIT = 4",
        "NAME = 'nämex'",
        "class Till(object)",
        "step = 2",
        "start='other'",
        "return None",
    ):
        assert any(expected in text for text in texts), expected
    assert any("(not (item > LIMIT))" in text for text in texts)


def test_edits_add_and_rebind_what_classes_and_the_module_hold(tmp_path):
    path = tmp_path / "till.py"
    path.write_text(SOURCE, encoding="utf-8")
    texts = [edit.text for edit in _drawn(path, 1)]
    for expected in (
        "    def __eq__(self, *args):\n        return 'new'",
        "\nTill = None",
        "    count = None",
        "item >= LIMIT",
    ):
        assert any(expected in text for text in texts), expected


def test_edits_of_data_change_a_digit_drop_a_line_remove_the_file_or_add_one(tmp_path):
    path = tmp_path / "rates.txt"
    path.write_text("near 3\nfar 9\n", encoding="utf-8")
    drawn = {(e.path.name, e.what, e.text, e.gone) for e in islice(edits.draw_data([path], 1), 100)}
    assert drawn == {
        ("rates.txt", "digit", "near 4\nfar 9\n", False),
        ("rates.txt", "digit", "near 3\nfar 0\n", False),
        ("rates.txt", "line", "far 9\n", False),
        ("rates.txt", "line", "near 3\n", False),
        ("rates_copy.txt", "copy", "near 3\nfar 9\n", False),
        ("rates.txt", "gone", "", True),
    }


def test_an_edit_tells_where_it_is_made(tmp_path):
    path = tmp_path / "till.py"
    path.write_text(SOURCE, encoding="utf-8")
    places = {edit.what: edit.where for edit in _drawn(path, 1)}
    assert places["return: Return -> return None"] == edits.FUNCTION
    assert places["default: Constant -> 'other'"] == edits.IMPORT
    assert next(edits.draw_data([path], 1)).where == edits.DATA


def test_edits_inside_leave_what_runs_at_import_alone(tmp_path):
    path = tmp_path / "till.py"
    path.write_text(SOURCE, encoding="utf-8")
    head = SOURCE.partition("total = start")[0]
    assert all(edit.text.startswith(head) for edit in _drawn(path, 1, inside=True))
