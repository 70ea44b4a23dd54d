"""The project as a whole: what names stand for, which file reaches which, what kind a class is."""

import pytest

from tests.analysis.projects import project

FILES = {
    "shop/__init__.py": "from .till import Till as Register\nfrom shop import rates\nVERSION = 1",
    "shop/till.py": "from shop.rates import TAX\nimport shop.rates as r, os\nclass Till:\n    def add(self): pass",
    "shop/rates.py": "TAX = 1\ndef rate(): pass",
    "shop/loop.py": "from shop.pool import a",
    "shop/pool.py": "from shop.loop import a",
    "shop/own.py": "import shop\nfrom shop.rates import TAX\nTAX = 2",
    "use.py": "import shop.till\nfrom shop import Register, rates\nfrom os import path",
}

RESOLVED = [
    pytest.param("use.py", "nothing", None, id="unknown"),
    pytest.param("use.py", "path.join", None, id="stdlib"),
    pytest.param("shop/rates.py", "TAX", ("shop/rates.py", "TAX"), id="own"),
    pytest.param(
        "shop/rates.py", "TAX.real.x", ("shop/rates.py", "TAX.real.x"), id="attribute-of-own"
    ),
    pytest.param("shop/till.py", "TAX", ("shop/rates.py", "TAX"), id="imported"),
    pytest.param("shop/till.py", "r", ("shop/rates.py", ""), id="module-as"),
    pytest.param("shop/till.py", "r.rate", ("shop/rates.py", "rate"), id="attribute-of-a-module"),
    pytest.param("use.py", "Register", ("shop/till.py", "Till"), id="reexport"),
    pytest.param(
        "use.py", "Register.add", ("shop/till.py", "Till.add"), id="attribute-of-a-reexport"
    ),
    pytest.param("use.py", "rates.rate", ("shop/rates.py", "rate"), id="module-from-a-package"),
    pytest.param("use.py", "shop", ("shop/__init__.py", ""), id="package"),
    pytest.param(
        "use.py", "shop.VERSION", ("shop/__init__.py", "VERSION"), id="attribute-of-a-package"
    ),
    pytest.param("use.py", "shop.till.Till", ("shop/till.py", "Till"), id="through-a-package"),
    pytest.param("use.py", "shop.Register", ("shop/till.py", "Till"), id="reexport-by-attribute"),
    pytest.param("shop/own.py", "TAX", ("shop/own.py", "TAX"), id="own-before-imported"),
    pytest.param("shop/till.py", ".rates.TAX", ("shop/rates.py", "TAX"), id="relative"),
    pytest.param("use.py", "shop.till.TAX", ("shop/rates.py", "TAX"), id="imported-by-the-module"),
]


@pytest.mark.parametrize(("path", "dotted", "wanted"), RESOLVED)
def test_what_a_name_stands_for(path: str, dotted: str, wanted: tuple[str, str] | None) -> None:
    assert project(FILES).resolve(dotted, path) == wanted


def test_names_that_go_round_in_circles_end() -> None:
    assert project(FILES).resolve("a", "shop/loop.py") in (
        ("shop/pool.py", "a"),
        ("shop/loop.py", "a"),
    )


EDGES = {
    "a.py": "import b",
    "b.py": "def f():\n    import c",
    "c.py": "",
    "d.py": "",
    "tests/conftest.py": "import d",
    "tests/deep/conftest.py": "",
    "tests/deep/test_a.py": "import a",
    "test_b.py": "import b",
}


def test_which_files_reach_a_file() -> None:
    found = project(EDGES, dynamic_edges={"d.py": frozenset({"c.py"})})
    assert found.reaching("c.py", lazy=False) == {"c.py"}
    deep = {"tests/deep/test_a.py", "tests/conftest.py", "tests/deep/conftest.py"}
    assert found.reaching("c.py") == {"c.py", "b.py", "a.py", "d.py", "test_b.py", *deep}
    assert found.reaching("b.py") == {"b.py", "a.py", "test_b.py", "tests/deep/test_a.py"}


