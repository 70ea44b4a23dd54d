"""`testmon audit`: what selection misses is named, with the limit that explains it."""

import json
import os
from pathlib import Path

import pytest

from testmon_cli.application.proof.missing_link import BYPASSES, ORDER, SERVICES, SUBPROCESSES
from tests.conftest import Project


@pytest.fixture
def suite(project: Project, tmp_path: Path) -> Project:
    """A project with dependencies that testmon cannot see."""
    (tmp_path / "outside.txt").write_text("abc", encoding="utf-8")
    project.write(
        {
            "data.txt": "abc",
            "other.txt": "abc",
            "run.sh": "cat other.txt",
            "shop.py": "STATE = []\n\ndef price(x):\n    return x * 2\n",
            "tests/test_shop.py": """
                import shop

                def test_price():
                    assert shop.price(2) == 4
                """,
            "tests/test_outside.py": f"""
                from pathlib import Path

                def test_outside():
                    assert Path({str(tmp_path / "outside.txt")!r}).read_text() == "abc"
                """,
            "tests/test_program.py": """
                import subprocess

                def test_program():
                    assert subprocess.run(["sh", "run.sh"], capture_output=True, text=True).stdout == "abc"
                """,
            "tests/test_size.py": """
                import os

                def test_size():
                    assert os.stat("data.txt").st_size == 3
                """,
        }
    )
    assert project.testmon("collect", "-q").code == 0
    return project


@pytest.mark.slow
def test_each_seeded_escape_is_named_with_its_limit(suite: Project, tmp_path: Path) -> None:
    nothing = suite.testmon("audit", "-q")
    assert (nothing.code, nothing.out.splitlines()[1:]) == (
        0,
        [
            "new or changed outcomes: 0 caught, 0 escaped, 0 unstable",
            "recall: nothing failed or came out otherwise",
        ],
    )
    for path, name, why, limit in (
        (
            tmp_path / "outside.txt",
            "outside",
            "nothing has changed that tests of this project were seen to",
            SERVICES,
        ),
        (suite.path / "data.txt", "size", "it was not seen to read data.txt", BYPASSES),
        (suite.path / "other.txt", "program", "it was not seen to read other.txt", SUBPROCESSES),
    ):
        written = path.stat().st_mtime_ns
        path.write_text("abcd", encoding="utf-8")
        answer = suite.testmon("audit", "-q")
        path.write_text("abc", encoding="utf-8")
        os.utime(path, ns=(written, written))
        lines = answer.out.splitlines()
        assert answer.code == 1, answer.out
        assert lines[0] == f"escaped: tests/test_{name}.py::test_{name} (passed -> failed)"
        assert lines[2].startswith(f"  why: {why}")
        assert lines[3] == f"  a known limit: {limit}"
        assert lines[-1] == "recall: 0.0 % (0 of 1 failures and changed outcomes)"


def test_what_is_selected_is_caught_and_the_datafile_stays_as_it_is(suite: Project) -> None:
    suite.edit("shop.py", "x * 2", "x * 3")
    before = (suite.path / ".testmondata").read_bytes()
    answer = suite.testmon("audit", "--format", "json")
    found = json.loads(answer.out)
    assert (answer.code, found["caught"], found["escaped"], found["recall"]) == (0, 1, 0, 1.0)
    assert (found["tests"], found["selected"], found["known"]) == (4, 1, 4)
    assert (suite.path / ".testmondata").read_bytes() == before
    assert "1 failed, 3 passed" in answer.err
    sample = [
        suite.testmon("audit", "--sample", "50%", "--seed", "2", "--format", "json")
        for _ in range(2)
    ]
    one, other = (json.loads(answer.out) for answer in sample)
    assert (one["tests"], one["findings"]) == (other["tests"], other["findings"])
    assert 0 < one["tests"] < 4
    assert suite.testmon("audit", "--sample", "ten").err == (
        "testmon: error: --sample must be a share like 10%, not 'ten'\n"
    )


@pytest.mark.slow
def test_order_and_chance_are_told_apart(project: Project, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    project.write(
        {
            "shop.py": "",
            "switch.txt": "",
            "tests/test_a.py": """
                import os
                import shop

                def test_first():
                    if os.stat("switch.txt").st_size:
                        shop.state = 1
                """,
            "tests/test_b.py": """
                import shop

                def test_second():
                    assert not hasattr(shop, "state")
                """,
            "tests/test_c.py": f"""
                from pathlib import Path

                def test_third():
                    counter = Path({str(counter)!r})
                    looks = len(counter.read_bytes()) if counter.exists() else 0
                    counter.write_bytes(b"x" * (looks + 1))
                    assert looks != 1
                """,
        }
    )
    assert project.testmon("collect", "-q").code == 0
    project.write({"switch.txt": "on"})
    answer = project.testmon("audit", "--format", "json")
    found = {f["nodeid"].partition("::")[2]: f for f in json.loads(answer.out)["findings"]}
    assert (found["test_second"]["bucket"], found["test_second"]["link"]["limit"]) == (
        "escaped",
        ORDER,
    )
    assert found["test_third"]["bucket"] == "unstable"
    assert answer.code == 1


def test_a_share_of_the_jobs_is_audited(suite: Project) -> None:
    suite.write({"pyproject.toml": '[tool.testmon]\naudit = "100%"\n'})
    suite.edit("shop.py", "x * 2", "x * 3")
    suite.write({"data.txt": "abcd"})
    answer = suite.testmon("ci", "-q")
    assert answer.code == 1
    assert "all tests are run: an audit" in answer.err
    assert "escaped: tests/test_size.py::test_size (passed -> failed)\n" in answer.err
    assert f"  a known limit: {BYPASSES}\n" in answer.err
    half = "recall 50.0 % (1 of 2 failures and changed outcomes)"
    assert f"testmon: audit: {half}; so far, in 1 audit: {half[7:]}\n" in answer.err
    suite.edit("shop.py", "x * 3", "x + x")
    assert "so far, in 2 audits: 66.7 % (2 of 3 failures" in suite.testmon("ci", "-q").err
    assert suite.testmon("db", "check").code == 0
    suite.write({"pyproject.toml": '[tool.testmon]\naudit = "none"\n'})
    assert "audit must be a share like \"10%\"; it is 'none'" in suite.testmon("select").err


def test_nothing_to_audit(project: Project) -> None:
    answer = project.testmon("audit")
    assert (answer.code, answer.err) == (
        64,
        "testmon: error: nothing is known that could be audited: run `testmon collect` first\n",
    )
