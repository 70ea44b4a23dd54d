"""What users, shells and file systems do to a command.

One clear line and the documented exit code.
"""

import os
import shlex
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from testmon_cli.cli import main
from tests.conftest import Answer, Project

TESTMON = shlex.join([sys.executable, "-m", "testmon_cli"])
LONG = "x" * 5000
FILES = {
    "shop.py": "def price(x):\n    return x * 2\n",
    "test_shop.py": "import shop\n\n\ndef test_price():\n    assert shop.price(2) == 4\n",
}


@pytest.fixture(scope="module")
def _collected_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("collected"))
    project.write({"pyproject.toml": "", **FILES})
    assert project.testmon("collect", "-q").code == 0
    return project.path


@pytest.fixture
def shop(_collected_once: Path, project: Project) -> Project:
    """A project that was collected, with an edit since."""
    shutil.copytree(_collected_once, project.path, dirs_exist_ok=True)
    project.edit("shop.py", "x * 2", "2 * x")
    return project


def _in_shell(project: Project, script: str) -> Answer:
    """What a script gives, in which $T is our command."""
    return project.run("sh", "-c", script.replace("$T", TESTMON))


def _is_one_line(answer: Answer) -> bool:
    return (
        answer.err.startswith("testmon: error: ") and answer.err.count("\n") == 1 and not answer.out
    )


