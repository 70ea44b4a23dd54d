"""`testmon explain NODEID`: what a test relies on, and why it is or is not selected now."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from testmon_cli.analysis.lookups import is_place
from testmon_cli.analysis.project import Project
from testmon_cli.application.checkout import environment
from testmon_cli.application.checkout.sources import Snapshot
from testmon_cli.application.explain.suggestions import nearest
from testmon_cli.application.invalidate.trace_uses import reachable, used_by
from testmon_cli.application.select.filters import Narrowing
from testmon_cli.application.select.use_case import select
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.nodeid import path_of
from testmon_cli.domain.records import Run, StoredExecution
from testmon_cli.domain.reliance import Mentioned, RanFunction, Reach, Reliance, Resource
from testmon_cli.domain.source import Block, Outline, SourceModel
from testmon_cli.storage.datafile import Datafile
from testmon_cli.tracing.watch.states import frames_in, is_making

_OF_AN_OBJECT = (".", "~", "%", "=")  # of what is not a name of the module; see `analysis.mentions`


def explain(settings: Settings, what: str, *, would_select: bool = False) -> Reliance | Reach:
    """Tell what a test relies on, or which tests reach a place in the code.

    Raises TestmonError for neither.
    """
    from testmon_cli.application.explain import reaching_tests

    if "::" not in what:
        return reaching_tests.reach_of(settings, what, would_select=would_select)
    with Datafile.open(settings.datafile) as datafile:
        current = environment.current(settings.env)
        execution = next(iter(datafile.executions_named(current, what)), None)
        if execution is not None:
            return _relies_on(settings, datafile, execution)
        nodeids = {e.nodeid for e in datafile.executions(current)}
    try:
        return reaching_tests.reach_of(settings, what, would_select=would_select)
    except TestmonError as error:
        close = nearest(what, nodeids, "")
        if not close or path_of(what) not in set(map(path_of, nodeids)):
            raise
        raise TestmonError(f"{str(error).partition(';')[0]}; {close}") from error


def relies_on(settings: Settings, nodeid: str) -> Reliance:
    """Tell what the newest execution of a test relies on.

    Raises TestmonError for a test that is not known.
    """
    with Datafile.open(settings.datafile) as datafile:
        current = environment.current(settings.env)
        execution = next(iter(datafile.executions_named(current, nodeid)), None)
        if execution is None:
            raise TestmonError(
                not_recorded(nodeid, {e.nodeid for e in datafile.executions(current)})
            )
        return _relies_on(settings, datafile, execution)


def _relies_on(settings: Settings, datafile: Datafile, execution: StoredExecution) -> Reliance:
    nodeid = execution.nodeid
    runs = datafile.runs(environment.current(settings.env))
    run = next(run for run in runs if run.id == execution.run_id)
    selection = select(settings, narrowing=Narrowing(of_file=path_of(nodeid)))
    selected = next((t.reason.text for t in selection.tests if t.nodeid == nodeid), "")
    return _reliance(datafile, run, execution, selected)


def not_recorded(nodeid: str, known: Iterable[str]) -> str:
    """Say that nothing is known of a test, and which known one was meant."""
    hint = nearest(nodeid, known, "see `testmon select --explain`")
    return f"nothing was recorded of {nodeid}; {hint}"


def _reliance(datafile: Datafile, run: Run, execution: StoredExecution, selected: str) -> Reliance:
    models = Snapshot(datafile, datafile.snapshot(run.id))
    traces = _used(datafile, execution)
    checksums: dict[str, set[int]] = defaultdict(set)
    for fingerprints in datafile.fingerprints_by_trace(traces).values():
        for fingerprint in fingerprints:
            if not is_place(fingerprint.path):  # of names that were looked up
                checksums[fingerprint.path] |= fingerprint.checksums
    ran: dict[str, list[Block]] = {}
    for path in sorted(checksums):
        model = models(path)
        blocks = model.blocks if model is not None else ()
        ran[path] = [block for block in blocks if block.checksum in checksums[path]]
    resources = {
        (state.kind, state.name): Resource(state.kind, state.name, _place_of(state.frames))
        for trace_id in sorted(traces)
        for state in datafile.trace_resources(trace_id).values()
        if not is_making(state.kind, state.name)
    }
    project = models.project()
    reached = _reached(project, {execution.path, *ran})
    return Reliance(
        nodeid=execution.nodeid,
        selected=selected,
        outcome=execution.outcome,
        seconds=execution.duration,
        started=run.started,
        unknown=execution.unknown,
        ran=tuple((path, tuple(_functions(models(path), blocks))) for path, blocks in ran.items()),
        names=tuple(_Names(models, project, reached).mentioned(ran)),
        fixtures=tuple(sorted(name for name in traces.values() if name)),
        asked_for=tuple(resource for _, resource in sorted(resources.items())),
        imports=tuple(sorted(reached)),
        packages=tuple(sorted(_packages(datafile, run.id, models, reached))),
    )


def _place_of(frames: str) -> str:
    return next((f"{path}:{line}" for path, _, line in frames_in(frames)), "")


def _functions(model: SourceModel | None, blocks: Iterable[Block]) -> Iterator[RanFunction]:
    reached = Counter(block.qualname for block in blocks)
    total: Counter[str] = Counter()
    lines: dict[str, int] = {}
    for block in model.blocks if model is not None else ():
        total[block.qualname] += 1
        lines.setdefault(block.qualname, block.line)
    for name in sorted(reached):
        yield RanFunction(name, lines[name], reached[name], total[name])


def _used(datafile: Datafile, execution: StoredExecution) -> dict[int, str]:
    """The test's trace and those it uses, with the name of the fixture each belongs to."""
    fixtures = datafile.traces([execution.run_id], "fixture")
    names = {trace.id: trace.identity.split(":", 2)[2] for trace in fixtures}
    used = reachable([execution.trace_id], used_by(datafile, [execution.run_id]))
    return {trace_id: names.get(trace_id, "") for trace_id in used}


