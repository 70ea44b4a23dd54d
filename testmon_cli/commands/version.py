"""`testmon --version`: all that tells one installation from another, in one line for a report."""

import platform
from importlib import metadata

from testmon_cli import __version__
from testmon_cli.analysis.model_key import MODEL_KEY
from testmon_cli.application.checkout.interpreters import python_tag
from testmon_cli.application.settings import ENGINES
from testmon_cli.storage.layout import Schema


def line() -> str:
    """The line."""
    parts = [f"Python {platform.python_version()} ({python_tag()})"]
    parts += [f"{name} {_version(name)}" for name in ("pytest", "coverage")]
    parts += [
        f"engines {', '.join(name for name in ENGINES if name != 'auto')}",
        f"schema {Schema().head}",
    ]
    parts.append(f"analysis {MODEL_KEY}")
    return f"testmon {__version__}: {'; '.join(parts)}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "is not installed"
