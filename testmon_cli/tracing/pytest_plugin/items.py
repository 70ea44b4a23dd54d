"""The names, kinds, markers and functions of a session's tests."""

import inspect
from collections.abc import Sequence
from functools import cache
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import pytest

_MARKED = "marked testmon_always"


def marks_of(item: pytest.Item) -> list[pytest.Mark]:
    """The markers of a test, the closest first, as `iter_markers` gives them.

    Its generators would take longer.
    """
    found: list[pytest.Mark] = []
    node: Any = item
    while node is not None:
        if node.own_markers:
            found += node.own_markers
        node = node.parent
    return found


class Marked(NamedTuple):
    """The markers of testmon that a test has."""

    always: str  # why it is to run every time, "" without
    depends: tuple[str, ...]  # patterns of files


def markers_of(item: pytest.Item) -> Marked:
    """Read the markers of testmon; of several `testmon_always` the closest counts."""
    always = ""
    depends: dict[str, None] = {}
    for mark in marks_of(item):
        if mark.name == "testmon_always" and not always:
            given = mark.kwargs.get("reason") or (mark.args[0] if mark.args else "")
            always = f"{_MARKED}: {given}" if given else _MARKED
        elif mark.name == "testmon_depends":
            depends.update(dict.fromkeys(map(str, mark.args)))
    return Marked(always, tuple(depends))


def classes_above(item: pytest.Item) -> str:
    """The classes of a test, each with a dot, as its qualified name begins."""
    return "".join(f"{node.name}." for node in item.listchain() if isinstance(node, pytest.Class))


@cache
def is_function(cls: type[pytest.Item]) -> bool:
    """Tell whether items of a class stand for Python functions.

    Their classes are abstract ones: to ask takes long.
    """
    return issubclass(cls, pytest.Function)


def name_of(item: pytest.Item) -> str:
    """The name of a test function, without parameters."""
    name: str = getattr(item, "originalname", None) or item.name
    return name


def kind_of(item: pytest.Item) -> str:
    """The kind of test that an item is."""
    return _kind_of_class(type(item))


@cache
def _kind_of_class(cls: type[pytest.Item]) -> str:
    names = {base.__name__ for base in cls.__mro__}
    if "TestCaseFunction" in names:
        return "unittest"
    if "DoctestItem" in names:
        return "doctest"
    return "function" if is_function(cls) else "other"


def code_of_test(function: Any) -> CodeType | None:
    """The code of a test function below its decorators."""
    if type(function) is FunctionType and not vars(function):  # mostly nothing was put around it
        return function.__code__
    function = inspect.unwrap(function)
    # hypothesis dresses its wrapper up as the test, with the test's name and file
    function = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    return code if isinstance(code, CodeType) else None


def fixtures_of(item: pytest.Item) -> Sequence[str]:
    """The names of the fixtures that a test asks for, itself or by others.

    Tests of one function share them.
    """
    names: Sequence[str] = getattr(item, "fixturenames", ())
    return names
