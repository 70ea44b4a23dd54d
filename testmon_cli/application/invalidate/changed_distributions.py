"""Distributions that changed since a run, and the names through which the project would notice."""

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from testmon_cli.application.checkout import environment
from testmon_cli.application.invalidate.snapshot_diff import PackageChanges
from testmon_cli.domain.causes import ADDED, CHANGED, REMOVED, Cause, Kind, Manner
from testmon_cli.domain.records import Package
from testmon_cli.tracing.watch.distributions import normalise

# Modules that tell versions by the names of folders, where importlib.metadata reads a file.
READING_NAMES: Final = ("pkg_resources",)
# Whatever runs the tests affects all of them.
_RUNNERS = frozenset({"pytest", "pluggy"})
# Plugins that print, count or distribute: what another version of them does cannot make a test come
# out otherwise. With each, how the options begin that make it do more than that: where one is used,
# the plugin counts like any other.
_BYSTANDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "pytest-clarity": (),
    "pytest-cov": ("--cov",),
    "pytest-csv": ("--csv",),
    "pytest-durations": ("--pytest-durations",),
    "pytest-emoji": (),
    "pytest-github-actions-annotate-failures": (),
    "pytest-icdiff": (),
    "pytest-instafail": ("--instafail",),
    "pytest-json-report": ("--json-report",),
    "pytest-md-report": ("--md-report",),
    "pytest-picked": ("--picked",),
    "pytest-pretty": (),
    "pytest-progress": (),
    "pytest-reportlog": ("--report-log",),
    "pytest-rich": ("--rich",),
    "pytest-spec": ("--spec",),
    "pytest-split": ("--splits", "--group", "--splitting-algorithm"),
    "pytest-sugar": (),
    "pytest-testdox": ("--testdox",),
    "pytest-tldr": (),
    "pytest-xdist": (
        "-n",
        "-d",
        "-f",
        "--numprocesses",
        "--dist",
        "--tx",
        "--px",
        "--looponfail",
        "--max",
    ),
    "teamcity-messages": (),
}


def compare(
    before: Sequence[Package],
    now: Sequence[Package],
    ignored: Collection[str],
    plugins: Collection[str],
    options: Collection[str] = (),
    metadata: environment.Metadata | None = None,
) -> PackageChanges:
    """Compare the distributions of two environments.

    Who compares with several gives the `metadata` along. `plugins` are the distributions of
    pytest's active plugins, as "name==version"; `options` those it was given.
    """
    ignored = {normalise(name) for name in ignored}
    old = {p.name: p for p in before if p.name not in ignored}
    new = {p.name: p for p in now if p.name not in ignored}
    causes = {
        name: _cause(name, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if _identity(old.get(name)) != _identity(new.get(name))
    }
    if not causes:
        return PackageChanges()
    metadata = metadata or environment.Metadata()
    of_checkout = {
        name
        for name in causes
        if _is_installed_alike(old.get(name), new.get(name)) and metadata.is_of_checkout(name)
    }
    reinstalled = [(READING_NAMES, causes.pop(name)) for name in of_checkout]
    everything = next(
        (cause for cause in causes.values() if concerns_all(cause, plugins, options, metadata)),
        None,
    )
    changes = []
    for name, cause in _with_dependents(causes, old).items():
        package = new.get(name) or old[name]
        if not package.modules:
            package = metadata.describe(package)
        changes.append(((*package.modules, name.replace("-", "_")), cause))
    return PackageChanges((*changes, *reinstalled), everything)


def concerns_all(
    cause: Cause,
    plugins: Collection[str],
    options: Collection[str] = (),
    metadata: environment.Metadata | None = None,
) -> bool:
    """Whether a changed distribution is pytest, a part of it, or a plugin that matters.

    A plugin matters if it may change how tests come out.
    """
    name = normalise(cause.origin.name.partition(" ")[0])
    if name in _RUNNERS:
        return True
    if cause.how == ADDED:
        is_loaded = not os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
        metadata = metadata or environment.Metadata()
        return is_loaded and name not in _BYSTANDERS and metadata.is_pytest_plugin(name)
    if name not in {normalise(plugin.partition("==")[0]) for plugin in plugins}:
        return False
    # Tests may use the fixtures of one that went.
    used = name in _BYSTANDERS and any(option.startswith(_BYSTANDERS[name]) for option in options)
    return name not in _BYSTANDERS or used or cause.how == REMOVED


def _is_installed_alike(old: Package | None, new: Package | None) -> bool:
    """Whether only the metadata of a local install differ: who reads these is recorded."""
    parts = [package.digest.partition(":")[2] if package else "" for package in (old, new)]
    return bool(parts[0]) and parts[0] == parts[1]


def _identity(package: Package | None) -> tuple[str, str] | None:
    return (package.version, package.digest) if package else None


def _cause(name: str, old: Package | None, new: Package | None) -> Cause:
    if old is None:
        return Cause(Kind.PACKAGE, ADDED, "", f"{name} {new.version if new else ''}".strip())
    if new is None:
        return Cause(Kind.PACKAGE, REMOVED, "", f"{name} {old.version}")
    if old.version == new.version:
        return Cause(Kind.PACKAGE, CHANGED, "", f"{name} {new.version}")
    return Cause(Kind.PACKAGE, CHANGED, "", f"{name} {old.version} -> {new.version}")


def _with_dependents(causes: dict[str, Cause], packages: dict[str, Package]) -> dict[str, Cause]:
    """The changed distributions, and those that require one."""
    found = dict(causes)
    pending = list(causes)
    while pending:
        name = pending.pop()
        for package in packages.values():
            if name in package.requires and package.name not in found:
                found[package.name] = Cause(
                    Kind.PACKAGE, Manner.REQUIRES, "", package.name, 0, found[name]
                )
                pending.append(package.name)
    return found
