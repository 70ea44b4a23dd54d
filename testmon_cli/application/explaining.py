"""`testmon select --why-not`: what would have to change for a test to be selected."""

from testmon_cli.analysis.lookups import is_place
from testmon_cli.analysis.project import Project
from testmon_cli.application import environment, selecting
from testmon_cli.application.settings import Settings
from testmon_cli.application.sources import Snapshot
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.records import StoredExecution
from testmon_cli.domain.reliance import Reliance
from testmon_cli.storage.datafile import Datafile


def why_not(settings: Settings, nodeid: str) -> Reliance:
    """List what the newest execution of a test relies on. Raises TestmonError for a test that is not known."""
    selection = selecting.select(settings)
    selected = next((t.reason.text for t in selection.tests if t.nodeid == nodeid), "")
    with Datafile.open(settings.datafile) as datafile:
        executions = datafile.executions(environment.current(settings.env))
        execution = next((e for e in executions if e.nodeid == nodeid), None)
        if execution is None:
            raise TestmonError(f"nothing was recorded of {nodeid}; see `testmon select --explain` for what is known")
        return _reliance(datafile, execution, selected)


def _reliance(datafile: Datafile, execution: StoredExecution, selected: str) -> Reliance:
    snapshot = datafile.snapshot(execution.run_id)
    models = Snapshot(datafile, snapshot)
    traces = _used(datafile, execution)
    functions: dict[str, set[str]] = {}
    resources: set[tuple[str, str]] = set()
    for trace_id in traces:
        for fingerprint in datafile.trace_fingerprints(trace_id):
            if is_place(fingerprint.path):  # of names that were looked up
                continue
            model = models(fingerprint.path)
            names = {b.qualname for b in model.blocks if b.checksum in fingerprint.checksums} if model else set()
            functions.setdefault(fingerprint.path, set()).update(names)
        resources |= {(state.kind, state.name) for state in datafile.trace_resources(trace_id).values()}
    reached = _reached(models.project(), {execution.path, *functions})
    return Reliance(
        nodeid=execution.nodeid,
        selected=selected,
        functions=tuple((path, tuple(sorted(names))) for path, names in sorted(functions.items())),
        fixtures=tuple(sorted(name for name in traces.values() if name)),
        resources=tuple(sorted(resources)),
        imports=tuple(sorted(reached)),
        packages=tuple(sorted(_packages(datafile, execution.run_id, models, reached))),
    )


def _used(datafile: Datafile, execution: StoredExecution) -> dict[int, str]:
    """The test's trace and those it uses, with the name of the fixture each belongs to."""
    used: dict[int, list[int]] = {}
    for user, other in datafile.uses([execution.run_id]):
        used.setdefault(user, []).append(other)
    names = {
        trace: identity.split(":", 2)[2] for trace, _, identity, _, _ in datafile.traces([execution.run_id], "fixture")
    }
    found: dict[int, str] = {}
    stack = [execution.trace_id]
    while stack:
        trace_id = stack.pop()
        if trace_id not in found:
            found[trace_id] = names.get(trace_id, "")
            stack += used.get(trace_id, [])
    return found


def _reached(project: Project, start: set[str]) -> set[str]:
    found = set(start)
    stack = list(start)
    while stack:
        for target in project.edges(stack.pop(), lazy=True):
            if target not in found:
                found.add(target)
                stack.append(target)
    return found


def _packages(datafile: Datafile, run_id: int, models: Snapshot, paths: set[str]) -> set[str]:
    provided = {module: package.name for package in datafile.packages(run_id) for module in package.modules}
    known = [model for path in paths if (model := models(path)) is not None]
    modules = {i.module.partition(".")[0] for model in known for i in model.imports if not i.level}
    return {provided[module] for module in modules if module in provided}
