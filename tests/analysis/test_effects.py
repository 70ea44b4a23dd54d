"""Effects: each notation, at module level and as the summary of a function."""

import textwrap

import pytest

from testmon_cli.analysis.effects import THROUGH
from tests.analysis.sources import model

HEAD = "import re, os, sys, typing\nfrom shop import till, box as case\nBOX = []\n"
HEAD += "a = b = c = x = f = g = make = wrap = C = E = None\n\n"

EFFECTS = [
    pytest.param("a = 1", set(), id="literal"),
    pytest.param("a = [b, *c]", set(), id="display"),
    pytest.param("def f(): BOX.append(1)", set(), id="def"),
    pytest.param("a = lambda: till()", set(), id="lambda"),
    pytest.param("a = re.compile('x')", set(), id="pure-call"),
    pytest.param("a = len(BOX)", set(), id="pure-builtin"),
    pytest.param("a = list[int]", set(), id="generic"),
    pytest.param("a = typing.Optional[int]", set(), id="typing-generic"),
    pytest.param("a = 'x y'.split()", set(), id="method-of-a-constant"),
    pytest.param("a = BOX / 2", set(), id="division-by-a-constant"),
    pytest.param("@property\ndef f(self): pass", set(), id="pure-decorator"),
    pytest.param("@typing.no_type_check\ndef f(self): pass", set(), id="pure-stdlib-decorator"),
    pytest.param("a = BOX[0]", set(), id="subscript"),
    pytest.param("a = open('x')", set(), id="file-read"),
    pytest.param("a = open('x', 'w')", {"*"}, id="file-written"),
    pytest.param("a = open('x', mode=b)", {"*"}, id="file-maybe-written"),
    pytest.param("print(a)", {"*"}, id="print"),
    pytest.param("a = next(BOX)", {"~BOX"}, id="next-advances"),
    pytest.param("a = next(iter(BOX))", set(), id="next-of-a-new-iterator"),
    pytest.param("a = list(map(make, BOX))", {"call:make"}, id="function-that-map-calls"),
    pytest.param("BOX >> till", {"~BOX", "~till"}, id="operator-as-a-statement"),
    pytest.param("a = BOX >> b >> c", {"~BOX", "~b", "~c"}, id="chaining-operator"),
    pytest.param("a = BOX + b", set(), id="operator-whose-result-is-used"),
    pytest.param("BOX[0]", {"~BOX"}, id="subscript-as-a-statement"),
    pytest.param("exec(BOX)", {"*"}, id="exec"),
    pytest.param("sys.path.append(1)", {"*"}, id="stdlib-statement"),
    pytest.param("os.environ['A'] = '1'", {"*"}, id="stdlib-item"),
    pytest.param("a = os.makedirs('x')", {"*"}, id="stdlib-effect"),
    pytest.param("f()[0] = 1", {"~f", "call:f"}, id="item-of-a-result"),
    pytest.param("BOX[0] = 1", {"~BOX"}, id="item"),
    pytest.param("BOX.size = 1", {"set:BOX.size"}, id="attribute"),
    pytest.param("till.rate.size = 1", {"set:till.rate.size"}, id="attribute-of-an-import"),
    pytest.param("del BOX[0]", {"~BOX"}, id="item-deleted"),
    pytest.param("till += 1", {"~till"}, id="import-augmented"),
    pytest.param("setattr(BOX, 'a', 1)", {"~BOX"}, id="setattr"),
    pytest.param("for BOX.a in x: pass", {"set:BOX.a"}, id="loop-target"),
    pytest.param("a = make(BOX, x=till)", {"call:make|BOX|till"}, id="call"),
    pytest.param("make(1)", {"bare:make"}, id="bare-call"),
    pytest.param("a = till(1)", {"call:shop.till"}, id="imported-call"),
    pytest.param("case.add(BOX)", {"bare:shop.box.add|BOX"}, id="imported-bare"),
    pytest.param("a = BOX.pick(1)", {"method:BOX.pick"}, id="method"),
    pytest.param("BOX.append(a)", {"bare-method:BOX.append|a"}, id="bare-method"),
    pytest.param("@wrap\ndef f(): pass", {"deco:wrap"}, id="decorated"),
    pytest.param("@till.wrap(1)\ndef f(): pass", {"made:shop.till.wrap"}, id="made"),
    pytest.param("@wrap\nclass C: pass", {"deco:wrap"}, id="class-decorated"),
    pytest.param("@BOX[0]\ndef f(): pass", {"*"}, id="computed-decorator"),
    pytest.param("@(lambda it: it)\ndef f(): pass", set(), id="decorator-that-gives-it-back"),
    pytest.param("@(lambda it: BOX.append(it))\ndef f(): pass", {"method:BOX.append|^"}, id="decorator-that-registers"),
    pytest.param("@(lambda it: it())\ndef f(): pass", {"?"}, id="decorator-that-calls"),
    pytest.param("def f(x=make()): pass", {"call:make"}, id="default"),
    pytest.param("class C(make()): pass", {"call:make"}, id="base"),
    pytest.param("class C:\n    make()", {"bare:make"}, id="class-body"),
    pytest.param("if x:\n    make()\nelse:\n    BOX[0] = 1", {"bare:make", "~BOX"}, id="in-arms"),
    pytest.param("try:\n    make()\nexcept E:\n    till()", {"bare:make", "bare:shop.till"}, id="in-handlers"),
    pytest.param("with make() as a: pass", {"call:make"}, id="with"),
    pytest.param("a = [make(b) for b in BOX]", {"call:make|b"}, id="in-a-comprehension"),
    pytest.param("a = make()()", {"*", "call:make"}, id="result-called"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "effects"), EFFECTS)
