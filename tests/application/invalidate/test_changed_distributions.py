"""Distributions that changed between two environments."""

from pathlib import Path

import pytest

from testmon_cli.application.invalidate import changed_distributions
from testmon_cli.domain.causes import ADDED, CHANGED, REMOVED, Cause, Kind, Manner
from testmon_cli.domain.records import Package


def _package(name: str, version: str, *requires: str, digest: str = "") -> Package:
    return Package(
        name=name, version=version, digest=digest, modules=(f"{name}_module",), requires=requires
    )


BEFORE = (_package("outer", "1.0", "inner"), _package("inner", "1.0"), _package("alone", "1.0"))


def _changed(
    now: tuple[Package, ...], ignored: tuple[str, ...] = (), plugins: tuple[str, ...] = ()
) -> dict[str, str]:
    changes = changed_distributions.compare(BEFORE, now, ignored, plugins).changed()
    return {
        modules[0]: f"{cause.origin.name}, {cause.origin.wording}" for modules, cause in changes
    }


def test_nothing_changed() -> None:
    assert (
        changed_distributions.compare(BEFORE, BEFORE, (), ())
        == changed_distributions.PackageChanges()
    )


def test_what_requires_a_changed_one_changes_as_well() -> None:
    now = (BEFORE[0], _package("inner", "1.0.1"), BEFORE[2])
    assert _changed(now) == {
        "inner_module": "inner 1.0 -> 1.0.1, changed",
        "outer_module": "inner 1.0 -> 1.0.1, changed",
    }


def test_added_and_removed() -> None:
    now = (*BEFORE[:2], _package("fresh", "3"))
    assert _changed(now) == {"alone_module": "alone 1.0, removed", "fresh_module": "fresh 3, added"}


def test_a_local_install_changes_by_content() -> None:
    now = (*BEFORE[:2], _package("alone", "1.0", digest="other"))
    assert _changed(now) == {"alone_module": "alone 1.0, changed"}


def test_ignored_by_any_spelling() -> None:
    assert _changed((*BEFORE[:2], _package("alone", "2")), ignored=("ALONE",)) == {}


def test_pytest_and_its_plugins_concern_all_tests() -> None:
    now = (*BEFORE[:2], _package("alone", "2"))
    everything = changed_distributions.compare(BEFORE, now, (), ("Alone==1.0",)).everything
    assert everything is not None
    assert everything.name == "alone 1.0 -> 2"


@pytest.mark.parametrize(
    ("name", "options", "how", "all_of_them"),
    [
        pytest.param("pytest-mock", (), CHANGED, True, id="plugin"),
        pytest.param("pytest-sugar", ("-q",), CHANGED, False, id="prints"),
        pytest.param("pytest-cov", ("--strict-markers",), CHANGED, False, id="not-used"),
        pytest.param("pytest-cov", ("--cov=shop",), CHANGED, True, id="used"),
        pytest.param("pytest-xdist", ("-n4",), CHANGED, True, id="used-briefly"),
        pytest.param("pytest-cov", (), REMOVED, True, id="went"),
        pytest.param("Pytest_Sugar", (), CHANGED, False, id="another-spelling"),
        pytest.param("coverage", (), CHANGED, False, id="no-plugin"),
    ],
)
def test_plugins_that_only_watch_concern_tests_when_they_are_used(
    name: str, options: tuple[str, ...], how: Manner, all_of_them: bool
) -> None:
    plugins = ["pytest-mock==1", "pytest-cov==1", "pytest-sugar==1", "pytest-xdist==1"]
    cause = Cause(Kind.PACKAGE, how, "", f"{name} 1 -> 2")
    assert changed_distributions.concerns_all(cause, plugins, options) is all_of_them


def test_a_plugin_that_came_concerns_all_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    points = {
        "thing": "[console_scripts]\nx = y:z\n",
        "pytest_thing": "[pytest11]\nthing = thing\n",
        "pytest_sugar": "",
    }
    for name, text in points.items():
        (tmp_path / f"{name}-1.dist-info").mkdir()
        (tmp_path / f"{name}-1.dist-info/entry_points.txt").write_text(text, encoding="utf-8")
    came = {
        name: changed_distributions.concerns_all(Cause(Kind.PACKAGE, ADDED, "", f"{name} 1"), ())
        for name in points
    }
    assert came == {"thing": False, "pytest_thing": True, "pytest_sugar": False}
