"""What is pulled counts, is whole, and comes but once; what is pushed is what ran here."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testmon_cli.analysis import codec
from testmon_cli.application import hub as sharing
from testmon_cli.application.checkout import environment, sources
from testmon_cli.application.settings import Settings
from testmon_cli.bundles import checking, files
from testmon_cli.domain.errors import HubError, SettingsError, TestmonError
from testmon_cli.domain.provenance import Provenance
from testmon_cli.domain.sharing import Pulled, Pushed
from testmon_cli.hubs.folder import FolderStore
from testmon_cli.storage.datafile import Datafile, Pruning
from tests.conftest import Project
from tests.hubs.stores import MAIN, bundle_of, run_of

HERE = environment.current("default")
GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main"}
TOPIC = {**GITHUB, "GITHUB_REF": "refs/heads/topic"}


class Machine:
    """A machine with a datafile of its own."""

    def __init__(self, folder: Path, hub: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.settings = Settings(folder, str(folder / ".testmondata"), hub=str(hub))

    def pull(self, environ: dict[str, str] | None = None, **options: Any) -> Pulled:
        settings = self.settings._replace(
            **{k: options.pop(k) for k in [*options] if k in Settings._fields}
        )
        return sharing.pull(
            settings, now=1e6, environ=GITHUB if environ is None else environ, **options
        )

    def push(self, environ: dict[str, str] | None = None) -> Pushed:
        return sharing.push(self.settings, environ=GITHUB if environ is None else environ)

    def run(self, started: float, *tests: str, **fields: Any) -> None:
        with Datafile.open(self.settings.datafile, "write", create=True) as datafile:
            run_of(datafile, started, *tests, **{"environment": HERE, **fields})

    @property
    def started(self) -> list[float]:
        """When its runs began."""
        if not Path(self.settings.datafile).exists():
            return []
        with Datafile.open(self.settings.datafile) as datafile:
            return sorted(run.started for run in datafile.runs())


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    (tmp_path / "hub").mkdir()
    return tmp_path / "hub"


@pytest.fixture
def machines(tmp_path: Path, hub: Path) -> Iterator[Machine]:
    """New ones."""
    return (Machine(tmp_path / f"machine-{number}", hub) for number in range(100))


def _put(hub: Path, folder: Path, started: float, *tests: str, **fields: Any) -> Path:
    path, header, name = bundle_of(folder, started, *tests, **{"environment": HERE, **fields})
    FolderStore(hub).put(name, path, header)
    return hub / name


def test_each_run_goes_and_comes_once(machines: Iterator[Machine]) -> None:
    one, two = next(machines), next(machines)
    one.run(1.0, "test_one", "test_two")
    one.run(2.0, "test_one")
    assert (len(one.push().names), one.push().known) == (2, 2)
    first, second = two.pull(), two.pull()
    assert (first.bundles, first.runs, first.executions, first.known) == (2, 2, 3, 0)
    assert (second.bundles, second.bytes, second.known) == (0, 0, 2)
    assert two.started == [1.0, 2.0]
    two.run(3.0, "test_one")
    assert [name.partition("T")[2][:6] for name in two.push().names] == ["000003"]
    assert one.pull().runs == 1
    assert one.started == [1.0, 2.0, 3.0]


def test_models_that_are_there_already_are_not_decoded_again(
    machines: Iterator[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = next(machines), next(machines)

    def run(started: float, *texts: bytes) -> None:
        with Datafile.open(one.settings.datafile, "write", create=True) as datafile:
            number = run_of(datafile, started, "test_one", environment=HERE)
            versions = [
                sources.version_of(f"{place}.py", text, sources.Stat(1, 1))[0]
                for place, text in enumerate(texts)
            ]
            datafile.set_snapshot(number, datafile.add_sources(versions).values())

    run(1.0, b"def f(): pass\n", b"A = 1\n")
    one.push()
    two.pull()
    run(2.0, b"def f(): pass\n", b"A = 2\n")
    decoded: list[bytes] = []
    decode = codec.decode
    monkeypatch.setattr(codec, "decode", lambda model: (decoded.append(model), decode(model))[1])
    for act in (one.push, two.pull):
        checking._good_models.clear()  # as in another process
        act()
    assert len(decoded) == 2
    assert len(set(decoded)) == 1
    assert two.started == [1.0, 2.0]


def test_a_run_that_was_pushed_while_it_went_on_is_pushed_again(
    machines: Iterator[Machine],
) -> None:
    one, two = next(machines), next(machines)
    with Datafile.open(one.settings.datafile, "write", create=True) as datafile:
        run = run_of(datafile, 1.0, "test_one", environment=HERE, end=False)
    assert len(one.push().names) == 1
    two.pull()
    with Datafile.open(one.settings.datafile, "write") as datafile:
        datafile.finish_run(run, 2.0, True, 0)
    assert (len(one.push().names), len(one.push().names)) == (1, 0)
    assert (two.pull().bundles, two.started) == (1, [1.0])


def test_a_run_that_was_pruned_comes_and_goes_no_more(machines: Iterator[Machine]) -> None:
    one, two = next(machines), next(machines)
    one.run(1.0, "test_one", "test_two")
    one.run(2.0, "test_one")
    one.push()
    two.pull()
    for machine in (one, two):
        with Datafile.open(machine.settings.datafile, "write") as datafile:
            assert datafile.prune(Pruning(keep=1), 1e6).counts["traces"] == 1
    assert (one.push().names, two.push().names, two.pull().bytes) == ((), (), 0)


def test_only_runs_of_the_own_origin_are_pushed(machines: Iterator[Machine]) -> None:
    one = next(machines)
    one.run(1.0, "test_one", provenance=Provenance(event="pull-request", ref="refs/pull/1"))
    one.run(2.0, "test_one", provenance=None)
    one.run(3.0, "test_one")
    pushed = one.push()
    assert [name.split("/")[:2] for name in pushed.names] == [["push", "main"]]
    assert pushed.ignored == 1


@pytest.mark.parametrize("event", ["pull_request", "issue_comment"])
def test_forks_and_what_may_be_one_only_read(
    machines: Iterator[Machine], hub: Path, event: str
) -> None:
    fork = {**GITHUB, "GITHUB_EVENT_NAME": event, "GITHUB_REF": "refs/pull/7/merge"}
    _put(hub, hub.parent / "made", 1.0, "test_one")
    one = next(machines)
    assert one.pull(fork).bundles == 1
    one.run(3.0, "test_one", provenance=Provenance(event="fork", ref="refs/pull/7"))
    with pytest.raises(HubError, match=r"may not be pushed to the hub .*: they only read"):
        one.push(fork)
    assert len(list(FolderStore(hub).entries())) == 1


def test_what_is_not_trusted_is_counted_and_not_read(
    machines: Iterator[Machine], hub: Path
) -> None:
    made = hub.parent / "made"
    _put(hub, made, 1.0, "test_one")
    _put(hub, made, 2.0, "test_one", provenance=MAIN._replace(ref="topic"))
    _put(hub, made, 3.0, "test_one", provenance=Provenance(event="pull-request", ref="refs/pull/1"))
    one, two, three = next(machines), next(machines), next(machines)
    assert (one.pull().ignored, one.started) == ({"not trusted": 2}, [1.0])
    assert (two.pull(TOPIC).ignored, two.started) == ({"not trusted": 1}, [1.0, 2.0])
    assert (three.pull(trust=("topic", "pull-request")).ignored, three.started) == (
        {},
        [1.0, 2.0, 3.0],
    )


def test_another_environment_is_left_alone(machines: Iterator[Machine], hub: Path) -> None:
    _put(hub, hub.parent / "made", 1.0, "test_one", environment=HERE._replace(python="2.7"))
    one = next(machines)
    assert (one.pull().bundles, one.pull().ignored, one.started) == (0, {}, [])
    assert not Path(one.settings.datafile).exists()


def test_a_bundle_counts_only_where_its_origin_may_write(
    machines: Iterator[Machine], hub: Path
) -> None:
    """Who may write to a place of the hub can copy what others wrote elsewhere, and name it as they like."""
    made = hub.parent / "made"
    change = _put(
        hub, made, 1.0, "test_one", provenance=Provenance(event="pull-request", ref="refs/pull/1")
    )
    good = _put(hub, made, 2.0, "test_one")
    for old, new in (
        ("pull-request/refs=2fpull=2f1", "push/main"),
        ("1970", "1971"),
        ("000000000000", "123456789abc"),
    ):
        moved = hub / str(change.relative_to(hub)).replace(
            "pull-request/refs=2fpull=2f1", "push/main"
        ).replace(old, new)
        moved.write_bytes(change.read_bytes())
    one = next(machines)
    pulled = one.pull()
    assert (pulled.bundles, one.started) == (1, [2.0])
    assert len(pulled.refused) == 3
    assert {refused.message for refused in pulled.refused} == {
        "it is not what its name says: another origin, time, commit, environment or content"
    }
    assert str(good).endswith(
        next(iter(name for name, _ in FolderStore(hub).entries() if "000002" in name))
    )


def test_damaged_ones_are_refused_one_by_one_and_the_rest_is_merged(
    machines: Iterator[Machine], hub: Path
) -> None:
    made = hub.parent / "made"
    places = [
        _put(hub, made, float(number), "test_one", f"test_{number}") for number in range(1, 8)
    ]
    cut, flipped, empty, newer, many = places[:5]
    cut.write_bytes(cut.read_bytes()[:-7])
    data = bytearray(flipped.read_bytes())
    data[-9] ^= 4
    flipped.write_bytes(data)
    empty.write_bytes(b"")
    newer.write_bytes(newer.read_bytes().replace(b"testmon bundle 1", b"testmon bundle 9", 1))
    many.write_bytes(many.read_bytes().replace(b'"executions": 2', b'"executions": 9', 1))
    one = next(machines)
    pulled = one.pull()
    assert (pulled.bundles, one.started) == (2, [6.0, 7.0])
    assert sorted(refused.name for refused in pulled.refused) == sorted(
        str(place.relative_to(hub)) for place in places[:5]
    )
    assert all(
        "\n" not in refused.message and "/tmp" not in refused.message for refused in pulled.refused
    )
    with Datafile.open(one.settings.datafile) as datafile:
        assert {found.nodeid for found in datafile.executions(HERE)} == {
            f"tests/test_a.py::{name}" for name in ("test_one", "test_6", "test_7")
        }
    checked = sharing.check(one.settings, environ={})
    assert (len(checked.problems), checked.bundles) == (5, 7)


def test_signatures(machines: Iterator[Machine], hub: Path) -> None:
    made = hub.parent / "made"
    _put(hub, made, 1.0, "test_one")
    _put(hub, made, 2.0, "test_one", key=b"another")
    _put(hub, made, 3.0, "test_one", key=b"key")
    forged = _put(hub, made, 4.0, "test_one", key=b"key", provenance=MAIN._replace(actor="ann"))
    forged.write_bytes(forged.read_bytes().replace(b'"job": "unit"', b'"job": "unix"', 1))
    keyed = {**GITHUB, "TESTMON_HUB_KEY": "key"}
    one, two, three = next(machines), next(machines), next(machines)
    assert one.pull(keyed).ignored == {"unsigned": 1, "wrongly signed": 2}
    assert one.started == [3.0]
    assert two.pull(require_signatures=True).ignored == {
        "unsigned": 1,
        "signed, and there is no TESTMON_HUB_KEY to check it": 3,
    }
    assert two.started == []
    assert len(three.pull().refused) == 1  # what is signed is whole, too
    assert three.started == [1.0, 2.0, 3.0]
    two.run(9.0, "test_one")
    (name,) = two.push(keyed).names
    assert files.is_signed(files.header_of(hub / name), b"key")
    assert "key" not in files.header_of(hub / name).signature
    assert len(sharing.check(two.settings, environ=keyed).problems) == 3


def test_bundles_come_several_at_a_time(
    machines: Iterator[Machine], hub: Path, monkeypatch: Any
) -> None:
    for started in range(1, 9):
        _put(hub, hub.parent / "made", float(started), "test_one")
    together = threading.Barrier(8, timeout=20)
    get = FolderStore.get

    def waiting(store: FolderStore, name: str, path: Path) -> None:
        together.wait()
        get(store, name, path)

    monkeypatch.setattr(FolderStore, "get", waiting)
    assert next(machines).pull().bundles == 8


def test_a_hub_that_goes_away_costs_nothing_that_came_before(
    machines: Iterator[Machine], hub: Path, monkeypatch: Any
) -> None:
    for started in range(1, 5):
        _put(hub, hub.parent / "made", float(started), "test_one")
    get = FolderStore.get

    def failing(store: FolderStore, name: str, path: Path) -> None:
        if "T000002" in name:
            raise HubError("it is gone")
        get(store, name, path)

    one = next(machines)
    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "get", failing)
        with pytest.raises(HubError, match="it is gone"):
            one.pull()
    assert one.started == [3.0, 4.0]
    assert (one.pull().bundles, one.started) == (2, [1.0, 2.0, 3.0, 4.0])


def test_near_commits_come_first_then_new_runs(project: Project, hub: Path) -> None:
    project.git("init", "-q")
    commits = []
    for number in range(3):
        project.git("commit", "-q", "--allow-empty", "-m", str(number))
        commits.append(project.git("rev-parse", "HEAD").out.strip())
    made = hub.parent / "made"
    for started, commit in (
        (1.0, commits[0]),
        (2.0, "f" * 40),
        (3.0, ""),
        (4.0, commits[2]),
        (5.0, commits[1]),
    ):
        _put(hub, made, started, "test_one", commit=commit)
    machine = Machine(project.path, hub)
    order = []
    while left := machine.pull(limit=1).left + 1:
        order += [started for started in machine.started if started not in order]
        if left == 1:
            break
    assert order == [4.0, 5.0, 1.0, 3.0, 2.0]


def test_what_is_asked_for_is_pulled(machines: Iterator[Machine], hub: Path) -> None:
    made = hub.parent / "made"
    _put(hub, made, 1.0, "test_one")
    _put(hub, made, 999_000.0, "test_one")
    _put(hub, made, 999_100.0, "test_one", provenance=MAIN._replace(ref="master"))
    one, two, three = next(machines), next(machines), next(machines)
    one.pull(ref="main")
    two.pull(since="1h")
    assert (one.started, two.started) == ([1.0, 999_000.0], [999_000.0, 999_100.0])
    with pytest.raises(TestmonError, match="invalid --since 'soon'"):
        three.pull(since="soon")


def test_old_bundles_are_removed_and_the_newest_of_each_origin_kept(
    machines: Iterator[Machine], hub: Path
) -> None:
    made = hub.parent / "made"
    for started in (1.0, 2.0, 3.0, 999_999.0):
        _put(hub, made, started, "test_one")
    _put(hub, made, 0.5, "test_one", provenance=MAIN._replace(ref="topic"))
    settings = next(machines).settings
    options: dict[str, Any] = {"now": 1e6, "older_than": "1d", "keep": 2}
    would = sharing.tidy(settings, dry_run=True, **options)
    assert len(list(FolderStore(hub).entries())) == 5
    did = sharing.tidy(settings, **options)
    assert would.removed == did.removed
    assert [sorted(one.said.started for one in sharing.listed(settings)[1]), did.kept] == [
        [0.5, 3.0, 999_999.0],
        3,
    ]


def test_no_hub_is_an_error_that_says_what_to_name(machines: Iterator[Machine]) -> None:
    with pytest.raises(SettingsError, match="name one with --hub, TESTMON_HUB, or hub in"):
        next(machines).pull(hub="")


def test_provenance_stays_through_combining(
    project: Project, hub: Path, machines: Iterator[Machine]
) -> None:
    one = next(machines)
    one.run(1.0, "test_one")
    assert project.testmon("combine", one.settings.datafile).code == 0
    made = project.testmon("bundle", "create", "-o", "b", "--format", "json")
    assert json.loads(made.out)["provenance"] == MAIN.as_facts()
    with Datafile.open(project.path / ".testmondata", "write") as datafile:
        run_of(
            datafile,
            2.0,
            "test_one",
            provenance=MAIN._replace(ref="topic", job="slow"),
            environment=HERE,
        )
    made = project.testmon("bundle", "create", "-o", "b", "--format", "json")
    assert "ref" not in json.loads(made.out)["provenance"]
    assert json.loads(made.out)["provenance"]["workflow"] == "ci"