def test_effects_of_what_runs_on_import(source: str, effects: set[str]) -> None:
    found = {e for d in model(HEAD + source).definitions if d.line > 4 for e in d.effects}
    assert found - {"!"} == effects


SUMMARIES = [
    pytest.param("def f(a): return a + 1", set(), id="none"),
    pytest.param("def f(a):\n    b = []\n    b.append(a)", set(), id="own-object"),
    pytest.param("def f(a):\n    b = {}\n    b[a] = 1", set(), id="item-of-own-object"),
    pytest.param("def f(a): a[0] = 1", {"^"}, id="item-of-an-argument"),
    pytest.param("def f(a): a.append(1)", {"^"}, id="argument-appended-to"),
    pytest.param("def f(a): a.strip()", set(), id="argument-only-read"),
    pytest.param("def f(a): a.launch()", {"?launch"}, id="method-of-an-argument"),
    pytest.param("def f(a): a()", {"?"}, id="argument-called"),
    pytest.param("def f(a): a(BOX)", {"?|BOX"}, id="argument-called-with-a-global"),
    pytest.param(
        "def f(): make().launch(1)", {"call:make", "?launch|make()"}, id="method-of-a-result"
    ),
    pytest.param("def f(): put(make(1).x)", {"bare:put|make()", "call:make"}, id="result-given-on"),
    pytest.param("def f(a): BOX.append(a)", {"bare-method:BOX.append|^"}, id="argument-given-on"),
    pytest.param("def f(a): BOX[a] = 1", {"~BOX"}, id="item-of-a-global"),
    pytest.param("def f(a):\n    global TOP\n    TOP = a", {"=TOP"}, id="global"),
    pytest.param("def f(a):\n    BOX = a\n    BOX[0] = 1", {"^"}, id="local-of-the-same-name"),
    pytest.param("def f(a): return g(a)", {"call:g|^"}, id="call"),
    pytest.param("def f(a):\n    def g(): BOX[0] = 1", set(), id="nested-functions-have-their-own"),
]


@pytest.mark.parametrize(("source", "effects"), SUMMARIES)
def test_summary_of_a_function(source: str, effects: set[str]) -> None:
    assert set(model(HEAD + source).functions[0].effects) == effects


@pytest.mark.parametrize(
    "decorator", ["functools.cache", "lru_cache(maxsize=1)", "cached_property"]
)
def test_a_decorator_memoises(decorator: str) -> None:
    (summary,) = model(f"@{decorator}\ndef f(self): pass").functions
    assert summary.memoised


