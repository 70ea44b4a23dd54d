"""The table of calls and decorators whose effect is known."""

import pytest

from testmon_cli.analysis import known_effects

CALLS = [
    pytest.param("re.compile", True, id="stdlib"),
    pytest.param("collections.namedtuple", True, id="namedtuple"),
    pytest.param("typing.TypeVar", True, id="type-variable"),
    pytest.param("logging.getLogger", True, id="logger"),
    pytest.param("logging.basicConfig", False, id="logging-is-set-up"),
    pytest.param("os.path.join", True, id="path"),
    pytest.param("dateutil.tz.tzutc", True, id="time-zone"),
    pytest.param("backports.zoneinfo.ZoneInfo", True, id="backport"),
    pytest.param("os.environ.setdefault", False, id="environment"),
    pytest.param("os.makedirs", False, id="makes-a-folder"),
    pytest.param("sys.setrecursionlimit", False, id="sys"),
    pytest.param("sys.intern", True, id="sys-intern"),
    pytest.param("threading.Thread", False, id="thread"),
    pytest.param("threading.Lock", True, id="lock"),
    pytest.param("importlib.import_module", False, id="import-module"),
    pytest.param("importlib.resources.files", True, id="resources"),
    pytest.param("asyncio.set_event_loop", False, id="set-event-loop"),
    pytest.param("asyncio.Lock", True, id="asyncio-lock"),
    pytest.param("pytest.mark.skipif", True, id="mark"),
    pytest.param("pytest.importorskip", False, id="importorskip"),
    pytest.param("requests.get", False, id="distribution"),
    pytest.param("restless.call", False, id="begins-like-a-module"),
    pytest.param("attr_tools.define", False, id="begins-like-a-known-distribution"),
]


@pytest.mark.parametrize(("name", "pure"), CALLS)
def test_calls(name: str, pure: bool) -> None:
    assert known_effects.is_pure_call(name) == pure


DECORATORS = [
    pytest.param("property", True, id="property"),
    pytest.param("staticmethod", True, id="staticmethod"),
    pytest.param("functools.lru_cache", True, id="lru-cache"),
    pytest.param("dataclasses.dataclass", True, id="dataclass"),
    pytest.param("contextlib.contextmanager", True, id="contextmanager"),
    pytest.param("pytest.fixture", True, id="fixture"),
    pytest.param("pytest.mark.parametrize", True, id="mark"),
    pytest.param("atexit.register", False, id="atexit"),
    pytest.param("dataclasses_json.dataclass_json", False, id="begins-like-a-module"),
    pytest.param("functools_registry.keep", False, id="begins-like-another"),
    pytest.param("known", False, id="unknown-name"),
    pytest.param("flask.route", False, id="distribution"),
    pytest.param("?", False, id="computed"),
]


@pytest.mark.parametrize(("name", "pure"), DECORATORS)
def test_decorators(name: str, pure: bool) -> None:
    assert known_effects.is_pure_decorator(name) == pure


def test_modules_of_the_standard_library() -> None:
    assert [
        known_effects.is_stdlib(name) for name in ("os", "os.path.join", "oslo", "shop.os")
    ] == [
        True,
        True,
        False,
        False,
    ]


def test_builtins_are_pure_unless_they_reach_beyond() -> None:
    names = ("len", "sorted", "dict", "print", "open", "exec", "setattr", "int", "next")
    assert [n for n in names if n in known_effects.PURE_BUILTINS] == [
        "len",
        "sorted",
        "dict",
        "int",
    ]


def test_methods_that_change_a_container() -> None:
    changing = ["append", "update", "add", "pop", "sort", "setdefault", "clear", "discard"]
    others = ["get", "copy", "items", "index", "count", "strip", "join", "union"]
    assert [n for n in (*changing, *others) if n in known_effects.CONTAINER_MUTATORS] == changing
