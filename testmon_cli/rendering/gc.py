"""Renders the answer of `testmon gc`."""

import json
from collections.abc import Mapping, Sequence

from testmon_cli.rendering.terminal import joined

JSON_VERSION = 1


def as_text(counts: Mapping[str, int], freed: int, missing: Sequence[str], *, dry_run: bool) -> str:
    """A line for each kind of row that went, then the bytes."""
    lines = [f"no longer exists: {nodeid}" for nodeid in missing]
    lines += [
        f"{'would remove' if dry_run else 'removed'} {_counted(count, kind)}"
        for kind, count in counts.items()
    ]
    if not counts:
        lines.append("nothing to remove")
    lines.append(f"{'would free' if dry_run else 'freed'} {max(freed, 0):,} bytes")
    return joined(lines)


def as_json(counts: Mapping[str, int], freed: int, missing: Sequence[str], *, dry_run: bool) -> str:
    """Render what `gc` removed as JSON, for programs."""
    answer = {
        "version": JSON_VERSION,
        "dry_run": dry_run,
        "removed": dict(counts),
        "freed_bytes": max(freed, 0),
        "missing_tests": list(missing),
    }
    return json.dumps(answer, indent=2) + "\n"


def _counted(count: int, kind: str) -> str:
    return f"{count:,} {kind.removesuffix('s') if count == 1 else kind}"