def test_conftests_and_plugins_are_imported_by_the_tests_below() -> None:
    found = project(EDGES, plugins=frozenset({"c.py"}))
    below = {"a.py", "c.py", "tests/conftest.py", "tests/deep/conftest.py"}
    assert found.edges("tests/deep/test_a.py", lazy=False) == below
    assert found.edges("test_b.py", lazy=False) == {"b.py", "c.py"}


ESCAPES = [
    pytest.param("import m\nm.a()", False, id="attribute"),
    pytest.param("import m\nf(m)", True, id="argument"),
    pytest.param("import m\ndef f(): return m", True, id="returned"),
    pytest.param("import m as n\nf = [n]", True, id="other-name"),
    pytest.param("from m import a\nf(a)", False, id="a-name-of-it"),
    pytest.param("x = __import__('importlib').import_module('m')", True, id="by-name"),
]


@pytest.mark.parametrize(("source", "wanted"), ESCAPES)
def test_modules_that_are_passed_on(source: str, wanted: bool) -> None:
    assert project({"m.py": "a = 1", "use.py": source + "\nimport m"}).escapes("m.py") == wanted


PLAIN = [
    pytest.param("class C: a = 1", True, id="no-base"),
    pytest.param("class C(Base): a = 1", True, id="plain-base-of-the-project"),
    pytest.param("class C(ValueError): a = 1", True, id="exception"),
    pytest.param("import abc\nclass C(abc.ABC): a = 1", True, id="abc"),
    pytest.param("from typing import Generic\nclass C(Generic[T]): a = 1", True, id="generic"),
    pytest.param("import enum\nclass C(enum.Enum): a = 1", False, id="enum"),
    pytest.param(
        "from typing import NamedTuple\nclass C(NamedTuple): a: int", False, id="named-tuple"
    ),
    pytest.param("class C(metaclass=M): a = 1", False, id="metaclass"),
    pytest.param("@dataclass\nclass C: a = 1", False, id="decorated"),
    pytest.param("class C(Odd): a = 1", False, id="base-with-a-metaclass"),
    pytest.param("class C(make()): a = 1", False, id="computed-base"),
    pytest.param(
        "from lib import Model\nclass C(Model): a = 1", False, id="base-of-a-distribution"
    ),
    pytest.param("class C(C): a = 1", False, id="base-of-its-own-name"),
]


@pytest.mark.parametrize(("source", "wanted"), PLAIN)
def test_classes_whose_members_are_no_more_than_members(source: str, wanted: bool) -> None:
    bases = "class Base: pass\nclass Odd(metaclass=M): pass\n"
    found = project({"base.py": bases, "use.py": "from base import Base, Odd\n" + source})
    definition = next(d for d in found.model("use.py").definitions if d.names == ("C",))  # type: ignore[union-attr]
    assert found.is_plain_class("use.py", definition) == wanted


def test_ancestors_are_followed_through_the_project() -> None:
    found = project(
        {"a.py": "class A(lib.X): pass", "b.py": "import a\nclass B(a.A, C): pass\nclass C: pass"}
    )
    (definition,) = found.definitions("b.py", "B")
    above = [
        (path, d.names[0] if d else None, base)
        for path, d, base in found.ancestors("b.py", definition)
    ]
    assert above == [("a.py", "A", "a.A"), ("a.py", None, "lib.X"), ("b.py", "C", "C")]


def test_functions_inside_a_function() -> None:
    found = project(
        {
            "a.py": "def f():\n    def g():\n        def h(): pass\n    class C:\n        def m(self): pass"
        }
    )
    assert [f.qualname for f in found.functions_in("a.py", "f")] == ["f.<locals>.g"]
    assert found.function("a.py", "f.<locals>.g.<locals>.h") is not None
    assert found.function("a.py", "g") is None