KEEPS = [
    pytest.param("cls.a.append(g())", {".a"}, id="class-appended"),
    pytest.param("cls.a.setdefault(x, g())", {".a"}, id="class-setdefault"),
    pytest.param("t = cls.a\nt[x] = g()", {".a"}, id="class-by-a-local"),
    pytest.param("t = cls.a.get(x)\nt.append(g())", {".a"}, id="class-by-a-local-part"),
    pytest.param("if not self.a:\n self.a.append(g())", {".a"}, id="appended-after-a-look"),
    pytest.param("BOX.put(g())", {"BOX"}, id="put"),
    pytest.param("return 1", set(), id="nothing"),
    pytest.param("self.a = 1", set(), id="sets-an-attribute"),
    pytest.param("global A\nA = g()", {"A"}, id="global"),
    pytest.param("BOX[1] = g()", {"BOX"}, id="item-of-a-global"),
    pytest.param("BOX.append(g())", {"BOX"}, id="appends-to-a-global"),
    pytest.param("BOX.count(1)", set(), id="only-reads-a-global"),
    pytest.param("till.rate = g()", {"till.rate"}, id="attribute-of-an-import"),
    pytest.param("x = till.rate\ntill.rate = x", set(), id="set-back"),
    pytest.param("BOX[1] = [d]", {"BOX"}, id="what-is-given"),
    pytest.param("x = g()\nBOX[1] = x", {"BOX"}, id="made-in-a-local"),
    pytest.param("f.made = g()", {".made"}, id="attribute-of-a-function"),
    pytest.param("type(self).a = 1", {".a"}, id="class-by-type"),
    pytest.param("self.__class__.a = 1", {".a"}, id="class-by-attribute"),
    pytest.param("cls.a[1] = 1", {".a"}, id="item-in-cls"),
    pytest.param("if self.a is None:\n self.a = g()", {".a"}, id="under-a-test"),
    pytest.param("if k not in self.a:\n self.a[k] = g()", {".a"}, id="item-under-a-test"),
    pytest.param("if self.k not in self.a:\n self.a[self.k] = g()", {".a"}, id="key"),
    pytest.param("if self.a:\n return self.a\nself.a = g()", {".a"}, id="after-an-early-return"),
    pytest.param("if self.a:\n g()\nself.a = 1", set(), id="whatever-the-test-says"),
    pytest.param("if self.a:\n self.b = 1", set(), id="looks-at-another-attribute"),
    pytest.param("try:\n return self.a\nexcept E:\n self.a = g()", {".a"}, id="handler"),
    pytest.param("try:\n return self.a\nexcept E: pass\nself.a = g()", {".a"}, id="after-try"),
    pytest.param("if self.a is not None:\n self.a = g()", set(), id="what-is-there-already"),
    pytest.param("if self.a:\n pass\nelse:\n self.a = g()", {".a"}, id="in-the-else"),
    pytest.param("if x or self.a is None:\n self.a = g()", {".a"}, id="one-of-several-tests"),
    pytest.param("if k in self.a:\n k, x = self.a.pop(k)\n x[1] = g()", set(), id="item-of-what-was-inside"),
    pytest.param("box = []\ndef g(): box.append(1)", set(), id="variable-of-a-function"),
    pytest.param("[setattr(t, 'parent', self) for t in self.a]", set(), id="comprehension-target"),
    pytest.param("BOX.setdefault(k, []).append(g())", {"BOX"}, id="in-an-item-of-a-global"),
    pytest.param("if not self.a:\n self.a = cls", set(), id="only-what-is-given"),
    pytest.param("if not self.a:\n self.a = len(cls.b)", set(), id="only-builtins"),
    pytest.param("if not self.a:\n x = g()\n self.a = [x]", {".a"}, id="made-before"),
    pytest.param("self.a = self.a or g()", {".a"}, id="or"),
    pytest.param("self.a = self.a if self.a else g()", {".a"}, id="conditional-expression"),
    pytest.param("self.a.setdefault(1, g())", {".a"}, id="setdefault"),
    pytest.param("x = self.a\nif x is None:\n x = self.a = g()", {".a"}, id="through-a-local"),
    pytest.param("x = self.a\nif x:\n x = 1", set(), id="only-a-local"),
    pytest.param("x, y = self.a if self.a else g()", set(), id="only-locals"),
    pytest.param("x = self.a\nif k not in x:\n x[k] = g()", {".a"}, id="item-through-a-local"),
    pytest.param("if not self.a:\n self.a, x = g()", {".a"}, id="unpacked"),
    pytest.param("if not hasattr(self, 'a'):\n self.a = g()", {".a"}, id="hasattr"),
    pytest.param("with g():\n if not self.a:\n  self.a = g()", {".a"}, id="in-a-with"),
    pytest.param("def g():\n if not self.a:\n  self.a = 1", set(), id="nested-function"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "keeps"), KEEPS)
