"""`testmon plan`, and `testmon select` for one job, in an order, and in some time."""

import json
import shutil
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from testmon_cli.storage.datafile import Datafile
from tests.conftest import Project

# of the one long test of each file
SECONDS = {"one": 0.02, "two": 0.04, "three": 0.06, "four": 0.3}
FILES = {
    "shop.py": """
        def price(x):
            return x * 2
        """,
    **{
        f"test_{name}.py": """
            import pytest
            import shop


            @pytest.mark.parametrize("x", ["a b", "c"])
            def test_text(x):
                assert shop.price(x)


            def test_long():
                assert shop.price(2) == 4
            """
        for name in SECONDS
    },
}


@pytest.fixture(scope="module")
def _collected_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("collected"))
    project.write({"pyproject.toml": "", **FILES})
    assert project.testmon("collect", "-q").code == 0
    durations = {f"test_{name}.py::test_long": seconds for name, seconds in SECONDS.items()}
    _set_durations(project.path / ".testmondata", durations)
    return project.path


def _set_durations(path: Path, durations: dict[str, float]) -> None:
    """Store how long tests took, whatever else the machine did meanwhile."""
    with Datafile.open(path, "write") as datafile, datafile.uniting():
        for execution in datafile.executions(datafile.environments()[0]):
            place = durations.get(execution.nodeid, 0.001), execution.trace_id
            datafile._connection.driver.execute(
                "UPDATE execution SET duration = ? WHERE trace_id = ?", place
            )


@pytest.fixture
def suite(_collected_once: Path, tmp_path: Path) -> Project:
    """A project of which everything is selected, since all tests run what was changed.

    A new file stands beside.
    """
    suite = Project(shutil.copytree(_collected_once, tmp_path / "suite"))
    suite.edit("shop.py", "x * 2", "2 * x")
    suite.write({"test_new.py": "def test_a(): pass\n\n\ndef test_b(): pass\n"})
    return suite


def planned(project: Project, *options: str) -> dict[str, Any]:
    answer = project.testmon("plan", *options)
    assert (answer.code, answer.err) == (0, "")
    found: dict[str, Any] = json.loads(answer.out)
    return found


def lines(text: str) -> list[str]:
    return text.rstrip("\0\n").replace("\0", "\n").split("\n") if text else []


def test_a_plan_gives_each_job_its_part_of_the_selection(suite: Project) -> None:
    plan = planned(suite, "--jobs", "3")
    selected = lines(suite.testmon("select", "-0").out)
    assert [job["shard"] for job in plan["jobs"]] == [
        f"{n}/{len(plan['jobs'])}@{plan['plan']}" for n in (1, 2)
    ]
    assert sorted(argument for job in plan["jobs"] for argument in job["arguments"]) == sorted(
        selected
    )
    assert len(selected) == 13
    for job in plan["jobs"]:
        answer = suite.testmon("select", "-0", "--shard", job["shard"])
        assert (lines(answer.out), answer.err) == (job["arguments"], "")


def test_a_part_of_another_plan_is_all(suite: Project) -> None:
    plan = planned(suite, "--jobs", "2")
    suite.edit("test_one.py", "== 4", "<= 4")
    suite.write({"test_newer.py": "def test_c(): pass\n"})
    shard = plan["jobs"][0]["shard"]
    answer = suite.testmon("select", "-0", "--shard", shard)
    assert sorted(lines(answer.out)) == sorted(lines(suite.testmon("select", "-0").out))
    assert answer.err.startswith(
        f"testmon: the tests are not those of plan {plan['plan']} (here they make "
    )


def test_without_a_plan_a_file_has_its_place_whatever_is_known(suite: Project) -> None:
    jobs = [f"{number}/3" for number in (1, 2, 3)]
    known = [lines(suite.testmon("select", "--shard", job).out) for job in jobs]
    assert sorted(chain(*known)) == sorted(lines(suite.testmon("select").out))
    nothing = [
        lines(suite.testmon("--datafile", "none", "select", "--shard", job).out) for job in jobs
    ]
    assert sorted(chain(*nothing)) == sorted(
        [f for f in FILES if f.startswith("test")] + ["test_new.py"]
    )
    assert [{argument.partition("::")[0] for argument in job} for job in known] == list(
        map(set, nothing)
    )


def test_as_few_jobs_as_are_needed(suite: Project) -> None:
    assert len(planned(suite, "--jobs", "9", "--max-time", "1m")["jobs"]) == 1
    # with more of them the longest test takes as long
    assert len(planned(suite, "--jobs", "9")["jobs"]) == 2
    answer = suite.testmon("plan", "--jobs", "2", "--max-time", "0.1s")
    assert answer.err.startswith("testmon: 2 jobs take 0.3")
    assert answer.err.endswith(" s, longer than 0.1s\n")


def test_a_fixture_of_several_tests_counts_once_for_each_job(project: Project) -> None:
    project.write(
        {
            "shop.py": FILES["shop.py"],
            "conftest.py": """
                import time

                import pytest


                @pytest.fixture(scope="session")
                def ground():
                    time.sleep(0.1)


                @pytest.fixture(scope="session")
                def database(ground):
                    time.sleep(0.3)
                """,
            **{
                f"test_{name}.py": f"""
                    import shop


                    def test_long({fixture}):
                        assert shop.price(2) == 4
                    """
                for name, fixture in zip(
                    "abcdef", ["database", "", "", "database", "", "database"], strict=True
                )
            },
        }
    )
    assert project.testmon("collect", "-q").code == 0
    durations = {f"test_{name}.py::test_long": 0.5 if name == "a" else 0.1 for name in "abcdef"}
    _set_durations(project.path / ".testmondata", durations)
    project.edit("shop.py", "x * 2", "2 * x")
    (first, second) = planned(project, "--jobs", "2")["jobs"]
    assert first["arguments"] == [f"test_{name}.py::test_long" for name in "adf"]
    assert second["arguments"] == [f"test_{name}.py::test_long" for name in "bce"]
    assert 0.7 <= first["seconds"] < 1.1  # 1.5 where each test counts all that it had to wait for
    assert 0.3 <= second["seconds"] < 0.5
    assert len(lines(project.testmon("select", "--budget", "1.3s").out)) == 6


