"""The answer of `testmon select`: as arguments for pytest, as reasons, and as JSON."""

import json

from testmon_cli.domain.causes import Cause
from testmon_cli.domain.selection import Reason, Selection

JSON_VERSION = 1


def arguments(selection: Selection, *, end: str) -> str:
    """What pytest must run, each argument with its end."""
    return "".join(f"{argument}{end}" for argument in selection.arguments)


def notes(selection: Selection) -> str:
    """What must be said besides, a line each."""
    return "".join(f"testmon: {note}\n" for note in selection.notes)


def explained(selection: Selection) -> str:
    """Each test with its reason."""
    return "".join(f"{test.nodeid}  {test.reason.text}\n" for test in selection.tests)


def as_json(selection: Selection) -> str:
    """The same for programs, with the whole chain of each reason."""
    answer = {
        "version": JSON_VERSION,
        "arguments": list(selection.arguments),
        "tests": [
            {"nodeid": test.nodeid, "argument": test.argument, "reason": _reason(test.reason)}
            for test in selection.tests
        ],
        "known_tests": selection.known,
        "selected_seconds": selection.selected_seconds,
        "saved_seconds": selection.saved_seconds,
        "unparsable": list(selection.broken),
        "notes": list(selection.notes),
    }
    return json.dumps(answer, indent=2) + "\n"


def _reason(reason: Reason) -> dict[str, object]:
    chain = reason.cause.chain() if reason.cause else ()
    return {"kind": reason.kind, "text": reason.text, "chain": [_link(cause) for cause in chain]}


def _link(cause: Cause) -> dict[str, object]:
    return {"kind": cause.kind, "how": cause.how, "path": cause.path, "name": cause.name, "line": cause.line}
