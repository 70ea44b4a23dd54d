"""Colour on a terminal, and nothing but the text elsewhere."""

import os
import subprocess
import sys

import pytest

pty = pytest.importorskip("pty", reason="there are no pseudo-terminals on this platform")

CODE = """
import sys
from testmon_cli.rendering import terminal
terminal.write(sys.argv[1], {"(?m)^FAILED.*$": "red"})
print(sorted({"rich"} & set(sys.modules)), file=sys.stderr)
"""
TEXT = "all [bold]well[/bold]\nFAILED t.py::test_x[caf\u00e9]\n" + "a long line, " * 20 + "end\n"
PLAIN = {"TERM": "xterm", "LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(sys.path)}


def _in_a_terminal(
    command: list[str], stderr: int | None = None, **environ: str
) -> tuple[str, bytes | None]:
    """What a command writes to a terminal, which it has for stdout and, unless it is told otherwise, for stderr."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, env={**PLAIN, **environ}, stdout=theirs, stderr=stderr or theirs
    )
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 4096):
            shown += data
    except OSError:
        pass  # Linux says so when the other side is closed
    os.close(ours)
    _, error = process.communicate()
    assert process.returncode == 0, shown
    return shown.decode().replace("\r\n", "\n"), error


def _piped(text: str, **environ: str) -> tuple[bytes, bytes]:
    done = subprocess.run(
        [sys.executable, "-c", CODE, text],
        env={**PLAIN, **environ},
        capture_output=True,
        check=True,
    )
    return done.stdout, done.stderr


def test_a_pipe_gets_the_text_and_rich_is_not_imported() -> None:
    assert _piped(TEXT, PYTHONUTF8="1", FORCE_COLOR="1") == (TEXT.encode(), b"[]\n")


def test_a_character_that_stdout_cannot_take_is_printed_as_its_number() -> None:
    out, _ = _piped(TEXT, PYTHONIOENCODING="ascii")
    assert b"test_x[caf\\xe9]\n" in out


def test_a_terminal_gets_the_same_text_in_colour() -> None:
    shown, error = _in_a_terminal(
        [sys.executable, "-c", CODE, TEXT], subprocess.PIPE, PYTHONUTF8="1"
    )
    assert error == b"['rich']\n"
    colored = "\x1b[31mFAILED t.py::test_x[caf\u00e9]\x1b[0m"
    assert shown == TEXT.replace("FAILED t.py::test_x[caf\u00e9]", colored)


def test_arguments_are_exact_in_a_pipe_and_steer_no_terminal() -> None:
    code = r"from testmon_cli.rendering.terminal import write_arguments; write_arguments('t\x1b[2J\udcff.py\n')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env={**PLAIN, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=True
    )
    assert done.stdout == b"t\x1b[2J\xff.py\n"
    ours, theirs = pty.openpty()
    subprocess.run(command, env=PLAIN, stdout=theirs, check=True)
    os.close(theirs)
    assert os.read(ours, 100) == b"t\\x1b[2J\\udcff.py\r\n"
    os.close(ours)


def test_who_wants_no_colour_gets_none() -> None:
    shown, _ = _in_a_terminal([sys.executable, "-c", CODE, TEXT], NO_COLOR="1")
    assert "FAILED t.py::test_x[café]" in shown
    assert "\x1b[31m" not in shown


PROGRESS = """
import sys, time
from testmon_cli.rendering.progress import late_bar
with late_bar("Reading what ran") as advance:
    for done in range(1, 12):
        time.sleep(float(sys.argv[1]))
        if advance is not None:
            advance(done, 12)
"""


def test_what_takes_its_time_shows_how_much_is_left() -> None:
    shown, _ = _in_a_terminal([sys.executable, "-c", PROGRESS, "0.1"])
    assert "Reading what ran" in shown
    assert "0:00:0" in shown


def test_what_is_done_at_once_shows_nothing() -> None:
    assert _in_a_terminal([sys.executable, "-c", PROGRESS, "0"])[0] == ""


def test_without_a_terminal_there_is_no_progress() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRESS, "0.1"], env=PLAIN, capture_output=True, check=True
    )
    assert (done.stdout, done.stderr) == (b"", b"")
