"""Show testmon on the project beside this file: collect, edit, diff, select, run, report.

Works on a copy in a temporary folder and prints every command with what it answers.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).with_name("shop")
STEPS = (
    "testmon collect -q",
    "testmon select",
    "sed -i 's/net - net/net + net/' shop/price.py",
    "testmon diff",
    "testmon select --explain",
    "testmon select | xargs -r testmon collect -q --tb=line",
    "testmon report",
)
FAILS_ON_PURPOSE = "xargs"  # the edit breaks a test, which is what the demo shows


def main() -> int:
    """Run the steps; the exit code is 1 when one of them fails that should not."""
    sys.stdout.reconfigure(line_buffering=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TESTMON_", "PYTEST_"))}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(PROJECT, Path(folder) / "shop", ignore=shutil.ignore_patterns("__pycache__", ".*"))
        for step in STEPS:
            print(f"$ {step}")
            done = subprocess.run(step, shell=True, cwd=copy, env=environment, stdin=subprocess.DEVNULL, check=False)
            print()
            if bool(done.returncode) != (FAILS_ON_PURPOSE in step):
                print(f"demo: {step!r} gave {done.returncode}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
