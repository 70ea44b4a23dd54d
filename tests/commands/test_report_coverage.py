"""`testmon report --coverage`: a data file that coverage.py accepts, with the lines it would have measured itself."""

import io
import re
import sys

import coverage
import pytest

from tests.conftest import Project

FILES = {
    "pyproject.toml": "",
    "shop/__init__.py": "",
    "shop/price.py": '''
        """Prices."""

        import sys
        from typing import TYPE_CHECKING

        if TYPE_CHECKING:
            from decimal import Decimal

        try:
            import json
        except ImportError:
            json = None

        if sys.version_info < (3, 8):
            OLD = True
        else:
            OLD = False

        RATES = {
            "book": 2,
            "pen": 3,
        }


        class Till:
            """Counts."""

            limit = 100

            @property
            def full(
                self,
            ):
                """Whether it is."""
                return self.limit <= 0

            def unused(self):
                return 1


        def rate(kind, loud=False):
            try:
                found = RATES[kind]
            except KeyError:
                return 0
            except TypeError:
                raise
            else:
                if loud:
                    print(found)
                for i in range(2):
                    found += i
            match found:
                case 1:
                    return 1
                case 3:
                    return 3
                case _:
                    return found


        def never():
            for i in range(3):
                print(i)


        if __name__ == "__main__":
            print(rate("pen"))
        ''',
    "shop/unused.py": "A = 1\n",
    "test_price.py": """
        import pytest

        from shop import price


        @pytest.fixture(scope="session")
        def till():
            yield price.Till()
            print("over")


        def test_rate():
            assert price.rate("book") == 3


        def test_unknown():
            assert price.rate("ship") == 0


        def test_full(till):
            assert not till.full
        """,
}


def read(project: Project, datafile: str) -> coverage.Coverage:
    """A data file, as the commands of coverage.py read it."""
    found = coverage.Coverage(data_file=str(project.path / datafile), config_file=False)
    found.load()
    return found


def lines_of(project: Project, datafile: str) -> dict[str, list[int]]:
    """The lines that coverage.py says ran, by path."""
    found = read(project, datafile)
    lines = {}
    for path in found.get_data().measured_files():
        _, statements, _, missing, _ = found.analysis2(path)
        lines[path.removeprefix(f"{project.path}/")] = sorted({*statements} - {*missing})
    return lines


def write_report(project: Project, name: str = "ours.coverage") -> dict[str, list[int]]:
    answer = project.testmon("report", "--coverage", name)
    assert answer.code == 0, answer.err
    return lines_of(project, name)


@pytest.mark.parametrize("engine", ["probes", "coverage"])
def test_it_is_what_coverage_measures(project: Project, engine: str) -> None:
    project.write(FILES)
    assert project.testmon("collect", "-q", "--engine", engine).code == 0
    measured = project.run(
        sys.executable, "-m", "coverage", "run", "--source=.", "--data-file=plain", "-m", "pytest"
    )
    assert measured.code == 0
    expected = lines_of(project, "plain")
    assert expected["shop/unused.py"] == []  # which nothing imported
    assert write_report(project) == expected


def _branches(project: Project, datafile: str) -> set[tuple[str, int, int]]:
    """The branches that coverage.py says ran."""
    found = read(project, datafile)
    return {
        (path.removeprefix(f"{project.path}/"), start, end)
        for path in found.get_data().measured_files()
        for start, ends in found._analyze(path).executed_branch_arcs().items()
        for end in ends
    }


def test_branches_are_those_that_coverage_measures(project: Project) -> None:
    """But for those of which it cannot be known, which are said."""
    project.write(FILES)
    assert project.testmon("collect", "-q").code == 0
    options = ("--branch", "--source=.", "--data-file=plain")
    assert project.run(sys.executable, "-m", "coverage", "run", *options, "-m", "pytest").code == 0
    answer = project.testmon("report", "--coverage", "ours.coverage", "--branch")
    assert (answer.code, lines_of(project, "ours.coverage")) == (0, lines_of(project, "plain"))
    assert _branches(project, "ours.coverage") == _branches(project, "plain")
    assert answer.err.splitlines() == [
        "testmon: wrote the lines and branches that all tests ran, in 3 files, to ours.coverage",
        "testmon: 8 branches are known to have run; of 0 it cannot be known, and they are written as if they had not",
        "testmon: no test imported shop/unused.py",
    ]


