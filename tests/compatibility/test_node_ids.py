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
    suite.project.edit(
        "shop.py", "def price(x):\n    return x", "def price(x):\n    return (x, x)[0]"
    )
    return suite


def ran(text: str) -> list[str]:
    """Names of the tests that passed, from `pytest -v`."""
    return [
        line.partition("::")[2].rpartition(" PASSED")[0]
        for line in text.splitlines()
        if " PASSED" in line
    ]


def test_all_are_known(odd: Suite) -> None:
    assert len(odd.known()) == 19 + 19 + 1000 + 2
    assert odd.unsure() == {}


def test_xargs(odd: Suite) -> None:
    """Characters that xargs would split stand for the function with all its parameters."""
    lines = odd.project.testmon("select").out
    assert sorted(lines.splitlines()) == [
        "tests/test_odd.py::test_odd",
        "tests/test_odd.py::test_one[1]",
    ]
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


@pytest.mark.slow
def test_ten_thousand_parameters(suite: Suite) -> None:
    """More node ids than fit on one command line: xargs starts pytest several times."""
    suite.project.write({
        "pyproject.toml": "",
        "shop.py": "def even(x):\n    return x % 2\n\n\ndef odd(x):\n    return (x + 1) % 2\n",
        "test_many.py": """
            import pytest
            import shop


            @pytest.mark.parametrize("n", range(10_000))
            def test_many(n):
                assert shop.odd(n) == 0 if n % 2 else shop.even(n) == 0
            """,
    })  # fmt: skip
    assert suite.collect("-q") == 0
    assert len(suite.known()) == 10_000
    suite.project.edit("shop.py", "(x + 1) % 2", "1 - x % 2")
    lines = suite.project.testmon("select").out
    assert set(lines.splitlines()) == {f"test_many.py::test_many[{n}]" for n in range(1, 10_000, 2)}
    answer = suite.project.run("xargs", "-r", *PYTEST, stdin=lines)
    assert answer.code == 0, answer.out[-2000:]
    assert len(ran(answer.out)) == 5_000
