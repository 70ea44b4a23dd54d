"""`testmon watch`, in a pseudo-terminal and without one."""

import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

from testmon_cli.application import settings
from testmon_cli.application.watch import Decider, is_watched, without_ignored
from testmon_cli.commands.watch import _Ended, _Signals
from tests.conftest import Project

pytest.importorskip("watchfiles", reason="the extra watch is not installed")

SHOP = {
    ".gitignore": "*.log\n.testmon*\n",
    "shop.py": """
        def total(x):
            return x + 1


        def other(x):
            return x + 2
        """,
    "test_shop.py": """
        import shop


        def test_total():
            assert shop.total(1) == 2


        def test_other():
            assert shop.other(1) == 3
        """,
}
PATIENCE = 60


class Watch:
    """A `testmon watch` that runs, in a terminal of its own or with pipes."""

    def __init__(self, project: Project, *, terminal: bool) -> None:
        self.project = project
        self.text = ""
        self._seen = 0
        command = [sys.executable, "-m", "testmon_cli", "watch", "-q"]
        if terminal:
            self.out, self.slave = pty.openpty()
            self.before = termios.tcgetattr(self.slave)
            ends = {"stdin": self.slave, "stdout": self.slave, "stderr": self.slave}
            self.process = subprocess.Popen(
                command,
                cwd=project.path,
                start_new_session=True,
                preexec_fn=self._take_terminal,
                **ends,
            )
        else:
            self.process = subprocess.Popen(
                command,
                cwd=project.path,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            assert self.process.stdout is not None
            self.out = self.process.stdout.fileno()

    def _take_terminal(self) -> None:
        """Let it be the terminal of the new session, so that Ctrl-C there reaches all that runs in it."""
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        else:
            os.close(self.out)
            os.close(self.slave)

    def expect(self, pattern: str) -> str:
        """Wait until what comes next holds a text.

        What came up to its end is not looked at again.
        """
        end = time.monotonic() + PATIENCE
        while not (found := re.compile(pattern).search(self.text, self._seen)):
            assert time.monotonic() < end, f"no {pattern!r} in {self.text[self._seen :]!r}"
            if select.select([self.out], [], [], 0.1)[0]:
                data = os.read(self.out, 65536)
                assert data or self.process.poll() is None, self.text
                self.text += data.decode().replace("\r\n", "\n")
        self._seen = found.end()
        return found[0]

    def press(self, key: str) -> None:
        os.write(self.out, key.encode())

    def ended(self) -> int:
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end, self.text
            if select.select([self.out], [], [], 0.1)[0]:
                with suppress(OSError):  # the other end is closed
                    self.text += os.read(self.out, 65536).decode().replace("\r\n", "\n")
        return self.process.returncode


@pytest.fixture
def shop(project: Project) -> Project:
    project.write(SHOP)
    project.git("init", "-q")
    assert project.testmon("collect", "-q").code == 0
    return project


def test_in_a_terminal(shop: Project) -> None:
    with Watch(shop, terminal=True) as watch:
        watch.expect(f"testmon: watching {re.escape(str(shop.path))}; keys: a all")
        watch.expect("nothing must run; waiting for changes")
        time.sleep(0.5)
        shop.edit("shop.py", "return x + 1", "return 1 + x")
        watch.expect(
            r"testmon: running 1 test, 0\.\d s: runs shop\.py::total, changed at shop\.py:1\n"
        )
        watch.expect("1 passed")
        watch.expect("testmon: passed in .* s; waiting for changes")
        shop.edit("shop.py", "return 1 + x", "return 7 + x")
        watch.expect("1 failed")
        watch.expect("testmon: failed in")
        shop.write({"notes.log": "x", "notes.md": "x"})
        watch.expect(r"testmon: notes\.md: affects no test")
        watch.press("f")
        watch.expect("testmon: running 1 test, .* s: failed last time")
        watch.expect("testmon: failed in")
        watch.press("r")
        watch.expect("testmon: failed in")
        watch.press("a")
        watch.expect("testmon: running all tests")
        watch.expect("1 failed.*1 passed")
        watch.expect("testmon: failed in")
        watch.press("q")
        assert watch.ended() == 0
        assert termios.tcgetattr(watch.slave) == watch.before
    assert "notes.log" not in watch.text


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_under_tmux(shop: Project) -> None:
    tmux = ("tmux", "-S", str(shop.path.parent / "socket"), "-f", os.devnull)
    command = shlex.join([sys.executable, "-m", "testmon_cli", "watch", "-q"])

    def expect(text: str) -> str:
        end = time.monotonic() + PATIENCE
        while text not in (screen := shop.run(*tmux, "capture-pane", "-p", "-J").out):
            assert time.monotonic() < end, screen
            time.sleep(0.1)
        return screen

    started = shop.run(
        *tmux, "new-session", "-d", "-x", "120", "-y", "40", f"{command}; echo over; exec cat"
    )
    assert started.code == 0, started.err
    try:
        expect("nothing must run; waiting for changes")
        shop.edit("shop.py", "return x + 1", "return 7 + x")
        expect("testmon: failed in")
        shop.run(*tmux, "send-keys", "f")
        expect("failed last time")
        shop.run(*tmux, "send-keys", "a")
        expect("1 failed, 1 passed")
        shop.run(*tmux, "send-keys", "q")
        expect("\nover\n")
        shop.run(*tmux, "send-keys", "line of the shell", "Enter")
        expect("line of the shell\nline of the shell")  # typed and read, as in any terminal
    finally:
        shop.run(*tmux, "kill-server")


def test_a_run_that_a_save_makes_worthless_is_stopped(shop: Project) -> None:
    body = "time.sleep(40 * (shop.total(0) - 1))"
    slow = f"import time, shop\n\ndef test_a():\n    pass\n\ndef test_slow():\n    {body}\n"
    shop.write({"test_slow.py": slow})
    shop.edit("shop.py", "return x + 1", "return x + 3")
    with Watch(shop, terminal=False) as watch:
        watch.expect("testmon: running .* tests")
        watch.expect(r"\.F|F\.")  # those of test_shop; the slow one runs
        time.sleep(0.5)
        shop.edit("shop.py", "return x + 3", "return x + 1")
        watch.expect("testmon: stopped; what finished is recorded")
        watch.expect("testmon: passed in")
        watch.process.send_signal(signal.SIGTERM)
        assert watch.ended() == 128 + signal.SIGTERM
    assert shop.testmon("select").out == ""


def test_a_folder_without_tests_waits_for_the_first(project: Project) -> None:
    decider = Decider(lambda: settings.load(project.path))
    assert decider.of_changes() is None
    project.write({"test_a.py": "def test_a(): pass\n"})
    wanted = decider.of_changes()
    assert wanted is not None
    assert wanted.title == f"all tests: no datafile {project.path}/.testmondata"
    assert wanted.arguments == ()


def test_ctrl_c_leaves_everything_recorded(shop: Project) -> None:
    shop.write(
        {
            "test_slow.py": "import time\n\ndef test_a():\n    pass\n\ndef test_slow():\n    time.sleep(40)\n"
        }
    )
    with Watch(shop, terminal=True) as watch:
        watch.expect("testmon: running .*new test file")
        watch.expect(r"\.")
        time.sleep(1)
        watch.press("\x03")
        assert watch.ended() == 130
        assert termios.tcgetattr(watch.slave) == watch.before
    assert shop.testmon("select").out == "test_slow.py::test_slow\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_while_a_process_is_started(number: int) -> None:
    signals, done = _Signals(), []

    def start() -> None:
        with signals.deferred():
            os.kill(os.getpid(), number)
            done.append("started")

    with signals.heard(), pytest.raises((KeyboardInterrupt, _Ended)):
        start()
    assert done


def test_settings_that_cannot_be_are_told_and_can_be_mended(shop: Project) -> None:
    with Watch(shop, terminal=False) as watch:
        watch.expect("nothing must run")
        time.sleep(0.5)
        shop.write({"pyproject.toml": "[tool.testmon]\nkep = 3\n"})
        watch.expect("testmon: error: .* unknown key 'kep'; did you mean 'keep'")
        shop.edit("shop.py", "return x + 1", "return 1 + x")
        shop.write({"pyproject.toml": ""})
        watch.expect("1 passed")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("shop.py", True),
        ("data/prices.json", True),
        (".git/index", False),
        ("a/__pycache__/b.py", False),
        (".testmondata", False),
        (".testmondata-wal", False),
        (".shop.py.swp", False),
        ("shop.py~", False),
    ],
)
def test_files_that_nobody_saves(path: str, expected: bool) -> None:
    assert is_watched(f"/root/project/{path}", "/root/project") is expected


def test_what_git_ignores(project: Project) -> None:
    files = [str(project.path / name) for name in ("a.log", "a.py")]
    assert without_ignored(project.path, files) == files
    project.git("init", "-q")
    project.write({".gitignore": "*.log\n"})
    assert without_ignored(project.path, files) == files[1:]
    assert without_ignored(Path("/"), []) == []


def test_without_the_extra(project: Project) -> None:
    program = "import sys; sys.modules['watchfiles'] = None; from testmon_cli import cli; sys.exit(cli.main(['watch']))"
    answer = project.run(sys.executable, "-c", program)
    assert (answer.code, answer.out) == (66, "")
    assert (
        answer.err
        == 'testmon: error: the package watchfiles is missing: pip install "testmon-cli[watch]"\n'
    )
