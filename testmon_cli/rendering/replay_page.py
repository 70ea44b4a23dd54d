"""The page of `testmon replay --html`: one file that needs no network and runs no script."""

from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from testmon_cli.domain.proof import ESCAPED, UNSTABLE, Replay
from testmon_cli.rendering.html import asset, hash_of, templates
from testmon_cli.rendering.replay import totals

_WIDTH, _HEIGHT = 720, 160


def as_html(replay: Replay, name: str) -> str:
    """Render the page; the template escapes what comes from the project."""
    style = asset("page.css")
    tests, ran = (
        sum(step.tests for step in replay.compared),
        sum(step.ran for step in replay.compared),
    )
    template = templates().from_string(asset("replay.html"))
    text: str = template.render(
        name=name,
        replay=replay,
        totals=totals(replay),
        share=f"{100 * ran / tests:.1f} %" if tests else "?",
        saved=f"{100 * (1 - replay.seconds / replay.plain_seconds):.0f} %"
        if replay.plain_seconds
        else "?",
        bars=_bars(replay),
        curves=_curves(replay),
        found=[(s, f) for b in (ESCAPED, UNSTABLE) for s in replay.steps for f in s.of(b)],
        style=style,
        policy=f"default-src 'none'; style-src {hash_of(style)}; base-uri 'none'",
    )
    return text


def _bars(replay: Replay) -> list[dict[str, Any]]:
    steps = replay.compared
    most = max((max(step.plain_seconds, step.seconds) for step in steps), default=0.0) or 1.0
    gap = _WIDTH / max(len(steps), 12)
    return [
        {
            "step": step,
            "x": round(place * gap + gap / 10, 2),
            "width": round(gap * 0.8, 2),
            "share": round(step.ran / step.tests * _HEIGHT, 1) if step.tests else 0,
            "plain": round(step.plain_seconds / most * _HEIGHT, 1),
            "ours": round(step.seconds / most * _HEIGHT, 1),
        }
        for place, step in enumerate(steps)
    ]


def _curves(replay: Replay) -> dict[str, str]:
    base = replay.base
    plain = [
        *accumulate(
            (s.plain_seconds for s in replay.compared), initial=base.plain_seconds if base else 0.0
        )
    ]
    ours = [
        *accumulate((s.seconds for s in replay.compared), initial=base.seconds if base else 0.0)
    ]
    most = max(plain[-1], ours[-1]) or 1.0
    return {"plain": _points(plain, most), "ours": _points(ours, most)}


def _points(values: Iterable[float], most: float) -> str:
    shown = [*values]
    gap = _WIDTH / max(1, len(shown) - 1)
    return " ".join(
        f"{place * gap:.1f},{_HEIGHT - value / most * _HEIGHT:.1f}"
        for place, value in enumerate(shown)
    )
