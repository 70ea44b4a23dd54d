"""`testmon select`: print what pytest must run."""

import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

from testmon_cli.application.select.filters import Narrowing, narrowing_of, paths_in
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
        """The options that ask for this part."""
        for name, value in zip(self._fields, self, strict=True):
            if value is not None and name != "rest":
                yield from (f"--{name}", value)


class Question(NamedTuple):
    """What is asked about, besides paths."""

    keyword: str = ""
    failed: bool = True
    static: bool = False
    coverage: str | None = None
    staged: bool = False
    base: str | None = None

    def options(self) -> Iterator[str]:
        """The options that ask the same."""
        if self.keyword:
            yield from ("-k", self.keyword)
        if not self.failed:
            yield "--no-failed"
        if self.static:
            yield "--static"
        if self.coverage is not None:
            yield from ("--coverage", self.coverage)
        if self.staged:
            yield "--staged"
        if self.base is not None:
            yield from ("--base", self.base)


def run(
    settings: Settings,
    question: Question,
    portion: Portion,
    *,
    paths: tuple[str, ...],
    stdin: bool,
    explain: bool,
    null: bool,
    format_: str,
) -> int:
    """Print the selection; 0 whether it is empty or not.

    What must be said besides goes to stderr.
    """
    if stdin:
        if sys.stdin is None:
            raise TestmonError("stdin is closed: --stdin reads paths from it")
        paths = (*paths, *paths_in(sys.stdin.buffer.read()))
    wanted = paths if paths or stdin else None
    narrowing = narrowing_of(settings, wanted, question.keyword, is_listed=stdin)
    exact = null or "@" in (portion.shard or "")  # a plan is made of what no xargs splits
    selection = _selected(settings, question, narrowing, exact=exact)
    end = "\0" if null else "\n"
    if any(portion):
        selection = _portion(settings, selection, portion, end=end)
    terminal.say(rendering.notes(selection))
    options = [*portion.options(), *question.options()]
    if format_ == "json":
        at_root = os.path.realpath(settings.root) == os.path.realpath(os.curdir)
        command = [*options, "--", *paths]
        terminal.write(rendering.as_json(selection, at_root=at_root, question=command))
    elif format_ == "agent":
        from testmon_cli.rendering import agent

        terminal.write(agent.as_text(selection, agent.command(options, paths)))
    elif explain:
        terminal.write(rendering.explained(selection))
    else:
        terminal.write_arguments(rendering.arguments(selection, end=end))
    return 0


def _selected(
    settings: Settings, question: Question, narrowing: Narrowing, *, exact: bool
) -> Selection:
    if not question.static:
        return select(
            settings,
            narrowing=narrowing,
            failed=question.failed,
            exact=exact,
            staged=question.staged,
            base=question.base,
        )
    from testmon_cli.application.select.static import Asked, select_static

    asked = Asked(question.base or "HEAD", question.staged, question.coverage)
    with progress.bar("Reading sources") as advance:
        return select_static(settings, asked, narrowing=narrowing, exact=exact, progress=advance)


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
