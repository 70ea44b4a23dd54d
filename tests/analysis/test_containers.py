"""Attributes that hold a container of the object alone."""

import ast

import pytest

from testmon_cli.analysis.containers import private_containers

CASES = [
    pytest.param("self.a = {}\nself.a[k] = self.a.get(k)", True, id="items"),
    pytest.param("self.a: dict = {}\nk in self.a and len(self.a)", True, id="looked-at"),
    pytest.param(
        "self.a = collections.OrderedDict()\nself.a.setdefault(k, 1)", True, id="made-by-a-class"
    ),
    pytest.param("self.a(1)", False, id="method"),
    pytest.param("self.a = x", False, id="given"),
    pytest.param("self.a = x.a = {}", False, id="two-have-it"),
    pytest.param("self.a = {}\nreturn self.a", False, id="handed-out"),
    pytest.param("self.a = {}\nx.a = self.a", False, id="passed-on"),
    pytest.param("self.a = {}\nx = dict(self.a.items())", False, id="copied"),
    pytest.param("self.a = []\nx = self.a[:]", False, id="sliced"),
    pytest.param("self.a[k] = 1\ngetattr(x, 'a')", False, id="looked-up"),
    pytest.param("class C:\n a = {}\nself.a[k] = 1", False, id="class"),
    pytest.param("class C:\n a: dict\nself.a[k] = 1", True, id="annotated"),
    pytest.param("self.a[k] = 1\nmatch x:\n case C(a=y): pass", False, id="pattern"),
    pytest.param("self.a, x = {}, 1", False, id="unpacked"),
    pytest.param("for self.a in x: self.a[k]", False, id="loop"),
]


@pytest.mark.parametrize(("source", "is_private"), CASES)
def test_a_container_of_the_object_alone(source: str, is_private: bool) -> None:
    assert ("a" in private_containers(ast.parse(source))) == is_private


def test_names_that_python_changes_are_left_out() -> None:
    assert not private_containers(ast.parse("class C:\n def f(self): self.__a[1] = 1"))
