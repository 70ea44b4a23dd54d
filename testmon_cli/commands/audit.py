"""`testmon audit`: hold the selection of now against a run of all tests."""

import os

from testmon_cli.application.proof import audit as use_case
from testmon_cli.application.proof.audit import Request
from testmon_cli.application.settings import Settings, share_of
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.proof import ESCAPED
from testmon_cli.rendering import audit as rendering
from testmon_cli.rendering import replay, terminal

EXIT_ESCAPED = 1


def run(
    settings: Settings,
    pytest_args: tuple[str, ...],
    *,
    sample: str | None,
    seed: str | None,
    format_: str,
) -> int:
    """Audit and print what was found; 1 where something escaped."""
    request = Request(
        pytest_args, sample=sample or "", seed=seed if seed is not None else os.urandom(4).hex()
    )
    if sample is not None:
        try:
            request = request._replace(share=share_of(sample))
        except ValueError:
            raise TestmonError(f"--sample must be a share like 10%, not {sample!r}") from None
    found = use_case.audit(settings, request)
    if format_ == "json":
        terminal.write(rendering.as_json(found))
    else:
        terminal.write(rendering.as_text(found), replay.STYLES)
    return EXIT_ESCAPED if found.of(ESCAPED) else 0
