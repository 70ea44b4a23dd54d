"""`testmon collect`: run pytest once and remember what every test depended on."""

import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from testmon_cli import __version__
from testmon_cli.analysis.checksums import content_digest
from testmon_cli.analysis.model_key import MODEL_KEY
from testmon_cli.analysis.naming import Naming, candidates
from testmon_cli.application import (
    cache_folder,
    environment,
    interpreters,
    keywords,
    pytest_config,
    rewritten,
    sources,
    spools,
)
from testmon_cli.application.asking import Asked, asked_for
from testmon_cli.application.files import read_bytes
from testmon_cli.application.options import without_options
from testmon_cli.application.recording import Joiner, SpoolReader
from testmon_cli.application.settings import Settings
from testmon_cli.application.supervising import supervisor
from testmon_cli.domain.records import Package, RunStart, SourceVersion
from testmon_cli.storage.datafile import Datafile
from testmon_cli.tracing import launch
from testmon_cli.tracing.settings import TraceSettings
from testmon_cli.tracing.states import environment_state

_NO_MODEL = "-"  # model key of files that were there but that no test loaded
# Arguments of a run longer than this are handed over in a file (pytest 8.2 reads `@file`).
_LONGEST_ARGUMENTS = 50_000


class Collected(NamedTuple):
    """How a run ended."""

    exitcode: int
    executed: int
    errors: int
    note: str = ""  # for stderr


def collect_selected(settings: Settings, arguments: Sequence[str], *, verbose: bool = False) -> Collected | None:
    """Run only what `select` would print; None when that is nothing.

    Paths among the arguments narrow the selection, all others go to pytest.
    """
    from testmon_cli.application import selecting  # a plain run does not need it
    from testmon_cli.application.select_filters import narrowing_of

    root = Path(os.path.realpath(settings.root))
    paths = {place: arguments[place] for place in without_options(arguments) if names_path(arguments[place], root)}
    narrowing = narrowing_of(settings, [*paths.values()] or None)
    selection = selecting.select(settings, narrowing=narrowing, exact=True)
    if not selection.known and narrowing.is_of_tests(selection):
        return collect(settings, arguments, verbose=verbose)
    if not selection.arguments:
        return None
    options = [argument for place, argument in enumerate(arguments) if place not in paths]
    return collect(settings, [*options, *selection.arguments], verbose=verbose)


def collect(settings: Settings, arguments: Sequence[str], *, verbose: bool = False) -> Collected:
    """Run pytest with these arguments under observation and store what it showed.

    Returns pytest's own exit code. Raises DatafileError before pytest starts when nothing could be stored.
    """
    root = Path(os.path.realpath(settings.root))
    started = time.time()
    hash_key = os.urandom(16).hex()
    with Datafile.open(settings.datafile, mode="write", create=True) as datafile:
        packages = describe_packages(datafile, environment.installed_packages())
        git = environment.git_state(root)
        before = next((run.facts for run in datafile.runs()), {})
        run_id = datafile.begin_run(
            RunStart(
                environment=environment.current(settings.env),
                started=started,
                arguments=tuple(arguments),
                packages=packages,
                git_head=git.head,
                git_dirty=git.dirty,
                engine=settings.engine,
                version=__version__,
            )
        )
        kept = cache_folder.prepare(root, is_in_git=bool(git.head))
        stats = sources.scan(root, settings.source, settings.exclude)
        stored = partial(_stored_version, datafile)
        variable = partial(_state_of_variable, hash_key)
        joiner = Joiner(
            root,
            settings.depends,
            settings.always,
            stored,
            stats,
            variable,
            keeps_failures=settings.store_failures,
            key=kept.key,
        )
        config = pytest_config.read(root)
        asked = asked_for(arguments, root)
        store = _Store(datafile, run_id, joiner, stats, asked, config.naming(arguments), narrows=_narrows(arguments))
        store.begin({"hash_key": hash_key, "config": config.digest, interpreters.FACT: interpreters.fact()})
        with supervisor() as watched, spools.spool() as spool:
            traced = TraceSettings(
                spool=spool.folder,
                root=str(root),
                engine=settings.engine,
                roots=tuple(settings.source),
                exclude=tuple(settings.exclude),
                without_probes=tuple(settings.without_probes),
                ignore_files=(*settings.ignore, ".testmondata*"),
                ignore_environment=tuple(settings.ignore_env),
                hash_key=hash_key,
                verbose=verbose,
                parent=os.getpid(),
                key=kept.key,
            )
            reader = SpoolReader(Path(spool.folder))

            def look() -> None:
                store.read(reader)
                store.commit()

            command = launch.command(_short(arguments, spool.folder))
            environ = launch.environment(traced, os.environ)
            exitcode = watched.run(command, environ, look, keep=[spool.lock], is_told=spool.is_interrupted)
            completed = joiner.ended is not None
            store.finish(
                is_whole=_is_whole(arguments, root), facts=rewritten.facts_of(joiner.read, root, started, before)
            )
            datafile.finish_run(run_id, time.time(), completed, exitcode)
            datafile.check_in_place()
    return Collected(exitcode, len(joiner.executed), len(joiner.errors), kept.note)


