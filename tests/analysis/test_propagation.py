"""What grows out of a change: rule by rule, what is affected and nothing else."""

import sys

import pytest

from testmon_cli.analysis.project import Ran
from testmon_cli.analysis.propagation import Growth, may_run
from testmon_cli.domain.causes import Cause, Kind, Manner
from tests.analysis.projects import grown, project, shown

Files = dict[str, str]
Edits = dict[str, str | None]


def _spread(old: str, new: str, use: str = "") -> set[str]:
    """What an edit of a.py affects besides the edited name A, where use.py is as given."""
    found = shown(grown({"a.py": old, "use.py": use}, {"a.py": new}))
    return found - {"a.py:A"}


QUIET = [
    pytest.param("A = 1", "# so\nA = (1)", id="formatting"),
    pytest.param("def A(): return 1", "def A(): return 2", id="body-of-a-function"),
    pytest.param("A = 1\nB = 2", "B = 2\nA = 1", id="order"),
    pytest.param(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import b",
        "from typing import TYPE_CHECKING",
        id="type-checking",
    ),
    pytest.param("if __name__ == '__main__':\n    main()", "", id="main-guard"),
]


@pytest.mark.parametrize(("old", "new"), QUIET)
def test_edits_that_affect_nothing(old: str, new: str) -> None:
    assert not grown({"a.py": old}, {"a.py": new})


NAMES = [
    pytest.param("B = 1", "", set(), id="mentioned-nowhere"),
    pytest.param("B = A + 1", "", {"a.py:B"}, id="alias"),
    pytest.param("B = A\nC = B", "", {"a.py:B", "a.py:C"}, id="chain"),
    pytest.param("def f(x=A): pass", "", {"a.py:f"}, id="default"),
    pytest.param("def f(): return A", "", set(), id="body"),
    pytest.param("B = lambda: A", "", {"a.py:B"}, id="lambda"),
    pytest.param("class C(A): x = 1", "", {"a.py:C"}, id="base"),
    pytest.param("class C:\n    x = A", "", {"a.py:C.x"}, id="member"),
    pytest.param("@A\ndef f(): pass", "", {"a.py:f", "a.py"}, id="decorator"),
    pytest.param("def f(x: A): pass", "", {"a.py?f"}, id="annotation"),
    pytest.param(
        "@lib.route\ndef f(x: A): pass",
        "",
        {"a.py:f", "a.py"},
        id="annotation-that-a-decorator-may-read",
    ),
    pytest.param("def f(x: 'list[A]'): pass", "", {"a.py?f"}, id="annotation-in-a-string"),
    pytest.param(
        "class C(lib.Model):\n    x: A", "", {"a.py:C"}, id="annotation-that-a-base-may-read"
    ),
    pytest.param(  # B may be another name of f, but it is not bound anew
        "B = f.__doc__\ndef f(x: A): pass",
        "",
        {"a.py?f", "a.py?B"},
        id="annotation-is-no-documentation",
    ),
    pytest.param("", "from a import A", {"use.py:A"}, id="imported"),
    pytest.param("", "from a import A as B\nC = B", {"use.py:B", "use.py:C"}, id="imported-as"),
    pytest.param("", "import a\nB = a.A", {"use.py:B"}, id="attribute"),
    pytest.param("", "import a\nB = a.C", set(), id="another-attribute"),
    pytest.param("", "B = x.A", set(), id="cannot-reach-the-file"),
    pytest.param(
        "", "def f():\n    import a\nx = 1\nB = x.A", {"use.py:B"}, id="reaches-it-lazily"
    ),
    pytest.param("", "A = 1\nB = A", set(), id="own-name"),
    pytest.param("", "from a import *\nB = A", {"use.py:A", "use.py:B"}, id="star"),
    pytest.param("", "import a\nB = 'A'", {"use.py:B"}, id="string"),
    pytest.param("", "import a\nB = getattr(x, y)", set(), id="dynamic-look-up-elsewhere"),
    pytest.param(
        "", "import a\nB = getattr(a, y)", {"use.py:B"}, id="dynamic-look-up-in-the-module"
    ),
    pytest.param("B = globals()", "", {"a.py:B"}, id="own-namespace"),
    pytest.param("", "import a\nB = globals()", set(), id="namespace-of-another-file"),
    pytest.param(
        "",
        "from a import (\n    C,\n    A as B,\n)\nD = C",
        {"use.py:B"},
        id="one-name-of-an-import",
    ),
]


