"""What of import-time code provably cannot raise, and what may.

The first is held against Python itself.
"""

import ast
import sys

import pytest

from testmon_cli.analysis.definitions import names_of
from testmon_cli.analysis.fallibility import Fallibility

HEAD = "import os, sys, typing, logging, threading, collections\nfrom os import path\na = 1\nb = object()\n"

SAFE = [
    "from typing import TYPE_CHECKING, Any as x", "typing.TYPE_CHECKING",
    "x = 1", "x = y = None", "x = a", "x, y = 1, a", "x: int = 1", "x: list[int]", "x: int | None = None",
    "x: 'anything at all'", "import json, re as x", "pass", "'text'", "x = ...", "x = [a, *'bc', *[1]]",
    "x = (1, (2, b))", "x = {1, 'b', None}", "x = {'k': b, (1, 'k'): 2, **{}}", "x = lambda y=1: z",
    "x = f'{1} and {\"b\"}'", "x = -1", "x = ~2", "x = not 'a'", "x = 60 * 60 * 24", "x = 2 ** 10", "x = 1 << 20",
    "x = 7 / 2", "x = 7 % 2.5", "x = 1 | 2", "x = 'a' + 'b'", "x = [1] + [b]", "x = (1,) * 3", "x = 3 * '-'",
    "x = {1} | {2}", "x = int | None", "x = str | list[int]", "x = 'a' or b", "x = b is None", "x = 1 == 'a'",
    "x = 1 < 2.5", "x = 'a' < 'b'", "x = 'a' in ('a', 'b')", "x = sys.version_info >= (3, 8)",
    "x = sys.version_info[:2] == (3, 8)", "x = sys.platform == 'win32'", "x = __name__ == 'x'", "x = a if 'b' else 2",
    "x = [y for y in (1, 2)]", "x = (y.z for y in [1])", "x = list[b]", "x = dict()", "x = dict(k=b)",
    "x = list('ab')", "x = frozenset({1})", "x = str(1)", "x = len('a')", "x = object()",
    "x = logging.getLogger(__name__)", "x = typing.TypeVar('x')", "x = threading.Lock()",
    "x = collections.defaultdict(list)", "def f(x, y=1, *z): u.v", "@property\ndef f(self): pass",
    "async def f(x: int) -> None: pass", "class C: pass", "class C(ValueError): pass", "class C(object): x = 1",
    "if sys.platform == 'x':\n    x = 1\nelse:\n    x = 2", "while False: pass", "for x in (1, 2): pass",
    "try:\n    x = nowhere.y\nexcept Exception:\n    x = None",
    "try:\n    import nowhere\nexcept ImportError:\n    x = 1",
]  # fmt: skip

FALLIBLE = [
    "x = os.sepp", "x = b.c", "x = b[0]", "x = 'a' - 'b'", "x = a * 'y'", "x = 1 < '2'", "x = {[]: 2}", "x = 1 + 'a'",
    "x = 1 / 0", "x = 1 % a", "x = 2 ** -1", "x = 1 << -1", "x = a + 1", "x = not b", "x = b and 1", "x = b == 1",
    "x = b < 1", "x = 1 in b", "x = [] in {1}", "x = {a}", "x = {a: 1}", "x = {**b}", "x = [*b]", "x = f'{b}'",
    "x = f'{1:q}'", "x = '%d' % 'a'", "x = b if b else 1", "x = [y.z for y in (1,)]", "x = [y for y in b]",
    "x = {y for y in ([],)}", "x = int('a')", "x = make()", "x = len(b)", "x = set([[]])", "x = dict(**b)",
    "x = typing.Optional[5]", "x = a[int]", "x = int | 5", "x: typing.List = 1", "x: a | None = 1", "x.y = 1",
    "x, y = b", "x, y = 1, 2, 3", "x += 1", "del x", "assert True", "import nowhere", "import os.nowhere",
    "import tkinter", "from os import nowhere",
    "from typing import nowhere", "from .typing import Any", "with b: pass", "for x in b: pass", "if b: pass",
    "raise ValueError", "@b\ndef f(): pass", "def f(x=os.sepp): pass", "def f(x: typing.List[5]): pass",
    "def f() -> os.sepp: pass", "class C(b): pass", "class C(ValueError, KeyError): pass", "class C(metaclass=b): pass",
    "@b\nclass C: pass",
    "try:\n    x = b.c\nexcept ImportError:\n    x = 1", "try:\n    import nowhere\nexcept Exception:\n    x = b.c",
    "try:\n    import nowhere\nfinally:\n    x = 1", "match b:\n    case 1: pass",
    "if 'a':\n    class C:\n        x = b.c",
]  # fmt: skip


def _may_raise(source: str, *, evaluates_annotations: bool = True) -> bool:
    tree = ast.parse(HEAD + source)
    return Fallibility(names_of(tree), evaluates_annotations=evaluates_annotations).may_raise(
        tree.body[4]
    )


@pytest.mark.parametrize("source", SAFE)
def test_what_cannot_raise(source: str) -> None:
    assert not _may_raise(source)
    exec(compile(HEAD + source, "<source>", "exec"), {"__name__": "x"})


@pytest.mark.parametrize("source", FALLIBLE)
def test_what_may_raise(source: str) -> None:
    assert _may_raise(source)


def test_annotations_count_where_they_are_evaluated() -> None:
    source = "def f(x: os.sepp): pass"
    assert [_may_raise(source, evaluates_annotations=evaluates) for evaluates in (True, False)] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("name", "safe"), [("int", "x = int | None"), ("property", "@property\ndef f(self): pass")]
)
def test_names_that_hide_builtins_are_not_these(name: str, safe: str) -> None:
    tree = ast.parse(f"{name} = 5\n{safe}")
    fallibility = Fallibility(names_of(tree), evaluates_annotations=True)
    assert fallibility.may_raise(tree.body[1])


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type statements came with 3.12")
def test_a_type_statement_is_evaluated_when_asked_for() -> None:
    assert not _may_raise("type X = os.sepp")
