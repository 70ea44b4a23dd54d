"""`testmon collect`: run pytest once and remember what every test depended on."""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

from testmon_cli import __version__
from testmon_cli.analysis.model_key import MODEL_KEY
from testmon_cli.application.checkout import (
    cache_folder,
    environment,
    interpreters,
    provenance,
    pytest_config,
    rewritten_files,
    sources,
)
from testmon_cli.application.checkout.pytest_options import without_options
from testmon_cli.application.collect.collection_facts import CollectionFacts, Request
from testmon_cli.application.collect.joiner import Joiner, Progress, SpoolReader
from testmon_cli.application.collect.launching import Launch
from testmon_cli.application.collect.loaded_sources import LoadedSources
from testmon_cli.application.collect.pytest_process import Stop, supervisor
from testmon_cli.application.select.requested_tests import asked_for
from testmon_cli.application.settings import Settings
from testmon_cli.domain import records
from testmon_cli.domain.nodeid import NodeId, path_of
from testmon_cli.domain.provenance import FACT
from testmon_cli.domain.records import (
    FIXTURES,
    HANDED,
    LOOKUPS,
    LOOKUPS_ARE_RECORDED,
    SET_UPS,
    STATEMENTS,
    WHOLE,
    Package,
    RunStart,
    SourceVersion,
)
from testmon_cli.storage.datafile import Datafile
from testmon_cli.tracing.settings import TraceSettings
from testmon_cli.tracing.watch.states import environment_state

_NO_MODEL = "-"  # model key of files that were there but that no test loaded
_USAGE_ERROR = 4  # pytest's exit code
_NARROWING = (
    "-k", "-m", "--deselect", "--lf", "--last-failed", "--sw", "--stepwise", "--ignore", "--ignore-glob",
)  # fmt: skip


class Collected(NamedTuple):
    """How a run ended."""

    exitcode: int
    executed: int
    errors: int
    note: str = ""  # for stderr
    is_refused: bool = False  # whether pytest took the options, but not what it was to run
    new: int = 0  # tests that never ran before in this environment
    seconds: float = 0.0


def collect_selected(
    settings: Settings,
    arguments: Sequence[str],
    *,
    verbose: bool = False,
    say: Callable[[str], None] = lambda _: None,
    progress: Progress | None = None,
) -> Collected | None:
    """Run only what `select` would print; None when that is nothing.

    Paths among the arguments narrow the selection, all others go to pytest. `say` is told what the
    user should know, for `progress` see `collect`.
    """
    from testmon_cli.application.select.filters import narrowing_of
    from testmon_cli.application.select.use_case import select  # a plain run does not need it

    root = Path(os.path.realpath(settings.root))
    options, paths = divided(arguments, root)
    narrowing = narrowing_of(settings, paths or None)
    selection = select(settings, narrowing=narrowing, exact=True)
    if not selection.known and narrowing.is_of_tests(selection):
        return collect(settings, arguments, verbose=verbose, progress=progress)
    if not selection.arguments:
        return None
    return collect_these(
        settings, options, selection.arguments, verbose=verbose, say=say, progress=progress
    )


def collect_these(
    settings: Settings,
    options: Sequence[str],
    nodes: tuple[str, ...],
    *,
    verbose: bool = False,
    say: Callable[[str], None] = lambda _: None,
    progress: Progress | None = None,
) -> Collected:
    """Run some tests; where pytest does not know one of them by its name, what contains them.

    An id may hold the time of day, and what makes tests may do so by means that no text tells.
    """
    collected = collect(settings, [*options, *nodes], verbose=verbose, progress=progress)
    functions = tuple(
        dict.fromkeys(str(NodeId.parse(node, path_of(node)).function) for node in nodes)
    )
    # of a file pytest says what is wrong with it and goes on
    files = tuple(dict.fromkeys(map(path_of, nodes)))
    for wider, what in ((functions, "functions"), (files, "files")):
        if collected.is_refused and wider != nodes:
            say(
                f"pytest does not know some of these tests by their names; running their {what} instead"
            )
            collected = collect(settings, [*options, *wider], verbose=verbose, progress=progress)
            nodes = wider
    return collected


