"""`testmon replay` on a history made for it: what is caught, escaped, unstable, not built."""

import json
import re
import textwrap
from pathlib import Path

import pytest

from testmon_cli.application.proof.missing_link import BYPASSES
from tests.conftest import Project

pytest.importorskip("jinja2", reason="the extra html is not installed")

FILES = {
    ".gitignore": ".testmon*\n__pycache__/\n",
    "data.txt": "abc\n",
    "shop.py": """
        def price(x):
            return x * 2
        """,
    "tests/test_shop.py": """
        import os
        import shop

        def test_price():
            assert shop.price(2) == 4

        def test_size():
            assert os.stat("data.txt").st_size == 4
        """,
}


def commit(project: Project, subject: str, files: dict[str, str]) -> None:
    project.write(files)
    project.git("add", ".")
    project.git("commit", "-qm", subject)


@pytest.fixture
def history(project: Project) -> Project:
    project.git("init", "-q", "-b", "main")
    commit(project, "Begin", FILES)
    return project


def buckets(step: dict[str, list[dict[str, str]]]) -> list[tuple[str, str]]:
    return [
        (finding["nodeid"].partition("::")[2], finding["bucket"]) for finding in step["findings"]
    ]


@pytest.mark.slow
def test_a_seeded_escape_is_found_and_explained(history: Project, tmp_path: Path) -> None:
    commit(history, "<b>Spoil</b>", {"shop.py": "def price(x):\n    return x * 3\n"})
    commit(history, "Grow", {"data.txt": "abcd\n"})
    options = ("--state", str(tmp_path / "state"), "--html", str(tmp_path / "page.html"))
    answer = history.testmon("replay", "HEAD~2..HEAD", *options, "--", "-q")
    lines = answer.out.splitlines()
    assert answer.code == 1, answer.out + answer.err
    assert [
        " ".join(re.sub(r"^[0-9a-f]{9}| [\d.]+ s\b", "", line).split()) for line in lines[1:3]
    ] == [
        "2 1 1 50 % <b>Spoil</b>",
        "2 1 1 50 % 1 escaped, Grow",  # the one that failed is run again
    ]
    assert lines[4].endswith(": tests/test_shop.py::test_size (passed -> failed)")
    assert lines[6:8] == ["  why: it was not seen to read data.txt", f"  a known limit: {BYPASSES}"]
    assert lines[9:12] == [
        "2 commits compared, 1 safe",
        "new or changed outcomes: 1 caught, 1 escaped, 0 unstable",
        "failures: 1 that passed at the commit before (1 new), 1 that failed there, too (1 known)",
    ]
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<td>&lt;b&gt;Spoil&lt;/b&gt;</td>" in page
    assert "http" not in page.replace("http-equiv", "")
    assert history.git("status", "--porcelain").out == ""
    assert len(history.git("worktree", "list").out.splitlines()) == 1
    again = history.testmon("replay", "HEAD~2..HEAD", *options, "--", "-q")
    assert again.out == answer.out  # nothing was run again: the times are the same


@pytest.mark.slow
def test_a_project_that_stops_at_the_first_failure_is_run_to_its_end(
    history: Project, tmp_path: Path
) -> None:
    commit(history, "Stop early", {"pytest.ini": "[pytest]\naddopts = -x\n"})
    more = "    def test_more():\n        assert shop.price(3) == 6\n"
    text = history.path.joinpath("tests/test_shop.py").read_text(encoding="utf-8")
    commit(history, "More", {"tests/test_shop.py": text + textwrap.dedent(more)})
    commit(history, "Spoil", {"shop.py": "def price(x):\n    return x * 3\n"})
    commit(history, "Mend", {"shop.py": "def price(x):\n    return x + x\n"})
    answer = history.testmon(
        "replay", "HEAD~2..HEAD", "--state", str(tmp_path / "state"), "--format", "json"
    )
    assert answer.code == 0, answer.out + answer.err
    spoilt, mended = json.loads(answer.out)["steps"]
    assert sorted(buckets(spoilt)) == [("test_more", "caught"), ("test_price", "caught")]
    assert sorted(buckets(mended)) == [("test_more", "caught"), ("test_price", "caught")]


@pytest.mark.slow
def test_commits_of_all_kinds(history: Project, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    flaky = f"""
        from pathlib import Path

        def test_third():
            counter = Path({str(counter)!r})
            looks = len(counter.read_bytes()) if counter.exists() else 0
            counter.write_bytes(b"x" * (looks + 1))
            assert looks != 2
        """
    commit(history, "Flaky", {"tests/test_flaky.py": flaky})
    commit(history, "Not to be built", {"broken": ""})
    history.git("rm", "-q", "broken")
    commit(
        history,
        "Spoil a file",
        {"tests/test_new.py": "import nothing_there\n\ndef test_new():\n    pass\n"},
    )
    commit(history, "Mend it", {"tests/test_new.py": "def test_new():\n    pass\n"})
    commit(history, "Spoil all", {"conftest.py": "import nothing_there\n"})
    history.git("rm", "-q", "conftest.py", "tests/test_new.py")
    commit(history, "Mend all", {})
    options = (
        "--commits",
        "20",
        "--setup",
        "test ! -e broken",
        "--jobs",
        "2",
        "--format",
        "json",
        "-o",
        "addopts=",
    )
    answer = history.testmon("replay", *options, XDG_CACHE_HOME=str(tmp_path / "cache"))
    found = json.loads(answer.out)
    told = {step["subject"]: (step["state"], buckets(step)) for step in found["steps"]}
    unstable = told["Spoil a file"][1]
    assert told == {
        "Flaky": ("compared", [("test_third", "caught")]),
        "Not to be built": ("not built", []),
        "Spoil a file": ("compared", unstable),
        "Mend it": ("compared", told["Mend it"][1]),
        "Spoil all": ("compared", [("", "caught")]),
        "Mend all": ("compared", told["Mend all"][1]),
    }
    assert ("", "caught") in unstable
    assert ("test_new", "caught") in told["Mend it"][1]
    others = [pair for step in told.values() for pair in step[1] if pair[0] == "test_third"]
    assert {bucket for _, bucket in others} <= {"caught", "unstable"}
    assert (answer.code, found["escaped"], found["not_built"], found["safe"]) == (0, 0, 1, 5)
    assert found["pytest_arguments"] == ["-o", "addopts="]


def test_what_cannot_be_replayed(history: Project) -> None:
    answer = history.testmon("replay")
    assert (answer.code, answer.err) == (
        64,
        "testmon: error: there is nothing to replay: it takes two commits\n",
    )
    answer = history.testmon("replay", "v1..v2")
    assert (answer.code, answer.err) == (
        64,
        "testmon: error: git knows no revision 'v2'; give a range like v1.0..main\n",
    )
