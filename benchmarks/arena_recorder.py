"""A pytest plugin that writes what was observed of each test to the file named by ARENA_RECORD.

Observed is every phase that did not simply pass, with its message. Nothing in it depends on time,
process or place.
"""

import json
import os
import re
import sys
from typing import Any

# Removed, so that a pytest that a test starts does not record too.
PATH = os.environ.pop("ARENA_RECORD", None)

_collected: list[str] = []
_observed: dict[str, list[str]] = {}
_errors: list[str] = []


def _message(shown: Any) -> str:
    if isinstance(shown, tuple):  # a skip: path, line, reason
        text = str(shown[2])
    else:
        text = getattr(getattr(shown, "reprcrash", None), "message", None) or str(shown or "")
    return re.sub(r"\b0x[0-9a-f]+", "0x", text)[:2000]


def pytest_collectreport(report: Any) -> None:
    if report.failed:
        _errors.append(report.nodeid)


def pytest_collection_finish(session: Any) -> None:
    _collected[:] = [item.nodeid for item in session.items]


def pytest_runtest_logreport(report: Any) -> None:
    notes = _observed.setdefault(report.nodeid, [])
    expected = hasattr(report, "wasxfail")
    if expected or not report.passed:
        notes.append(f"{report.when} {'x' * expected}{report.outcome}: {_message(report.longrepr)}")


def pytest_sessionfinish() -> None:
    if PATH:
        with open(PATH, "w", encoding="utf-8", errors="replace") as file:
            json.dump({"collected": _collected, "observed": _observed, "errors": _errors}, file)
        sys.stdout.flush()
