"""Which statements read what functions of the same module keep in their objects."""

import ast
import textwrap

import pytest

from testmon_cli.analysis.memoisation import functions_of, readings_of
from testmon_cli.analysis.model import build_model

READINGS = [
    pytest.param("return self.a", [1], True, id="reads"),
    pytest.param("self.a = 1", [], True, id="sets"),
    pytest.param("self.a += 1", [1], True, id="changes"),
    pytest.param("del self.a", [1], True, id="deletes"),
    pytest.param("return self.b, x.a", [], False, id="others"),
    pytest.param("if x:\n    y = self.a\nelif self.a: pass", [2, 3], True, id="arms"),
    pytest.param("while self.a: x()", [1], True, id="header"),
    pytest.param("try: x()\nexcept self.a: pass\nfinally: self.a.b = 1", [1, 3], True, id="try"),
    pytest.param(
        "match x:\n case y if self.a: self.b = 1\n case z: self.a", [1, 3], True, id="match"
    ),
    pytest.param("with self.a as x: self.b(self.a)", [1, 1], True, id="with"),
    pytest.param("return [self.a for x in y], lambda: self.a", [1], True, id="comprehension"),
    pytest.param("return lambda self: self.a", [], False, id="another-self-of-a-lambda"),
    pytest.param("self = x\nreturn self.a", [], False, id="another-self"),
    pytest.param("def g(x=self.a): return self.a", [1], True, id="default-of-a-function-inside"),
    pytest.param("def g(): return self.a", [], False, id="function-inside"),
    pytest.param("class C:\n x = self.a", [1], True, id="class-inside"),
    pytest.param("return hasattr(self, 'a')", [1], False, id="by-name"),
]


@pytest.mark.parametrize(("body", "lines", "is_seen"), READINGS)
def test_what_a_function_reads_of_its_object(body: str, lines: list[int], is_seen: bool) -> None:
    tree = ast.parse("def f(self, x, y):\n" + textwrap.indent(body, " "))
    function = next(node for node, name in functions_of(tree) if name == "f")
    readings, seen = readings_of(function, frozenset({"a"}))
    assert sorted(reading.statement.lineno - 1 for reading in readings) == lines
    assert seen == ({"a"} if is_seen else set())


SOURCE = """
class C:
    def f(self):
        if self.a is None:
            self.a = g()
        return self.a, self.b

    def g(self):
        return self.a

    def h(self):
        def g():
            return self.a

class D:
    def f(this):
        return this.a
"""


def test_a_model_says_of_which_functions_all_reading_is_noted() -> None:
    functions = build_model(SOURCE.encode()).functions
    assert {f.qualname: f.sees for f in functions if f.sees} == {"C.f": ("a",), "C.g": ("a",)}
