"""The answer of `testmon explain`, both ways, as text and as JSON."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from testmon_cli.domain.reliance import RUNS_IT, Mentioned, Reach, Reliance, Resource
from testmon_cli.rendering.terminal import joined
from testmon_cli.tracing.watch import states

JSON_VERSION = 1
_MOST = 20  # lines of a list in a text; JSON has them all
_OF_CLASSES = {
    states.READ: "objects that it reads from a pickle, of",
    states.PASSED: "objects that a library reads from a pickle, of",
    states.COPIED: "copies that it keeps, of",
}
_OF_FUNCTIONS = {
    "": "kept by",
    states.SEEN: "found, as an earlier test kept it by",
    states.LOST: "kept, in objects that are not known, by",
}
STYLES = {
    r"(?m)^[a-z][^\n]*:$": "bold",
    r"(?m)^\s+[0-9.]+ s": "cyan",
    r"is selected: .*": "bold yellow",
}


def as_text(answer: Reliance | Reach, *, everything: bool = False) -> str:
    """Render an answer for people; long lists are cut unless everything is asked for."""
    if isinstance(answer, Reach):
        return joined(_reach(answer, everything=everything))
    return joined(_reliance(answer, everything=everything))


def as_json(answer: Reliance | Reach) -> str:
    """Render an answer for programs."""
    return json.dumps({"version": JSON_VERSION, **values(answer)}, indent=2) + "\n"


def values(answer: Reliance | Reach) -> dict[str, object]:
    """An answer as values that JSON knows."""
    return _reach_values(answer) if isinstance(answer, Reach) else _reliance_values(answer)


def _reliance(reliance: Reliance, *, everything: bool) -> Iterator[str]:
    when = datetime.fromtimestamp(reliance.started, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    yield f"{reliance.nodeid} {reliance.outcome} in {reliance.seconds:.3f} s, in the run of {when}"
    if reliance.selected:
        yield f"It is selected: {reliance.selected}"
    else:
        yield "It is not selected. It would be, if one of these changed:"
    if reliance.unknown:
        yield f"The record has gaps: {reliance.unknown}"
    functions = [
        f"{path}:{function.line} {function.name}{_share(function.blocks, function.of)}"
        for path, functions in reliance.ran
        for function in functions
    ]
    yield from _list("code that it ran", functions, everything=everything)
    yield from _list(
        "definitions that this code mentions",
        map(_mentioned, reliance.names),
        everything=everything,
    )
    yield from _list("fixtures of a wider scope", reliance.fixtures, everything=everything)
    resources = [_resource(each) for each in reliance.asked_for if each.kind != states.KEPT]
    kept = [_kept(each.name) for each in reliance.asked_for if each.kind == states.KEPT]
    yield from _list("files and variables", resources, everything=everything)
    yield from _list("values that one test leaves for another", kept, everything=everything)
    yield from _list("files that are imported", reliance.imports, everything=everything)
    yield from _list("packages that these import", reliance.packages, everything=everything)
    yield "and the configuration of pytest, pytest and its plugins"


def _resource(resource: Resource) -> str:
    name = " ".join(resource.name.split("\t"))
    return f"{resource.kind} {name}{f', asked for at {resource.asked_at}' if resource.asked_at else ''}"


def _kept(name: str) -> str:
    """What a test keeps for later, or found that an earlier one had kept."""
    path, what = states.kept_in(name)
    if not path:
        for before, said in _OF_CLASSES.items():
            if what.startswith(before):
                return f"{said} {what.removeprefix(before)}"
        return "it is not known which"
    before = next((word for word in (states.SEEN, states.LOST) if what.startswith(word)), "")
    function, _, names = what.removeprefix(before).partition("\t")
    if names and not names.startswith("."):  # not an attribute, but the result
        names = "its result"
    return f"{_OF_FUNCTIONS[before]} {path}::{function}{f': {names}' if names else ''}"


def _share(blocks: int, of: int) -> str:
    return "" if blocks == of else f", {blocks} of {of} blocks"


def _mentioned(name: Mentioned) -> str:
    first, more = name.by[0].rpartition("::")[2], len(name.by) - 1
    return f"{name.path}:{name.line} {name.name}, by {first}{f' and {more} more' if more else ''}"


def _list(title: str, lines: Iterable[str], *, everything: bool) -> Iterator[str]:
    lines = list(lines)
    if not lines:
        return
    yield f"{title}:"
    shown = lines if everything or len(lines) <= _MOST else lines[: _MOST - 1]
    yield from (f"  {line}" for line in shown)
    if len(shown) < len(lines):
        yield f"  ... and {len(lines) - len(shown)} more; --all lists them"


def _count(reach: Reach) -> str:
    """How many tests reach a place."""
    if not reach.tests:
        return f"none of {reach.known} tests reaches it"
    running = sum(test.how == RUNS_IT for test in reach.tests)
    others = f"; {running} run it" if running < len(reach.tests) else ""
    return f"{len(reach.tests)} of {reach.known} tests reach it, {reach.seconds:.2f} s{others}"


def _reach(reach: Reach, *, everything: bool) -> Iterator[str]:
    place = f"{reach.path}:{reach.line}" if reach.name or reach.line > 1 else reach.path
    name = f", {reach.what} {reach.name}" if reach.name else ""
    yield f"{place}{name}: {_count(reach)}"
    yield from (f"note: {note}" for note in reach.notes)
    shown = reach.tests if everything or len(reach.tests) <= _MOST else reach.tests[: _MOST - 1]
    for test in shown:
        how = "" if test.how == RUNS_IT else f"  ({test.how})"
        failed = "" if test.outcome == "passed" else f"  {test.outcome}"
        yield f"  {test.seconds:8.3f} s  {test.nodeid}{failed}{how}"
    if len(shown) < len(reach.tests):
        yield f"  ... and {len(reach.tests) - len(shown)} more; --all lists them"


def _reliance_values(reliance: Reliance) -> dict[str, object]:
    sources: dict[str, list[dict[str, object]]] = defaultdict(list)
    for path, functions in reliance.ran:
        sources[path] = [function._asdict() for function in functions]
    return {
        "kind": "test",
        "nodeid": reliance.nodeid,
        "selected": reliance.selected or None,
        "outcome": reliance.outcome,
        "seconds": reliance.seconds,
        "started": reliance.started,
        "unknown": reliance.unknown or None,
        "functions": {path: list(names) for path, names in reliance.functions},
        "sources": sources,
        "names": [{**name._asdict(), "by": list(name.by)} for name in reliance.names],
        "fixtures": list(reliance.fixtures),
        "resources": [resource._asdict() for resource in reliance.asked_for],
        "imports": list(reliance.imports),
        "packages": list(reliance.packages),
    }


def _reach_values(reach: Reach) -> dict[str, object]:
    return {
        "kind": reach.what,
        "target": reach.target,
        "path": reach.path,
        "line": reach.line,
        "name": reach.name,
        "known_tests": reach.known,
        "seconds": reach.seconds,
        "tests": [test._asdict() for test in reach.tests],
        "notes": list(reach.notes),
    }
