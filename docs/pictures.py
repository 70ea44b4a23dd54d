"""Draw the pictures of the documentation from real data.

An answer of `testmon explain`, and a replay of real commits.

python docs/pictures.py          draws them
python docs/pictures.py --check  exits 1 when one of them is stale
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
IMAGES = DOCS / "images"
SHOP = DOCS.parent / "examples" / "shop"
TEST = "tests/test_order.py::test_total"
REPLAY = "structlog"

STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #223 } .small { font-size: 11px; fill: #667 } .head { font-weight: 600 }
rect { fill: #eef4f4; stroke: #2a7f7f } .name { fill: #fdf3e3; stroke: #b7791f } path { fill: none; stroke: #99a }
.bar { fill: #2a7f7f; stroke: none } .caught { fill: #c53030; stroke: none } .rest { fill: #dde6e6; stroke: none }
@media (prefers-color-scheme: dark) {
text { fill: #dde } .small { fill: #99a } rect { fill: #17333a } .name { fill: #3a2e17 } .rest { fill: #2b3a3f }
}
</style>"""


def explained() -> dict[str, Any]:
    """What `testmon explain` says of a test of the example."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(
            shutil.copytree(
                SHOP, Path(place) / "shop", ignore=shutil.ignore_patterns("__pycache__", ".*")
            )
        )
        testmon = [sys.executable, "-m", "testmon_cli"]
        subprocess.run([*testmon, "collect", "-q"], cwd=folder, check=True, capture_output=True)
        command = [*testmon, "explain", TEST, "--format", "json"]
        answer = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def reliance(answer: Mapping[str, Any]) -> str:
    """A test, the functions that it ran, and the definitions that these mention."""
    functions = [
        (f"{path}::{function['name']}", function)
        for path, found in answer["sources"].items()
        for function in found
        if f"{path}::{function['name']}" != answer["nodeid"]
    ]
    places = {name: 40 + 70 * number for number, (name, _) in enumerate(functions)}
    height = 40 + 70 * max(len(functions), len(answer["names"])) + 20
    middle = (height - 60) // 2 + 20
    parts = [
        _box(20, middle, answer["nodeid"].partition("::")[2], answer["nodeid"].partition("::")[0])
    ]
    for name, function in functions:
        path, _, short = name.partition("::")
        blocks = f"{path}:{function['line']}, {function['blocks']} of {function['of']} blocks ran"
        parts += [_line(220, middle, 300, places[name]), _box(300, places[name], short, blocks)]
    for number, name in enumerate(answer["names"]):
        top = places.get(name["by"][0], 40) if len(answer["names"]) == 1 else 40 + 70 * number
        parts += [_line(500, places[by], 580, top) for by in name["by"] if by in places]
        parts.append(_box(580, top, name["name"], f"{name['path']}:{name['line']}", kind="name"))
    heads = ((20, "test"), (300, "code that it ran"), (580, "what that mentions"))
    parts += [f'<text class="head" x="{left}" y="22">{title}</text>' for left, title in heads]
    return _svg(800, height, parts, f"What {answer['nodeid']} relies on")


def _box(left: int, top: int, title: str, below: str, kind: str = "") -> str:
    return (
        f'<rect class="{kind}" x="{left}" y="{top}" width="200" height="46" rx="6"/>'
        f'<text x="{left + 10}" y="{top + 19}">{escape(title)}</text>'
        f'<text class="small" x="{left + 10}" y="{top + 36}">{escape(below)}</text>'
    )


def _line(left: int, top: int, right: int, bottom: int) -> str:
    half = (left + right) // 2
    return f'<path d="M{left} {top + 23} C{half} {top + 23} {half} {bottom + 23} {right} {bottom + 23}"/>'


def replayed(found: Mapping[str, Any]) -> str:
    """For each commit the share of all tests that ran, and those among them that had to."""
    steps = [step for step in found["steps"] if step["state"] == "compared"]
    width, height, low = 60 + 14 * len(steps), 260, 210
    parts = []
    for number, step in enumerate(steps):
        left, tall = 45 + 14 * number, 160 * step["ran"] / step["tests"]
        caught = 160 * min(1, step["caught"] / step["tests"])
        parts.append(
            f"<g><title>{escape(step['commit'][:8])}: {step['ran']} of {step['tests']} tests ran, "
            f"{step['caught']} had to</title>"
            f'<rect class="rest" x="{left}" y="{low - 160}" width="10" height="160"/>'
            f'<rect class="bar" x="{left}" y="{low - tall:.1f}" width="10" height="{tall:.1f}"/>'
            f'<rect class="caught" x="{left}" y="{low - caught:.1f}" width="10" height="{caught:.1f}"/></g>'
        )
    parts += [
        f'<text class="small" x="8" y="{low - 160 * share + 4}">{share:.0%}</text>'
        for share in (0, 0.5, 1)
    ]
    share = found["tests_run"] / found["tests"]
    seen = f"{found['caught']} outcomes caught, {found['escaped']} escaped"
    told = f"{len(steps)} commits: {share:.1%} of tests ran, {seen}"
    parts.append(f'<text class="head" x="20" y="26">{told}</text>')
    keys = ((45, "bar", "ran"), (110, "caught", "had to run"), (215, "rest", "left out"))
    for left, kind, title in keys:
        parts.append(f'<rect class="{kind}" x="{left}" y="230" width="10" height="10"/>')
        parts.append(f'<text class="small" x="{left + 15}" y="239">{title}</text>')
    return _svg(width, height, parts, told)


def _svg(width: int, height: int, parts: Sequence[str], title: str) -> str:
    body = "\n".join([f"<title>{escape(title)}</title>", STYLE, *parts])
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n{body}\n</svg>\n'


def pictures() -> Iterator[tuple[Path, str]]:
    """All of them."""
    yield IMAGES / "relies-on.svg", reliance(explained())
    yield (
        IMAGES / "replay.svg",
        replayed(json.loads((DOCS / "replays" / f"{REPLAY}.json").read_text(encoding="utf-8"))),
    )


def main() -> int:
    """Draw, or say what is stale."""
    stale = [
        (path, text)
        for path, text in pictures()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        for path, _ in stale:
            print(f"{path} is stale: python docs/pictures.py draws it")
        return 1 if stale else 0
    for path, text in stale:
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