def _reached(project: Project, start: set[str]) -> set[str]:
    found = set(start)
    stack = list(start)
    while stack:
        for target in project.edges(stack.pop(), lazy=True):
            if target not in found:
                found.add(target)
                stack.append(target)
    return found


class _User(NamedTuple):
    """Code that mentions names."""

    path: str
    name: str
    mentions: frozenset[str]


class _Place(NamedTuple):
    """A definition, by its file and its number there, with its outline."""

    path: str
    number: int
    outline: Outline


class _Names:
    """Finds the definitions that code mentions.

    It looks for names, as selection does, in the files that the code can reach.
    """

    def __init__(self, models: Snapshot, project: Project, reached: Iterable[str]) -> None:
        self._models = models
        self._project = project
        self._files: dict[str, set[str]] = {}  # by file, those that it reaches
        self._top: dict[tuple[str, str], list[_Place]] = defaultdict(list)
        self._named: dict[str, list[_Place]] = defaultdict(list)
        for path in sorted(reached):
            for number, outline in enumerate(models.outline(path)):
                if outline.kind != "import":
                    self._add(_Place(path, number, outline))

    def _add(self, place: _Place) -> None:
        for name in place.outline.names:
            self._named[name].append(place)
            if not place.outline.owner:
                self._top[place.path, name].append(place)

    def mentioned(self, ran: Mapping[str, Iterable[Block]]) -> list[Mentioned]:
        """Find the definitions that blocks mention, and those that these mention in turn.

        Functions that ran stand for themselves.
        """
        own = {(path, block.qualname) for path, blocks in ran.items() for block in blocks}
        users = [
            _User(path, b.qualname, b.mentions) for path, blocks in ran.items() for b in blocks
        ]
        found: dict[tuple[str, str], tuple[int, dict[str, None]]] = {}
        while users:
            user = users.pop()
            for qualname, meant in self._meant_by_name(user):
                key = meant.path, qualname
                if key in own or key == (user.path, user.name):
                    continue
                if key not in found and meant.outline.kind != "function":
                    users.append(_User(*key, self._mentions(meant)))
                _, by = found.setdefault(key, (meant.outline.line, {}))
                by[f"{user.path}::{user.name}"] = None
        return [
            Mentioned(path, name, line, tuple(by))
            for (path, name), (line, by) in sorted(found.items())
        ]

    def _mentions(self, place: _Place) -> frozenset[str]:
        model = self._models(place.path)
        return model.definitions[place.number].mentions if model is not None else frozenset()

    def _meant_by_name(self, user: _User) -> Iterator[tuple[str, _Place]]:
        """The definitions that code mentions, by each of their qualified names."""
        for place in self._meant(user):
            for name in place.outline.names:
                yield f"{place.outline.owner}.{name}".lstrip("."), place

    def _meant(self, user: _User) -> Iterator[_Place]:
        for mention in sorted(user.mentions):
            if mention.isidentifier():
                yield from self._top.get(self._project.resolve(mention, user.path) or ("", ""), ())
            elif mention.startswith(_OF_AN_OBJECT) and mention[1:] in self._named:
                files = self._reach_of(user.path)
                named = self._named[mention[1:]]
                yield from (place for place in named if place.path in files)

    def _reach_of(self, path: str) -> set[str]:
        if path not in self._files:
            self._files[path] = _reached(self._project, {path})
        return self._files[path]


def _packages(datafile: Datafile, run_id: int, models: Snapshot, paths: set[str]) -> set[str]:
    provided = {
        module: package.name for package in datafile.packages(run_id) for module in package.modules
    }
    modules = {
        imported.module.partition(".")[0]
        for path in paths
        for imported in models.imports(path)
        if not imported.level
    }
    return {provided[module] for module in modules & provided.keys()}
