"""What code mentions, notation by notation, as blocks of a function show it."""

import pytest

from testmon_cli.analysis import mentions
from tests.analysis.sources import model

HEAD = "import shop, inspect\n\ndef f(p):\n    "

MENTIONS = [
    pytest.param("pass", set(), id="nothing"),
    pytest.param("q = 1; q", set(), id="local"),
    pytest.param("p", set(), id="parameter-used"),
    pytest.param("A", {"A"}, id="global"),
    pytest.param("p.a.b", {".a", ".b"}, id="attributes"),
    pytest.param("shop.a", {"shop", ".a", "&a"}, id="module-attribute"),
    pytest.param("p(shop)", {"shop", "&shop"}, id="module-passed-on"),
    pytest.param("p(k=1)", {"=k"}, id="keyword"),
    pytest.param("return 'name'", {".name"}, id="string"),
    pytest.param("return p == 'name' or 'name' != p", set(), id="string-that-is-compared"),
    pytest.param("return p in ('a', 'b')", set(), id="strings-among-which-something-is"),
    pytest.param("return 'a' in p", {".a"}, id="string-that-is-looked-for"),
    pytest.param("return f('a') == p", {"f", ".a"}, id="string-given-to-what-is-compared"),
    pytest.param("match p:\n        case 'a': pass", set(), id="string-that-is-matched"),
    pytest.param("return 'a.b'", {".a", ".b"}, id="dotted-string"),
    pytest.param("return 'some-dist'", {".some", ".dist", ".some_dist"}, id="distribution"),
    pytest.param("return 'a b'", set(), id="text"),
    pytest.param("'x' + 'a/b'", {".x"}, id="path"),
    pytest.param(f"return '{'x' * 101}'", set(), id="long-string"),
    pytest.param("from a.b import c", {".a", ".b", ".c"}, id="import-from"),
    pytest.param("import a.b", {".a", ".b"}, id="import"),
    pytest.param("getattr(p, 'a')", {"getattr", ".a"}, id="getattr-literal"),
    pytest.param("getattr(p, p)", {"getattr", "!*="}, id="getattr-computed"),
    pytest.param("getattr(*p)", {"getattr", "*="}, id="getattr-of-what-is-given"),
    pytest.param("map(getattr, p)", {"map", "getattr", "*="}, id="getattr-given-to-another"),
    pytest.param(
        "p(shop.import_module)",
        {"shop", ".import_module", "&import_module", "*"},
        id="import-given",
    ),
    pytest.param("p.setattr(p, p, 1)", {".setattr", "!*="}, id="method-setattr"),
    pytest.param(
        "p.setattr('a.b', p)", {".setattr", ".a", ".b"}, id="method-setattr-of-a-literal-path"
    ),
    pytest.param("p.setattr(p + p, p)", {".setattr", "!*="}, id="method-setattr-of-a-path"),
    pytest.param("p.delattr(p)", {".delattr", "!*="}, id="method-delattr-of-a-path"),
    pytest.param("p.attrgetter(p)", {".attrgetter", "!*="}, id="attrgetter-computed"),
    pytest.param("p.attrgetter('a.b')", {".attrgetter", ".a", ".b"}, id="attrgetter-literal"),
    pytest.param("p.attrgetter(*p)", {".attrgetter", "*="}, id="attrgetter-of-what-is-given"),
    pytest.param("p.methodcaller('a', p)", {".methodcaller", ".a"}, id="methodcaller-literal"),
    pytest.param("__import__(p)", {"__import__", "!*"}, id="dunder-import"),
    pytest.param("__import__('a.b')", {"__import__", ".a", ".b", "&b"}, id="dunder-import-literal"),
    pytest.param(
        "__import__('a', p, p, p)", {"__import__", ".a", "*"}, id="dunder-import-of-computed-names"
    ),
    pytest.param("assert getattr(p, p)", {"getattr", "!*="}, id="asserted"),
    pytest.param(
        "assert getattr(p, p + 'a')", {"getattr", ".a", "*="}, id="asserted-and-not-plain"
    ),
    pytest.param("assert (q := p) and getattr(p, q)", {"getattr", "*="}, id="asserted-and-bound"),
    pytest.param("getattr(str, p)", {"getattr", "str"}, id="getattr-of-a-builtin-type"),
    pytest.param(
        "str = p; getattr(str, p)", {"getattr", "!*="}, id="getattr-of-a-local-named-like-one"
    ),
    pytest.param("p.__dict__", {".__dict__", "!w"}, id="dict"),
    pytest.param("p.__dict__[p]", {".__dict__", "!*="}, id="dict-by-name"),
    pytest.param("p.__dict__['a']", {".__dict__", ".a"}, id="dict-by-literal"),
    pytest.param("p in vars(p)", {"vars", "!*="}, id="name-in-vars"),
    pytest.param("globals()", {"globals", "*g"}, id="globals"),
    pytest.param("globals()[p] = 1", {"globals", "!*g"}, id="globals-by-name"),
    pytest.param("globals().get(p)", {"globals", ".get", "!*g"}, id="globals-get"),
    pytest.param("p.globals", {".globals"}, id="attribute-named-globals"),
    pytest.param("vars(p)", {"vars", "!w"}, id="vars-of-an-object"),
    pytest.param("vars()", {"vars", "*g", "*="}, id="vars"),
    pytest.param("p.__mro__", {".__mro__"}, id="mro"),
    pytest.param("q = shop = p; return shop", set(), id="local-named-like-an-import"),
    pytest.param("import shop as q; p(q)", {".shop", "&q"}, id="import-in-a-function"),
    pytest.param("eval(p)", {"eval", "!*"}, id="eval"),
    pytest.param("eval(*p)", {"eval", "*"}, id="eval-of-what"),
    pytest.param("vars = p\ng(vars)", set(), id="local-named-like-a-builtin"),
    pytest.param("p.import_module(p)", {".import_module", "!*"}, id="import-computed"),
    pytest.param(
        "p.import_module(name=p)",
        {".import_module", "=name", "!*"},
        id="import-computed-by-keyword",
    ),
    pytest.param(
        "p.import_module('a.b')", {".import_module", ".a", ".b", "&b"}, id="import-literal"
    ),
    pytest.param(
        "p.getfixturevalue('box')", {".getfixturevalue", ".box", "&box"}, id="getfixturevalue"
    ),
    pytest.param("p.getfixturevalue(p)", {".getfixturevalue", "!*"}, id="getfixturevalue-computed"),
    pytest.param("p.__doc__", {".__doc__", "?d"}, id="doc"),
    pytest.param(
        "inspect.isclass(p)", {"inspect", ".isclass", "&isclass"}, id="inspect-that-reads-neither"
    ),
    pytest.param(
        "inspect.getsource(p)", {"inspect", ".getsource", "&getsource", "?d", "?a"}, id="source"
    ),
    pytest.param("p.get_type_hints(p)", {".get_type_hints", "?a"}, id="type-hints"),
    pytest.param("p.sys.modules", {".sys", ".modules", "*"}, id="sys-modules"),
    pytest.param("p.sys.modules[p]", {".sys", ".modules", "!*"}, id="sys-modules-by-name"),
    pytest.param(
        "p.sys.modules.get('a.b')",
        {".sys", ".modules", ".get", ".a", ".b", "&b"},
        id="sys-modules-literal",
    ),
    pytest.param(
        "p.setitem(p.modules, 'a', 1)", {".setitem", ".modules", ".a", "&a"}, id="sys-modules-set"
    ),
]


