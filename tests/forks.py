"""Runs pytest and testmon in forks of a process that has loaded them.

A start of Python for each costs far more.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

AVAILABLE = hasattr(os, "fork")


@dataclass
class Forks:
    """The process that forks for every order."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls) -> "Forks":
        script = Path(__file__).with_name("fork_server.py")
        # should this suite be traced, that process is not
        environ = {**os.environ, "TESTMON_COLLECT": ""}
        return cls(
            subprocess.Popen(
                [sys.executable, str(script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environ,
            )
        )

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def order(
        self,
        do: str,
        folder: Path,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        *,
        path: Sequence[str] = (),
        stdin: str = "",
        answer: Path,
    ) -> dict:
        """What an order gives, with what it printed: `out` and `err`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        order = {
            "do": do,
            "folder": str(folder),
            # An edit within the second of the last run would not be seen.
            "environ": {**environ, "TESTMON_COLLECT": "", "PYTHONDONTWRITEBYTECODE": "1"},
            "path": [*path],
            "arguments": arguments,
            "input": stdin,
            "answer": str(answer),
        }
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        given = json.loads(self.process.stdout.readline())
        for name in ("out", "err"):
            given[name] = answer.with_suffix(f".{name}").read_text(
                encoding="utf-8", errors="replace"
            )
        assert "died" not in given, given["err"]
        return given
