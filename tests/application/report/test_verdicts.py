"""Whether a failure is new, known or flaky, on a project whose tests come out in each way."""

import json
import re
from pathlib import Path

import pytest

from testmon_cli import api
from tests.conftest import Project

# What `there` asks for is outside of the project, where nobody sees it.
FILES = {
    ".gitignore": ".*\n!.gitignore\n__pycache__\n",
    "shop.py": """
        import os

        TAX = 2
        UNUSED = 0


        def there():
            return os.path.exists(os.path.dirname(__file__) + "/../there")


        def price(x):
            return x * TAX


        def way():
            if there():
                return 1
            return 1
        """,
    "test_shop.py": """
        import pytest

        import shop


        def test_passes():
            assert shop.price(0) == 0


        def test_changed():
            assert shop.price(2) == 4


        def test_wrong():
            assert shop.there() is None


        def test_as_it_likes():
            assert not shop.there()


        def test_another_way():
            assert shop.way() == 1


        @pytest.mark.testmon_always
        def test_unseen():
            assert not shop.there()
        """,
}
VERDICTS = {
    "test_another_way": "new",
    "test_as_it_likes": "flaky",
    "test_changed": "new",
    "test_unseen": "unknown",
    "test_wrong": "known",
}


def _verdicts(project: Project, *arguments: str) -> dict[str, dict[str, object]]:
    answer = json.loads(project.testmon("report", "--format", "json", *arguments).out)
    return {failure["nodeid"].partition("::")[2]: failure for failure in answer["failures"]}


def _told(failures: dict[str, dict[str, object]]) -> dict[str, object]:
    return {name: failure["verdict"] for name, failure in failures.items()}


def _plain(text: object) -> str:
    return re.sub(
        r"\b[0-9a-f]{7,10}\b",
        "COMMIT",
        re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "THEN", str(text)),
    )


@pytest.fixture
def shop(project: Project) -> Project:
    """A project that was collected, whose tests depend on more than is seen."""
    project.write(FILES)
    project.git("init", "-q", "-b", "main")
    project.git("add", "-A")
    project.git("commit", "-qm", "one")
    assert project.testmon("collect", "-q").code == 1
    return project


def test_verdicts(shop: Project, tmp_path: Path) -> None:
    there = tmp_path / "there"
    first = _verdicts(shop)
    assert _told(first) == {"test_wrong": "unknown"}
    assert first["test_wrong"]["reason"] == "has no earlier result that is remembered"

    shop.edit("shop.py", "TAX = 2", "TAX = 3")
    shop.edit("shop.py", "if there():\n        return 1", "if there():\n        return 2")
    there.write_text("", encoding="utf-8")
    answer = shop.testmon("ci", "--all")
    assert answer.code == 1
    found = _verdicts(shop)
    assert _told(found) == VERDICTS
    reasons = {name: _plain(failure["reason"]) for name, failure in found.items()}
    why_changed = "since then: runs shop.py::price, which mentions TAX, changed at shop.py:3"
    assert reasons == {
        "test_another_way": "passed on THEN at COMMIT with other inputs",
        "test_as_it_likes": "failed 1 of 2 times with the same inputs; passed on THEN at COMMIT",
        "test_changed": f"passed on THEN at COMMIT; {why_changed}",
        "test_unseen": "passed on THEN at COMMIT, but its inputs cannot all be seen: marked testmon_always",
        "test_wrong": "failed on THEN at COMMIT with the same inputs",
    }
    told = answer.err.splitlines()[1:]
    assert told[0] == "testmon: 5 failures: 2 new, 1 known, 1 flaky, 1 unknown"
    assert (
        f"testmon: new: test_shop.py::test_changed, which passed on THEN at COMMIT; {why_changed}"
        in map(_plain, told)
    )
    shown = shop.testmon("report").out
    assert "failures remembered: 5 (2 new, 1 known, 1 flaky, 1 unknown)\n" in shown
    assert (
        f"FAILED test_shop.py::test_changed\nnew: passed on THEN at COMMIT; {why_changed}\n"
        in _plain(shown)
    )

    [past_now, past] = found["test_as_it_likes"]["history"]  # type: ignore[misc]
    assert [(each["outcome"], each["inputs"], each["is_dirty"]) for each in (past_now, past)] == [
        ("failed", "same", True),
        ("passed", "same", False),
    ]
    by_name = {
        failure.nodeid.partition("::")[2]: failure
        for failure in api.open_project(shop.path).failures()
    }
    assert {name: failure.verdict for name, failure in by_name.items()} == VERDICTS
    assert [link.name for link in by_name["test_changed"].chain] == ["price", "TAX"]

    # At the base nothing is known of what cannot be seen.
    at_base = _verdicts(shop, "--base", "HEAD")
    assert _told(at_base) == VERDICTS
    assert _plain(at_base["test_wrong"]["reason"]) == "fails at HEAD, too, as on THEN at COMMIT"
    assert (
        _plain(at_base["test_changed"]["reason"])
        == f"passes at HEAD, as on THEN at COMMIT; {why_changed}"
    )
    answer = shop.testmon("report", "--base", "nowhere")
    assert (answer.code, answer.out) == (66, "")

    # A second run of the same change tells nothing else; one that is committed is known.
    shop.testmon("collect", "-q", "test_shop.py::test_changed", "test_shop.py::test_another_way")
    assert _told(_verdicts(shop)) == VERDICTS
    shop.git("commit", "-qam", "two")
    shop.testmon("collect", "-q", "test_shop.py::test_changed")
    assert _told(_verdicts(shop)) == {**VERDICTS, "test_changed": "known"}
    assert _told(_verdicts(shop, "--base", "HEAD~")) == VERDICTS

    # What failed in another state than the present one cannot be compared with what is not seen to
    # be other.
    shop.edit("shop.py", "TAX = 3", "TAX = 4")
    stale = _verdicts(shop)["test_changed"]
    assert (stale["verdict"], _plain(stale["reason"])) == (
        "known",
        "failed on THEN at COMMIT with changes with the same inputs",
    )


def test_an_unknown_base_is_an_error_also_where_nothing_failed(project: Project) -> None:
    project.write({"test_one.py": "def test_one():\n    pass\n"})
    project.git("init", "-q")
    project.testmon("collect", "-q")
    answer = project.testmon("report", "--base", "nowhere")
    assert (answer.code, answer.out) == (66, "")
    assert "nowhere" in answer.err
