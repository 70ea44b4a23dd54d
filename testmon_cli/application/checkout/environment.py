"""Where tests run: Python, platform, installed distributions and the state of the git checkout."""

import itertools
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from testmon_cli.analysis.checksums import content_digest
from testmon_cli.application.checkout.interpreters import platform_tag, python_tag
from testmon_cli.domain.records import Environment, Package
from testmon_cli.tracing.watch.distributions import FOLDER as DIST_INFO
from testmon_cli.tracing.watch.distributions import name_of_own, normalise


class GitState(NamedTuple):
    """The commit that is checked out and whether tracked files differ from it."""

    head: str  # "" without git or before the first commit
    dirty: bool


def current(name: str) -> Environment:
    """The environment of this name with the Python that runs now."""
    return Environment(name=name, python=python_tag(), platform=platform_tag())


def installed_packages(paths: Sequence[str] | None = None) -> tuple[Package, ...]:
    """The distributions on the import path, by the names of their metadata folders.

    The first of a name counts.

    Only names are read (a metadata file where the name does not hold the version), so this costs a
    few milliseconds where parsing all metadata costs hundreds. `describe` tells more of one
    distribution.
    """
    found: dict[str, Package] = {}
    for entry in _entries(paths):
        package = _package(entry)
        if package is not None:
            found.setdefault(package.name, package)
    return tuple(sorted(found.values(), key=lambda package: package.name))


def _entries(paths: Sequence[str] | None) -> Iterator[str]:
    """The metadata of all distributions in some folders, by default those of the import path."""
    for folder in dict.fromkeys(sys.path if paths is None else paths):
        yield from _metadata_entries(folder or os.curdir)


