import os
import subprocess
from pathlib import Path

import pytest

from testmon_cli.analysis import codec
from testmon_cli.analysis.checksums import content_digest
from testmon_cli.analysis.model import build_model
from testmon_cli.application.checkout import cache_folder, model_cache, sources
from testmon_cli.application.checkout.sources import Stat, Tree
from testmon_cli.domain.records import SourceVersion
from testmon_cli.domain.source import SourceModel
from testmon_cli.tracing.engines.cache_seal import read_key
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


LONG = "def f():\n    return 1\n" + "".join(f"def f{n}():\n    return {n}\n" for n in range(200))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that was collected, with a source that was edited since."""
    cache_folder.prepare(tmp_path, is_in_git=False)
    (tmp_path / "a.py").write_text(LONG)
    return tmp_path


def _asked(root: Path) -> SourceModel:
    """The model of the source, as the next question gets it."""
    return Tree(root, sources.scan(root)).model("a.py")


def _kept_as(root: Path, text: str) -> None:
    """Keep the model of another text for the source, sealed as this user does it."""
    model = build_model(text.encode())
    cache = Cache(str(root), read_key(cache_folder.key_of_existing(root)))
    stat = Stat(0, 0)
    version = sources.version_of("a.py", LONG.encode(), stat)[0]
    for path in root.rglob("*.model"):
        path.unlink()
    model_cache.version_of(
        cache,
        str(root / "a.py"),
        "a.py",
        version.digest,
        stat,
        lambda: version._replace(model=codec.encode(model), names=codec.name_index(model)),
    )


def test_a_question_keeps_the_model_of_an_edited_source_for_the_next(root: Path) -> None:
    model = _asked(root)
    (path,) = root.rglob("a.py.model")

    assert _asked(root) == model == build_model(LONG.encode())
    _kept_as(root, "")
    assert path.exists()
    assert _asked(root) == build_model(b"")


def test_a_source_that_was_edited_again_has_another_model(root: Path) -> None:
    _kept_as(root, "")
    (root / "a.py").write_text(LONG + "x = 1\n")

    assert _asked(root) == build_model(f"{LONG}x = 1\n".encode())


def test_collecting_takes_the_model_that_a_question_has_kept(root: Path) -> None:
    _asked(root)
    cache = Cache(str(root), read_key(cache_folder.key_of_existing(root)))
    stat = Stat(len(LONG), 5)

    def make() -> SourceVersion:
        raise AssertionError("it is made again")

    digest = content_digest(LONG.encode())
    found = model_cache.version_of(cache, str(root / "a.py"), "a.py", digest, stat, make)
    assert found == sources.version_of("a.py", LONG.encode(), stat)[0]


def test_a_question_uses_nothing_that_git_tracks(root: Path) -> None:
    _kept_as(root, "")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "add", "-f", ".testmon_cache"], cwd=root, check=True)

    assert _asked(root) == build_model(LONG.encode())


def test_a_question_uses_no_folder_behind_a_link(root: Path) -> None:
    _kept_as(root, "")
    (root / CACHE_FOLDER).rename(root / "elsewhere")
    (root / CACHE_FOLDER).symlink_to("elsewhere")

    assert _asked(root) == build_model(LONG.encode())


def test_a_question_uses_nothing_with_another_seal(root: Path) -> None:
    _asked(root)
    (path,) = root.rglob("a.py.model")
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    assert _asked(root) == build_model(LONG.encode())


def test_a_question_makes_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(LONG)

    assert _asked(tmp_path) == build_model(LONG.encode())
    assert os.listdir(tmp_path) == ["a.py"]


def test_a_question_keeps_nothing_of_what_is_made_in_no_time(root: Path) -> None:
    (root / "a.py").write_text("x = 1\n")
    _asked(root)

    assert not [*root.rglob("*.model")]
