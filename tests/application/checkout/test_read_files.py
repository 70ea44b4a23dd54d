"""Ways in which a test reads a file or a variable."""

import textwrap

import pytest

from tests.conftest import Project

# What a test does with the file DATA, of which NAME is the name in the folder above.
READS = {
    "text_of_a_command": """
        run("import sys; open(sys.argv[1]).read()", DATA)
    """,
    "text_of_a_command_with_a_path": """
        run(f"import pathlib; pathlib.Path({str(DATA)!r}).read_text()")
    """,
    "script_elsewhere": """
        script = tmp_path / "script.py"
        script.write_text(f"print(open({str(DATA)!r}).read())")
        subprocess.run([sys.executable, str(script)], check=True)
    """,
    "pool_of_processes": """
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.map(pathlib.Path.read_text, [DATA])
    """,
    "value_of_an_option": 'subprocess.run(["true", f"--file={DATA}"], check=True)',
    "database_by_address": """
        with contextlib.closing(sqlite3.connect(f"file:{DATA}?mode=ro", uri=True)) as database:
            with contextlib.suppress(sqlite3.DatabaseError):
                database.execute("select 1 from t").fetchall()
    """,
    "certificates": """
        with contextlib.suppress(ssl.SSLError):
            ssl.create_default_context(cafile=str(DATA))
    """,
    "certificate_of_a_server": """
        with contextlib.suppress(ssl.SSLError):
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certfile=DATA)
    """,
    "size": "os.path.getsize(DATA)",
    "age": "os.path.getmtime(DATA)",
    "state_of_a_path": "DATA.stat()",
    "own_state_of_a_path": "DATA.lstat()",
}
# What a test asks about the place DATA, where nothing is when it is run.
QUESTIONS = {
    "exists": "os.path.exists(DATA)",
    "exists_as_a_link": "os.path.lexists(DATA)",
    "is_a_file": "os.path.isfile(DATA)",
    "is_a_folder": "DATA.is_dir()",
    "is_a_link": "os.path.islink(DATA)",
    "is_a_link_by_a_path": "DATA.is_symlink()",
    "may_be_read": "os.access(DATA, os.R_OK)",
    "may_be_run": "shutil.which(NAME, path=DATA.parent)",
    "has_a_size": """
        with contextlib.suppress(OSError):
            os.path.getsize(DATA)
    """,
    "has_a_state": """
        with contextlib.suppress(OSError):
            DATA.stat()
    """,
}
HEAD = """\
import contextlib, multiprocessing, os, pathlib, shutil, sqlite3, ssl, subprocess, sys

def run(text, *arguments):
    subprocess.run([sys.executable, "-c", text, *map(str, arguments)], check=True)
"""


def source_of(forms: dict[str, str]) -> str:
    tests = [
        f"def test_{name}(tmp_path):\n"
        f'    NAME = "{name}.txt"\n'
        f"    DATA = pathlib.Path(__file__).parent / NAME\n"
        f"{textwrap.indent(textwrap.dedent(doing).strip(), '    ')}\n"
        for name, doing in forms.items()
    ]
    return "\n".join((HEAD, *tests))


def test_a_file_is_seen_however_it_is_read(project: Project) -> None:
    files = {f"{name}.txt": "as it was" for name in READS}
    project.write({"pytest.ini": "[pytest]\n", "test_reads.py": source_of(READS), **files})
    assert project.testmon("collect", "-q").code == 0
    assert project.testmon("select").out == ""
    for name in READS:
        project.write({f"{name}.txt": "another"})
        assert project.testmon("select").out == f"test_reads.py::test_{name}\n"
        project.write({f"{name}.txt": "as it was"})


def test_a_place_is_seen_however_it_is_asked_for(project: Project) -> None:
    project.write({"pytest.ini": "[pytest]\n", "test_asks.py": source_of(QUESTIONS)})
    assert project.testmon("collect", "-q").code == 0
    assert project.testmon("select").out == ""
    for name in QUESTIONS:
        project.write({f"{name}.txt": ""})
        assert project.testmon("select").out == f"test_asks.py::test_{name}\n"
        (project.path / f"{name}.txt").unlink()


def test_what_a_question_does_not_ask_for_does_not_count(project: Project) -> None:
    names = {
        "exists": "DATA.exists()",
        "resolved": "DATA.resolve()",
        "may_be_read": "os.access(DATA, os.R_OK)",
        "listed": "[path for path in DATA.parent.glob('*.txt') if path.is_file()]",
    }
    files = {f"{name}.txt": "as it was" for name in names}
    project.write({"pytest.ini": "[pytest]\n", "test_asks.py": source_of(names), **files})
    assert project.testmon("collect", "-q").code == 0
    project.write(dict.fromkeys(files, "another"))
    assert project.testmon("select").out == ""


def test_the_age_of_a_source_does_not_count(project: Project) -> None:
    project.write(
        {
            "pytest.ini": "[pytest]\n",
            "shop.py": "def price():\n    return 1\n",
            "test_age.py": """\
                import pathlib

                def test_age():
                    assert (pathlib.Path(__file__).parent / "shop.py").stat().st_mtime > 0
                """,
        }
    )
    assert project.testmon("collect", "-q").code == 0
    project.write({"shop.py": "def price():\n    return 2\n"})
    assert project.testmon("select").out == ""


@pytest.mark.parametrize("text", ["import os; os.environ['SHOP']", "import os; os.getenv('SHOP')"])
def test_a_variable_that_a_command_reads_is_seen(
    project: Project, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    project.write(
        {
            "pytest.ini": "[pytest]\n",
            "test_command.py": f"""\
                import subprocess, sys

                def test_command():
                    subprocess.run([sys.executable, "-c", {text!r}], check=True)
                """,
        }
    )
    monkeypatch.setenv("SHOP", "open")
    assert project.testmon("collect", "-q").code == 0
    assert project.testmon("select").out == ""
    monkeypatch.setenv("SHOP", "closed")
    assert project.testmon("select").out == "test_command.py::test_command\n"


def test_the_checks_of_the_system_stay_known_for_what_they_can(project: Project) -> None:
    """Code asks by the function itself, whether it takes folders and effective users."""
    project.write(
        {
            "pytest.ini": "[pytest]\n",
            "test_able.py": """\
                import os

                def test_able():
                    assert os.access in os.supports_effective_ids
                """,
        }
    )
    assert project.testmon("collect", "-q").code == 0
