"""Packages of the project that tests imported from elsewhere.

After `pip install .` tests import the copy in site-packages: whatever is edited in the checkout, no
test comes out otherwise, with plain pytest as well.
"""

from collections.abc import Iterator
from typing import NamedTuple

from testmon_cli.application.checkout import sources
from testmon_cli.storage.datafile import Datafile

_SOURCE_FOLDERS = ("", "src/", "lib/")


class InstalledCopy(NamedTuple):
    """A package of the checkout of which another copy was imported."""

    package: str  # a distribution
    module: str
    place: str  # of the module in the checkout


def find(datafile: Datafile, run_id: int) -> Iterator[InstalledCopy]:
    """Find packages that the code of a run imports, and that ran nothing in the checkout."""
    snapshot = sources.Snapshot(datafile, datafile.snapshot(run_id))
    candidates = [
        InstalledCopy(package.name, module, place)
        for package in datafile.packages(run_id)
        for module in package.modules
        if (place := _place_of(module, snapshot)) is not None
    ]
    if not candidates:
        return
    executed = datafile.fingerprint_ids(snapshot.versions).keys()
    imports = (found for path in executed for found in snapshot.imports(path))
    imported = {found.module.partition(".")[0] for found in imports if not found.level}
    for copy in candidates:
        ran = any(path == copy.place or path.startswith(f"{copy.place}/") for path in executed)
        if copy.module in imported and not ran:
            yield copy


def _place_of(module: str, snapshot: sources.Snapshot) -> str | None:
    for folder in _SOURCE_FOLDERS:
        if f"{folder}{module}/__init__.py" in snapshot.versions:
            return f"{folder}{module}"
        if f"{folder}{module}.py" in snapshot.versions:
            return f"{folder}{module}.py"
    return None
