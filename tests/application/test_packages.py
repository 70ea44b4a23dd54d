"""Distributions that changed between two environments."""

from testmon_cli.application import packages
from testmon_cli.domain.records import Package


def _package(name: str, version: str, *requires: str, digest: str = "") -> Package:
    return Package(name=name, version=version, digest=digest, modules=(f"{name}_module",), requires=requires)


BEFORE = (_package("outer", "1.0", "inner"), _package("inner", "1.0"), _package("alone", "1.0"))


def _changed(now: tuple[Package, ...], ignored: tuple[str, ...] = (), plugins: tuple[str, ...] = ()) -> dict[str, str]:
    changes = packages.compare(BEFORE, now, ignored, plugins).changed()
    return {modules[0]: f"{cause.origin.name}, {cause.origin.how}" for modules, cause in changes}


def test_nothing_changed() -> None:
    assert packages.compare(BEFORE, BEFORE, (), ()) == packages.PackageChanges()


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
    everything = packages.compare(BEFORE, now, (), ("Alone==1.0",)).everything
    assert everything is not None
    assert everything.name == "alone 1.0 -> 2"
