"""An older datafile is upgraded with its rows; what cannot be upgraded stays as it was."""

import ast
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from testmon_cli.domain.errors import DatafileError
from testmon_cli.storage import maintenance, migrating, packing
from testmon_cli.storage.compiled_sqlite import REVISIONS
from testmon_cli.storage.datafile import Datafile
from testmon_cli.storage.layout import APPLICATION_ID, Schema, create_tables, migrations_folder
from testmon_cli.storage.opening import Mode
from tests.storage.rows import LINUX, table_sizes, whole_run

_NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = {head!r}


def upgrade() -> None:
    op.create_table("note", sa.Column("id", sa.Integer(), primary_key=True))
    op.execute("INSERT INTO note VALUES (1)")
    with op.batch_alter_table("trace") as batch:
        batch.add_column(sa.Column("mood", sa.Text(), nullable=False, server_default="good"))
    op.execute("UPDATE execution SET duration = duration * 1000")
    {last}
"""


def _schema(folder: Path, last: str = "") -> Schema:
    """A program that is one revision ahead of ours."""
    shutil.copytree(migrations_folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "next.py").write_text(_NEXT.format(head=REVISIONS[-1], last=last))
    return Schema((*REVISIONS, "next"), folder)


@pytest.fixture
def filled(path: Path) -> Path:
    with Datafile.open(path, "write", create=True) as datafile:
        whole_run(
            datafile,
            1.0,
            "test_one",
            "test_two",
            fingerprints={"app.py": frozenset({1})},
            failure="boo",
        )
    return path


def _tables(driver: sqlite3.Connection) -> dict[str, str]:
    rows = driver.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {name: " ".join(sql.split()) for name, sql in rows}


def test_the_generated_tables_are_those_of_the_migrations(tmp_path: Path) -> None:
    with (
        closing(sqlite3.connect(tmp_path / "migrated", isolation_level=None)) as migrated,
        closing(sqlite3.connect(tmp_path / "created", isolation_level=None)) as created,
    ):
        migrating.upgrade(migrated)
        create_tables(created)
        assert _tables(migrated) == _tables(created)
        for driver in (migrated, created):
            assert driver.execute("SELECT version_num FROM alembic_version").fetchall() == [
                (REVISIONS[-1],)
            ]
            assert driver.execute("PRAGMA application_id").fetchall() == [(APPLICATION_ID,)]


def test_the_migrations_lead_to_the_models(path: Path) -> None:
    Datafile.open(path, "write", create=True).close()
    config = migrating.configuration()
    with create_engine(f"sqlite:///{path}", poolclass=NullPool).connect() as connection:
        config.attributes["connection"] = connection
        command.check(config)


def test_the_known_revisions_are_those_of_the_migrations() -> None:
    assert migrating.revisions() == REVISIONS


@pytest.mark.parametrize("mode", ["read", "write"])
def test_an_older_datafile_is_upgraded_with_its_rows(
    filled: Path, tmp_path: Path, mode: Mode
) -> None:
    sizes = table_sizes(filled)
    with Datafile.open(filled, mode, schema=_schema(tmp_path / "migrations")) as datafile:
        assert [found.duration for found in datafile.executions(LINUX)] == [500.0, 500.0]
        assert [f.checksums for f in datafile.fingerprints(["app.py"])] == [frozenset({1})]
    assert table_sizes(filled) == {**sizes, "note": 1}
    backup = filled.with_name(f"{filled.name}.backup-{REVISIONS[-1]}")
    assert table_sizes(backup) == sizes
    with Datafile.open(backup) as datafile:
        assert [found.duration for found in datafile.executions(LINUX)] == [0.5, 0.5]


def test_traces_of_the_first_schema_keep_what_they_relied_on(path: Path) -> None:
    given = {1: [1, 2], 2: [2], 3: [1, 2], 4: [], 5: list(range(1, 301))}
    with closing(sqlite3.connect(path, isolation_level=None)) as driver:
        driver.execute("PRAGMA journal_mode = WAL")
        migrating.upgrade(driver, revision="0001")
        driver.execute("INSERT INTO environment VALUES (1, 'default', '3.11', 'linux')")
        driver.execute("INSERT INTO package_set VALUES (1, '', '[]')")
        driver.execute(
            "INSERT INTO run VALUES (1, 1, 1, NULL, NULL, 1.0, 2.0, 1, 0, '[]', '', 0, 'probes', '0.1')"
        )
        driver.execute("INSERT INTO source VALUES (1, 'app.py')")
        driver.executemany(
            "INSERT INTO block VALUES (1, ?, ?)", ((n, n + 1000) for n in range(1, 301))
        )
        fingerprints = ((number, 1, packing.pack_numbers((number,))) for number in range(1, 301))
        driver.executemany("INSERT INTO fingerprint VALUES (?, ?, ?)", fingerprints)
        for trace, links in given.items():
            driver.execute(
                "INSERT INTO subject VALUES (?, 'test', ?)", (trace, f"test_a.py::test_{trace}")
            )
            driver.execute("INSERT INTO trace VALUES (?, 1, ?, '', 1)", (trace, trace))
            driver.executemany(
                "INSERT INTO trace_fingerprint VALUES (?, ?)", ((link, trace) for link in links)
            )
    with Datafile.open(path, "read") as datafile:
        found = {trace: [f.id for f in datafile.trace_fingerprints(trace)] for trace in given}
        assert found == given
        assert datafile.trace_fingerprints(2)[0].checksums == frozenset({1002})
        assert sorted(datafile.traces_with([1])) == [(1, 1), (1, 3), (1, 5)]
    sizes = table_sizes(path)
    assert (sizes["fingerprint_set"], sizes["trace_set"], sizes["fingerprint_in_set"]) == (
        3,
        4,
        303,
    )


def test_a_backup_never_replaces_another(filled: Path, tmp_path: Path) -> None:
    first = filled.with_name(f"{filled.name}.backup-{REVISIONS[-1]}")
    first.write_text("precious")
    Datafile.open(filled, schema=_schema(tmp_path / "migrations")).close()
    assert first.read_text() == "precious"
    assert first.with_name(f"{first.name}-2").exists()


@pytest.mark.parametrize(
    "last",
    ["op.execute('SELECT nothing FROM nowhere')", "op.execute('INSERT INTO note VALUES (1)')"],
)
def test_a_failed_upgrade_leaves_the_bytes(filled: Path, tmp_path: Path, last: str) -> None:
    before = filled.read_bytes()
    with pytest.raises(
        DatafileError, match=r"could not be upgraded .* and was left as it was"
    ) as caught:
        Datafile.open(filled, schema=_schema(tmp_path / "migrations", last))
    assert "\n" not in str(caught.value)
    assert filled.read_bytes() == before
    assert {entry.name for entry in filled.parent.iterdir()} == {filled.name, "migrations"}


def test_a_mistake_in_a_migration_is_ours_and_leaves_the_bytes_too(
    filled: Path, tmp_path: Path
) -> None:
    before = filled.read_bytes()
    with pytest.raises(ZeroDivisionError):
        Datafile.open(filled, schema=_schema(tmp_path / "migrations", "1 / 0"))
    assert filled.read_bytes() == before
    assert {entry.name for entry in filled.parent.iterdir()} == {filled.name, "migrations"}


def test_an_upgraded_datafile_is_too_new_for_the_older_program(
    filled: Path, tmp_path: Path
) -> None:
    Datafile.open(filled, schema=_schema(tmp_path / "migrations")).close()
    before = filled.read_bytes()
    with pytest.raises(DatafileError, match="has schema next, which a newer testmon made"):
        Datafile.open(filled, "write")
    assert filled.read_bytes() == before


def test_migrations_import_nothing_that_changes_with_the_program() -> None:
    versions = list((migrations_folder() / "versions").glob("*.py"))
    imports = [
        node
        for path in versions
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert imports
    assert not [ast.unparse(node) for node in imports if "testmon_cli" in ast.unparse(node)]


def test_the_steps_of_an_upgrade_are_told(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as driver:
        driver.execute("PRAGMA journal_mode = WAL")
        driver.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrating.upgrade(driver, revision="0002")
    steps: list[tuple[int, int]] = []
    before, backup = maintenance.upgrade(
        path, progress=lambda done, total: steps.append((done, total))
    )
    assert before.schema == "0002"
    assert backup is not None
    assert steps == [(done, len(REVISIONS) - 1) for done in range(1, len(REVISIONS))]
