"""What gc prints."""

import json

from testmon_cli.rendering.gc import as_json, as_text


def test_text() -> None:
    assert as_text({"executions": 1200, "tests": 1}, 40960, ["a.py::test_x"], dry_run=False) == (
        "no longer exists: a.py::test_x\nremoved 1,200 executions\nremoved 1 test\nfreed 40,960 bytes\n"
    )


def test_text_of_a_dry_run() -> None:
    assert (
        as_text({"source versions": 1}, 0, [], dry_run=True)
        == "would remove 1 source version\nwould free 0 bytes\n"
    )


def test_text_of_nothing() -> None:
    assert as_text({}, -4096, [], dry_run=False) == "nothing to remove\nfreed 0 bytes\n"


def test_json() -> None:
    assert json.loads(as_json({"tests": 1}, 10, ["a.py::test_x"], dry_run=True)) == {
        "version": 1,
        "dry_run": True,
        "removed": {"tests": 1},
        "freed_bytes": 10,
        "missing_tests": ["a.py::test_x"],
    }
