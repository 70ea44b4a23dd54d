"""Definitions: the statements that run on import, what they bind and what is known of them."""

import pytest

from testmon_cli.domain.source import Definition
from tests.analysis.sources import model, named, only

BOUND = [
    pytest.param("", [], id="empty"),
    pytest.param("1\n...\npass", [("statement", ())], id="constants-do-nothing"),
    pytest.param("'A text.'", [("statement", ("__doc__",))], id="docstring"),
    pytest.param("def f(): g = 1", [("function", ("f",))], id="function"),
    pytest.param("async def f(): pass", [("function", ("f",))], id="coroutine"),
    pytest.param("class C: pass", [("class", ("C",)), ("statement", ())], id="class-and-its-body"),
    pytest.param("a = b = 1", [("assign", ("a", "b"))], id="two-targets"),
    pytest.param("a, (b, *c) = x", [("assign", ("a", "b", "c"))], id="unpacking"),
    pytest.param("a: int = 1", [("assign", ("a",))], id="annotated"),
    pytest.param("a += 1", [("assign", ("a",))], id="augmented"),
    pytest.param("a.b = c[d] = 1", [("assign", ())], id="attribute-and-item"),
    pytest.param("(a := 1)", [("statement", ("a",))], id="walrus"),
    pytest.param("del a", [("statement", ("a",))], id="deleted"),
    pytest.param("for a in x: b = a", [("statement", ("a", "b"))], id="loop"),
    pytest.param("with x as a: pass", [("statement", ("a",))], id="with"),
    pytest.param(
        "if x:\n    def f(): a = 1\nelse: f = 2", [("statement", ("f",))], id="conditional"
    ),
    pytest.param(
        "import a.b, c as d", [("import", ("a",)), ("import", ("d",))], id="import-splits"
    ),
    pytest.param(
        "from a import b, c as d", [("import", ("b",)), ("import", ("d",))], id="from-splits"
    ),
    pytest.param("from a import *", [("import", ())], id="star"),
    pytest.param(
        "try:\n    import a\nexcept ImportError as e:\n    a = None",
        [("statement", ("a", "e"))],
        id="guarded-import",
    ),
    pytest.param(
        "if TYPE_CHECKING:\n    import a\nelse:\n    b = 1",
        [("statement", ()), ("assign", ("b",))],
        id="type-checking",
    ),
    pytest.param(
        "if typing.TYPE_CHECKING:\n    import a", [("statement", ())], id="typing-type-checking"
    ),
    pytest.param(
        "if not TYPE_CHECKING:\n    import a", [("statement", ("a",))], id="not-type-checking"
    ),
    pytest.param("if __name__ == '__main__':\n    main()", [], id="main-guard"),
]


@pytest.mark.parametrize(("source", "wanted"), BOUND)
def test_each_statement_defines_what_it_binds(
    source: str, wanted: list[tuple[str, tuple[str, ...]]]
) -> None:
    found = [(d.kind, d.names) for d in model(source).definitions]
    assert [(kind, tuple(sorted(names))) for kind, names in found] == wanted


def test_members_have_the_qualified_name_of_their_class() -> None:
    source = "class C:\n    a = 1\n    class D:\n        def f(self): pass\n"
    assert [(d.owner, d.names) for d in model(source).definitions] == [
        ("", ("C",)),
        ("C", ("a",)),
        ("C", ("D",)),
        ("C.D", ("f",)),
    ]


