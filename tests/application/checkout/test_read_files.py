"""Ways in which a test reads a file or a variable."""

import textwrap

import pytest

from tests.conftest import Project

# What a test does with the file DATA, which is alone in its folder.
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
    "command_of_a_shell": 'subprocess.run(["bash", "-e", "-uc", f"cat {DATA}"], check=True)',
    "folder_that_a_program_is_given": 'subprocess.run(["ls", DATA.parent], check=True)',
    "folder_that_a_shell_goes_to": """
        subprocess.run(f"cd {DATA.parent} && cat *.txt", shell=True, check=True)
    """,
    "folder_that_a_program_starts_in": """
        subprocess.run("cat *.txt", shell=True, cwd=DATA.parent, check=True)
    """,
    "folder_that_a_test_goes_to": """
        os.chdir(DATA.parent)
        try:
            os.system("cat *.txt")
        finally:
            os.chdir("..")
    """,
    "program_in_place_of_a_fork": """
        child = os.fork()
        if child == 0:
            os.execvp("cat", ["cat", str(DATA)])
        os.waitpid(child, 0)
    """,
    "compiled_library": """
        with contextlib.suppress(OSError):
            ctypes.CDLL(DATA)
    """,
    "lines": "linecache.getlines(str(DATA))",
    "examples": "doctest.testfile(str(DATA), module_relative=False)",
    "inner_run": """
        (tmp_path / "test_inner.py").write_text(f"def test(): assert open({str(DATA)!r}).read()")
        assert pytest.main([str(tmp_path), "-q", "-p", "no:cacheprovider"]) == 0
    """,
    "inner_run_of_a_child": """
        (tmp_path / "test_inner.py").write_text(f"def test(): assert open({str(DATA)!r}).read()")
        subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=tmp_path, check=True)
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
    "is_followed": """
        with contextlib.suppress(OSError):
            DATA.resolve(strict=True)
    """,
    "may_be_read": "os.access(DATA, os.R_OK)",
    "may_be_run": "shutil.which(DATA.name, path=DATA.parent)",
    "has_a_size": """
        with contextlib.suppress(OSError):
            os.path.getsize(DATA)
    """,
    "has_a_state": """
        with contextlib.suppress(OSError):
            DATA.stat()
    """,
}
# What a test does with the environment variable NAME.
VARIABLES = {
    "text_of_a_command": 'run("import os, sys; os.environ[sys.argv[1]]", NAME)',
    "function_of_a_command": 'run("import os, sys; os.getenv(sys.argv[1])", NAME)',
    "command_of_a_shell": 'subprocess.run(f"echo ${NAME}", shell=True, check=True)',
    "command_of_the_system": 'os.system(f"echo ${{{NAME}}}")',
    "command_with_an_environment": """
        given = {**os.environ, "OTHER": "1"}
        subprocess.run(["sh", "-ec", f"echo ${NAME}"], env=given, check=True)
    """,
    "thread": """
        thread = threading.Thread(target=os.getenv, args=(NAME,))
        thread.start()
        thread.join()
    """,
    "pool_of_processes": """
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.map(os.getenv, [NAME])
    """,
}
HEAD = """\
import contextlib, ctypes, doctest, linecache, multiprocessing, os, pathlib, shutil, sqlite3
import ssl, subprocess, sys, threading, traceback
import pytest

def run(text, *arguments):
    subprocess.run([sys.executable, "-c", text, *map(str, arguments)], check=True)
"""


def source_of(name: str, doing: str) -> str:
    body = textwrap.indent(textwrap.dedent(doing).strip(), "    ")
    return f"""{HEAD}
NAME = "{name}"
DATA = pathlib.Path(__file__).parent / NAME / f"{{NAME}}.txt"

