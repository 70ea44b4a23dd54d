"""Every kind of reason as the sentence that a person reads."""

import pytest

from testmon_cli.application.select.reason_text import sentence
from testmon_cli.domain.causes import Cause, Kind, Manner

TAX = Cause(Kind.DEFINITION, Manner.CHANGED, "app/config.py", "TAX", 3)
RATE = Cause(Kind.DEFINITION, Manner.MENTIONS, "app/price.py", "RATE", 5, TAX)
PACKAGE = Cause(Kind.PACKAGE, Manner.CHANGED, "", "gauge 1.0 -> 2.0")


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (
            Cause(Kind.BLOCK, Manner.CHANGED, "app/a.py", "f", 7),
            "runs app/a.py::f, changed at app/a.py:7",
        ),
        (
            Cause(Kind.BLOCK, Manner.REMOVED, "app/a.py", "f"),
            "runs app/a.py::f, removed in app/a.py",
        ),
        (
            Cause(Kind.BLOCK, Manner.MENTIONS, "app/a.py", "f", 7, TAX),
            "runs app/a.py::f, which mentions TAX, changed at app/config.py:3",
        ),
        (
            Cause(Kind.BLOCK, Manner.MENTIONS, "app/price.py", "f", 7, RATE),
            "runs app/price.py::f, which mentions RATE, which depends on TAX, changed at app/config.py:3",
        ),
        (
            Cause(Kind.BLOCK, Manner.MAY_LOOK_UP, "app/a.py", "f", 7, TAX),
            "runs app/a.py::f, which may look up TAX, changed at app/config.py:3",
        ),
        (
            Cause(Kind.BLOCK, Manner.MENTIONS, "app/config.py", "TAX", 3, TAX),
            "runs app/config.py::TAX, whose definition was changed at app/config.py:3",
        ),
        (
            Cause(
                Kind.BLOCK,
                Manner.MENTIONS,
                "app/a.py",
                "f",
                7,
                Cause(Kind.DEFINITION, Manner.REMOVED, "app/a.py", "f", 7),
            ),
            "runs app/a.py::f, whose definition was removed at app/a.py:7",
        ),
        (
            Cause(
                Kind.IMPORT,
                Manner.NEEDS,
                "app/fast.py",
                "",
                0,
                Cause(Kind.IMPORT, Manner.REMOVED, "app/fast.py", "app.fast"),
            ),
            "imports app/fast.py, which was removed",
        ),
        (
            Cause(Kind.IMPORT, Manner.NEEDS, "app/config.py", "", 0, TAX),
            "imports app/config.py, which depends on TAX, changed at app/config.py:3",
        ),
        (
            Cause(Kind.CODE, Manner.MENTIONS, "", "", 0, TAX),
            "runs code of no source, which mentions TAX, changed at app/config.py:3",
        ),
        (TAX, "its definition was changed at app/config.py:3"),
        (
            Cause(Kind.ENVIRONMENT, Manner.CHANGED, "", "APP_MODE"),
            "environment variable APP_MODE changed",
        ),
        (
            Cause(Kind.GLOB, Manner.CHANGED, "", "schema/*.sql"),
            "a file that matches schema/*.sql changed",
        ),
        (
            Cause(Kind.CONFIG, Manner.CHANGED, "", "of pytest in pyproject.toml"),
            "configuration of pytest in pyproject.toml changed",
        ),
        (Cause(Kind.FILE, Manner.CHANGED, "", "data/a.json"), "file data/a.json changed"),
        (PACKAGE, "package gauge 1.0 -> 2.0 changed"),
        (
            Cause(Kind.BLOCK, Manner.MENTIONS, "app/a.py", "f", 7, PACKAGE),
            "runs app/a.py::f, which mentions gauge, package gauge 1.0 -> 2.0 changed",
        ),
    ],
)
def test_sentence(cause: Cause, text: str) -> None:
    assert sentence(cause) == text
