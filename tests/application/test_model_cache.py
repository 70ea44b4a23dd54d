import os
from pathlib import Path

import pytest

from testmon_cli.analysis.checksums import content_digest
from testmon_cli.application import model_cache, sources
from testmon_cli.application.sources import Stat
from testmon_cli.domain.records import SourceVersion

TEXT = b"def f():\n    return 1\n"


class Maker:
    """Reads a source as if nothing were kept, and counts how often."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.made = 0

    def __call__(self, text: bytes = TEXT) -> SourceVersion:
        stat = Stat(len(text), 5)

        def make() -> SourceVersion:
            self.made += 1
            return sources.version_of("a.py", text, stat)[0]

        return model_cache.version_of(self.path, "a.py", content_digest(text), stat, make)


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maker:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    return Maker(tmp_path / "a.py")


def kept(maker: Maker) -> Path:
    (path,) = (maker.path.parent / "__pycache__").iterdir()
    return path


def test_a_model_is_made_once(maker: Maker) -> None:
    first = maker()

    assert maker() == first == sources.version_of("a.py", TEXT, Stat(len(TEXT), 5))[0]
    assert maker.made == 1


def test_another_content_has_another_model(maker: Maker) -> None:
    maker()

    assert maker(TEXT + b"x = 1\n").model != maker(TEXT).model
    assert maker.made == 3


def test_a_damaged_file_is_made_again(maker: Maker) -> None:
    first = maker()
    path = kept(maker)
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    assert maker() == first
    assert maker.made == 2


def test_another_analysis_makes_its_own(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    maker()
    monkeypatch.setattr(model_cache, "MODEL_KEY", "another")
    maker()

    assert maker.made == 2


def test_what_does_not_parse_is_not_kept(maker: Maker) -> None:
    assert maker(b"def f(:\n").model == b""
    assert not (maker.path.parent / "__pycache__").exists()


def test_nothing_is_left_behind_where_python_was_told_so(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    maker()

    assert os.listdir(maker.path.parent) == []