@pytest.mark.parametrize(("source", "wanted"), MENTIONS)
def test_mentions_of_a_block(source: str, wanted: set[str]) -> None:
    assert model(HEAD + source).blocks[0].mentions - {"@p"} == wanted


def test_parameters_are_mentions_of_fixtures() -> None:
    assert "@p" in model(HEAD + "pass").blocks[0].mentions


OWN = [
    pytest.param("getattr(self, p)", {"getattr", "!*."}, id="self"),
    pytest.param("getattr(type(self), p)", {"getattr", "type", "!*."}, id="type-of-self"),
    pytest.param("getattr(super(), p)", {"getattr", "super", "!*."}, id="super"),
    pytest.param(
        "self.__class__.__dict__", {"~__class__", ".__dict__", "*."}, id="dict-of-its-class"
    ),
    pytest.param("self.__dict__", {"~__dict__"}, id="dict-of-self"),
    pytest.param("self.__dict__[p]", {"~__dict__"}, id="dict-of-self-by-name"),
    pytest.param(
        "type(self).__dict__[p]", {"type", ".__dict__", "!*."}, id="dict-of-its-class-by-name"
    ),
    pytest.param("vars(type(self))", {"vars", "type", "*."}, id="vars-of-its-class"),
    pytest.param(
        "inspect.getmembers(type(self))",
        {"inspect", ".getmembers", "type", "*."},
        id="members-of-its-class",
    ),
    pytest.param("getmembers(self)", {"getmembers", "*."}, id="members-of-self"),
    pytest.param("[getattr(self, p) for x in p]", {"getattr", "!*."}, id="in-a-comprehension"),
    pytest.param("lambda: getattr(self, p)", {"getattr", "!*."}, id="in-a-lambda"),
    pytest.param("getattr(p, self)", {"getattr", "!*="}, id="the-name-is-self"),
    pytest.param("getattr(type(p), p)", {"getattr", "type", "!*="}, id="type-of-another"),
    pytest.param("vars(type(p))", {"vars", "type", "!w"}, id="vars-of-another-class"),
    pytest.param("lambda self: getattr(self, p)", {"getattr", "!*="}, id="lambda-with-its-own"),
    pytest.param(
        "[getattr(self, p) for self in p]", {"getattr", "!*="}, id="comprehension-with-its-own"
    ),
    pytest.param("self = p; getattr(self, p)", {"getattr", "!*="}, id="another-value"),
    pytest.param("getattr(self.a, p)", {"getattr", "~a", "!*="}, id="another-object"),
]


