"""`select --static`: the files that imports and names lead to what differs from a revision."""

import shutil
import sys
from pathlib import Path

import pytest

from testmon_cli.application.select.static import Asked, select_static
from testmon_cli.application.settings import Settings
from testmon_cli.domain.errors import EnvironmentFailure
from tests.conftest import Project

FILES = {
    "pyproject.toml": """
        [project]
        name = "shop"
        [project.entry-points.tills]
        till = "shop.plugged:Plugged"
        [tool.ruff]
        line-length = 80
        """,
    "README.md": "a\n",
    "CHANGES.md": "a\n",
    "rows.json": "[]\n",
    "shop/__init__.py": "",
    "shop/price.py": """
        import math

        RATE = 2
        LIMIT = max(RATE, 3)


        def total(x):
            return x * RATE


        def rounded(x):
            return math.floor(x)


        class Till:
            def count(self):
                return 1
        """,
    "shop/report.py": """
        from shop import looked_up
        from shop import price


        def render(x):
            return str(price.total(x))
        """,
    "shop/names.py": """
        def clean(x):
            return x.strip()
        """,
    "shop/registry.py": """
        KNOWN = {}


        def register(function):
            KNOWN[function.__name__] = function
            return function


        def run(name):
            return KNOWN[name]()
        """,
    "shop/handlers.py": """
        from shop.registry import register


        @register
        def pay():
            return 1
        """,
    "shop/looked_up.py": """
        def by_name():
            return 1
        """,
    "shop/found.py": """
        from shop import looked_up


        def call(name, module=looked_up):
            return getattr(module, name)()
        """,
    "shop/plugged.py": """
        class Plugged:
            def size(self):
                return 1
        """,
    "shop/lost.py": "SIZE = 1\n",
    "tests/test_price.py": """
        from shop.price import total


        def test_total():
            assert total(1)
        """,
    "tests/test_report.py": """
        from shop import report


        def test_report():
            assert report.render(1)
        """,
    "tests/test_names.py": """
        from shop.names import clean


        def test_clean():
            assert clean("a ") == "a"
        """,
    "tests/test_registry.py": """
        from shop import handlers, registry


        def test_pay():
            assert registry.run("pay")
        """,
    "tests/test_found.py": """
        from shop.found import call


        def test_call():
            assert call("by_" + "name")
        """,
    "tests/till/conftest.py": """
        import pytest

        from shop.price import Till


        @pytest.fixture(name="till")
        def made():
            return Till()
        """,
    "tests/till/test_till.py": """
        def test_till(till):
            assert till.count()
        """,
    "tests/till/test_other.py": """
        def test_other():
            pass
        """,
    "tests/test_process.py": """
        import subprocess
        import sys


        def test_process():
            subprocess.run([sys.executable, "-c", "pass"], check=True)
        """,
    "tests/test_text.py": """
        from pathlib import Path


        def test_text():
            assert Path("README.md").read_text()
        """,
}
ALL = "found names other price process registry report text till"  # all that there are
PROCESS = "process"  # may run anything

