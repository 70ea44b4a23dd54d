"""Node ids come apart as they were put together."""

import pytest

from testmon_cli.domain.nodeid import NodeId, function_of, path_of, readings
from testmon_cli.domain.selection import AFFECTED, Reason, Selected, Selection


@pytest.mark.parametrize(
    ("text", "path", "parts"),
    [
        pytest.param("tests", "", ("tests", (), ""), id="folder"),
        pytest.param("tests/test_a.py", "", ("tests/test_a.py", (), ""), id="file"),
        pytest.param("test_a.pyc", "", ("test_a.pyc", (), ""), id="file-of-another-kind"),
        pytest.param("test_a.py::test_x", "", ("test_a.py", ("test_x",), ""), id="function"),
        pytest.param(
            "t.py::TestA::test_x[1]", "", ("t.py", ("TestA", "test_x"), "[1]"), id="parameters"
        ),
        pytest.param(
            "t.py::f[a::b[c]-x.py::y]",
            "",
            ("t.py", ("f",), "[a::b[c]-x.py::y]"),
            id="odd-parameters",
        ),
        pytest.param("p[1]/t.py::f[2]", "", ("p[1]/t.py", ("f",), "[2]"), id="bracket-in-a-path"),
        pytest.param("a::b/t::u.py::f", "", ("a::b/t::u.py", ("f",), ""), id="colons-in-a-path"),
        pytest.param("a::b/t.py", "", ("a::b/t.py", (), ""), id="colons-in-a-path-of-a-file"),
        pytest.param("a.b::c.py::f", "a.b::c.py", ("a.b::c.py", ("f",), ""), id="known-path"),
        pytest.param("t.py::f", "other.py", ("t.py", ("f",), ""), id="another-path"),
        pytest.param(
            "notes.txt::notes.txt", "", ("notes.txt", ("notes.txt",), ""), id="doctest-of-a-text"
        ),
        pytest.param(
            "Makefile::case[x/y.z]", "", ("Makefile", ("case",), "[x/y.z]"), id="path-as-parameter"
        ),
        pytest.param("run::case", "", ("run", ("case",), ""), id="no-suffix"),
        pytest.param("", "", ("", (), ""), id="session"),
    ],
)
def test_parts(text: str, path: str, parts: tuple[str, tuple[str, ...], str]) -> None:
    nodeid = NodeId.parse(text, path)
    assert (tuple(nodeid), str(nodeid)) == (parts, text)
    assert (path_of(text, path), function_of(text, path)) == (nodeid.path, str(nodeid.function))


def test_what_is_above() -> None:
    nodeid = NodeId.parse("a/b/t.py::TestA::test_x[1]")
    assert [str(node) for node in nodeid.above()] == [
        "a/b/t.py::TestA::test_x", "a/b/t.py::TestA", "a/b/t.py", "a/b", "a",
    ]  # fmt: skip
    assert [str(node) for node in (nodeid.function, nodeid.group, nodeid.outermost, nodeid.file)] == [
        "a/b/t.py::TestA::test_x", "a/b/t.py::TestA", "a/b/t.py::TestA", "a/b/t.py",
    ]  # fmt: skip


def test_ways_to_divide_a_text() -> None:
    assert list(readings("a::b/t.py::f")) == [
        ("a::b/t.py::f", ""),
        ("a::b/t.py", "f"),
        ("a", "b/t.py::f"),
    ]


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        pytest.param(["a.py::f", "a.py::g"], ["a.py::f", "a.py::g"], id="side-by-side"),
        pytest.param(["a.py::f[1]", "a.py::f"], ["a.py::f"], id="function"),
        pytest.param(["a.py::A::f", "a.py::A"], ["a.py::A"], id="class"),
        pytest.param(["d/a.py::f", "d", "e/b.py"], ["d", "e/b.py"], id="folder"),
        pytest.param(["a.py::f", ".", "../b.py"], [".", "../b.py"], id="here"),
    ],
)
def test_an_argument_that_another_one_holds_is_left_out(
    arguments: list[str], kept: list[str]
) -> None:
    tests = tuple(Selected(argument, argument, Reason(AFFECTED, "")) for argument in arguments)
    assert list(Selection(tests, 1).arguments) == kept