@pytest.mark.parametrize(("rest", "use", "wanted"), NAMES)
def test_a_changed_constant_affects_what_is_made_of_it(
    rest: str, use: str, wanted: set[str]
) -> None:
    assert _spread(f"A = 1\n{rest}", f"A = 2\n{rest}", use) == wanted


def test_a_reexport_is_followed() -> None:
    files = {
        "pack/__init__.py": "from pack.a import A\nfrom .b import C",
        "pack/a.py": "A = 1",
        "pack/b.py": "C = 1",
        "use.py": "import pack\nB = pack.A\nD = pack.C",
    }
    wanted = {"pack/a.py:A", "pack/__init__.py:A", "use.py:B"}
    assert shown(grown(files, {"pack/a.py": "A = 2"})) == wanted


MEMBERS = [
    pytest.param("class C:\n    x = {}", {"a.py:C.x"}, id="plain"),
    pytest.param("class C(ValueError):\n    x = {}", {"a.py:C.x"}, id="exception"),
    pytest.param("class B:\n    class C:\n        x = {}", {"a.py:B.C.x"}, id="nested"),
    pytest.param("class C:\n    __slots__ = {}", {"a.py:C"}, id="special-name"),
    pytest.param("import enum\nclass C(enum.Enum):\n    x = {}", {"a.py:C"}, id="enum"),
    pytest.param(
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    x: int = {}",
        {"a.py:C"},
        id="dataclass",
    ),
    pytest.param("class C(metaclass=M):\n    x = {}", {"a.py:C"}, id="metaclass"),
    pytest.param("class C:\n    def f(self, x={}): pass", {"a.py:C.f"}, id="method"),
    pytest.param("class C:\n    def __eq__(self, x={}): pass", {"a.py:C"}, id="special-method"),
    pytest.param("class C:\n    x = {}\nB = C()", {"a.py:C.x"}, id="not-what-is-made-of-the-class"),
    pytest.param("class C:\n    x = {}\nB = C.x", {"a.py:C.x", "a.py:B"}, id="made-of-the-member"),
    pytest.param(
        "class C:\n    x = {}\nD = C\nB = D.x",
        {"a.py:C.x", "a.py:B"},
        id="made-of-the-member-of-an-alias",
    ),
    pytest.param("class C:\n    x = {}\nB = y.x", {"a.py:C.x"}, id="member-of-something-else"),
    pytest.param(
        "class C:\n    x = {}\n    y = [x]",
        {"a.py:C.x", "a.py:C.y"},
        id="made-of-a-member-in-the-class",
    ),
    pytest.param(
        "class C:\n    x = {}\n    def f(self, y=x): pass",
        {"a.py:C.x", "a.py:C.f"},
        id="default-of-a-method",
    ),
    pytest.param(
        "class C:\n    x = {}\n    def f(self): return x", {"a.py:C.x"}, id="not-seen-by-a-method"
    ),
    pytest.param("class C:\n    x = {}\nclass D(C): pass", {"a.py:C.x"}, id="plain-subclass"),
    pytest.param(
        "class C:\n    x = {}\nclass D(C, lib.Base): pass",
        {"a.py:C.x", "a.py:D"},
        id="looked-at-by-a-base",
    ),
    pytest.param(
        "class C:\n    x = {}\n@lib.walk\nclass D(C): pass",
        {"a.py:C.x", "a.py:D", "a.py"},
        id="looked-at-by-a-decorator",
    ),
    pytest.param(
        "import enum\nclass C(enum.Enum):\n    x = {}\nB = C.x",
        {"a.py:C", "a.py:B"},
        id="made-of-an-enum",
    ),
]


@pytest.mark.parametrize(("source", "wanted"), MEMBERS)
def test_a_changed_member(source: str, wanted: set[str]) -> None:
    assert (
        _spread(source.format(1) if "{}" in source else source, source.format(2))
        - {"a.py:__subclasses__"}
        == wanted
    )


