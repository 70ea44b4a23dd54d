"""Distributions that changed since a run, and the names through which the project would notice."""

from collections.abc import Collection, Sequence

from testmon_cli.application import environment
from testmon_cli.application.comparing import PackageChanges
from testmon_cli.domain.causes import Cause
from testmon_cli.domain.records import Package

# Whatever runs the tests affects all of them.
_RUNNERS = frozenset({"pytest", "pluggy"})


def compare(
    before: Sequence[Package], now: Sequence[Package], ignored: Collection[str], plugins: Collection[str]
) -> PackageChanges:
    """What came, went or changed between two environments.

    `plugins` are the distributions of pytest's active plugins, as "name==version".
    """
    ignored = {environment.normalise(name) for name in ignored}
    runners = _runners(plugins)
    old = {p.name: p for p in before if p.name not in ignored}
    new = {p.name: p for p in now if p.name not in ignored}
    causes = {
        name: _cause(name, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if _identity(old.get(name)) != _identity(new.get(name))
    }
    if not causes:
        return PackageChanges()
    everything = next((cause for name, cause in causes.items() if name in runners), None)
    changes = []
    for name, cause in _with_dependents(causes, old).items():
        package = new.get(name) or old[name]
        if not package.modules:
            package = environment.describe(package)
        changes.append(((*package.modules, name.replace("-", "_")), cause))
    return PackageChanges(tuple(changes), everything)


def is_runner(name: str, plugins: Collection[str]) -> bool:
    """Whether a distribution is pytest itself, a part of it, or one of its active plugins."""
    return environment.normalise(name) in _runners(plugins)


def _runners(plugins: Collection[str]) -> frozenset[str]:
    return _RUNNERS | {environment.normalise(plugin.partition("==")[0]) for plugin in plugins}


def _identity(package: Package | None) -> tuple[str, str] | None:
    return (package.version, package.digest) if package else None


def _cause(name: str, old: Package | None, new: Package | None) -> Cause:
    if old is None:
        return Cause("package", "added", "", f"{name} {new.version if new else ''}".strip())
    if new is None:
        return Cause("package", "removed", "", f"{name} {old.version}")
    if old.version == new.version:
        return Cause("package", "changed", "", f"{name} {new.version}")
    return Cause("package", "changed", "", f"{name} {old.version} -> {new.version}")


def _with_dependents(causes: dict[str, Cause], packages: dict[str, Package]) -> dict[str, Cause]:
    """The changed distributions, and those that require one."""
    found = dict(causes)
    pending = list(causes)
    while pending:
        name = pending.pop()
        for package in packages.values():
            if name in package.requires and package.name not in found:
                found[package.name] = Cause("package", "requires", "", package.name, 0, found[name])
                pending.append(package.name)
    return found
