"""Which traces of a run the changes since then touch, and why.

The reading of section 4 and 5 of the model against the datafile: checksums that no longer hold,
blocks that mention an affected name, modules whose import is affected, resources that differ; then
everything that uses such a trace.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property

from testmon_cli.analysis import codec, lookups, results
from testmon_cli.analysis.effects import AS, changed_global
from testmon_cli.analysis.lookups import ANYWHERE
from testmon_cli.analysis.mentions import DYNAMIC, OPEN
from testmon_cli.analysis.model_diff import definition_changes
from testmon_cli.analysis.model_key import MODEL_KEY
from testmon_cli.analysis.project import CONFTEST, Ran
from testmon_cli.analysis.propagation import LOOKING_UP, RECORDED, Growth, may_run, module_name
from testmon_cli.application.checkout.resources import Today
from testmon_cli.application.checkout.sources import Tree
from testmon_cli.application.invalidate.block_traces import BlockTraces
from testmon_cli.application.invalidate.changed_distributions import READING_NAMES
from testmon_cli.application.invalidate.import_order import ImportOrder
from testmon_cli.application.invalidate.kept_by_others import KeptByOthers
from testmon_cli.application.invalidate.lookup_traces import EVERYONE, AskedNames, Asking
from testmon_cli.application.invalidate.made_values import MadeValues
from testmon_cli.application.invalidate.memoised_values import KeptValues
from testmon_cli.application.invalidate.mentioning_traces import MentionMatcher
from testmon_cli.application.invalidate.packages_of_tests import FilesOfPackage, folder_of_package
from testmon_cli.application.invalidate.recorded_traces import RecordedTraces
from testmon_cli.application.invalidate.run_models import RunModels, is_conftest
from testmon_cli.application.invalidate.snapshot_diff import (
    FileChanges,
    Hits,
    PackageChanges,
    changed_states,
    compare_files,
    is_loaded,
)
from testmon_cli.application.invalidate.statement_runs import StatementRuns
from testmon_cli.application.invalidate.text_traces import TextsRead
from testmon_cli.domain.causes import (
    ADDED,
    CHANGED,
    REMOVED,
    Cause,
    Kind,
    Manner,
    changed_resource,
    unobserved,
)
from testmon_cli.domain.records import (
    LOOKUPS,
    LOOKUPS_ARE_RECORDED,
    ResourceState,
    Run,
    StoredTest,
    VersionRef,
)
from testmon_cli.domain.source import RESULT, Block, Definition, FunctionSummary, SourceModel
from testmon_cli.storage.datafile import Datafile
from testmon_cli.tracing.watch.states import frames_in


class _Called:
    """That a function is affected, or may call one that is."""

    __slots__ = ("cause", "names")

    def __init__(self, cause: Cause) -> None:
        self.cause = cause
        self.names: set[str] = set()  # of the functions that it calls


class RunMatcher:
    """Matches one run with the tree as it is now."""

    def __init__(
        self,
        datafile: Datafile,
        run: Run,
        tree: Tree,
        today: Today,
        packages: PackageChanges,
        files: FileChanges | None = None,
        snapshot: Mapping[str, VersionRef] | None = None,
        is_collected: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`files` stand for those that a comparison with the tree would find.

        Pytest takes tests from some files.
        """
        self.run = run
        self._datafile = datafile
        self._today = today
        self._packages = packages
        self.snapshot = snapshot if snapshot is not None else datafile.snapshot(run.id)
        self.files = (
            files if files is not None else compare_files(self.snapshot, tree, run.recorded)
        )
        self.models = self._read_models(tree)
        self.recorded = RecordedTraces(datafile, run.id)
        self.modules = self.recorded.modules
        self.statements = StatementRuns(datafile, run, self.models, self.recorded)
        self.traces = BlockTraces(datafile, self.recorded.kinds, self.recorded.users)
        self.texts = TextsRead(datafile, run.id, today.content, self.traces)
        is_kept = run.facts.get(LOOKUPS) == LOOKUPS_ARE_RECORDED
        self.asked = AskedNames(self.traces, self.models.mentioning, kept=is_kept)
        self.asked.project = self.models.project(
            run, self.asked, self.statements.ran, self._comes_upon, is_collected
        )
        self.growth = Growth(self.asked.project)
        self._matcher = MentionMatcher(self, self.growth)
        self.invalid: Hits = {}
        self.endangered: dict[str, Cause] = {}  # files whose import may raise
        # Whether anything but sources is not as it was.
        self.beyond_files = bool(packages.changed())
        self._followed: set[int] = set()  # traces of statements of which the consequences are known
        # Those that count as if a function did not make anew what it keeps, by the function, as
        # long as it is not hit.
        self._spared: dict[tuple[str, str], set[int]] = defaultdict(set)
        self._hit_functions: dict[tuple[str, str], Cause] = {}
        # By name and file, the functions that use it.
        self._users_of: dict[tuple[str, str], list[tuple[str, str]]] = {}

    def _read_models(self, tree: Tree) -> RunModels:
        return RunModels(self._datafile, tree, self.snapshot, self.files)

    # The steps

    def match(self) -> Hits:
        """Causes by trace id, for every trace of the run that no longer holds."""
        for trace_id, cause in self.recorded.unobserved.items():
            self._hit(trace_id, cause)
        self._vanished_blocks()
        self._unfinished_fixtures()
        self._changed_resources()
        self._changed_names()
        self._affected()
        self._spread()
        return self.invalid

    def reached_by(self, change: Callable[[Growth], None]) -> Hits:
        """Traces of the run that one change alone would touch.

        To be asked of a matcher without changed files.
        """
        self._followed = set()
        self._spared.clear()
        self.growth = Growth(self.growth.project)
        self._matcher = MentionMatcher(self, self.growth)
        self.invalid, self._hit_functions = {}, {}
        change(self.growth)
        self._affected()
        self._spread()
        return self.invalid

    def _hit(self, trace_id: int, cause: Cause) -> None:
        kind = self.recorded.kinds.get(trace_id)
        if kind in ("module", "statement", "collect") and cause.is_after_imports:
            return
        if kind is not None:
            self.invalid.setdefault(trace_id, cause)

    def _vanished_blocks(self) -> None:
        """Executed blocks that are not in the source any more."""
        causes: dict[int, Cause] = {}
        for path in (*self.files.changed, *self.files.removed):
            ref = self.snapshot.get(path)
            if ref is None or not is_loaded(ref):
                continue
            if path in self.files.broken and not self.growth.is_import_caught(path):
                continue  # none of its blocks can run: its import fails before
            model = self.models.now(path)
            today = {b.checksum for b in model.blocks} if model is not None else set()
            old = self.models.before(path)
            before = {b.checksum: b for b in old.blocks} if old is not None else {}
            now = self.models.counterparts(path)
            for fingerprint in self.traces.fingerprints([path]):
                gone = fingerprint.checksums - today
                if not gone:
                    continue
                known = (before[c] for c in gone if c in before)
                block = min(known, key=lambda b: (b.checksum not in now, b.line), default=None)
                cause = self._block_cause(path, block, model)
                causes[fingerprint.id] = cause
                for checksum in gone:
                    if checksum in before:
                        self._hit_functions.setdefault((path, before[checksum].qualname), cause)
        for trace_id, cause in self.recorded.with_fingerprints(causes).items():
            self._hit(trace_id, cause)

    def _unfinished_fixtures(self) -> None:
        """What a killed run did not see of a fixture.

        For its teardown stand all blocks of the functions it entered.
        """
        for trace_id, name in self.recorded.unfinished.items():
            fingerprints = self._datafile.trace_fingerprints(trace_id)
            if not fingerprints:
                self._hit(trace_id, unobserved("was not recorded before the run ended", "", name))
            for fingerprint in fingerprints:
                old = (
                    self.models.before(fingerprint.path)
                    if fingerprint.path in self.models.changed
                    else None
                )
                if old is None:
                    continue
                model = self.models.now(fingerprint.path)
                today = {b.checksum for b in model.blocks} if model is not None else set()
                entered = {b.qualname for b in old.blocks if b.checksum in fingerprint.checksums}
                for block in old.blocks:
                    if block.qualname in entered and block.checksum not in today:
                        self._hit(trace_id, self._block_cause(fingerprint.path, block, model))

    def _block_cause(self, path: str, block: Block | None, model: SourceModel | None) -> Cause:
        if path in self.files.broken:
            return Cause(Kind.FILE, Manner.UNPARSABLE, path, "")
        if model is None:
            return Cause(Kind.FILE, REMOVED, path, "")
        if block is None:
            return Cause(Kind.FILE, Manner.CHANGED, path, "")
        first = next((b for b in model.blocks if b.qualname == block.qualname), None)
        now = self.models.counterparts(path).get(block.checksum, first)
        return Cause(
            Kind.BLOCK, CHANGED if now else REMOVED, path, block.qualname, now.line if now else 0
        )

    def _changed_resources(self) -> None:
        states = self._datafile.resource_states()
        changed = changed_states(states, self._today)
        self.beyond_files = self.beyond_files or bool(changed)
        # By function, the traces for which it read.
        readers: dict[tuple[str, str], dict[int, Cause]] = {}
        for trace_id, state_id, frames in (
            self._datafile.readings(self.run.id, changed) if changed else ()
        ):
            if trace_id not in self.recorded.kinds:
                continue
            state = states[state_id]
            cause = changed_resource(state.kind, state.name)
            for path, qualname, _ in frames_in(frames):
                readers.setdefault((path, qualname), {}).setdefault(trace_id, cause)
            is_import = self.recorded.kinds[trace_id] == "module"
            if not (is_import and self._narrow(trace_id, state._replace(frames=frames), cause)):
                self._hit(trace_id, cause)
        for (path, qualname), traces in readers.items():
            self._keeping_what_it_read(path, qualname, traces)

    def _keeping_what_it_read(self, path: str, qualname: str, traces: Mapping[int, Cause]) -> None:
        """A function passes what it kept on to tests that did not read where that is from.

        It, or another for it, has read that.
        """
        function = self._keeping.get((path, qualname))
        if function is None:
            return
        is_early = any(
            self.recorded.kinds[trace_id] in ("module", "collect", "session") for trace_id in traces
        )
        names = {*function.keeps, *((RESULT,) if function.memoised else ())}
        if not is_early:
            names &= set(
                self._kept_values.kept(
                    path, function, self.models.function_before(path, function), set(traces)
                )
            )
        cause = next(iter(traces.values()))
        how = Manner.KEEPS if is_early else Manner.KEEPS_LATER
        kept = Cause(Kind.MEMOISED, how, path, qualname, 0, cause)
        self._kept(path, function, names, kept, set(traces))

    def _narrow(self, trace_id: int, state: ResourceState, cause: Cause) -> bool:
        """A resource read while a module was imported belongs to the statements that read it."""
        module = self.modules[trace_id]
        old = self.models.before(module)
        if self._today.state(state.kind, state.name) == "missing" or old is None:
            return False
        reading: list[tuple[str, int]] = []
        for path, qualname, line in frames_in(state.frames):
            if path == module and qualname == "<module>":
                names = [
                    n
                    for d in old.definitions
                    if d.line <= line <= d.end_line and not d.owner
                    for n in d.names
                ]
                if not names:
                    return False
                reading += [(name, line) for name in names]
        for name, line in reading:
            self.growth.name(
                module, name, Cause(Kind.DEFINITION, Manner.READS, module, name, line, cause)
            )
        return bool(reading)

    def _changed_names(self) -> None:
        """Feed the growth with everything that happened to import-time code."""
        for path in self.files.broken:
            self.growth.unparsable_module(path, Cause(Kind.FILE, Manner.UNPARSABLE, path, ""))
        for path in self.files.changed:
            if path in self.files.broken:
                continue
            new, old = self.models.now(path), self.models.before(path)
            ref = self.snapshot[path]
            if ref.model_key != MODEL_KEY or old is None:
                self.growth.module(path, Cause(Kind.FILE, Manner.CHANGED, path, ""))
                continue
            for change in definition_changes(old, new):
                self.growth.changed_definition(path, change)
            self._changed_stars(path, old, new)
        for path in self.files.removed:
            old = self.models.before(path)
            self.growth.removed_module(path, old.definitions if old else ())
        for path in self.files.added:
            model = self.models.now(path)
            self.growth.new_module(path, model.definitions if model else ())
        for path in (*self.files.added, *self.files.removed):
            self._package_comes_or_goes(path)
        for modules, cause in self._packages.changed():
            if modules != READING_NAMES or any(self.models.mentioning(frozenset(modules))):
                self.growth.package(modules, cause)
        self._changed_imports()
        self._modules_hit()

    def _package_comes_or_goes(self, path: str) -> None:
        """A folder above tests becomes a package, or is none any more."""
        folder = folder_of_package(path)
        if folder is None:
            return
        is_gone = path in self.files.removed
        conftests = filter(is_conftest, self.models.loaded)
        files = {*self.recorded.collected_from.values(), *conftests}
        model = self.models.before(path) if is_gone else self.models.now(path)
        index = self.growth.project.index
        below = FilesOfPackage(folder, model, files, self.models.text, self.models.now, index)
        for each in below.minding():
            self.growth.module(each, Cause(Kind.IMPORT, REMOVED if is_gone else ADDED, path, ""))

    def _changed_stars(self, path: str, old: SourceModel, new: SourceModel | None) -> None:
        before = {(i.module, i.level) for i in old.imports if i.name == "*"}
        after = {(i.module, i.level) for i in (new.imports if new else ()) if i.name == "*"}
        if before != after:
            self.growth.module(path, Cause(Kind.IMPORT, Manner.CHANGED, path, "*"))

    def _changed_imports(self) -> None:
        """An import that came or went brings or takes the effects of importing what it names."""
        order = ImportOrder(self.growth)
        for path in self.files.changed:
            old, new = self.models.before(path), self.models.now(path)
            if old is None or new is None:
                continue
            order.changed(path, old, new)
            before, after = self._imported_by(path, old), self._imported_by(path, new)
            for target in sorted(before ^ after):
                # What the run had loaded for somebody did then what it does now, and did not fail.
                if target in before or target not in self.models.loaded:
                    self._import_effects(path, target)

    def _imported_by(self, path: str, model: SourceModel) -> set[str]:
        """The files that importing a source imports, and those that they import."""
        project = self.growth.project
        stack = [t for i in model.imports if i.is_eager for t in project.index.targets(i, path)]
        found: set[str] = set()
        while stack:
            target = stack.pop()
            if target not in found and target != path:
                found.add(target)
                stack += project.edges(target, lazy=False)
        return found

    def _import_effects(self, path: str, target: str) -> None:
        model = self.models.now(target) or self.models.before(target)
        for definition in model.definitions if model else ():
            if definition.effects:
                cause = Cause(
                    Kind.IMPORT,
                    Manner.IMPORTS,
                    path,
                    definition.names[0] if definition.names else target,
                )
                self.growth.imported_effects(target, definition, cause, importing=path)

    # What is affected

    def is_everything(self) -> bool:
        """Whether all of many tests are hit.

        Then nothing else is looked for, which would take long.
        """
        return bool(self._many) and self._many <= self.invalid.keys()

    @cached_property
    def everyone(self) -> int:
        """The traces of all tests, where there are many; none where there are few."""
        return self.traces.bits.of(self._many)

    @cached_property
    def _many(self) -> frozenset[int]:
        tests = frozenset(
            trace_id for trace_id, kind in self.recorded.kinds.items() if kind == "test"
        )
        return tests if len(tests) >= _MANY else frozenset()

    def _affected(self) -> None:
        while not self.is_everything():
            self.growth.grow()
            size = self.growth.affected.size
            self._mentioned()
            if self.is_everything():
                return
            self._memoised()
            self._statements_affected()
            if self.growth.affected.size == size:
                break
        self._given_to_libraries()
        done: set[str] = set()
        while True:
            self._modules_hit()
            if self.growth.affected.modules.keys() <= done:
                break
            for module, cause in list(self.growth.affected.modules.items()):
                if module not in done:
                    done.add(module)
                    self._module_affected(module, cause)
        self._imports_endangered()

    def _modules_hit(self) -> None:
        """Note that an import may come out otherwise if its undivided trace does not hold.

        No statements divide the trace of such a module.
        """
        for trace_id, path in self.recorded.whole_modules():
            if trace_id in self.invalid:
                self.growth.module(path, self.invalid[trace_id])

    def _statements_affected(self) -> None:
        """What a statement of a module ran on import may come out otherwise.

        So may what the statement makes.
        """
        for key in [key for key in self._spared if key in self._hit_functions]:
            self._followed -= self._spared.pop(key)
        for trace_id, lines in self.recorded.lines.items():
            if trace_id in self.invalid and trace_id not in self._followed:
                self._followed.add(trace_id)
                for line in sorted(lines):
                    self._statement_affected(self.modules[trace_id], line, self.invalid[trace_id])

    def _statement_affected(self, path: str, line: int, cause: Cause) -> None:
        old = self.models.before(path)
        found = (
            [d for d in old.definitions if d.line == line and may_run(d)] if old is not None else []
        )
        if not found:
            self.growth.module(path, cause)
        traces = set(self.recorded.at.get((path, line), ()))
        functions = [
            self._without_kept(function, traces) for function in self.statements.ran_at(path, line)
        ]
        for definition in found:
            self.growth.ran(path, definition, cause, functions)

    def _without_kept(self, ran: Ran, traces: AbstractSet[int]) -> Ran:
        """What a function that ran for some traces may do.

        It does not make anew what it had kept before.
        """
        key = ran.path, ran.qualname
        if (
            key in self._hit_functions
            or ran.path in self.models.changed
            or key not in self._keeping
        ):
            return ran
        function = self._keeping[key]
        made = self._made_values.made(function, self.models.function_before(ran.path, function))
        if not made or self._made_values.has_made(key, traces):
            return ran
        self._spared[key] |= traces
        return ran._replace(
            effects=tuple(effect for effect in ran.effects if changed_global(effect) not in made)
        )

    def _comes_upon(
        self, path: str, definition: Definition, cls: tuple[str, str], member: str
    ) -> bool:
        """Whether code that a definition ran may come upon a class, see `Project.comes_upon`."""
        mentioned = self.statements.mentioned(path, definition)
        if mentioned is None:
            return True
        held = self.growth.holders(*cls)
        used = [(path, definition.mentions), *mentioned]
        return any(held.is_used(where, mentions, besides=member) for where, mentions in used)

    def _mentioned(self) -> None:
        for trace_id, cause in self._matcher.match(self.invalid).items():
            self._hit(trace_id, cause)
        for function, cause in self._matcher.functions.items():
            self._hit_functions.setdefault(function, cause)

    def _memoised(self) -> None:
        """A memoised function passes on what it ran to tests that only see its kept result."""
        if not self._hit_functions:
            return
        called = self._calling_the_affected()
        for key, function in (*self._keeping.items(), *self._kept_elsewhere(called)):
            path, qualname = key
            made_with = self._made_with_a_change(key)
            given = self._given_a_change(key, function, called)
            own = called.get(key) or made_with
            found = own or given
            ran = self._ran_with_a_change(path, function) if found is not None else set()
            if found is None or not ran:
                continue
            before = self.models.function_before(path, function)
            names = frozenset(self._kept_values.kept(path, function, before, ran))
            taken = names & frozenset(function.takes) if given is not None else frozenset()
            made = self._made_values.made(function, before) - taken
            if (
                names & made
                and key not in self._hit_functions
                and self._made_values.is_known(key, ran)
            ):
                is_called_apart = key in called and not called[key].names <= frozenset(
                    function.inside
                )
                if not is_called_apart and made_with is None:
                    names -= made
            names = names if own is not None else taken
            is_early = any(
                self.recorded.kinds.get(trace_id) in ("module", "statement") for trace_id in ran
            )
            how = Manner.KEEPS if is_early else Manner.KEEPS_LATER
            self._kept(
                path,
                function,
                names,
                Cause(Kind.MEMOISED, how, path, qualname, 0, found.cause),
                ran,
            )

    @cached_property
    def _keeping(self) -> Mapping[tuple[str, str], FunctionSummary]:
        """The functions that keep something, by file and qualified name."""
        models = (
            (path, self.models.now(path))
            for path in self.models.mentioning(frozenset({codec.MEMOISES}))
        )
        project = self.growth.project
        found = (
            (p, results.with_calls(project, p, f)) for p, m in models if m for f in m.functions
        )
        return {
            (path, function.qualname): function
            for path, function in found
            if function.memoised or function.keeps
        }

    def _kept_elsewhere(
        self, called: Iterable[tuple[str, str]]
    ) -> Iterator[tuple[tuple[str, str], FunctionSummary]]:
        """Those of some functions whose results something else keeps.

        They are memoised, though their text is not.
        """
        for path, qualname in called:
            if (path, qualname) in self._keeping:
                continue
            if self._kept_by_others.is_kept(path, qualname):
                facts = self.growth.project.facts(path)
                function = facts.function(qualname) if facts is not None else None
                if function is not None:
                    known = results.with_calls(self.growth.project, path, function)
                    yield (path, qualname), known._replace(memoised=True)

    @cached_property
    def _kept_by_others(self) -> KeptByOthers:
        return KeptByOthers(self.growth.project)

    def _given_a_change(
        self,
        key: tuple[str, str],
        function: FunctionSummary,
        called: Mapping[tuple[str, str], _Called],
    ) -> _Called | None:
        """An affected caller, if there is one, of a function that may keep what it was given.

        The caller may give it to another function that gives it on.
        """
        if not function.takes:
            return None
        pending, seen = [key], {key}
        while pending and len(seen) < _MOST_GIVING_ON:
            path, qualname = pending.pop()
            name = _named_by_callers(qualname)
            for caller in self._calling(name, self.growth.project.reaching(path)):
                summary = self.growth.project.function(*caller)
                if summary is None or caller in seen:
                    continue
                if caller in called and name in summary.hands:
                    return called[caller]
                if any(_gives(altered, name) for altered in summary.alters):
                    seen.add(caller)
                    pending.append(caller)
        # Too many give it on to look at each: any of those that were left may be given a change.
        return next(iter(called.values()), None) if pending else None

    def _made_with_a_change(self, key: tuple[str, str]) -> _Called | None:
        """The first affected function that ran while a function made what it keeps, if any."""
        took_part = self._made_values.took_part(key, self.invalid.keys())
        return next((_Called(c) for f, c in self._hit_functions.items() if f in took_part), None)

    def _calling_the_affected(self) -> Mapping[tuple[str, str], _Called]:
        """The functions that are affected, or that may call one, by the names that they use."""
        found = {key: _Called(cause) for key, cause in self._hit_functions.items()}
        pending = list(found)
        passed: set[tuple[str, str]] = set()  # names of which all callers were seen
        while pending:
            path, qualname = key = pending.pop()
            cause = found[key].cause
            name = _named_by_callers(qualname)
            if name == "<module>":
                continue
            reaching = self.growth.project.reaching(path)
            if (path, name) in passed:
                continue
            passed.add((path, name))
            for caller in self._calling(name, reaching):
                if caller not in found:
                    found[caller] = _Called(cause)
                    pending.append(caller)
                found[caller].names.add(name)
        return found

    def _calling(self, name: str, files: AbstractSet[str]) -> Iterator[tuple[str, str]]:
        """The functions of some files that use a name, or an attribute of that name."""
        is_alone = len(files) == 1  # a test file, mostly: no need to ask for each of its tests
        for path in files if is_alone else self.models.mentioning(frozenset({name})):
            if path in files:
                yield from self._users(name, path)

    def _users(self, name: str, path: str) -> Iterable[tuple[str, str]]:
        """The functions of a file that use a name, or an attribute of that name."""
        if (name, path) not in self._users_of:
            facts = self.growth.project.facts(path)
            mentions = (name, f".{name}", f"~{name}")
            blocks = [b for m in mentions for b in facts.blocks_mentioning(m)] if facts else []
            self._users_of[name, path] = list(dict.fromkeys((path, b.qualname) for b in blocks))
        return self._users_of[name, path]

    def _ran_with_a_change(self, path: str, function: FunctionSummary) -> set[int]:
        """Traces that a change touches and that ran what keeps.

        Otherwise what is kept was made without the change.
        """
        if path in self.models.changed and (path, function.qualname) in self._hit_functions:
            return set(self.invalid)  # the block that keeps may be another now
        model = self.models.now(path)
        blocks = (
            [b for b in model.blocks if b.qualname == function.qualname]
            if model is not None
            else []
        )
        filling = [
            b
            for b in blocks
            if not function.fills or any(_holds_line(b, line) for line in function.fills)
        ]
        return (
            self.invalid.keys()
            & self.hits_of({path: {b.checksum: _NOTHING for b in filling}}).keys()
        )

    @cached_property
    def _made_values(self) -> MadeValues:
        return MadeValues(
            self._kept_values.notes, is_recorded=self.run.facts.get("survival") is True
        )

    @cached_property
    def _kept_values(self) -> KeptValues:
        return KeptValues(
            self._datafile,
            self.run,
            self.growth.project,
            self.recorded.kinds,
            self._entering,
            self._using,
            asking=lambda name: self._by_file(self.asked.where(name)),
            walking=lambda name: self._by_file(self.asked.walking(name), lookups.WALKS),
        )

    def _by_file(
        self, found_asking: Iterable[Asking], way: str = ""
    ) -> Mapping[str, AbstractSet[int]]:
        """By file, the traces in which its code looked something up, or may have."""
        found: dict[str, int] = {path: self.asked.lost(path, way) for path, _ in self.asked.looking}
        for asking in found_asking:
            found[asking.path] = found.get(asking.path, 0) | asking.traces
        things = self.traces.bits.things
        return {
            path: set(self.recorded.kinds if traces == EVERYONE else things(traces))
            for path, traces in found.items()
            if traces
        }

    def reading(self, path: str, attribute: str) -> int:
        """Traces that read what a file keeps in an object that was filled before their turn."""
        return self.traces.bits.known(self._kept_values.readers(path, attribute))

    def only_stores(self, path: str, qualname: str, attribute: str) -> bool:
        """Whether a method that sets an attribute does no more.

        See `KeptValues.only_stores`.
        """
        return self._kept_values.only_stores(path, qualname, attribute)

    def notes_reading(self, path: str, qualname: str, attribute: str) -> bool:
        """Whether a function notes of which object it reads an attribute, and did so in the run."""
        models = [
            self.models.now(path),
            *([self.models.before(path)] if path in self.models.changed else ()),
        ]
        for model in models:
            same = (
                [f for f in model.functions if f.qualname == qualname] if model is not None else []
            )
            if not same or any(attribute not in function.sees for function in same):
                return False
        return True

    def _using(self, module: str) -> Iterable[int]:
        """Traces that ran a block which uses an outside module, or something of it, by any name."""
        blocks: dict[str, dict[int, Cause]] = {}
        for path in self.models.mentioning(frozenset({module})):
            facts = self.growth.project.facts(path)
            imports = facts.model.imports if facts is not None else ()
            names = {module, *(i.binds for i in imports if i.module.partition(".")[0] == module)}
            for mention in (*names, *(f".{name}" for name in names)):
                for block in facts.blocks_mentioning(mention) if facts is not None else ():
                    blocks.setdefault(path, {})[block.checksum] = _NOTHING
        return self.hits_of(blocks)

    def _entering(self, path: str, qualname: str) -> Iterable[int]:
        """Traces that entered a function."""
        facts = self.growth.project.facts(path)
        blocks = (
            [b for b in facts.blocks_below(qualname) if b.qualname == qualname]
            if facts is not None
            else []
        )
        return self.hits_of({path: {block.checksum: _NOTHING for block in blocks}})

    def _kept(
        self,
        path: str,
        function: FunctionSummary,
        names: AbstractSet[str],
        cause: Cause,
        ran: set[int],
    ) -> None:
        """Who sees what a function keeps.

        By its own name if it is not run again, else by the name it is kept under.
        """
        # Then what it keeps by itself may be other, too.
        own = (path, function.qualname) in self._hit_functions
        hit = self._hit_functions.get((path, function.qualname))
        is_other = hit is not None and all(link.kind is not Kind.MEMOISED for link in hit.chain())
        before = self.models.function_before(path, function)
        for name in function.keeps if own else function.results:
            if name in names:
                # A function that is another may keep something in objects that it kept nothing in.
                is_seen = not is_other and self._kept_values.are_readers_known(
                    path, function, before, name, ran
                )
                self.growth.kept(path, function.qualname, name, cause, is_seen=is_seen)
                for where, source in results.returned_by(self.growth.project, path, name):
                    self.growth.kept(where, "", source, cause)
        if RESULT in names:
            outer, _, name = function.qualname.rpartition(".")
            # Nothing mentions it: an object of the class is called.
            if name.startswith("__") and outer:
                self.growth.name(path, outer.partition(".")[0], cause)
            elif not outer or "<locals>" in outer:
                self.growth.name(path, name, cause)
                link = Cause(Kind.BLOCK, Manner.MENTIONS, path, function.qualname, 0, cause)
                # Who calls it, or another that has the same locals, may do so under whatever name.
                around = outer.removesuffix(".<locals>")
                for each in self.growth.project.functions_in(path, around) if outer else ():
                    for trace_id in self._entering(path, each.qualname):
                        self._hit(trace_id, link)
            else:
                is_seen = not is_other and self._kept_values.are_readers_known(
                    path, function, before, RESULT, ran
                )
                if is_seen:
                    self.growth.kept(path, function.qualname, f".{name}", cause, is_seen=True)
                else:
                    self.growth.member(path, outer, name, cause)

    def _module_affected(self, module: str, cause: Cause) -> None:
        """Tests that need a module whose import may come out otherwise."""
        link = Cause(Kind.IMPORT, Manner.NEEDS, module, "", 0, cause)
        folder = module.removesuffix(CONFTEST) if is_conftest(module) else folder_of_package(module)
        for test in self.recorded.tests_below(folder) if folder is not None else ():
            self._hit(test.trace_id, link)
        eager = self.growth.project.reaching(module, lazy=False)
        for test in self.recorded.tests_in(eager):
            self._hit(test.trace_id, link)
        for trace_id in self.traces.bits.things(self.traces.touching(eager)):
            self._hit(trace_id, link)
        self._lazy_imports_of(eager, link)
        self._named_in_code(eager, link)
        self._loaded_by_libraries(eager, link)

    def _named_in_code(self, paths: Iterable[str], cause: Cause) -> None:
        """Code that no source holds, and that may import one of these files."""
        for name in {module_name(path) for path in paths}:
            for trace_id in self.traces.bits.things(self.asked.in_code(name)):
                self._hit(trace_id, cause)

    def _given_to_libraries(self) -> None:
        """A library that imported a module may read its names, and keep what it finds for any test.

        What is new there, and might as well be for the project, it does not know.
        """
        project, affected = self.growth.project, self.growth.affected
        found = [
            *((path, name, name, cause) for (path, name), cause in affected.names.items()),
            *(
                (path, owner.partition(".")[0], member, cause)
                for (path, owner, member), cause in affected.members.items()
            ),
        ]
        for path, outer, name, cause in found:
            if path in affected.modules or not project.is_read_by_libraries(path, name):
                continue
            if self._is_new(path, outer, cause) and project.is_in_statements(path):
                continue
            self.growth.module(path, cause)

    def _is_new(self, path: str, name: str, cause: Cause) -> bool:
        return cause.how is ADDED and any(
            d.kind in ("class", "function") for d in self.growth.project.definitions(path, name)
        )

    def _loaded_by_libraries(self, paths: Iterable[str], cause: Cause) -> None:
        """Tests that may find what a library made of one of some modules.

        It has that from when it imported it, for whomever: a test, of which others do not know, or
        none of the project.
        """
        project = self.growth.project
        pending, done = list(paths), set(paths)
        while pending:
            path = pending.pop()
            for loader in project.loaders(path) - done:
                if path in self.recorded.tests:
                    # Tests that tell a library of their own file undo that for others.
                    tests = [test.trace_id for test in self.recorded.tests_in([loader])]
                elif not loader or loader in self.recorded.tests:
                    tests = [t for t, kind in self.recorded.kinds.items() if kind == "test"]
                elif is_conftest(loader):
                    below = self.recorded.tests_below(loader.removesuffix(CONFTEST))
                    tests = [test.trace_id for test in below]
                else:
                    eager = project.reaching(loader, lazy=False)
                    pending += eager - done
                    tests = [test.trace_id for test in self.recorded.tests_in(eager)]
                    tests += self.traces.bits.things(self.traces.touching(eager))
                    done |= eager
                done.add(loader)
                for trace_id in tests:
                    self._hit(trace_id, cause)

    def _imports_endangered(self) -> None:
        """Modules whose import may raise.

        Pytest reports each file that it collects from and that imports them. Tests that come upon
        such a module in another way, when they run, may fail one by one.
        """
        project, fragile = self.growth.project, self.growth.affected.fragile
        done: set[str] = set()
        while module := next((path for path in fragile if path not in done), None):
            done.add(module)
            cause = fragile[module]
            link = Cause(Kind.IMPORT, Manner.NEEDS, module, "", 0, cause)
            eager = project.reaching(module, lazy=False)
            for path in eager:
                self.endangered.setdefault(path, link)
            # Pytest imports it before any test below it runs.
            if (folder := folder_of_package(module)) is not None:
                for test in self.recorded.tests_below(folder):
                    if self.recorded.collected_from[test.trace_id] not in eager:
                        self._hit(test.trace_id, link)
            self._lazy_imports_of(eager, link)
            self._named_in_code(eager, link)
            touching = set(
                self.traces.bits.things(self.traces.with_users(self.traces.touching(eager)))
            )
            if touching:
                for trace_id in touching:
                    if (
                        self.recorded.kinds.get(trace_id) == "test"
                        and self.recorded.collected_from.get(trace_id) not in eager
                    ):
                        self._hit(trace_id, link)
            # Modules that run on import what imports this one.
            for trace_id, path in self.modules.items():
                if trace_id in self.invalid and path not in self.growth.affected.modules:
                    self.growth.fragile(path, self.invalid[trace_id])

    def _lazy_imports_of(self, eager: frozenset[str], cause: Cause) -> None:
        """Blocks that import one of these files when they run."""
        project = self.growth.project
        checksums: dict[str, set[int]] = {}
        for path in self.models.live:
            if path in eager or not (project.edges(path, lazy=True) & eager):
                continue
            model = self.models.now(path)
            if model is None:
                continue
            for imported in model.imports:
                if imported.is_eager or eager.isdisjoint(project.index.targets(imported, path)):
                    continue
                if imported.deferred:
                    self._uses_of_deferred(path, imported.binds, checksums)
                else:
                    found = {b.checksum for b in model.blocks if _holds_line(b, imported.line)}
                    checksums.setdefault(path, set()).update(found)
            dynamic = {
                b.checksum for b in model.blocks if not b.mentions.isdisjoint((DYNAMIC, ANYWHERE))
            }
            if not eager.isdisjoint(project.dynamic_edges.get(path, ())):
                checksums.setdefault(path, set()).update(dynamic)
        causes = {
            f.id: cause
            for f in self.traces.fingerprints(checksums)
            if not f.checksums.isdisjoint(checksums[f.path])
        }
        for trace_id, found_cause in self.recorded.with_fingerprints(causes).items():
            self._hit(trace_id, found_cause)

    def _uses_of_deferred(self, path: str, name: str, checksums: dict[str, set[int]]) -> None:
        """Blocks that run the deferred import of `path` that binds a name, if nobody did before.

        They use the name.
        """
        project = self.growth.project
        for user in self.models.mentioning(frozenset({name, *LOOKING_UP, *RECORDED})):
            model = self.models.now(user) if user in project.reaching(path) else None
            for block in model.function_blocks if model is not None else ():
                ways = {OPEN.get(way, way) for way in block.mentions & (LOOKING_UP | RECORDED)}
                looks = any(self.growth.looks_up(way, user, path) for way in ways)
                if (
                    looks
                    or "." + name in block.mentions
                    or (user == path and name in block.mentions)
                ):
                    checksums.setdefault(user, set()).add(block.checksum)

    @property
    def recollected(self) -> frozenset[str]:
        """Files of tests whose collection may come out otherwise: there may be other parameters."""
        hits = {
            t: cause for t, cause in self.invalid.items() if self.recorded.kinds.get(t) == "collect"
        }
        traces = self.recorded.spread(hits).keys()
        if not traces:
            return frozenset()
        return frozenset(
            path
            for path, tests in self.recorded.tests.items()
            if any(t.trace_id in traces for t in tests)
        )

    def _spread(self) -> None:
        """Who uses an invalid trace is invalid as well."""
        for trace_id, cause in self.recorded.spread(self.invalid).items():
            if trace_id not in self.invalid:
                self._hit(trace_id, cause)

    # For the mention matcher, see `Run` there

    def statement(self, trace_id: int) -> Sequence[Definition] | None:
        return self.statements.definitions(trace_id)

    def mentioning(self, names: frozenset[str]) -> list[str]:
        return self.models.mentioning(names)

    def tests_in(self, paths: Iterable[str]) -> Iterator[StoredTest]:
        return self.recorded.tests_in(paths)

    def hits_of(self, checksums: Mapping[str, Mapping[int, Cause]]) -> Hits:
        """Traces that executed one of some blocks of today's sources."""
        causes: dict[int, Cause] = {}
        for fingerprint in self.traces.fingerprints(checksums):
            wanted = checksums[fingerprint.path]
            common = fingerprint.checksums & wanted.keys()
            if common:
                causes[fingerprint.id] = wanted[min(common)]
        return self.recorded.with_fingerprints(causes)


_NOTHING = Cause(Kind.BLOCK, CHANGED, "", "")
_MANY = 5_000  # tests
_MOST_GIVING_ON = 20  # functions that give on what they were given to one that keeps it


def _holds_line(block: Block, line: int) -> bool:
    return any(first <= line <= last for first, last in block.lines)


def _gives(altered: str, name: str) -> bool:
    """Whether a part of `FunctionSummary.alters` says that what was given goes to such a name."""
    called, given, _ = altered.partition(AS)
    return bool(given) and name in called.split(".")


def _named_by_callers(qualname: str) -> str:
    """The name under which callers use a function.

    Who makes or uses an object names its class.
    """
    owner, _, name = qualname.rpartition(".")
    if name.startswith("__") and name.endswith("__"):
        return owner.rpartition(".")[2] or name
    return name
