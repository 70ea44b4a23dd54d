"""pytest's configuration as files say it.

It tells where pytest finds them, what names tests, and gives a digest of the rest.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from testmon_cli.analysis.checksums import content_digest
from testmon_cli.analysis.pytest_naming import Naming
from testmon_cli.application.checkout.files import read_bytes
from testmon_cli.application.checkout.pytest_options import without_options
from testmon_cli.domain.nodeid import path_of
from testmon_cli.domain.records import Run

_UNREADABLE = "unreadable"  # in place of options: the digest of a file that cannot be parsed
OF_PYTEST = "of pytest in "  # names a configuration in a cause, before the path of its file
_TABLES = {
    "pytest.toml": ("pytest",),
    ".pytest.toml": ("pytest",),
    "pytest.ini": ("pytest",),
    ".pytest.ini": ("pytest",),
    "pyproject.toml": ("tool", "pytest"),
    "tox.ini": ("pytest",),
    "setup.cfg": ("tool:pytest",),
}
# Of files of other names, which only `-c` makes pytest read.
_TABLES_BY_SUFFIX = {".ini": ("pytest",), ".cfg": ("tool:pytest",), ".toml": ("tool", "pytest")}


class ConfigPlace(NamedTuple):
    """The inputs by which pytest finds its configuration file and its root.

    Paths are relative to our root.
    """

    folder: str = "."  # the working directory
    # the folder that all paths among the arguments have in common: looked at from there up
    start: str = "."
    file: str = ""  # given by -c
    rootdir: str = ""  # given by --rootdir


class PytestConfig(NamedTuple):
    """Options that pytest reads from its configuration file; `path` is "" without one."""

    path: str  # relative to our root
    options: Mapping[str, object]
    addopts: tuple[str, ...]
    # relative to our root; only those that count in the working directory
    testpaths: tuple[str, ...] = ()
    # conftest files that pytest loads from above our root, with digests
    outer: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        """Changes whenever an option does; the file's other tables and comments do not count."""
        parts = [self.path, self.options, self.addopts, *([self.outer] if self.outer else ())]
        text = json.dumps(parts, sort_keys=True, default=str)
        return content_digest(text.encode("utf-8", "surrogatepass"))

    def naming(self, arguments: Sequence[str] = ()) -> Naming:
        """How pytest tells tests, when it is given some arguments."""
        default = Naming()
        flags = [*self._flags(arguments), *arguments]
        options = {**self.options, **_overridden(flags)}

        def listed(name: str) -> tuple[str, ...]:
            return _texts(options.get(name, ()))

        return Naming(
            files=listed("python_files") or default.files,
            classes=listed("python_classes") or default.classes,
            functions=listed("python_functions") or default.functions,
            testpaths=self.testpaths,
            norecursedirs=listed("norecursedirs") or default.norecursedirs,
            doctest_modules="--doctest-modules" in flags,
            doctest_globs=tuple(_values_of(flags, ("--doctest-glob",))) or default.doctest_globs,
        )

    def _flags(self, arguments: Sequence[str]) -> tuple[str, ...]:
        """The options that are added to those of a command line, which may put others there."""
        written = len(_texts(self.options.get("addopts", ())))
        of_environment = self.addopts[written:]
        given = _overridden([*of_environment, *arguments]).get("addopts")
        return self.addopts if given is None else (*_split(given), *of_environment)


def _text(path: Path) -> str:
    return read_bytes(path).decode().replace("\r\n", "\n")


def place_of(
    arguments: Sequence[str], root: Path, environ: Mapping[str, str] | None = None
) -> ConfigPlace:
    """Find where pytest would look for its configuration.

    `arguments` are those of pytest, started in the working directory; `root` is our root.
    """
    environ = os.environ if environ is None else environ
    given = [*_split(environ.get("PYTEST_ADDOPTS", "")), *arguments]
    named = [path_of(given[place]) for place in without_options(given)]
    paths = [os.path.realpath(path) for path in named if os.path.exists(path)]
    folders = {path if os.path.isdir(path) else os.path.dirname(path) for path in paths}
    start = os.path.commonpath(folders) if folders else os.getcwd()
    file = _value_of(given, ("-c", "--config-file"))
    rootdir = _value_of(given, ("--rootdir",))

    def relative(path: str) -> str:
        return os.path.relpath(os.path.realpath(path), root).replace(os.sep, "/")

    return ConfigPlace(
        relative(os.curdir),
        relative(start),
        relative(file) if file else "",
        relative(os.path.expandvars(rootdir)) if rootdir else "",
    )


def of_run(root: Path, run: Run, text: Callable[[Path], str] = _text) -> PytestConfig:
    """Read pytest's present configuration, as if it were started where `run` was.

    `text` reads a file.
    """
    place = run.facts.get("place")
    return read(root, ConfigPlace(*map(str, place)) if isinstance(place, list) else None, text=text)