@pytest.mark.parametrize(("source", "wanted"), OWN)
def test_a_look_up_in_the_own_object(source: str, wanted: set[str]) -> None:
    found = model(f"class C:\n    def f(self, p):\n        {source}").blocks[0].mentions
    assert {m for m in found if m[0] != "@"} == wanted


def test_a_function_that_is_no_method_has_no_own_object() -> None:
    found = (
        model("def f(cls, p):\n    getattr(cls, p); vars(type(cls)); dir(cls)").blocks[0].mentions
    )
    assert {"!*=", "!w"} <= found
    assert found.isdisjoint({"!*.", "*."})


ATTRIBUTES = [
    pytest.param("def f(self): self.a.b", {"~a", ".b"}, id="own"),
    pytest.param("def f(this): this.a", {"~a"}, id="another-name"),
    pytest.param("@classmethod\n    def f(cls): cls.a", {"~a"}, id="class-method"),
    pytest.param("@property\n    def f(self): return super().a", {"super", "~a"}, id="super"),
    pytest.param("def f(self): super(C, p).a", {"super", "C", ".a", "p"}, id="super-of-something"),
    pytest.param("def f(self): [self.a for x in y]", {"~a", "y"}, id="comprehension"),
    pytest.param("def f(self): lambda x: self.a", {"~a"}, id="lambda"),
    pytest.param("def f(self): lambda self: self.a", {".a"}, id="lambda-with-its-own"),
    pytest.param("def f(self): self = g(); self.a", {"g", ".a"}, id="another-value"),
    pytest.param("def f(self):\n        nonlocal_ = 1; self.a = 1", {"~a", "^a"}, id="set"),
    pytest.param(
        "def f(self):\n        for self.a in y: pass", {"~a", "^a", "y"}, id="set-by-a-loop"
    ),
    pytest.param("def f(self): self.a += 1", {"~a"}, id="augmented"),
    pytest.param("def f(self): del self.a", {"~a"}, id="deleted"),
    pytest.param("def f(self): self.a = self.a or 1", {"~a"}, id="set-and-read"),
    pytest.param(
        "def f(self, other): self.a = other.a", {"~a", ".a"}, id="set-and-read-of-another"
    ),
    pytest.param(
        "def f(self): self.a = hasattr(self, 'a')", {"~a", "hasattr"}, id="set-and-asked-for"
    ),
    pytest.param("def f(self): getattr(self, 'a', None)", {"~a", "getattr"}, id="looked-up"),
    pytest.param(
        "def f(self): getattr(self, 'a-b', None)", {".a", ".b", ".a_b", "getattr"}, id="no-name"
    ),
    pytest.param(
        "def f(self, other): getattr(other, 'a')", {".a", "getattr"}, id="looked-up-in-another"
    ),
    pytest.param("def f(self): g(self, 'a')", {".a", "g"}, id="passed-on"),
    pytest.param("def f(self): self.a[0] = 1", {"~a"}, id="item-set"),
    pytest.param("@staticmethod\n    def f(self): self.a", {".a"}, id="static-method"),
    pytest.param("@wrap\n    def f(self): self.a", {".a"}, id="decorated-by-who-knows-what"),
    pytest.param("def f(self, other): other.a", {".a"}, id="another-parameter"),
]


