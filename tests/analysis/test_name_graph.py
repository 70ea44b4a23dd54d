"""What follows from a name is the same whether `Growth` grows it or it is put together step by step."""

import pytest

from testmon_cli.analysis.name_graph import Holders, NameGraph
from testmon_cli.analysis.propagation import Growth
from testmon_cli.domain.bits import Bits
from testmon_cli.domain.causes import Cause, Kind, Manner
from tests.analysis.projects import project

FILES = {
    "base.py": "class Base:\n    x = 1\ndef free(): pass",
    "below.py": "from base import Base\nclass Below(Base):\n    y = 1\nitem = Below()",
    "ring.py": "import round\nfrom base import Base\nfirst = Base or round.second",
    "round.py": "import ring\nsecond = ring.first",
    "all.py": "from below import *",
    "member.py": "import base\nclass Own:\n    z = base.Base.x\n    w = z",
    "apart.py": "Base = 1",
}
NAMES = [
    ("base.py", "Base"),
    ("base.py", "free"),
    ("ring.py", "first"),
    ("round.py", "second"),
    ("apart.py", "Base"),
]


@pytest.mark.parametrize("name", NAMES, ids="-".join)
def test_the_union_holds_what_growth_grows(name: tuple[str, str]) -> None:
    files = project(FILES)
    growth = Growth(files)
    growth.name(*name, Cause(Kind.DEFINITION, Manner.CHANGED, *name))
    bits: Bits[object] = Bits()
    graph = NameGraph(files, lambda found: bits.of([found]))
    assert set(bits.things(graph.union(name))) == {*growth.grow().names, *growth.affected.members}


def test_names_in_a_ring_have_the_same_union() -> None:
    bits: Bits[object] = Bits()
    graph = NameGraph(project(FILES), lambda found: bits.of([found]))
    assert graph.union(("ring.py", "first")) == graph.union(("round.py", "second"))


def test_each_name_is_asked_once_however_many_unions_hold_it() -> None:
    asked = []
    graph = NameGraph(project(FILES), lambda found: asked.append(found) or 0)  # type: ignore[func-returns-value]
    for name in NAMES:
        graph.union(name)
    assert len(asked) == len(set(asked))


def test_holders_are_all_that_is_made_of_a_class() -> None:
    found = Holders(project(FILES)).of("base.py", "Base")
    assert {
        ("base.py", "Base"),
        ("below.py", "Below"),
        ("below.py", "item"),
        ("all.py", "item"),
    } <= found.names
    assert ("apart.py", "Base") not in found.names


def test_a_class_with_a_member_that_holds_another_does_not_hold_it_itself() -> None:
    files = {
        "base.py": "class Base: pass",
        "view.py": "import base\nclass View:\n    made = base.Base()\nv = View()",
    }
    found = Holders(project(files)).of("base.py", "Base")
    assert not {name for where, name in found.names if where == "view.py"}
    assert found.is_mentioned("use.py", frozenset({".made"}), looks_up=False)
    assert found.is_mentioned("view.py", frozenset({"View"}), looks_up=True)
    assert not found.is_mentioned("view.py", frozenset({"View"}), looks_up=False)
    assert ("base.py", "free") not in found.names


def test_the_cause_of_a_step_ends_with_what_brought_it_about() -> None:
    graph = NameGraph(project(FILES), lambda _: 0)
    origin = Cause(Kind.DEFINITION, Manner.CHANGED, "base.py", "Base")
    cause = graph.step(("base.py", "Base")).names["below.py", "Base"]
    assert graph.rooted(cause, origin).origin == origin
