"""The line with which a job of CI begins, and its summary."""

from testmon_cli.domain.health import Baseline, Health
from testmon_cli.rendering.terminal import duration, visible


def line(health: Health) -> str:
    """All in one line."""
    known = f"{health.known:,} tests known, {health.unknown:,} unknown"
    begin = f"{_baseline(health.baseline)}, {known}" if health.baseline else "no evidence"
    return visible("; ".join(filter(None, (begin, _selected(health), health.part, *health.notes))))


def _baseline(baseline: Baseline) -> str:
    place = "@".join(filter(None, (baseline.ref, baseline.commit[:7]))) or "without git"
    if baseline.behind is None:
        return f"baseline {place}"
    return f"baseline {place} ({baseline.behind} commit{'s' * (baseline.behind != 1)} back)"


def _selected(health: Health) -> str:
    if health.why_all:
        return f"all tests are run: {health.why_all}"
    every = health.known + health.unknown
    percent = f" ({100 * health.selected / every:.0f} %)" if every else ""
    times = f", {duration(health.selected_seconds)} of {duration(health.all_seconds)}"
    return f"{health.selected:,} selected{percent}{times}"


def as_markdown(health: Health, report: str) -> str:
    """For the summary of a job: the line above the report."""
    heading, _, rest = report.partition("\n")
    text = line(health).replace("\\", "\\\\").replace("<", "&lt;")
    return f"{heading}\n\n{text}\n{rest}\n"