def describe_packages(datafile: Datafile, found: Sequence[Package]) -> tuple[Package, ...]:
    """Installed distributions with what they provide and require; read anew only for those that are new."""
    runs = datafile.runs()
    known: dict[tuple[str, str, str], Package] = {}
    if runs:
        known = {(p.name, p.version, p.digest): p for p in datafile.packages(runs[0].id)}
    entries = environment.metadata_entries() if any((p.name, p.version, p.digest) not in known for p in found) else {}
    return tuple(known.get((p.name, p.version, p.digest)) or environment.describe(p, entries) for p in found)


def _state_of_variable(hash_key: str, name: str) -> str:
    return environment_state(os.environ.get(name), hash_key)


def _stored_version(datafile: Datafile, path: str, digest: str) -> SourceVersion | None:
    version_id = datafile.known_version(path, digest, MODEL_KEY)
    if version_id is None:
        return None
    names = datafile.names([version_id]).get(version_id, b"")
    return SourceVersion(path, digest, MODEL_KEY, datafile.model(version_id), names, -1, -1)


def _short(arguments: Sequence[str], folder: str) -> list[str]:
    if sum(len(a) + 1 for a in arguments) < _LONGEST_ARGUMENTS or any("\n" in a for a in arguments):
        return list(arguments)
    path = Path(folder) / "arguments.txt"
    path.write_text("\n".join(arguments), encoding="utf-8", errors="surrogateescape")
    return [f"@{path}"]


def _is_whole(arguments: Sequence[str], root: Path) -> bool:
    """Whether the arguments name no part of the suite: no path, no node id."""
    return not any(argument.startswith("@") or names_path(argument, root) for argument in arguments)


def _narrows(arguments: Sequence[str]) -> bool:
    """Whether options of the command line leave tests out."""
    return any(
        a.startswith(("-k", "-m", "--deselect", "--lf", "--last-failed", "--sw", "--stepwise")) for a in arguments
    )


def names_path(argument: str, root: Path) -> bool:
    """Whether an argument of pytest is a path or node id (and not an option, or the value of one)."""
    path = argument.partition("::")[0]
    return not argument.startswith("-") and (os.path.exists(path) or os.path.exists(root / path))


