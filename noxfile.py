"""Sessions: `python -m nox -l` lists them, `python -m nox -s tests` runs one.

Every session makes its own virtual environment with venv and pip; nothing else has to be there.
"""

import os
import subprocess
import sys
from pathlib import Path

import nox

SUPPORTED = ("3.11", "3.12", "3.13", "3.14", "3.15")
SCRIPTS = Path("benchmarks")
# Suites that run plain pytest and testmon on small projects, and compare: half of all the time.
COMPARING = [f"tests/{name}" for name in ("scenarios", "compatibility", "differential")]
# Of the other tests, those of what may come out otherwise from one Python to the next, and of the
# command line as a whole.
ON_EACH_PYTHON = [
    f"tests/{name}"
    for name in (
        "analysis", "domain", "storage", "tracing", "test_cli.py", "test_faults.py",
        "commands/test_collect.py", "commands/test_diff.py", "commands/test_report_coverage.py",
    )
]  # fmt: skip
PROJECT = nox.project.load_toml("pyproject.toml")


def _runs(program: str, version: str) -> bool:
    """Tell whether a program is CPython of this version; a shim on PATH may be none at all."""
    code = "import sys; print(sys.implementation.name, *sys.version_info[:2], sep='.')"
    try:
        answer = subprocess.run([program, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return answer.stdout.strip() == f"cpython.{version}"


def _find_interpreters() -> list[str]:
    """The versions that can be tested.

    Those that only pyenv has are put on PATH, where nox looks for them.
    """
    found = []
    for version in SUPPORTED:
        name = f"python{version}"
        folders = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin"), reverse=True)
        if _runs(name, version):
            found.append(version)
        elif folder := next(
            (folder for folder in folders if _runs(str(folder / name), version)), None
        ):
            os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
            found.append(version)
    return found


FOUND = _find_interpreters()
MISSING = [version for version in SUPPORTED if version not in FOUND]
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHON = OWN if OWN in FOUND else next(iter(FOUND), "3.11")  # for sessions that need only one

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests", "lint", "types", "docs"]


def _group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(PROJECT, name))


@nox.session(python=PYTHON)
def demo(session: nox.Session) -> None:
    """Show collect, an edit, diff, select and report on the bundled example."""
    session.install("-q", ".")
    session.run("python", "examples/demo.py", *session.posargs)


@nox.session(python=PYTHON, name="team-week")
def team_week(session: nox.Session) -> None:
    """Play a week of a team that shares a hub, and compare each step with plain pytest.

    `--on s3`, `--small`.
    """
    session.install("-q", ".", *_group("hubs"))
    session.run("python", "examples/team-week/week.py", *session.posargs)


@nox.session(python=FOUND or [PYTHON])
def tests(session: nox.Session) -> None:
    """Run the fast tests on each CPython found from 3.11 up: see `_tests_on`."""
    if MISSING:
        session.warn(
            f"not found, so not tested: {', '.join('Python ' + version for version in MISSING)}"
        )
    is_first = session.python == (FOUND or [PYTHON])[0]
    session.install("-q", "-e", ".", *_group("test"), *(_group("hubs") if is_first else ()))
    chosen = session.posargs or ["-n", "auto", *_tests_on(str(session.python))]
    # No test is left out because a tool that it is about is not there.
    session.run("python", "-m", "pytest", *chosen, env={"TESTMON_TEST_ALL": "1"})


def _tests_on(python: str) -> list[str]:
    """Arguments for pytest: the fast tests, all of them on the first and the last Python.

    On those between them, what depends on how that Python compiles, imports and runs code.
    """
    pythons = FOUND or [PYTHON]
    if python not in (pythons[0], pythons[-1]):
        return ["-m", "not slow", *ON_EACH_PYTHON]
    return ["-m", "not slow", *(f"--ignore={path}" for path in COMPARING)]


@nox.session(python=FOUND or [PYTHON])
def scenarios(session: nox.Session) -> None:
    """Compare testmon with plain pytest on small projects, on each CPython found."""
    session.install("-q", "-e", ".", *_group("test"))
    chosen = session.posargs or ["-n", "auto", "-m", "not slow", *COMPARING]
    session.run("python", "-m", "pytest", *chosen, env={"TESTMON_TEST_ALL": "1"})


@nox.session(python=(FOUND or [PYTHON])[0])
def slow(session: nox.Session) -> None:
    """Run the tests that build, install or start many things, on the first CPython found."""
    session.install("-q", "-e", ".", *_group("test"), *_group("hubs"))
    chosen = session.posargs or ["-n", "auto", "-m", "slow"]
    # No test is left out because a tool that it is about is not there.
    session.run("python", "-m", "pytest", *chosen, env={"TESTMON_TEST_ALL": "1"})


@nox.session(python=PYTHON)
def affected(session: nox.Session) -> None:
    """Run the tests that an edit can affect, with testmon itself.

    A second or two instead of all of `tests`.
    """
    session.install("-q", "-e", ".", *_group("test"))
    # Of those that run `testmon collect` it cannot know what they run there: it would select them
    # every time.
    chosen = session.posargs or [
        "-q",
        "-n",
        "auto",
        "tests/analysis",
        "tests/rendering",
        "tests/storage",
    ]
    session.run("testmon", "collect", "--select", "--", *chosen)


@nox.session(python=PYTHON)
def explore(session: nox.Session) -> None:
    """Look for new examples that break a property: hundreds of random ones for each."""
    session.install("-q", "-e", ".", *_group("test"))
    chosen = session.posargs or [
        "-q",
        "-m",
        "hypothesis",
        "tests/analysis",
        "tests/application",
        "tests/storage",
    ]
    session.run(
        "python",
        "-m",
        "pytest",
        "--hypothesis-profile",
        "explore",
        "--hypothesis-show-statistics",
        *chosen,
    )


@nox.session(python=(FOUND or [PYTHON])[0])
def lowest(session: nox.Session) -> None:
    """Run the fast tests with the lowest release of every dependency that pyproject.toml allows."""
    session.install("-q", "-e", ".", *_group("test"), *_group("hubs"))
    extras = PROJECT["project"]["optional-dependencies"].values()
    lowest_of_each = [
        *PROJECT["project"]["dependencies"],
        *(line for lines in extras for line in lines),
    ]
    session.install("-q", *(line.replace(">=", "==") for line in lowest_of_each))
    # Old releases warn of a Python newer than they are: only here, warnings are no errors.
    session.run("python", "-m", "pytest", "-m", "not slow", "-W", "default", *session.posargs)
    session.run("python", "-m", "pytest", "-m", "slow", "-W", "default", "tests/hubs")


@nox.session(python=PYTHON)
def lint(session: nox.Session) -> None:
    """Check style, format, layers, and that generated files are current."""
    session.install("-q", "-e", ".", *_group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    session.run("python", "-m", "testmon_cli.storage.generate", "--check")
    session.run("python", "docs/generate.py", "--check")


@nox.session(python=PYTHON)
def types(session: nox.Session) -> None:
    """Check the types of the package and of this file."""
    session.install("-q", "-e", ".", "nox", *_group("types"))
    session.run("mypy")


@nox.session(python=PYTHON)
def docs(session: nox.Session) -> None:
    """Build the documentation into site/, with warnings as errors.

    `-- serve` shows it while it is written.
    """
    session.install("-q", *_group("docs"))
    session.run("zensical", *(session.posargs or ["build", "--strict", "--clean"]))


@nox.session(python=PYTHON)
def generate(session: nox.Session) -> None:
    """Write the generated files anew: the SQL of the datafile and the pages made from code."""
    session.install("-q", "-e", ".")
    session.run("python", "-m", "testmon_cli.storage.generate")
    session.run("python", "docs/generate.py")


@nox.session(python=FOUND or [PYTHON])
def bench(session: nox.Session) -> None:
    """Measure what collect and select cost."""
    _script(session, "bench")


@nox.session(python=FOUND or [PYTHON])
def scaling(session: nox.Session) -> None:
    """Measure what collecting adds to a test in projects of more and more sources."""
    session.install("-q", "pytest")
    _script(session, "scaling")


@nox.session(python=PYTHON)
def real(session: nox.Session) -> None:
    """Try the main job on the test suites of real projects."""
    _script(session, "real")


@nox.session(python=FOUND or [PYTHON])
def engines(session: nox.Session) -> None:
    """Compare what the two engines see on the test suites of real projects."""
    _script(session, "engines")


@nox.session(python=PYTHON)
def compare(session: nox.Session) -> None:
    """Count what is selected after mutations, beside pytest-testmon."""
    _script(session, "compare")


@nox.session(python=PYTHON)
def others(session: nox.Session) -> None:
    """Count which tests other tools run after edits of one project: `-- FOLDER PACKAGE`."""
    _script(session, "others")


@nox.session(python=PYTHON)
def watching(session: nox.Session) -> None:
    """Measure how soon `watch` has a result: `-- FILE OLD NEW TESTS`, started in a project."""
    _script(session, "watching")


@nox.session(python=PYTHON)
def arena(session: nox.Session) -> None:
    """Try edits of every kind on real projects that testmon was not made with."""
    _script(session, "arena")


@nox.session(python=PYTHON)
def replay(session: nox.Session) -> None:
    """Replay commits of real projects, beside pytest-testmon."""
    _script(session, "replay")


@nox.session(python=PYTHON)
def answers(session: nox.Session) -> None:
    """Measure how long select takes after one edit in real projects."""
    _script(session, "answers")


@nox.session(python=PYTHON)
def covered(session: nox.Session) -> None:
    """Compare the coverage of the report with what coverage.py measures, on ten real projects."""
    _script(session, "covered")


@nox.session(python=PYTHON)
def balance(session: nox.Session) -> None:
    """Measure how evenly `testmon plan` divides recorded suites."""
    _script(session, "balance")


@nox.session(python=PYTHON)
def hubs(session: nox.Session) -> None:
    """Measure what pushing and pulling a day's results costs in a project of 100,000 tests."""
    session.install("-q", *_group("hubs"))
    _script(session, "hubs")


@nox.session(python=PYTHON)
def trust(session: nox.Session) -> None:
    """Write what replays of real projects found into the page on trust.

    NAME=FILE takes a new one in.
    """
    _script(session, "trust")


@nox.session(name="measure-code", python=PYTHON)
def measure_code(session: nox.Session) -> None:
    """Measure how the source reads; revisions after `--` are shown beside it."""
    session.run("python", str(SCRIPTS / "measure_code.py"), *session.posargs)


def _script(session: nox.Session, name: str) -> None:
    session.install("-q", "-e", ".")  # the projects get environments of their own
    session.run("python", str(SCRIPTS / f"{name}.py"), *session.posargs)
