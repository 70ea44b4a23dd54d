"""The one table of calls and decorators whose effect is known.

Dotted names are written as they are imported; a name stands for itself and everything below it.
"""

import builtins
import collections.abc
import datetime as dt
import pathlib
import re
import sys

# Builtins that change or reach beyond their result.
_EFFECTFUL_BUILTINS = {
    "__import__",
    "breakpoint",
    "compile",
    "delattr",
    "eval",
    "exec",
    "input",
    "next",
    "open",
    "print",
    "setattr",
}
BUILTINS = frozenset(vars(builtins))
PURE_BUILTINS = BUILTINS - _EFFECTFUL_BUILTINS

# The standard library is taken as pure where a result is bound to a name, except for these.
_EFFECTFUL_STDLIB = (
    "atexit", "codecs.register", "copyreg", "faulthandler", "gc", "locale.setlocale", "logging.basicConfig",
    "logging.disable", "logging.config", "mimetypes.add_type", "mimetypes.init", "os.chdir", "os.environ", "os.putenv",
    "os.umask", "random.seed", "readline", "signal", "site", "socket.setdefaulttimeout", "subprocess", "sys",
    "threading", "time.sleep",
    "unittest.mock.patch", "warnings",
    "webbrowser.register", "importlib", "runpy", "os.system", "shutil",
    "os.makedirs", "os.mkdir", "os.remove", "os.unlink", "builtins.setattr", "decimal.setcontext",
    "asyncio.run", "asyncio.set_child_watcher", "asyncio.set_event_loop", "asyncio.set_event_loop_policy",
    "ctypes.CDLL", "json.dump", "marshal.dump", "pickle.dump", "os.chmod", "os.fork", "os.kill", "os.link",
    "os.mkfifo", "os.open", "os.popen", "os.removedirs", "os.rename", "os.renames", "os.replace", "os.rmdir",
    "os.symlink", "os.truncate", "os.unsetenv", "os.write", "random", "time.tzset", "urllib.request.install_opener",
)  # fmt: skip
_PURE_THOUGH_LISTED = ("sys.version_info", "sys.getsizeof", "threading.Lock", "threading.RLock", "threading.local",
                       "threading.Event", "threading.Condition", "importlib.resources", "importlib.metadata",
                       "importlib.util.find_spec", "threading.Semaphore", "sys.intern",
                       "random.Random", "random.SystemRandom", "warnings.warn")  # fmt: skip

# Calls and decorators of other distributions that only make their result.
PURE_EXTERNAL = (
    "attr", "attrs", "pytest.approx", "pytest.fixture", "pytest.mark", "pytest.param", "pytest.raises", "pytest.warns",
    "typing_extensions", "numpy.arange", "numpy.array", "numpy.asarray", "numpy.dtype", "numpy.full", "numpy.linspace",
    "numpy.ones", "numpy.zeros", "hypothesis", "mock.patch", "packaging", "six.moves",
    "deprecated", "backports", "dateutil", "exceptiongroup", "importlib_metadata", "importlib_resources", "pytz",
    "regex.compile", "tomli", "pydantic.ConfigDict", "pydantic.Field",
    "django.utils.translation.gettext_lazy", "marshmallow.fields", "marshmallow.validate",
)  # fmt: skip

PURE_STDLIB_DECORATORS = (
    "abc", "asyncio.coroutine", "classmethod", "contextlib", "dataclasses", "enum", "functools",
    "property", "staticmethod", "types.coroutine", "typing", "unittest",
)  # fmt: skip

# Methods of the builtin containers and strings: nothing but the object (and what it is given) is
# concerned.
CONTAINER_MUTATORS = frozenset(
    name
    for kind in (list, dict, set, bytearray)
    for name in dir(kind)
    if not name.startswith("_") and name not in dir(frozenset) and name not in dir(tuple) and name not in dir(bytes)
) - {"keys", "values", "items", "get", "copy"}  # fmt: skip
_BUILTIN_KINDS = (list, dict, set, str, bytes, int, float, tuple)
BUILTIN_METHODS = frozenset(
    n for kind in _BUILTIN_KINDS for n in dir(kind) if not n.startswith("_")
)

