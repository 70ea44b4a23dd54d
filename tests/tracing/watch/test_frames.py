"""Frames: who stands on the stack, by the files of their code."""

import sys
import zipfile
from pathlib import Path
from types import FrameType

import pytest

from testmon_cli.tracing.settings import Scope, TraceSettings
from testmon_cli.tracing.watch.frames import is_of_library


def frame_in(path: Path) -> FrameType:
    """A frame of code in a file."""
    namespace: dict[str, FrameType] = {}
    text = "import sys\n\nfound = sys._getframe()\n"
    exec(compile(text, str(path), "exec"), namespace)
    return namespace["found"]


def test_a_library_is_what_a_distribution_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = Scope(TraceSettings(root=str(tmp_path / "project"), spool=""))
    (tmp_path / "lib" / "tax-1.0.dist-info").mkdir(parents=True)
    (tmp_path / "scripts").mkdir()
    zipfile.ZipFile(tmp_path / "lib.zip", "w").close()
    for name in ("lib", "scripts", "lib.zip"):
        monkeypatch.setattr(sys, "path", [str(tmp_path / name), *sys.path])
    found = {
        name: is_of_library(frame_in(tmp_path / name / "tax.py"), scope)
        for name in ("lib", "scripts", "lib.zip")
    }
    assert found == {"lib": True, "scripts": False, "lib.zip": False}
