import re

from testmon_cli.storage.models import Base
from testmon_cli.storage.schema_docs import render


def test_every_table_and_column_is_explained() -> None:
    page = render()
    for table in Base.metadata.tables.values():
        assert table.comment is not None
        assert table.comment.startswith("a row per ")
        section = page.partition(f"## {table.name}\n")[2].partition("\n## ")[0]
        assert section
        for column in table.columns:
            assert column.comment or column.name == "id", f"{table.name}.{column.name} has no comment"
            assert re.search(rf"^\| `{column.name}` \|", section, re.MULTILINE)


def test_a_section() -> None:
    assert """## trace_use

A row per trace and other trace of the same run it relies on.

| column | type | meaning |
| --- | --- | --- |
| `user_id` | integer | who relies, like a test; names `trace.id`; primary key |
| `used_id` | integer | on what, like a fixture; names `trace.id`; primary key |
""" in render()