@pytest.mark.parametrize(("source", "wanted"), ATTRIBUTES)
def test_an_attribute_of_the_own_object(source: str, wanted: set[str]) -> None:
    found = model(f"class C:\n    {source}").blocks[0].mentions
    assert {m for m in found if m[0] != "@"} == wanted


def test_a_class_in_a_function_has_no_own_object() -> None:
    blocks = model("def g():\n    class C:\n        def f(self): self.a").blocks
    assert [block.mentions & {".a", "~a"} for block in blocks if block.qualname.endswith("f")] == [
        {".a"}
    ]


LENT = [
    pytest.param("Page.show(p)", {"Page", ".show", "%show"}, id="called"),
    pytest.param("p.Page.show", {".Page", ".show", "%show"}, id="of-a-module"),
    pytest.param("_Page.show", {"_Page", ".show", "%show"}, id="private"),
    pytest.param("p.show", {".show"}, id="of-an-object"),
    pytest.param("Page.show = p", {"Page", ".show"}, id="set"),
]


@pytest.mark.parametrize(("source", "wanted"), LENT)
def test_what_may_be_taken_from_a_class(source: str, wanted: set[str]) -> None:
    assert model(HEAD + source).blocks[0].mentions - {"@p"} == wanted


JOINING = [
    pytest.param("class C(A, B): pass", True, id="two-bases"),
    pytest.param("class C(A): pass", False, id="one-base"),
    pytest.param("class C(*A): pass", True, id="some-bases"),
    pytest.param("type('C', A, {})", True, id="type"),
    pytest.param("type(A)", False, id="type-of"),
    pytest.param("A.__class__ = B", True, id="class-set"),
    pytest.param("A.__class__", False, id="class-read"),
]


@pytest.mark.parametrize(("source", "joins"), JOINING)
def test_what_joins_classes(source: str, joins: bool) -> None:
    assert (mentions.JOINS_CLASSES in model(HEAD + source).blocks[0].mentions) is joins


STRINGS = [
    pytest.param("{a.b} and {0.c[d]}", {".b", ".c", ".d"}, id="format"),
    pytest.param("{{ a.b | upper }}{% if c['d'] %}", {".b", ".d"}, id="template"),
    pytest.param("{} a.b", set(), id="nothing-in-braces"),
    pytest.param("{a} " * 99 + "{b.c}", {".c"}, id="long-format"),
    pytest.param("", set(), id="empty"),
    pytest.param("a", {".a"}, id="name"),
    pytest.param("app.config:LIMIT", {".app", ".config", ".LIMIT"}, id="entry-point"),
    pytest.param("élan", {".élan"}, id="unicode"),
    pytest.param("1a", set(), id="number-first"),
    pytest.param("a..b", set(), id="two-dots"),
    pytest.param("a.1", set(), id="number-after-a-dot"),
    pytest.param("a\n", set(), id="line-end"),
]


@pytest.mark.parametrize(("text", "wanted"), STRINGS)
def test_names_that_a_string_could_stand_for(text: str, wanted: set[str]) -> None:
    assert mentions.of_string(text) == wanted