USABLE = [
    pytest.param("", "    def f(self): pass", {"a.py:C.f"}, id="method"),
    pytest.param(
        "", "    @abc.abstractmethod\n    def f(self): pass", {"a.py:C"}, id="abstract-method"
    ),
    pytest.param(
        "    @abc.abstractmethod\n    def f(self): pass",
        "    def f(self): pass",
        {"a.py:C", "a.py:C.f"},
        id="made-concrete",
    ),
    pytest.param("    def need(self): pass", "", {"a.py:C"}, id="what-is-abstract-elsewhere-goes"),
    pytest.param(
        "    def need(self): pass",
        "    def need(self, x): pass",
        {"a.py:C.need"},
        id="it-only-changes",
    ),
    pytest.param("", "    __slots__ = ()", {"a.py:C"}, id="slots"),
    pytest.param("", "    def __init_subclass__(cls): pass", {"a.py:C"}, id="told-of-subclasses"),
    pytest.param("", "    def __set_name__(self, o, n): pass", {"a.py:C"}, id="told-of-its-name"),
]


@pytest.mark.parametrize(("old", "new", "wanted"), USABLE)
def test_members_that_decide_whether_objects_can_be_made(
    old: str, new: str, wanted: set[str]
) -> None:
    base = {
        "base.py": "import abc\nclass Base(abc.ABC):\n    @abc.abstractmethod\n    def need(self): pass"
    }
    before, after = (f"import abc\nclass C:\n    y = 1\n{body}" for body in (old, new))
    assert (
        shown(grown({**base, "a.py": before}, {"a.py": after})) - {"a.py:__subclasses__"} == wanted
    )


FRAGILE = [
    pytest.param("B = 1", "B = 2", set(), id="constant"),
    pytest.param("", "def f(): pass", set(), id="function"),
    pytest.param("B = x[0]", "", set(), id="what-could-raise-goes"),
    pytest.param("", "import os\nB = os.sepp", {"a.py"}, id="attribute"),
    pytest.param("", "import nowhere", {"a.py"}, id="import"),
    pytest.param("", "def f(x: List): pass", {"a.py"}, id="annotation-that-nothing-binds"),
    pytest.param("from typing import List\ndef f(x: List): pass", "def f(x: List): pass", {"a.py"},
                 id="import-goes-that-an-annotation-needs"),
    pytest.param("from __future__ import annotations\nfrom typing import List\ndef f(x: List): pass",
                 "from __future__ import annotations\ndef f(x: List): pass", set(), id="postponed-annotation"),
    pytest.param("T = int\ndef f(x: T | None): pass", "T = 5\ndef f(x: T | None): pass", {"a.py"},
                 id="value-that-an-annotation-computes-with"),
    pytest.param("T = int\ndef f(x: T): pass", "T = 5\ndef f(x: T): pass", set(), id="value-of-an-annotation"),
    pytest.param("T = 1\nclass C:\n    x: T = 1", "class C:\n    x: T = 1", {"a.py"}, id="annotation-in-a-class"),
    pytest.param("class C:\n    x = 1\n    y = x", "class C:\n    y = x", {"a.py"}, id="member-of-the-class-body-goes"),
    pytest.param("class C:\n    x = 1\n    y = x", "class C:\n    y = x\n    x = 1", {"a.py"}, id="bound-too-late"),
    pytest.param("try:\n    B = x\nexcept ImportError: pass", "try:\n    B = x[0]\nexcept ImportError: pass", {"a.py"},
                 id="another-exception-is-caught"),
    pytest.param("try:\n    B = x\nexcept Exception: pass", "try:\n    B = x[0]\nexcept Exception: pass", set(),
                 id="all-is-caught"),
    pytest.param("class C:\n    __slots__ = ('x',)", "class C:\n    __slots__ = ('x',)\n    x = 1", {"a.py"},
                 id="member-beside-slots"),
    pytest.param("import enum\nclass C(enum.Enum): x = 1", "import enum\nclass C(enum.Enum):\n    x = 1\n    x = 2",
                 {"a.py"}, id="class-that-may-refuse-a-member"),
    pytest.param("if B: A = 1\nB = A", "if C: A = 1\nB = A", {"a.py"}, id="bound-only-in-some-cases"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "wanted"), FRAGILE)
