"""`testmon explain PLACE`: which tests reach a line, a function, a definition or a file.

The datafile tells who executed a block. For definitions, which nobody executes, for code that keeps
values or that ran on import, and for functions that nobody ran, the rules of selection say whom
such a change alone would touch.
"""

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from testmon_cli.application.checkout import environment, sources
from testmon_cli.application.checkout.sources import Tree, stored_model
from testmon_cli.application.explain.suggestions import nearest
from testmon_cli.application.invalidate.trace_uses import reachable, users_of
from testmon_cli.application.select.paths import Place, places
from testmon_cli.application.select.reason_text import sentence
from testmon_cli.application.settings import Settings
from testmon_cli.domain.causes import CHANGED, Cause, Kind
from testmon_cli.domain.errors import SourceError, TestmonError
from testmon_cli.domain.nodeid import path_of
from testmon_cli.domain.records import Run, StoredExecution
from testmon_cli.domain.reliance import RUNS_IT, Reach, ReachingTest
from testmon_cli.domain.source import Block, Definition, SourceModel
from testmon_cli.storage.datafile import Datafile

# A sentence tells of a change that was; here it is one that may come.
_WHAT_HAPPENED = re.compile(r"(, whose definition( was)?|,)? ?changed( (at|in) .*)?\Z")
_LINE = re.compile(r"(?P<path>.+):(?P<line>[0-9]+)")


class Target(NamedTuple):
    """A place in the code that was asked about, as it is in the source today."""

    text: str
    path: str
    line: int
    name: str  # qualified; "" for a file
    what: str  # see `Reach`
    blocks: tuple[Block, ...] = ()
    definitions: tuple[Definition, ...] = ()


def reach_of(settings: Settings, text: str, *, would_select: bool = False) -> Reach:
    """Find the tests that reach a place.

    A place is written `app/price.py:41`, `app/price.py::total` or `app/price.py`.

    With `would_select`, the rules of selection are asked of code that runs as well: a change of it
    may select tests that do not run it, since something keeps what it helped to make, or since an
    import may raise.

    Raises TestmonError for a place that there is not.
    """
    root = Path(os.path.realpath(settings.root))
    tree = Tree(root, sources.scan(root, settings.source, settings.exclude))
    with Datafile.open(settings.datafile) as datafile:
        tree.datafile = datafile
        target = target_of(settings, tree, text)
        runs = datafile.runs(environment.current(settings.env))
        return _Asking(datafile, runs, tree, target, would_select=would_select).answer()


def target_of(settings: Settings, tree: Tree, text: str) -> Target:
    """Find the place in the code that a text names. Raises TestmonError."""
    place = places(tree.root, settings.source, [text])[0]
    if not place.exists or not place.name:
        match = _LINE.fullmatch(text)
        found = places(tree.root, settings.source, [match["path"]])[0] if match else place
        if match and found.exists and not found.name:
            return _at_line(tree, text, _source(tree, found), int(match["line"]))
    path = _source(tree, place)
    return _named(tree, text, path, place.name) if place.name else Target(text, path, 1, "", "file")


def _source(tree: Tree, place: Place) -> str:
    for path in place.paths:
        if path in tree.stats:
            return path
    asked = place.text.removesuffix(f"::{place.name}")
    match = _LINE.fullmatch(asked)
    asked = match["path"] if match and not place.exists else asked
    if place.exists and not os.path.isfile(tree.root / place.paths[0]):
        raise TestmonError(
            f"{asked} is no file: name a source, like app/price.py, a line or a function of one"
        )
    if place.exists:
        raise TestmonError(
            f"{asked} is not a source of the project: `testmon select {asked}` tells of data files"
        )
    raise TestmonError(
        f"no such file: {asked}; {nearest(asked, tree.stats, f'give paths relative to {Path.cwd()}')}"
    )


def _model(tree: Tree, path: str) -> SourceModel:
    try:
        return tree.model(path)
    except SourceError as error:
        where = f"line {error.line}: " if error.line else ""
        raise TestmonError(
            f"{path} does not parse: {where}{error.message}; mend it, then ask again"
        ) from error


def _at_line(tree: Tree, text: str, path: str, line: int) -> Target:
    model = _model(tree, path)
    count = len(tree.read(path).splitlines())
    if not 1 <= line <= count:
        raise TestmonError(f"{path} has no line {line}: it has {count}")
    # The innermost comes last; blocks of one line count together.
    blocks = tuple(block for block in model.blocks if _stands_in(line, block))
    if blocks:
        qualname = max((block.qualname for block in blocks), key=len)
        return Target(text, path, line, qualname, "block", blocks)
    around = [d for d in model.definitions if d.line <= line <= d.end_line]
    if not around:
        return Target(text, path, line, "", "file")
    innermost = min(around, key=lambda d: d.end_line - d.line)
    if not innermost.names:
        return Target(text, path, innermost.line, "", "definition", (), (innermost,))
    return _of(text, path, model, innermost.qualname, innermost.line)


