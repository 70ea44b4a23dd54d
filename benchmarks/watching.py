"""How long `testmon watch` takes from a save to the first result, beside plain pytest of that test.

Run it with the Python of a project, in which testmon and pytest are installed and all tests were
collected. A text in a file is replaced by another in which `@` is a number, new each time.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import lab

CLOCK = """
import os, time

_is_told = False

def pytest_runtest_logreport(report):
    global _is_told
    if report.when == "call" and not _is_told:
        _is_told = True
        with open(os.environ["FIRST_RESULT"], "w") as file:
            file.write(str(time.time()))
"""
HEAD = ("", "first result s, median", "all CPU s, median")
PATIENCE = 120.0  # seconds
CALM = 2.0  # seconds after a run, as between two saves


class Took(NamedTuple):
    """What one run took: seconds to the first result, and of the processor until the end."""

    first: float
    cpu: float


class Watching:
    """A `testmon watch` that runs without a terminal."""

    def __init__(self, environ: dict[str, str], result: Path) -> None:
        self._result = result
        self._lines: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "testmon_cli", "watch", "-q", "-p", "first_result"],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        self._wait(0)

    def took(self, path: Path, text: str) -> Took:
        """Save a file, and wait until its tests ran."""
        time.sleep(CALM)
        known, cpu, saved = len(self._lines), self._cpu(), time.time()
        path.write_text(text)
        self._wait(known)
        return Took(float(self._result.read_text()) - saved, self._cpu() - cpu)

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stderr is not None
        self._lines.extend(self._process.stderr)

    def _wait(self, known: int) -> None:
        end = time.monotonic() + PATIENCE
        while not any("waiting for changes" in line for line in self._lines[known:]):
            if time.monotonic() > end:
                raise SystemExit(f"watch says nothing new: {''.join(self._lines)}")
            time.sleep(0.01)

    def _cpu(self) -> float:
        """Seconds of the processor that it and its children, as far as they ended, took."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def plain(tests: Sequence[str], environ: dict[str, str], result: Path) -> Took:
    """Run tests with pytest alone."""
    before, began = os.times(), time.time()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "first_result", *tests]
    subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=False)
    after = os.times()
    cpu = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    return Took(float(result.read_text()) - began, cpu)


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path, help="the file to be edited, in the folder of a project")
    parser.add_argument("old", help="a text in it")
    parser.add_argument("new", help="what comes in its place, with @")
    parser.add_argument("tests", nargs="+", help="the tests that this affects, for plain pytest")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    text = options.file.read_text()
    watched, alone = [], []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "first_result.py").write_text(CLOCK)
        result = Path(folder) / "first"
        environ = {**os.environ, "PYTHONPATH": folder, "FIRST_RESULT": str(result)}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        watching = Watching(environ, result)
        try:
            for _ in range(options.rounds):
                new = options.new.replace("@", str(time.time_ns()))
                watched.append(watching.took(options.file, text.replace(options.old, new, 1)))
                alone.append(plain(options.tests, environ, result))
        finally:
            options.file.write_text(text)
            watching.stop()
    rows = [(name, *_medians(found)) for name, found in (("watch", watched), ("pytest", alone))]
    ratio = statistics.median(
        ours.first / theirs.first for ours, theirs in zip(watched, alone, strict=True)
    )
    print(lab.table(HEAD, rows))
    print(
        f"the first result comes in {ratio:.2f} times the time of pytest, median of {options.rounds} pairs"
    )
    return 0


def _medians(found: Sequence[Took]) -> tuple[str, str]:
    first, cpu = (statistics.median(values) for values in zip(*found, strict=True))
    return f"{first:.2f}", f"{cpu:.2f}"


if __name__ == "__main__":
    sys.exit(main())
