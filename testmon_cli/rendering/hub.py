"""Renders the answers of `testmon push`, `testmon pull` and `testmon hub`."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from testmon_cli.domain.sharing import Checked, Pulled, Pushed, Refused, Tidied
from testmon_cli.hubs.naming import Listed
from testmon_cli.rendering.terminal import joined

JSON_VERSION = 1


def refused(found: Sequence[Refused]) -> str:
    """A line for stderr for each bundle that was refused."""
    return joined([f"testmon: ignored {name}: {message}" for name, message in found])


def pulled_as_text(pulled: Pulled) -> str:
    """One line, and others for what was left out."""
    came = f"{_count(pulled.runs, 'new run')}, {_count(pulled.executions, 'new execution')}"
    lines = [
        f"pulled {_count(pulled.bundles, 'bundle')}, {pulled.bytes:,} bytes: {came}; {pulled.known:,} were here already"
    ]
    if pulled.left:
        lines.append(f"left {_count(pulled.left, 'bundle')} beyond the limit")
    lines += [
        f"ignored {_count(count, 'bundle')} ({why})"
        for why, count in sorted(pulled.ignored.items())
    ]
    if pulled.refused:
        lines.append(f"ignored {_count(len(pulled.refused), 'bundle')} (damaged)")
    return joined(lines)


def pulled_as_json(pulled: Pulled) -> str:
    """Render what was pulled as JSON."""
    return _json(**pulled._asdict() | {"refused": [one._asdict() for one in pulled.refused]})


def pushed_as_text(pushed: Pushed) -> str:
    """One line, and another for runs that may not be pushed."""
    went = f"{_count(len(pushed.names), 'bundle')} of {pushed.origin}, {pushed.bytes:,} bytes"
    lines = [
        f"pushed {went}: {_count(pushed.executions, 'execution')}; {pushed.known:,} were there already"
    ]
    if pushed.ignored:
        lines.append(
            f"ignored {_count(pushed.ignored, 'run')} (collected by a testmon that did not note where)"
        )
    return joined(lines)


def pushed_as_json(pushed: Pushed) -> str:
    """Render what was pushed as JSON."""
    return _json(
        **pushed._asdict() | {"origin": pushed.origin._asdict(), "names": list(pushed.names)}
    )


def list_as_text(bundles: Sequence[Listed]) -> str:
    """A line for each bundle, the newest first."""
    return joined(
        [
            f"{_time(said.started)}  {said.commit or '-':<12}  {size:>12,}  {said.content[:12]}  {said.origin}"
            for _, size, said in bundles
        ]
    )


def list_as_json(hub: str, bundles: Sequence[Listed], others: int) -> str:
    """Render what a hub holds as JSON."""
    found = [
        {"name": name, "size": size, **said._asdict(), "origin": said.origin._asdict()}
        for name, size, said in bundles
    ]
    return _json(hub=hub, bundles=found, others=others)


def tidied_as_text(tidied: Tidied, *, dry_run: bool) -> str:
    """One line, and another for what killed writers left."""
    would = "would remove" if dry_run else "removed"
    lines = [
        f"{would} {_count(len(tidied.removed), 'bundle')}, {tidied.bytes:,} bytes; {tidied.kept:,} are kept"
    ]
    if tidied.drafts:
        lines.append(f"removed {_count(tidied.drafts, 'unfinished file')}")
    return joined(lines)


def tidied_as_json(tidied: Tidied, *, dry_run: bool) -> str:
    """Render what was removed from a hub as JSON."""
    return _json(dry_run=dry_run, **tidied._asdict() | {"removed": list(tidied.removed)})


def checked_as_text(checked: Checked) -> str:
    """A line for each problem, then one for all."""
    lines = [f"{name}: {message}" for name, message in checked.problems]
    whole = f"read {_count(checked.bundles, 'bundle')}, {checked.bytes:,} bytes: "
    lines.append(
        whole + (_count(len(checked.problems), "problem") if checked.problems else "all are whole")
    )
    if checked.others:
        lines.append(
            f"{_count(checked.others, 'other thing')} in it: not a bundle of a hub, left alone"
        )
    return joined(lines)


def checked_as_json(checked: Checked) -> str:
    """Render what was found wrong in a hub as JSON."""
    return _json(**checked._asdict() | {"problems": [one._asdict() for one in checked.problems]})


def _json(**fields: object) -> str:
    return json.dumps({"version": JSON_VERSION, **fields}, indent=2) + "\n"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
