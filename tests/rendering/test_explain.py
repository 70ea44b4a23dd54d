"""The answer of `testmon explain` as text."""

import pytest

from testmon_cli.domain.reliance import Reliance, Resource
from testmon_cli.rendering import explain

KEPT = [
    pytest.param(
        "\tread app.price:Money",
        "objects that it reads from a pickle, of app.price:Money",
        id="read",
    ),
    pytest.param(
        "\tpassed app.price:Money",
        "objects that a library reads from a pickle, of app.price:Money",
        id="passed",
    ),
    pytest.param(
        "\tcopied app.price:Money", "copies that it keeps, of app.price:Money", id="copied"
    ),
    pytest.param("\t*", "it is not known which", id="not-known"),
    pytest.param("a.py\tBox.fill\t.items", "kept by a.py::Box.fill: .items", id="attribute"),
    pytest.param("a.py\tBox.size\t()", "kept by a.py::Box.size: its result", id="result"),
    pytest.param("a.py\trates", "kept by a.py::rates", id="function"),
    pytest.param(
        "a.py\tseen Box.fill\t.items .size",
        "found, as an earlier test kept it by a.py::Box.fill: .items .size",
        id="seen",
    ),
    pytest.param(
        "a.py\tlost Box.fill\t.items",
        "kept, in objects that are not known, by a.py::Box.fill: .items",
        id="lost",
    ),
]


def _of(*resources: Resource) -> str:
    return explain.as_text(
        Reliance("t.py::test", "", "passed", 0.5, 0.0, "", (), (), (), resources, (), ())
    )


@pytest.mark.parametrize(("name", "text"), KEPT)
def test_values_that_one_test_leaves_for_another_are_told_in_words(name: str, text: str) -> None:
    lines = _of(Resource("file", "notes.txt", "a.py:3"), Resource("kept", name)).splitlines()
    assert lines[2:-1] == [
        "files and variables:",
        "  file notes.txt, asked for at a.py:3",
        "values that one test leaves for another:",
        f"  {text}",
    ]


def test_nothing_is_said_of_files_where_there_are_none() -> None:
    assert "files and variables" not in _of(Resource("kept", "a.py\trates"))