def _stands_in(line: int, block: Block) -> bool:
    return any(first <= line <= last for first, last in block.lines)


def _named(tree: Tree, text: str, path: str, name: str) -> Target:
    model = _model(tree, path)
    qualname = re.sub(r"\[.*", "", name).replace("::", ".")
    lines = _lines_by_name(model)
    if qualname not in lines:
        shown = ", ".join(_functions_and_classes(model)[:5])
        hint = nearest(qualname, lines, f"it has {shown or 'no functions or classes'}")
        raise TestmonError(f"nothing is called {qualname} in {path}; {hint}")
    return _of(text, path, model, qualname, lines[qualname])


def _lines_by_name(model: SourceModel) -> dict[str, int]:
    """The line of each qualified name that a source binds, or that code of it runs under."""
    found: dict[str, int] = {}
    for definition in model.definitions:
        found.update(dict.fromkeys(_qualnames(definition), definition.line))
    bound = frozenset(found)
    for block in reversed(model.blocks):
        if block.qualname not in bound:
            found[block.qualname] = block.line
    return found


def _functions_and_classes(model: SourceModel) -> list[str]:
    found: list[str] = []
    for definition in model.definitions:
        if definition.kind in ("class", "function"):
            found.extend(definition.names)
    return found


def _qualnames(definition: Definition) -> list[str]:
    return [f"{definition.owner}.{name}".lstrip(".") for name in definition.names]


def _of(text: str, path: str, model: SourceModel, qualname: str, line: int) -> Target:
    """A function, a class or what else a name is bound to, with all that it holds."""
    own = [each for each in model.definitions if qualname in _qualnames(each)]
    inside = [each for each in model.definitions if _is_within(each.owner, qualname)]
    blocks = tuple(block for block in model.blocks if _is_within(block.qualname, qualname))
    what = _kind_of(own)
    return Target(text, path, line, qualname, what, blocks, (*own, *inside))


def _is_within(name: str, qualname: str) -> bool:
    return name == qualname or name.startswith(f"{qualname}.")


def _kind_of(definitions: Sequence[Definition]) -> str:
    """The word for what definitions of one name bind."""
    kinds = {definition.kind for definition in definitions}
    if "class" in kinds:
        return "class"
    if "function" in kinds or not definitions:
        return "function"
    return "definition"


