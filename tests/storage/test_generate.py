import ast
from pathlib import Path

import pytest
from sqlalchemy import Integer, bindparam, func, literal_column, select

from testmon_cli.domain.records import Exchanged, Heads, StoredExecution, StoredTest, VersionRef
from testmon_cli.storage import generate
from testmon_cli.storage.compiled_sqlite import TABLES
from testmon_cli.storage.models import Base
from testmon_cli.storage.statements import STATEMENTS


def test_the_generated_module_is_current() -> None:
    assert generate.main(["--check"]) == 0
    assert tuple(generate.blank_datafile()) == TABLES


def test_a_stale_module_is_noticed_and_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "compiled.py"
    target.write_text("TABLES = ()\n")
    monkeypatch.setattr(generate, "TARGET", target)
    assert generate.main(["--check"]) == 1
    assert (
        capsys.readouterr().err
        == f"{target} is stale: run python -m testmon_cli.storage.generate\n"
    )
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def test_every_statement_is_used() -> None:
    made = {"statements.py", "compiled_sqlite.py"}
    folder = Path(generate.__file__).parent
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for path in folder.rglob("*.py")
        if path.name not in made
    ]
    used = {
        ast.unparse(node)
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
    }
    assert {name for name in STATEMENTS if f"sql.{name}" not in used} == set()


@pytest.mark.parametrize(
    ("statement", "fields"),
    [
        ("versions", VersionRef._fields),
        ("heads", Heads._fields),
        ("tests", StoredTest._fields),
        ("executions", StoredExecution._fields),
        ("executions_of", StoredExecution._fields),
        ("executions_named", StoredExecution._fields),
        ("remarkable", StoredExecution._fields),
        ("exchanged", Exchanged._fields),
    ],
)
def test_rows_have_the_order_of_the_values_made_of_them(
    statement: str, fields: tuple[str, ...]
) -> None:
    assert tuple(generate.compiled(statement, STATEMENTS[statement]).columns) == fields


def test_what_a_statement_takes_and_gives_has_the_types_of_the_models() -> None:
    traces = generate.compiled("evidence_traces", STATEMENTS["evidence_traces"])
    assert traces.parameters == {"run_id": "int"}
    assert traces.columns["unknown"] == "str"
    assert traces.columns["text"] == "bytes | None"  # by an outer join
    added = generate.compiled("add_run", STATEMENTS["add_run"])
    assert (added.parameters["started"], added.parameters["ended"]) == ("float", "float | None")
    assert generate.compiled("tests_in", STATEMENTS["tests_in"]).parameters == {"files": "Array"}


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            select(Base.metadata.tables["run"].c.id).where(
                Base.metadata.tables["run"].c.engine == "probes"
            ),
            "holds",
        ),
        (select(func.coalesce(bindparam("what"), 1, type_=Integer)), "holds|has no type"),
        (select(literal_column("1")), "has no type"),
    ],
)
def test_a_statement_that_cannot_be_typed_is_refused(statement: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate.compiled("some", statement)
