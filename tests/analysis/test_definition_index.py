"""The index of one file gives what a look at all of the file would."""

from testmon_cli.analysis.definition_index import DefinitionIndex
from tests.analysis.sources import model

SOURCE = """
from a import *
import b
@c.d
class K:
    x = b.y
    def f(self): return self.x
    def far(self): return b
def g(p: b.T = 1):
    def h(): return p.y
    return h
v = w = b.y
"""
INDEX = DefinitionIndex(model(SOURCE))


def test_definitions_are_found_by_what_they_bind() -> None:
    assert (
        [d.names for d in INDEX.definitions("w")]
        == [d.names for d in INDEX.definitions("v")]
        == [("v", "w")]
    )
    assert [d.names for d in INDEX.definitions("x", "K")] == [("x",)]
    assert not INDEX.definitions("x")


def test_definitions_are_found_by_what_they_mention_in_the_order_of_the_file() -> None:
    for mention in (".y", "b", ".d", "nothing"):
        assert INDEX.definitions_mentioning([mention]) == [
            d for d in INDEX.model.definitions if mention in d.mentions
        ]
    both = {".d", ".y"}
    expected = [d for d in INDEX.model.definitions if not both.isdisjoint(d.mentions)]
    assert INDEX.definitions_mentioning(both) == expected
    assert len(expected) == 3


def test_definitions_are_found_by_their_annotations_too() -> None:
    expected = [d for d in INDEX.model.definitions if ".T" in d.mentions | d.hint_mentions]
    assert INDEX.definitions_using([".T"]) == expected
    assert expected


def test_blocks_are_found_by_mention_and_place() -> None:
    for mention in (".x", "b", ".y"):
        assert INDEX.blocks_mentioning(mention) == [
            b for b in INDEX.model.blocks if mention in b.mentions
        ]
    assert {b.qualname for b in INDEX.blocks_of("K")} == {"K.f", "K.far"}
    assert {b.qualname for b in INDEX.blocks_below("K.fa")} == {"K.far"}
    assert {b.qualname for b in INDEX.blocks_below("K.f")} == {"K.f", "K.far"}


def test_functions_and_imports_are_found_by_name() -> None:
    function = INDEX.function("K.f")
    assert function is not None
    assert function.qualname == "K.f"
    assert INDEX.function("f") is None
    assert [f.qualname for f in INDEX.functions_in("g")] == ["g.<locals>.h"]
    assert [i.module for i in INDEX.imports_of("b")] == ["b"]
    assert [i.module for i in INDEX.stars] == ["a"]
    assert "b" in INDEX.passed_on
