"""`testmon push`, `testmon pull` and `testmon hub`: bundles that go to a hub and come from there.

A bundle in a hub holds one run. What is pulled is chosen by names alone; what is read is believed
only if it bears its name out, and each bundle is merged in full or not at all. One that cannot be
taken costs its evidence, so more tests run: it is never the reason for an error.
"""

import math
import os
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from testmon_cli.application.checkout import environment, git, provenance
from testmon_cli.application.gc import seconds_of
from testmon_cli.application.settings import Settings
from testmon_cli.bundles import files
from testmon_cli.bundles.checking import take_as_checked
from testmon_cli.bundles.errors import BundleError
from testmon_cli.domain.errors import HubError, SettingsError
from testmon_cli.domain.evidence import UNFINISHED, EvidenceError, FactsRow, Row, RunRow
from testmon_cli.domain.hashing import blake2b
from testmon_cli.domain.provenance import FACT, READ_ONLY, Origin, from_facts
from testmon_cli.domain.records import RUN_KEY, Exchanged, Run
from testmon_cli.domain.sharing import Checked, Pulled, Pushed, Refused, Tidied
from testmon_cli.hubs.naming import BundleName, Listed, digest_of, name_of, parsed
from testmon_cli.hubs.opening import open_hub
from testmon_cli.hubs.store import Entry, Gone, Store
from testmon_cli.storage.datafile import Datafile
from testmon_cli.storage.packing import unpack_json

KEY: Final = "TESTMON_HUB_KEY"
NOT_TRUSTED: Final = "not trusted"
UNSIGNED: Final = "unsigned"
WRONGLY_SIGNED: Final = "wrongly signed"
NO_KEY: Final = f"signed, and there is no {KEY} to check it"
_AT_ONCE: Final = 8  # bundles on their way
_MODELS: Final = 500  # that are read at once
_ANCESTORS: Final = 10_000  # commits that count as near

Progress = Callable[[int, int], None]


class _Refusal(Exception):  # noqa: N818 - a reason
    """Why a bundle does not count; counted, not shown one by one."""


class _Damage(Exception):  # noqa: N818
    """A bundle that cannot be used, and why."""


# Pulling


def pull(
    settings: Settings,
    *,
    now: float,
    environ: Mapping[str, str],
    ref: str | None = None,
    since: str | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
    on_wait: Callable[[], None] | None = None,
) -> Pulled:
    """Merge the bundles of the hub that count here and are not here yet.

    `since` is an age like 30d, `ref` a branch, `limit` the most bundles to take. Raises HubError
    where the hub cannot be used.

    Bundles of commits that are near in the history of git come first, then new ones.
    """
    after = -math.inf if since is None else now - seconds_of(since, "--since")
    reader = provenance.here(settings.root, environ).origin
    with closing(_hub(settings)) as store:
        offer = _offer(store, settings, reader)
        fitting = [
            (name, entry)
            for name, entry in offer.bundles
            if name.started >= after and ref in (None, name.origin.name)
        ]
        known = _known(settings)
        found = [(name, entry) for name, entry in fitting if name.content not in known]
        chosen = _nearest(settings.root, found)[:limit]
        pulling = _Pulling(settings, store, environ, Counter(offer.ignored))
        if chosen:
            with Datafile.open(
                settings.datafile, "write", create=True, on_wait=on_wait
            ) as datafile:
                _take_as_checked(datafile, datafile.runs(environment.current(settings.env))[:1])
                pulling.take(datafile, chosen, progress)
    return Pulled(
        store.where,
        pulling.bundles,
        pulling.runs,
        pulling.executions,
        pulling.bytes,
        len(fitting) - len(found),
        len(found) - len(chosen),
        dict(pulling.ignored),
        tuple(pulling.refused),
    )


class _Offer(NamedTuple):
    """The bundles of a hub that are of the environment here and may be believed."""

    bundles: list[tuple[BundleName, Entry]]
    ignored: dict[str, int]  # by the reason, how many others there are


def _offer(store: Store, settings: Settings, reader: Origin) -> _Offer:
    bundles: list[tuple[BundleName, Entry]] = []
    ignored: Counter[str] = Counter()
    for name, entry in _bundles(store.entries(), digest_of(environment.current(settings.env))):
        if name.origin.counts_for(reader, settings.trust):
            bundles.append((name, entry))
        else:
            ignored[NOT_TRUSTED] += 1
    return _Offer(bundles, ignored)