def test_what_a_function_keeps_beyond_a_call(body: str, keeps: set[str]) -> None:
    summary = model(HEAD + "def f(self, cls, d):\n" + textwrap.indent(body, " ")).functions[-1]
    assert {each.removesuffix(THROUGH) for each in summary.results} == keeps
    assert set(summary.results) <= set(summary.keeps)


OWN = ["BOX.append(1)", "till.rate = None", "if not self.a:\n self.a = 1", "global A\nA = 0"]


@pytest.mark.parametrize("body", OWN)
def test_what_a_function_keeps_of_its_own_is_no_result(body: str) -> None:
    summary = model(HEAD + "def f(self):\n" + textwrap.indent(body, " ")).functions[-1]
    assert (len(summary.keeps), summary.results) == (1, ())


OWNED = [
    pytest.param("cls.a = g()", ("cls.a",), id="class"),
    pytest.param("cls.a, cls.b = g()", ("cls.a", "cls.b"), id="class-unpacked"),
    pytest.param("cls.a += g()", (), id="class-added-to"),
    pytest.param("cls.a = g()\ncls.a.b = 1", (), id="class-part-of-another"),
    pytest.param("cls.a = g()\ncls.a['b'] = 1", (), id="class-part"),
    pytest.param("cls.a = g()\ncls.a.append(1)", (), id="class-appended"),
    pytest.param("type(self).a = g()", (), id="class-of-the-object"),
    pytest.param("if not self.a:\n self.a = g()", (".a",), id="attribute"),
    pytest.param("if not hasattr(self, 'a'):\n setattr(self, 'a', g())", (".a",), id="setattr"),
    pytest.param("if not self.a:\n self.a, x = g()", (".a",), id="unpacked"),
    pytest.param("if not self.a:\n self.a = g()\nif k not in self.b:\n self.b[k] = g()", (".a", "[].b"), id="item"),
    pytest.param("if k not in self.a:\n self.a.setdefault(k, g())", ("[].a",), id="setdefault"),
    pytest.param("x = self.a\nif k not in x:\n x[k] = g()", (), id="item-through-a-local"),
    pytest.param("if k not in self.a:\n self.a[k][k] = g()", (), id="item-of-an-item"),
    pytest.param("if not self.a:\n self.b[self.a] = g()", (), id="key"),
    pytest.param("if not self.a:\n self.a = g()\n self.a[k] = g()", ("[].a",), id="both"),
    pytest.param("x = self.a\nif not x:\n x.b = g()", (), id="of-what-it-holds"),
    pytest.param("if not self.a:\n setattr(self.a, 'b', g())", (), id="setattr-of-what-it-holds"),
    pytest.param("if not self.a:\n self.a = g()\ncls.a = g()", (), id="class-as-well"),
    pytest.param("self = g()\nif not self.a:\n self.a = g()", (), id="another-self"),
    pytest.param("if not self.a:\n BOX.append(1)", (), id="global"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "owned"), OWNED)
def test_what_nothing_but_the_object_keeps(body: str, owned: tuple[str, ...]) -> None:
    summary = model(HEAD + "def f(self, cls, d):\n" + textwrap.indent(body, " ")).functions[-1]
    assert summary.owned == owned


def test_a_cached_property_keeps_its_result_in_the_object() -> None:
    source = (
        "from functools import cache, cached_property\n"
        "@cached_property\ndef f(self): pass\n"
        "@cache\ndef g(self): pass"
    )
    assert [(f.owned, f.memoised) for f in model(source).functions] == [(("()",), True), ((), True)]


