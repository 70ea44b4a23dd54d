"""Where a run that begins now comes from."""

import getpass
from collections.abc import Mapping
from pathlib import Path

from testmon_cli.application import environment
from testmon_cli.application.providers import job_of
from testmon_cli.domain.provenance import LOCAL, Provenance


def here(root: Path, environ: Mapping[str, str], commit: str | None = None) -> Provenance:
    """What the provider of continuous integration says, or that a person runs it; git is asked for the commit."""
    found = job_of(environ).provenance
    if not found.commit:
        found = found._replace(commit=environment.git_state(root).head if commit is None else commit)
    if found.event == LOCAL and not found.actor:
        found = found._replace(actor=_user())
    return found.bounded()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # somebody without a name
        return ""
