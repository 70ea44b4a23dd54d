"""The page of `testmon report --html`: one file that needs no network.

Names and failure texts hold what a project puts there. The template escapes all of them; what the
script shows goes to the page as text only, and a policy in the page lets no other script run and
nothing be loaded.
"""

import base64
import hashlib
import json
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from testmon_cli import __version__
from testmon_cli.domain.causes import Cause
from testmon_cli.domain.errors import EnvironmentFailure
from testmon_cli.domain.page import Page, ShownRun

_MOST_FILES = 400
_PLOT = (720, 160)  # width and height


def as_html(page: Page) -> str:
    """Render the page."""
    environment = templates()
    script, style = asset("page.js"), asset("page.css")
    text: str = environment.from_string(asset("page.html")).render(
        page=page,
        report=page.report,
        version=__version__,
        runs=list(reversed(page.runs)),
        plot=_plot(page),
        saved=sum(max(0.0, run.all_seconds - run.test_seconds) for run in page.runs),
        data=_data(page),
        script=script,
        style=style,
        policy=f"default-src 'none'; script-src {hash_of(script)}; style-src {hash_of(style)}; base-uri 'none'",
    )
    return text


def templates() -> Any:
    """The template engine for pages. It escapes all values."""
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise EnvironmentFailure(
            'the package jinja2 is missing: pip install "testmon-cli[html]"'
        ) from error
    found = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    found.filters.update(time=_time, seconds=_seconds)
    return found


def asset(name: str) -> str:
    """A file that pages are made of."""
    return (
        resources.files("testmon_cli.rendering").joinpath("page", name).read_text(encoding="utf-8")
    )


def hash_of(text: str) -> str:
    """The hash by which a page's content policy allows a script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _seconds(value: float | None) -> str:
    return "?" if value is None else f"{value:,.2f} s"


def _data(page: Page) -> str:
    """The data for the page's script, as JSON that cannot end its element."""
    reasons: dict[tuple[object, ...], int] = {}
    tests = []
    for test in page.tests:
        key = (test.kind, test.reason, tuple(map(_link, test.chain)))
        number = reasons.setdefault(key, len(reasons)) if test.reason else -1
        tests.append([test.nodeid, test.outcome, round(test.seconds, 4), number])
    largest = sorted(page.files, key=lambda file: -file.lines)[:_MOST_FILES]
    values: dict[str, Any] = {
        "tests": tests,
        "reasons": [list(key) for key in reasons],
        "files": [
            [
                file.path,
                file.lines,
                file.tests,
                [[f.name, f.line, f.blocks, f.unreached, f.tests] for f in file.functions],
            ]
            for file in largest
        ],
    }
    text = json.dumps(values, separators=(",", ":"))  # ASCII alone
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _link(cause: Cause) -> tuple[str, ...]:
    place = f"{cause.path}:{cause.line}" if cause.line else cause.path
    return cause.kind.value, cause.wording, cause.name, place


def _plot(page: Page) -> list[dict[str, Any]]:
    """Bars of a plot: the seconds of each of the last runs, and those of all tests."""
    runs: list[ShownRun] = list(page.runs[-60:])
    width, height = _PLOT
    most = max((run.all_seconds for run in runs), default=0.0) or 1.0
    step = width / max(len(runs), 12)
    return [
        {
            "x": round(place * step + 1, 1),
            "width": round(step - 2, 1),
            "all": round(run.all_seconds / most * height, 1),
            "ran": round(run.test_seconds / most * height, 1),
            "run": run,
        }
        for place, run in enumerate(runs)
    ]
