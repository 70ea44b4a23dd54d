"""The scripts of `benchmarks/` are no package: they are found where Python runs them."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
