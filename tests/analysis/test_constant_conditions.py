"""Conditions that are known without running the code."""

import ast

import pytest

from testmon_cli.analysis.constant_conditions import (
    is_main_guard,
    is_type_checking,
    live_statements,
)

CONDITIONS = [
    pytest.param("x", False, False, id="name"),
    pytest.param("typing.x", False, False, id="attribute"),
    pytest.param("TYPE_CHECKING", True, False, id="type-checking"),
    pytest.param("typing.TYPE_CHECKING", True, False, id="typing"),
    pytest.param("t.TYPE_CHECKING", True, False, id="typing-as"),
    pytest.param("not TYPE_CHECKING", False, False, id="negated"),
    pytest.param("TYPE_CHECKING or x", False, False, id="or"),
    pytest.param("__name__ == '__main__'", False, True, id="main"),
    pytest.param("__name__ != '__main__'", False, False, id="not-main"),
    pytest.param("__name__ == 'shop'", False, False, id="another-name"),
    pytest.param("name == '__main__'", False, False, id="another-variable"),
    pytest.param("__name__ == '__main__' == x", False, False, id="chain"),
    pytest.param("__name__ == main", False, False, id="computed"),
]


@pytest.mark.parametrize(("source", "checking", "main"), CONDITIONS)
def test_conditions(source: str, checking: bool, main: bool) -> None:
    test = ast.parse(source, mode="eval").body
    assert (is_type_checking(test), is_main_guard(test)) == (checking, main)


LIVE = [
    pytest.param("a\nb", "a\nb", id="plain"),
    pytest.param(
        "if x:\n    a\nelse:\n    b", "if x:\n    a\nelse:\n    b", id="unknown-condition"
    ),
    pytest.param("if TYPE_CHECKING:\n    a\nb", "TYPE_CHECKING\nb", id="type-checking"),
    pytest.param("if TYPE_CHECKING:\n    a\nelse:\n    b\n    c", "TYPE_CHECKING\nb\nc", id="else"),
    pytest.param(
        "if TYPE_CHECKING:\n    a\nelif x:\n    b", "TYPE_CHECKING\nif x:\n    b", id="elif"
    ),
    pytest.param(
        "if x:\n    a\nelif TYPE_CHECKING:\n    b",
        "if x:\n    a\nelif TYPE_CHECKING:\n    b",
        id="not-first",
    ),
    pytest.param(
        "if TYPE_CHECKING:\n    a\nelif __name__ == '__main__':\n    b\nelse:\n    c",
        "TYPE_CHECKING\nc",
        id="both",
    ),
    pytest.param("if __name__ == '__main__':\n    a", "", id="main"),
]


@pytest.mark.parametrize(("source", "wanted"), LIVE)
def test_statements_that_run_on_import(source: str, wanted: str) -> None:
    assert ast.unparse(ast.Module(live_statements(ast.parse(source).body), [])) == wanted