def test_it(tmp_path):
{body}
"""


def sources_of(forms: dict[str, str]) -> dict[str, str]:
    return {f"test_{name}.py": source_of(name, doing) for name, doing in forms.items()}


def test_a_file_is_seen_however_it_is_read(project: Project) -> None:
    files = {name: f"{name}/{name}.txt" for name in READS}
    project.write({"pytest.ini": "[pytest]\n", **sources_of(READS)})
    project.write(dict.fromkeys(files.values(), "as it was"))
    assert project.testmon("collect", "-q").code == 0
    assert project.testmon("select").out == ""
    for name, file in files.items():
        project.write({file: "another"})
        assert project.testmon("select").out == f"test_{name}.py::test_it\n"
        project.write({file: "as it was"})


def test_a_place_is_seen_however_it_is_asked_for(project: Project) -> None:
    project.write({"pytest.ini": "[pytest]\n", **sources_of(QUESTIONS)})
    assert project.testmon("collect", "-q").code == 0
    assert project.testmon("select").out == ""
    for name in QUESTIONS:
        project.write({f"{name}/{name}.txt": ""})
        assert project.testmon("select").out == f"test_{name}.py::test_it\n"
        (project.path / name / f"{name}.txt").unlink()


def test_a_variable_is_seen_however_it_is_read(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write({"pytest.ini": "[pytest]\n", **sources_of(VARIABLES)})
    for name in VARIABLES:
        monkeypatch.setenv(name, "as it was")
    assert project.testmon("collect", "-q").code == 0
    assert project.testmon("select").out == ""
    for name in VARIABLES:
        monkeypatch.setenv(name, "another")
        assert project.testmon("select").out == f"test_{name}.py::test_it\n"
        monkeypatch.setenv(name, "as it was")


def test_what_a_question_does_not_ask_for_does_not_count(project: Project) -> None:
    questions = {
        "exists": "DATA.exists()",
        "resolved": "DATA.resolve()",
        "may_be_read": "os.access(DATA, os.R_OK)",
        "listed": "[path for path in DATA.parent.glob('*.txt') if path.is_file()]",
        "history": 'subprocess.run(["git", "status"], cwd=DATA.parent)',
        "folder_of_a_traced_program": 'run("pass", DATA.parent)',
        "shown": """
            traceback.StackSummary.from_list([(str(DATA), 1, "f", None)]).format()
        """,
    }
    files = [f"{name}/{name}.txt" for name in questions]
    project.write({"pytest.ini": "[pytest]\n", **sources_of(questions)})
    project.write(dict.fromkeys(files, "as it was"))
    assert project.testmon("collect", "-q").code == 0
    project.write(dict.fromkeys(files, "another"))
    assert project.testmon("select").out == ""


def test_sources_where_a_program_starts_do_not_count(project: Project) -> None:
    project.write(
        {
            "pytest.ini": "[pytest]\n",
            "shop/price.py": "def price():\n    return 1\n",
            "shop/prices.txt": "1",
            "test_it.py": """\
                import subprocess

                def test_it():
                    subprocess.run(["true"], cwd="shop", check=True)
                """,
        }
    )
    assert project.testmon("collect", "-q").code == 0
    project.write({"shop/price.py": "def price():\n    return 2\n"})
    assert project.testmon("select").out == ""
    project.write({"shop/prices.txt": "2"})
    assert project.testmon("select").out == "test_it.py::test_it\n"


def test_an_example_that_a_test_of_a_plugin_copies_counts(project: Project) -> None:
    project.write(
        {
            "pytest.ini": "[pytest]\npytester_example_dir = examples\n",
            "conftest.py": 'pytest_plugins = ["pytester"]\n',
            "examples/example.txt": ">>> 1 + 1\n2\n",
            "test_plugin.py": """\
                def test_plugin(pytester):
                    pytester.copy_example("example.txt")
                    pytester.runpytest("--doctest-glob=*.txt").assert_outcomes(passed=1)
                """,
        }
    )
    assert project.testmon("collect", "-q").code == 0
    assert project.testmon("select").out == ""
    project.write({"examples/example.txt": ">>> 1 + 1\n3\n"})
    assert project.testmon("select").out == "test_plugin.py::test_plugin\n"


def test_the_password_of_a_certificate_is_not_stored(project: Project) -> None:
    loading = """
        with contextlib.suppress(ssl.SSLError):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(DATA, password="-".join(("not", "to", "be", "kept")))
    """
    project.write({"pytest.ini": "[pytest]\n", **sources_of({"certificate": loading})})
    project.write({"certificate/certificate.txt": "1"})
    assert project.testmon("collect", "-q").code == 0
    assert b"not-to-be-kept" not in (project.path / ".testmondata").read_bytes()


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
