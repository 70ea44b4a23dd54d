"""What select prints."""

import json

import pytest

from testmon_cli.domain.causes import Cause, Kind, Manner
from testmon_cli.domain.records import StoredExecution
from testmon_cli.domain.selection import AFFECTED, FAILED, NEW, Reason, Selected, Selection
from testmon_cli.rendering.select import arguments, as_json, explained, notes

CHANGE = Cause(Kind.DEFINITION, Manner.CHANGED, "app/config.py", "TAX", 3)
MENTION = Cause(Kind.BLOCK, Manner.MENTIONS, "p.py", "f", 7, CHANGE)
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
    assert (arguments(SELECTION, end="\n"), arguments(SELECTION, end="\0")) == (
        "t.py::a\n",
        "t.py::a\0",
    )


def test_notes_and_reasons_are_a_line_each() -> None:
    assert notes(SELECTION) == "testmon: u.py does not parse: line 3\n"
    assert explained(SELECTION) == "t.py::a[1]  mentions TAX\nt.py::a[x y]  failed last time\n"


def test_json_holds_the_chain_of_each_reason() -> None:
    change = {
        "kind": "definition",
        "how": "changed",
        "path": "app/config.py",
        "name": "TAX",
        "line": 3,
    }
    block = {"kind": "block", "how": "mentions", "path": "p.py", "name": "f", "line": 7}
    assert json.loads(as_json(SELECTION)) == {
        "version": 1,
        "verdict": "some",
        "reason": "0 of 5 known tests and 2 not recorded: 1 affected, 1 failed",
        "command": "pytest t.py::a",
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


RAN = StoredExecution(1, 1, "t.py::a", "t.py", "a", "function", "passed", 0.1, "", "")
ONE = Selected("t.py::a", "t.py::a", Reason(AFFECTED, "mentions TAX", MENTION), RAN)
NEWS = Selected("u v.py", "u v.py", Reason(NEW, "new test file"))


@pytest.mark.parametrize(
    ("selection", "verdict", "reason", "command"),
    [
        (
            Selection((), 5),
            "none",
            "nothing that tests rely on has changed; 5 tests are known",
            None,
        ),
        (
            Selection((), 5, is_part=True),
            "none",
            "nothing is selected of what was asked for; 5 tests are known",
            None,
        ),
        (Selection((ONE,), 2), "some", "1 of 2 known tests: mentions TAX", "pytest t.py::a"),
        (
            Selection((ONE,), 1, is_part=True),
            "some",
            "1 of 1 known tests: mentions TAX",
            "pytest t.py::a",
        ),
        (
            Selection((ONE, NEWS), 2),
            "some",
            "1 of 2 known tests and 1 not recorded: 1 affected, 1 new",
            "pytest t.py::a 'u v.py'",
        ),
        (Selection((ONE,), 1), "all", "1 of 1 known tests: mentions TAX", "pytest"),
        (Selection((NEWS,), 0, ("no datafile",)), "all", "no datafile", "pytest"),
        (Selection((NEWS,), 0), "all", "new test file", "pytest"),
        (
            Selection((NEWS,), 0, ("no datafile",), is_part=True),
            "some",
            "no datafile",
            "pytest 'u v.py'",
        ),
    ],
)
def test_json_holds_a_verdict_with_its_reason_and_a_command(
    selection: Selection, verdict: str, reason: str, command: str | None
) -> None:
    answer = json.loads(as_json(selection, at_root=True))
    assert (answer["verdict"], answer["reason"], answer["command"]) == (verdict, reason, command)


def test_a_command_that_a_shell_could_not_take_asks_again() -> None:
    many = tuple(ONE._replace(argument=f"t.py::a{number}") for number in range(10_000))
    answer = json.loads(as_json(Selection(many, 20_000), question=("-k", "a b", "--")))
    assert answer["command"] == "testmon select -0 -k 'a b' -- | xargs -0 -r pytest"
    everything = json.loads(as_json(Selection(many[:1], 1)))
    # pytest alone would start from a folder below the root
    assert everything["command"] == "pytest t.py::a0"


def test_names_that_steer_a_terminal_are_shown_as_numbers() -> None:
    hostile = Selected("t.py::a[\x1b]", "t.py", Reason(AFFECTED, "mentions\nT\x9bAX"))
    selection = SELECTION._replace(tests=(hostile,), notes=("\x1b[2J.py does not parse",))
    assert explained(selection) == "t.py::a[\\x1b]  mentions\\nT\\x9bAX\n"
    assert notes(selection) == "testmon: \\x1b[2J.py does not parse\n"
