import marshal
import os
import subprocess
from pathlib import Path

import pytest

from testmon_cli.application.checkout import cache_folder
from testmon_cli.domain.hashing import blake2b
from testmon_cli.tracing.engines.cache_seal import SEAL
from tests.conftest import Project


def test_the_folder_is_made_with_a_key(tmp_path: Path) -> None:
    prepared = cache_folder.prepare(tmp_path, is_in_git=False)

    assert os.path.isfile(prepared.key)
    assert prepared.note == ""
    assert sorted(os.listdir(tmp_path / ".testmon_cache")) == [".gitignore", "CACHEDIR.TAG"]


def test_what_git_tracks_is_not_used(tmp_path: Path) -> None:
    cache_folder.prepare(tmp_path, is_in_git=False)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert cache_folder.prepare(tmp_path, is_in_git=True).key

    subprocess.run(["git", "add", "-f", ".testmon_cache"], cwd=tmp_path, check=True)

    prepared = cache_folder.prepare(tmp_path, is_in_git=True)
    assert prepared.key == ""
    assert "git rm -r --cached .testmon_cache" in prepared.note


def test_a_link_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".testmon_cache").symlink_to("elsewhere")

    prepared = cache_folder.prepare(tmp_path, is_in_git=False)

    assert prepared.key == ""
    assert "is a link" in prepared.note


def test_a_key_that_others_can_read_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "cache" / "testmon" / "key"
    place.parent.mkdir(parents=True)
    place.write_bytes(bytes(32))
    place.chmod(0o644)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    prepared = cache_folder.prepare(tmp_path, is_in_git=False)

    assert prepared.key == ""
    assert str(place) in prepared.note


def test_code_and_models_that_came_with_a_clone_are_not_used(project: Project) -> None:
    test = "import app\ndef test_f():\n    assert app.f() == 1\n"
    project.write({"app.py": "def f():\n    return 1\n", "test_app.py": test})
    assert project.testmon("collect", "-q").code == 0
    evil = compile("open('owned', 'w').close()\ndef f():\n    return 1\n", "app.py", "exec")
    (code,) = project.path.rglob("app.py.code")
    plant(code, marshal.dumps(evil))
    (model,) = project.path.rglob("app.py.model")
    (another,) = project.path.rglob("test_app.py.model")
    plant(model, body_of(another))
    (project.path / ".testmondata").unlink()

    assert project.testmon("collect", "-q").code == 0

    assert not (project.path / "owned").exists()
    project.edit("app.py", "return 1", "return 1 + 0")
    assert project.testmon("select").out == "test_app.py::test_f\n"


def plant(path: Path, body: bytes) -> None:
    """Write what somebody can make who has all that a cached file holds, but not the key."""
    data = path.read_bytes()
    header = data[: data.index(b"\n", 4) + 1]
    path.write_bytes(header + blake2b(body, digest_size=SEAL).digest() + body)


def body_of(path: Path) -> bytes:
    data = path.read_bytes()
    return data[data.index(b"\n", 4) + 1 + SEAL :]
