"""What select prints."""

import json

from testmon_cli.domain.causes import Cause
from testmon_cli.domain.selection import AFFECTED, FAILED, Reason, Selected, Selection
from testmon_cli.rendering.selection import arguments, as_json, explained, notes

CHANGE = Cause("definition", "changed", "app/config.py", "TAX", 3)
MENTION = Cause("block", "mentions", "p.py", "f", 7, CHANGE)
SELECTION = Selection(
    (
        Selected("t.py::a[1]", "t.py::a[1]", Reason(AFFECTED, "mentions TAX", MENTION)),
        Selected("t.py::a[x y]", "t.py::a", Reason(FAILED, "failed last time")),
    ),
    known=5,
    notes=("u.py does not parse: line 3",),
    saved_seconds=2.5,
    selected_seconds=0.5,
    broken=("u.py",),
)


def test_arguments_leave_out_what_another_holds() -> None:
    assert (arguments(SELECTION, end="\n"), arguments(SELECTION, end="\0")) == ("t.py::a\n", "t.py::a\0")


def test_notes_and_reasons_are_a_line_each() -> None:
    assert notes(SELECTION) == "testmon: u.py does not parse: line 3\n"
    assert explained(SELECTION) == "t.py::a[1]  mentions TAX\nt.py::a[x y]  failed last time\n"


def test_json_holds_the_chain_of_each_reason() -> None:
    change = {"kind": "definition", "how": "changed", "path": "app/config.py", "name": "TAX", "line": 3}
    block = {"kind": "block", "how": "mentions", "path": "p.py", "name": "f", "line": 7}
    assert json.loads(as_json(SELECTION)) == {
        "version": 1,
        "arguments": ["t.py::a"],
        "tests": [
            {
                "nodeid": "t.py::a[1]",
                "argument": "t.py::a[1]",
                "reason": {"kind": "affected", "text": "mentions TAX", "chain": [block, change]},
            },
            {
                "nodeid": "t.py::a[x y]",
                "argument": "t.py::a",
                "reason": {"kind": "failed", "text": "failed last time", "chain": []},
            },
        ],
        "known_tests": 5,
        "selected_seconds": 0.5,
        "saved_seconds": 2.5,
        "unparsable": ["u.py"],
        "notes": ["u.py does not parse: line 3"],
    }
