import os
from pathlib import Path

import pytest

from testmon_cli.analysis.checksums import content_digest
from testmon_cli.application.checkout import model_cache, sources
from testmon_cli.application.checkout.sources import Stat
from testmon_cli.domain.records import SourceVersion
from testmon_cli.tracing.engines.probe_cache import Cache
from testmon_cli.tracing.settings import CACHE_FOLDER

KEY = bytes(32)
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

        cache = Cache(str(self.path.parent), KEY)
        return model_cache.version_of(
            cache, str(self.path), "a.py", content_digest(text), stat, make
        )


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "a.py")


def kept(maker: Maker) -> Path:
    (path,) = maker.path.parent.rglob("*.model")
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
    assert os.listdir(maker.path.parent) == []


def test_a_folder_that_cannot_be_written_to_costs_nothing_but_time(maker: Maker) -> None:
    (maker.path.parent / CACHE_FOLDER).write_text("a file is in its place")

    assert maker() == maker()
    assert maker.made == 2