class _Pulling:
    """Takes bundles one by one."""

    def __init__(
        self, settings: Settings, store: Store, environ: Mapping[str, str], ignored: Counter[str]
    ) -> None:
        self._store = store
        self._key = _key(environ)
        self._must_be_signed = settings.require_signatures or bool(self._key)
        self.ignored = ignored
        self.bundles = self.runs = self.executions = self.bytes = 0
        self.refused: list[Refused] = []

    def take(
        self,
        datafile: Datafile,
        chosen: Sequence[tuple[BundleName, Entry]],
        progress: Progress | None,
    ) -> None:
        with tempfile.TemporaryDirectory(prefix="testmon-") as folder:
            for count, (name, entry, place, fetched) in enumerate(
                self._fetched(chosen, Path(folder)), 1
            ):
                try:
                    fetched.result()
                    self.bytes += place.stat().st_size
                    self._merge(datafile, name, place)
                except Gone:
                    pass  # the hub was tidied meanwhile
                except _Refusal as refusal:
                    self.ignored[str(refusal)] += 1
                except (_Damage, BundleError, EvidenceError) as error:
                    reason = str(error).replace(str(place), "it")
                    self.refused.append(Refused(entry.name, reason))
                place.unlink(missing_ok=True)
                if progress is not None:
                    progress(count, len(chosen))

    def _fetched(
        self, chosen: Sequence[tuple[BundleName, Entry]], folder: Path
    ) -> Iterator[tuple[BundleName, Entry, Path, Future[None]]]:
        """The bundles in their order; while one is merged, the next ones are on their way."""
        pool = ThreadPoolExecutor(_AT_ONCE)
        try:
            waiting: deque[tuple[BundleName, Entry, Path, Future[None]]] = deque()
            for number, (name, entry) in enumerate(chosen):
                place = folder / str(number)
                waiting.append((name, entry, place, pool.submit(self._fetch, entry, place)))
                if len(waiting) == _AT_ONCE:
                    yield waiting.popleft()
            yield from waiting
        finally:
            pool.shutdown(cancel_futures=True)

    def _fetch(self, entry: Entry, place: Path) -> None:
        if entry.size > files.LARGEST:
            raise _Damage(f"it is too large: {entry.size:,} bytes")
        self._store.get(entry.name, place)

    def _merge(self, datafile: Datafile, name: BundleName, place: Path) -> None:
        with files.reading(place) as bundle, datafile.uniting():
            _check(name, bundle.header)
            if self._must_be_signed:
                _check_signature(bundle.header, self._key)
            noting = _Noting(bundle.header)
            merged = datafile.merge(bundle.header.environment, noting.rows(bundle.rows))
            datafile.add_exchanged([noting.exchanged])
        self.bundles += 1
        self.runs += merged.runs
        self.executions += merged.executions


def _check(name: BundleName, header: files.Header) -> None:
    """A bundle is what its name says, or nothing: the name decided that it counts."""
    if header.runs != 1:
        raise _Damage(f"it holds {header.runs} runs, and bundles of a hub hold one")
    if name_of(header) != name:
        raise _Damage(
            "it is not what its name says: another origin, time, commit, environment or content"
        )


def _check_signature(header: files.Header, key: bytes) -> None:
    if not header.signature:
        raise _Refusal(UNSIGNED)
    if not key:
        raise _Refusal(NO_KEY)
    if not files.is_signed(header, key):
        raise _Refusal(WRONGLY_SIGNED)


