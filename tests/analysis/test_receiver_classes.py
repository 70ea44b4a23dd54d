"""Which classes may share an object, as far as class statements say."""

import pytest

from testmon_cli.analysis.propagation import Growth
from testmon_cli.analysis.receiver_classes import Relations
from tests.analysis.projects import project

A, B = ("a.py", "A"), ("b.py", "B")
HEAD = "from a import A\nfrom b import B\n"

SHARING = [
    pytest.param("", "", False, id="nothing-joins-them"),
    pytest.param("from a import A\nclass B(A): pass", "", True, id="one-is-below"),
    pytest.param("", "class C(A, B): pass", True, id="joined"),
    pytest.param(
        "",
        "class C(A): pass\nclass D(B): pass\nclass E(D, C): pass",
        True,
        id="joined-further-below",
    ),
    pytest.param("", "class C(A): pass\nclass D(B): pass", False, id="both-have-classes-below"),
    pytest.param("", "Alias = A\nclass C(Alias, B): pass", True, id="alias"),
    pytest.param("", "class C(make(A)): pass", True, id="base-that-is-made"),
    pytest.param(
        "",
        "import way\nclass C(way.Outer, A): pass",
        False,
        id="base-from-outside-by-way-of-a-file",
    ),
    pytest.param("", "C = type('C', (A, B), {})", True, id="made-by-a-call"),
    pytest.param("class B(type): pass", "", True, id="metaclass"),
    pytest.param("import lib\nclass B(lib.ModelMeta): pass", "", True, id="metaclass-from-outside"),
    pytest.param("import lib\nclass B(lib.Model): pass", "", False, id="base-from-outside"),
]


@pytest.mark.parametrize(("second", "use", "shares"), SHARING)
def test_classes_that_may_share_an_object(second: str, use: str, shares: bool) -> None:
    files = project(
        {
            "a.py": "class A: pass",
            "b.py": second or "class B: pass",
            "use.py": HEAD + use,
            "way.py": "from lib import Outer",
        }
    )
    assert Relations(Growth(files)).may_share(A, B) is shares


def test_a_class_that_lends_a_function_is_related() -> None:
    files = project(
        {
            "b.py": "class B:\n    def f(self): pass",
            "a.py": "from b import B\nclass A:\n    f = B.f",
        }
    )
    assert Relations(Growth(files)).may_share(A, B)


def test_a_function_is_no_class() -> None:
    files = project({"a.py": "class A: pass", "b.py": "def B(): pass"})
    assert Relations(Growth(files)).may_share(A, B)
