"""`testmon select`: which tests a change can affect."""

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from testmon_cli.analysis.pytest_naming import Naming
from testmon_cli.application.checkout import environment, interpreters, pytest_config, sources
from testmon_cli.application.checkout.sources import Overlay, Tree
from testmon_cli.application.select import canaries
from testmon_cli.application.select.chooser import Chooser
from testmon_cli.application.select.files_with_tests import is_collectable, text_files
from testmon_cli.application.select.filters import Narrowing
from testmon_cli.application.select.paths import Known
from testmon_cli.application.select.pytest_arguments import Arguments
from testmon_cli.application.settings import Settings
from testmon_cli.domain import selection as kinds
from testmon_cli.domain.nodeid import NodeId, path_of
from testmon_cli.domain.records import Environment, Run
from testmon_cli.domain.selection import Reason, Selected, Selection
from testmon_cli.storage.datafile import DamagedDatafile, Datafile, MissingDatafile

# what matches changes is imported where there are some: that takes longer than all the rest
if TYPE_CHECKING:
    from testmon_cli.application.select.since_revision import SinceRevision


def select(
    settings: Settings,
    *,
    narrowing: Narrowing | None = None,
    failed: bool = True,
    exact: bool = False,
    staged: bool = False,
    base: str | None = None,
) -> Selection:
    """Decide which tests must run.

    `failed` selects remembered failures as well; `exact` keeps node ids that xargs would split as
    they are. With `staged`, the index of git counts in place of the working tree; with `base`, only
    what differs from that revision. Raises DatafileError when the datafile cannot be read,
    EnvironmentFailure when git cannot be asked.
    """
    narrowing = narrowing or Narrowing()
    root = Path(os.path.realpath(settings.root))
    tree = Tree(
        root,
        sources.scan(root, settings.source, settings.exclude),
        overlay=overlay_of(root, staged=staged),
    )
    since = _since(settings, tree, base, staged=staged)
    if since is not None:
        narrowing = narrowing.also(since.files)
    config = pytest_config.read(root, pytest_config.place_of((), root), text=tree.text)
    current = environment.current(settings.env)
    arguments = Arguments(root, exact=exact)
    all_files = partial(_everything, settings, tree, config.naming(), arguments)
    try:
        datafile = Datafile.open(settings.datafile, mode="read")
    except MissingDatafile:
        missing = f"no datafile {settings.datafile}"
        note = f"{missing}: everything is selected; run `testmon collect` first"
        return narrowing.of(all_files(note), Known(tree, current))
    except DamagedDatafile as error:
        note, why = f"everything is selected: {error}", "the datafile is damaged"
        return narrowing.of(all_files(note, why), Known(tree, current))
    with datafile:
        tree.datafile = datafile
        runs = datafile.runs(current)
        known = Known(tree, current, datafile, runs)
        nothing_known = _why_nothing_is_known(datafile, runs, current)
        if nothing_known:
            return narrowing.of(all_files(nothing_known), known)
        chooser = Chooser(datafile, settings, runs, tree, arguments, since)
        selection = chooser.choose(failed=failed, of_file=narrowing.of_file)
        selection = narrowing.of(interpreters.with_note(selection, runs[0]), known)
        return _in_order(canaries.one_of_each(selection))


def _why_nothing_is_known(datafile: Datafile, runs: Sequence[Run], current: Environment) -> str:
    """Why a datafile tells nothing of the tests in an environment; "" where it does."""
    if not runs:
        others = ", ".join(sorted({describe(e) for e in datafile.environments()})) or "none"
        known = f"nothing was collected for {describe(current)} (there is: {others})"
        newest = next(iter(datafile.runs()), None)
        return f"{known}: everything is selected{interpreters.hint(newest)}"
    if interpreters.is_another(datafile, runs[0], environment.installed_packages):
        other = f"the tests ran with another Python than {sys.executable}, which has no pytest"
        return f"{other}: everything is selected{interpreters.hint(runs[0])}"
    return ""


def _in_order(selection: Selection) -> Selection:
    """A selection in the order of pytest.

    It goes by folders and files, and in each file as the tests were recorded.

    Files are imported as in a run of all tests, then. What the import of a module that fails leaves
    in `sys.modules` decides whether the next that imports it fails as well.
    """

    def place(test: Selected) -> tuple[list[str], bool, int]:
        if test.execution is None:
            return path_of(test.nodeid).split("/"), True, 0
        return test.execution.path.split("/"), False, test.execution.trace_id

    return selection._replace(tests=tuple(sorted(selection.tests, key=place)))


def held(settings: Settings) -> dict[str, str]:
    """How the tests came out that need not run.

    Returns by node id the outcome of the execution that holds.
    """
    root = Path(os.path.realpath(settings.root))
    tree = Tree(root, sources.scan(root, settings.source, settings.exclude))
    with Datafile.open(settings.datafile) as datafile:
        tree.datafile = datafile
        current = environment.current(settings.env)
        runs = datafile.runs(current)
        chooser = Chooser(datafile, settings, runs, tree, Arguments(root, exact=True))
        return chooser.held(datafile.executions(current)) if runs else {}


def everything(settings: Settings, *, narrowing: Narrowing | None = None) -> Selection:
    """All test files that there are, whatever is known of them."""
    root = Path(os.path.realpath(settings.root))
    tree = Tree(root, sources.scan(root, settings.source, settings.exclude))
    config = pytest_config.read(root, pytest_config.place_of((), root), text=tree.text)
    arguments = Arguments(root, exact=True)
    selection = _everything(settings, tree, config.naming(), arguments, "", "all tests are run")
    return (narrowing or Narrowing()).of(selection, Known(tree, environment.current(settings.env)))


def overlay_of(root: Path, *, staged: bool) -> Overlay | None:
    """The files of git's index, if these are to count in place of the working tree."""
    if not staged:
        return None
    from testmon_cli.application.checkout import git_status

    return git_status.staged(root)


def _since(
    settings: Settings, tree: Tree, base: str | None, *, staged: bool
) -> "SinceRevision | None":
    if base is None:
        return None
    from testmon_cli.application.select.since_revision import SinceRevision

    return SinceRevision(settings, tree, base, in_index=staged)


def describe(env: Environment) -> str:
    """An environment in words."""
    return f"environment {env.name!r} with Python {env.python} on {env.platform}"


def _everything(
    settings: Settings,
    tree: Tree,
    naming: Naming,
    arguments: Arguments,
    note: str,
    why: str = "nothing is known of it",
) -> Selection:
    reason = Reason(kinds.NEW, why)
    tests = [
        Selected(path, arguments.of(NodeId(path)), reason)
        for path in test_files(tree, naming, settings)
    ]
    return Selection(tuple(tests), 0, (note,))


def test_files(tree: Tree, naming: Naming, settings: Settings) -> list[str]:
    """The files in which pytest, started without arguments, looks for tests."""
    files = [path for path in sorted(tree.stats) if is_collectable(tree, path, naming)]
    return files + text_files(tree, naming, settings)
