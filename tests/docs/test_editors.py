"""What the documentation gives to editors fits to what is really printed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project

pytestmark = pytest.mark.slow  # nothing in it depends on the version of Python

PAGE = (Path(__file__).parents[2] / "docs" / "agents.md").read_text(encoding="utf-8")
BLOCKS = [
    json.loads(text)
    for text in re.findall(r"```json\n(.*?)```", PAGE.partition("## VS Code")[2], re.DOTALL)
]
SHOP = {
    "pyproject.toml": "",
    "shop.py": """
        def total(x):
            if x > 5:
                raise ValueError("too many")
            return x + 2
        """,
    "test_shop.py": """
        import shop


        def test_total():
            assert (
                shop.total(1)
                == 2
            )


        def test_many():
            shop.total(9)


        def test_good():
            assert shop.total(1) == 3
        """,
}


def problems(text: str, matcher: dict[str, Any]) -> set[tuple[str, int, str]]:
    """What VS Code takes from an output.

    Its patterns have to match lines that follow each other.
    """
    lines = text.splitlines()
    patterns = [(re.compile(pattern["regexp"]), pattern) for pattern in matcher["pattern"]]
    found = set()
    for number in range(len(lines) - len(patterns) + 1):
        matches = [
            pattern.search(line)
            for (pattern, _), line in zip(patterns, lines[number:], strict=False)
        ]
        if all(matches):
            values = {
                name: match[group]
                for match, (_, fields) in zip(matches, patterns, strict=True)
                for name, group in fields.items()
                if match is not None and name != "regexp"
            }
            found.add((Path(values["file"]).name, int(values["line"]), values["message"]))
    return found


def test_the_task_of_vs_code_finds_failures_and_broken_imports(project: Project) -> None:
    [task] = BLOCKS[0]["tasks"]
    failures, imports = task["problemMatcher"]
    command = task["command"].split()
    assert command[0] == "testmon"
    project.write(SHOP)
    out = project.testmon(*command[1:]).out
    assert problems(out, failures) == {
        ("test_shop.py", 5, "assert 3 == 2"),
        ("shop.py", 3, "ValueError: too many"),
    }
    assert problems(out, imports) == set()
    project.write({"test_new.py": "import nothing_like_it\n\ndef test():\n    pass\n"})
    out = project.testmon(*command[1:]).out
    assert problems(out, failures) == set()
    [(file, line, message)] = problems(out, imports)
    assert (file, line) == ("test_new.py", 1)
    assert "No module named 'nothing_like_it'" in message


def test_the_shape_for_related_tests(project: Project) -> None:
    project.write(SHOP)
    project.testmon("collect", "-q")
    answer = json.loads(project.testmon("explain", "shop.py:4", "--format", "json").out)
    assert list(answer) == list(BLOCKS[1])
    assert [list(test) for test in answer["tests"]] == [list(BLOCKS[1]["tests"][0])] * 2
    assert {test["nodeid"] for test in answer["tests"]} == {
        "test_shop.py::test_total",
        "test_shop.py::test_good",
    }
