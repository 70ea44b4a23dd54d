"""Whose results count for whom."""

import pytest

from testmon_cli.domain.provenance import TRUST, Provenance, from_facts

MAIN = Provenance(event="push", ref="main")
OTHERS = {
    "branch": Provenance(event="push", ref="topic"),
    "queue": Provenance(event="merge-queue", ref="gh-readonly-queue/main/pr-1"),
    "change": Provenance(event="pull-request", ref="refs/pull/1"),
    "another": Provenance(event="pull-request", ref="refs/pull/12"),
    "fork": Provenance(event="fork", ref="refs/pull/2"),
    "unknown": Provenance(event="other", ref="main"),
    "person": Provenance(actor="ann", ref="main"),
    "odd": Provenance(event="push", ref="merge-queue"),
    "main": MAIN,
}
READ = {
    "main": {"main", "queue"},
    "queue": {"main", "queue"},
    "branch": {"main", "queue", "branch"},
    "change": {"main", "queue", "change"},
    "fork": {"main", "queue"},
    "unknown": {"main", "queue"},
    "person": {"main", "queue", "person"},
}


@pytest.mark.parametrize("reader", READ)
def test_trusted_runs_and_the_own_ones_count(reader: str) -> None:
    origin = OTHERS[reader].origin
    assert {
        name for name, other in OTHERS.items() if other.origin.counts_for(origin, TRUST)
    } == READ[reader]


def test_trust_names_branches_by_patterns_and_events() -> None:
    def trusted(*names: str) -> set[str]:
        return {name for name, other in OTHERS.items() if other.origin.is_trusted(names)}

    assert trusted("ma*") == {"main"}
    assert trusted("*") == {"main", "branch", "odd"}
    assert trusted("push") == {"main", "branch", "odd"}
    assert trusted("local", "topic") == {"person", "branch"}
    assert trusted("merge-queue") == {"queue"}
    assert trusted() == set()


def test_facts_say_what_they_were_made_from_and_nothing_else_is_believed() -> None:
    assert from_facts(MAIN.as_facts()) == MAIN
    for wrong in (
        None,
        {},
        [],
        {"event": "owner"},
        {"event": 1},
        {"event": "push", "x": ""},
        {"ref": "main"},
    ):
        assert from_facts(wrong) is None
    assert len(Provenance(ref="x" * 1000).bounded().ref) == 200
