import ast
import random
from itertools import islice

import mutants
import pytest

SOURCE = '''"""A module."""
from typing import Any
import os

LIMIT = 3


class Base: ...


class Till(Base):
    step = 1

    @staticmethod
    def count(items: Any, start: int = 0) -> int:
        total = start
        for item in items:
            total = total + item
        return total
'''
CONFTEST = "LIMIT = 1\n\n\ndef helper():\n    return LIMIT\n"
TEST = "import shop\n\n\ndef test_count():\n    assert shop.Till.count([1]) == 1\n"


@pytest.fixture
def files(tmp_path):
    made = {
        "shop.py": SOURCE,
        "tests/conftest.py": CONFTEST,
        "tests/test_shop.py": TEST,
        "rates.txt": "near 3\n",
        "pytest.ini": "[pytest]\naddopts = -q\n",
    }
    for name, text in made.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    sources, helpers, tests, data = ([tmp_path / name] for name in list(made)[:4])
    return mutants.Files(tmp_path, sources, helpers, tests, data)


def test_every_kind_comes_in_a_round_and_no_mutant_twice(files):
    drawn = list(islice(mutants.draw(files, 1), 2 * sum(mutants.ROUND.values())))
    assert {mutant.kind for mutant in drawn} == set(mutants.ROUND)
    assert len({mutant.key(files.folder) for mutant in drawn}) == len(drawn)
    assert drawn == list(islice(mutants.draw(files, 1), len(drawn)))


@pytest.mark.parametrize("kind", mutants.ROUND)
def test_a_mutant_is_another_text_that_parses(files, kind):
    chance = random.Random(1)
    for _ in range(5):
        mutant = mutants.of_kind(kind, files, chance)
        if mutant.text is not None and mutant.path.suffix == ".py":
            ast.parse(mutant.text)
        assert mutant.text != (mutant.path.read_text() if mutant.path.exists() else None), mutant


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("constant", "LIMIT = 4"),
        ("attribute", "step = 2"),
        ("default", "start: int = 'other'"),
        ("annotation", "items: object"),
        ("annotation", "items: Missing"),
        ("annotation", "-> object"),
        ("import", "from typing import missing as Any"),
        ("base", "class Till(object)"),
        ("decorator", "@(lambda it: it)"),
        ("function", "raise RuntimeError('edited')"),
        ("method", "def __eq__(self, *args)"),
        ("definition", "Till = None"),
        ("renamed test", "def test_count_again():"),
        ("configuration", "[pytest]\nxfail_strict = true\naddopts"),
        ("comment", "# a comment\n"),
    ],
)
def test_what_a_kind_does(files, kind, text):
    chance = random.Random(1)
    assert any(text in (mutants.of_kind(kind, files, chance).text or "") for _ in range(60))


def test_a_small_project_runs_out_of_mutants(tmp_path):
    source, test = tmp_path / "a.py", tmp_path / "test_a.py"
    source.write_text("A = 1\n")
    test.write_text("import a\n")
    assert len(list(mutants.draw(mutants.Files(tmp_path, [source], [], [test], []), 1))) < 40