def collect(
    settings: Settings,
    arguments: Sequence[str],
    *,
    verbose: bool = False,
    is_whole: bool = False,
    stop: Stop | None = None,
    progress: Progress | None = None,
    launch: Callable[[TraceSettings], Launch] = Launch,
) -> Collected:
    """Run pytest with these arguments under observation and store what it showed.

    `stop` lets another thread end it.

    `progress` is told of what is left to be read once pytest has ended. `is_whole` says that the
    jobs that run beside this one leave nothing out, even though this one may. `launch` gives what
    pytest is started with. Returns pytest's own exit code. Raises DatafileError before pytest
    starts when nothing could be stored.
    """
    root = Path(os.path.realpath(settings.root))
    started = time.time()
    with (
        Datafile.open(settings.datafile, mode="write", create=True) as datafile,
        ExitStack() as kept_open,
    ):
        git = environment.git_state(root)
        newest = next(iter(datafile.runs()), None)
        before: Mapping[str, object] = newest.facts if newest is not None else {}
        start = _run_start(datafile, settings, arguments, git, _after(newest, started))
        run_id = datafile.begin_run(start)
        kept = cache_folder.prepare(root, is_in_git=bool(git.head))
        stats = sources.scan(root, settings.source, settings.exclude)
        stored = partial(_stored_version, datafile)
        launched = kept_open.enter_context(
            launch(_trace_settings(settings, root, kept.key, verbose=verbose))
        )
        hash_key, spool = launched.settings.hash_key, launched.spool
        variable = partial(_state_of_variable, hash_key)
        loaded = LoadedSources(root, stored, stats, kept.key)
        joiner = Joiner(
            loaded,
            settings.depends,
            settings.always,
            variable,
            keeps_failures=settings.store_failures,
        )
        place = pytest_config.place_of(arguments, root)
        config = pytest_config.read(root, place)
        request = Request(asked_for(arguments, root), _narrows(arguments), _redefines(arguments))
        collection = CollectionFacts(joiner, stats, request, config.naming(arguments), place)
        store = _Store(datafile, run_id, joiner, stats, collection, is_whole=is_whole)
        facts = {
            "hash_key": hash_key,
            "config": config.digest,
            "place": place,
            interpreters.FACT: interpreters.fact(),
            records.CLOCK: started,
            STATEMENTS: not settings.without_probes,
            FACT: provenance.here(root, os.environ, git.head).as_facts(),
        }
        store.begin(facts)
        with supervisor(stop) as watched:
            reader = SpoolReader(Path(spool.folder))

            def look() -> None:
                store.read(reader, progress if watched.is_over else None)
                store.commit()

            exitcode = watched.run(
                lambda: launched.start(arguments), look, is_told=spool.is_interrupted
            )
            completed = joiner.told.ended is not None
            store.finish(
                facts=rewritten_files.facts_of(
                    joiner.read, root, started, before, joiner.passing, joiner.listed
                )
            )
            new = len(joiner.executed) - datafile.known_before(run_id, start.environment)
            datafile.finish_run(run_id, time.time(), completed, exitcode)
            datafile.check_in_place()
    is_refused = exitcode == _USAGE_ERROR and joiner.told.session is not None
    seconds = time.time() - started
    return Collected(
        exitcode, len(joiner.executed), len(joiner.told.errors), kept.note, is_refused, new, seconds
    )


def expected(settings: Settings) -> TraceSettings:
    """How processes of a run will be traced that has these settings, if nothing changes."""
    root = Path(os.path.realpath(settings.root))
    kept = cache_folder.prepare(root, is_in_git=bool(environment.git_state(root).head))
    return _trace_settings(settings, root, kept.key, verbose=False)


def _run_start(
    datafile: Datafile,
    settings: Settings,
    arguments: Sequence[str],
    git: environment.GitState,
    started: float,
) -> RunStart:
    """What is known of a run before pytest starts."""
    return RunStart(
        environment=environment.current(settings.env),
        started=started,
        arguments=tuple(arguments),
        packages=describe_packages(datafile, environment.installed_packages()),
        git_head=git.head,
        git_dirty=git.dirty,
        engine=settings.engine,
        version=__version__,
    )


def _trace_settings(settings: Settings, root: Path, key: str, *, verbose: bool) -> TraceSettings:
    """How processes of a run are traced that has no folder for records yet."""
    return TraceSettings(
        spool="",
        root=str(root),
        engine=settings.engine,
        roots=tuple(settings.source),
        exclude=tuple(settings.exclude),
        without_probes=tuple(settings.without_probes),
        ignore_files=(*settings.ignore, ".testmondata*"),
        ignore_environment=tuple(settings.ignore_env),
        verbose=verbose,
        parent=os.getpid(),
        key=key,
    )


def describe_packages(datafile: Datafile, found: Sequence[Package]) -> tuple[Package, ...]:
    """Installed distributions with what they provide and require.

    Metadata is read only of those that are new.
    """
    runs = datafile.runs()
    known: dict[tuple[str, str, str], Package] = {}
    if runs:
        known = {(p.name, p.version, p.digest): p for p in datafile.packages(runs[0].id)}
    keys = [(p.name, p.version, p.digest) for p in found]
    entries = environment.metadata_entries() if set(keys) - known.keys() else {}
    return tuple(
        known.get(key) or environment.describe(package, entries)
        for key, package in zip(keys, found, strict=True)
    )


def _after(newest: records.Run | None, started: float) -> float:
    """When a run counts as begun: after all that the datafile has, whatever clocks say."""
    return started if newest is None else max(started, math.nextafter(newest.started, math.inf))


def _state_of_variable(hash_key: str, name: str) -> str:
    return environment_state(os.environ.get(name), hash_key)


def _stored_version(datafile: Datafile, path: str, digest: str) -> SourceVersion | None:
    version_id = datafile.known_version(path, digest, MODEL_KEY)
    if version_id is None:
        return None
    names = datafile.names([version_id]).get(version_id, b"")
    return SourceVersion(path, digest, MODEL_KEY, datafile.model(version_id), names, -1, -1)