# Calls of which nobody can change the result.
UNCHANGEABLE = frozenset({
    "abs", "ascii", "bool", "bytes", "chr", "float", "format", "hash", "hex", "id", "int", "isinstance", "issubclass",
    "len", "os.path.abspath", "os.path.basename", "os.path.dirname", "os.path.join", "os.path.realpath", "ord",
    "re.compile", "re.escape", "repr", "round", "str",
})  # fmt: skip

# Modules of the standard library that have no state: what they give is new, or a part of what they
# were given; their own classes and functions are changed by nobody.
_STATELESS = (
    "abc", "collections", "copy", "dataclasses", "datetime", "enum", "fractions", "functools", "inspect", "itertools",
    "math", "numbers", "operator", "os.path", "pathlib", "re", "string", "textwrap", "types", "typing", "uuid",
)  # fmt: skip
# Those calls of them that give an object of its own.
_MAKING_NEW = ("collections", "copy", "datetime", "fractions", "types.SimpleNamespace", "uuid")

# Decorators under which the function stays, by name, what a caller sees: memoised functions run
# only once.
MEMOISING = frozenset(
    {"cache", "lru_cache", "cached_property", "cached", "memoize", "memoized", "cachedmethod"}
)

STDLIB = sys.stdlib_module_names

# Methods of values of the standard library; they change nothing, whatever they are given.
METHODS_OF_VALUES = frozenset(
    name
    for value in (
        dt.date, dt.datetime, dt.time, dt.timedelta, dt.tzinfo,
        pathlib.PurePath, re.Match, re.Pattern,
    )
    for name in vars(value)
    if not name.startswith("_")
)  # fmt: skip

# Bases of the standard library under which a member of a class stays an ordinary member.
PLAIN_METACLASSES = frozenset({"type", "abc.ABCMeta"})
PLAIN_BASES = frozenset(
    {
        "object",
        "abc.ABC",
        "typing.Generic",
        "typing.Protocol",
        "unittest.TestCase",
        "unittest.IsolatedAsyncioTestCase",
    }
    | {
        f"{module}.{name}"
        for module in ("collections.abc", "typing")
        for name in collections.abc.__all__
    }
    | {name for name, value in vars(builtins).items() if isinstance(value, type)}
)

# Decorators of classes and bases that pass over plain functions: they make something of annotations
# and values alone.
_PASSING_OVER_FUNCTIONS = (
    "attr", "attrs", "dataclasses.dataclass", "enum", "pydantic.BaseModel", "pydantic.dataclasses.dataclass",
    "typing.NamedTuple", "typing.TypedDict", "typing_extensions.NamedTuple", "django.db.models.Model",
)  # fmt: skip

# Members that Python or pytest look up by themselves: who uses the class can notice them.
PROTOCOL_MEMBERS = frozenset({
    "acquire", "add_note", "append", "close", "closed", "default", "emit", "fileno", "filter", "flush", "format", "get",
    "isatty", "items", "keys", "mro", "name", "read", "readable", "readinto", "readline", "readlines", "release", "run",
    "seek", "seekable", "send", "tell", "throw", "truncate", "values", "writable", "write", "writelines", "get_code",
    "exec_module", "find_spec", "create_module", "get_data", "get_source", "is_package", "tzname", "utcoffset", "dst",
    "setUp", "tearDown", "setUpClass", "tearDownClass", "asyncSetUp", "asyncTearDown", "runTest", "id",
    "setup_method", "teardown_method", "setup_class", "teardown_class", "setup", "teardown", "pytestmark", "addCleanup",
    "handle", "handle_starttag", "handle_endtag", "handle_data", "generic_visit", "persistent_id", "persistent_load",
    "reducer_override", "find_class", "get_value", "get_field", "check_unused_args", "convert_field",
    "shortDescription",
}) - {"name", "format", "get", "id", "values", "items", "setup", "run", "filter", "handle"}  # fmt: skip

