"""Renders the answers of `testmon db`."""

import json
from collections.abc import Mapping, Sequence

from testmon_cli.rendering.terminal import joined

JSON_VERSION = 1
_SEALS: Mapping[str, str] = {
    "whole": "matches",
    "none": "none: it is being written to, or the last run was killed",
    "broken": "does not match",
}


def state(datafile: str, schema: str, newest: str, seal: str, size: int) -> str:
    """Render the state of a datafile, a line for each part."""
    about = (
        "the newest" if schema == newest else f"the newest is {newest}: run `testmon db upgrade`"
    )
    return joined(
        [
            f"datafile  {datafile}, {size:,} bytes",
            f"schema    {schema}, {about}",
            f"checksum  {_SEALS[seal]}",
        ]
    )


def checked(datafile: str, problems: Sequence[str], executions: int) -> str:
    """Render the problems of a datafile, a line each, or that there are none."""
    if problems:
        return joined(
            [
                *problems,
                f"{datafile} is not whole: restore a copy, or save what can be read with db repair",
            ]
        )
    return joined(
        [f"{datafile} is whole: {executions:,} executions, and all that they rely on, can be read"]
    )


def as_json(**fields: object) -> str:
    """An answer for programs."""
    return json.dumps({"version": JSON_VERSION, **fields}, indent=2) + "\n"