@pytest.mark.skipif(sys.version_info >= (3, 14), reason="annotations are evaluated when asked for")
def test_which_changes_may_make_the_import_raise(old: str, new: str, wanted: set[str]) -> None:
    assert set(grown({"a.py": old}, {"a.py": new}).fragile) == wanted


MODULES = [
    pytest.param("", "def A(): pass", {"a.py:A"}, id="function-added"),
    pytest.param("", "launch(1)", {"a.py"}, id="unknown-call"),
    pytest.param("", "import sys\nsys.path.append(1)", {"a.py", "a.py:sys"}, id="stdlib-effect"),
    pytest.param("B = x[0]", "B = x[1]", {"a.py:B"}, id="may-fail"),
    pytest.param("try:\n    B = x[0]\nexcept E: B = 0", "try:\n    B = x[1]\nexcept E: B = 0", {"a.py:B"},
                 id="failure-is-handled"),
    pytest.param("def pytest_runtest_setup(item): pass", "def pytest_runtest_setup(item, x=1): pass",
                 {"a.py", "a.py:pytest_runtest_setup"}, id="hook"),
    pytest.param("pytestmark = 1", "pytestmark = 2", {"a.py", "a.py:pytestmark"}, id="name-that-pytest-looks-up"),
    pytest.param("", "import pytest\n@pytest.fixture(autouse=True)\ndef f(): pass", {"a.py", "a.py:f", "a.py:pytest"},
                 id="autouse"),
    pytest.param("", "import pytest\n@pytest.fixture\ndef f(): pass", {"a.py:f", "a.py:pytest"}, id="fixture"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "wanted"), MODULES)
def test_which_changes_affect_the_import(old: str, new: str, wanted: set[str]) -> None:
    assert shown(grown({"a.py": old}, {"a.py": new})) == wanted


EFFECTS = [
    pytest.param(
        "from reg import BOX\nBOX.append({})",
        {"a.py:BOX", "reg.py:BOX"},
        id="container-of-another-file",
    ),
    pytest.param("import reg\nreg.BOX.append({})", {"reg.py:BOX"}, id="container-by-its-module"),
    pytest.param("from reg import BOX\nBOX[0] = {}", {"a.py:BOX", "reg.py:BOX"}, id="item"),
    pytest.param("import reg\nreg.LIMIT = {}", {"reg.py:LIMIT"}, id="attribute-of-a-module"),
    pytest.param(
        "from reg import add\nadd({})", {"reg.py:BOX"}, id="function-that-fills-a-container"
    ),
    pytest.param(
        "from reg import fill\nB = []\nfill(B, {})",
        {"a.py:B"},
        id="function-that-fills-its-argument",
    ),
    pytest.param(
        "from reg import keep\n@keep\ndef f(x={}): pass", {"a.py:f", "reg.py:BOX"}, id="decorator"
    ),
    pytest.param(
        "from reg import named\n@named(1)\ndef f(x={}): pass",
        {"a.py:f", "reg.py:BOX"},
        id="made-decorator",
    ),
    pytest.param(
        "from reg import pass_on\n@pass_on\ndef f(x={}): pass",
        {"a.py:f"},
        id="decorator-without-effect",
    ),
    pytest.param(
        "from reg import Shelf\nB = Shelf({})", {"a.py:B", "reg.py:BOX"}, id="constructor"
    ),
    pytest.param(
        "from reg import Lower\nB = Lower({})", {"a.py:B", "reg.py:BOX"}, id="constructor-of-a-base"
    ),
    pytest.param(
        "import lib\nclass C(lib.Base): pass\nB = C({})",
        {"a.py", "a.py:B"},
        id="constructor-from-outside",
    ),
    pytest.param(
        "from reg import SHELF\nSHELF.put({})", {"a.py:SHELF", "reg.py:SHELF"}, id="method"
    ),
    pytest.param("from reg import SHELF\nSHELF.look({})", set(), id="method-without-effect"),
    pytest.param("import lib\nlib.set_up({})", {"a.py"}, id="outside-the-project"),
]
REG = """
BOX = []
LIMIT = 1

def add(x): BOX.append(x)

def fill(box, x): box.append(x)

def keep(f):
    BOX.append(f)
    return f

def named(name):
    def keeper(f):
        BOX.append(f)
        return f
    return keeper

def pass_on(f): return f

class Shelf:
    def __init__(self, x): BOX.append(x)
    def put(self, x): self.x = x
    def look(self, x): return x

class Lower(Shelf): pass

SHELF = Shelf(1)
"""