# Members that the methods of a base of the standard library call, or read, where a class has one
# of its own.
_ASKED_FOR_BY_TEST_CASES = frozenset({
    "_callSetUp", "_callTearDown", "_callTestMethod", "_formatMessage", "_getAssertEqualityFunc",
    "_truncateMessage", "addClassCleanup", "addTypeEqualityFunc", "assertDictEqual", "assertIn",
    "assertIsInstance", "assertListEqual", "assertMultiLineEqual", "assertNotIn",
    "assertSequenceEqual", "assertSetEqual", "assertTupleEqual", "countTestCases", "debug",
    "defaultTestResult", "doClassCleanups", "doCleanups", "fail", "failureException", "longMessage",
    "maxDiff", "run", "skipTest", "subTest",
})  # fmt: skip
_ASKED_FOR_BY_CONTAINERS = frozenset({
    "_from_iterable", "_hash", "add", "clear", "discard", "extend", "index", "insert", "items",
    "pop", "popitem",
})  # fmt: skip
_ASKED_FOR = {
    "unittest.TestCase": _ASKED_FOR_BY_TEST_CASES,
    "unittest.IsolatedAsyncioTestCase": _ASKED_FOR_BY_TEST_CASES,
    "collections.abc": _ASKED_FOR_BY_CONTAINERS,
    "typing": _ASKED_FOR_BY_CONTAINERS,
}

# Modules of the standard library with bases that show the documentation of a class and its methods.
_SHOWING_DOCS = ("cmd", "pydoc", "xmlrpc")
# Bases from elsewhere that make nothing of it.
_PASSING_OVER_DOCS = ("attr", "attrs", "django.db.models.Model", "typing_extensions")

# Methods without which an object of an abstract class of `collections.abc` cannot be made; the
# others are special.
ABSTRACT_METHODS = frozenset({"add", "discard", "insert"})

# Module-level names that pytest looks up in test modules, conftest files and plugins.
PYTEST_NAMES = frozenset({
    "pytestmark", "pytest_plugins", "collect_ignore", "collect_ignore_glob", "setup_module", "teardown_module",
    "setup_function", "teardown_function", "setUpModule", "tearDownModule", "load_tests", "__test__",
})  # fmt: skip


def _under(dotted: str, names: tuple[str, ...]) -> bool:
    return any(dotted == name or dotted.startswith(name + ".") for name in names)


def is_stdlib(dotted: str) -> bool:
    """Whether a dotted name starts with a module of the standard library."""
    return dotted.partition(".")[0] in STDLIB


def is_stateless(dotted: str) -> bool:
    """Whether a dotted name is of a part of the standard library that has no state."""
    return _under(dotted, _STATELESS)


def makes_new(dotted: str) -> bool:
    """Whether a call of the standard library gives a new object, that nobody else has."""
    return _under(dotted, _MAKING_NEW)


def is_pure_call(dotted: str) -> bool:
    """Whether a call of a function outside the project only makes its result."""
    if is_stdlib(dotted):
        return _under(dotted, _PURE_THOUGH_LISTED) or not _under(dotted, _EFFECTFUL_STDLIB)
    return _under(dotted, PURE_EXTERNAL)


def passes_over_functions(dotted: str) -> bool:
    """Whether a class decorator or base from outside of the project ignores plain functions."""
    return _under(dotted, _PASSING_OVER_FUNCTIONS)


def passes_over_docs(dotted: str) -> bool:
    """Whether a base from outside the project makes nothing of documentation in a class."""
    if dotted in PLAIN_BASES:
        return True
    if is_stdlib(dotted):
        return not _under(dotted, _SHOWING_DOCS)
    return _under(dotted, _PASSING_OVER_DOCS)


def is_asked_for(base: str, member: str) -> bool:
    """Whether a base of the standard library calls or reads a member of the classes below it."""
    return member in _ASKED_FOR.get(base, _ASKED_FOR.get(base.rpartition(".")[0], ()))


def is_pure_decorator(dotted: str) -> bool:
    """Whether a decorator outside the project does no more than wrap or mark."""
    if "." not in dotted:
        return dotted in ("property", "staticmethod", "classmethod")
    return _under(dotted, PURE_STDLIB_DECORATORS) or _under(dotted, PURE_EXTERNAL)


def is_special(member: str) -> bool:
    """Whether Python, pytest or a common library looks a member of a class up by itself."""
    is_dunder = member.startswith("__") and member.endswith("__")
    return is_dunder or member in PROTOCOL_MEMBERS or member.startswith("pytest_")