class _Noting:
    """Finds out which run a bundle holds, while its rows go by."""

    def __init__(self, header: files.Header) -> None:
        self._header = header
        self._facts: list[str] = []
        self.exchanged = Exchanged(header.content, "", header.executions, False)

    def rows(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Pass rows on, and note which run they are of."""
        for row in rows:
            if isinstance(row, FactsRow):
                self._facts.append(row.facts)
            elif isinstance(row, RunRow):
                facts = unpack_json(self._facts[row.facts - 1]) if row.facts else {}
                key = _digest(row.started, str(facts.get(RUN_KEY, "")))
                self.exchanged = self.exchanged._replace(run_key=key, ended=row.ended != UNFINISHED)
            yield row


def _take_as_checked(datafile: Datafile, runs: Iterable[Run]) -> None:
    """Check no model of these runs again.

    In a large project these are nearly all models of a bundle.
    """
    for run in runs:
        versions = iter([ref.id for ref in datafile.snapshot(run.id).values()])
        while some := list(islice(versions, _MODELS)):
            take_as_checked(datafile.models(some).values())


def _nearest(
    root: Path, found: Sequence[tuple[BundleName, Entry]]
) -> list[tuple[BundleName, Entry]]:
    """Sort bundles: those of near commits first, then by age."""
    if len(found) < 2:
        return list(found)
    near = git.ancestors(root, _ANCESTORS)
    places = {commit[:12]: place for place, commit in enumerate(near)}
    return sorted(
        found, key=lambda one: (places.get(one[0].commit, math.inf), -one[0].started, one[1].name)
    )


def _known(settings: Settings) -> frozenset[str]:
    if not os.path.exists(settings.datafile):
        return frozenset()
    with Datafile.open(settings.datafile) as datafile:
        return frozenset(bundle.content for bundle in datafile.exchanged())


# Pushing


def push(
    settings: Settings,
    *,
    environ: Mapping[str, str],
    progress: Progress | None = None,
    on_wait: Callable[[], None] | None = None,
) -> Pushed:
    """Give the hub each run of this job's origin that it does not have, as a bundle.

    `environ` has the variables of the job, and the key. Raises HubError where the hub cannot be
    used, and for a job that may only read.
    """
    origin = provenance.here(settings.root, environ).origin
    with closing(_hub(settings)) as store:
        _refuse_readers(origin, store)
        pushing = _Pushing(store, origin, _key(environ))
        try:
            pushing.give_all(settings.datafile, progress)
        finally:  # what is there needs not be given again, whatever became of the rest
            _remember(settings, pushing.done, on_wait)
    return Pushed(
        store.where,
        origin,
        tuple(pushing.names),
        pushing.executions,
        pushing.bytes,
        pushing.known,
        pushing.ignored,
    )


def _remember(
    settings: Settings, done: Sequence[Exchanged], on_wait: Callable[[], None] | None
) -> None:
    """Note in the datafile which of its runs the hub has."""
    if done:
        with Datafile.open(settings.datafile, "write", on_wait=on_wait) as datafile:
            datafile.add_exchanged(done)


def _refuse_readers(origin: Origin, store: Store) -> None:
    """Raise HubError for a job that may read from the hub and not write to it."""
    if origin.event not in READ_ONLY:
        return
    what = "an event of which is not known whose code it runs"
    if origin.event == "fork":
        what = "a fork"
    raise HubError(f"runs of {what} may not be pushed to the hub {store.where}: they only read")


class _Pushing:
    """Gives runs one by one."""

    def __init__(self, store: Store, origin: Origin, key: bytes) -> None:
        self._store = store
        self._origin = origin
        self._key = key
        self.names: list[str] = []
        self.done: list[Exchanged] = []
        self.executions = self.bytes = self.known = self.ignored = 0

    def give_all(self, location: str | Path, progress: Progress | None) -> None:
        """Give every run of a datafile that the hub does not have."""
        with Datafile.open(location) as datafile:
            runs = self.choose(datafile)
            for count, run in enumerate(runs, 1):
                self.done.append(self.give(datafile, run))
                if progress is not None:
                    progress(count, len(runs))

    def choose(self, datafile: Datafile) -> list[Run]:
        """The runs that are to be given, oldest first.

        What the newest of the others has was checked before.
        """
        given: dict[str, tuple[int, bool]] = {}
        for bundle in datafile.exchanged():
            before = given.get(bundle.run_key, (0, False))
            given[bundle.run_key] = max(before[0], bundle.executions), before[1] or bundle.ended
        chosen: list[Run] = []
        runs = datafile.runs()
        _take_as_checked(datafile, [run for run in runs if key_of(run) in given][:1])
        for run in reversed(runs):
            source = from_facts(run.facts.get(FACT))
            if source is None:
                self.ignored += 1
                continue
            if source.origin != self._origin:
                continue
            executions, has_ended = given.get(key_of(run), (0, False))
            has_more = datafile.totals(run.id)[0] > executions
            ended_since = run.ended is not None and not has_ended
            if has_more or ended_since:
                chosen.append(run)
            else:
                self.known += 1
        return chosen

    def give(self, datafile: Datafile, run: Run) -> Exchanged:
        with tempfile.TemporaryDirectory(prefix="testmon-") as folder:
            path, header = files.write(
                run.environment, datafile.export([run]), Path(folder), "bundle", self._key
            )
            name = str(name_of(header))
            if self._store.put(name, path, header):
                self.names.append(name)
                self.executions += header.executions
                self.bytes += path.stat().st_size
            else:
                self.known += 1
        return Exchanged(header.content, key_of(run), header.executions, run.ended is not None)


def key_of(run: Run) -> str:
    """The key under which a datafile remembers that a run was exchanged."""
    return _digest(run.started, str(run.facts.get(RUN_KEY, "")))


def _digest(started: float, key: str) -> str:
    """By what a run is known to have been exchanged, and no other run is."""
    return blake2b(f"{started!r} {key}".encode(), digest_size=16).hexdigest()


# Looking after a hub


def listed(settings: Settings) -> tuple[str, list[Listed], int]:
    """Where the hub is, its bundles from new to old, and how many other things are in it."""
    with closing(_hub(settings)) as store:
        found, others = [], 0
        for entry in store.entries():
            name = parsed(entry.name)
            if name is None:
                others += 1
            else:
                found.append(Listed(*entry, name))
    return store.where, sorted(found, key=lambda one: (-one.said.started, one.name)), others


def tidy(
    settings: Settings,
    *,
    now: float,
    older_than: str,
    keep: int,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Tidied:
    """Remove bundles older than an age, but for the newest of each origin and environment.

    `older_than` is an age like 30d, `keep` how many of the newest stay, `now` seconds since 1970.
    With `dry_run`, nothing is removed.
    """
    before = now - seconds_of(older_than, "--older-than")
    where, bundles, _ = listed(settings)
    rank: Counter[tuple[Origin, str]] = Counter()
    old = []
    for bundle in bundles:
        group = bundle.said.origin, bundle.said.environment
        rank[group] += 1
        if rank[group] > keep and bundle.said.started < before:
            old.append(bundle)
    drafts = 0 if dry_run else _remove(settings, old, now, progress)
    return Tidied(
        where,
        tuple(entry.name for entry in old),
        sum(entry.size for entry in old),
        len(bundles) - len(old),
        drafts,
    )


def _remove(
    settings: Settings, old: Sequence[Listed], now: float, progress: Progress | None
) -> int:
    """Remove bundles, and the drafts of jobs that were killed; how many drafts there were."""
    with closing(_hub(settings)) as store:
        for count, entry in enumerate(old, 1):
            store.remove(entry.name)
            if progress is not None:
                progress(count, len(old))
        return store.tidy(now)


def check(
    settings: Settings, *, environ: Mapping[str, str], progress: Progress | None = None
) -> Checked:
    """Read all bundles of a hub, and find what is wrong with them.

    Signatures are checked where `environ` has a key, or the settings require them.
    """
    key = _key(environ)
    must_be_signed = settings.require_signatures or bool(key)
    where, bundles, others = listed(settings)
    problems: list[Refused] = []
    size = count = 0
    with closing(_hub(settings)) as store, tempfile.TemporaryDirectory(prefix="testmon-") as folder:
        place = Path(folder, "bundle")
        for done, bundle in enumerate(bundles, 1):
            try:
                store.get(bundle.name, place)
                count += 1
                size += place.stat().st_size
                _check_file(place, bundle.said, key, must_be_signed=must_be_signed)
            except Gone:
                pass  # the hub was tidied meanwhile
            except (_Refusal, _Damage, BundleError) as error:
                problems.append(Refused(bundle.name, str(error).replace(str(place), "it")))
            if progress is not None:
                progress(done, len(bundles))
    return Checked(where, count, size, tuple(problems), others)


def _check_file(place: Path, said: BundleName, key: bytes, *, must_be_signed: bool) -> None:
    """Read a bundle that was fetched; raise what is wrong with it."""
    header = files.check(place)
    _check(said, header)
    if must_be_signed:
        _check_signature(header, key)


def _bundles(
    entries: Iterable[Entry], environment_digest: str
) -> Iterator[tuple[BundleName, Entry]]:
    """The bundles of an environment among the entries of a hub."""
    for entry in entries:
        name = parsed(entry.name)
        if name is not None and name.environment == environment_digest:
            yield name, entry


def _hub(settings: Settings) -> Store:
    if not settings.hub:
        raise SettingsError(
            "there is no hub: name one with --hub, TESTMON_HUB, or hub in [tool.testmon]"
        )
    return open_hub(settings.hub)


def _key(environ: Mapping[str, str]) -> bytes:
    return os.fsencode(environ.get(KEY, "").strip())
