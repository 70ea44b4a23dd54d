"""Every kind of reason as the sentence that a person reads."""

import pytest

from testmon_cli.application.select.reason_text import sentence
from testmon_cli.domain.causes import Cause

TAX = Cause("definition", "changed", "app/config.py", "TAX", 3)
RATE = Cause("definition", "mentions", "app/price.py", "RATE", 5, TAX)
PACKAGE = Cause("package", "changed", "", "gauge 1.0 -> 2.0")


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (Cause("block", "changed", "app/a.py", "f", 7), "runs app/a.py::f, changed at app/a.py:7"),
        (Cause("block", "removed", "app/a.py", "f"), "runs app/a.py::f, removed in app/a.py"),
        (
            Cause("block", "mentions", "app/a.py", "f", 7, TAX),
            "runs app/a.py::f, which mentions TAX, changed at app/config.py:3",
        ),
        (
            Cause("block", "mentions", "app/price.py", "f", 7, RATE),
            "runs app/price.py::f, which mentions RATE, which depends on TAX, changed at app/config.py:3",
        ),
        (
            Cause("block", "may look up", "app/a.py", "f", 7, TAX),
            "runs app/a.py::f, which may look up TAX, changed at app/config.py:3",
        ),
        (
            Cause("block", "mentions", "app/config.py", "TAX", 3, TAX),
            "runs app/config.py::TAX, whose definition was changed at app/config.py:3",
        ),
        (
            Cause("block", "mentions", "app/a.py", "f", 7, Cause("definition", "removed", "app/a.py", "f", 7)),
            "runs app/a.py::f, whose definition was removed at app/a.py:7",
        ),
        (
            Cause("import", "needs", "app/fast.py", "", 0, Cause("import", "removed", "app/fast.py", "app.fast")),
            "imports app/fast.py, which was removed",
        ),
        (
            Cause("import", "needs", "app/config.py", "", 0, TAX),
            "imports app/config.py, which depends on TAX, changed at app/config.py:3",
        ),
        (TAX, "its definition was changed at app/config.py:3"),
        (Cause("environment", "changed", "", "APP_MODE"), "environment variable APP_MODE changed"),
        (Cause("glob", "changed", "", "schema/*.sql"), "a file that matches schema/*.sql changed"),
        (
            Cause("config", "changed", "", "of pytest in pyproject.toml"),
            "configuration of pytest in pyproject.toml changed",
        ),
        (Cause("file", "changed", "", "data/a.json"), "file data/a.json changed"),
        (PACKAGE, "package gauge 1.0 -> 2.0 changed"),
        (
            Cause("block", "mentions", "app/a.py", "f", 7, PACKAGE),
            "runs app/a.py::f, which mentions gauge, package gauge 1.0 -> 2.0 changed",
        ),
    ],
)
def test_sentence(cause: Cause, text: str) -> None:
    assert sentence(cause) == text
