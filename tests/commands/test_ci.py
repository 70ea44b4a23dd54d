"""`testmon ci`: what each job of a provider runs."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from testmon_cli.application.ci.whole_runs import WORD
from tests.conftest import Answer, Project

FILES = {
    "pyproject.toml": "",
    "conftest.py": """
        import pytest


        def pytest_collect_file(file_path, parent):
            if file_path.suffix == ".rows":
                return Rows.from_parent(parent, path=file_path)


        class Rows(pytest.File):
            def collect(self):
                yield Row.from_parent(self, name="row")


        class Row(pytest.Item):
            def runtest(self):
                pass
        """,
    "data.rows": "1\n",
    "shop.py": """
        def price(x):
            return x * 2


        def name(x):
            return x.strip()
        """,
    **{
        f"tests/test_{number}.py": f"""
            import shop


            def test_price():
                assert shop.price({number}) == {number} * 2


            def test_name():
                assert shop.name("a ") == "a"
            """
        for number in range(8)
    },
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PIPELINE_SOURCE": "push",
    "CI_COMMIT_BRANCH": "main",
    "CI_NODE_TOTAL": "3",
}


@pytest.fixture(scope="module")
def _collected_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("collected"))
    project.write({**FILES, ".gitignore": ".testmon*\n__pycache__/\n.pytest_cache/\nplan.json\n"})
    project.git("init", "-q", "-b", "main")
    project.git("add", ".")
    project.git("commit", "-qm", "Begin")
    assert project.testmon("ci", "-q").code == 0
    return project.path


@pytest.fixture
def suite(_collected_once: Path, tmp_path: Path) -> Project:
    """A project that was collected; each file has two tests, and a collector of the project has one more."""
    return Project(shutil.copytree(_collected_once, tmp_path / "suite"))


def ran(answer: Answer) -> set[str]:
    """The tests that pytest, told to be verbose, says it ran."""
    return {
        line.partition(" ")[0]
        for line in answer.out.splitlines()
        if " PASSED" in line or " FAILED" in line
    }


def ci(project: Project, *options: str, **environ: str) -> Answer:
    answer = project.testmon("ci", "-v", *options, **environ)
    assert "Traceback" not in answer.err
    return answer


def jobs(project: Project, *options: str, count: int = 3) -> Iterator[Answer]:
    for number in range(1, count + 1):
        yield ci(
            project, *options, CI_JOB_NAME=f"test {number}/3", CI_NODE_INDEX=str(number), **GITLAB
        )


ALL = {
    f"tests/test_{number}.py::test_{name}" for number in range(8) for name in ("price", "name")
} | {"data.rows::row"}
PRICES = {nodeid for nodeid in ALL if nodeid.endswith("price")}


def test_a_job_runs_what_is_selected_and_says_what_it_knows(suite: Project) -> None:
    suite.edit("shop.py", "x * 2", "x + x")
    suite.git("commit", "-qam", "Double")
    answer = ci(suite)
    head = suite.git("rev-parse", "HEAD~1").out[:7]
    assert (answer.code, ran(answer)) == (0, PRICES)
    assert answer.err.startswith(
        f"testmon: baseline {head} (1 commit back), 17 tests known, 0 unknown; 8 selected (47 %), 0."
    )
    again = ci(suite)
    assert (again.code, again.out) == (0, "")
    assert (
        "(0 commits back), 17 tests known, 0 unknown; 0 selected (0 %), 0.00 s of 0." in again.err
    )


def test_the_exit_code_is_that_of_pytest(suite: Project) -> None:
    suite.edit("shop.py", "x * 2", "x * 3")
    assert ci(suite).code == 1
    # others are not selected: there is nothing wrong with them
    assert ci(suite, "--", "-m", "nothing").code == 0
    assert ci(suite, "--", "--no-such-option").code == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "why", ["nothing is known", "configuration", "--all", "message", "full_every"]
)
def test_jobs_run_all_tests_between_them(suite: Project, why: str, tmp_path: Path) -> None:
    options: list[str] = []
    environ = {}
    if why == "nothing is known":
        (suite.path / ".testmondata").unlink()
        expected = "no evidence; all tests are run: no"
    elif why == "configuration":
        suite.write({"pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--strict-markers"\n'})
        expected = (
            "17 tests known, 0 unknown; all tests are run: 17 of 17 known tests: configuration"
        )
    elif why == "--all":
        options = ["--all"]
        expected = "all tests are run: --all;"
    elif why == "message":
        suite.git("commit", "-q", "--allow-empty", "-m", f"Look again\n\n{WORD}")
        expected = f"all tests are run: {WORD} was asked for;"
    else:
        suite.write({"pyproject.toml": '[tool.testmon]\nfull_every = "1d"\n'})
        later = tmp_path / "sitecustomize.py"
        later.write_text(
            "import time\n_time = time.time\ntime.time = lambda: _time() + 100_000\n",
            encoding="utf-8",
        )
        environ = {"PYTHONPATH": str(tmp_path)}
        expected = "all tests are run: no run of all tests is as new as full_every wants it;"
    seen: list[str] = []
    for number in (1, 2, 3):
        shutil.rmtree(tmp_path / "job", ignore_errors=True)  # no job knows what the others do
        job = Project(shutil.copytree(suite.path, tmp_path / "job"))
        answer = ci(
            job,
            *options,
            CI_JOB_NAME=f"test {number}/3",
            CI_NODE_INDEX=str(number),
            **GITLAB,
            **environ,
        )
        assert answer.code == 0, answer.out + answer.err
        assert expected in answer.err
        assert f"; job {number} of 3 has " in answer.err
        seen += ran(answer) - {"data.rows::row"}
        assert "data.rows::row" in ran(answer)  # what no list of files tells is run in each job
    assert sorted(seen) == sorted(ALL - {"data.rows::row"})


def test_a_job_does_not_leave_out_a_folder_that_a_name_with_colons_begins_with(
    project: Project,
) -> None:
    files = ("a/test_2.py", "a::b/test_1.py")
    project.write(
        dict.fromkeys(files, "def test_it(): pass\n") | {"pytest.ini": "[pytest]\npythonpath = a\n"}
    )
    options = ("--all", "--", "--import-mode=importlib")
    seen = [ran(answer) for answer in jobs(project, *options, count=3)]
    assert sorted(test for tests in seen for test in tests) == [
        f"{file}::test_it" for file in files
    ]
    assert max(map(len, seen)) == 1  # else this shows nothing


@pytest.mark.slow
def test_jobs_with_different_evidence_leave_nothing_out(suite: Project, tmp_path: Path) -> None:
    suite.edit("shop.py", "x * 2", "x + x")
    found = set()
    for number, job in enumerate((1, 2, 3), 1):
        here = Project(shutil.copytree(suite.path, tmp_path / f"job{job}"))
        if number == 2:
            (here.path / ".testmondata").unlink()
        if number == 3:
            here.testmon("collect", "-q", "tests/test_0.py")
        found |= ran(ci(here, "--shard", f"{number}/3"))
    assert found >= PRICES - {"tests/test_0.py::test_price"}


def test_jobs_share_a_plan(suite: Project, tmp_path: Path) -> None:
    suite.edit("shop.py", "x * 2", "x + x")
    (suite.path / "plan.json").write_text(
        suite.testmon("plan", "--jobs", "3").out, encoding="utf-8"
    )
    shards = [job["shard"] for job in json.loads((suite.path / "plan.json").read_bytes())["jobs"]]
    by_name, by_file, fewer = [], [], []
    for number in range(1, len(shards) + 1):
        here = Project(shutil.copytree(suite.path, tmp_path / f"job{number}"))
        by_name += ran(ci(here, "--shard", shards[number - 1]))
        shutil.copy(suite.path / ".testmondata", here.path)
        by_file += ran(ci(here, "--plan", "plan.json", "--shard", f"{number}/{len(shards)}"))
    for number in (1, 2):
        here = Project(shutil.copytree(suite.path, tmp_path / f"one{number}"))
        fewer += ran(ci(here, "--plan", "plan.json", "--shard", f"{number}/2"))
    assert sorted(by_name) == sorted(by_file) == sorted(fewer) == sorted(PRICES)


@pytest.mark.slow
def test_a_plan_holds_although_evidence_has_changed(suite: Project) -> None:
    suite.edit("shop.py", "x * 2", "x + x")
    (suite.path / "plan.json").write_text(
        suite.testmon("plan", "--jobs", "2").out, encoding="utf-8"
    )
    planned = {*json.loads((suite.path / "plan.json").read_bytes())["jobs"][0]["arguments"]}
    suite.testmon("collect", "-q", "--select")  # somebody else has run them all
    suite.edit("tests/test_0.py", '"a "', '" a "')  # and this is what the plan did not know
    answer = ci(suite, "--plan", "plan.json", "--shard", "1/2")
    assert ran(answer) == planned | {"tests/test_0.py::test_name"}


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (None, "the plan plan.json cannot be read: No such file or directory"),
        ("[]", "plan.json: it is no plan of this version of testmon"),
        (
            '{"version": 1, "commit": "0123456789", "jobs": []}',
            "plan.json is of commit 0123456, not of ",
        ),
    ],
)
def test_without_a_plan_that_can_be_used_a_job_runs_all_that_is_selected(
    suite: Project, plan: str | None, why: str
) -> None:
    suite.edit("shop.py", "x * 2", "x + x")
    if plan is not None:
        (suite.path / "plan.json").write_text(plan, encoding="utf-8")
    answer = ci(suite, "--plan", "plan.json", "--shard", "2/3")
    assert ran(answer) == PRICES
    assert "the parts of all jobs are run: " in answer.err
    assert why in answer.err


def test_a_datafile_that_cannot_be_used_is_left_alone_and_all_tests_run(suite: Project) -> None:
    (suite.path / ".testmondata").write_bytes(b"of somebody else")
    answer = ci(suite)
    assert (answer.code, ran(answer)) == (0, ALL)
    assert answer.err == (
        f"testmon: no evidence; all tests are run: {suite.path}/.testmondata is not a datafile of testmon: name another"
        " with --datafile or TESTMON_DATAFILE\n"
    )
    assert (suite.path / ".testmondata").read_bytes() == b"of somebody else"


def test_a_mistake_of_ours_makes_all_tests_run(suite: Project, tmp_path: Path) -> None:
    broken = (
        "import testmon_cli.application.invalidate.snapshot_diff as c\nc.compare_files = None\n"
    )
    (tmp_path / "sitecustomize.py").write_text(broken, encoding="utf-8")
    answer = ci(suite, PYTHONPATH=str(tmp_path))
    assert (answer.code, ran(answer)) == (0, ALL)
    assert (
        "all tests are run: internal error, TypeError: 'NoneType' object is not callable"
        in answer.err
    )


def test_paths_narrow_what_is_run(suite: Project) -> None:
    suite.edit("shop.py", "x * 2", "x + x")
    assert ran(ci(suite, "tests/test_3.py")) == {"tests/test_3.py::test_price"}
    assert ran(ci(suite, "--all", "tests/test_3.py")) == {n for n in ALL if "test_3" in n}
    shards = [
        ran(ci(suite, "--all", "--shard", f"{number}/2", "tests/test_3.py")) for number in (1, 2)
    ]
    assert sorted(map(len, shards)) == [0, 2]


def test_a_summary_is_added_to_what_github_shows(suite: Project, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    answer = ci(suite, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    before, heading, _, line, *rest = summary.read_text(encoding="utf-8").splitlines()
    assert (before, heading, f"testmon: {line}\n") == ("before", "## testmon", answer.err)
    assert "| tests known | 17 (17 passed) |" in rest


@pytest.mark.slow
def test_jobs_meet_in_a_hub(suite: Project, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    hub.mkdir()
    environ = {**GITLAB, "TESTMON_HUB": str(hub)}
    suite.edit("shop.py", "x * 2", "x + x")
    (suite.path / ".testmondata").unlink()
    found: list[str] = []
    for number in (1, 2, 3):  # of the main branch, each on a machine of its own
        here = Project(shutil.copytree(suite.path, tmp_path / f"main{number}"))
        found += ran(ci(here, "--shard", f"{number}/3", **environ)) - {"data.rows::row"}
    assert len(found) == 16
    branch = {**environ, "CI_COMMIT_BRANCH": "more"}
    elsewhere = Project(shutil.copytree(suite.path, tmp_path / "branch"))
    elsewhere.edit("tests/test_3.py", "== 3 * 2", "== 2 * 3")
    answer = ci(elsewhere, **branch)
    assert ran(answer) == {"tests/test_3.py::test_price"}
    assert answer.err.startswith("testmon: baseline main@")
    fork = {**branch, "CI_MERGE_REQUEST_IID": "7"}
    before = sorted(hub.rglob("*.testmonbundle"))
    other = Project(
        shutil.copytree(
            elsewhere.path, tmp_path / "fork", ignore=shutil.ignore_patterns(".testmondata*")
        )
    )
    answer = ci(other, **fork)
    # the run of the branch counts for the branch alone
    assert ran(answer) == {"tests/test_3.py::test_price"}
    assert answer.err.endswith("; 1 bundle ignored (not trusted)\n")
    assert sorted(hub.rglob("*.testmonbundle")) == before


def test_with_a_hub_that_cannot_be_used_more_tests_run(suite: Project, tmp_path: Path) -> None:
    (suite.path / ".testmondata").unlink()
    (tmp_path / "hub").write_text("no folder", encoding="utf-8")
    answer = ci(suite, "--hub", str(tmp_path / "hub"))
    assert (answer.code, ran(answer)) == (0, ALL)
    begin, end = answer.err.splitlines()
    assert "no evidence; all tests are run: no" in begin
    assert "; without the hub: " in begin
    assert end.startswith("testmon: nothing was pushed: ")


def test_what_is_refused(suite: Project) -> None:
    answer = suite.testmon("ci", "--plan", "plan.json")
    assert (answer.code, answer.err) == (
        64,
        "testmon: error: --plan does not say which job this is: give --shard as well, like 2/5\n",
    )
    assert suite.testmon("ci", "--shard", "0/2").code == 64


@pytest.mark.slow
def test_a_full_run_is_not_asked_for_again_too_soon(suite: Project) -> None:
    suite.write({"pyproject.toml": '[tool.testmon]\nfull_every = "1d"\n'})
    assert "all tests are run" not in ci(suite).err
    for name in ("d", "1", "1.5d", "999999d"):
        suite.write({"pyproject.toml": f'[tool.testmon]\nfull_every = "{name}"\n'})
        assert 'full_every must be a number and m, h, d or w, like "1d"' in suite.testmon("ci").err