@pytest.mark.parametrize(("source", "wanted"), EFFECTS)
def test_effects_are_followed_to_what_they_change(source: str, wanted: set[str]) -> None:
    files = {"reg.py": REG, "a.py": source.format(1)}
    assert shown(grown(files, {"a.py": source.format(2)})) == wanted


def test_a_call_on_import_can_fail_only_where_it_stands() -> None:
    files = {"a.py": "def inner(): pass\ndef outer(): inner()", "use.py": ""}
    affected = grown(files, {"use.py": "import a\nx = a.outer()"})
    assert (set(affected.fragile), set(affected.modules)) == ({"use.py"}, set())


@pytest.mark.parametrize("loaded", [True, False])
def test_a_script_that_nothing_loads_changes_nothing(loaded: bool) -> None:
    edit: Edits = {"tools/run.py": "import a\na.LIMIT = None"}
    affected = grown({"a.py": "LIMIT = 1"}, edit, starts=lambda path: path == "a.py" or loaded)
    assert ("a.py" in affected.modules or ("a.py", "LIMIT") in affected.names) == loaded


def test_a_subclass_is_told_to_a_base_that_wants_to_know() -> None:
    base = "class Base:\n    def __init_subclass__(cls): KNOWN.append(cls)\nKNOWN = []\n"
    plain = "class Base: pass\n"
    use = "from base import Base\n"
    for text, told in ((base, True), (plain, False)):
        affected = grown({"base.py": text, "a.py": use}, {"a.py": use + "class C(Base): x = 1"})
        assert (("base.py", "Base") in affected.names) == told


DOCS = [
    pytest.param("def f(): pass", "def f(): 'Doc.'", {"a.py?f"}, id="docstring"),
    pytest.param("def f(x): pass", "def f(x: int): pass", {"a.py?f"}, id="annotation"),
    pytest.param("'Doc.'", "'Doc!'", {"a.py?a"}, id="docstring-of-the-module"),
    pytest.param("class C:\n    'Doc.'\n    x = 1", "class C:\n    'Doc!'\n    x = 1", {"a.py?C"}, id="class"),
    pytest.param("class C:\n    def f(self): 'Doc.'", "class C:\n    def f(self): 'Doc!'", {"a.py?f"}, id="method"),
    pytest.param("@property\ndef f(): 'Doc.'", "@property\ndef f(): 'Doc!'", {"a.py?f"}, id="pure-decorator"),
    pytest.param("import lib\n@lib.command\ndef f(): 'Doc.'", "import lib\n@lib.command\ndef f(): 'Doc!'", {"a.py:f"},
                 id="decorator-that-may-read-it"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "wanted"), DOCS)
def test_docstrings_and_annotations(old: str, new: str, wanted: set[str]) -> None:
    assert {name for name in shown(grown({"a.py": old}, {"a.py": new})) if name != "a.py"} == wanted


CAME = [
    pytest.param({"use.py": "A = 1"}, "new.py", {"new.py:new", "new.py:B"}, id="nobody-asks"),
    pytest.param({"use.py": "try:\n    import new\nexcept ImportError:\n    new = None"}, "new.py",
                 {"new.py:new", "new.py:B", "use.py:new"}, id="optional-import"),
    pytest.param({"conftest.py": ""}, "tests/conftest.py",
                 {"tests/conftest.py", "tests/conftest.py:conftest", "tests/conftest.py:B"}, id="conftest"),
    pytest.param({"pack/__init__.py": "", "use.py": "from pack import new\nC = new.B"}, "pack/new.py",
                 {"pack/new.py:new", "pack/new.py:B", "use.py:new", "use.py:C"}, id="in-a-package"),
    pytest.param({"use.py": "from new import *"}, "new.py",
                 {"new.py:new", "new.py:B", "use.py", "use.py:B", "use.py:new"}, id="star"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "path", "wanted"), CAME)
def test_a_new_file(files: Files, path: str, wanted: set[str]) -> None:
    assert shown(grown(files, {path: "B = 1"})) == wanted


