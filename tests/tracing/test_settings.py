import os
from pathlib import Path

import pytest

from testmon_cli.tracing import settings
from testmon_cli.tracing.settings import Scope, TraceSettings, matches


@pytest.fixture
def scope(tmp_path: Path) -> Scope:
    root = tmp_path / "root"
    for name in (
        "env/pyvenv.cfg",
        "env/lib/a.py",
        "pack.zip",
        "src/a.py",
        "vendor/x/a.py",
        "site-packages/a.py",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "link").symlink_to(root)
    (tmp_path / "other").mkdir()
    return Scope(
        TraceSettings(
            spool="",
            root=str(root),
            roots=(str(tmp_path / "other"),),
            exclude=("vendor", "src/gen_*.py"),
        )
    )


def test_a_folder_is_where_its_links_lead(scope: Scope, tmp_path: Path) -> None:
    (tmp_path / "root" / "up").symlink_to(tmp_path / "other")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    for name in (
        "root/src",
        "link/src",
        "link/up",
        "link/up/new",
        "round/src",
        "none/src",
        ".",
        "link",
    ):
        folder = os.path.normpath(tmp_path / name)
        assert scope.real_folder(folder) == os.path.realpath(folder)
    (tmp_path / "none").symlink_to(tmp_path / "root")
    assert scope.real_folder(str(tmp_path / "none" / "src")) == str(tmp_path / "root" / "src")


def test_each_folder_is_looked_at_once(
    scope: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    monkeypatch.setattr(settings, "is_link", lambda path: looks.append(path) is not None)
    for name in ("a", "a/b", "a/b/c"):
        (tmp_path / name).mkdir()
        scope.real_folder(str(tmp_path / name))
    scope.real_folder(str(tmp_path / "a" / "b" / "c"))
    assert looks.count(str(tmp_path)) == 1
    assert looks[-3:] == [str(tmp_path / name) for name in ("a", "a/b", "a/b/c")]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("root/src/a.py", "root/src/a.py"),
        ("root/src/../src/a.py", "root/src/a.py"),
        ("link/src/a.py", "root/src/a.py"),
        ("other/a.py", "other/a.py"),
        ("root/deleted/a.py", "root/deleted/a.py"),
        ("root/src/a.txt", None),
        ("rootless/a.py", None),
        ("root/env/lib/a.py", None),
        ("root/site-packages/a.py", None),
        ("root/vendor/x/a.py", None),
        ("root/src/gen_1.py", None),
        ("root/pack.zip/a.py", None),
        ("root/pack.zip/in/a.py", None),
    ],
)
def test_sources_of_the_project(
    scope: Scope, tmp_path: Path, path: str, expected: str | None
) -> None:
    found = scope.source(str(tmp_path / path) if ".." not in path else f"{tmp_path}/{path}")

    assert found == (None if expected is None else str(tmp_path / expected))


def test_generated_code_is_no_source(scope: Scope) -> None:
    assert scope.source("<string>") is None


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("a/b.py", "a", True),
        ("a/b.py", "a/", True),
        ("a/b.py", "*.py", True),
        ("a/b.py", "a/*.py", True),
        ("ab/c.py", "a", False),
        ("a/B.py", "a/b.py", False),
    ],
)
def test_patterns(name: str, pattern: str, expected: bool) -> None:
    assert matches(name, (pattern,)) is expected


def test_settings_travel_as_text(tmp_path: Path) -> None:
    settings = TraceSettings(
        spool="s",
        root=os.path.realpath(tmp_path),
        exclude=("a",),
        ignore_environment=("B",),
        hash_key="00",
    )

    assert TraceSettings.from_environment({"TESTMON_COLLECT": settings.to_json()}) == settings
    assert TraceSettings.from_environment({}) is None
    assert TraceSettings.from_json('{"spool": "s", "root": "/", "later": 1}').root == "/"
