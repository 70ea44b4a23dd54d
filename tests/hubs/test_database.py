"""PostgreSQL as a hub: a real server, roles of fewer rights, many processes, lost connections."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from testmon_cli.bundles.files import Header, header_of
from testmon_cli.domain.errors import EnvironmentFailure, HubError, SettingsError
from testmon_cli.hubs import database, migrating
from testmon_cli.hubs.opening import open_hub
from tests.conftest import Project
from tests.hubs import postgres
from tests.hubs.stores import MAIN, bundle_of, check_contract

pytestmark = pytest.mark.slow
ON_MAIN = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main"}


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    with postgres.server() as running:
        yield running


@pytest.fixture
def hub(server: postgres.Server) -> postgres.Server:
    """A new database."""
    server.run(
        "DROP DATABASE IF EXISTS hub WITH (FORCE)",
        "CREATE DATABASE hub OWNER owner",
        database="postgres",
    )
    return server


@pytest.fixture
def made(hub: postgres.Server, tmp_path: Path) -> tuple[str, Path, Header]:
    """A database with tables, roles and one bundle."""
    path, header, name = bundle_of(tmp_path / "made", 1.0, "test_one", "test_two")
    with closing(open_hub(hub.url())) as store:
        assert store.put(name, path, header)
    hub.run(
        "GRANT SELECT ON testmon_bundle, testmon_outcome, testmon_hub_version TO reader, adder",
        "GRANT INSERT ON testmon_bundle, testmon_outcome TO adder",
        role="owner",
    )
    return name, path, header


def test_the_contract(hub: postgres.Server, tmp_path: Path) -> None:
    with closing(open_hub(hub.url())) as store:
        check_contract(store, tmp_path / "made")


def test_bundles_say_what_they_are_and_outcomes_can_be_asked_for(
    hub: postgres.Server, tmp_path: Path
) -> None:
    with closing(open_hub(hub.url())) as store:
        for started, outcome in ((1.0, "passed"), (2.0, "failed"), (3.0, "passed")):
            path, header, name = bundle_of(
                tmp_path / "made", started, "test_one", "test_\0two\udc80", outcome=outcome
            )
            assert store.put(name, path, header)
    columns = "event, ref, workflow, job, actor, environment, python, executions, extract(epoch FROM started)::int"
    assert hub.run(f"SELECT {columns} FROM testmon_bundle ORDER BY started LIMIT 1") == [
        ("push", "main", "ci", "unit", "ann", "default", "3.11", 2, 1)
    ]
    flaky = """
        SELECT nodeid, count(*) FROM testmon_outcome
        GROUP BY nodeid, relied HAVING count(DISTINCT outcome) > 1 ORDER BY nodeid
    """
    assert hub.run(flaky) == [
        ("tests/test_a.py::test_\\x00two\\udc80", 3),
        ("tests/test_a.py::test_one", 3),
    ]


def test_what_a_test_relied_on_has_a_name(hub: postgres.Server, project: Project) -> None:
    """The same for the same code, files and fixtures, whatever the run; another for others."""
    project.write(
        {
            "pyproject.toml": f"[tool.testmon]\nhub = '{hub.url()}'\n[tool.pytest.ini_options]\npythonpath = ['.']\n",
            "shop.py": "def one():\n    return 1\n\n\ndef two():\n    return 2\n",
            "conftest.py": "import pytest\nimport shop\n\n\n@pytest.fixture\ndef two():\n    return shop.two()\n",
            "test_a.py": "import shop\n\n\ndef test_one():\n    shop.one()\n\n\ndef test_two(two):\n    pass\n",
        }
    )
    for new in ("return 2", "return 2", "return 3"):
        (project.path / "shop.py").write_text(
            f"def one():\n    return 1\n\n\ndef two():\n    {new}\n"
        )
        assert project.testmon("collect", "-q", **ON_MAIN).code == 0
    assert project.testmon("push", **ON_MAIN).out.startswith("pushed 3 bundles of push main")
    query = (
        "SELECT nodeid, count(DISTINCT relied) FROM testmon_outcome GROUP BY nodeid ORDER BY nodeid"
    )
    assert hub.run(query) == [("test_a.py::test_one", 1), ("test_a.py::test_two", 2)]
    (project.path / ".testmondata").unlink()
    assert project.testmon("pull").out.startswith("pulled 3 bundles")
    assert project.testmon("select").out == ""


def test_who_may_only_read_pulls_and_does_not_push(
    hub: postgres.Server, made: Any, tmp_path: Path
) -> None:
    name, path, _ = made
    other, header, another = bundle_of(tmp_path / "made", 2.0, "test_one")
    with closing(open_hub(hub.url("reader"))) as store:
        assert [entry.name for entry in store.entries()] == [name]
        store.get(name, tmp_path / "got")
        assert (tmp_path / "got").read_bytes() == path.read_bytes()
        for act in (lambda: store.put(another, other, header), lambda: store.remove(name)):
            with pytest.raises(HubError, match="cannot be written: permission denied"):
                act()


def test_who_may_only_add_pushes_and_does_not_delete(
    hub: postgres.Server, made: Any, tmp_path: Path
) -> None:
    name, path, header = made
    other, second, another = bundle_of(tmp_path / "made", 2.0, "test_one")
    with closing(open_hub(hub.url("adder"))) as store:
        assert store.put(another, other, second)
        assert not store.put(name, path, header)
        with pytest.raises(HubError, match="cannot be written: permission denied"):
            store.remove(name)
    assert hub.run("SELECT count(*) FROM testmon_bundle") == [(2,)]


def test_a_policy_keeps_who_adds_to_a_place_of_its_own(
    hub: postgres.Server, made: Any, tmp_path: Path
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "hub.md").read_text(encoding="utf-8")
    policy = page.partition("ALTER TABLE")[2].partition("```")[0].replace("pull_requests", "adder")
    hub.run(*f"ALTER TABLE{policy}".strip().rstrip(";").split(";\n"), role="owner")
    change = MAIN._replace(event="pull-request", ref="refs/pull/1")
    other, header, another = bundle_of(tmp_path / "made", 2.0, "test_one", provenance=change)
    wrong, wrong_header, wrong_name = bundle_of(tmp_path / "made", 3.0, "test_one")
    with closing(open_hub(hub.url("adder"))) as store:
        assert len(list(store.entries())) == 1
        assert store.put(another, other, header)
        with pytest.raises(HubError, match="cannot be written: permission denied"):
            store.put(wrong_name, wrong, wrong_header)
    with closing(open_hub(hub.url("reader"))) as store:
        assert {entry.name for entry in store.entries()} == {made[0], another}


def _push(at: tuple[str, list[tuple[str, Path]]]) -> int:
    url, bundles = at
    with closing(open_hub(url)) as store:
        return sum(store.put(name, path, header_of(path)) for name, path in bundles)


def test_eight_processes_push_at_once_into_a_new_database(
    hub: postgres.Server, tmp_path: Path
) -> None:
    tests = [f"test_{number}" for number in range(50)]
    bundles = [bundle_of(tmp_path / "made", float(started), *tests) for started in range(1, 7)]
    given = [(name, path) for path, _, name in bundles]
    with ProcessPoolExecutor(8) as pool:
        assert sum(pool.map(_push, [(hub.url(), given)] * 8)) == 6
    assert hub.run("SELECT count(*), count(DISTINCT bundle_id) FROM testmon_outcome") == [(300, 6)]


def test_a_connection_that_is_lost_is_made_again(
    hub: postgres.Server, made: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    other, header, another = bundle_of(
        tmp_path / "made", 2.0, *(f"test_{number}" for number in range(50))
    )
    monkeypatch.setattr(database, "_ROWS", 10)
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'owner'"
    from testmon_cli.hubs import outcomes

    killed = []

    def slowly(path: Path) -> Iterator[outcomes.Outcome]:
        for count, found in enumerate(taken(path)):
            if count == 25 and len(killed) < times:
                killed.append(hub.run(kill))
            yield found

    taken = outcomes.outcomes_of
    monkeypatch.setattr(outcomes, "outcomes_of", slowly)
    times = 3
    with closing(open_hub(hub.url())) as store:
        with pytest.raises(HubError, match="cannot be written: there is no connection to it"):
            store.put(another, other, header)
        assert hub.run("SELECT count(*) FROM testmon_outcome") == [(2,)]
        times = 4
        assert store.put(another, other, header)
    assert hub.run("SELECT count(*) FROM testmon_outcome") == [(52,)]


def test_a_server_that_is_away_for_a_moment(hub: postgres.Server, made: Any) -> None:
    name, _, _ = made
    hub.stop()
    back = threading.Timer(0.5, hub.start)
    back.start()
    try:
        with closing(open_hub(hub.url())) as store:
            assert [entry.name for entry in store.entries()] == [name]
    finally:
        back.join()


def test_what_is_wrong_is_said_without_secrets(hub: postgres.Server, tmp_path: Path) -> None:
    path, header, name = bundle_of(tmp_path / "made", 1.0, "test_one")
    good = hub.url()
    with closing(open_hub(hub.url("reader"))) as store:
        assert list(store.entries()) == []
        with pytest.raises(HubError, match="cannot be written: permission denied"):
            store.put(name, path, header)
    for url, message in (
        (
            good.replace("a-secret-of-owner", "a-secret-guess"),
            "cannot be read: there is no connection to it",
        ),
        (good.replace("/hub", "/nosuch"), "cannot be read: there is no connection to it"),
        (good.replace(f":{hub.port}", ":1"), "cannot be read: there is no connection to it"),
    ):
        with closing(open_hub(url)) as store, pytest.raises(HubError) as caught:
            list(store.entries())
        assert message in str(caught.value)
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(SettingsError, match=r"the address of the hub .* cannot be read"):
        open_hub("postgresql://owner:a-secret@host:port/x")


def test_doctor_names_the_hub_without_secrets(
    made: tuple[str, Path, Header], hub: postgres.Server, project: Project
) -> None:
    project.write({"test_a.py": "def test_a(): pass\n"})
    answer = project.testmon("doctor", TESTMON_HUB=hub.url())
    where = f"postgresql://127.0.0.1:{hub.port}/hub"
    assert f"{where}: 1 bundles, signatures are not asked for" in answer.out
    assert "secret" not in answer.out + answer.err


def test_the_server_does_not_compress_bundles_once_more(
    made: tuple[str, Path, Header], hub: postgres.Server
) -> None:
    asked = "SELECT attstorage FROM pg_attribute WHERE attrelid = 'testmon_bundle'::regclass"
    assert hub.run(f"{asked} AND attname = 'data'", role="owner") == [("e",)]


def test_tables_of_a_newer_version_are_left_alone(
    hub: postgres.Server, made: Any, tmp_path: Path
) -> None:
    hub.run("UPDATE testmon_hub_version SET version_num = 'h9999'", role="owner")
    other, header, another = bundle_of(tmp_path / "made", 2.0, "test_one")
    with (
        closing(open_hub(hub.url())) as store,
        pytest.raises(HubError, match="schema h9999, which a newer testmon made"),
    ):
        store.put(another, other, header)
    assert hub.run("SELECT count(*) FROM testmon_bundle") == [(1,)]


def test_the_migrations_lead_to_the_tables(hub: postgres.Server, made: Any) -> None:
    from alembic import command
    from sqlalchemy import create_engine

    engine = create_engine(hub.url().replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        command.check(migrating.configuration(connection))
        command.downgrade(migrating.configuration(connection), "base")
    engine.dispose()


def test_a_missing_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(
        EnvironmentFailure, match=r"needs the package psycopg: install testmon-cli\[postgres\]"
    ):
        open_hub("postgresql://host/x")