WENT = [
    pytest.param("A = 1", set(), id="nobody-asks"),
    pytest.param("import old", {"use.py:old"}, id="import-fails"),
    pytest.param("try:\n    import old\nexcept ImportError:\n    old = None", {"use.py:old"},
                 id="failure-is-handled"),
    pytest.param("def f():\n    import old", set(), id="lazily"),
]  # fmt: skip


@pytest.mark.parametrize(("use", "wanted"), WENT)
def test_a_file_that_went(use: str, wanted: set[str]) -> None:
    found = shown(grown({"old.py": "B = 1", "use.py": use}, {"old.py": None}))
    assert found == {"old.py:old", "old.py:B"} | wanted


def test_a_name_that_went_breaks_imports_of_it() -> None:
    files = {"a.py": "A = 1\nB = 2", "use.py": "from a import A", "other.py": "from a import B"}
    affected = grown(files, {"a.py": "B = 2"})
    assert shown(affected) == {"a.py:A", "use.py:A"}
    assert set(affected.fragile) == {"use.py"}


PACKAGES = [
    pytest.param("import lib", {":lib", "use.py:lib"}, id="import"),
    pytest.param("from lib.deep import a as b\nc = b", {":lib", "use.py:b", "use.py:c"}, id="from"),
    pytest.param("from lib import *", {":lib", "use.py"}, id="star"),
    pytest.param("def f():\n    import lib", {":lib"}, id="lazily"),
    pytest.param("import library", {":lib"}, id="another"),
]


@pytest.mark.parametrize(("use", "wanted"), PACKAGES)
def test_a_changed_distribution(use: str, wanted: set[str]) -> None:
    growth = Growth(project({"use.py": use}))
    growth.package(["lib"], Cause(Kind.PACKAGE, Manner.CHANGED, "", "lib 1 -> 2"))
    assert {n for n in shown(growth.grow()) if not n.startswith("use.py:lib.")} == wanted


def test_classes_that_are_mentioned_in_their_own_or_each_others_bodies_are_followed_to_an_end() -> (
    None
):
    files = {
        "a.py": "import b\nA = 1\nclass C:\n    x = A\n    c, d = b.C, b.D\nclass D:\n    c = b.C",
        "b.py": "E = 1",
    }
    after = {"a.py": files["a.py"].replace("A = 1", "A = 2")}
    assert shown(grown(files, after)) == {"a.py:A", "a.py:C.x"}


def test_the_chain_leads_back_to_the_change() -> None:
    affected = grown({"a.py": "A = 1", "use.py": "from a import A\nB = A"}, {"a.py": "# so\nA = 2"})
    chain = affected.names["use.py", "B"].chain()
    assert [(c.how.value, c.path, c.name, c.line) for c in chain] == [
        ("mentions", "use.py", "B", 2),
        ("mentions", "use.py", "A", 1),
        ("changed", "a.py", "A", 2),
    ]


def test_classes_whose_annotations_name_each_other_are_followed_to_an_end() -> None:
    source = "class A:\n    b: 'B'\n    x = {}\nclass B:\n    a: 'A'"
    assert "a.py:A.x" in shown(grown({"a.py": source.format(1)}, {"a.py": source.format(2)}))


def _ran(source: str, line: int, *functions: str, other: str = "") -> set[str]:
    """What may be another once a function does something else that the statement on a line of a.py ran on import."""
    found = project({"a.py": source, "other.py": other})
    ran = [
        Ran(path, name, summary.effects)
        for path in ("a.py", "other.py")
        for name in functions
        if (summary := found.function(path, name)) is not None
    ]
    assert len(ran) == len(functions)
    model = found.model("a.py")
    assert model is not None
    growth = Growth(found)
    for definition in model.definitions:
        if definition.line == line and may_run(definition):
            growth.ran(
                "a.py", definition, Cause(Kind.BLOCK, Manner.CHANGED, "a.py", functions[0]), ran
            )
    assert "a.py" in growth.affected.fragile
    return shown(growth.grow())


