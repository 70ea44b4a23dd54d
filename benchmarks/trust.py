"""Write what replays of real projects found into the page on trust.

python benchmarks/trust.py [NAME=FILE ...] [seeded:NAME=FILE ...]

NAME=FILE takes the answer of `testmon replay --format json` of a project into `docs/replays`; the
table is made of all that are there. seeded:NAME=FILE takes in one of a replay with `seeded.py` as
its setup.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import lab

from testmon_cli.domain.verdicts import NEW, VERDICTS

FOLDER = lab.CHECKOUT / "docs" / "replays"
SEEDED = FOLDER / "seeded"
PAGE = lab.CHECKOUT / "docs" / "trust.md"
HEAD = (
    "project", "commits compared", "safe", "left out", "caught", "escaped", "unstable", "tests run", "time saved",
    "page",
)  # fmt: skip


SEEDED_HEAD = ("project", "regressions", *(f"called {verdict}" for verdict in VERDICTS), "escaped")


def seeded_rows() -> Iterator[tuple[object, ...]]:
    """What regressions are called, by project."""
    for path in sorted(SEEDED.glob("*.json")):
        answer = json.loads(path.read_bytes())
        counts = answer["verdicts"]["regressions"]
        yield (
            path.stem,
            sum(counts.values()),
            *(counts[verdict] for verdict in VERDICTS),
            answer["escaped"],
        )


def kept(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer without paths of the machine.

    Caught tests and regressions that are called new are only counted.
    """
    steps = [
        {
            **step,
            "findings": [finding for finding in step["findings"] if finding["bucket"] != "caught"],
            "judged": [judged for judged in step.get("judged", ()) if judged["verdict"] != NEW],
            "caught": sum(finding["bucket"] == "caught" for finding in step["findings"]),
        }
        for step in answer["steps"]
    ]
    return {**answer, "steps": steps}


def row(name: str, answer: Mapping[str, Any]) -> tuple[object, ...]:
    saved = 1 - answer["seconds"] / answer["plain_seconds"]
    return (
        name, answer["compared"], answer["safe"], answer["commits"] - answer["compared"], answer["caught"],
        answer["escaped"], answer["unstable"], f"{100 * answer['tests_run'] / answer['tests']:.1f} %",
        f"{100 * saved:.0f} %", f"[replay](replays/{name}.html)",
    )  # fmt: skip


def total(answers: list[Mapping[str, Any]]) -> Iterator[str]:
    """The sums of all projects, in a sentence."""
    sums = {
        key: sum(answer[key] for answer in answers)
        for key in ("compared", "safe", "caught", "escaped", "unstable")
    }
    tests, ran = sum(a["tests"] for a in answers), sum(a["tests_run"] for a in answers)
    yield (
        f"In all: {sums['compared']} commits of {len(answers)} projects, {sums['safe']} safe; {sums['caught']:,} new or"
        f" changed outcomes caught, {sums['escaped']} escaped, {sums['unstable']} unstable;"
        f" {ran:,} of {tests:,} tests run ({100 * ran / tests:.1f} %)."
    )
    if not sums["escaped"]:
        yield (
            f" At 95 % confidence, something escapes at fewer than {300 / sums['compared']:.1f} % of such commits,"
            f" and fewer than {300 / sums['caught']:.2f} % of such outcomes do."
        )


def main() -> int:
    SEEDED.mkdir(parents=True, exist_ok=True)
    for argument in sys.argv[1:]:
        name, _, file = argument.partition("=")
        with open(file, encoding="utf-8") as answer:
            text = json.dumps(kept(json.load(answer)), indent=1)
        folder = SEEDED if name.startswith("seeded:") else FOLDER
        (folder / f"{name.removeprefix('seeded:')}.json").write_text(text + "\n", encoding="utf-8")
    answers = {path.stem: json.loads(path.read_bytes()) for path in sorted(FOLDER.glob("*.json"))}
    rows = [row(name, answer) for name, answer in answers.items()]
    lab.write_between(
        PAGE, "replays", lab.table(HEAD, rows) + "\n" + "".join(total([*answers.values()])) + "\n"
    )
    lab.write_between(PAGE, "seeded", lab.table(SEEDED_HEAD, [*seeded_rows()]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
