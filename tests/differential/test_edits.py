# ruff: noqa: E501 - the files of the sample project stand on few lines
"""Seeded random edits of a small project.

Every test that plain pytest shows to change was selected, or is reported.

`TESTMON_EDITS` sets how many are tried (default 60).
"""

import itertools
import os
from pathlib import Path

import pytest

from benchmarks.edits import draw
from tests.scenarios.lab import Forks, Place, changed_tests, in_errors
from tests.scenarios.scenario import CONFIG

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="runs pytest in forked processes")

PROJECT = {
    "pyproject.toml": CONFIG,
    "depot/__init__.py": "from depot.goods import Box, Crate\nfrom depot.rates import BASE as DEFAULT_RATE\n",
    "depot/rates.py": (
        "BASE = 3\nEXTRA = BASE * 2\nTABLE = {'near': BASE, 'far': EXTRA}\nNAMES = ['near', 'far']\n\n\n"
        "def rate(name, factor=BASE):\n    if name in TABLE:\n        return TABLE[name] * factor\n    return 0\n\n\n"
        "def label(name):\n    try:\n        return f'{name}: {TABLE[name]}'\n    except KeyError:\n        return 'unknown'\n"
    ),
    "depot/goods.py": (
        "from dataclasses import dataclass\n\nfrom depot.registry import known\n\n\n"
        "class Goods:\n    kind = 'goods'\n    weight = 1\n\n    def describe(self):\n        return f'{self.kind}/{self.weight}'\n\n\n"
        "@known\nclass Box(Goods):\n    kind = 'box'\n\n    def open(self):\n        return 'open ' + self.kind\n\n\n"
        "class Crate(Box):\n    weight = 5\n\n    @property\n    def heavy(self):\n        return self.weight > 4\n\n\n"
        "@dataclass\nclass Label:\n    text: str = 'none'\n    size: int = 2\n"
    ),
    "depot/registry.py": (
        "KNOWN = []\n\n\ndef known(cls):\n    KNOWN.append(cls.__name__)\n    return cls\n\n\n"
        "def names():\n    return sorted(KNOWN)\n"
    ),
    "depot/keep.py": (
        "from functools import lru_cache\n\nfrom depot.rates import rate\n\n_last = None\n\n\n"
        "@lru_cache\ndef kept(name):\n    return rate(name) + 1\n\n\n"
        "def once():\n    global _last\n    if _last is None:\n        _last = rate('far')\n    return _last\n"
    ),
    "tests/conftest.py": (
        "import pytest\n\nfrom depot.rates import rate\n\n\n"
        "@pytest.fixture(scope='session')\ndef near():\n    return rate('near')\n\n\n"
        "@pytest.fixture\ndef far():\n    value = rate('far', 1)\n    yield value\n    assert value > 0\n"
    ),
    "tests/test_rates.py": (
        "import pytest\n\nfrom depot import DEFAULT_RATE, rates\n\n\n"
        "@pytest.mark.parametrize('name', rates.NAMES)\ndef test_rate(name):\n    assert rates.rate(name, 1) in (3, 6)\n\n\n"
        "def test_near(near):\n    assert near == 9\n\n\ndef test_near_again(near):\n    assert near > 8\n\n\n"
        "def test_far(far):\n    assert far == 6\n\n\ndef test_unknown():\n    assert rates.rate('x') == 0\n"
        "    assert rates.label('x') == 'unknown'\n\n\ndef test_label():\n    assert rates.label('far') == 'far: 6'\n\n\n"
        "def test_default():\n    assert DEFAULT_RATE == 3\n"
    ),
    "tests/test_goods.py": (
        "from depot import Box, Crate, registry\nfrom depot.goods import Goods, Label\n\n\n"
        "def test_goods():\n    assert Goods().describe() == 'goods/1'\n\n\n"
        "def test_box():\n    assert Box().describe() == 'box/1'\n\n\ndef test_open():\n    assert Crate().open() == 'open box'\n\n\n"
        "class TestCrate:\n    def test_heavy(self):\n        assert Crate().heavy\n\n"
        "    def test_describe(self):\n        assert Crate().describe() == 'box/5'\n\n\n"
        "def test_names():\n    assert registry.names() == ['Box']\n\n\n"
        "def test_text():\n    assert Label().text == 'none'\n\n\ndef test_size():\n    assert Label('a').size == 2\n"
    ),
    "tests/test_keep.py": (
        "from depot.keep import kept, once\n\n\ndef test_first():\n    assert kept('near') == 10\n\n\n"
        "def test_second():\n    assert kept('near') - 1 == 9\n\n\ndef test_once():\n    assert once() == 18\n\n\n"
        "def test_once_again():\n    assert once() / 2 == 9\n\n\ndef test_alone():\n    assert True\n"
    ),
}  # fmt: skip


def test_no_changed_test_is_missed(forks: Forks, tmp_path: Path) -> None:
    place = Place(tmp_path / "project", tmp_path / "site", forks)
    place.site.mkdir()
    for name, text in PROJECT.items():
        (place.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (place.folder / name).write_text(text)
    before = place.order("pytest")
    assert before["code"] == 0, before["log"]
    assert place.collect()["code"] == 0
    sources = sorted((place.folder / "depot").glob("*.py"))
    missed, changed = [], 0
    for edit in itertools.islice(draw(sources, seed=7), int(os.environ.get("TESTMON_EDITS", "60"))):
        original = edit.path.read_text()
        edit.path.write_text(edit.text)
        after = place.order("pytest")
        needed = changed_tests(before, after)
        selected = place.order("select")
        chosen = {
            n for n in needed if n in selected["reasons"] or _is_given(n, selected["arguments"])
        }
        if (
            needed - chosen and selected["arguments"]
        ):  # one test may stand for those of its file, where that cannot be imported
            again = place.order("pytest", *selected["arguments"])
            # a conftest cannot be imported
            stops = again["code"] == after["code"] and not after["outcomes"]
            chosen |= {nodeid for nodeid in needed if stops or in_errors(nodeid, again["errors"])}
        edit.path.write_text(original)
        changed += bool(needed)
        if needed - chosen:
            missed.append(f"{edit.path.name}:{edit.line} {edit.what}: {sorted(needed - chosen)}")
    assert not missed, "\n".join(missed)
    assert changed, "no edit changed the outcome of a test: the edits show nothing"


def _is_given(nodeid: str, arguments: list[str]) -> bool:
    return any(nodeid == a or nodeid.startswith((f"{a}::", f"{a}[", f"{a}/")) for a in arguments)
