"""A process that has imported pytest and testmon once and forks for every order, so that a run costs little.

Orders come as JSON lines on stdin: what to do, in which folder, with which variables, import path
and input. The answer, a JSON line on stdout, is what the forked child wrote to a file. It is a
process of its own, since the one that runs the tests may have threads (pytest-xdist), which do not
go well with a fork. `forks.py` gives the orders.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import re
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path


class Observer:
    """A plugin that notes how tests come out; nothing in it depends on time, process or line."""

    def __init__(self) -> None:
        self.outcomes: dict[str, list[str]] = {}
        self.errors: list[str] = []

    def pytest_collectreport(self, report):
        if report.failed:
            self.errors.append(report.nodeid)

    def pytest_runtest_logreport(self, report):
        notes = self.outcomes.setdefault(report.nodeid, [])
        expected = "x" * hasattr(report, "wasxfail")
        if expected or not report.passed:
            notes.append(f"{report.when} {expected}{report.outcome}: {_message(report.longrepr)}")
        if report.when == "teardown":
            notes += [f"{name} = {value!r}" for name, value in report.user_properties]


def _message(longrepr: object) -> str:
    if isinstance(longrepr, tuple):
        text = str(longrepr[2])
    else:
        crash = getattr(longrepr, "reprcrash", None)
        text = crash.message if crash else str(longrepr or "")
    return re.sub(r"\b0x[0-9a-f]+", "0x", text)


def run_pytest(arguments: list[str]) -> dict[str, object]:
    """How tests come out without testmon."""
    import pytest

    observer = Observer()
    common = ["-q", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    try:
        code = int(pytest.main([*common, *arguments], plugins=[observer]))
    except Exception:  # pytest before 9 lets out what a plugin raises when it is imported
        traceback.print_exc()
        code = 4
    return {"code": code, "outcomes": observer.outcomes, "errors": observer.errors}


class ForkedLaunch:
    """The traced pytest that collect starts.

    A fork of a process that has pytest loaded, in place of a new one.

    What another start of Python would be spared is most of what a small project costs; that collect
    really starts one is held to by the tests of collecting.
    """

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.returncode: int | None = None
        self._pid = os.fork()
        if not self._pid:
            self._run(command[3:], env)

    @staticmethod
    def _run(arguments: list[str], env: dict[str, str]) -> None:
        from testmon_cli.tracing.processes import launch
        from testmon_cli.tracing.settings import LAUNCHER

        code = 3
        try:
            subprocess.Popen = _POPEN  # type: ignore[misc]
            _forget_handlers()
            gc.enable()  # which the parent does without
            atexit._clear()  # what the parent does at its end, like removing its folders
            os.environ.clear()
            os.environ.update(env)
            sys.argv = [LAUNCHER, *arguments]
            code = launch.main()
        except BaseException:
            traceback.print_exc()
        finally:
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def wait(self) -> int:
        _, status = os.waitpid(self._pid, 0)
        self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self._pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


_POPEN = subprocess.Popen
_LONGEST = 300  # seconds that an order may take


def _forget_handlers() -> None:
    """Handle signals as a program that was just started does.

    Else TERM ends none of the workers that tests start.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _start(command: list[str], *positional: object, **options: object) -> object:
    from testmon_cli.tracing.processes import launch

    if command[1:3] == launch.command([])[1:3]:
        return ForkedLaunch(command, options["env"])  # type: ignore[arg-type]
    return _POPEN(command, *positional, **options)  # type: ignore[call-overload]


def run_testmon(arguments: list[str]) -> dict[str, object]:
    """The command line in this process; pytest runs in a child of it, as always."""
    from testmon_cli import cli

    subprocess.Popen = _start  # type: ignore[assignment, misc]
    sys.argv = ["testmon", *arguments]
    try:
        return {"code": cli.main(arguments)}
    except SystemExit as end:
        return {"code": end.code}


def select(_: list[str]) -> dict[str, object]:
    """What would be printed, with the reasons."""
    from testmon_cli.application import settings
    from testmon_cli.application.select import use_case

    selection = use_case.select(settings.load(), exact=True)
    reasons = {test.nodeid: test.reason.text for test in selection.tests}
    return {
        "arguments": list(selection.arguments),
        "reasons": reasons,
        "notes": list(selection.notes),
    }


ORDERS = {"pytest": run_pytest, "select": select, "testmon": run_testmon}


def _redirect(answer: Path, text: str) -> None:
    """Read a text as input; write to files beside the answer."""
    given = answer.with_suffix(".in")
    given.write_text(text, encoding="utf-8")
    os.dup2(os.open(given, os.O_RDONLY), 0)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    for number, suffix in ((1, ".out"), (2, ".err")):
        os.dup2(
            os.open(
                answer.with_suffix(suffix), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
            ),
            number,
        )


def _child(order: dict, answer: Path) -> None:
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environ"])
    sys.path[:] = [*order["path"], *sys.path[1:]]  # without the folder of this file
    _redirect(answer, order["input"])
    try:
        answer.write_text(json.dumps(ORDERS[order["do"]](order["arguments"])), encoding="utf-8")
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()


def _warm_up() -> None:
    """Load what the children need before the first fork.

    Pytest loads most of itself when it runs.
    """
    import ctypes  # noqa: F401

    import alembic.command  # noqa: F401
    import pytest
    import sqlalchemy.orm  # noqa: F401

    import testmon_cli

    for module in pkgutil.walk_packages(testmon_cli.__path__, "testmon_cli."):
        # Of a plugin that was imported before, pytest would warn that it cannot be rewritten.
        if not module.name.endswith("__main__") and ".pytest_plugin" not in module.name:
            with contextlib.suppress(ImportError):  # of an extra
                importlib.import_module(module.name)
    from testmon_cli.application.checkout import environment

    # What is installed is the same for every order; a distribution of a scenario is looked at when
    # it is there.
    describe = functools.cache(environment.describe)
    environment.describe = lambda package, _=None: describe(package)
    for package in environment.installed_packages():
        environment.describe(package)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        test = Path(folder) / "test_warming_up.py"
        test.write_text("def test_failure(tmp_path):\n    assert [1] == [2]\n", encoding="utf-8")
        path = list(sys.path)
        pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", folder, str(test)])
        sys.path[:] = path
        del sys.modules["test_warming_up"]


def _wait(child: int) -> None:
    """Wait for a child; one that hangs is killed with all that it started, and its scenario fails."""
    before = signal.signal(signal.SIGALRM, lambda *_: os.killpg(child, signal.SIGKILL))
    signal.alarm(_LONGEST)
    os.waitpid(child, 0)
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def main() -> None:
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    # an edit within the second of the first run would not be seen
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    _warm_up()
    # what is loaded stays: no child needs to look through it (pytest collects garbage at its end)
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        answer = Path(order["answer"])
        answer.unlink(missing_ok=True)
        child = os.fork()
        if not child:
            os.setpgid(0, 0)
            _child(order, answer)
            os._exit(0)
        _wait(child)
        print(
            answer.read_text(encoding="utf-8") if answer.exists() else json.dumps({"died": True}),
            flush=True,
        )


if __name__ == "__main__":
    main()
