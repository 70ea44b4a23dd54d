import json
import re
import sqlite3
from contextlib import closing

from testmon_cli.domain.records import RESOURCE_KINDS, SUBJECT_KINDS, TEST_KINDS
from testmon_cli.storage.models import Base
from testmon_cli.storage.schema_docs import render
from tests.conftest import Project


def test_every_table_and_column_is_explained() -> None:
    page = render()
    for table in Base.metadata.tables.values():
        assert table.comment is not None
        assert table.comment.startswith("a row per ")
        section = page.partition(f"## {table.name}\n")[2].partition("\n## ")[0]
        assert section
        for column in table.columns:
            assert column.comment or column.name == "id", (
                f"{table.name}.{column.name} has no comment"
            )
            assert re.search(rf"^\| `{column.name}` \|", section, re.MULTILINE)


def test_a_section() -> None:
    assert """## trace_use

A row per trace and other trace of the same run it relies on.

| column | type | meaning |
| --- | --- | --- |
| `user_id` | integer | who relies, like a test; names `trace.id`; primary key |
| `used_id` | integer | on what, like a fixture; names `trace.id`; primary key |
""" in render()


OF_ALL_KINDS = {
    "conftest.py": """
        import os
        import unittest

        import pytest

        LIMIT = os.environ.get("LIMIT")


        @pytest.fixture(scope="session")
        def shared():
            return 1


        class Line(pytest.Item):
            def runtest(self):
                pass


        class Text(pytest.File):
            def collect(self):
                yield Line.from_parent(self, name="line")


        def pytest_collect_file(file_path, parent):
            if file_path.suffix == ".lines":
                return Text.from_parent(parent, path=file_path)
        """,
    "some.lines": "",
    "helper.py": """
        def twice(x):
            \"\"\"Doubles.

            >>> twice(2)
            4
            \"\"\"
            return 2 * x


        FOUR = twice(2)
        """,
    "test_all.py": """
        import os
        import unittest
        from importlib.metadata import entry_points

        import pytest


        @pytest.mark.testmon_depends("*.sql")
        def test_files(shared):
            assert os.listdir(".") and not entry_points(group="none")
            assert open("pyproject.toml").read() is not None


        class TestOld(unittest.TestCase):
            def test_old(self):
                pass
        """,
}


def test_the_kinds_are_those_that_a_collect_stores(project: Project) -> None:
    project.write(OF_ALL_KINDS)
    installed = {"url": project.path.as_uri(), "dir_info": {"editable": True}}
    info = "lib/own-1.0.dist-info"
    project.write(
        {f"{info}/direct_url.json": json.dumps(installed), f"{info}/METADATA": "Name: own"}
    )
    lib = str(project.path / "lib")
    assert project.testmon("collect", "-q", "--doctest-modules", PYTHONPATH=lib).code == 0
    with closing(sqlite3.connect(project.path / ".testmondata")) as driver:
        kinds = [
            {kind for (kind,) in driver.execute(f"SELECT DISTINCT kind FROM {table}")}
            for table in ("resource", "subject", "test")
        ]
    assert kinds == [set(RESOURCE_KINDS), set(SUBJECT_KINDS), set(TEST_KINDS)]
