"""Real projects from PyPI, each beside a virtual environment of its own, and measured runs of programs in them."""

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import venv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
PLACE = Path(os.environ.get("TESTMON_LAB", Path(tempfile.gettempdir()) / "testmon-lab"))
PYTEST = ("-q",)
OWN = "testmon-cli"  # is not downloaded

# Stands in the environment of each project: writes how every test came out where no test looks.
RECORDER = """
import json, os, sys

_outcomes = {}

def pytest_runtest_logreport(report):
    outcome = "xfailed" if report.skipped and hasattr(report, "wasxfail") else report.outcome
    if report.when == "call" or outcome != "passed":
        _outcomes[report.nodeid] = outcome if report.when == "call" else f"{outcome} in {report.when}"

def pytest_collectreport(report):
    if report.failed:
        _outcomes[report.nodeid] = "cannot be collected"

def pytest_collection_finish(session):
    if session.config.option.collectonly:
        _outcomes.update((item.nodeid, "collected") for item in session.items)

def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput"):
        with open(os.path.join(sys.prefix, "outcomes.json"), "w") as file:
            json.dump(_outcomes, file)
"""


@dataclass(frozen=True)
class Recipe:
    """A release on PyPI whose source distribution has its tests, or this project."""

    name: str
    version: str  # "" as it is here
    package: str  # the folder of sources that gets edited, or the only source
    needs: tuple[str, ...] = ()  # what its tests need
    options: tuple[str, ...] = ()  # of pytest
    data: tuple[str, ...] = ()  # patterns of text files that its tests read
    environ: tuple[tuple[str, str], ...] = ()  # variables that its tests want

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}".strip()


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("sqlparse", "0.6.1", "sqlparse", data=("tests/files/*.sql",)),
        Recipe("marshmallow", "4.4.0", "src", ("simplejson",)),
        Recipe(
            "packaging",
            "26.3",
            "src",
            ("hypothesis", "pretend", "tomli_w"),
            # the file has 51,523 tests
            ("--ignore", "tests/test_version.py", "--hypothesis-seed=0"),
        ),
        Recipe(
            "jinja2",
            "3.1.6",
            "src",
            ("trio",),
            data=("tests/res/templates*/**/*", "tests/res/*.txt"),
        ),
        Recipe("click", "8.5.1", "src"),
        Recipe("attrs", "26.1.0", "src", ("cloudpickle", "hypothesis"), ("tests",)),
        # computes much in little code; only some of its files, since all of them take minutes
        Recipe(
            "mpmath",
            "1.4.1",
            "mpmath",
            ("hypothesis",),
            tuple(f"mpmath/tests/test_{name}.py" for name in ("calculus", "linalg")),
        ),
        # graphs: its tests stand within the package; all of them take minutes
        Recipe("networkx", "3.6.1", "networkx", (), ("networkx/classes", "networkx/generators")),
        Recipe(OWN, "", "testmon_cli", ("hypothesis",), ("tests/analysis", "tests/rendering")),
        # asynchronous, on two event loops
        Recipe(
            "starlette",
            "1.10.0",
            "starlette",
            (
                "httpx",
                "httpx2[zstd]",
                "trio",
                "blockbuster",
                "opentelemetry-sdk",
                "itsdangerous",
                "jinja2",
                "python-multipart",
                "pyyaml",
            ),
            ("tests",),
        ),
        # Django
        Recipe(
            "django-filter",
            "26.2",
            "django_filters",
            ("pytest-django", "djangorestframework", "markdown", "django-crispy-forms", "pytz"),
            ("--ds=tests.settings", "-o", "python_files=test_*.py", "tests"),
            ("tests/**/templates/**/*",),
        ),
        # talks to Python processes that it starts
        Recipe("execnet", "2.1.2", "src", ("pytest-timeout",), ("testing",)),
        # starts programs, and its tests run on two workers of pytest-xdist
        Recipe("nox", "2026.10.20", "nox", ("pytest-xdist", "jinja2", "tox"), ("-n", "2")),
    )
}


@dataclass(frozen=True)
class Ran:
    """How a program ended and what it took, with all processes that it started and waited for."""

    status: int
    stdout: str
    stderr: str
    seconds: float
    cpu: float  # seconds, user and system
    memory: float  # MB, of the largest process

    @property
    def killed(self) -> bool:
        return self.status < 0