HELPER = "def f(*a): return 1\n"
RUNNING = [
    pytest.param(HELPER + "B = f()\nC = B\nD = 1", 2, ["f"], {"a.py:B", "a.py:C"}, id="binds"),
    pytest.param(HELPER + "f()", 2, ["f"], {"a.py"}, id="binds-nothing"),
    pytest.param(HELPER + "class C:\n    x = f()\n    y = x", 3, ["f"], {"a.py:C.x", "a.py:C.y"}, id="member"),
    pytest.param(HELPER + "@f\ndef g(): pass", 2, ["f"], {"a.py:g"}, id="decorates"),
    pytest.param("L = []\ndef f(): L.append(1)\nB = f()", 3, ["f"], {"a.py:B", "a.py:L"}, id="changes-a-global"),
    pytest.param("def f():\n    global G\n    G = 1\nB = f()", 4, ["f"], {"a.py:B", "a.py:G"}, id="binds-a-global"),
    pytest.param("def f():\n    sys.path.append(1)\nimport sys\nB = f()", 4, ["f"], {"a.py", "a.py:B"}, id="anything"),
    pytest.param("def f(): lib.put(1)\nimport lib\nB = f()", 3, ["f"], {"a.py", "a.py:B"}, id="library"),
    pytest.param("def f(x): x.y = 1\nO = lib()\nB = f(O)", 3, ["f"], {"a.py:B", "a.py:O"}, id="argument"),
    pytest.param("def f(x): x.y = 1\nO = 1\nB = f(O)", 3, ["f"], {"a.py:B"}, id="argument-that-is-a-constant"),
    pytest.param("def f(x): return x.y\nO = lib()\nB = f(O)", 3, ["f"], {"a.py:B"}, id="argument-only-read"),
    pytest.param(
        "class C:\n    def __init__(self, x): self.x = x\nO = lib()\nB = C(O)",
        4, ["C.__init__"], {"a.py:B"}, id="makes",
    ),
    pytest.param(
        "class C:\n    def __init__(self, x): x.all.append(self)\nO = lib()\nB = C(O)",
        4, ["C.__init__"], {"a.py:B", "a.py:O"}, id="makes-and-changes",
    ),
    pytest.param(
        "class C:\n    all = []\n    def __init__(self): self.all.append(self)\nB = C()",
        4, ["C.__init__"], {"a.py:B", "a.py:C.all"}, id="shared-by-all-objects",
    ),
    pytest.param(
        "class C:\n    def __init__(self):\n        super().__init__()\n        self.go()\n"
        "    def go(self): self.x = 1\nB = C()",
        6, ["C.__init__", "C.go"], {"a.py:B"}, id="method-of-itself",
    ),
    pytest.param(
        "L = []\nclass C:\n    def __init__(self, x):\n        if x: self.go()\n"
        "    def go(self): L.append(1)\nB = C(0)",
        6, ["C.__init__"], {"a.py:B", "a.py:L"}, id="method-that-did-not-run",
    ),
    pytest.param(
        "L = []\nclass C:\n    def __init__(self, x, o):\n        if x: o.go()\n"
        "class D:\n    def go(self): L.append(1)\nB = C(0, D())",
        7, ["C.__init__"], {"a.py:B", "a.py:L"}, id="method-of-another-that-did-not-run",
    ),
    pytest.param(
        "L = []\nclass C:\n    def __init__(self, x, o):\n        if x: o.go()\n"
        "class D:\n    def go(self): L.append(1)\n"
        "class E:\n    def go(self): pass\nclass F(E):\n    def go(self): pass\nclass G(E):\n    def go(self): pass\n"
        "B = C(0, 1)",
        13, ["C.__init__"], {"a.py:B"}, id="method-of-which-there-are-many-that-did-not-run",
    ),
    pytest.param(
        "import enum\nclass K(enum.Enum):\n    A = lib()\ndef f(x): x.y = 1\nB = f(K.A)",
        5, ["f"], {"a.py:B"}, id="argument-that-is-a-member-of-an-enumeration",
    ),
    pytest.param(
        "import typing\ndef f(x): x.y = 1\nB = f(typing.Union)", 3, ["f"], {"a.py:B"}, id="argument-without-state",
    ),
    pytest.param(
        "import logging\ndef f(x): x.y = 1\nB = f(logging.root)",
        3, ["f"], {"a.py:B", "a.py:logging"}, id="argument-with-state",
    ),
    pytest.param(
        "from typing import get_origin\nO = lib()\ndef f(x): x.y = 1\nB = f(get_origin(O))",
        4, ["f"], {"a.py:B", "a.py:O"}, id="argument-that-is-a-part-of-another",
    ),
    pytest.param(
        "from copy import copy\nO = lib()\ndef f(x): x.y = 1\nB = f(copy(O))",
        4, ["f"], {"a.py:B"}, id="argument-that-is-new",
    ),
    pytest.param(
        "from app import L\nclass M(type):\n    def __new__(mcs, *a):\n        c = super().__new__(mcs, *a)\n"
        "        c.x = 1\n        see(L)\n        return c\n"
        "def see(x): return x\nclass C(metaclass=M): pass",
        9, ["M.__new__", "see"], {"a.py:C"}, id="metaclass-that-only-looks-at-another",
    ),
    pytest.param(
        "class M(type):\n    def __new__(mcs, *a):\n        c = super().__new__(mcs, *a)\n"
        "        c.x = 1\n        return c\n"
        "class B: pass\nclass C(B, metaclass=M): pass",
        7, ["M.__new__"], {"a.py:C"}, id="metaclass",
    ),
    pytest.param(
        "class B:\n    def __init_subclass__(cls): cls.all.append(cls)\nclass C(B): pass",
        3, ["B.__init_subclass__"], {"a.py:B", "a.py:C"}, id="list-of-subclasses",
    ),
    pytest.param(
        "class T:\n    def __add__(self, x): self.seen.append(x)\nA = T()\nD = T()\nB = A + D",
        5, ["T.__add__"], {"a.py:A", "a.py:B", "a.py:D"}, id="operator",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("source", "line", "functions", "expected"), RUNNING)
def test_what_ran_on_import_affects(
    source: str, line: int, functions: list[str], expected: set[str]
) -> None:
    assert _ran(source, line, *functions) == expected


def test_functions_that_call_each_other_in_a_long_chain_are_all_followed() -> None:
    depth = 1_000
    chain = [f"class C{n}:\n    def go{n}(self, o): o.go{n + 1}(o)\n" for n in range(depth)]
    source = f"L = []\nclass E:\n    def go{depth}(self, o): L.append(o)\n" + "".join(chain)
    line = source.count("\n") + 1
    assert "a.py:L" in _ran(source + "B = C0().go0(1)", line, "C0.go0")


def test_a_list_of_names_is_the_same_whatever_they_stand_for() -> None:
    files = {"a.py": "__all__ = ['A', 'B']\nA = 1\nB = 2", "use.py": "from a import *\nC = B"}
    changed = shown(grown(files, {"a.py": files["a.py"].replace("A = 1", "A = 3")}))
    assert changed == {"a.py:A", "use.py:A"}
    gone = shown(grown(files, {"a.py": files["a.py"].replace("A = 1", "pass")}))
    assert "use.py:B" in gone
    longer = {
        "a.py": "import b\n__all__ = ['A', *b.NAMES]\nA = 1",
        "b.py": "NAMES = ['D']\nD = 1",
        "use.py": "from a import *",
    }
    assert "use.py:A" in shown(grown(longer, {"b.py": "NAMES = ['E']\nD = 1"}))


def test_what_ran_in_another_module_affects_names_there() -> None:
    other = "ALL = []\ndef f(x): ALL.append(x)\ndef g(): return 1"
    assert _ran("from other import f\nB = f(1)", 2, "f", other=other) == {"a.py:B", "other.py:ALL"}


def test_a_statement_that_mentions_what_changed_does_what_it_was_seen_to_do() -> None:
    use = "class C:\n    def __init__(self, x):\n        super().__init__()\n        self.keep(x)\n"
    use += "    def keep(self, x): pass\n"
    files = {"a.py": "A = 1", "use.py": use + "from a import A\nB = C(A)\n"}
    ran = [Ran("use.py", "C.__init__", ("?__init__", "?keep|^")), Ran("use.py", "C.keep", ())]
    edit = {"a.py": "A = 2"}

    unseen = shown(grown(files, edit))
    seen = shown(grown(files, edit, ran=lambda path, _: ran if path == "use.py" else None))

    assert unseen == {"a.py:A", "use.py:A", "use.py:B", "use.py"}
    assert seen == {"a.py:A", "use.py:A", "use.py:B"}