PASSES = [
    pytest.param("x = C()\nx.a = self.a", {"~a"}, id="assigned"),
    pytest.param("self.a = x.a", {"a"}, id="of-another"),
    pytest.param("self = x\nreturn C(self.a)", {"a#"}, id="another-self"),
    pytest.param("self.a = self.a or g()", set(), id="same-object"),
    pytest.param("return C(_a=self.a, b=self.c)", {"~a"}, id="keyword"),
    pytest.param(
        "return C(self.a), type(self)(self.b), self.__class__(self.c)",
        {"~a#", "~b#", "~c#"},
        id="made-of",
    ),
    pytest.param("return dict(vars(cls))", {"cls"}, id="class"),
    pytest.param("return cls.__dict__.get('a'), 'a' in vars(cls)", set(), id="one-of-a-class"),
    pytest.param("for k, v in vars(cls).items():\n  if isinstance(v, int): g(k, v.a)", set(), id="looked-at"),
    pytest.param("for k, v in list(cls.__dict__.items()):\n  g(v)", {"cls"}, id="each-passed-on"),
    pytest.param("return [v for v in vars(cls).values()]", {"cls"}, id="values"),
    pytest.param("return sorted(vars(cls))", {"cls"}, id="names-in-a-list"),
    pytest.param("for k in sorted(vars(cls)): g(k)", set(), id="names"),
    pytest.param("return cls.__dict__ == d.__dict__", set(), id="compared"),
    pytest.param("return type('C', (), d)", {"type()"}, id="new-class"),
    pytest.param("return type('C', (), {'a': 1})", set(), id="new-class-with-names-of-its-own"),
    pytest.param("return type('C', (), {**d})", {"type()"}, id="new-class-with-any"),
    pytest.param("return super().__new__(cls, 'C', (), d)", set(), id="as-given"),
    pytest.param("d.update(self.b)\nreturn super().__new__(cls, 'C', (), d)", {"type()"}, id="given-more"),
    pytest.param("d['a'] = 1\nreturn super().__new__(cls, 'C', (), d)", set(), id="given-one"),
    pytest.param("return Meta('C', (), d)", {"type()Meta"}, id="of-a-class"),
    pytest.param("x.__dict__.update(d)", {"type()", "cls"}, id="updated"),
    pytest.param("return g(**vars(cls))", {"type()", "cls"}, id="as-keywords"),
    pytest.param("return g(self.a)", set(), id="argument"),
    pytest.param("setattr(x, 'a', self.a)", {"~a"}, id="setattr"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "passes"), PASSES)
def test_which_attributes_a_function_passes_on(body: str, passes: set[str]) -> None:
    summary = model(HEAD + "def f(self, cls, d):\n" + textwrap.indent(body, " ")).functions[-1]
    assert set(summary.passes) == passes


GIVES = [
    pytest.param("return vars(x)", "walked", id="vars"),
    pytest.param("return dict(x.__dict__)", "walked", id="of-another"),
    pytest.param("assert vars(x.a)", "any", id="vars-in-an-assertion"),
    pytest.param("x.__dict__.update(self.__dict__)", "any", id="of-both"),
    pytest.param("return C(**self.__dict__)", "self", id="own"),
    pytest.param("return self.__dict__.get('a'), self.__dict__['a'], 'a' in self.__dict__", "", id="one"),
    pytest.param("return cls.__dict__, vars(os)", "", id="class-and-module"),
    pytest.param("m = g.getmro(x)\nreturn [b.__dict__ for b in m[:0:-1]]", "", id="bases"),
    pytest.param("return [b.__dict__ for b in g(x.__mro__)]", "walked", id="made-of-bases"),
    pytest.param("x.__setstate__(d)", "any", id="state"),
    pytest.param("for k in d:\n setattr(x, k, getattr(self, k))", "named", id="one-by-one"),
    pytest.param("setattr(x, d, 1)\nC(**self.__dict__)", "any", id="named-and-own"),
    pytest.param("assert setattr(x, g(), 1)", "any", id="not-recorded"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "gives"), GIVES)
def test_whose_attributes_a_function_passes_on(body: str, gives: str) -> None:
    summary = model(
        HEAD + "import os\ndef f(self, cls, d):\n" + textwrap.indent(body, " ")
    ).functions[-1]
    assert summary.gives == gives


def test_the_lines_that_keep_are_known() -> None:
    source = "def f(self):\n    if self.a is None:\n        x = g()\n        self.a = x\n    return self.a"
    assert model(source).functions[0].fills == (4,)
    assert not model("BOX = []\n" + source + "\n    BOX.append(g())").functions[0].fills


def test_a_metaclass_initialises_a_class_of_its_own() -> None:
    (summary,) = model("def __init__(cls, *rest): cls.a = g()").functions
    assert not summary.keeps


def test_an_initialiser_has_an_object_of_its_own() -> None:
    (summary,) = model(
        "def __init__(self):\n    if self.a is None:\n        self.a = g()"
    ).functions
    assert not summary.keeps


def test_every_function_is_summed_up_under_its_qualified_name() -> None:
    source = (
        "def f():\n    def g(): pass\nclass C:\n    def m(self): pass\nif x:\n    def h(): pass"
    )
    assert [f.qualname for f in model(source).functions] == ["f", "f.<locals>.g", "C.m", "h"]