def _metadata_entries(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            # Sorted, since two versions left in one folder must not be told apart by chance.
            names = sorted(
                entry.name for entry in entries if entry.name.endswith((".dist-info", ".egg-info"))
            )
    except OSError:
        return  # a zip file, or a folder that does not exist: both are common on sys.path
    for name in names:
        yield os.path.join(folder, name)


def _package(entry: str) -> Package | None:
    stem, kind = os.path.splitext(os.path.basename(entry))
    name, _, version = stem.partition("-")
    if kind == ".egg-info":
        version = re.sub(r"-py\d.*$", "", version)
    if not version:  # `setup.py develop` leaves a folder without it
        version = _header(os.path.join(entry, "PKG-INFO"), "Version")
    if not name or name.startswith("~"):  # pip renames what it could not remove to ~name
        return None
    return Package(name=normalise(name), version=version, digest=_local_digest(entry))


def _header(path: str, key: str) -> str:
    """The value of a header in a file of metadata; "" without one."""
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            headers = itertools.takewhile(str.strip, lines)
            return _value_of(headers, f"{key.lower()}:")
    except OSError:
        return ""  # a file instead of a folder, or a broken install: the version stays unknown


def _value_of(headers: Iterable[str], start: str) -> str:
    for line in headers:
        if line.lower().startswith(start):
            return line.partition(":")[2].strip()
    return ""


def _local_digest(entry: str) -> str:
    """A digest of a local or editable install, which may change without its version.

    Behind it, after a colon, one that leaves out what only who reads the metadata can notice. It
    matters where the code is that of the checkout.
    """
    if not os.path.exists(os.path.join(entry, "direct_url.json")):
        return ""
    try:
        with open(os.path.join(entry, "RECORD"), "rb") as record:
            listed = record.read()
    except OSError:
        return ""
    # names of installed files may hold the version, their contents do not
    outside = sorted(
        line.partition(b",")[2]
        for line in listed.splitlines()
        if f"{DIST_INFO}/".encode() not in line
    )
    announced = _read(entry, "entry_points.txt")
    installed = content_digest(b"\n".join((*outside, announced.encode())))
    return f"{content_digest(listed)}:{installed}"


def metadata_entries(paths: Sequence[str] | None = None) -> dict[str, str]:
    """Where the metadata of each distribution on the import path is, by its name.

    The first of a name counts.
    """
    found: dict[str, str] = {}
    for entry in _entries(paths):
        stem, _ = os.path.splitext(os.path.basename(entry))
        found.setdefault(normalise(stem.partition("-")[0]), entry)
    return found


class Metadata:
    """The metadata of the distributions on the import path, each read once."""

    def __init__(self, root: Path | None = None) -> None:
        """The code of editable installs below `root` is looked at as that of the project."""
        self._root = root
        self._described: dict[Package, Package] = {}
        self._plugins: dict[str, bool] = {}

    @cached_property
    def _entries(self) -> Mapping[str, str]:
        return metadata_entries()

    def describe(self, package: Package) -> Package:
        """Add to a package the modules it provides and the distributions it requires."""
        if package not in self._described:
            self._described[package] = describe(package, self._entries)
        return self._described[package]

    def is_of_checkout(self, name: str) -> bool:
        """Tell whether a distribution is an editable install of the project itself."""
        entry = self._entries.get(name)
        if entry is None or self._root is None:
            return False
        return name_of_own(entry, str(self._root)) is not None

    def is_pytest_plugin(self, name: str) -> bool:
        """Tell whether a distribution announces plugins to pytest."""
        if name not in self._plugins:
            entry = self._entries.get(name)
            self._plugins[name] = entry is not None and "[pytest11]" in _read(
                entry, "entry_points.txt"
            )
        return self._plugins[name]


def describe(package: Package, entries: Mapping[str, str] | None = None) -> Package:
    """Add to a package the modules it provides and the distributions it requires.

    `entries` are those of `metadata_entries`, which are looked up where None are given.
    """
    entry = (metadata_entries() if entries is None else entries).get(package.name)
    if entry is None:
        return package
    folder = os.path.dirname(entry)
    files = _files(entry)
    modules = {*_read(entry, "top_level.txt").split(), *_modules_of_files(files)}
    for file in files:
        if file.endswith(".pth"):
            modules.update(_modules_behind(os.path.join(folder, file)))
    requires = {
        _required(line) for line in _requirements(entry) if not re.search(r";.*\bextra\b", line)
    }
    return package._replace(modules=tuple(sorted(modules)), requires=tuple(sorted(requires - {""})))


def _read(entry: str, name: str) -> str:
    """A file of the metadata; "" when there is none."""
    try:
        return Path(entry, name).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _files(entry: str) -> list[str]:
    """The installed files of a distribution, relative to the folder of its metadata.

    Read from the text: importlib.metadata makes an object for each file, and takes longer to import
    than all the rest.
    """
    record = _read(entry, "RECORD")
    if record:
        if '"' not in record:
            return [line.partition(",")[0] for line in record.splitlines() if line]
        import csv  # for names with commas

        return [row[0] for row in csv.reader(record.splitlines()) if row]
    return _others_files(entry)


def _others_files(entry: str) -> list[str]:
    """The files of a distribution without RECORD, relative to the folder of its metadata."""
    from importlib.metadata import PathDistribution

    return list(map(str, PathDistribution(Path(entry)).files or ()))


def _requirements(entry: str) -> Sequence[str]:
    """The requirements of a distribution, read from the head of its metadata.

    A long description may follow.
    """
    text = _read(entry, "METADATA")
    if not text:
        from importlib.metadata import PathDistribution

        try:
            return PathDistribution(Path(entry)).requires or ()
        except FileNotFoundError:  # there is none either; before 3.15 that was no error
            return ()
    head, _, _ = text.partition("\n\n")
    return [
        line.partition(":")[2].strip()
        for line in head.splitlines()
        if line.lower().startswith("requires-dist:")
    ]


def _required(line: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", line)
    return normalise(match.group()) if match else ""


def _modules_of_files(files: Iterable[str]) -> Iterator[str]:
    for file in files:
        top, _, rest = file.partition("/")
        if top.endswith((".dist-info", ".egg-info", ".data")) or top in ("..", "__pycache__"):
            continue
        if rest:
            yield top
        elif top.endswith((".py", ".so", ".pyd")):
            yield top.partition(".")[0]


def _modules_behind(pth: str) -> Iterator[str]:
    """Modules in the folders that a .pth file of an editable install puts on the import path."""
    try:
        lines = Path(pth).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for folder in lines:
        if not os.path.isdir(folder):
            continue
        for name in os.listdir(folder):
            if name.endswith(".py") and name.removesuffix(".py").isidentifier():
                yield name.removesuffix(".py")
            elif os.path.exists(os.path.join(folder, name, "__init__.py")):
                yield name


def git_state(root: Path) -> GitState:
    """Ask git once; a missing git, or a folder that it does not know, is no error."""
    import subprocess  # takes milliseconds that `select` does not have

    command = ["git", "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        answer = subprocess.run(
            command,
            cwd=root,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},  # leaves the index as it is
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError:
        return GitState("", False)
    if answer.returncode:
        return GitState("", False)
    head, dirty = "", False
    for line in answer.stdout.splitlines():
        if line.startswith("# branch.oid "):
            head = line.removeprefix("# branch.oid ").replace("(initial)", "")
        elif not line.startswith("#"):
            dirty = True
    return GitState(head, dirty)
