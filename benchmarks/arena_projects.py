"""The real projects of the arena, each pinned, and what each is there for."""

from dataclasses import dataclass

from lab import Recipe


@dataclass(frozen=True)
class Contender:
    """A project, where its tests are and why it is there."""

    recipe: Recipe  # its options are options alone
    why: str
    tests: tuple[str, ...] = ("tests",)  # folders and files of tests and what helps them
    paths: tuple[str, ...] = ()  # given to pytest for a run of all tests
    test_files: str = r"test_.*\.py$|.*_test\.py$"


CONTENDERS = {
    contender.recipe.name: contender
    for contender in (
        # coroutines, their results kept; coverage is measured in the same run
        Contender(
            Recipe(
                "async-lru",
                "2.4.0",
                "async_lru",
                ("pytest-asyncio", "pytest-cov", "pytest-timeout"),
                ("-o", "asyncio_default_fixture_loop_scope=function"),
            ),
            "async",
        ),
        Contender(
            Recipe(
                "flask-login",
                "0.6.3",
                "src",
                ("flask<3.1", "werkzeug<3.1", "blinker", "asgiref", "semantic-version"),
            ),
            "Flask",
        ),
        Contender(
            Recipe(
                "traitlets",
                "5.16.1",
                "traitlets",
                ("argcomplete",),
                ("--ignore", "tests/test_typing.py"),
            ),
            "descriptors, metaclass",
            paths=("tests",),
        ),
        Contender(
            Recipe(
                "mako",
                "1.4.3",
                "mako",
                ("beaker", "pygments", "babel", "dogpile.cache", "lingua"),
                data=("test/templates/**/*",),
            ),
            "templates made to code",
            ("test",),
        ),
        Contender(
            Recipe(
                "python-statemachine",
                "3.2.2",
                "statemachine",
                (
                    "pytest-cov",
                    "pytest-mock",
                    "pytest-benchmark",
                    "pytest-asyncio",
                    "pydot",
                    "pyyaml",
                    "jsonschema",
                    "pytest-timeout",
                    "babel",
                    "pdbr",
                    "pytest-django",
                    "django",
                ),
                ("-o", "addopts=--ignore=tests/examples --ignore=docs --doctest-modules"),
            ),
            "metaclass, async, doctests",
            paths=("tests", "statemachine"),
        ),
        Contender(Recipe("cachetools", "8.0.0", "src"), "kept values", paths=("tests",)),
        Contender(
            Recipe("tinydb", "4.9.0", "tinydb", ("pyyaml",)), "small library", paths=("tests",)
        ),
        Contender(
            Recipe("webob", "1.8.11", "src", ("legacy-cgi; python_version>'3.12'",)),
            "descriptors",
            paths=("tests",),
        ),
        Contender(Recipe("typeguard", "4.6.0", "src", ("mypy",)), "rewrites code at import"),
        Contender(
            Recipe("python-dotenv", "1.2.4", "src", ("click", "ipython")),
            "starts programs, environment",
        ),
        Contender(
            Recipe("glom", "25.12.0", "glom", ("pyyaml", "tomli"), ("--doctest-modules",)),
            "doctests",
            ("glom/test",),
            ("glom",),
        ),
        Contender(
            Recipe(
                "arpeggio",
                "2.0.3",
                "arpeggio",
                data=("arpeggio/tests/**/*.peg", "examples/**/*.peg"),
            ),
            "parser",
            ("arpeggio/tests",),
            ("arpeggio/tests",),
        ),
        Contender(
            Recipe("wrapt", "2.5.2", "src", ("mypy",)),
            "C extension, proxies",
            ("tests/conftest.py", "tests/core"),
            ("tests/core",),
        ),
        Contender(
            Recipe("pyflakes", "4.1.0", "pyflakes"),
            "unittest only",
            ("pyflakes/test",),
            ("pyflakes",),
        ),
        Contender(
            Recipe("h11", "0.16.0", "h11"), "tables filled at import", ("h11/tests",), ("h11",)
        ),
        Contender(
            Recipe("wtforms", "3.3.2", "src", ("babel", "email_validator")),
            "metaclass, descriptors",
        ),
        Contender(
            Recipe("simplejson", "4.3.0", "simplejson"),
            "unittest, C extension",
            ("simplejson/tests",),
            ("simplejson",),
        ),
        Contender(
            Recipe("toolz", "1.2.0", "toolz", (), ("--doctest-modules",)),
            "doctests, currying",
            ("toolz/tests",),
            ("toolz",),
        ),
        Contender(Recipe("markupsafe", "3.0.4", "src"), "C extension"),
        Contender(
            Recipe(
                "mistune",
                "3.4.0",
                "src",
                data=(
                    "tests/fixtures/**/*.txt",
                    "tests/fixtures/**/*.json",
                    "tests/fixtures/**/*.rst",
                ),
            ),
            "tests made from data files",
        ),
        Contender(
            Recipe("pytest-mock", "3.17.0", "src", ("mock", "pytest-asyncio")),
            "pytest plugin",
            paths=("tests",),
        ),
        Contender(
            Recipe("pytest-check", "3.0.3", "src"),
            "pytest plugin, examples",
            ("tests", "examples"),
            ("tests",),
        ),
        Contender(
            Recipe("cogapp", "3.6.0", "cogapp"),
            "generates code",
            ("cogapp/test_cogapp.py", "cogapp/test_makefiles.py", "cogapp/test_whiteutils.py"),
            ("cogapp",),
        ),
        Contender(
            Recipe(
                "pyproject-hooks",
                "1.3.3",
                "src",
                ("testpath", "setuptools", "flit_core"),
                data=("tests/samples/**/*.toml",),
            ),
            "starts Python",
            paths=("tests",),
        ),
        Contender(
            Recipe(
                "fastjsonschema",
                "2.22.3",
                "fastjsonschema",
                ("colorama", "pytest-benchmark"),
                ("-m", "not benchmark"),
            ),
            "generated code",
            paths=("tests",),
        ),
        Contender(
            Recipe(
                "django-model-utils",
                "5.0.0",
                "model_utils",
                ("pytest-django", "django<5.2", "time-machine==2.16.0"),
                ("-o", "addopts="),
                environ=(("SQLITE", "1"),),
            ),
            "Django models",
            paths=("tests",),
        ),
        Contender(
            Recipe(
                "sse-starlette",
                "3.7.0",
                "sse_starlette",
                (
                    "pytest-asyncio",
                    "asgi-lifespan",
                    "httpx2",
                    "httpx",
                    "uvicorn",
                    "fastapi",
                    "psutil",
                    "tenacity",
                    "portend",
                ),
                ("-m", "not integration and not experimentation"),
            ),
            "ASGI, async",
            paths=("tests",),
        ),
        Contender(Recipe("cssselect", "1.6.0", "cssselect", ("lxml",)), "parser", paths=("tests",)),
        Contender(
            Recipe(
                "aiofiles", "25.1.0", "src", ("pytest-asyncio",), data=("tests/resources/*.txt",)
            ),
            "async files, singledispatch",
            paths=("tests",),
        ),
        Contender(
            Recipe("webtest", "3.0.7", "webtest", ("pyquery", "PasteDeploy", "WSGIProxy2")),
            "WSGI, forms of HTML",
            paths=("tests",),
        ),
        Contender(
            Recipe(
                "mistletoe",
                "1.6.0",
                "mistletoe",
                ("parameterized", "pygments"),
                data=("test/samples/*.md", "test/specification/*.json"),
            ),
            "tests that a decorator multiplies",
            ("test",),
            ("test",),
        ),
        Contender(
            Recipe("bottle", "0.13.4", "bottle.py", ("mako", "jinja2"), data=("test/views/*",)),
            "one module, templates",
            ("test",),
            ("test",),
        ),
        Contender(
            Recipe(
                "itemloaders",
                "1.5.0",
                "itemloaders",
                ("jmespath", "attrs"),
                ("--ignore", "tests/benchmarks"),
            ),
            "processors in classes",
            paths=("tests",),
        ),
    )
}
