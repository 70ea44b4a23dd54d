"""Which objects outlive the test that they keep something for."""

import copy
import gc
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from testmon_cli.tracing.engines import holders as watching
from testmon_cli.tracing.engines.holders import Copies, Fills, Holders, Reads
from testmon_cli.tracing.watch.states import COPIED, EVERYTHING
from tests.tracing.projects import PACKAGE_ROOT


class Till:
    """A holder."""


class Slotted:
    """One that cannot be referenced weakly."""

    __slots__ = ("known",)


@pytest.fixture
def holders() -> Holders:
    found = Holders()
    found.is_watching = True
    return found


def survivors(holders: Holders, identity: str = "test:a") -> set[tuple[str, str]]:
    holders.settle()
    holders.weigh(identity)
    return holders.take().get(identity, set())


def test_what_died_with_its_test_is_not_told(holders: Holders) -> None:
    fills = Fills("a.py", holders)
    till = Till()
    fills["Till.price\t.known"] = till
    fills["Till.price\t.known"] = Till()
    assert survivors(holders) == {("a.py", "Till.price\t.known")}
    fills["Till.price\t.known"] = till
    del till
    assert survivors(holders) == set()


def test_a_cycle_is_collected_first(holders: Holders) -> None:
    till: Any = Till()
    till.itself = [till]
    Fills("a.py", holders)["f\t.x"] = till
    del till
    assert survivors(holders) == set()


def test_an_old_cycle_is_collected_where_that_takes_little_time(
    holders: Holders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "_started", holders._started - 1000)
    till: Any = Till()
    till.itself = [till]
    Fills("a.py", holders)["f\t.x"] = till
    gc.collect()
    del till
    assert survivors(holders) == set()


def test_an_old_cycle_survives_where_that_takes_much_of_the_time(holders: Holders) -> None:
    till: Any = Till()
    till.itself = [till]
    Fills("a.py", holders)["f\t.x"] = till
    gc.collect()
    del till
    assert survivors(holders) == {("a.py", "f\t.x")}


def test_a_disabled_garbage_collector_is_left_alone(holders: Holders) -> None:
    till: Any = Till()
    till.itself = [till]
    Fills("a.py", holders)["f\t.x"] = till
    del till
    gc.disable()
    try:
        assert survivors(holders) == {("a.py", "f\t.x")}
    finally:
        gc.enable()


def test_what_collections_of_the_young_have_passed_over_is_not_collected_for_again(
    holders: Holders,
) -> None:
    collections = []

    def collected(phase: str, found: dict[str, int]) -> None:
        collections.append((phase, found["generation"]))

    fills, till = Fills("a.py", holders), Till()
    gc.callbacks.append(collected)
    try:
        fills["f\t.x"] = till
        assert survivors(holders) == {("a.py", "f\t.x")}
        assert collections
        collections.clear()
        fills["f\t.x"] = till
        assert survivors(holders) == {("a.py", "f\t.x")}
        assert not collections
    finally:
        gc.callbacks.remove(collected)


def test_what_cannot_be_referenced_weakly_survives(holders: Holders) -> None:
    Fills("a.py", holders)["f\t.x"] = Slotted()
    assert survivors(holders) == {("a.py", "f\t.x"), ("a.py", "lost f\t.x")}


def test_in_other_processes_everything_survives() -> None:
    holders = Holders()
    Fills("a.py", holders)["f\t.x"] = Till()
    assert survivors(holders) == {("a.py", "f\t.x"), ("a.py", "lost f\t.x")}


def test_who_reads_what_outlived_its_turn_is_told(holders: Holders) -> None:
    calls: list[str] = []
    holders.begin_reading = lambda: calls.append("begun")
    reads, till = Reads(holders), Till()
    reads[".x"] = till
    Fills("a.py", holders)["f\t.x .y"] = till
    reads[".x"] = till
    assert survivors(holders) == {("a.py", "f\t.x .y")}
    assert calls == ["begun"]
    reads[".x .z"] = till
    reads[".x"] = Till()
    assert survivors(holders, "test:b") == {("a.py", "seen f\t.x .y")}
    reads[".z"] = till
    assert survivors(holders, "test:c") == set()


