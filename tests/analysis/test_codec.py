"""Models as bytes and back, and the index of their names."""

import pytest

from testmon_cli.analysis import codec
from testmon_cli.domain.source import SourceModel
from tests.analysis.sources import model

SOURCES = [
    pytest.param("", id="empty"),
    pytest.param("def f(x=1, *a, **k):\n    if x:\n        return a\n    return k", id="blocks"),
    pytest.param(
        "@d(1)\nclass C(B, metaclass=M):\n    'Doc.'\n    a: int = 1\n    def f(self): pass",
        id="class",
    ),
    pytest.param(
        "import a.b, c as d\nfrom . import e\nfrom f import *\ndef g():\n    import h", id="imports"
    ),
    pytest.param(
        "BOX = make(A)\nBOX[0] = 1\n@functools.cache\ndef f(): BOX.append(1)", id="effects"
    ),
    pytest.param("def f(): '''>>> f()'''", id="doctest"),
    pytest.param("größe = 'schön'\ndef f(): return größe, '\\ud800'", id="unicode"),
]


@pytest.mark.parametrize("source", SOURCES)
def test_a_model_comes_back_as_it_was(source: str) -> None:
    stored = model(source)
    back = codec.decode(codec.encode(stored))
    assert back == stored
    assert {type(d.mentions) for d in back.definitions} <= {frozenset}
    assert {type(b.lines) for b in back.blocks} == {tuple}
    table = codec.decode_table(codec.encode(stored))
    assert (table.checksums, table.parents) == (stored.table.checksums, stored.table.parents)
    assert all(table.on([line]) == stored.table.on([line]) for line in range(5))
    for outline, definition in zip(
        codec.decode_outline(codec.encode(stored)), stored.definitions, strict=True
    ):
        assert outline == tuple(getattr(definition, name) for name in outline._fields)
    assert codec.decode_imports(codec.encode(stored)) == stored.imports


def test_the_same_model_gives_the_same_bytes() -> None:
    source = "def f(x): return a, b, c, d, x.e\nclass C(B): g = h"
    assert codec.encode(model(source)) == codec.encode(model(source))


INDEXED = [
    pytest.param("def f(): return TAX", "TAX", True, id="global"),
    pytest.param("def f(x): return x.tax", "tax", True, id="attribute"),
    pytest.param("def f(tax): pass", "tax", True, id="parameter"),
    pytest.param("import tax\ndef f(x): return x(tax)", "tax", True, id="passed-on"),
    pytest.param("def f(): return 'app.tax'", "tax", True, id="string"),
    pytest.param("tax = 1", "tax", True, id="bound"),
    pytest.param("class C:\n    tax = 1", "tax", True, id="member"),
    pytest.param("class tax:\n    a = 1", "tax", True, id="class"),
    pytest.param("def f():\n    def tax(): pass", "tax", True, id="function-in-a-function"),
    pytest.param("def f(): return TAXES", "TAX", False, id="longer-name"),
    pytest.param("def f():\n    tax = 1\n    return tax", "tax", False, id="local"),
    pytest.param("def f(): pass  # tax", "tax", False, id="comment"),
    pytest.param("def f(x): return dir(x)", "!w", True, id="dynamic"),
    pytest.param("def f(x): return getattr(x, x)", "!*=", True, id="recorded"),
    pytest.param("@functools.cache\ndef f(): pass", codec.MEMOISES, True, id="memoises"),
    pytest.param("def f(): pass", codec.MEMOISES, False, id="memoises-nothing"),
]


@pytest.mark.parametrize(("source", "name", "wanted"), INDEXED)
def test_the_index_tells_which_names_a_file_holds(source: str, name: str, wanted: bool) -> None:
    index = codec.name_index(model(source))
    assert codec.mentions_any(index, {codec.name_hash(name)}) == wanted
    assert (
        codec.mentions_any(index, {codec.name_hash("elsewhere"), codec.name_hash(name)}) == wanted
    )


def test_the_index_of_nothing_holds_nothing() -> None:
    assert not codec.mentions_any(b"", {codec.name_hash("a")})
    assert not codec.mentions_any(codec.name_index(model("a = 1")), set())


def test_hashes_are_compared_as_a_whole() -> None:
    first, second = codec.name_hash("first"), codec.name_hash("second")
    across = (first + second)[2 : 2 + len(first)]
    assert not codec.mentions_any(first + second, {across})


def test_an_empty_model_is_a_model() -> None:
    nothing = SourceModel((), (), ())
    assert codec.decode(codec.encode(nothing)) == nothing
    assert codec.name_index(nothing) == b""
