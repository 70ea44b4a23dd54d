"""Changes between two models of a file."""

import pytest

from testmon_cli.analysis.model_diff import block_changes, definition_changes
from tests.analysis.sources import model

DEFINITIONS = [
    pytest.param("a = 1", "a = 1", [], id="nothing"),
    pytest.param("a = 1\nb = 2", "b = 2\n\na = (1)", [], id="reordered-without-effects"),
    pytest.param("def f(): return 1", "def f(): return 2", [], id="body-of-a-function"),
    pytest.param("a = 1", "a = 1\nb = 2", [("added", "b")], id="added"),
    pytest.param("a = 1\nb = 2", "a = 1", [("removed", "b")], id="removed"),
    pytest.param("a = 1", "a = 2", [("changed", "a"), ("changed", "a")], id="changed-was-and-is"),
    pytest.param("a = 1", "b = 1", [("removed", "a"), ("added", "b")], id="renamed"),
    pytest.param("a, b = x", "a, b = y", [("changed", n) for n in "aabb"], id="several-names"),
    pytest.param("import a, b", "import a, c", [("removed", "b"), ("added", "c")], id="one-name-of-an-import"),
    pytest.param("def f(x): pass", "def f(y): pass", [("changed", "f")] * 2, id="signature"),
    pytest.param("def f(): pass", "def f(): 'Doc.'", [("documentation", "f")], id="docstring-added"),
    pytest.param("def f(): pass", "def f() -> int: pass", [("annotation", "f")], id="annotated"),
    pytest.param("'Doc.'", "'Doc!'", [("documentation", "__doc__")], id="docstring-of-the-module"),
    pytest.param("a = 1\na = 2", "a = 2\na = 1", [("changed", "a")], id="bound-twice-reordered"),
    pytest.param("f()", "g()", [("added", ""), ("removed", "")], id="statements"),
    pytest.param("f()\ng()", "g()\nf()", [("added", ""), ("added", ""), ("changed", ""), ("changed", "")],
                 id="statements-reordered"),
    pytest.param("a = f()\nb = g()", "b = g()\na = f()", [("changed", "b"), ("changed", "a")],
                 id="reordered-with-effects"),
    pytest.param("T = object()\na = T.x\nb = T.y", "T = object()\nb = T.y\na = T.x", [], id="reordered-that-may-fail"),
    pytest.param("a = []\nn = len(a)\na.append(1)", "a = []\na.append(1)\nn = len(a)",
                 [("changed", ""), ("changed", "n")], id="reordered-change-and-use"),
    pytest.param("a = []\nb = 1\na.append(1)", "a = []\na.append(1)\nb = 1", [], id="reordered-change-of-another"),
    pytest.param("a = 1\nb = a\na = 2", "a = 1\na = 2\nb = a", [("changed", "b")], id="use-behind-another-binding"),
    pytest.param("def f(): return 1\ng = f\ndef f(): return 2", "def f(): return 1\ndef f(): return 2\ng = f",
                 [("changed", "g")], id="use-behind-a-function-of-the-same-name"),
    pytest.param("from b import *\na = 1\nc = 2", "a = 1\nfrom b import *\nc = 2", [("changed", "a")],
                 id="name-before-a-star"),
    pytest.param("f()", "f()\nf()", [("added", "")] * 2, id="statement-repeated"),
    pytest.param("", "class C:\n    a = 1\n    def f(self): pass", [("added", "C")], id="class-added-as-a-whole"),
    pytest.param("class C:\n    a = 1", "", [("removed", "C")], id="class-removed-as-a-whole"),
    pytest.param("class C:\n    a = 1", "class C:\n    a = 1\n    b = 2", [("added", "C.b")], id="member-added"),
    pytest.param("class C:\n    a = 1\n    b = 2\n    def f(self): pass\n    def g(self): pass",
                 "class C:\n    def g(self): pass\n    b = 2\n    a = 1\n    def f(self): pass",
                 [("moved", "C.b"), ("moved", "C.g")], id="members-reordered"),
    pytest.param("class C:\n    a = 1\n    def f(self): pass", "class C:\n    b = 2\n    a = 1\n    def f(self): pass",
                 [("added", "C.b")], id="member-added-above"),
    pytest.param("class C:\n    a = 1", "class C(B):\n    a = 1", [("changed", "C")] * 2, id="base-added"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "wanted"), DEFINITIONS)
def test_changes_of_definitions(old: str, new: str, wanted: list[tuple[str, str]]) -> None:
    found = definition_changes(model(old), model(new))
    assert [(c.how.value, f"{c.definition.owner}.{c.name}".lstrip(".")) for c in found] == wanted


def test_a_file_that_came_or_went_adds_or_removes_everything() -> None:
    source = model("a = 1\ndef f(): pass")
    assert [(c.how.value, c.name) for c in definition_changes(None, source)] == [
        ("added", "a"),
        ("added", "f"),
    ]
    assert [(c.how.value, c.name) for c in definition_changes(source, None)] == [
        ("removed", "a"),
        ("removed", "f"),
    ]


BLOCKS = [
    pytest.param("def f(): return 1", "\n# so\ndef f(): return (1)", [], id="nothing"),
    pytest.param("def f(): return 1", "def f(): return 2", [("changed", "f")], id="changed"),
    pytest.param(
        "def f(): return 1", "def f(): return 1\ndef g(): pass", [("added", "g")], id="added"
    ),
    pytest.param(
        "def f(): return 1\ndef g(): pass", "def f(): return 1", [("removed", "g")], id="removed"
    ),
    pytest.param(
        "def f(): pass", "def g(): pass", [("added", "g"), ("removed", "f")], id="renamed"
    ),
    pytest.param(
        "def f(x):\n    if x:\n        a = 1",
        "def f(x):\n    if x:\n        a = 2",
        [("changed", "f")],
        id="one-arm",
    ),
    pytest.param(
        "def f(x):\n    if x:\n        return 1",
        "def f(x):\n    if x:\n        return 1\n    return 2",
        [("changed", "f"), ("added", "f")],
        id="appended",
    ),
]


@pytest.mark.parametrize(("old", "new", "wanted"), BLOCKS)
def test_changes_of_blocks(old: str, new: str, wanted: list[tuple[str, str]]) -> None:
    found = [c for c in block_changes(model(old), model(new)) if c.block.qualname != "<module>"]
    assert [(c.how.value, c.block.qualname) for c in found] == wanted
