import ast
from pathlib import Path

import pytest

from testmon_cli.storage import generate
from testmon_cli.storage.compiled_sqlite import STATEMENTS, TABLES


def test_the_generated_module_is_current() -> None:
    assert generate.main(["--check"]) == 0
    assert generate.compiled_statements() == STATEMENTS
    assert tuple(generate.blank_datafile()) == TABLES


def test_a_stale_module_is_noticed_and_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "compiled.py"
    target.write_text("STATEMENTS = {}\n")
    monkeypatch.setattr(generate, "TARGET", target)
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().err == f"{target} is stale: run python -m testmon_cli.storage.generate\n"
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def test_every_statement_is_used() -> None:
    made = {"statements.py", "compiled_sqlite.py"}
    folder = Path(generate.__file__).parent
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.glob("*.py") if path.name not in made]
    texts = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert STATEMENTS.keys() - texts == set()