FLAGS = [
    pytest.param("a = f", "a", set(), id="none"),
    pytest.param("def f(): pass", "f", set(), id="none-function"),
    pytest.param("a = {'b': [1]}", "a", {"literal"}, id="display"),
    pytest.param("a = f'{b}'", "a", {"literal"}, id="f-string"),
    pytest.param("a = C(1)", "a", {"instance"}, id="instance"),
    pytest.param("from __future__ import annotations\na: int", "a", {"bare"}, id="bare"),
    pytest.param("class C(metaclass=M): a = 1", "C", {"keywords", "metaclass M"}, id="metaclass"),
    pytest.param("@pytest.fixture\ndef f(): pass", "f", {"fixture"}, id="fixture"),
    pytest.param(
        "@pytest.fixture(scope='module')\ndef f(): pass", "f", {"fixture"}, id="fixture-called"
    ),
    pytest.param(
        "@fixture(autouse=True)\ndef f(): pass", "f", {"fixture", "autouse"}, id="autouse"
    ),
    pytest.param("@fixture(autouse=False)\ndef f(): pass", "f", {"fixture"}, id="autouse-false"),
    pytest.param(
        "@fixture(autouse=ALL)\ndef f(): pass", "f", {"fixture", "autouse"}, id="autouse-computed"
    ),
    pytest.param("try:\n    a = 1\nexcept E: pass", "a", set(), id="handler-of-something"),
    pytest.param("try:\n    import a\nexcept ImportError: pass", "a", {"guarded"}, id="guarded"),
    pytest.param(
        "try:\n    import a\nexcept (OSError, ImportError): pass",
        "a",
        {"guarded"},
        id="guarded-beside-others",
    ),
    pytest.param(
        "try:\n    import a\nexcept Exception: pass", "a", {"guarded", "caught"}, id="caught"
    ),
    pytest.param(
        "try:\n    import a\nexcept: pass",
        "a",
        {"guarded", "caught"},
        id="caught-by-a-bare-handler",
    ),
    pytest.param("try:\n    a = 1\nfinally: pass", "a", set(), id="finally-guards-nothing"),
]


@pytest.mark.filterwarnings("always")
def test_a_text_in_an_annotation_is_read_without_a_word(recwarn: pytest.WarningsRecorder) -> None:
    (definition,) = model("def f(x: \"T['\\\\d']\"): pass").definitions
    assert ("T" in definition.hint_mentions, list(recwarn)) == (True, [])


@pytest.mark.parametrize(("source", "name", "flags"), FLAGS)
def test_flags(source: str, name: str, flags: set[str]) -> None:
    assert named(source, name).flags == flags


def test_a_star_is_flagged() -> None:
    assert only("from a import *").flags == {"star"}


BASES = [
    pytest.param("class C: a = 1", "C", (), (), id="none"),
    pytest.param("from abc import ABC as A\nclass C(A): a = 1", "C", ("abc.ABC",), (), id="alias"),
    pytest.param(
        "import typing as t\nclass C(t.Generic[T]): a = 1",
        "C",
        ("typing.Generic",),
        (),
        id="generic",
    ),
    pytest.param(
        "from . import base\nclass C(base.B): a = 1", "C", (".base.B",), (), id="relative"
    ),
    pytest.param("class C(f()): a = 1", "C", ("?",), (), id="computed-base"),
    pytest.param(
        "from m import d\n@d.e(1)\n@f\ndef g(): pass", "g", (), ("m.d.e", "f"), id="decorators"
    ),
    pytest.param("@f()()\ndef g(): pass", "g", (), ("?",), id="computed-decorator"),
    pytest.param("from m import C\na = C.make()", "a", ("m.C.make",), (), id="instance-of"),
]


@pytest.mark.parametrize(("source", "name", "bases", "decorators"), BASES)
def test_bases_and_decorators_are_dotted_names(
    source: str, name: str, bases: tuple[str, ...], decorators: tuple[str, ...]
) -> None:
    definition = named(source, name)
    assert (definition.bases, definition.decorators) == (bases, decorators)


SAME = [
    pytest.param("a = 'b'", 'a = ("b")  # so', id="quotes-and-parentheses"),
    pytest.param("a = 'b' 'c'", "a = 'bc'", id="concatenation"),
    pytest.param("a = [1, 2]", "a = [\n    1,\n    2,\n]", id="trailing-comma"),
    pytest.param("def a(): return 1", "def a(): return 2", id="body-of-a-function"),
    pytest.param("def a(): return 1", "def a():\n    'Doc.'\n    return 1", id="docstring"),
    pytest.param("def a(x): pass", "def a(x: int) -> str: pass", id="annotation"),
    pytest.param("a: int = 1", "a: str = 1", id="annotation-of-a-name"),
    pytest.param("a = 1", "def c(): pass\na = 1", id="function-above"),
    pytest.param("a = b\nb = 1", "def d(): pass\na = b\nb = 1", id="bound-later-both-times"),
]


