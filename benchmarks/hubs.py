"""Measure what pushing and pulling a day's results costs in a project of very many tests.

python benchmarks/hubs.py [--tests N] [--rounds N] [--on folder s3 postgresql] [--write]

All tests are known on both sides, as if pulled before. Then ten modules change, and some of the
tests run again.
"""

import argparse
import logging
import multiprocessing
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import lab
import synthetic

from testmon_cli.application.hub import key_of
from testmon_cli.domain.provenance import FACT
from testmon_cli.domain.records import Exchanged
from testmon_cli.storage.datafile import Datafile

sys.path.insert(0, str(lab.CHECKOUT))  # its tests have the servers

PAGE = lab.CHECKOUT / "docs" / "hub.md"
HUBS = ("folder", "s3", "postgresql")
DAYS = (1_000, 5_000)  # tests that ran
MODULES = 10  # that changed
JOB = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main"}
SOURCE = {"provider": "github", "event": "push", "ref": "main"}
HEAD = (
    "hub",
    "tests that ran",
    "bundle, MB",
    "push, CPU s",
    "push, s",
    "push, MB",
    "pull, CPU s",
    "pull, s",
    "pull, MB",
)


def command(root: Path, *words: str, environ: dict[str, str]) -> lab.Ran:
    """Run testmon as a job of the main branch does."""
    ran = lab.run(
        [sys.executable, "-m", "testmon_cli", *words], root, environ=tuple((JOB | environ).items())
    )
    if ran.status:
        raise SystemExit(f"testmon {words[0]} ended with {ran.status}:\n{ran.stdout}{ran.stderr}")
    return ran


def make(root: Path, tests: int) -> None:
    """A project with a datafile that knows all tests, and for each day a copy that has the results of that day, too."""
    planned = synthetic.plan(tests)
    synthetic.write_project(root, planned)
    synthetic.age(root)
    first = next(iter(planned)).partition("::")[0]
    # of nobody's branch: is not pushed
    lab.run([sys.executable, "-m", "testmon_cli", "collect", "-q", first], root)
    synthetic.fill(root, planned)
    with Datafile.open(root / ".testmondata", "write") as datafile:
        run = datafile.runs()[0]
        datafile.add_exchanged([Exchanged("0" * 64, key_of(run), tests, ended=True)])
    for day in DAYS:
        copy = shutil.copytree(root, root.parent / f"{day}")
        synthetic.add_day(copy, planned, day, MODULES, {FACT: SOURCE})


@contextmanager
def hub_of(kind: str, place: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a new hub on this machine, and the variables that it needs."""
    if kind == "folder":
        yield str(place / "hub"), {}
    elif kind == "s3":
        from tests.hubs import s3

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        with s3.server() as port:
            yield (
                f"s3://bucket/{place.name}",  # it remembers what was in earlier ones
                {
                    "AWS_ENDPOINT": f"http://127.0.0.1:{port}",
                    "AWS_ALLOW_HTTP": "true",
                    "AWS_ACCESS_KEY_ID": "a-key",
                    "AWS_SECRET_ACCESS_KEY": "a-secret",
                    "AWS_REGION": "us-east-1",
                },
            )
    else:
        from tests.hubs import postgres

        with postgres.server() as running:
            running.run("CREATE DATABASE hub OWNER owner", database="postgres")
            yield running.url(), {}


def measure(place: Path, kind: str, rounds: int) -> Iterator[tuple[object, ...]]:
    """A row for each day: medians of some rounds, each with a hub and datafiles as they were before."""
    for day in DAYS:
        pushed, pulled, size = [], [], 0
        for number in range(rounds):
            work = place / f"{kind}-{day}-{number}"
            work.mkdir()
            with hub_of(kind, work) as (hub, environ):
                giver, taker = (work / name for name in ("giver", "taker"))
                for copy, of in ((giver, str(day)), (taker, "all")):
                    copy.mkdir()
                    for name in (".testmondata", "pyproject.toml"):
                        shutil.copy2(place / of / name, copy / name)
                pushed.append(command(giver, "push", "--hub", hub, environ=environ))
                pulled.append(command(taker, "pull", "--hub", hub, environ=environ))
            expected = f"1 new run, {day:,} new executions"
            if expected not in pulled[-1].stdout:
                raise SystemExit(f"not as it must be: {pulled[-1].stdout}{pulled[-1].stderr}")
            size = int(re.search(r"([\d,]+) bytes", pushed[-1].stdout)[1].replace(",", ""))
            shutil.rmtree(work)
        yield kind, f"{day:,}", f"{size / 1e6:.1f}", *_medians(pushed), *_medians(pulled)


def _medians(found: Sequence[lab.Ran]) -> tuple[str, str, str]:
    return (
        f"{median(ran.cpu for ran in found):.1f}",
        f"{median(ran.seconds for ran in found):.1f}",
        f"{max(ran.memory for ran in found):.0f}",
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tests", type=int, default=100_000, help="how many there are")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--on", nargs="+", choices=HUBS, default=HUBS, help="where the hub is")
    parser.add_argument(
        "--place", type=Path, help="a folder for the project, which is used again if it is there"
    )
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = options.place or Path(folder)
        if not (place / f"{DAYS[-1]}" / "made").exists():
            # In another process: the memory that this one has counts for its children.
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                pool.apply(make, (place / "all", options.tests))
            (place / f"{DAYS[-1]}" / "made").touch()
        rows = []
        for kind in options.on:
            for row in measure(place, kind, options.rounds):
                rows.append(row)
                print(row, file=sys.stderr)
    where = f"CPython {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores, {options.rounds} rounds"
    text = f"{lab.table(HEAD, rows)}\nMeasured with {where}.\n"
    lab.publish(text, PAGE, "hubs", write=options.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
