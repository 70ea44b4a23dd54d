"""`testmon doctor`: what makes selection wrong or slow here."""

import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from testmon_cli.application.checkout import (
    environment,
    installed_copies,
    interpreters,
    pytest_config,
    sources,
)
from testmon_cli.application.select.use_case import describe, select
from testmon_cli.application.settings import Settings
from testmon_cli.domain import selection as kinds
from testmon_cli.domain.causes import Kind
from testmon_cli.domain.diagnosis import FINE, SLOW, WRONG, Finding
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.records import Run
from testmon_cli.domain.selection import Selection
from testmon_cli.storage.datafile import Datafile, MissingDatafile
from testmon_cli.storage.maintenance import state_of
from testmon_cli.storage.opening import path_of

_OLD = 30 * 86_400.0  # seconds
_CHURNING = 3  # states in which a file was found in as many runs
_LONG = 1.0  # seconds that an answer should not take
_MANY = 0.05  # of the tests: as many that are selected every time are worth a word
_SHOWN = 3  # examples
_CONFIGURATIONS = (
    "pytest.ini",
    ".pytest.ini",
    "pytest.toml",
    ".pytest.toml",
    "tox.ini",
    "setup.cfg",
    "pyproject.toml",
)


class _Case(NamedTuple):
    """The things that the checks look at."""

    settings: Settings
    root: Path
    datafile: Datafile
    runs: list[Run]  # of this environment, the newest first
    selection: Selection
    seconds: float  # that selecting took


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; the order is that of the checks.

    Raises DatafileError for what is no datafile of ours.
    """
    root = Path(os.path.realpath(settings.root))
    found = [
        *_missing_folders(settings),
        *_git(settings, root),
        *_configurations(settings, root),
        *_hub(settings),
    ]
    try:
        path = path_of(settings.datafile)
        state = state_of(path) if path.exists() else None
        if state is not None and state.seal == "broken":
            advice = "take a backup, or run `testmon db repair`"
            return [
                Finding(WRONG, "datafile", "the checksum does not match: it is damaged", advice),
                *found,
            ]
        datafile = Datafile.open(settings.datafile)
    except MissingDatafile:
        finding = Finding(
            WRONG, "datafile", f"there is none at {settings.datafile}", "run `testmon collect`"
        )
        return [finding, *found]
    with datafile:
        current = environment.current(settings.env)
        runs = datafile.runs(current)
        if not runs:
            others = sorted({describe(e) for e in datafile.environments()})
            advice = "run `testmon collect` here" + interpreters.hint(
                next(iter(datafile.runs()), None)
            )
            text = f"nothing was collected for {describe(current)}; there is: {', '.join(others) or 'nothing'}"
            return [Finding(WRONG, "environment", text, advice), *found]
        before = time.perf_counter()
        selection = select(settings)
        case = _Case(settings, root, datafile, runs, selection, time.perf_counter() - before)
        return [finding for check in _CHECKS for finding in check(case)] + found


# Each check gives what it found, FINE where there is nothing to do.


def _last_run(case: _Case) -> Iterator[Finding]:
    run = case.runs[0]
    age = time.time() - run.started
    days = f"{age / 86_400:.0f} days ago" if age > 86_400 else f"{age / 3_600:.1f} hours ago"
    if run.ended is None:
        text = f"the newest run, {days}, was killed or still goes on"
        yield Finding(
            SLOW,
            "last run",
            text,
            "run `testmon collect --select`: tests that had not finished are selected",
        )
    elif age > _OLD:
        yield Finding(
            SLOW,
            "last run",
            f"the newest run was {days}",
            "run `testmon collect --select` more often",
        )
    else:
        yield Finding(FINE, "last run", f"{days}, {case.selection.known:,} tests known")


def _python(case: _Case) -> Iterator[Finding]:
    run = case.runs[0]
    if interpreters.is_another(case.datafile, run, environment.installed_packages):
        hint = interpreters.hint(run).removeprefix("; ")
        text = f"{sys.executable} has no pytest, and is not the Python that the tests ran with: all is selected"
        yield Finding(WRONG, "Python", text, hint or "install testmon where pytest is")
    elif hint := interpreters.hint(run):
        text = f"the tests ran with another Python than {sys.executable}"
        yield Finding(SLOW, "Python", text, f"where its packages differ, tests are selected{hint}")
    else:
        yield Finding(FINE, "Python", f"{sys.executable} is that of the tests")


def _analysis(case: _Case) -> Iterator[Finding]:
    from testmon_cli.analysis.model_key import MODEL_KEY

    keys = {ref.model_key for ref in case.datafile.snapshot(case.runs[0].id).values()} - {
        "-",
        MODEL_KEY,
    }
    if keys:
        text = "the newest run is of another version of testmon: all its tests are selected"
        yield Finding(WRONG, "version", text, "run `testmon collect` once with this one")


def _engine(case: _Case) -> Iterator[Finding]:
    run = case.runs[0]
    engine = str(run.facts.get("engine") or run.engine)
    if engine == "coverage":
        why = (
            "the setting says so"
            if case.settings.engine == "coverage"
            else "`testmon collect --verbose` says why"
        )
        advice = f'`engine = "auto"` takes probes where they are safe; {why}'
        yield Finding(
            SLOW,
            "engine",
            "tests were observed by coverage, which takes two to four times as long",
            advice,
        )
    elif engine:
        yield Finding(FINE, "engine", engine)


def _tracers(case: _Case) -> Iterator[Finding]:
    config = pytest_config.of_run(case.root, case.runs[0])
    options = [
        option
        for option in (*config.addopts, *case.runs[0].arguments)
        if option.startswith("--cov")
    ]
    if options:
        advice = "leave it out of `addopts`; `testmon report --coverage` writes the coverage of the whole suite"
        yield Finding(SLOW, "tracers", f"pytest-cov measures as well ({options[0]})", advice)


def _repeated(case: _Case) -> Iterator[Finding]:
    """Tests that are selected every time."""
    counts: Counter[str] = Counter()
    seconds: dict[str, float] = defaultdict(float)
    for test in case.selection.tests:
        if test.reason.kind in (kinds.ALWAYS, kinds.UNKNOWN):
            counts[test.reason.text] += 1
            seconds[test.reason.text] += (
                test.execution.duration if test.execution is not None else 0.0
            )
    level = SLOW if sum(counts.values()) > _MANY * max(case.selection.known, 20) else FINE
    for text, number in counts.most_common(_SHOWN):
        yield Finding(
            level,
            "every time",
            f"{_tests(number)} ({seconds[text]:.1f} s) are selected every time: {text}",
            "see the limits in the documentation" if level == SLOW else "",
        )


def _causes(case: _Case) -> Iterator[Finding]:
    """Find causes that select many tests and are no edit of a source."""
    advice = {
        Kind.ENVIRONMENT: "set it as it was, or name it in the setting `ignore_env`",
        Kind.PACKAGE: "collect in the environment that you work in, or name it in `ignore_packages`",
        Kind.FILE: "where tests write it, name it in `ignore`",
        Kind.DIRECTORY: "where tests write there, name it in `ignore`",
        Kind.CONFIG: "run `testmon collect` once with the new configuration",
    }
    counts: Counter[tuple[Kind, str]] = Counter()
    for test in case.selection.tests:
        origin = test.reason.cause.origin if test.reason.cause is not None else None
        if origin is not None and origin.kind in advice and not origin.path.endswith(".py"):
            counts[origin.kind, origin.name or origin.path] += 1
    for (kind, name), number in counts.most_common(_SHOWN):
        if number > _MANY * max(case.selection.known, 20):
            text = f"{_tests(number)} are selected since {kind.value} {name} is not as it was"
            yield Finding(SLOW, "changes", text, advice[kind])


def _volatile(case: _Case) -> Iterator[Finding]:
    """Files that were found in another state in nearly every run."""
    newest = {run.id for run in case.runs[:10]}
    if len(newest) < _CHURNING:
        return
    used = {state for _, state in case.datafile.resources(newest)}
    found: Counter[tuple[str, str]] = Counter()
    for number, state in case.datafile.resource_states().items():
        if number in used and state.kind in ("file", "directory"):
            found[state.kind, state.name] += 1
    for (kind, name), count in found.most_common(_SHOWN):
        if count >= max(_CHURNING, len(newest) // 2 + 1):
            text = f"{kind} {name} was found in {count} states in the last {len(newest)} runs"
            yield Finding(
                SLOW,
                "volatile",
                text,
                "if it does not matter to tests, name it in the setting `ignore`",
            )


def _churn(case: _Case) -> Iterator[Finding]:
    if len(case.runs) < _CHURNING:
        return
    sets = {
        tuple((p.name, p.version, p.digest) for p in case.datafile.packages(run.id))
        for run in case.runs[:10]
    }
    if len(sets) > len(case.runs[:10]) // 2:
        text = f"the last {len(case.runs[:10])} runs saw {len(sets)} sets of packages"
        yield Finding(
            SLOW, "packages", text, "give each kind of environment a name of its own with `--env`"
        )


def _missing_folders(settings: Settings) -> Iterator[Finding]:
    """Folders of sources that a setting names and that are not there."""
    for folder in settings.source:
        if not os.path.isdir(folder):
            text = f"the setting `source` names {folder}, and there is no such folder"
            yield Finding(WRONG, "source", text, "name one that is there, or leave it out")


def _outside(case: _Case) -> Iterator[Finding]:
    """Local installs whose code lies outside of the root."""
    own = [str(case.root), *case.settings.source]
    models = sources.Snapshot(case.datafile, case.datafile.snapshot(case.runs[0].id))
    every = (found for path in models.versions for found in models.imports(path))
    imported = {found.module.partition(".")[0] for found in every if not found.level}
    modules = {
        m: p.name for p in case.datafile.packages(case.runs[0].id) if p.digest for m in p.modules
    }
    for module, package in sorted(modules.items()):
        if module not in imported:
            continue
        place = _place_of_module(module)
        if place and not any(
            Path(place).is_relative_to(os.path.realpath(folder)) for folder in own
        ):
            text = f"{package} is a local install outside of the root, at {place}: an edit selects all that import it"
            advice = f'name its folder in the setting `source`, like source = ["{os.path.relpath(place, case.root)}"]'
            yield Finding(SLOW, "source", text, advice)


def _copies(case: _Case) -> Iterator[Finding]:
    """Packages of the checkout that tests import from where they are installed."""
    for copy in installed_copies.find(case.datafile, case.runs[0].id):
        text = f"tests import {copy.module} as it is installed, not {copy.place}: edits there select nothing"
        yield Finding(WRONG, "source", text, "install the checkout itself: pip install -e .")


def _place_of_module(name: str) -> str:
    """The folder that a module would be imported from.

    Only what finds modules runs, not the module.
    """
    import importlib.machinery

    try:
        spec = importlib.machinery.PathFinder.find_spec(name)
    except (ImportError, ValueError, OSError):
        return ""
    if spec is None or spec.origin is None or "site-packages" in spec.origin:
        return ""
    return os.path.dirname(os.path.realpath(spec.origin))


def _broken(case: _Case) -> Iterator[Finding]:
    for path in case.selection.broken[:_SHOWN]:
        yield Finding(
            WRONG, "source", f"{path} does not parse: who depends on it is selected", "mend it"
        )
    errors = case.runs[0].mapping("errors")
    if errors:
        named = ", ".join(sorted(errors)[:_SHOWN])
        text = f"{len(errors)} test files could not be collected last time: {named}"
        yield Finding(
            WRONG,
            "collection",
            text,
            "`pytest --collect-only FILE` says why; all their tests stay selected",
        )


def _size(case: _Case) -> Iterator[Finding]:
    state = state_of(case.datafile.path)
    size = f"{case.datafile.path.stat().st_size / 1e6:.1f} MB, {len(case.datafile.runs())} runs, seal {state.seal}"
    yield Finding(FINE, "datafile", f"{case.datafile.path}: {size}")
    if case.seconds > _LONG:
        text = f"selecting took {case.seconds:.1f} s"
        yield Finding(
            SLOW,
            "speed",
            text,
            "run `testmon collect --select`, then `testmon gc`: fewer runs are compared",
        )
    else:
        yield Finding(FINE, "speed", f"selecting took {case.seconds:.2f} s")


_CHECKS: tuple[Callable[[_Case], Iterable[Finding]], ...] = (
    _python, _last_run, _size, _analysis, _engine, _tracers, _repeated, _causes, _volatile, _churn, _outside, _copies,
    _broken,
)  # fmt: skip


# What can be looked at without a datafile


def _git(settings: Settings, root: Path) -> Iterator[Finding]:
    path = path_of(settings.datafile)
    if not path.is_relative_to(root):
        return
    if _asks_git(root, "ls-files", "--error-unmatch", "--", str(path)):
        text = (
            "git tracks the datafile: each collect changes it, and branches overwrite each other's"
        )
        yield Finding(
            WRONG, "git", text, f"git rm --cached {path.name}, and add {path.name}* to .gitignore"
        )
    elif _asks_git(root, "rev-parse", "--git-dir") and not _asks_git(
        root, "check-ignore", "-q", "--", str(path)
    ):
        text = f"git does not ignore {path.name}"
        yield Finding(
            SLOW, "git", text, f"add {path.name}* to .gitignore, so that nobody commits it"
        )


def _asks_git(root: Path, *arguments: str) -> bool:
    try:
        return (
            subprocess.run(
                ["git", "-C", str(root), *arguments], capture_output=True, check=False
            ).returncode
            == 0
        )
    except OSError:
        return False


def _configurations(settings: Settings, root: Path) -> Iterator[Finding]:
    """Configurations of pytest below the root.

    Tests started from there have other options and another root.
    """
    own = pytest_config.read(root).path
    folders = {os.path.dirname(path) for path in sources.scan(root, (), settings.exclude)}
    folders |= {"/".join(f.split("/")[:n]) for f in folders for n in range(1, f.count("/") + 1)}
    inner = []
    for folder in sorted(folders - {""}):
        if any((root / folder / name).is_file() for name in _CONFIGURATIONS):
            found = pytest_config.read(root, pytest_config.ConfigPlace(folder, folder, "", "")).path
            if found and found != own and os.path.dirname(found) == folder:
                inner.append(found)
    if inner:
        text = f"pytest has configurations below the root: {', '.join(inner[:_SHOWN])}"
        advice = "run `testmon collect` from where you start pytest; runs from several folders are told apart"
        yield Finding(FINE, "pytest", text, advice)


def _hub(settings: Settings) -> Iterator[Finding]:
    if not settings.hub:
        return
    from testmon_cli.application import hub

    try:
        where, bundles, _ = hub.listed(settings)
    except TestmonError as error:
        yield Finding(WRONG, "hub", str(error), "see the settings `hub` and the page on bundles")
        return
    has_key = bool(os.environ.get(hub.KEY))
    if settings.require_signatures and not has_key:
        text = f"signatures are asked for, and there is no {hub.KEY}: nothing is taken from {where}"
        yield Finding(WRONG, "hub", text, f"set {hub.KEY} in the jobs whose results count")
        return
    asked = "are asked for" if settings.require_signatures or has_key else "are not asked for"
    yield Finding(FINE, "hub", f"{where}: {len(bundles)} bundles, signatures {asked}")


def _tests(number: int) -> str:
    return f"{number:,} test{'' if number == 1 else 's'}"