def read(
    root: Path,
    place: ConfigPlace | None = None,
    environ: Mapping[str, str] | None = None,
    text: Callable[[Path], str] = _text,
) -> PytestConfig:
    """Read the configuration that pytest would find from a place, with PYTEST_ADDOPTS.

    `text` reads a file.
    """
    environ = os.environ if environ is None else environ
    place = place or ConfigPlace()
    extra = _split(environ.get("PYTEST_ADDOPTS", ""))
    for path, table in _candidates(root, place):
        options = _options(path, table, text)
        if options is not None:
            options.update(_unreadable_beside(path, place, text))
            folder = os.path.relpath(path.parent, root).replace(os.sep, "/")
            return PytestConfig(
                os.path.relpath(path, root).replace(os.sep, "/"),
                options,
                (*_texts(options.get("addopts", ())), *extra),
                _testpaths(
                    _texts(options.get("testpaths", ())), place.rootdir or folder, place.folder
                ),
                tuple(_conftests_above(root, folder, text)),
            )
    return PytestConfig("", {}, extra)


def _unreadable_beside(
    path: Path, place: ConfigPlace, text: Callable[[Path], str]
) -> dict[str, object]:
    """The files beside a configuration that end pytest, which reads them to tell of more options.

    They come as options, by their names.
    """
    if place.file:
        return {}
    found = ((name, _options(path.with_name(name), table, text)) for name, table in _TABLES.items())
    return {
        f"{_UNREADABLE} {name}": options[_UNREADABLE]
        for name, options in found
        if options is not None and _UNREADABLE in options and name != path.name
    }


def _candidates(root: Path, place: ConfigPlace) -> Iterator[tuple[Path, tuple[str, ...]]]:
    if place.file:
        path = Path(os.path.normpath(root / place.file))
        yield path, _TABLES.get(path.name) or _TABLES_BY_SUFFIX.get(path.suffix, ("pytest",))
        return
    start = Path(os.path.normpath(root / place.start))
    for folder in (start, *start.parents):
        for name, table in _TABLES.items():
            yield folder / name, table


def _testpaths(paths: Sequence[str], rootdir: str, folder: str) -> tuple[str, ...]:
    """The test paths that count: pytest ignores `testpaths` outside of its root folder."""
    if os.path.normpath(rootdir) != os.path.normpath(folder):
        return ()
    return tuple(
        os.path.normpath(os.path.join(folder, path)).replace(os.sep, "/") for path in paths
    )


def _conftests_above(
    root: Path, folder: str, text: Callable[[Path], str]
) -> Iterator[tuple[str, str]]:
    """Yield the `conftest.py` files above our root that pytest loads, with their digests."""
    steps = folder.split("/") if folder.startswith("..") else []
    for count in range(1, len(steps) + 1):
        path = "/".join([*steps[:count], "conftest.py"])
        try:
            yield (
                path,
                content_digest(
                    text(Path(os.path.normpath(root / path))).encode("utf-8", "surrogatepass")
                ),
            )
        except (OSError, ValueError):
            continue


def _value_of(arguments: Sequence[str], names: Sequence[str]) -> str:
    """The last value of an option on a command line; "" without it."""
    return next(iter(reversed(list(_values_of(arguments, names)))), "")


def _values_of(arguments: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """The values of an option on a command line."""
    for number, argument in enumerate(arguments):
        for name in names:
            if argument == name:
                yield arguments[number + 1] if number + 1 < len(arguments) else ""
            elif argument.startswith(f"{name}=" if name.startswith("--") else name):
                yield argument[len(name) :].removeprefix("=")


def _overridden(arguments: Sequence[str]) -> dict[str, str]:
    """Options of the configuration file that a command line replaces (`-o name=value`)."""
    given = _values_of(arguments, ("-o", "--override-ini"))
    pairs = (each.partition("=") for each in given if "=" in each)
    return {name.strip(): value for name, _, value in pairs}


def _texts(value: object) -> tuple[str, ...]:
    """An option that is a list, or a line of words."""
    if isinstance(value, str):
        return _split(value)
    return tuple(str(entry) for entry in value) if isinstance(value, list | tuple) else ()


def _split(text: str) -> tuple[str, ...]:
    if not text:
        return ()
    import shlex

    try:
        return tuple(shlex.split(text))
    except ValueError:
        return tuple(text.split())


def _options(
    path: Path, table: tuple[str, ...], read_text: Callable[[Path], str]
) -> dict[str, object] | None:
    """Options of one file; None when pytest would pass it over."""
    try:
        text = read_text(path)
    except (OSError, ValueError):
        return None
    if path.suffix == ".toml":
        return _toml_options(text, table, required=len(table) > 1)
    import iniconfig  # as pytest does: it refuses more than configparser

    try:
        sections = iniconfig.IniConfig(path, text).sections
    except iniconfig.ParseError:
        return {_UNREADABLE: content_digest(text.encode())}
    if table[0] in sections:
        return dict(sections[table[0]])
    return {} if path.name in ("pytest.ini", ".pytest.ini") else None


def _toml_options(text: str, table: tuple[str, ...], *, required: bool) -> dict[str, object] | None:
    import tomllib

    try:
        found: object = tomllib.loads(text)
    except (ValueError, RecursionError):
        return {_UNREADABLE: content_digest(text.encode())}
    for key in table:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return None if required else {}
    merged = {key: value for key, value in found.items() if key != "ini_options"}
    merged.update(found.get("ini_options", {}))
    return merged or None if required else merged
