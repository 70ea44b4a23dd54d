"""What is found of the place that tests run in."""

import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from testmon_cli.application.checkout.environment import (
    GitState,
    Metadata,
    current,
    describe,
    git_state,
    installed_packages,
    metadata_entries,
)
from testmon_cli.domain.records import Environment, Package
from testmon_cli.tracing.watch.distributions import normalise
from tests.conftest import Project


def metadata_folder(place: Path, name: str, **files: str) -> None:
    folder = place / name
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file.replace("__", ".")).write_text(text, encoding="utf-8")


def test_the_current_environment() -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}{getattr(sys, 'abiflags', '')}"
    assert current("ci") == Environment(
        "ci", version, f"{sys.platform}-{platform.machine().lower()}"
    )


def test_builds_of_python_and_machines_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "abiflags", "t", raising=False)
    assert current("ci").python == f"{sys.version_info[0]}.{sys.version_info[1]}t"
    monkeypatch.setattr(sys, "implementation", SimpleNamespace(name="pypy"))
    assert current("ci").python == f"pypy{sys.version_info[0]}.{sys.version_info[1]}t"
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="AArch64"), raising=False)
    assert current("ci").platform == f"{sys.platform}-aarch64"


def test_the_fast_scan_finds_what_importlib_metadata_finds() -> None:
    expected: dict[str, str] = {}
    for distribution in metadata.distributions():
        expected.setdefault(normalise(distribution.metadata["Name"]), distribution.version)
    assert {package.name: package.version for package in installed_packages()} == expected


def test_names_and_versions_come_from_the_folders(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    metadata_folder(first, "Zope.Thing_x-1.2.dist-info")
    metadata_folder(first, "old-3.0-py3.11.egg-info")
    metadata_folder(
        first,
        "develop.egg-info",
        **{"PKG-INFO": "Metadata-Version: 2.1\nVersion: 0.1.dev0\n\nVersion: 9"},
    )
    metadata_folder(first, "~roken-1.0.dist-info")
    metadata_folder(second, "old-4.0.dist-info")
    assert installed_packages([str(second), str(first), str(tmp_path / "missing")]) == (
        Package("develop", "0.1.dev0"),
        Package("old", "4.0"),
        Package("zope-thing-x", "1.2"),
    )


def test_a_local_install_has_a_digest_of_what_was_installed(tmp_path: Path) -> None:
    metadata_folder(
        tmp_path, "lib-1.0.dist-info", direct_url__json="{}", RECORD="lib.py,sha256=a,1\n"
    )
    [before] = installed_packages([str(tmp_path)])
    (tmp_path / "lib-1.0.dist-info" / "RECORD").write_text("lib.py,sha256=b,1\n", encoding="utf-8")
    [after] = installed_packages([str(tmp_path)])
    assert re.fullmatch("[0-9a-f]{32}:[0-9a-f]{32}", before.digest)
    assert before.digest != after.digest


@pytest.mark.parametrize(
    ("record", "scripts", "is_alike"),
    [
        ("__editable__.lib-2.pth,sha256=a,1\nlib-2.dist-info/METADATA,sha256=c,2\n", "", True),
        ("__editable__.lib-1.pth,sha256=b,1\nlib-1.dist-info/METADATA,sha256=b,2\n", "", False),
        ("__editable__.lib-1.pth,sha256=a,1\nlib-1.dist-info/METADATA,sha256=b,2\n", "[x]", False),
    ],
)
def test_the_second_part_of_a_digest_leaves_out_what_only_metadata_say(
    tmp_path: Path, record: str, scripts: str, is_alike: bool
) -> None:
    first = "__editable__.lib-1.pth,sha256=a,1\nlib-1.dist-info/METADATA,sha256=b,2\n"
    parts = []
    for place, text, announced in (("a", first, ""), ("b", record, scripts)):
        metadata_folder(
            tmp_path / place,
            "lib-1.dist-info",
            direct_url__json="{}",
            RECORD=text,
            entry_points__txt=announced,
        )
        [package] = installed_packages([str(tmp_path / place)])
        parts.append(package.digest.partition(":")[2])
    assert (parts[0] == parts[1]) == is_alike


def test_describe_tells_modules_and_requirements(tmp_path: Path) -> None:
    source = tmp_path / "src"
    (source / "linked").mkdir(parents=True)
    (source / "linked" / "__init__.py").touch()
    place = tmp_path / "site"
    metadata_folder(
        place,
        "lib-1.0.dist-info",
        METADATA="Name: lib\nVersion: 1.0\nRequires-Dist: Other_Lib>=2\nRequires-Dist: dev; extra == 'dev'\n",
        RECORD="_lib.cpython-311-x86_64-linux-gnu.so,,\nlib/__init__.py,,\nlib/a.py,,\nlib-1.0.dist-info/RECORD,,\n"
        "../../bin/lib,,\nlink.pth,,\n",
    )
    (place / "link.pth").write_text(f"{source}\n", encoding="utf-8")
    (place / "lib").mkdir()
    for name in ("lib/__init__.py", "lib/a.py", "_lib.cpython-311-x86_64-linux-gnu.so"):
        (place / name).touch()  # from 3.12 on, importlib.metadata leaves out what is not there
    [package] = installed_packages([str(place)])
    assert describe(package, metadata_entries([str(place)])) == Package(
        "lib", "1.0", modules=("_lib", "lib", "linked"), requires=("other-lib",)
    )


def test_describe_leaves_an_unknown_package_as_it_is(tmp_path: Path) -> None:
    assert describe(Package("gone", "1"), metadata_entries([str(tmp_path)])) == Package("gone", "1")


def test_git_tells_the_commit_and_whether_files_differ(project: Project) -> None:
    assert git_state(project.path) == GitState("", False)
    project.git("init", "-q")
    assert git_state(project.path) == GitState("", False)
    project.git("add", ".")
    project.git("commit", "-qm", "first")
    head = project.git("rev-parse", "HEAD").out.strip()
    project.write({"untracked": ""})
    assert git_state(project.path) == GitState(head, False)
    project.write({"pyproject.toml": "# changed"})
    assert git_state(project.path) == GitState(head, True)


def test_git_may_be_missing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project.path))
    assert git_state(project.path) == GitState("", False)


