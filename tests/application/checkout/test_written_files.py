"""Files that tests write, move or copy, and that others read."""

import textwrap

import pytest

from tests.conftest import Project

# What a first test does, by the name of the data file that a second one reads.
WRITES = {
    "copied": """
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(DATA, folder)
    """,
    "copied_tree": """
        shutil.copytree(DATA.parent, tmp_path / "data")
        shutil.rmtree(tmp_path / "data")
    """,
    "made_folder": "os.makedirs(DATA.parent, exist_ok=True)",
    "made_folder_of_path": "DATA.parent.mkdir(exist_ok=True)",
    "moved_and_back": """
        os.rename(DATA, DATA.with_suffix(".old"))
        os.rename(DATA.with_suffix(".old"), DATA)
    """,
    "folder_moved_and_back": """
        folder = DATA.parent
        os.rename(folder, folder.with_name("elsewhere"))
        shutil.copytree(folder.with_name("elsewhere"), folder)
        shutil.rmtree(folder)
        os.rename(folder.with_name("elsewhere"), folder)
    """,
    "linked_by_name": "os.symlink(DATA, tmp_path / 'link')",
    "linked": """
        os.link(DATA, DATA.with_suffix(".link"))
        DATA.with_suffix(".link").unlink()
    """,
    "restored": """
        before = DATA.read_text()
        DATA.write_text("something else")
        DATA.write_text(before)
    """,
    "written_the_same": 'DATA.write_text("as it was")',
    "written_by_others": 'DATA.write_text("as it is not")',
    "database": "sqlite3.connect(DATA).close()",
    "opened_to_write": 'DATA.open("r+").close()',
    "removed_in_another_folder": """
        other = tmp_path / DATA.name
        other.write_text("x")
        folder = os.open(tmp_path, os.O_RDONLY)
        monkeypatch.chdir(DATA.parent)
        os.remove(DATA.name, dir_fd=folder)
        os.close(folder)
    """,
}


def source_of(name: str, doing: str) -> str:
    body = textwrap.indent(textwrap.dedent(doing).strip(), "    ")
    return f"""\
import os, pathlib, shutil, sqlite3, tempfile

DATA = pathlib.Path(__file__).parent / "{name}" / "{name}.txt"

def test_writes(tmp_path, monkeypatch):
{body}

def test_reads(monkeypatch):
    monkeypatch.chdir(DATA.parent)
    assert open(DATA.name).read()
"""


def test_others_rely_on_a_file_that_a_test_wrote(project: Project) -> None:
    project.write({"pytest.ini": "[pytest]\n"})
    for name, doing in WRITES.items():
        text = "as it is not" if name == "written_by_others" else "as it was"
        project.write({f"{name}/{name}.txt": text, f"test_{name}.py": source_of(name, doing)})
    assert project.testmon("collect", "-q").code == 0
    assert project.testmon("select").out == ""
    for name in WRITES:
        project.write({f"{name}/{name}.txt": "edited"})
    selected = set(project.testmon("select").out.splitlines())
    assert {f"test_{name}.py::test_reads" for name in WRITES} - selected == set()


MADE = """
    import os, pathlib, subprocess, shutil
    import pytest

    def test_made():
        subprocess.run("touch made.txt && mkdir -p folder/inner", shell=True, check=True)
        assert os.path.exists("made.txt") and os.path.isdir("folder")
        os.remove("made.txt")
        shutil.rmtree("folder")

    def test_own_file():
        pathlib.Path("own.txt").write_text("x")
        assert open("own.txt").read() == "x"
        os.remove("own.txt")

    @pytest.fixture
    def settings():
        before = pathlib.Path("settings.ini").read_text()
        pathlib.Path("settings.ini").write_text("[other]")
        yield
        pathlib.Path("settings.ini").write_text(before)

    def test_settings(settings):
        assert open("settings.ini").read() == "[other]"

    @pytest.fixture(scope="module")
    def table():
        pathlib.Path("table.txt").write_text("made anew")

    def test_table(table):
        assert open("table.txt").read() == "made anew"

    def test_out():
        pathlib.Path("out.txt").write_text("made anew")
        assert open("out.txt").read() == "made anew"

    def test_log():
        with open("all.log", "a") as log:
            log.write("first")

    def test_log_too():
        with open("all.log", "a") as log:
            log.write("second")
    """


def test_what_tests_make_for_themselves_selects_nothing(project: Project) -> None:
    project.write({"test_made.py": MADE, "settings.ini": "[own]", "all.log": "before"})
    project.write({"table.txt": "made anew", "out.txt": "made anew"})
    assert project.testmon("collect", "-q").code == 0
    assert project.testmon("select").out == ""
    for name in ("table.txt", "out.txt"):  # as they are in a fresh checkout
        (project.path / name).unlink()
    assert project.testmon("select").out == ""


def test_a_file_that_was_made_and_removed_may_not_be_there_at_first(project: Project) -> None:
    source = """
        import os, pathlib

        def test_makes():
            pathlib.Path("local.ini").write_text("x")
            os.remove("local.ini")

        def test_looks():
            assert not os.path.exists("local.ini")
        """
    project.write({"test_made.py": source})
    assert project.testmon("collect", "-q").code == 0
    assert project.testmon("select").out == ""
    project.write({"local.ini": "x"})
    assert project.testmon("select").out.splitlines() == ["test_made.py::test_looks"]


@pytest.mark.parametrize("name", ["data.txt", "inner/data.txt"])
def test_a_folder_that_is_removed_elsewhere_is_none_of_the_project(
    project: Project, name: str
) -> None:
    source = f"""
        import os, shutil

        def test_removes(tmp_path):
            (tmp_path / "copy" / "inner").mkdir(parents=True)
            (tmp_path / "copy" / "{name}").write_text("x")
            shutil.rmtree(tmp_path / "copy")

        def test_reads():
            assert open("{name}").read()
        """
    project.write({"test_it.py": source, name: "1"})
    assert project.testmon("collect", "-q").code == 0
    project.write({name: "2"})
    assert project.testmon("select").out.splitlines() == ["test_it.py::test_reads"]
