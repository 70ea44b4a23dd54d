"""The answer of `testmon diff` as text and as JSON."""

import json

from testmon_cli.domain.difference import Change, Difference
from testmon_cli.rendering.terminal import joined

JSON_VERSION = 1
STYLES = {
    r"(?m)^compared with .*$": "bold",
    r"(?m)^added\b": "green",
    r"(?m)^removed\b": "red",
    r"(?m)^changed\b": "yellow",
    r"(?m)\d+ tests?$": "dim",
}


def as_text(difference: Difference) -> str:
    """A line per change: kind, place, what, and how many tests depend on it."""
    lines = [f"compared with {difference.base}: {_count(len(difference.changes), 'change')}"]
    lines += [_line(change) for change in difference.changes]
    lines += difference.notes
    return joined(lines)


def as_json(difference: Difference) -> str:
    """Render the difference as JSON, for programs."""
    answer = {
        "version": JSON_VERSION,
        "base": difference.base,
        "changes": [{**change._asdict(), "how": change.how.value} for change in difference.changes],
        "notes": list(difference.notes),
    }
    return json.dumps(answer, indent=2) + "\n"


def _line(change: Change) -> str:
    place = f"{change.path}:{change.line}" if change.line and change.path else change.path
    what = " ".join(filter(None, (change.how.value, change.category)))
    detail = f" ({change.detail})" if change.detail else ""
    return f"{what:20} {' '.join(filter(None, (place, change.name)))}{detail}  {_count(change.tests, 'test')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
