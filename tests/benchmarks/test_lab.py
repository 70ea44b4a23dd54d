import sys

import lab
import pytest


def test_a_run_counts_the_time_of_its_children(tmp_path):
    busy = "import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    ran = lab.run([sys.executable, "-c", parent], tmp_path)
    assert ran.status == 0
    assert ran.cpu >= 0.2
    assert ran.memory > 1


def test_a_run_that_takes_too_long_is_killed(tmp_path):
    ran = lab.run([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, limit=0.2)
    assert ran.killed
    assert ran.seconds < 30


def test_an_edited_file_is_as_it_was_afterwards(tmp_path):
    path = tmp_path / "till.py"
    path.write_bytes(b"a = 1\r\n")
    before = path.stat().st_mtime_ns
    with lab.edited(path, "a = 2"):
        assert path.read_text() == "a = 2"
    assert path.read_bytes() == b"a = 1\r\n"
    assert path.stat().st_mtime_ns == before


def test_a_file_that_is_removed_comes_back_and_one_that_is_added_goes(tmp_path):
    path, copy = tmp_path / "near.txt", tmp_path / "copy.txt"
    path.write_bytes(b"near")
    with lab.edited(path, None), lab.edited(copy, "copy"):
        assert not path.exists()
        assert copy.read_bytes() == b"copy"
    assert path.read_bytes() == b"near"
    assert not copy.exists()


def test_arguments_give_the_tests_that_they_name_and_those_inside():
    tests = {
        "tests/test_a.py::test_x[1-a::b]",
        "tests/test_a.py::Test::test_y",
        "tests/b/test_b.py::test_z[2]",
    }
    for argument, expected in (
        ("tests/test_a.py::test_x[1-a::b]", {"tests/test_a.py::test_x[1-a::b]"}),
        ("tests/test_a.py::test_x", {"tests/test_a.py::test_x[1-a::b]"}),
        ("tests/test_a.py::Test", {"tests/test_a.py::Test::test_y"}),
        ("tests/test_a.py", {"tests/test_a.py::test_x[1-a::b]", "tests/test_a.py::Test::test_y"}),
        ("tests/b", {"tests/b/test_b.py::test_z[2]"}),
        ("tests/test_a.py::test_x[1", set()),
        ("tests/test", set()),
    ):
        assert lab.given([argument], tests) == expected, argument


def test_a_checkout_has_another_digest_when_a_source_of_it_changes(tmp_path):
    path = tmp_path / "testmon_cli" / "till.py"
    path.parent.mkdir()
    path.write_text("a = 1")
    before = lab.digest(tmp_path)
    (tmp_path / "README.md").write_text("not installed")
    assert lab.digest(tmp_path) == before
    path.write_text("a = 2")
    assert lab.digest(tmp_path) != before


def test_a_table_goes_between_its_markers(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("above\n<!-- real -->\nold\n<!-- end of real -->\nbelow\n")
    lab.write_between(page, "real", lab.table(["a", "b"], [[1, "2"]]))
    assert page.read_text() == (
        "above\n<!-- real -->\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n<!-- end of real -->\nbelow\n"
    )
    with pytest.raises(SystemExit, match="lacks the markers"):
        lab.write_between(page, "other", "")
