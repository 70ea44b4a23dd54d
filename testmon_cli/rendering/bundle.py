"""Renders the answers of `testmon bundle` and `testmon combine`."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from testmon_cli.bundles.files import Header
from testmon_cli.domain.evidence import Brought
from testmon_cli.domain.records import Environment
from testmon_cli.rendering.terminal import joined

JSON_VERSION = 1


def bundle_as_text(header: Header) -> str:
    """Render the header of a bundle, a line for each part."""
    lines = [
        f"content      {header.content}",
        f"environment  {_named(header.environment)}",
        f"runs         {header.runs:,}, {_time(header.first)} to {_time(header.last)}",
        f"tests        {header.tests:,} with {header.executions:,} executions",
        f"size         {header.packed:,} bytes, {header.size:,} uncompressed",
        f"testmon      {header.testmon}, analysis {', '.join(header.analyses) or 'none'}",
    ]
    lines += [f"commit       {commit}" for commit in header.commits]
    lines += [f"{name:<12} {value}" for name, value in header.provenance.items()]
    lines += ["signature    it is signed"] if header.signature else []
    return joined(lines)


def bundle_as_json(header: Header, path: Path) -> str:
    """Render the header of a bundle as JSON."""
    fields = header._asdict() | {
        "environment": header.environment._asdict(),
        "provenance": dict(header.provenance),
    }
    return json.dumps({"version": JSON_VERSION, "path": str(path), **fields}, indent=2) + "\n"


def combined_as_text(datafile: str, brought: Sequence[Brought]) -> str:
    """A line for each datafile and bundle, then one for all."""
    lines = [
        f"{b.path}: {_count(b.runs, 'new run')}, {_count(b.executions, 'new execution')}"
        for b in brought
    ]
    runs, executions = sum(b.runs for b in brought), sum(b.executions for b in brought)
    lines.append(f"{datafile} has {_count(runs, 'run')} and {_count(executions, 'execution')} more")
    return joined(lines)


def combined_as_json(datafile: str, brought: Sequence[Brought]) -> str:
    """Render what was combined as JSON."""
    sources = [
        {
            "path": b.path,
            "kind": "bundle" if b.is_bundle else "datafile",
            "environments": [environment._asdict() for environment in b.environments],
            "new_runs": b.runs,
            "new_executions": b.executions,
        }
        for b in brought
    ]
    return (
        json.dumps({"version": JSON_VERSION, "datafile": datafile, "sources": sources}, indent=2)
        + "\n"
    )


def _named(environment: Environment) -> str:
    return f"{environment.name}, Python {environment.python} on {environment.platform}"


def _time(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "at no time"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
