"""Paths and node ids that users name, where the path of a file holds the signs that divide a node id."""

from pathlib import Path

import pytest

from testmon_cli.application.select.paths import ChangedFiles, Place, places


@pytest.mark.parametrize(
    ("path", "nodeid", "is_held"),
    [
        pytest.param("a", "a/t.py::f", True, id="folder"),
        pytest.param("", "a/t.py::f", True, id="root"),
        pytest.param("a/t.py", "a/t.py::f[1]", True, id="file"),
        pytest.param("a/t.py", "a/t.pyc::f", False, id="longer-name"),
        pytest.param("a", "a::b/t.py::f", False, id="folder-whose-name-only-begins-so"),
        pytest.param("a::b", "a::b/t.py::f", True, id="folder-with-colons"),
        pytest.param("a::b/t.py", "a::b/t.py::f", True, id="below-a-folder-with-colons"),
    ],
)
def test_what_stands_in_a_path(path: str, nodeid: str, is_held: bool) -> None:
    assert Place(path, (path,)).holds(nodeid) is is_held


@pytest.mark.parametrize(
    ("name", "nodeid", "is_held"),
    [
        pytest.param("A", "t.py::A::f", True, id="class"),
        pytest.param("A::f", "t.py::A::f[1]", True, id="function"),
        pytest.param("A::f[1]", "t.py::A::f[1]", True, id="parameters"),
        pytest.param("A::f[1]", "t.py::A::f", False, id="other-parameters"),
        pytest.param("A", "t.py::Ab::f", False, id="longer-name"),
    ],
)
def test_what_stands_below_a_name(name: str, nodeid: str, is_held: bool) -> None:
    assert Place(f"t.py::{name}", ("t.py",), name).holds(nodeid) is is_held


def test_a_changed_file_holds_its_tests_whatever_its_path() -> None:
    changed = ChangedFiles(frozenset({"a::b/t.py", "p[1]/u.py"}))
    nodeids = ["a::b/t.py::f", "p[1]/u.py::f[x::y]", "a/t.py::f", "u.py::f"]
    assert [changed.holds(nodeid) for nodeid in nodeids] == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "path", "name"),
    [
        pytest.param("a/t.py::A::f", "a/t.py", "A::f", id="plain"),
        pytest.param("a::b/t.py::f[x::y]", "a::b/t.py", "f[x::y]", id="colons-in-the-path"),
        pytest.param("a/t.py", "a/t.py", "", id="file-alone"),
    ],
)
def test_a_node_id_whose_file_is_gone(tmp_path: Path, text: str, path: str, name: str) -> None:
    [place] = places(tmp_path, (), [str(tmp_path / text)])
    assert (place.paths, place.name, place.exists) == ((path,), name, False)