def run(
    command: Sequence[str],
    folder: Path,
    *,
    limit: float = 900,
    caches: bool = True,
    environ: Iterable[tuple[str, str]] = (),
) -> Ran:
    """Run a program to its end, or kill it with all its processes after `limit` seconds.

    Without caches no compiled modules are written: one may be as long and as old as a source that
    is edited next.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TESTMON", "PYTEST"))
    }
    for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE"):
        environment.pop(name, None)
    environment |= {"PYTHONHASHSEED": "0"} | ({} if caches else {"PYTHONDONTWRITEBYTECODE": "1"})
    environment |= dict(environ)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        timer = threading.Timer(limit, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Ran(
            process.returncode,
            out.read(),
            err.read(),
            seconds,
            usage.ru_utime + usage.ru_stime,
            _memory(usage),
        )


def _memory(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)


@dataclass(frozen=True)
class Project:
    """An unpacked release and the virtual environment that has it installed."""

    recipe: Recipe
    home: Path  # holds both

    @cached_property
    def folder(self) -> Path:
        ours = ("venv", "kept", "collected")  # beside what was unpacked
        return next(path for path in self.home.iterdir() if path.is_dir() and path.name not in ours)

    @property
    def bin(self) -> Path:
        return self.home / "venv" / "bin"

    @property
    def sources(self) -> list[Path]:
        place = self.folder / self.recipe.package
        return [place] if place.is_file() else sorted(place.rglob("*.py"))

    @property
    def data(self) -> list[Path]:
        found = (path for pattern in self.recipe.data for path in self.folder.glob(pattern))
        return sorted(path for path in found if path.is_file() and _is_text(path))

    def run(self, *command: str, limit: float = 900, caches: bool = True) -> Ran:
        """Run a program of its environment in its folder."""
        program = [str(self.bin / command[0]), *command[1:]]
        return run(program, self.folder, limit=limit, caches=caches, environ=self.recipe.environ)

    def pytest(self, *options: str, limit: float = 900, caches: bool = True) -> Ran:
        """Run plain pytest."""
        return self.run(
            "python",
            "-m",
            "pytest",
            *PYTEST,
            *self.recipe.options,
            *options,
            limit=limit,
            caches=caches,
        )

    def collect(self, *options: str, limit: float = 900, caches: bool = True) -> Ran:
        """Run `testmon collect` anew, without what an earlier one remembered."""
        for path in self.folder.glob(".testmondata*"):
            path.unlink()
        return self.run(
            "testmon",
            "collect",
            *options,
            "--",
            *PYTEST,
            *self.recipe.options,
            limit=limit,
            caches=caches,
        )

    def outcomes(self, ran: Ran) -> dict[str, str]:
        """How each test of the run that just ended came out.

        None did when pytest could not even start.
        """
        path = self.home / "venv" / "outcomes.json"
        if not path.exists():
            return {}
        found: dict[str, str] = json.loads(path.read_text())
        path.unlink()
        return {} if ran.killed else found

    def selected(self, tests: Iterable[str]) -> set[str]:
        """Those of the tests that `testmon select` would let pytest run."""
        answer = self._asked("select", "-0")
        return given((argument for argument in answer.split("\0") if argument), tests)

    def reasons(self) -> list[dict[str, Any]]:
        """What `testmon select` would let pytest run, with the reasons."""
        tests: list[dict[str, Any]] = json.loads(self._asked("select", "--format", "json"))["tests"]
        return tests

    def _asked(self, *question: str) -> str:
        ran = self.run("testmon", *question, caches=False)
        if ran.status:
            raise SystemExit(f"testmon {' '.join(question)} failed in {self.folder}:\n{ran.stderr}")
        return ran.stdout


def given(arguments: Iterable[str], tests: Iterable[str]) -> set[str]:
    """Those of the tests that pytest runs when it is given the arguments."""
    exact = set(arguments)
    return {test for test in tests if not exact.isdisjoint(_holders(test))}


def _holders(test: str) -> Iterator[str]:
    """A test and all that hold it: its function, classes, file and folders."""
    yield test
    name = test.partition("[")[0]
    yield name
    while "::" in name:
        name = name.rpartition("::")[0]
        yield name
    yield from map(str, Path(name).parents)


def _is_text(path: Path) -> bool:
    try:
        path.read_bytes().decode()
    except UnicodeDecodeError:
        return False
    return True


def prepare(name: str, *tools: str) -> Project:
    """Download, unpack and install a project with pytest and the given tools.

    What is there is used again.
    """
    return prepared(RECIPES[name], *tools)


def prepared(recipe: Recipe, *tools: str) -> Project:
    """The same for a project that is not in the table."""
    project = Project(recipe, home_of(recipe.title.replace(" ", "-"), tools))
    if not (project.home / "venv" / "ready").exists():
        clear(project.home)
    # unpacked anew: a run that was killed may have left an edit behind
    _download(recipe, project.home)
    install(project, tools)
    return project


def home_of(title: str, tools: Sequence[str]) -> Path:
    kind = "-".join(_title(tool) for tool in tools)
    return PLACE / f"{title}-{kind}-{sys.version_info.major}.{sys.version_info.minor}"


def _title(tool: str) -> str:
    return "testmon" if Path(tool).is_dir() else tool.partition("=")[0]


def clear(home: Path) -> None:
    print(f"preparing {home}", file=sys.stderr)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)


def install(project: Project, tools: Sequence[str]) -> None:
    """Make the environment of a project, and install a checkout into it again when its sources have changed."""
    ready = project.home / "venv" / "ready"
    wanted = " ".join(digest(Path(tool)) if Path(tool).is_dir() else tool for tool in tools)
    if not ready.exists():
        venv.create(project.home / "venv", with_pip=True)
        itself = () if project.recipe.name == OWN else ("-e", ".")  # it is among the tools
        _pip(project, *itself, "pytest", *project.recipe.needs, *tools)
    elif ready.read_text() != wanted:
        _pip(project, "--force-reinstall", "--no-deps", *tools)
    (packages,) = (project.home / "venv").glob("lib/python*/site-packages")
    (packages / "lab_recorder.py").write_text(RECORDER)
    ready.write_text(wanted)


def _pip(project: Project, *wanted: str) -> None:
    installed = project.run("pip", "install", "-q", *wanted)
    if installed.status:
        raise SystemExit(f"{project.home.name} cannot be installed:\n{installed.stderr}")


def digest(checkout: Path) -> str:
    """What stands for all that is installed from a checkout."""
    found = hashlib.sha256()
    for part in ("testmon_cli", "migrations"):
        for path in sorted((checkout / part).rglob("*.py")):
            found.update(f"{path.relative_to(checkout)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def _download(recipe: Recipe, home: Path) -> None:
    if recipe.name == OWN:
        for part in (recipe.package, "tests", "migrations", "pyproject.toml", "README.md"):
            copy = home / OWN / part
            copy.parent.mkdir(exist_ok=True)
            if (CHECKOUT / part).is_dir():
                left_out = shutil.ignore_patterns("__pycache__")
                shutil.copytree(CHECKOUT / part, copy, dirs_exist_ok=True, ignore=left_out)
            else:
                shutil.copy2(CHECKOUT / part, copy)
        return
    if not (archive := _archive(recipe)):
        options = ["-q", "--no-deps", "--no-binary", recipe.name, "-d", str(PLACE)]
        wanted = f"{recipe.name}=={recipe.version}"
        subprocess.run([sys.executable, "-m", "pip", "download", *options, wanted], check=True)
        archive = _archive(recipe)
    with tarfile.open(archive) as packed:
        packed.extractall(home, filter="data")


def _archive(recipe: Recipe) -> Path | None:
    """The source distribution that was downloaded, however its name is spelt."""
    wanted = f"{recipe.name}-{recipe.version}.tar.gz".lower().replace("_", "-")
    return next(
        (path for path in PLACE.glob("*.tar.gz") if path.name.lower().replace("_", "-") == wanted),
        None,
    )


@contextmanager
def edited(path: Path, text: str | None) -> Iterator[None]:
    """Let a file hold another text for a while, or not be there.

    One that was not there is removed again.
    """
    state, before = (path.stat(), path.read_bytes()) if path.exists() else (None, b"")
    if text is None:
        path.unlink()
    else:
        path.write_bytes(text.encode())
    try:
        yield
    finally:
        if state is None:
            path.unlink()
        else:
            path.write_bytes(before)
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def publish(text: str, page: Path, marker: str, *, write: bool) -> None:
    """Print what was measured, and put it between the markers of a page where that is asked for."""
    print(text)
    if write:
        write_between(page, marker, text)


def write_between(page: Path, marker: str, text: str) -> None:
    """Put text between `<!-- marker -->` and `<!-- end of marker -->` of a page."""
    before, start, rest = page.read_text(encoding="utf-8").partition(f"<!-- {marker} -->\n")
    _, end, after = rest.partition(f"<!-- end of {marker} -->")
    if not start or not end:
        raise SystemExit(f"{page} lacks the markers <!-- {marker} --> and <!-- end of {marker} -->")
    page.write_text(f"{before}{start}\n{text}\n{end}{after}", encoding="utf-8")
