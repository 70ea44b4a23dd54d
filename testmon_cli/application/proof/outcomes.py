"""Compares how tests came out with what was known of them."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from testmon_cli.domain.proof import CAUGHT, ESCAPED, UNSTABLE, Finding, Outcome

Outcomes = Mapping[str, Outcome]


class Compared(NamedTuple):
    """The tests that came out otherwise, or fail, by whether they ran."""

    caught: tuple[Finding, ...]
    missed: tuple[Finding, ...]  # not settled yet: they may be unstable


def compare(before: Outcomes, after: Outcomes, ran: Collection[str]) -> Compared:
    """Sort the tests of a run of all of them.

    What had to be run is new, or came out otherwise than before; what fails must be run each time.
    A test that is gone has nothing to be run.
    """
    caught, missed = [], []
    for nodeid, outcome in after.items():
        known = before.get(nodeid)
        is_other = known is None or known.result != outcome.result
        if nodeid in ran:
            if is_other:
                caught.append(_finding(nodeid, CAUGHT, known, outcome))
        elif is_other or outcome.fails:
            missed.append(_finding(nodeid, ESCAPED, known, outcome))
    return Compared(tuple(caught), tuple(missed))


def without(findings: Iterable[Finding], held: Mapping[str, str]) -> tuple[Finding, ...]:
    """Leave out those that came out as an older result says that still holds.

    Its tests need not run.
    """
    return tuple(f for f in findings if Outcome(f.after).fails or held.get(f.nodeid) != f.after)


def settled(
    findings: Iterable[Finding], before: Iterable[Outcomes], after: Iterable[Outcomes]
) -> tuple[Finding, ...]:
    """Tell those that are unstable, from more runs of the state before and of the state after."""
    earlier, later = [*before], [*after]
    found = []
    for finding in findings:
        is_same = all(_result(o, finding.nodeid) == finding.before for o in earlier) and all(
            _result(o, finding.nodeid) == finding.after for o in later
        )
        found.append(finding if is_same else finding._replace(bucket=UNSTABLE))
    return tuple(found)


def differing(plain: Outcomes, observed: Outcomes) -> tuple[str, ...]:
    """Tests that came out in one way alone and in another under observation."""
    both = plain.keys() & observed.keys()
    return tuple(
        sorted(nodeid for nodeid in both if plain[nodeid].result != observed[nodeid].result)
    )


def _finding(nodeid: str, bucket: str, known: Outcome | None, outcome: Outcome) -> Finding:
    return Finding(nodeid, bucket, known.result if known else "", outcome.result, outcome.text)


def _result(outcomes: Outcomes, nodeid: str) -> str:
    found = outcomes.get(nodeid)
    return found.result if found else ""
