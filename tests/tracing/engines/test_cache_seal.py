import marshal
import os
from collections.abc import Callable
from pathlib import Path
from types import CodeType

import pytest

from testmon_cli.tracing.engines import cache_seal, probe_cache
from testmon_cli.tracing.engines.cache_seal import key_place, make_key, read_key
from testmon_cli.tracing.engines.probe_cache import Cache

KEY = b"k" * 32


def planted() -> CodeType:
    return compile("x = 'planted'", "a.py", "exec")


def made() -> CodeType:
    return compile("x = 'made'", "a.py", "exec")


def taken(cache: Cache, root: Path, make: Callable[[], CodeType] = made) -> str:
    """Which code the cache gives for `a.py`."""
    names: dict[str, str] = {}
    exec(cache.code(str(root / "a.py"), "digest", make), names)
    return names["x"]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A cached file that this user made, of code that would show that it was taken."""
    root = tmp_path / "root"
    root.mkdir()
    assert taken(Cache(str(root), KEY), root, planted) == "planted"
    (path,) = root.rglob("*.code")
    return path


def root_of(kept: Path) -> Path:
    return next(folder for folder in kept.parents if folder.name == "root")


def as_if_of_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_seal, "get_user", lambda state: state.st_uid + 1)


def test_what_this_user_made_is_taken(kept: Path) -> None:
    assert taken(Cache(str(root_of(kept)), KEY), root_of(kept)) == "planted"


def without_seal(path: Path) -> None:
    data = path.read_bytes()
    start = data.index(b"\n", data.index(b" digest")) + 1
    path.write_bytes(data[:start] + marshal.dumps(planted()))


def by_a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def below_a_linked_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))
    path.parent.symlink_to("elsewhere")


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize(
    "plant", [without_seal, by_a_link, below_a_linked_folder, a_pipe, a_folder, cut_short]
)
def test_what_came_otherwise_is_not_taken(kept: Path, plant: Callable[[Path], None]) -> None:
    plant(kept)

    assert taken(Cache(str(root_of(kept)), KEY), root_of(kept)) == "made"


def test_what_another_user_made_is_not_taken(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_if_of_somebody_else(monkeypatch)

    assert taken(Cache(str(root_of(kept)), KEY), root_of(kept)) == "made"


def test_what_another_key_sealed_is_not_taken(kept: Path) -> None:
    assert taken(Cache(str(root_of(kept)), bytes(32)), root_of(kept)) == "made"


def test_without_a_key_nothing_is_kept(tmp_path: Path) -> None:
    assert taken(Cache(str(tmp_path), None), tmp_path) == "made"
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir(), elsewhere.mkdir()
    (root / ".testmon_cache").symlink_to(elsewhere)

    assert taken(Cache(str(root), KEY), root) == "made"
    probe_cache.prepare(str(root))

    assert list(elsewhere.iterdir()) == []


def test_no_flipped_bit_reaches_marshal(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = kept.read_bytes()
    loaded: list[bytes] = []
    monkeypatch.setattr(probe_cache, "_loaded", loaded.append)
    cache, root = Cache(str(root_of(kept)), KEY), root_of(kept)

    for place in range(len(whole) * 8):
        data = bytearray(whole)
        data[place // 8] ^= 1 << place % 8
        kept.write_bytes(data)
        assert taken(cache, root) == "made"
    assert len(whole) * 8 > 1000
    assert loaded == []

    kept.write_bytes(whole)
    taken(cache, root)
    assert len(loaded) == 1  # of the whole file, to show that this would have been seen


def test_the_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    place = key_place({"XDG_CACHE_HOME": str(tmp_path / "cache")})

    assert make_key(place) == place
    key = read_key(place)
    assert key is not None
    assert len(key) == 32
    assert os.stat(place).st_mode & 0o777 == 0o600
    assert make_key(place) == place
    assert Path(place).read_bytes() == key
    assert [path.name for path in Path(place).parent.iterdir()] == ["key"]


@pytest.mark.parametrize("folder", ["", "not/absolute"])
def test_the_key_is_in_the_home_where_no_other_folder_is_named(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")

    assert key_place({"XDG_CACHE_HOME": folder}) == "/home/somebody/.cache/testmon/key"


@pytest.mark.parametrize(
    "plant", [by_a_link, a_pipe, a_folder, cut_short, lambda path: path.chmod(0o640)]
)
def test_a_key_that_others_may_have_made_or_read_is_refused(
    tmp_path: Path, plant: Callable[[Path], None]
) -> None:
    place = make_key(str(tmp_path / "key"))
    plant(Path(place))
    read_key.cache_clear()

    assert make_key(place) == ""


def test_a_key_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = make_key(str(tmp_path / "key"))
    read_key.cache_clear()
    as_if_of_somebody_else(monkeypatch)

    assert make_key(place) == ""


def test_a_user_without_a_place_for_a_key_has_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert make_key(str(tmp_path / "file" / "key")) == ""
    assert make_key("") == ""
