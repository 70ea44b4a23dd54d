"""The model over real sources: a seeded sample of the standard library.

`TESTMON_FUZZ` sets how many files are read (default 80), `TESTMON_FUZZ_IN` names another folder to
take them from.
"""

import os
import random
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from testmon_cli.analysis import codec
from testmon_cli.analysis.model import build_model
from testmon_cli.analysis.model_diff import block_changes, definition_changes
from testmon_cli.domain.source import SourceError, SourceModel

FOLDER = Path(os.environ.get("TESTMON_FUZZ_IN", sysconfig.get_path("stdlib")))
COUNT = os.environ.get("TESTMON_FUZZ")
USUAL = 80
# bytes, unless the number of files is set: a few files take as long as a hundred others
LARGEST = 30_000


def _sources() -> Iterator[Path]:
    for folder, inner, names in os.walk(FOLDER):
        # not walked through: it can be large
        inner[:] = [name for name in inner if name != "site-packages"]
        paths = (Path(folder, name) for name in names if name.endswith(".py"))
        yield from filter(Path.is_file, paths)  # some have a sitecustomize.py that leads nowhere


def _sample(count: int) -> list[Path]:
    small = [p for p in sorted(_sources()) if COUNT or p.stat().st_size < LARGEST]
    return random.Random(7).sample(small, min(count, len(small)))


def _faults(data: bytes) -> list[str]:
    """What is wrong with the model of a file; one that does not parse has none, and must say so."""
    try:
        model = build_model(data)
    except SourceError as error:
        return [] if error.message else ["an error without a message"]
    wrong = [*_impossible(model)]
    if build_model(data + b"\n# last\n") != model:
        wrong.append("another model with a comment at the end")
    if codec.decode(codec.encode(model)) != model:
        wrong.append("another model after it was stored")
    if block_changes(model, model) or definition_changes(model, model):
        wrong.append("differs from itself")
    return wrong


def _impossible(model: SourceModel) -> list[str]:
    wrong = []
    for index, block in enumerate(model.blocks):
        if not -1 <= block.parent < index:
            wrong.append(f"block {index} of {block.qualname} comes before the one it needs")
        if any(not 0 < first <= last for first, last in block.lines):
            wrong.append(f"block {index} of {block.qualname} has impossible lines")
    wrong += [
        f"{d.names} has impossible lines" for d in model.definitions if not 0 < d.line <= d.end_line
    ]
    return wrong


def test_real_sources_have_a_model() -> None:
    wrong = []
    for path in _sample(int(COUNT or USUAL)):
        try:
            wrong += [f"{path}: {fault}" for fault in _faults(path.read_bytes())]
        except Exception as error:
            wrong.append(f"{path}: {error!r}")
    assert not wrong, "\n".join(wrong)


_TOTALS = """
import hashlib, sys
from testmon_cli.analysis import codec
from testmon_cli.analysis.model import build_model
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        print(hashlib.sha256(codec.encode(build_model(file.read()))).hexdigest())
"""


def test_models_are_the_same_whatever_the_order_of_sets() -> None:
    paths = [
        str(p)
        for p in _sample(200)
        if 2_000 < p.stat().st_size < 10_000 and "lib2to3" not in p.parts
    ][:12]
    command = [sys.executable, "-c", _TOTALS, *paths]
    totals = [
        subprocess.run(
            command,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        for seed in ("1", "2")
    ]
    assert totals[0].stdout.count("\n") == len(paths) > 5
    assert totals[0].stdout == totals[1].stdout
