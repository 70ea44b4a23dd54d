"""The Python that tests run with, and what to do where another one is asked."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from testmon_cli.domain.causes import Kind
from testmon_cli.domain.errors import EnvironmentFailure
from testmon_cli.domain.records import INTERPRETER, Package, Run
from testmon_cli.domain.selection import Selection
from testmon_cli.storage.datafile import Datafile

FACT: Final = INTERPRETER  # under which a run keeps where its Python is
# Set for a command that another Python was asked to answer, so that it answers by itself.
_ASKED_VARIABLE: Final = "_TESTMON_ASKED"


def python_tag() -> str:
    """Version of this Python, like "3.12".

    The text also names another implementation than CPython, and flags (the "t" of free threading).
    """
    name = "" if sys.implementation.name == "cpython" else sys.implementation.name
    return f"{name}{sys.version_info.major}.{sys.version_info.minor}{getattr(sys, 'abiflags', '')}"


def platform_tag() -> str:
    """System and machine, like "linux-x86_64"."""
    machine = (
        os.uname().machine if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", "")
    )
    return "-".join(filter(None, (sys.platform, machine.lower())))


def fact() -> dict[str, str]:
    """Describe the Python that runs the tests, as a fact of the run."""
    return {"executable": sys.executable, "prefix": sys.prefix}


def is_another(datafile: Datafile, run: Run, installed: Callable[[], Sequence[Package]]) -> bool:
    """Tell whether a run used another Python: this one has no pytest.

    Its packages say nothing then.
    """
    if run.mapping(FACT).get("prefix") == sys.prefix:
        return False  # mostly: no more has to be read
    names = {package.name for package in datafile.packages(run.id)}
    return "pytest" in names and not any(package.name == "pytest" for package in installed())


def with_note(selection: Selection, run: Run) -> Selection:
    """Add a note to a selection where another Python was asked, so that packages count as changed.

    `run` is the run that the packages were compared with.
    """
    other = hint(run)
    if not other or not any(
        t.reason.cause is not None and t.reason.cause.origin.kind is Kind.PACKAGE
        for t in selection.tests
    ):
        return selection
    note = (
        f"the tests ran with another Python than {sys.executable}, which has other packages{other}"
    )
    return selection._replace(notes=(*selection.notes, note))


def hint(run: Run | None) -> str:
    """How to ask the Python that a run used, if that is another one and is there; else ""."""
    recorded: Mapping[str, object] = run.mapping(FACT) if run is not None else {}
    executable = str(recorded.get("executable", ""))
    if recorded.get("prefix") == sys.prefix or not os.path.exists(executable):
        return ""
    return f"; --python {executable} asks that one"


# --python


def is_to_be_asked(python: str) -> bool:
    """Tell whether a Python that a user names has to answer.

    Not if this process is already that answer.
    """
    return bool(python) and _ASKED_VARIABLE not in os.environ


def ask(python: str, arguments: Sequence[str], directory: str | None = None) -> int:
    """Let the testmon that is installed for a Python, or in a virtual environment, answer.

    Returns its exit code.

    Raises EnvironmentFailure when there is no such Python, or no testmon.
    """
    import subprocess

    place = _executable(python)
    environ = {**os.environ, _ASKED_VARIABLE: "1"}
    try:
        # What it prints shows that it is a Python: another program may end well, whatever it is
        # asked.
        look = [place, "-c", "import testmon_cli.cli; print('testmon')"]
        if (
            subprocess.run(look, cwd=directory, capture_output=True, check=False).stdout.strip()
            != b"testmon"
        ):
            raise EnvironmentFailure(
                f"--python {python}: it has no testmon; name the one that ran `testmon collect`"
            )
        command = [place, "-m", "testmon_cli", *arguments]
        code = subprocess.run(command, cwd=directory, env=environ, check=False).returncode
    except OSError as error:
        raise EnvironmentFailure(f"--python {python}: cannot be run: {error.strerror}") from error
    return code if code >= 0 else 128 - code


def _executable(python: str) -> str:
    for name in ("bin/python", "Scripts/python.exe"):
        if os.path.isfile(os.path.join(python, name)):
            return os.path.abspath(os.path.join(python, name))
    return os.path.abspath(python) if os.path.dirname(python) else python
