"""Results: what the result of a function may be a part of, and who changes what it is given."""

import pytest

from testmon_cli.analysis.results import changes_argument, returned_by, sources_of, with_calls
from tests.analysis.projects import project

TABLE = "TABLE = {}\nLIMIT = 3\n"

SOURCES = [
    pytest.param("def f(x): return x", set(), id="given"),
    pytest.param("def f(x): return getattr(x, 'parts', ())", set(), id="attribute"),
    pytest.param("def f(x): return TABLE[x]", {("a.py", "", "TABLE")}, id="table"),
    pytest.param("def f(x): return LIMIT", set(), id="constant"),
    pytest.param("def g(): return TABLE\ndef f(x): return g()", {("a.py", "", "TABLE")}, id="call"),
    pytest.param("def f(x, t={}): return t", None, id="shared-default"),
    pytest.param("@memo\ndef f(x): return x", None, id="decorated"),
    pytest.param("def f(x, n): return getattr(x, n)", None, id="computed"),
    pytest.param(
        "class C:\n    rows = []\n    def own(self): return self.rows\ndef f(x): return x.own()",
        {("a.py", "C", "rows")},
        id="of-a-class",
    ),
    pytest.param(
        "class C:\n    def __init__(self): self.t = TABLE\ndef f(x): return C()",
        {("a.py", "", "TABLE")},
        id="held-by-an-object",
    ),
]


@pytest.mark.parametrize(("text", "sources"), SOURCES)
def test_sources(text: str, sources: set[tuple[str, str, str]] | None) -> None:
    assert sources_of(project({"a.py": TABLE + text}), "a.py", "f") == sources


def test_a_function_of_another_file_is_followed() -> None:
    files = {
        "a.py": "from b import g\ndef f(): return g()",
        "b.py": f"{TABLE}def g(): return TABLE",
    }
    assert sources_of(project(files), "a.py", "f") == {("b.py", "", "TABLE")}
    assert returned_by(project(files), "a.py", "f") == [("b.py", "TABLE")]


def test_who_changes_what_it_is_given() -> None:
    files = {
        "a.py": "from b import fill\ndef f(x): fill(x)\ndef g(x): return len(x)",
        "b.py": "def fill(x): x['a'] = 1",
    }
    assert changes_argument(project(files), "a.py", "f", "0")
    assert not changes_argument(project(files), "a.py", "g", "0")


SLOTS = [
    pytest.param("def f(x, y): y['a'] = 1", ("1", "y", ""), ("0", "x"), id="second"),
    pytest.param("def f(x, *, y): y['a'] = 1", ("y", ""), ("0", "1", "x"), id="keyword"),
    pytest.param("def f(x, y): g(1, y)\ndef g(a, b): b.c = 1", ("1",), ("0",), id="given-on"),
    pytest.param("def f(x, y): g(x, y)\ndef g(a, b): b.c = 1", ("1",), ("0",), id="both-given-on"),
    pytest.param("def f(x, y): f(y, x)\ndef g(a, b): b.c = 1", (), ("0", "1"), id="itself"),
    pytest.param("@cache\ndef f(x, y): y['a'] = 1", ("0", "1"), (), id="decorated"),
]


@pytest.mark.parametrize(("text", "changed", "kept"), SLOTS)
def test_which_argument_is_changed(
    text: str, changed: tuple[str, ...], kept: tuple[str, ...]
) -> None:
    files = {"a.py": text}
    assert [changes_argument(project(files), "a.py", "f", slot) for slot in changed] == [
        True for _ in changed
    ]
    assert not any(changes_argument(project(files), "a.py", "f", slot) for slot in kept)


@pytest.mark.parametrize(("called", "keeps"), [("fill", ("TABLE",)), ("show", ())])
def test_what_is_kept_by_a_call(called: str, keeps: tuple[str, ...]) -> None:
    text = f"{TABLE}def fill(x): x['a'] = 1\ndef show(x): return x['a']\ndef f(): {called}(TABLE)"
    found = project({"a.py": text})
    function = found.function("a.py", "f")
    assert function is not None
    assert with_calls(found, "a.py", function).keeps == keeps
    assert with_calls(found, "a.py", function).results == keeps