@pytest.mark.parametrize(("old", "new"), SAME)
def test_what_is_the_same_definition(old: str, new: str) -> None:
    assert named(old, "a").checksum == named(new, "a").checksum


DIFFERENT = [
    pytest.param("a = 1", "a = 2", id="value"),
    pytest.param("a = 1", "a = 1.0", id="type-of-a-value"),
    pytest.param("a = 1", "a += 1", id="augmented"),
    pytest.param("def a(x): pass", "def a(y): pass", id="parameter"),
    pytest.param("def a(x): pass", "def a(*, x): pass", id="kind-of-a-parameter"),
    pytest.param("def a(x=1): pass", "def a(x=2): pass", id="default"),
    pytest.param("def a(): pass", "async def a(): pass", id="async"),
    pytest.param("def a(): pass", "@d\ndef a(): pass", id="decorator"),
    pytest.param("class a(B): x = 1", "class a(C): x = 1", id="base"),
    pytest.param("import a", "import m as a", id="imported-module"),
    pytest.param("from m import a", "from n import a", id="imported-from"),
    pytest.param("def d(): pass\na = d", "a = d\ndef d(): pass", id="used-before-it-is-bound"),
    pytest.param("a = lambda: 1", "a = lambda: 2", id="body-of-a-lambda"),
    pytest.param("if x:\n    a = 1", "if y:\n    a = 1", id="condition"),
]


@pytest.mark.parametrize(("old", "new"), DIFFERENT)
def test_what_is_another_definition(old: str, new: str) -> None:
    assert named(old, "a").checksum != named(new, "a").checksum


DOCUMENTED = [
    pytest.param("def a(): pass", "def a(): return 1", "", id="body"),
    pytest.param("def a(): pass", "def a(): 'Doc.'", "doc", id="docstring-added"),
    pytest.param("def a(): 'Doc.'", "def a(): 'Doc!'", "doc", id="docstring"),
    pytest.param("def a(x): pass", "def a(x: int): pass", "hint", id="annotation"),
    pytest.param("def a(x: int): pass", "def a(x: str): pass", "hint", id="other-annotation"),
    pytest.param("def a(x) -> int: pass", "def a(x) -> str: pass", "hint", id="returns"),
    pytest.param("a: int = 1", "a: str = 1", "hint", id="annotation-of-a-name"),
]


@pytest.mark.parametrize(("old", "new", "differs"), DOCUMENTED)
def test_docstrings_and_annotations_have_checksums_of_their_own(
    old: str, new: str, differs: str
) -> None:
    before, after = named(old, "a"), named(new, "a")
    assert (before.doc_checksum != after.doc_checksum) == (differs == "doc")
    assert (before.hint_checksum != after.hint_checksum) == (differs == "hint")


def test_the_lines_of_a_definition_begin_with_its_decorators() -> None:
    definition: Definition = named("@d\n@e\ndef f():\n    pass\n", "f")
    assert (definition.line, definition.end_line) == (1, 4)


DOCTESTS = [
    pytest.param("def f(): 'No.'", set(), id="none"),
    pytest.param("def f(): '>>> f()'", {"f"}, id="function"),
    pytest.param("'>>> f()'", {"<module>"}, id="module"),
    pytest.param(
        "class C:\n    '>>> C()'\n    def f(self): '>>> 1'", {"C", "C.f"}, id="class-and-method"
    ),
]


@pytest.mark.parametrize(("source", "names"), DOCTESTS)
def test_docstrings_with_examples(source: str, names: set[str]) -> None:
    assert model(source).doctests == names
