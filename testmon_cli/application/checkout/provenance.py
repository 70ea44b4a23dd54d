"""Where a run that begins now comes from."""

import getpass
from collections.abc import Mapping
from pathlib import Path

from testmon_cli.application.checkout import environment
from testmon_cli.application.checkout.ci_providers import job_of
from testmon_cli.domain.provenance import LOCAL, MERGE_QUEUE, OTHER, PUSH, Provenance


def here(root: Path, environ: Mapping[str, str], commit: str | None = None) -> Provenance:
    """The provenance of a run that starts here: that of a CI job, or of a person.

    Git is asked for the commit.

    A job on a branch that has checked out another commit than that of the branch runs code of which
    is not known whose.
    """
    found = job_of(environ).provenance
    head = environment.git_state(root).head if commit is None else commit
    if not found.commit:
        found = found._replace(commit=head)
    elif head not in ("", found.commit) and found.event in (PUSH, MERGE_QUEUE):
        found = found._replace(commit=head, event=OTHER)
    if found.event == LOCAL and not found.actor:
        found = found._replace(actor=_user())
    return found.bounded()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # somebody without a name
        return ""