# What is edited, and the tests that are expected: nothing, those named, or all.
CASES: dict[str, tuple[str, str, str, str]] = {
    "a comment": ("shop/price.py", "RATE = 2", "RATE = 2  # a rate", ""),
    "a table for linters": ("pyproject.toml", "80", "90", ""),
    "a text that nobody names": (".gitignore", "", "x\n", ""),
    "an added function": ("shop/price.py", "class Till", "def free():\n    pass\n\n\nclass Till", PROCESS),
    "a function that is called": ("shop/price.py", "x * RATE", "x + RATE", "price process report"),
    "a function that nobody names": ("shop/price.py", "math.floor(x)", "math.ceil(x)", PROCESS),
    "a constant for an import": ("shop/price.py", "RATE = 2", "RATE = 4", "other price process report till"),
    "a method": ("shop/price.py", "return 1", "return 2", "process till"),
    "a function that is registered": ("shop/handlers.py", "return 1", "return 2", "process registry"),
    "a function that is looked up": ("shop/looked_up.py", "return 1", "return 2", "found process"),
    "a module that an entry point names": ("shop/plugged.py", "return 1", "return 2", ALL),
    "a module that nobody imports": ("shop/lost.py", "1", "2", ALL),
    "imports in another order": (
        "shop/report.py", "looked_up\nfrom shop import price", "price\nfrom shop import looked_up", "process report"
    ),
    "a data file": ("rows.json", "[]", "[1]", ALL),
    "dependencies": ("pyproject.toml", 'name = "shop"', 'name = "shop"\ndependencies = ["x"]', ALL),
    "options of pytest": ("pyproject.toml", "[tool.ruff]", "[tool.pytest]\naddopts = ['-v']\n[tool.ruff]", ALL),
    "a text that a test names": ("README.md", "a", "b", "process text"),
    "a text that may be named by its ending": ("CHANGES.md", "a", "b", "process text"),
    "a conftest file": ("tests/till/conftest.py", "return Till()", "return  Till() or 1", "other process till"),
    "a test": ("tests/test_names.py", '"a "', '" a"', "names process"),
    "a package that comes": ("shop/new/__init__.py", "", "x = 1\n", ALL),
    "a module that comes": ("tests/test_new.py", "", "def test_new():\n    pass\n", "new process"),
    "a source that does not parse": ("shop/names.py", "return", "return )", "names process"),
}  # fmt: skip


@pytest.fixture(scope="module")
def _committed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("committed"))
    project.write(FILES)
    project.git("init", "-q")
    project.git("add", ".")
    project.git("commit", "-qm", "first")
    return project.path


