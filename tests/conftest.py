"""Projects in temporary folders, and a guard around every test."""

import functools
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from tests.forks import AVAILABLE, Forks

# The same few examples in each run; `nox -s explore` looks for new ones, and keeps those that fail
# for its next run.
hypothesis.settings.register_profile("fixed", deadline=None, derandomize=True, max_examples=30)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=500, print_blob=True)
hypothesis.settings.load_profile("fixed")

# Variables that change what we, pytest or terminals print; continuous integration sets some of
# them.
_STEERING = (
    "TESTMON_DATAFILE",
    "TESTMON_ENV",
    "TESTMON_HUB",
    "TESTMON_HUB_KEY",
    "TESTMON_SHARD",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "CIRCLECI",
    "BUILDKITE",
    "TF_BUILD",
    "JENKINS_URL",
    "PYTEST_ADDOPTS",
    "CI",
    "BUILD_NUMBER",
    "FORCE_COLOR",
    "NO_COLOR",
    "PYTEST_XDIST_WORKER",
)

# Every process that a test starts would compile all of testmon anew: half of its time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.fixture(scope="session")
def _nowhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nowhere")


@pytest.fixture(scope="session", autouse=True)
def _only_named_plugins() -> Iterator[None]:
    """The suites that tests run load the plugins they name, not all that are installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The key of what is kept of sources is not that of the person who runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@functools.cache
def _started_forks() -> Forks:
    return Forks.start()


@pytest.fixture(scope="session")
def forks() -> Forks:
    """A process that forks for each run of pytest or testmon."""
    return _started_forks()


@pytest.fixture(scope="session", autouse=True)
def _ended_forks() -> Iterator[None]:
    yield
    if _started_forks.cache_info().currsize:
        _started_forks().close()


@pytest.fixture(autouse=True)
def _no_real_datafile(_nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start every test in an empty folder without our variables.

    Fail one that leaves something behind there.
    """
    for variable in _STEERING:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(_nowhere)
    yield
    left = os.listdir(_nowhere)
    for name in left:
        os.unlink(_nowhere / name) if os.path.isfile(_nowhere / name) else None
    assert not left, (
        f"the test wrote {left} in the working directory: it would have touched a real project"
    )


@dataclass(frozen=True)
class Answer:
    """What a command gave."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Project:
    """A project in a temporary folder."""

    path: Path

    def write(self, files: dict[str, str]) -> None:
        """Write files, dedented; a name may hold folders."""
        for name, text in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the one occurrence of a text in a file."""
        text = (self.path / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
        (self.path / name).write_text(text.replace(old, new), encoding="utf-8")

    def run(self, *command: str, stdin: str | None = None, **environ: str) -> Answer:
        """Run a program in the project."""
        done = subprocess.run(
            command,
            cwd=self.path,
            env={**os.environ, **environ},
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def testmon(self, *arguments: str, stdin: str = "", **environ: str) -> Answer:
        """Run our command line in the project, in a fork of a process that has it loaded.

        Where a variable is given that Python reads when it starts, it is a new process.
        """
        if not AVAILABLE or any(name.startswith("PYTHON") for name in environ):
            return self.testmon_process(*arguments, stdin=stdin, **environ)
        given = _started_forks().order(
            "testmon",
            self.path,
            arguments,
            {**os.environ, **environ},
            path=[str(self.path)],
            stdin=stdin,
            answer=self.path.parent / f"{self.path.name}.answer.json",
        )
        return Answer(given["code"], given["out"], given["err"])

    def testmon_process(self, *arguments: str, stdin: str = "", **environ: str) -> Answer:
        """Run our command line in the project as users do: in a new process."""
        return self.run(sys.executable, "-m", "testmon_cli", *arguments, stdin=stdin, **environ)

    def git(self, *arguments: str) -> Answer:
        """Run git in the project with a name and address of its own."""
        identity = (
            "-c",
            "user.name=someone",
            "-c",
            "user.email=someone@example.org",
            "-c",
            "commit.gpgsign=false",
        )
        answer = self.run("git", *identity, *arguments)
        assert answer.code == 0, answer.err
        return answer


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project, with a pyproject.toml so that it is its own root."""
    path = tmp_path / "project"
    path.mkdir()
    (path / "pyproject.toml").write_text("", encoding="utf-8")
    return Project(path)
