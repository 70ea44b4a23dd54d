"""The settings: options, environment variables and `[tool.testmon]` in one frozen value."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from testmon_cli.application.checkout.files import read_bytes
from testmon_cli.domain.errors import EnvironmentFailure, SettingsError
from testmon_cli.domain.provenance import TRUST

ROOT_MARKERS: Final = (
    "pyproject.toml",
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "tox.ini",
    "setup.cfg",
    "setup.py",
    ".git",
)
ENGINES: Final = ("auto", "coverage", "probes")
DATAFILE_NAME: Final = ".testmondata"
DEFAULT_ENVIRONMENT: Final = "default"
DEFAULT_KEEP: Final = 5
MOST_KEPT: Final = 1_000_000
_SCHEME: Final = "[A-Za-z][A-Za-z0-9+.-]+:"  # of a URL


class Settings(NamedTuple):
    """How testmon works in one project.

    Paths of the project are relative to `root`, with forward slashes.
    """

    root: Path  # absolute
    datafile: str  # absolute path, or a database URL as it was given
    env: str = DEFAULT_ENVIRONMENT  # name of the environment
    # absolute folders outside the root whose code counts as the project's
    source: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()  # patterns of source files that are not traced
    without_probes: tuple[str, ...] = ()  # patterns of source files whose bytecode stays as it is
    ignore: tuple[str, ...] = ()  # patterns of data files that no test depends on
    ignore_env: tuple[str, ...] = ()  # patterns of environment variables that no test depends on
    ignore_packages: tuple[str, ...] = ()  # distributions whose version does not matter
    always: tuple[str, ...] = ()  # patterns of nodeids or paths that are selected every time
    # nodeid or path pattern -> file patterns
    depends: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    keep: int = DEFAULT_KEEP  # executions kept per test and environment
    store_failures: bool = True  # whether the texts of failures are kept
    engine: str = "auto"
    hub: str = ""  # where bundles meet: a URL or an absolute path; "" for none
    trust: tuple[str, ...] = TRUST  # branches and events whose results count for everybody
    require_signatures: bool = False  # whether bundles of a hub count only if they are signed
    # share of the runs of `ci` in which all tests are run, to see whether selection is right
    audit: float = 0.0
    # seconds after which `ci` runs all tests; None: never for that reason
    full_every: float | None = None


class _Key(NamedTuple):
    """A key of `[tool.testmon]`: its type in words, and the check that reads its value."""

    expected: str
    # raises ValueError, with a text where `expected` does not say what is wrong
    read: Callable[[object], object]


def _text(value: object) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError  # the caller names the type that it expected
    return tuple(_text(item) for item in value)


def _patterns(value: object) -> tuple[str, ...]:
    return tuple(map(_relative, _texts(value)))


def _relative(pattern: str) -> str:
    if os.path.isabs(pattern):
        raise ValueError(f"{pattern!r} would match nothing: write it relative to the root")
    return pattern


def _patterns_by_pattern(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ValueError
    return {
        _relative(_text(pattern)): tuple(map(_files, _texts(files)))
        for pattern, files in value.items()
    }


def _files(pattern: str) -> str:
    from testmon_cli.application.checkout.patterns import check_pattern

    try:
        check_pattern(pattern)
    except ValueError as error:
        raise ValueError(f"{pattern!r} is no pattern of files: {error}") from error
    return pattern


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_KEPT:
        raise ValueError
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _engine(value: object) -> str:
    if value not in ENGINES:
        raise ValueError
    return _text(value)


def _age(value: object) -> float:
    number, unit = _text(value)[:-1], _text(value)[-1]
    if not number.isdecimal() or len(number) > 5 or unit not in _AGES:
        raise ValueError
    return float(number) * _AGES[unit]


def share_of(text: object) -> float:
    """A share like "10%" as a number. Raises ValueError for what is none."""
    number = _text(text).removesuffix("%").strip()
    if (
        number == _text(text)
        or not re.fullmatch(r"\d{1,3}(\.\d{1,6})?", number)
        or not 0 < float(number) <= 100
    ):
        raise ValueError
    return float(number) / 100


_AGES: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LIST: Final = "a list of strings"
KEYS: Final[Mapping[str, _Key]] = {
    "datafile": _Key("a path (string)", _text),
    "env": _Key("a name (string)", _text),
    "env_expression": _Key("a Python expression (string)", _text),
    "source": _Key(_LIST, _texts),
    "exclude": _Key(_LIST, _patterns),
    "without_probes": _Key(_LIST, _patterns),
    "ignore": _Key(_LIST, _patterns),
    "ignore_env": _Key(_LIST, _texts),
    "ignore_packages": _Key(_LIST, _texts),
    "always": _Key(_LIST, _patterns),
    "depends": _Key(
        'a table of lists of strings, like {"tests/sql/*" = ["schema/*.sql"]}', _patterns_by_pattern
    ),
    "keep": _Key(f"a whole number from 1 to {MOST_KEPT}", _count),
    "store_failures": _Key("true or false", _flag),
    "hub": _Key("a path or URL (string)", _text),
    "trust": _Key(_LIST, _texts),
    "require_signatures": _Key("true or false", _flag),
    "engine": _Key("one of " + ", ".join(f'"{name}"' for name in ENGINES), _engine),
    "audit": _Key('a share like "10%"', share_of),
    "full_every": _Key('a number and m, h, d or w, like "1d"', _age),
}


def load(
    root: Path | None = None,
    *,
    datafile: str | None = None,
    env: str | None = None,
    engine: str | None = None,
    hub: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Read the settings: option, then variable, then `[tool.testmon]`, then default."""
    base = root.absolute() if root else find_root(_here())
    file = base / "pyproject.toml"
    table = _read_table(file)
    values = {key: _value(file, key, value) for key, value in table.items()}
    expression, named = values.pop("env_expression", None), values.pop("env", None)
    if expression is not None and named is not None:
        raise SettingsError(
            f"{file}: [tool.testmon] sets both env and env_expression; keep one of them"
        )
    configured, named_hub = values.pop("datafile", None), values.pop("hub", None)
    if "source" in table:
        values["source"] = tuple(
            str((base / folder).resolve()) for folder in _texts(table["source"])
        )
    if engine:
        values["engine"] = engine
    return Settings(
        root=base,
        datafile=_datafile(base, datafile or environ.get("TESTMON_DATAFILE"), configured),
        env=(
            env
            or environ.get("TESTMON_ENV")
            or (str(named) if named else "")
            or (_evaluate(file, str(expression)) if expression else DEFAULT_ENVIRONMENT)
        ),
        hub=_hub(base, hub or environ.get("TESTMON_HUB"), named_hub),
        **values,  # type: ignore[arg-type]  # each was read by the reader of its key
    )


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise EnvironmentFailure(
            "the working directory was removed: change into another or use -C"
        ) from None


