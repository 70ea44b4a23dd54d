"""The answer of `testmon select`: as arguments for pytest, as reasons, and as JSON."""

import json
from collections.abc import Sequence

from testmon_cli.domain.causes import Cause
from testmon_cli.domain.selection import ALL, NONE, Reason, Selection, Verdict
from testmon_cli.rendering.terminal import duration, joined

JSON_VERSION = 1
_FEW = 5  # arguments that a note names
_LONGEST_COMMAND = 100_000  # characters; systems take 128 KiB


def arguments(selection: Selection, *, end: str) -> str:
    """Render the arguments for pytest, each followed by a line end, or by a null byte."""
    return "".join(f"{argument}{end}" for argument in selection.arguments)


def notes(selection: Selection) -> str:
    """Render the notes of a selection for stderr, a line each."""
    return joined(f"testmon: {note}" for note in selection.notes)


def left_out(rest: Sequence[str], seconds: float, budget: str) -> list[str]:
    """Say what a budget left out; nothing if it is enough."""
    if not rest:
        return []
    shown = ", ".join(rest[:_FEW]) + (f" and {len(rest) - _FEW} more" if len(rest) > _FEW else "")
    return [
        f"left out, since {budget} is not enough: {len(rest)} arguments, {duration(seconds)}: {shown}"
    ]


def explained(selection: Selection) -> str:
    """Each test with its reason."""
    return joined(f"{test.nodeid}  {test.reason.text}" for test in selection.tests)


def as_json(selection: Selection, *, at_root: bool = False, question: Sequence[str] = ()) -> str:
    """Render a selection as JSON, with the whole chain of each reason.

    `question` are the options that led to it, to be asked again where the command would be too
    long; `at_root` says that pytest, started without arguments, finds all tests.
    """
    verdict = selection.verdict
    answer = {
        "version": JSON_VERSION,
        "verdict": verdict.answer,
        "reason": verdict.reason,
        "command": _command(selection, verdict, at_root=at_root, question=question),
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


def _command(
    selection: Selection, verdict: Verdict, *, at_root: bool, question: Sequence[str]
) -> str | None:
    """The shell command that runs the selection; None when no test is selected."""
    import shlex

    if verdict.answer == NONE:
        return None
    if verdict.answer == ALL and at_root:
        return "pytest"
    command = shlex.join(["pytest", *selection.arguments])
    if len(command) <= _LONGEST_COMMAND:
        return command
    return f"{shlex.join(['testmon', 'select', '-0', *question])} | xargs -0 -r pytest"


def _reason(reason: Reason) -> dict[str, object]:
    chain = reason.cause.chain() if reason.cause else ()
    return {"kind": reason.kind, "text": reason.text, "chain": [_link(cause) for cause in chain]}


def _link(cause: Cause) -> dict[str, object]:
    return {
        "kind": cause.kind.value,
        "how": cause.wording,
        "path": cause.path,
        "name": cause.name,
        "line": cause.line,
    }
