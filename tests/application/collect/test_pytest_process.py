"""A collect that is ended from outside, or that cannot go on, ends pytest in good order first."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from testmon_cli.application.collect import spool_folder
from testmon_cli.application.collect.pytest_process import Supervisor, started, supervisor
from testmon_cli.cli import main
from testmon_cli.domain.errors import DatafileError
from testmon_cli.tracing.processes.launch import INTERRUPT
from tests.conftest import Project

SUITE = """
    import pathlib
    import time

    import pytest


    @pytest.fixture(scope="session", autouse=True)
    def place():
        yield
        pathlib.Path("torn down").touch()


    def test_first(): pass


    def test_slow():
        pathlib.Path("started").touch()
        time.sleep(60)
    """
SIZED = """
    import resource


    def test_first(): pass


    def test_limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))


    def test_last(): pass
    """
# It does in good order what pytest does, and says so.
CHILD = f"""
import pathlib, signal, sys, time
signal.signal({INTERRUPT}, signal.default_int_handler)
pathlib.Path("started").touch()
try:
    time.sleep(60)
except KeyboardInterrupt:
    pathlib.Path("ended").touch()
    {{}}
sys.exit(7)
"""


def _wait_for(is_so: Callable[[], bool]) -> None:
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGTERM, 143, id="term"),
        pytest.param(signal.SIGHUP, 129, id="hup"),
        pytest.param(signal.SIGINT, 2, id="int-to-us-alone"),
        pytest.param(signal.SIGKILL, -9, id="kill"),
    ],
)
def test_a_signal_to_collect_ends_pytest_in_good_order(
    project: Project, number: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a script has it that starts it in the background: there, children ignore Ctrl-C."""
    project.write({"test_slow.py": SUITE})

    def start_afresh() -> None:  # whatever this process was started with, as by `nohup`
        signal.signal(signal.SIGINT, signal.SIG_IGN if number != signal.SIGINT else signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

    process = subprocess.Popen(
        [sys.executable, "-m", "testmon_cli", "collect", "-q"],
        cwd=project.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        preexec_fn=start_afresh,
    )  # fmt: skip
    _wait_for((project.path / "started").exists)
    time.sleep(1.2)  # for a transaction with the first test

    os.kill(process.pid, number)
    output, _ = process.communicate(timeout=30)

    assert (process.returncode, "Traceback" in output) == (code, False), output
    _wait_for((project.path / "torn down").exists)
    assert main(["-C", str(project.path), "select"]) == 0
    assert capsys.readouterr().out == "test_slow.py::test_slow\n"


def _child(folder: Path, more: str = "pass") -> list[str]:
    return [sys.executable, "-c", f"import os; os.chdir({str(folder)!r})\n{CHILD.format(more)}"]


def test_what_keeps_us_from_going_on_ends_the_command_first(tmp_path: Path) -> None:
    def look() -> None:
        if (tmp_path / "started").exists():
            raise DatafileError("the disk is full")

    with pytest.raises(DatafileError):
        Supervisor().run(lambda: started(_child(tmp_path), os.environ), look)
    assert (tmp_path / "ended").exists()


def test_a_second_signal_kills_a_command_that_does_not_end(tmp_path: Path) -> None:
    with supervisor() as watched:

        def look() -> None:
            if not watched.signal and (tmp_path / "started").exists():
                os.kill(os.getpid(), signal.SIGTERM)
            elif (tmp_path / "ended").exists():
                os.kill(os.getpid(), signal.SIGHUP)

        assert (
            watched.run(lambda: started(_child(tmp_path, "time.sleep(60)"), os.environ), look)
            == 128 + signal.SIGTERM
        )
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_folders_of_killed_collects_are_removed_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "kept").mkdir()
    with spool_folder.spool() as living:
        dead = Path(shutil.copytree(living.folder, f"{living.folder}-dead"))
        fresh = tmp_path / "testmon-spool-fresh"
        fresh.mkdir()
        (tmp_path / "testmon-spool-link").symlink_to(tmp_path / "kept")
        os.utime(dead, (0, 0))
        os.utime(living.folder, (0, 0))
        with spool_folder.spool():
            assert (Path(living.folder).exists(), fresh.exists(), dead.exists()) == (
                True,
                True,
                False,
            )
        os.utime(fresh, (0, 0))
        spool_folder.sweep(str(tmp_path))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["kept", "testmon-spool-link"]


def test_a_folder_that_is_just_being_made_is_left_alone(tmp_path: Path) -> None:
    """Between the making of its lock and the locking."""
    young = tmp_path / "testmon-spool-young"
    young.mkdir()
    (young / "lock").touch()
    spool_folder.sweep(str(tmp_path))
    assert young.exists()


def test_a_folder_that_goes_meanwhile_is_no_error(tmp_path: Path) -> None:
    gone = tmp_path / "testmon-spool-gone"
    gone.mkdir()
    with os.scandir(tmp_path) as entries:
        (entry,) = entries
    gone.rmdir()
    assert not spool_folder._is_dead(entry)


def test_an_interrupt_before_pytest_is_there_gives_130(project: Project) -> None:
    """While it is imported, say."""
    project.write({"pytest.py": "raise KeyboardInterrupt\n"})
    answer = project.run(
        sys.executable, "-m", "testmon_cli", "collect", PYTHONPATH=str(project.path)
    )
    assert (answer.code, answer.out, answer.err) == (130, "", "")


def test_records_that_cannot_be_written_are_said_and_select_their_tests(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk, here as a limit on the size of files."""
    project.write({"test_it.py": SIZED})
    answer = project.testmon_process("collect", "-q", "-p", "no:cacheprovider")
    assert (answer.code, "Traceback" in answer.err) == (0, False), answer
    assert answer.err.count("\n") == 1
    assert "(File too large): tests that ran after that are not stored" in answer.err
    assert main(["-C", str(project.path), "select"]) == 0
    assert capsys.readouterr().out == "test_it.py::test_last\ntest_it.py::test_limit\n"