def test_to_copy_an_object_is_to_read_it(holders: Holders) -> None:
    till = Till()
    Fills("a.py", holders)["f\t.x"] = till
    assert survivors(holders) == {("a.py", "f\t.x")}
    Copies(holders)[COPIED] = Till()
    Copies(holders)[COPIED] = Slotted()
    assert ("a.py", "seen f\t.x") in survivors(holders, "test:b")


def test_an_object_in_the_place_of_a_dead_one_is_another(holders: Holders) -> None:
    till, other = Till(), Till()
    Fills("a.py", holders)["f\t.x"] = till
    survivors(holders)
    holders.living[id(other)] = holders.living.pop(id(till))
    Reads(holders)[".x"] = other
    assert survivors(holders, "test:b") == set()


def test_more_that_live_on_than_can_be_known_are_lost(
    holders: Holders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_MOST", 2)
    tills = [Till() for _ in range(2)]
    for till in tills:
        Fills("a.py", holders)["f\t.x"] = till
    assert survivors(holders) == {("a.py", "f\t.x")}
    del till
    tills.pop()
    kept = [Till() for _ in range(2)]
    Fills("a.py", holders)["f\t.x"] = kept[0]
    assert survivors(holders) == {("a.py", "f\t.x")}
    Fills("a.py", holders)["f\t.x"] = kept[1]
    assert survivors(holders) == {("a.py", "f\t.x"), ("a.py", "lost f\t.x")}


def test_what_is_noted_during_a_test_waits_for_the_end_of_a_shared_fixture(
    holders: Holders,
) -> None:
    till = Till()
    Fills("a.py", holders)["f\t.x"] = till
    holders.postpone()
    holders.weigh("test:a")
    holders.weigh("fixture:0:till")
    holders.resume()
    del till
    assert survivors(holders) == set()


def test_more_than_can_be_noted_survives(holders: Holders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_MOST", 10)
    fills = Fills("a.py", holders)
    for _ in range(100):
        fills["f\t.x"] = Till()
    assert survivors(holders) == set()
    tills = [Till() for _ in range(100)]
    for till in tills:
        fills["f\t.x"] = till
    assert len(holders.noted) <= 11
    del till
    tills.clear()
    assert survivors(holders) == {("a.py", "f\t.x"), ("a.py", "lost f\t.x")}


def test_a_fork_leaves_nothing_known(holders: Holders) -> None:
    holders.unseen("test:a")
    assert survivors(holders) == {("", EVERYTHING)}


COPYING = """
import copy, pickle, copyreg
from testmon_cli.tracing.engines.holders import Holders

class Till:
    def __init__(self): self.itself = None
class Slotted: __slots__ = ("known",)
class Keyed:
    def __new__(cls, a=0): return object.__new__(cls)
    def __getnewargs_ex__(self): return (), {"a": 1}

before = copyreg.__newobj__
holders = Holders()
holders.watch_copies()
holders.is_watching = True
assert copyreg.__newobj__ is before
lives = [copy.copy(Keyed()), copy.deepcopy(Slotted()), pickle.loads(pickle.dumps(Till()))]
copy.copy(Till())
for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    assert isinstance(pickle.loads(pickle.dumps(Till(), protocol)), Till)
    assert isinstance(pickle._loads(pickle._dumps(Till(), protocol)), Till)
holders.weigh("test:a")
print(sorted(what for _, what in holders.take()["test:a"]))
"""


def test_copies_that_survive_are_told() -> None:
    command = [sys.executable, "-c", textwrap.dedent(COPYING)]
    shown = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=Path(PACKAGE_ROOT)
    )
    assert shown.stdout.strip() == "['copied __main__:Keyed', 'copied __main__:Slotted']"


def test_copying_works_as_before() -> None:
    till = Till()
    assert isinstance(copy.copy(till), Till)
    assert isinstance(pickle.loads(pickle.dumps(till)), Till)
