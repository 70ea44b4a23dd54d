"""Import statements, and the files that they mean."""

import sys

import pytest

from testmon_cli.analysis.imports import ModuleIndex, module_parts
from testmon_cli.domain.errors import SourceError
from tests.analysis.sources import model

FOUND = [
    pytest.param("a = 1", [], id="none"),
    pytest.param("import a.b", [("a.b", "", 0, "a", False)], id="import"),
    pytest.param("import a.b as c", [("a.b", "", 0, "c", False)], id="import-as"),
    pytest.param("from a import b as c, d", [("a", "b", 0, "c", False), ("a", "d", 0, "d", False)], id="from"),
    pytest.param("from a import *", [("a", "*", 0, "*", False)], id="star"),
    pytest.param("from ..a import b", [("a", "b", 2, "b", False)], id="relative"),
    pytest.param("from . import b", [("", "b", 1, "b", False)], id="relative-package"),
    pytest.param("def f():\n    import a", [("a", "", 0, "a", True)], id="lazy"),
    pytest.param("class C:\n    def f(self):\n        if x:\n            import a", [("a", "", 0, "a", True)],
                 id="lazy-in-a-method"),
    pytest.param("class C:\n    import a", [("a", "", 0, "a", False)], id="class-body"),
    pytest.param("try:\n    import a\nexcept E:\n    import b", [("a", "", 0, "a", False), ("b", "", 0, "b", False)],
                 id="in-handlers"),
    pytest.param("match x:\n    case 1:\n        import a", [("a", "", 0, "a", False)], id="in-cases"),
    pytest.param("if TYPE_CHECKING:\n    import a\nelse:\n    import b", [("b", "", 0, "b", False)],
                 id="type-checking"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "wanted"), FOUND)
def test_import_statements(source: str, wanted: list[tuple[str, str, int, str, bool]]) -> None:
    assert [(i.module, i.name, i.level, i.binds, i.lazy) for i in model(source).imports] == wanted


PARTS = [
    pytest.param("README.md", (), id="no-source"),
    pytest.param("shop.py", ("shop",), id="module"),
    pytest.param("src/shop/price.py", ("src", "shop", "price"), id="folders"),
    pytest.param("src/shop/__init__.py", ("src", "shop"), id="package"),
    pytest.param("__init__.py", (), id="package-of-the-root"),
]


@pytest.mark.parametrize(("path", "parts"), PARTS)
def test_the_longest_name_of_a_path(path: str, parts: tuple[str, ...]) -> None:
    assert module_parts(path) == parts


PATHS = (
    "src/shop/__init__.py", "src/shop/price.py", "src/shop/deep/__init__.py", "src/shop/deep/tax.py",
    "spaces/one/mod.py", "util.py", "tests/util.py", "tests/test_price.py", "src/names/price/__init__.py",
)  # fmt: skip

TARGETS = [
    pytest.param("import os", "util.py", set(), id="stdlib"),
    pytest.param("import shop", "util.py", {"src/shop/__init__.py"}, id="src-layout"),
    pytest.param("import shop.price", "util.py", {"src/shop/__init__.py", "src/shop/price.py"}, id="with-its-package"),
    pytest.param("from shop import price", "util.py", {"src/shop/__init__.py", "src/shop/price.py"}, id="submodule"),
    pytest.param("from shop import rate", "util.py", {"src/shop/__init__.py"}, id="attribute"),
    pytest.param("from shop.price import rate", "util.py", {"src/shop/__init__.py", "src/shop/price.py"}, id="from"),
    pytest.param("from shop import *", "util.py", {"src/shop/__init__.py"}, id="star"),
    pytest.param("from one import mod", "util.py", {"spaces/one/mod.py"}, id="namespace-package"),
    pytest.param("import util", "tests/test_price.py", {"util.py", "tests/util.py"}, id="ambiguous"),
    pytest.param("from . import price", "src/shop/__init__.py", {"src/shop/__init__.py", "src/shop/price.py"},
                 id="relative-from-a-package"),
    pytest.param("from . import tax", "src/shop/price.py", {"src/shop/__init__.py"}, id="relative-nothing-there"),
    pytest.param("from .deep import tax", "src/shop/price.py",
                 {"src/shop/__init__.py", "src/shop/deep/__init__.py", "src/shop/deep/tax.py"}, id="relative-deep"),
    pytest.param("from .deep.tax import rate", "src/shop/price.py",
                 {"src/shop/__init__.py", "src/shop/deep/__init__.py", "src/shop/deep/tax.py"}, id="relative-parents"),
    pytest.param("from .. import price", "src/shop/deep/tax.py", {"src/shop/__init__.py", "src/shop/price.py"},
                 id="relative-up"),
    pytest.param("from ..price import rate", "src/shop/deep/tax.py", {"src/shop/__init__.py", "src/shop/price.py"},
                 id="relative-up-and-down"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "importer", "wanted"), TARGETS)
