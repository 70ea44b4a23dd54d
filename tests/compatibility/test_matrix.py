"""The page on compatibility names tests that there are, and leaves none out."""

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def test_the_page_names_the_tests() -> None:
    text = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text))
    assert {(path, name) for path, name in named if name not in names_in(ROOT / path)} == set()
    there = {
        f"tests/compatibility/{path.name}"
        for path in HERE.glob("test_*.py")
        if path != Path(__file__)
    }
    assert there - {path for path, _ in named} == set()


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_bytes())
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