class _Store:
    """Writes what the joiner puts together into one run of the datafile."""

    def __init__(
        self,
        datafile: Datafile,
        run_id: int,
        joiner: Joiner,
        stats: Mapping[str, sources.Stat],
        asked: Asked,
        naming: Naming,
        *,
        narrows: bool,
    ) -> None:
        self._datafile = datafile
        self._run_id = run_id
        self._joiner = joiner
        self._versions: dict[str, int] = {}
        self._stats = stats
        self._asked = asked
        self._naming = naming
        self._narrows = narrows  # the command line, not the configuration, leaves tests out: they still are to be run
        self._facts: dict[str, object] = {}
        self._dirty = False

    def begin(self, facts: Mapping[str, object]) -> None:
        """What is known before pytest starts: which files there are, and the configuration."""
        self._facts.update(facts)
        self._datafile.set_facts(self._run_id, self._facts)
        there = [
            SourceVersion(path, "", _NO_MODEL, b"", b"", stat.size, stat.mtime_ns) for path, stat in self._stats.items()
        ]
        self._add(there)
        self._snapshot()

    def read(self, reader: SpoolReader) -> None:
        for source, record in reader.poll():
            self._joiner.add(source, record)

    def commit(self) -> None:
        """Store what has come together since the last commit."""
        self._add(self._joiner.take_sources())
        if self._joiner.collected and "pending" not in self._facts:
            # Should the run be killed, what it did not come to is known to be there.
            self._facts["pending"] = self._pending()
            self._facts["left_out"] = self._left_out()
            self._facts["keywords"] = keywords.recorded(self._joiner.functions, self._joiner.keywords)
            self._datafile.set_facts(self._run_id, self._facts)
        batch = self._joiner.take()
        if batch:
            if self._dirty:
                self._snapshot()
            self._datafile.write(self._run_id, batch.traces, batch.executions)

    def finish(self, *, is_whole: bool, facts: Mapping[str, object]) -> None:
        """What only the end of the session shows."""
        self.commit()
        self._forget_passing_sources()
        if self._dirty:
            self._snapshot()
        joiner = self._joiner
        session, ended = joiner.session, joiner.ended
        self._facts.update(
            edges={importer: sorted(imported) for importer, imported in joiner.edges.items()},
            modules={name: joiner.relative(path) for name, path in (ended.modules if ended else {}).items()},
            plugins=list(session.plugins) if session else [],
            engine=session.engine if session else "",
            errors=joiner.errors,
            pending=self._pending(),
            left_out=self._left_out(),
            keywords=keywords.recorded(joiner.functions, joiner.keywords),
            unwanted=[] if self._narrows else _shortened(joiner.deselected, joiner.functions),
            inert=self._inert(is_whole=is_whole and ended is not None),
            **facts,
        )
        self._datafile.set_facts(self._run_id, self._facts)

    def _forget_passing_sources(self) -> None:
        """Files that tests made, loaded and removed: their absence now is no change."""
        for path in list(self._versions):
            if path not in self._stats and not (self._joiner.root / path).exists():
                del self._versions[path]
                self._dirty = True

    def _pending(self) -> list[str]:
        """Tests that were collected and have not run; those that the configuration leaves out are not to be run."""
        left_out = self._joiner.deselected if self._narrows else set()
        unwanted = set() if self._narrows else self._joiner.deselected
        return sorted((self._joiner.collected | left_out) - unwanted - self._joiner.executed)

    def _left_out(self) -> dict[str, list[object]]:
        """What node ids among the arguments left out of their files: path -> content digest and the names."""
        reported = set(self._joiner.functions.values())
        found: dict[str, list[object]] = {}
        for path in self._asked.names:
            loaded = self._joiner.sources.get(path)
            if loaded is not None and loaded.outline is not None:
                names = self._asked.left_out(path, candidates(loaded.outline, self._naming), reported)
                if names:
                    found[path] = [loaded.version.digest, names]
        return found

    def _inert(self, *, is_whole: bool) -> dict[str, list[object]]:
        """What looks like a test by its name and is none: path -> content digest and the names ("*" for all)."""
        joiner = self._joiner
        reported = set(joiner.functions.values())
        with_tests = {nodeid.partition("::")[0] for nodeid in reported}
        failed = {nodeid.partition("::")[0] for nodeid in joiner.errors}
        inert: dict[str, list[object]] = {}
        for path in self._stats:
            if not self._naming.is_test_file(path) or path in failed:
                continue
            loaded = joiner.sources.get(path)
            if loaded is None or loaded.outline is None:
                if is_whole and not joiner.errors:
                    inert[path] = [_file_digest(joiner.root / path), ["*"]]
                continue
            if path in with_tests or is_whole:
                found = candidates(loaded.outline, self._naming)
                shown = [c.name for c in found if self._asked.covers(path, c.name)]
                names = [name for name in shown if f"{path}::{name}" not in reported]
                if names or path not in with_tests:
                    inert[path] = [loaded.version.digest, names or ["*"]]
        return inert

    def _add(self, versions: Sequence[SourceVersion]) -> None:
        if versions:
            for (path, _), version_id in self._datafile.add_sources(versions).items():
                if self._versions.get(path) != version_id:
                    self._versions[path] = version_id
                    self._dirty = True

    def _snapshot(self) -> None:
        self._datafile.set_snapshot(self._run_id, list(self._versions.values()))
        self._dirty = False


def _shortened(left_out: set[str], functions: Mapping[str, str]) -> list[str]:
    """Node ids that were left out; a function stands for all its parameters when every one of them was."""
    others = {function for nodeid, function in functions.items() if nodeid not in left_out}
    return sorted({nodeid if functions[nodeid] in others else functions[nodeid] for nodeid in left_out})


def _file_digest(path: Path) -> str:
    try:
        return content_digest(read_bytes(path))
    except OSError:
        return ""
