"""`testmon doctor`: say what makes selection wrong or slow here, and what to do."""

from testmon_cli.application import doctor
from testmon_cli.application.settings import Settings
from testmon_cli.domain.diagnosis import WRONG
from testmon_cli.rendering import doctor as rendering
from testmon_cli.rendering import terminal


def run(settings: Settings, *, json: bool) -> int:
    """Print what was found; 1 when something is wrong."""
    findings = doctor.examine(settings)
    if json:
        terminal.write(rendering.as_json(findings))
    else:
        terminal.write(rendering.as_text(findings), rendering.STYLES)
    return int(any(finding.level == WRONG for finding in findings))