class _Asking:
    """Asks the runs that hold the newest execution of some test."""

    def __init__(
        self,
        datafile: Datafile,
        runs: Sequence[Run],
        tree: Tree,
        target: Target,
        *,
        would_select: bool,
    ) -> None:
        self._datafile = datafile
        self._would_select = would_select
        self._tree = tree
        self._target = target
        executions = datafile.executions(runs[0].environment) if runs else []
        newest = {execution.nodeid: execution for execution in reversed(executions)}
        self._tests = {execution.trace_id: execution for execution in newest.values()}
        ran = {execution.run_id for execution in newest.values()}
        self._runs = [run for run in runs if run.id in ran]
        self._found: dict[int, str] = {}  # by trace of a test, how it reaches the place

    def answer(self) -> Reach:
        target = self._target
        for run in self._runs:
            self._ask(run)
        of_tests = ((trace, how) for trace, how in self._found.items() if trace in self._tests)
        tests = [_reaching(self._tests[trace], how) for trace, how in of_tests]
        tests.sort(key=lambda test: (test.how != RUNS_IT, test.seconds, test.nodeid))
        return Reach(
            target.text,
            target.path,
            target.line,
            target.name,
            target.what,
            tuple(tests),
            len(self._tests),
            self._notes(),
        )

    def _notes(self) -> tuple[str, ...]:
        if not self._runs:
            return ("no test was collected in this environment; run `testmon collect` first",)
        ref = self._datafile.snapshot(self._runs[0].id).get(self._target.path)
        if ref is None or ref.model_key == "-":
            return (f"no test loaded {self._target.path}",)
        if not self._tree.is_unchanged(ref, int(self._runs[0].recorded * 1e9)):
            what = f"{self._target.path} has changed since the tests ran"
            return (f"{what}: its functions count as they were",)
        return ()

    def _ask(self, run: Run) -> None:
        model = stored_model(self._datafile, self._datafile.snapshot(run.id).get(self._target.path))
        if model is None:
            return
        blocks = self._blocks(model)
        hits = self._executing({block.checksum for block in blocks}, run)
        others = self._datafile.traces([run.id], *_OTHERS)
        kinds = {trace.id: trace.identity for trace in others}
        users = users_of(self._datafile, [run.id])
        self._found.update({trace: RUNS_IT for trace in hits if trace not in kinds})
        hits_of_others = sorted(hits & kinds.keys())
        for trace in hits_of_others:
            self._spread(trace, kinds[trace], users)
        names = {block.qualname for block in blocks}
        identities = [kinds[trace] for trace in hits_of_others]
        on_import = any(each.startswith(("module:", "statement:")) for each in identities)
        is_ran = self._target.what in ("block", "function") and bool(hits)
        is_told_by_hits = is_ran and not on_import and not _keeps_anything(model, names)
        if self._would_select or not is_told_by_hits:
            self._ask_the_rules(run, model, blocks, hits)

    def _blocks(self, model: SourceModel) -> list[Block]:
        """The blocks of the place as a run saw them.

        Functions that have changed since count with all of their blocks.
        """
        target = self._target
        if target.what == "file":
            return list(model.blocks)
        wanted = {block.checksum for block in target.blocks}
        names = {block.qualname for block in target.blocks}
        changed = names - {block.qualname for block in model.blocks if block.checksum in wanted}

        def is_meant(block: Block) -> bool:
            return block.checksum in wanted or block.qualname in changed

        return list(filter(is_meant, model.blocks))

    def _executing(self, checksums: Iterable[int], run: Run) -> set[int]:
        wanted = set(checksums)
        found = self._datafile.fingerprints([self._target.path])
        holding = [each.id for each in found if not each.checksums.isdisjoint(wanted)]
        traces = {trace for _, trace in self._datafile.traces_with(holding)}
        return traces.intersection(self._datafile.trace_ids(run.id))

    def _spread(self, trace: int, identity: str, users: Mapping[int, Sequence[int]]) -> None:
        """Who uses a fixture, or was collected by what runs the place, runs it too."""
        kind, _, name = identity.partition(":")
        how = {
            "fixture": f"uses the fixture {name.partition(':')[2]}, which runs it",
            "collect": "its collection runs it",
            "session": "the session runs it",
        }.get(kind, "an import runs it")
        for user in sorted(reachable([trace], users) - {trace}):
            self._found.setdefault(user, how)

    def _ask_the_rules(
        self, run: Run, model: SourceModel, blocks: Sequence[Block], hits: set[int]
    ) -> None:
        from testmon_cli.analysis.model_diff import DefinitionChange
        from testmon_cli.analysis.propagation import Growth
        from testmon_cli.application.invalidate.single_changes import OneChange

        target = self._target
        cause = Cause(Kind.BLOCK, CHANGED, target.path, target.name or target.path, target.line)
        touched = {(target.path, block.qualname): cause for block in blocks}

        def change(growth: Growth) -> None:
            if target.what == "file":
                growth.module(target.path, Cause(Kind.FILE, CHANGED, target.path, ""))
            for definition in target.definitions:
                for name in definition.names or ("",):
                    growth.changed_definition(
                        target.path, DefinitionChange(CHANGED, name, definition)
                    )

        matcher = OneChange(self._datafile, run, self._tree)
        for trace, why in matcher.touched_by(dict.fromkeys(hits, cause), touched, change).items():
            if trace in self._tests:
                self._found.setdefault(trace, _WHAT_HAPPENED.sub("", sentence(why)))
        if self._would_select:
            self._add_canaries(run, matcher.endangered)

    def _add_canaries(self, run: Run, endangered: Mapping[str, Cause]) -> None:
        """Add the fastest test of each file whose import may raise, if none was found."""
        from testmon_cli.application.select import canaries

        files = canaries.endangered_files(self._datafile, {run.id: endangered})
        reaching = self._found.keys() & self._tests.keys()
        found = {path_of(self._tests[trace].nodeid) for trace in reaching}
        own = [each for each in self._tests.values() if each.run_id == run.id]
        for execution in sorted(own, key=lambda each: (each.duration, each.nodeid)):
            path = path_of(execution.nodeid)
            if path in files and path not in found:
                found.add(path)
                reason = canaries.reason(files[path])
                self._found[execution.trace_id] = _WHAT_HAPPENED.sub("", reason.text)


def _keeps_anything(model: SourceModel, names: Collection[str]) -> bool:
    """Tell whether one of some functions keeps values for who comes later."""
    functions = (function for function in model.functions if function.qualname in names)
    return any(function.keeps or function.memoised for function in functions)


_OTHERS = ("fixture", "module", "statement", "collect", "session")


def _reaching(execution: StoredExecution, how: str) -> ReachingTest:
    return ReachingTest(execution.nodeid, execution.duration, execution.outcome, how)