def find_root(start: Path) -> Path:
    """The nearest folder from `start` up that a project begins in.

    `start` itself when there is none.
    """
    for folder in (start, *start.parents):
        if any(os.path.exists(os.path.join(folder, marker)) for marker in ROOT_MARKERS):
            return folder
    return start


def _read_table(file: Path) -> dict[str, object]:
    try:
        content = read_bytes(file)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from error
    if b"testmon" not in content:
        # nothing of ours in it: spares importing the TOML parser, which is slow beside `select`
        return {}
    import tomllib

    try:
        document = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # numbers too long, values nested too deeply
        raise SettingsError(f"{file}: not valid TOML: {error}") from error
    tool = document.get("tool", {})
    table = tool.get("testmon", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise SettingsError(
            f"{file}: tool.testmon must be a table, like [tool.testmon]; it is {table!r}"
        )
    return table


def _value(file: Path, key: str, value: object) -> object:
    if key not in KEYS:
        raise SettingsError(f"{file}: [tool.testmon] has an unknown key {key!r}; {_hint(key)}")
    try:
        return KEYS[key].read(value)
    except ValueError as error:
        why = f": {error}" if error.args else f" must be {KEYS[key].expected}; it is {value!r}"
        raise SettingsError(f"{file}: [tool.testmon] {key}{why}") from None


def _hint(key: str) -> str:
    import difflib

    close = difflib.get_close_matches(key.replace("-", "_").lower(), KEYS, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known keys are {', '.join(sorted(KEYS))}"


def _datafile(root: Path, given: str | None, configured: object) -> str:
    """Make a path absolute: a typed one from the working directory, others from the root."""
    base, name = (_here(), given) if given else (root, str(configured or DATAFILE_NAME))
    return name if "://" in name else os.path.normpath(base / os.path.expanduser(name))


def _hub(root: Path, given: str | None, configured: object) -> str:
    """The address of the hub; a path as for `_datafile`."""
    base, name = (_here(), given) if given else (root, str(configured or ""))
    return (
        name
        if not name or re.match(_SCHEME, name)
        else os.path.normpath(base / os.path.expanduser(name))
    )


def _evaluate(file: Path, expression: str) -> str:
    """The value of `env_expression`; what is wrong with it is an error, never a name."""
    import hashlib

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    names = {"os": os, "sys": sys, "hashlib": hashlib, "md5": md5}
    try:
        # The user's own configuration runs as code here, as the configuration of pytest does.
        value = eval(expression, names)  # noqa: S307
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit would end the command with an empty answer
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise SettingsError(
            f"{file}: [tool.testmon] env_expression failed: {what} in {expression!r}"
        ) from error
    if not isinstance(value, str | int | float) or value == "":
        raise SettingsError(
            f"{file}: [tool.testmon] env_expression must give a name; {expression!r} gave {value!r}"
        )
    return str(value)