def _narrows(arguments: Sequence[str]) -> bool:
    """Tell whether options of the command line leave tests out."""
    return any(a.startswith(_NARROWING) for a in arguments)


def _redefines(arguments: Sequence[str]) -> bool:
    """Tell whether options of the command line decide what is a test."""
    return any(a.startswith(("-o", "--override-ini")) for a in arguments)


def divided(arguments: Sequence[str], root: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Divide arguments of pytest into options, with their values, and paths or node ids.

    `root` is where paths are looked for besides the working directory.
    """
    places = {place for place in without_options(arguments) if _names_path(arguments[place], root)}
    options = tuple(argument for place, argument in enumerate(arguments) if place not in places)
    return options, tuple(arguments[place] for place in sorted(places))


def _names_path(argument: str, root: Path) -> bool:
    path = path_of(argument)
    return not argument.startswith("-") and (os.path.exists(path) or os.path.exists(root / path))


class _Store:
    """Writes what the joiner puts together into one run of the datafile."""

    def __init__(
        self,
        datafile: Datafile,
        run_id: int,
        joiner: Joiner,
        stats: Mapping[str, sources.Stat],
        collection: CollectionFacts,
        *,
        is_whole: bool,
    ) -> None:
        self._datafile = datafile
        self._run_id = run_id
        self._joiner = joiner
        self._versions: dict[str, int] = {}
        self._stats = stats
        self._collection = collection
        self._is_whole = is_whole  # no test is left out, but for what jobs beside this one run
        self._facts: dict[str, object] = {}
        self._dirty = False

    def begin(self, facts: Mapping[str, object]) -> None:
        """Store what is known before pytest starts: the files, and the configuration."""
        self._facts.update(facts)
        self._datafile.set_facts(self._run_id, self._facts)
        there = [
            SourceVersion(path, "", _NO_MODEL, b"", b"", stat.size, stat.mtime_ns)
            for path, stat in self._stats.items()
        ]
        self._add(there)
        self._snapshot()

    def read(self, reader: SpoolReader, progress: Progress | None = None) -> None:
        for source, record in reader.poll(progress):
            self._joiner.add(source, record)

    def commit(self) -> None:
        """Store what has come together since the last commit."""
        self._add(self._joiner.sources.take())
        if self._joiner.told.collected and "pending" not in self._facts:
            # Should the run be killed, what it did not come to is known to be there.
            self._facts.update(self._collection.facts())
            self._facts[LOOKUPS] = LOOKUPS_ARE_RECORDED if self._joiner.told.keeps_names else 0
            self._datafile.set_facts(self._run_id, self._facts)
            if self._dirty:
                self._snapshot()
        batch = self._joiner.take()
        if batch:
            if self._dirty:
                self._snapshot()
            self._datafile.write(self._run_id, batch.traces, batch.executions)

    def finish(self, *, facts: Mapping[str, object]) -> None:
        """Store what only the end of the session shows."""
        self.commit()
        self._forget_passing_sources()
        if self._dirty:
            self._snapshot()
        joiner = self._joiner
        session, ended = joiner.told.session, joiner.told.ended
        self._facts.update(
            edges={importer: sorted(imported) for importer, imported in joiner.told.edges.items()},
            **{
                HANDED: {
                    importer: sorted(imported) for importer, imported in joiner.told.handed.items()
                }
            },
            modules={
                name: joiner.sources.relative(path)
                for name, path in (ended.modules if ended else {}).items()
            },
            plugins=list(session.plugins) if session else [],
            engine=session.engine if session else "",
            **{LOOKUPS: LOOKUPS_ARE_RECORDED if joiner.told.keeps_names else 0},
            # Whether it was seen what survives its test; a run of which this is not said shows
            # nothing of it.
            survival=session is not None and session.engine == "probes",
            # Those for which tests ask as they run are known only when all have.
            **({FIXTURES: sorted(joiner.told.fixtures)} if ended is not None else {}),
            **({SET_UPS: joiner.told.set_ups} if joiner.told.set_ups else {}),
            errors=joiner.told.errors,
            **self._collection.facts(),
            **{WHOLE: self._is_whole or self._collection.is_whole},
            unwanted=self._collection.unwanted(),
            inert=self._collection.inert(),
            **facts,
        )
        if session is not None:
            self._facts.update(self._collection.configuration(session))
        self._datafile.set_facts(self._run_id, self._facts)

    def _forget_passing_sources(self) -> None:
        """Files that tests made, loaded and removed: their absence now is no change."""
        for path in list(self._versions):
            if path not in self._stats and not (self._joiner.sources.root / path).exists():
                del self._versions[path]
                self._dirty = True

    def _add(self, versions: Sequence[SourceVersion]) -> None:
        if versions:
            for (path, _), version_id in self._datafile.add_sources(versions).items():
                if self._versions.get(path) != version_id:
                    self._versions[path] = version_id
                    self._dirty = True

    def _snapshot(self) -> None:
        self._datafile.set_snapshot(self._run_id, list(self._versions.values()))
        self._dirty = False