def test_files_that_an_import_may_load(source: str, importer: str, wanted: set[str]) -> None:
    index = ModuleIndex(PATHS)
    assert {path for i in model(source).imports for path in index.targets(i, importer)} == wanted


def test_what_was_observed_decides_between_files_of_one_name() -> None:
    assert ModuleIndex(PATHS).files("util") == ("tests/util.py", "util.py")
    assert ModuleIndex(PATHS, {"util": "util.py"}).files("util") == ("util.py",)
    assert ModuleIndex(PATHS, {"util": "gone.py"}).files("util") == ("tests/util.py", "util.py")


def test_a_file_added_since_may_hide_what_was_observed() -> None:
    assert ModuleIndex(PATHS, {"util": "util.py"}, {"tests/util.py"}).files("util") == (
        "util.py",
        "tests/util.py",
    )


def test_a_name_is_a_whole_part_of_a_path() -> None:
    index = ModuleIndex(PATHS)
    assert index.files("op.price") == ()
    assert set(index.files("price")) == {"src/shop/price.py", "src/names/price/__init__.py"}


LAZY = [
    pytest.param("lazy import a\nlazy from b import c as d", {"a", "d"}, id="statements"),
    pytest.param("lazy import a, b", {"a", "b"}, id="several-names"),
    pytest.param("lazy import a; import b", set(), id="two-on-a-line"),
    pytest.param("if x:\n    lazy import a", {"a"}, id="in-a-condition"),
    pytest.param("lazy import a\nb = a.c", set(), id="used-on-import"),
    pytest.param("lazy import a\nclass C(a.B): pass", set(), id="a-base-of-a-class"),
    pytest.param("lazy import a\ndef f(): return a", {"a"}, id="used-in-a-function"),
    pytest.param("__lazy_modules__ = ['a', 'b.c']\nimport a\nfrom b.c import d", {"a", "d"}, id="listed"),
    pytest.param("__lazy_modules__ = ['a']\nimport a.b, c\nfrom . import a as e\nfrom a import *", set(),
                 id="not-listed"),
    pytest.param("__lazy_modules__ = ['a']\ntry:\n    import a\nexcept E: pass", set(),
                 id="listed-where-it-is-guarded"),
    pytest.param("__lazy_modules__ = ['a']\nclass C:\n    import a", set(), id="listed-in-a-class"),
    pytest.param("__lazy_modules__ = names()\nimport a", set(), id="a-list-that-is-computed"),
    pytest.param("import a", set(), id="plain"),
]  # fmt: skip


@pytest.mark.skipif(sys.version_info < (3, 15), reason="lazy imports came with 3.15")
@pytest.mark.parametrize(("text", "deferred"), LAZY)
def test_imports_that_run_later(text: str, deferred: set[str]) -> None:
    assert {i.binds for i in model(text).imports if i.deferred} == deferred


@pytest.mark.skipif(sys.version_info < (3, 15), reason="lazy imports came with 3.15")
def test_the_definitions_of_imports_that_run_later_cannot_fail() -> None:
    flags = {d.names[0]: d.flags for d in model("lazy import a, b\nimport c\nd = b").definitions}
    assert flags == {"a": {"guarded", "caught", "deferred"}, "b": set(), "c": set(), "d": set()}


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="lazy imports came with 3.15")
def test_an_older_python_says_what_it_does_not_know() -> None:
    with pytest.raises(
        SourceError, match=r"^`lazy import` is syntax of Python 3\.15, and this is 3\.\d+$"
    ):
        model("lazy import a\n")
    assert not any(i.deferred for i in model("__lazy_modules__ = ['a']\nimport a").imports)
