"""Node ids of any kind: `select | xargs -r pytest` runs the right functions, `-0` exactly what is affected."""

import sys

import pytest

from tests.compatibility.suite import Suite
from tests.conftest import Project

PYTEST = (sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider")
TESTS = """
    import pytest

    import shop

    VALUES = [
        "plain", "a b", "it's", 'say "x"', "[in] brackets]", "back\\\\slash", "\\u00fcml\\u00e4ut", "\\u96ea",
        "line\\nend", "tab\\there", "a::b", "", "x/y", "-k", "$HOME", "*", "null\\0", "\\ud800", "a" * 300,
    ]


    @pytest.mark.parametrize("value", VALUES, ids=lambda value: value)
    def test_odd(value):
        assert shop.price(value) == value


    @pytest.mark.parametrize("value", VALUES)
    def test_calm(value):
        assert shop.name(value) == value


    @pytest.mark.parametrize("n", range(1000))
    def test_many(n):
        assert shop.name(n) == n


    @pytest.mark.parametrize("n", [0, 1])
    def test_one(n):
        assert (shop.price(n) if n else shop.name(n)) == n
    """


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    suite = Suite(Project(tmp_path_factory.mktemp("odd")))
    shop = "def price(x):\n    return x\n\n\ndef name(x):\n    return x\n"
    suite.project.write({"pyproject.toml": "", "shop.py": shop, "tests/test_odd.py": TESTS})
    assert suite.collect("-q") == 0
    suite.project.edit("shop.py", "def price(x):\n    return x", "def price(x):\n    return (x, x)[0]")
    return suite


def ran(text: str) -> list[str]:
    """Names of the tests that passed, from `pytest -v`."""
    return [line.partition("::")[2].rpartition(" PASSED")[0] for line in text.splitlines() if " PASSED" in line]


def test_all_are_known(odd: Suite) -> None:
    assert len(odd.known()) == 19 + 19 + 1000 + 2
    assert odd.unsure() == {}


def test_xargs(odd: Suite) -> None:
    """Characters that xargs would split stand for the function with all its parameters."""
    lines = odd.project.testmon("select").out
    assert sorted(lines.splitlines()) == ["tests/test_odd.py::test_odd", "tests/test_odd.py::test_one[1]"]
    answer = odd.project.run("xargs", "-r", *PYTEST, stdin=lines)
    assert answer.code == 0, answer.out
    assert len(ran(answer.out)) == 20


def test_xargs_with_nulls(odd: Suite) -> None:
    printed = odd.project.testmon("select", "-0").out
    arguments = printed.split("\0")[:-1]
    answer = odd.project.run("xargs", "-0", "-r", *PYTEST, stdin=printed)
    assert answer.code == 0, answer.out
    assert len(ran(answer.out)) == 20
    assert "test_one[1]" in ran(answer.out)
    assert len(arguments) > 10  # one by one, as far as pytest takes them


def test_collect_select(odd: Suite) -> None:
    assert odd.project.testmon("collect", "--select", "-q").code == 0
    assert odd.select() == []