def test_names_with_commas_and_long_descriptions(tmp_path: Path) -> None:
    folder = tmp_path / "till-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        "Name: till\nVersion: 1.0\nRequires-Dist: coins>=1\n\nRequires-Dist: notes\n"
    )
    (folder / "RECORD").write_text('"a,b/c.txt",sha256=x,1\ntill/__init__.py,,\n"odd,name.py",,\n')

    (package,) = installed_packages([str(tmp_path)])
    described = describe(package, metadata_entries([str(tmp_path)]))

    assert described.modules == ("a,b", "odd,name", "till")
    assert described.requires == ("coins",)


def test_a_distribution_without_a_record(tmp_path: Path) -> None:
    folder = tmp_path / "till_box-1.0-py3.11.egg-info"
    folder.mkdir()
    (tmp_path / "tillbox.py").touch()
    (folder / "PKG-INFO").write_text("Name: till-box\nVersion: 1.0\n")
    (folder / "requires.txt").write_text("coins>=1\n")
    (folder / "SOURCES.txt").write_text("tillbox.py\n")

    (package,) = installed_packages([str(tmp_path)])
    described = describe(package, metadata_entries([str(tmp_path)]))

    assert described == Package("till-box", "1.0", modules=("tillbox",), requires=("coins",))


def test_metadata_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = tmp_path / "shop_plugin-1.0.dist-info"
    entry.mkdir()
    (entry / "entry_points.txt").write_text("[pytest11]\nshop = shop_plugin\n")
    (entry / "top_level.txt").write_text("shop_plugin\n")
    monkeypatch.syspath_prepend(tmp_path)
    metadata = Metadata()
    package = Package("shop-plugin", "1.0")
    found = metadata.describe(package)
    assert (found.modules, metadata.is_pytest_plugin("shop-plugin")) == (("shop_plugin",), True)
    (entry / "entry_points.txt").unlink()
    assert metadata.describe(package) is found
    assert metadata.is_pytest_plugin("shop-plugin")
    assert not Metadata().is_pytest_plugin("shop-plugin")
