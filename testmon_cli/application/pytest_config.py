"""pytest's configuration as files say it: what names tests, and a digest of the rest."""

import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from testmon_cli.analysis.checksums import content_digest
from testmon_cli.analysis.naming import Naming
from testmon_cli.application.files import read_bytes

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


class PytestConfig(NamedTuple):
    """Options that pytest reads from its configuration file; `path` is "" without one."""

    path: str
    options: Mapping[str, object]
    addopts: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Changes whenever an option does; the file's other tables and comments do not count."""
        text = json.dumps([self.path, self.options, self.addopts], sort_keys=True, default=str)
        return content_digest(text.encode("utf-8", "surrogatepass"))

    def naming(self, arguments: Sequence[str] = ()) -> Naming:
        default = Naming()
        flags = [*self.addopts, *arguments]
        globs = [a.partition("=")[2] for a in flags if a.startswith("--doctest-glob=")]
        globs += [b for a, b in itertools.pairwise(flags) if a == "--doctest-glob"]
        return Naming(
            files=self._list("python_files") or default.files,
            classes=self._list("python_classes") or default.classes,
            functions=self._list("python_functions") or default.functions,
            testpaths=self._list("testpaths"),
            norecursedirs=self._list("norecursedirs") or default.norecursedirs,
            doctest_modules="--doctest-modules" in flags,
            doctest_globs=tuple(globs),
        )

    def _list(self, name: str) -> tuple[str, ...]:
        value = self.options.get(name, ())
        return _split(value) if isinstance(value, str) else tuple(str(v) for v in value)  # type: ignore[attr-defined]


def _text(path: Path) -> str:
    return read_bytes(path).decode().replace("\r\n", "\n")


def read(root: Path, environ: Mapping[str, str] | None = None, text: Callable[[Path], str] = _text) -> PytestConfig:
    """The configuration that pytest would find in the root folder, with PYTEST_ADDOPTS; `text` reads a file."""
    environ = os.environ if environ is None else environ
    extra = _split(environ.get("PYTEST_ADDOPTS", ""))
    for name, table in _TABLES.items():
        options = _options(root / name, table, text)
        if options is not None:
            addopts = options.get("addopts", ())
            own = _split(addopts) if isinstance(addopts, str) else tuple(str(a) for a in addopts)  # type: ignore[attr-defined]
            return PytestConfig(name, options, (*own, *extra))
    return PytestConfig("", {}, extra)


def _split(text: str) -> tuple[str, ...]:
    if not text:
        return ()
    import shlex

    try:
        return tuple(shlex.split(text))
    except ValueError:
        return tuple(text.split())


def _options(path: Path, table: tuple[str, ...], read_text: Callable[[Path], str]) -> dict[str, object] | None:
    """Options of one file; None when pytest would pass it over."""
    try:
        text = read_text(path)
    except (OSError, ValueError):
        return None
    if path.suffix == ".toml":
        return _toml_options(text, table, required=len(table) > 1)
    import configparser

    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {"unreadable": content_digest(text.encode())}
    if parser.has_section(table[0]):
        return dict(parser.items(table[0]))
    return {} if path.name in ("pytest.ini", ".pytest.ini") else None


def _toml_options(text: str, table: tuple[str, ...], *, required: bool) -> dict[str, object] | None:
    import tomllib

    try:
        found: object = tomllib.loads(text)
    except (ValueError, RecursionError):
        return {"unreadable": content_digest(text.encode())}
    for key in table:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return None if required else {}
    merged = {key: value for key, value in found.items() if key != "ini_options"}
    merged.update(found.get("ini_options", {}))
    return merged or None if required else merged
