"""Put slips into history: `testmon replay --setup "python benchmarks/seeded.py SOURCES"` has regressions to judge.

Each commit has one function of the sources edited, but for a third of the commits, which are as
they were. Which one, and how, depends on the commit alone.
"""

import random
import subprocess
import sys
from pathlib import Path

import mutants


def main() -> int:
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout
    chance = random.Random(commit)
    named = [Path(argument) for argument in sys.argv[1:]]
    sources = sorted(
        path for name in named for path in ([name] if name.is_file() else name.rglob("*.py"))
    )
    if chance.random() < 1 / 3 or not sources:
        return 0
    mutant = mutants.of_kind(mutants.FUNCTION, mutants.Files(Path(), sources, (), (), ()), chance)
    if mutant is not None and mutant.text is not None:
        mutant.path.write_text(mutant.text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
