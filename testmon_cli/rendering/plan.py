"""A plan for jobs, for programs."""

import json
from collections.abc import Iterator
from typing import Any

from testmon_cli.domain.parts import Plan, seconds_of

JSON_VERSION = 1


def as_json(plan: Plan) -> str:
    """The whole plan."""
    shares = zip(_jobs(plan), plan.shares, strict=True)
    jobs = [{**job, "arguments": [part.argument for part in share]} for job, share in shares]
    return (
        json.dumps(
            {"version": JSON_VERSION, "plan": plan.name, "commit": plan.commit, "jobs": jobs},
            indent=2,
        )
        + "\n"
    )


def as_github(plan: Plan) -> str:
    """Render the outputs of a step: a matrix of shards, and their number."""
    matrix = json.dumps({"include": list(_jobs(plan))}, separators=(",", ":"))
    return f"jobs={len(plan.shares)}\nmatrix={matrix}\n"


def _jobs(plan: Plan) -> Iterator[dict[str, Any]]:
    for number, share in enumerate(plan.shares, 1):
        yield {
            "shard": str(plan.shard(number)),
            "tests": sum(len(part.tests) for part in share),
            "seconds": round(seconds_of(share), 3),
        }