def test_all_tests_can_be_divided(suite: Project) -> None:
    suite.edit("shop.py", "2 * x", "x * 2")
    answer = suite.testmon("plan", "--jobs", "2", "--all", "--output", "plan.json")
    assert answer.err == "testmon: all tests are divided: --all\n"
    assert answer.out == (suite.path / "plan.json").read_text(encoding="utf-8")
    first, second = json.loads(answer.out)["jobs"]
    assert first["arguments"] == ["test_four.py"]  # it takes as long as all others
    assert second["arguments"] == ["test_new.py", "test_one.py", "test_three.py", "test_two.py"]
    assert second["seconds"] < 0.3 <= first["seconds"]


def test_the_time_of_files_in_a_folder_with_colons(project: Project) -> None:
    tests = "".join(f"def test_{name}(): pass\n" for name in ("one", "two"))
    project.write({f"a::b/test_{name}.py": tests for name in ("x", "y")} | {"a/test_z.py": tests})
    assert project.testmon("collect", "-q", "--", "--import-mode=importlib").code == 0
    times = {
        f"a::b/test_{file}.py::test_{name}": 0.2 for file in ("x", "y") for name in ("one", "two")
    }
    _set_durations(project.path / ".testmondata", times)
    [job] = json.loads(project.testmon("plan", "--jobs", "2", "--all").out)["jobs"]
    assert job["arguments"] == ["."]  # pytest cannot be given such a file
    assert round(job["seconds"], 1) == 0.8


def test_outputs_for_github(suite: Project) -> None:
    answer = suite.testmon("plan", "--jobs", "1", "--format", "github")
    jobs, matrix = answer.out.splitlines()
    [job] = json.loads(matrix.removeprefix("matrix="))["include"]
    assert (jobs, job["shard"][:4], job["tests"]) == ("jobs=1", "1/1@", 13)
    suite.run("git", "init")
    suite.edit("shop.py", "2 * x", "x * 2")
    (suite.path / "test_new.py").unlink()
    assert (
        suite.testmon("plan", "--jobs", "3", "--format", "github").out
        == 'jobs=0\nmatrix={"include":[]}\n'
    )


def test_what_comes_first(suite: Project) -> None:
    suite.edit("test_three.py", "== 4", "== 5")
    suite.testmon("collect", "test_three.py::test_long")
    suite.edit("test_two.py", "== 4", "<= 4")
    fast = lines(suite.testmon("select", "--order", "fast").out)
    assert fast[-1] == "test_four.py::test_long"
    failed, *_ = lines(suite.testmon("select", "--order", "failed").out)
    assert failed == "test_three.py::test_long"
    suite.edit("shop.py", "2 * x", "x * 2")
    suite.write(
        {"conftest.py": "import pytest\n\n\n@pytest.fixture(autouse=True)\ndef more(): pass\n"}
    )
    _, *changed = lines(suite.testmon("select", "--order", "failed,changed,fast").out)
    assert {argument.partition("::")[0] for argument in changed[:2]} == {
        "test_new.py",
        "test_two.py",
    }
    assert len(changed) > 2


def test_what_can_be_run_in_some_time(suite: Project) -> None:
    answer = suite.testmon("select", "--budget", "0.25s", "--rest", "rest.txt")
    rest = (suite.path / "rest.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(lines(answer.out) + rest) == sorted(lines(suite.testmon("select").out))
    assert "test_four.py::test_long" in rest
    assert answer.err.startswith(
        f"testmon: left out, since 0.25s is not enough: {len(rest)} arguments, 0."
    )
    enough = suite.testmon("select", "--budget", "1h", "--rest", "rest.txt")
    assert (len(lines(enough.out)), enough.err) == (9, "")
    assert (suite.path / "rest.txt").read_bytes() == b""


def test_json_has_the_same_part(suite: Project) -> None:
    answer = json.loads(
        suite.testmon("select", "--format", "json", "--shard", "1/1", "--budget", "0.01s").out
    )
    assert (answer["verdict"], answer["selected_seconds"] < 0.02) == ("some", True)
    assert "test_four.py::test_long" not in answer["arguments"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["select", "--shard", "3/2"],
            "invalid shard '3/2': expected the number of a job and how many there are",
        ),
        (
            ["select", "--shard", "1/2@ab"],
            "a plan is made of exact node ids: with its --shard, give --null or",
        ),
        (["select", "--order", "slow"], "invalid order 'slow': known are failed, changed, fast"),
        (
            ["select", "--budget", "5"],
            "invalid --budget '5': expected a number and s, m or h, for example 5m",
        ),
        (
            ["select", "--rest", "x"],
            "--rest takes what --budget leaves out: give a --budget, like 5m",
        ),
        (
            ["plan", "--jobs", "2", "--max-time", "1d"],
            "invalid --max-time '1d': expected a number and s, m or h",
        ),
    ],
)
def test_what_is_refused(project: Project, options: list[str], message: str) -> None:
    answer = project.testmon(*options)
    assert (answer.code, answer.out) == (64, "")
    assert answer.err.startswith(f"testmon: error: {message}")