FAULTS = {
    "closed-stdout": ("$T select >&-", 74, "stdout is closed: "),
    "closed-stdout-of-collect": ("$T collect >&-", 74, "stdout is closed: "),
    "full-disk": ("$T select >/dev/full", 74, "the results cannot be written: No space left on device"),
    "full-disk-json": ("$T report --format json >/dev/full", 74, "the results cannot be written: "),
    "full-disk-help": ("$T --help >/dev/full", 74, "the results cannot be written: "),
    "removed-folder": ("mkdir gone; cd gone; rmdir ../gone; $T select", 66, "the working directory was removed"),
    "removed-folder-of-collect": ("mkdir gone; cd gone; rmdir ../gone; $T collect", 66, "the working directory was"),
    "pipe": ("mkfifo pipe; $T select --datafile pipe", 65, "pipe is no regular file"),
    "pipe-for-collect": ("mkfifo pipe; $T collect --datafile pipe", 65, "pipe is no regular file"),
    "pipe-for-gc": ("mkfifo pipe; $T gc --datafile pipe", 65, "pipe is no regular file"),
    "pipe-as-settings": ("rm pyproject.toml; mkfifo pyproject.toml; $T select", 64, "it is no regular file"),
    "device": ("$T select --datafile /dev/zero", 65, "/dev/zero is no regular file"),
    "long-name": (f"$T collect --datafile {LONG}", 65, "cannot be created (File name too long)"),
    "long-name-to-read": (f"$T select --datafile {LONG}", 65, "cannot be read (File name too long)"),
    "long-folder": (f"$T -C {LONG} select", 64, "File name too long"),
    "closed-stdin": ("$T select --stdin <&-", 64, "stdin is closed: "),
    "digits": (f"$T report --slowest {'9' * 5000}", 64, "Invalid value for '--slowest'"),
    "absurd-keep": (f"$T gc --keep {'9' * 30}", 64, "Invalid value for '--keep'"),
    "coverage-over-datafile": ("$T report --coverage .testmondata", 64, ".testmondata exists and is not"),
    "coverage-over-device": ("$T report --coverage /dev/null", 64, "/dev/null exists and is not a coverage data"),
    "steering": ("$T select --datafile \"$(printf 'a\\033[2J\\nb')\" nosuch.py", 64, "no such file"),
    "steering-in-message": ("$T gc --datafile \"$(printf 'a\\033[2J\\nb')\"", 65, "a\\x1b[2J\\nb does not exist"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "code", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_one_line_and_its_exit_code(
    shop: Project, script: str, code: int, message: str
) -> None:
    before = (shop.path / ".testmondata").read_bytes()
    # a hang ends with the time limit of the test's process
    answer = _in_shell(shop, f"{script} & wait $!")
    assert (answer.code, _is_one_line(answer)) == (code, True), answer
    assert message in answer.err
    assert (shop.path / ".testmondata").read_bytes() == before


HARMLESS = {
    "closed-stderr": "$T select 2>&-",
    "full-stderr": "$T select 2>/dev/full",
    "closed-stdin": "$T select <&-",
    "absurd-number": f"$T report --slowest {'9' * 30} >/dev/null && $T select",
    "absurd-age": f"$T gc --older-than {'9' * 30}d --dry-run >/dev/null && $T select",
    "pipe-as-configuration": "mkfifo pytest.ini; $T select",
    "pipe-as-source": "mkfifo other.py; $T select",
    "pipe-as-cache": "rm -r .testmon_cache; mkfifo .testmon_cache; $T select",
    "long-keyword": f"$T collect -q -k {LONG} >/dev/null; $T select",
    "folder-as-source": "mkdir other.py; $T select",
}


@pytest.mark.parametrize("script", HARMLESS.values(), ids=HARMLESS)
def test_what_does_no_harm_changes_no_answer(shop: Project, script: str) -> None:
    answer = _in_shell(shop, script)
    assert (answer.code, answer.out) == (0, "test_shop.py::test_price\n"), answer


def test_arguments_are_printed_in_the_bytes_of_the_file_system(project: Project) -> None:
    names = [b"test_caf\xc3\xa9.py", b"test_\xff.py"]
    for name in names:
        (project.path / os.fsdecode(name)).write_text("def test_it(): pass\n", encoding="utf-8")
    command = [sys.executable, "-m", "testmon_cli", "select"]
    for encoding in ("ascii", "utf-8"):
        environ = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run(
            command, cwd=project.path, env=environ, capture_output=True, check=False
        )
        assert (done.returncode, done.stdout.splitlines()) == (0, names)


@pytest.mark.parametrize(
    "nested", ["[" * 150 + "]" * 150, "(" * 5000, "-" * 20_000 + "1", "1" + "+1" * 20_000]
)
def test_a_source_that_nests_too_deeply_for_us_is_not_read(shop: Project, nested: str) -> None:
    (shop.path / "shop.py").write_text(
        f"def price(x): return x + x\n\nX = {nested}\n", encoding="utf-8"
    )
    answer = shop.testmon("select")
    assert (answer.code, "Traceback" in answer.err) == (0, False), answer
    # the test or, where it may not import now, its file
    assert answer.out.startswith("test_shop.py")
    assert "Traceback" not in shop.testmon("collect", "-q", "--tb=line").err


def test_a_datafile_that_is_replaced_during_a_collect_is_said(project: Project) -> None:
    code = "import os\n\n\ndef test_it(): os.{}\n"
    for act in ("remove('.testmondata')", "replace('other', '.testmondata')"):
        (project.path / "other").write_text("x", encoding="utf-8")
        (project.path / ".testmondata").unlink(missing_ok=True)
        project.write({"test_it.py": code.format(act)})
        answer = project.testmon("collect", "-q")
        assert (answer.code, answer.err.count("\n")) == (65, 1), answer
        assert ".testmondata was replaced or removed while tests ran" in answer.err


def test_a_datafile_is_for_its_owner_alone(shop: Project) -> None:
    assert stat.S_IMODE((shop.path / ".testmondata").stat().st_mode) == 0o600


def test_a_datafile_is_made_where_a_link_leads(project: Project) -> None:
    project.write(FILES)
    (project.path / ".testmondata").symlink_to("elsewhere")
    assert project.testmon("collect", "-q").code == 0
    assert (project.path / "elsewhere").is_file()


def test_failure_texts_are_left_out_where_the_settings_say_so(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write(
        {
            "pyproject.toml": "[tool.testmon]\nstore_failures = false\n",
            "test_it.py": "def test_it():\n    assert 'secret' == ''\n",
            "test_bad.py": "raise ValueError('secret')\n",
        }
    )
    assert project.testmon("collect", "-q", "--continue-on-collection-errors").code == 1
    with closing(sqlite3.connect(project.path / ".testmondata")) as driver:
        assert driver.execute("SELECT count(*) FROM failure").fetchone() == (0,)
    assert main(["-C", str(project.path), "report"]) == 0
    out = capsys.readouterr().out
    assert ("FAILED test_it.py::test_it" in out, "secret" in out) == (True, False)


def test_an_interrupt_while_the_command_line_is_imported_gives_130(project: Project) -> None:
    project.write({"click.py": "raise KeyboardInterrupt\n"})
    assert project.testmon("select", PYTHONPATH=str(project.path)) == Answer(130, "", "")


def test_an_engine_that_cannot_work_is_one_line_and_exit_code_66(project: Project) -> None:
    project.write({"coverage/__init__.py": "raise ImportError('none here')\n", **FILES})
    answer = project.testmon("collect", "--engine", "coverage", PYTHONPATH=str(project.path))
    assert (answer.code, answer.out, answer.err.count("\n")) == (66, "", 1), answer


@pytest.mark.parametrize(
    ("script", "code", "message"),
    [
        pytest.param(
            'PYTEST_ADDOPTS="\'" $T collect',
            66,
            "pytest failed with ValueError: No closing quota",
            id="options",
        ),
        pytest.param(
            f"$T collect --rootdir={LONG}",
            66,
            "pytest failed with OSError: ",
            id="long-name",
            marks=pytest.mark.skipif(
                sys.version_info >= (3, 14), reason="pytest itself refuses such a folder there"
            ),
        ),
        pytest.param(
            "$T collect >/dev/full",
            74,
            "what pytest prints cannot be written: No space left",
            id="full-disk",
        ),
        pytest.param("$T collect >/dev/full 2>/dev/full", 74, "", id="both-full"),
    ],
)
def test_what_ends_pytest_before_its_session_is_one_line(
    shop: Project, script: str, code: int, message: str
) -> None:
    answer = _in_shell(shop, script)
    assert (answer.code, answer.err.count("\n"), "Traceback" in answer.err) == (
        code,
        bool(message),
        False,
    ), answer
    assert message in answer.err


def test_the_page_says_how_many_faults_are_tried() -> None:
    page = (Path(__file__).parent.parent / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert f"a command must refuse | {len(FAULTS)} |" in page
    assert f"must change no answer | {len(HARMLESS)} |" in page