@pytest.fixture
def shop(_committed_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    path = Path(shutil.copytree(_committed_once, tmp_path / "shop"))
    monkeypatch.chdir(path)
    return Project(path)


def _selected(project: Project, **options: object) -> str:
    settings = Settings(project.path, str(project.path / ".testmondata"), **options)  # type: ignore[arg-type]
    found = select_static(settings, Asked("HEAD")).arguments
    return " ".join(sorted(path.rpartition("/test_")[2].removesuffix(".py") for path in found))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_selected(shop: Project, case: tuple[str, str, str, str]) -> None:
    name, old, new, expected = case
    if old:
        shop.edit(name, old, new)
    else:
        (shop.path / name).parent.mkdir(exist_ok=True)
        (shop.path / name).write_text(new, encoding="utf-8")
    assert _selected(shop) == expected


def test_settings_count(shop: Project) -> None:
    shop.edit("rows.json", "[]", "[1]")
    assert _selected(shop, ignore=("*.json",)) == ""
    found = {
        "ignore": ("*.json",),
        "depends": {"tests/test_names.py": ("*.json",)},
        "always": ("tests/test_price.py",),
    }
    assert _selected(shop, **found) == "names price"


def test_a_module_that_goes(shop: Project) -> None:
    (shop.path / "shop/names.py").unlink()
    assert _selected(shop) == "names process"


def test_a_revision_is_asked_for(shop: Project) -> None:
    shop.edit("shop/price.py", "x * RATE", "x + RATE")
    shop.git("commit", "-qam", "second")
    assert _selected(shop) == ""
    settings = Settings(shop.path, str(shop.path / ".testmondata"))
    found = select_static(settings, Asked("HEAD~1"))
    assert found.verdict.answer == "some"
    assert {test.nodeid: test.reason.text for test in found.tests} == {
        "tests/test_price.py": "may come to total, changed at shop/price.py:7",
        "tests/test_process.py": "may run tests/test_process.py::test_process, which may load or start anything",
        "tests/test_report.py": "may come to total, changed at shop/price.py:7",
    }
    with pytest.raises(EnvironmentFailure, match="git knows no revision"):
        select_static(settings, Asked("nowhere"))


def _covered(project: Project, *command: str, more: str = "") -> None:
    """Record with the real tools which test runs what."""
    project.write({".coveragerc": f"[run]\nsource = shop\n{more}"})
    project.git("add", ".coveragerc")
    project.git("commit", "-qm", "what to cover")
    # Another core, which newer Pythons have by default, notes the first test of each line alone.
    answer = project.run(sys.executable, "-m", *command, COVERAGE_CORE="ctrace")
    assert answer.code == 0, answer.out


@pytest.fixture
def flow(shop: Project) -> Project:
    """Tests that come to a function by ways which no text shows."""
    shop.write(
        {
            "shop/tills.py": """
            def cheap():
                return 1


            def dear():
                return 2
            """,
            "tests/test_flow.py": """
            import pickle

            from shop.names import clean


            def test_cheap():
                assert pickle.loads(b"cshop.tills\\ncheap\\n.")() == 1


            def test_other():
                assert clean("a ") == "a"
            """,
            "tests/test_direct.py": """
            from shop import tills


            def test_dear():
                assert tills.dear() == 2


            def test_cheap():
                assert tills.cheap() == 1
            """,
        }
    )
    shop.git("add", "-A")
    shop.git("commit", "-qm", "flow")
    return shop


@pytest.mark.parametrize(
    "how",
    [
        ("pytest", "-p", "pytest_cov", "--cov", "--cov-context=test"),
        ("coverage", "run", "-m", "pytest"),
    ],
    ids=["pytest-cov", "coverage alone"],
)
def test_data_of_coverage_adds_what_no_text_shows(flow: Project, how: tuple[str, ...]) -> None:
    more = "" if "pytest_cov" in how else "dynamic_context = test_function\n"
    _covered(flow, *how, "-q", "tests/test_flow.py", "tests/test_direct.py", more=more)
    settings = Settings(flow.path, str(flow.path / ".testmondata"))
    nothing = select_static(settings, Asked("HEAD", coverage=".coverage"))
    assert nothing.tests == ()
    assert (
        nothing.notes[1] == ".coverage shows no test that ran what differs; it leaves nothing out"
    )
    assert "?? .coverage\n" in flow.git("status", "--porcelain").out
    flow.edit("shop/tills.py", "return 1", "return 3")
    plain = select_static(settings._replace(ignore=(".coverage",)), Asked("HEAD"))
    assert [test.nodeid for test in plain.tests] == [
        "tests/test_direct.py",
        "tests/test_process.py",
    ]
    seeded = select_static(settings, Asked("HEAD", coverage=".coverage"))
    assert {test.nodeid: test.reason.text for test in seeded.tests} == {
        "tests/test_direct.py": "may come to cheap, changed at shop/tills.py:1",
        "tests/test_flow.py": "ran shop/tills.py::cheap, which differs, as .coverage tells",
        "tests/test_process.py": (
            "may run tests/test_process.py::test_process, which may load or start anything"
        ),
    }
    assert seeded.notes[1] == (
        ".coverage shows tests of 2 files that ran what differs: they come first,"
        " 1 for that alone; it leaves nothing out"
    )


def test_data_of_coverage_that_tells_nothing_of_tests(flow: Project) -> None:
    settings = Settings(flow.path, str(flow.path / ".testmondata"))
    with pytest.raises(EnvironmentFailure, match=r"nothing is not there: record it with `pytest"):
        select_static(settings, Asked("HEAD", coverage="nothing"))
    with pytest.raises(EnvironmentFailure, match=r"coverage.py cannot read README.md: "):
        select_static(settings, Asked("HEAD", coverage="README.md"))
    _covered(flow, "pytest", "-p", "pytest_cov", "--cov", "-q", "tests/test_direct.py")
    with pytest.raises(EnvironmentFailure, match=r".coverage says of no test what it ran: record"):
        select_static(settings, Asked("HEAD", coverage=".coverage"))
