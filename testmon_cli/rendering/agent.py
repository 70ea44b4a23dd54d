"""A selection for a coding agent: in a few words, since each one is paid for."""

import re
from collections import Counter
from collections.abc import Sequence

from testmon_cli.domain.causes import Kind
from testmon_cli.domain.selection import NONE, Reason, Selection
from testmon_cli.rendering.terminal import joined

MOST_TOKENS = 150
_LONGEST_REASON = 160  # characters
_IN_CODE = (Kind.DEFINITION, Kind.BLOCK, Kind.IMPORT, Kind.MEMOISED, Kind.TEXT, Kind.CODE)
# as the tokenisers of models cut, or shorter
_PIECE = re.compile(r"[A-Za-z]{1,4}|[0-9]{1,2}|[^\sA-Za-z0-9]")


def tokens(text: str) -> int:
    """How many tokens a text has at most."""
    return len(_PIECE.findall(text))


def as_text(selection: Selection, command: str) -> str:
    """Verdict, counts and seconds, a command, then the reasons that there is room for.

    "" when no test must run.
    """
    verdict = selection.verdict
    if verdict.answer == NONE:
        return ""
    recorded = sum(test.execution is not None for test in selection.tests)
    others = len(selection.tests) - recorded
    counts = f"{recorded} of {selection.known} tests" if selection.known else f"{others} files"
    more = f" and {others} new" if others and selection.known else ""
    saved = f", {selection.saved_seconds:.1f} s saved" if selection.saved_seconds >= 1 else ""
    lines = [
        f"testmon: {verdict.answer} to run",
        f"{counts}{more}, {selection.selected_seconds:.1f} s{saved}",
        f"run: {command}",
    ]
    reasons = Counter(_why(test.reason) for test in selection.tests)
    for text, number in reasons.most_common():
        short = text if len(text) <= _LONGEST_REASON else f"{text[: _LONGEST_REASON - 3]}..."
        line = f"- {number}: {short}"
        if tokens("\n".join([*lines, line])) > MOST_TOKENS - 10:
            lines.append(f"- and {len(reasons) - (len(lines) - 3)} more reasons")
            break
        lines.append(line)
    return joined(lines)


def _why(reason: Reason) -> str:
    """What is behind a reason: many tests have the same change behind reasons of their own."""
    if reason.cause is None:
        return reason.text
    origin = reason.cause.origin
    place = (
        f"at {origin.path}:{origin.line}"
        if origin.line
        else f"in {origin.path}"
        if origin.path
        else ""
    )
    kind = "" if origin.kind in _IN_CODE else origin.kind.value
    return " ".join(filter(None, (kind, origin.name, origin.wording, place)))


def command(question: Sequence[str], paths: Sequence[str], *, directory: str = "") -> str:
    """A command that runs what was selected and remembers how it came out.

    It is plain pytest where options asked for that.
    """
    start = ["testmon", *(["-C", directory] if directory else [])]
    found = _command(start, question, paths)
    # Without paths everything that must run is run: more than was asked for, but it can be read.
    return found if len(found) <= _LONGEST_REASON else _command(start, question, ())


def _command(start: Sequence[str], question: Sequence[str], paths: Sequence[str]) -> str:
    import shlex

    if not question:
        return shlex.join([*start, "collect", "--select", "-q", *paths])
    asked = shlex.join([*start, "select", "-0", *question, *(["--", *paths] if paths else [])])
    return f"{asked} | xargs -0 -r pytest -q"
