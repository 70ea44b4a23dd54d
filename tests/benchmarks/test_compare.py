import compare
import edits


def test_what_was_found_is_not_looked_at_again(tmp_path):
    path = tmp_path / "edits.jsonl"
    assert compare.Log(path).get("a.py:1", lambda: {"needed": ["t"]})["needed"] == ["t"]
    with path.open("a") as file:
        file.write('{"edit": "b.py:2", "nee')  # killed while it wrote
    log = compare.Log(path)
    assert log.get("a.py:1", dict)["needed"] == ["t"]
    assert log.get("b.py:2", lambda: {"needed": []})["needed"] == []
    assert compare.Log(path).found.keys() == {"a.py:1", "b.py:2"}


def test_a_row_for_each_kind_of_place_counts_what_each_tool_selects_and_misses():
    found = [
        (
            {"where": edits.IMPORT, "needed": ["a", "b"], "theirs": ["c"]},
            {"selected": ["a", "b", "c", "d"], "missed": []},
        ),
        (
            {"where": edits.FUNCTION, "needed": ["a"], "theirs": ["a"]},
            {"selected": ["b"], "missed": ["a"]},
        ),
        ({"where": edits.IMPORT, "needed": [], "theirs": []}, {"selected": [], "missed": []}),
    ]
    assert list(compare.rows("till 1.0", 4, found)) == [
        (
            "till 1.0",
            4,
            "functions",
            1,
            "25.0%",
            "25.0% / 25.0%",
            "1 / 1",
            "25.0% / 25.0%",
            "0 / 0",
        ),
        (
            "till 1.0",
            4,
            "module and class level",
            2,
            "25.0%",
            "50.0% / 50.0%",
            "0 / 0",
            "12.5% / 12.5%",
            "2 / 1",
        ),
    ]
