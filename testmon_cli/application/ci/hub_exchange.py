"""The exchange of a CI job with a hub: pull before the tests, push after them.

A hub that cannot be used costs evidence, and so time: it is never an error.
"""

import time
from collections.abc import Mapping
from typing import Final

from testmon_cli.application import hub
from testmon_cli.application.checkout import provenance
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.provenance import READ_ONLY

# bundles that a job takes, those of near commits first: more would take longer than they spare
_MOST: Final = 200


def pull(settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Pull from the hub. Returns lines that say what came, or why nothing did.

    `environ` has the variables of the job.
    """
    if not settings.hub:
        return ()
    try:
        pulled = hub.pull(settings, now=time.time(), environ=environ, limit=_MOST)
    except (TestmonError, OSError) as error:
        return (f"without the hub: {error}",)
    except Exception as error:  # what we do wrong with a hub must not keep tests from running
        return (f"without the hub: internal error, {type(error).__name__}: {error}",)
    notes = [f"{_bundles(count)} ignored ({why})" for why, count in sorted(pulled.ignored.items())]
    if pulled.refused:
        notes.append(
            f"{_bundles(len(pulled.refused))} refused, like {pulled.refused[0].name}: {pulled.refused[0].message}"
        )
    return tuple(notes)


def push(settings: Settings, environ: Mapping[str, str]) -> str:
    """Push what this job collected, if it may. Returns what went wrong, "" where nothing did.

    `environ` has the variables of the job.
    """
    if not settings.hub or provenance.here(settings.root, environ).event in READ_ONLY:
        return ""
    try:
        hub.push(settings, environ=environ)
    except (TestmonError, OSError) as error:
        return f"nothing was pushed: {error}"
    except Exception as error:
        return f"nothing was pushed: internal error, {type(error).__name__}: {error}"
    return ""


def _bundles(count: int) -> str:
    return f"{count} bundle{'s' * (count != 1)}"
