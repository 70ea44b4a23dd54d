"""pytest's naming options, read without pytest."""

import pytest

from testmon_cli.analysis.pytest_naming import Naming, candidates
from tests.analysis.sources import model

FILES = [
    pytest.param({}, "test_a.py", True, id="prefix"),
    pytest.param({}, "a_test.py", True, id="suffix"),
    pytest.param({}, "tests/deep/test_a.py", True, id="in-folders"),
    pytest.param({}, "a.py", False, id="plain"),
    pytest.param({}, "testa.py", False, id="no-underscore"),
    pytest.param({}, "test_a.txt", False, id="no-source"),
    pytest.param({}, "build/test_a.py", False, id="not-visited"),
    pytest.param({}, ".tox/a/test_a.py", False, id="hidden-folder"),
    pytest.param({}, "a/x.egg/test_a.py", False, id="egg"),
    pytest.param({"files": ("check_*.py",)}, "check_a.py", True, id="own-pattern"),
    pytest.param({"files": ("check_*.py",)}, "test_a.py", False, id="not-own-pattern"),
    pytest.param({"files": ("unit/*.py",)}, "tests/unit/a.py", True, id="pattern-with-a-folder"),
    pytest.param(
        {"files": ("unit/*.py",)}, "unit/a.py", True, id="pattern-with-a-folder-at-the-root"
    ),
    pytest.param({"files": ("unit/*.py",)}, "tests/a.py", False, id="another-folder"),
    pytest.param({"testpaths": ("tests",)}, "tests/test_a.py", True, id="testpaths"),
    pytest.param({"testpaths": ("tests",)}, "app/test_a.py", False, id="outside-testpaths"),
    pytest.param(
        {"testpaths": ("tests",)}, "tests2/test_a.py", False, id="longer-name-than-testpaths"
    ),
    pytest.param({"testpaths": (".",)}, "app/test_a.py", True, id="testpaths-root"),
    pytest.param({"testpaths": ("*/tests",)}, "app/tests/test_a.py", True, id="testpaths-pattern"),
    pytest.param(
        {"testpaths": ("build",)}, "build/test_a.py", True, id="asked-for-though-not-visited"
    ),
    pytest.param(
        {"norecursedirs": ("data*",)}, "tests/data1/test_a.py", False, id="own-norecursedirs"
    ),
    pytest.param(
        {"norecursedirs": ("data*",)}, "build/test_a.py", True, id="own-norecursedirs-alone"
    ),
    pytest.param(
        {"norecursedirs": ("tests/typed",)},
        "tests/test_a.py",
        True,
        id="path-in-norecursedirs-beside",
    ),
    pytest.param(
        {"norecursedirs": ("tests/typed",)},
        "typed/test_a.py",
        True,
        id="path-in-norecursedirs-elsewhere",
    ),
    pytest.param(
        {"norecursedirs": ("tests/typed",)},
        "tests/typed/test_a.py",
        False,
        id="path-in-norecursedirs",
    ),
    pytest.param(
        {"norecursedirs": ("tests/t*",)},
        "app/tests/typed/x/test_a.py",
        False,
        id="path-pattern-below",
    ),
]


@pytest.mark.parametrize(("options", "path", "wanted"), FILES)
def test_files_of_tests(options: dict[str, tuple[str, ...]], path: str, wanted: bool) -> None:
    assert Naming(**options).is_test_file(path) == wanted


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        pytest.param(("test",), ["test", "test_a", "testing"], id="prefix"),
        pytest.param(("check_", "test_"), ["test_a", "check_a"], id="several"),
        pytest.param(("*_test",), ["a_test"], id="pattern"),
        pytest.param(("test[!i]*",), ["test_a"], id="pattern-with-a-class-of-characters"),
    ],
)
def test_names_of_functions_and_classes(patterns: tuple[str, ...], names: list[str]) -> None:
    every = ("a", "test", "test_a", "testing", "check_a", "a_test", "Test")
    assert [n for n in every if Naming(functions=patterns).is_test_function(n)] == names
    assert [n for n in every if Naming(classes=patterns).is_test_class(n)] == names


CANDIDATES = [
    pytest.param("def helper(): pass\nclass Box: pass", [], id="none"),
    pytest.param("def test_a(): pass\nasync def test_b(): pass", [("test_a", True), ("test_b", True)], id="functions"),
    pytest.param("from m import test_a\ntest_b = 1", [], id="imported-and-assigned"),
    pytest.param("@pytest.fixture\ndef test_data(): pass", [], id="fixture"),
    pytest.param("if x:\n    def test_a(): pass", [("test_a", False)], id="conditional"),
    pytest.param("class Test:\n    def test_a(self): pass\n    def b(self): 1", [("Test::test_a", True)], id="class"),
    pytest.param("class Test:\n    class TestIn:\n        def test_a(self): pass", [("Test::TestIn::test_a", True)],
                 id="nested-class"),
    pytest.param("class Test:\n    def __init__(self): pass\n    def test_a(self): pass", [], id="with-init"),
    pytest.param("class Test:\n    def __new__(cls): pass\n    def test_a(self): pass", [], id="with-new"),
    pytest.param("class Test:\n    __test__ = False\n    def test_a(self): pass", [], id="says-no"),
    pytest.param("class Some(unittest.TestCase):\n    def test_a(self): pass", [("Some::test_a", True)], id="unittest"),
    pytest.param("class Some(unittest.TestCase):\n    def __init__(self, n): pass\n    def test_a(self): pass",
                 [("Some::test_a", True)], id="unittest-with-init"),
    pytest.param("class TestA(Base): pass", [("TestA", False)], id="inherits"),
    pytest.param("class TestA(Base):\n    def test_b(self): pass", [("TestA::test_b", True)], id="inherits-and-adds"),
    pytest.param("class Some(Base):\n    def test_a(self): pass", [], id="another-name"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "wanted"), CANDIDATES)
def test_tests_that_a_source_names(source: str, wanted: list[tuple[str, bool]]) -> None:
    assert [(c.name, c.certain) for c in candidates(model(source).definitions, Naming())] == wanted


def test_the_line_of_a_test_is_where_it_begins() -> None:
    found = candidates(model("x = 1\n\n@mark\ndef test_a(): pass\n").definitions, Naming())
    assert [c.line for c in found] == [3]


def test_own_names_decide() -> None:
    source = "def check_a(): pass\ndef test_a(): pass\nclass Suite:\n    def check_b(self): pass"
    naming = Naming(functions=("check",), classes=("Suite",))
    assert [c.name for c in candidates(model(source).definitions, naming)] == [
        "check_a",
        "Suite::check_b",
    ]
