"""`testmon select`: print what pytest must run."""

import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

from testmon_cli.application.select.filters import narrowing_of, paths_in
from testmon_cli.application.select.use_case import select
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.selection import Selection
from testmon_cli.rendering import progress, terminal
from testmon_cli.rendering import select as rendering

_USUAL_ORDER = "failed,changed,fast"


class Portion(NamedTuple):
    """Which part of the selection is wanted, and in what order; None where nothing was said."""

    shard: str | None = None
    order: str | None = None
    budget: str | None = None
    rest: str | None = None

    def options(self) -> Iterator[str]:
        """The options that ask for the same."""
        for name, value in zip(self._fields, self, strict=True):
            if value is not None and name != "rest":
                yield from (f"--{name}", value)


def run(
    settings: Settings,
    *,
    paths: tuple[str, ...],
    stdin: bool,
    staged: bool,
    static: bool,
    coverage: str | None,
    base: str | None,
    keyword: str,
    failed: bool,
    explain: bool,
    why_not: str | None,
    null: bool,
    format_: str,
    portion: Portion,
) -> int:
    """Print the selection; 0 whether it is empty or not.

    What must be said besides goes to stderr.
    """
    if why_not is not None:
        from testmon_cli.commands import explain as command

        return command.run(settings, why_not, everything=False, format_=format_)
    if stdin:
        if sys.stdin is None:
            raise TestmonError("stdin is closed: --stdin reads paths from it")
        paths = (*paths, *paths_in(sys.stdin.buffer.read()))
    narrowing = narrowing_of(settings, paths if paths or stdin else None, keyword, is_listed=stdin)
    exact = null or "@" in (portion.shard or "")  # a plan is made of what no xargs splits
    if static:
        from testmon_cli.application.select.static import Asked, select_static

        with progress.bar("Reading sources") as advance:
            selection = select_static(
                settings,
                Asked(base or "HEAD", staged, coverage),
                narrowing=narrowing,
                exact=exact,
                progress=advance,
            )
    else:
        selection = select(
            settings, narrowing=narrowing, failed=failed, exact=exact, staged=staged, base=base
        )
    if any(portion):
        selection = _portion(settings, selection, portion, end="\0" if null else "\n")
    terminal.say(rendering.notes(selection))
    asked = _question(
        keyword=keyword, failed=failed, staged=staged, static=static, coverage=coverage, base=base
    )
    if format_ == "json":
        at_root = os.path.realpath(settings.root) == os.path.realpath(os.curdir)
        question = [*portion.options(), *asked, "--", *paths]
        terminal.write(rendering.as_json(selection, at_root=at_root, question=question))
    elif format_ == "agent":
        from testmon_cli.rendering import agent

        terminal.write(agent.as_text(selection, agent.command([*portion.options(), *asked], paths)))
    elif explain:
        terminal.write(rendering.explained(selection))
    else:
        terminal.write_arguments(rendering.arguments(selection, end="\0" if null else "\n"))
    return 0


def _portion(settings: Settings, selection: Selection, portion: Portion, *, end: str) -> Selection:
    from testmon_cli.application import plan  # mostly all is wanted

    if portion.shard is not None:
        selection = plan.of_shard(settings, selection, plan.shard_of(portion.shard))
    if portion.order is not None or portion.budget is not None:
        orders = plan.orders_of(portion.order or _USUAL_ORDER)
        selection = plan.ordered(settings, selection, orders)
    if portion.budget is None:
        return selection
    seconds = plan.seconds_in(portion.budget, "--budget")
    budgeted = plan.within(settings, selection, seconds)
    if portion.rest is not None:
        plan.write_rest(portion.rest, budgeted.rest, end)
    note = rendering.left_out(budgeted.rest, budgeted.rest_seconds, portion.budget)
    return budgeted.selection._replace(notes=(*selection.notes, *note))


def _question(
    *,
    keyword: str,
    failed: bool,
    staged: bool,
    static: bool,
    coverage: str | None,
    base: str | None,
) -> list[str]:
    """The options that would lead to the same answer."""
    question = ["-k", keyword] if keyword else []
    question += [] if failed else ["--no-failed"]
    question += ["--static"] if static else []
    question += ["--coverage", coverage] if coverage is not None else []
    question += ["--staged"] if staged else []
    question += ["--base", base] if base is not None else []
    return question