def test_contexts_and_a_limit(project: Project) -> None:
    project.write(FILES)
    assert project.testmon("collect", "-q").code == 0
    for more in ((), ("--branch",)):
        answer = project.testmon(
            "report", "--coverage", "ours.coverage", "--contexts", "--fail-under", "50", *more
        )
        assert answer.code == 0
        data = read(project, "ours.coverage").get_data()
        data.set_query_context("test_price.py::test_rate")
        text = (project.path / "shop/price.py").read_text(encoding="utf-8").splitlines()
        lines = [
            text[line - 1].strip()
            for line in sorted(data.lines(f"{project.path}/shop/price.py") or ())
        ]
        assert lines[:4] == ["try:", "found = RATES[kind]", "if loud:", "for i in range(2):"]
    answer = project.testmon("report", "--coverage", "ours.coverage", "--fail-under", "99.5")
    assert answer.code == 1
    assert re.search(
        r"^testmon: coverage is \d\d\.\d\d %, less than 99\.5 %$", answer.err, re.MULTILINE
    )
    answer = project.testmon("report", "--branch")
    assert answer.code == 64


def test_all_reports_can_be_made_of_it(project: Project) -> None:
    project.write({"test_a.py": "def test_a():\n    pass\n"})
    assert project.testmon("collect", "-q").code == 0
    assert write_report(project) == {"test_a.py": [1, 2]}
    found = read(project, "ours.coverage")
    assert found.report(file=io.StringIO()) == 100
    assert found.html_report(directory=str(project.path / "html")) == 100
    assert found.xml_report(outfile=str(project.path / "coverage.xml")) == 100


def test_partial_runs_add_up(project: Project) -> None:
    """A changed function counts once its tests ran again; what no longer holds does not."""
    project.write(FILES)
    assert project.testmon("collect", "-q").code == 0
    whole = write_report(project)
    project.edit("shop/price.py", "return 0", "return 4 - 4")
    project.edit("shop/price.py", '"book": 2', '"book": 1 + 1')
    changed = write_report(project)
    missing = set(whole["shop/price.py"]) - set(changed["shop/price.py"])
    text = (project.path / "shop/price.py").read_text(encoding="utf-8").splitlines()
    assert [text[line - 1].strip() for line in sorted(missing)] == [
        "RATES = {",
        "except KeyError:",
        "return 4 - 4",
    ]
    assert project.testmon("collect", "-q", "--select").code == 0
    assert write_report(project) == whole


def test_the_branch_that_was_tested_before_counts_when_it_is_back(project: Project) -> None:
    project.write({"shop.py": "def price():\n    return 4\n", "test_shop.py": FILES_OF_ONE})
    assert project.testmon("collect", "-q").code == 0
    before = write_report(project)
    project.edit("shop.py", "return 4", "return 2 + 2")
    assert project.testmon("collect", "-q").code == 0
    project.edit("shop.py", "return 2 + 2", "return 4")
    assert write_report(project) == before


FILES_OF_ONE = """
    import shop


    def test_price():
        assert shop.price() == 4
    """


def test_only_a_coverage_data_file_is_replaced(project: Project) -> None:
    project.write({"test_a.py": "def test_a():\n    pass\n", "notes.txt": "precious\n"})
    answer = project.testmon("report", "--coverage", "new")
    message = (
        f"testmon: error: {project.path}/.testmondata does not exist: run testmon collect first\n"
    )
    assert (answer.code, answer.out, answer.err) == (65, "", message)
    assert project.testmon("collect", "-q").code == 0
    assert write_report(project, "new") == write_report(project, "new") == {"test_a.py": [1, 2]}
    answer = project.testmon("report", "--coverage", "notes.txt")
    message = (
        "testmon: error: notes.txt exists and is not a coverage data file: choose another path\n"
    )
    assert (answer.code, answer.out, answer.err) == (64, "", message)
    assert (project.path / "notes.txt").read_text(encoding="utf-8") == "precious\n"
    answer = project.testmon("report", "--coverage", "missing/new")
    assert answer.code == 74
    assert answer.err.startswith("testmon: error: cannot write missing/new: ")
