"""Other plugins in the same run: their tests come out as without us, and what they ran is known."""

import re

import pytest

from tests.compatibility.suite import Suite, needs
from tests.conftest import Project

SHOP = """
    def price(x):
        return x * 2


    def name(x):
        return x


    def fetch():
        return name("far")
    """
PLUGINS = (
    "pytest_rerunfailures",
    "pytest_timeout",
    "pytest_repeat",
    "pytest_benchmark",
    "pytest_mock",
    "hypothesis",
)
OPTIONS = [
    *("-p", "pytest_rerunfailures"), *("-p", "pytest_timeout"), *("-p", "pytest_repeat"),
    *("-p", "pytest_benchmark.plugin"), *("-p", "pytest_mock"), *("-p", "_hypothesis_pytestplugin"),
]  # fmt: skip
FILES = {
    "pyproject.toml": "[tool.pytest.ini_options]\ntimeout = 60\n",
    "shop.py": SHOP,
    "test_plugins.py": """
        import time
        import unittest

        import hypothesis
        import pytest
        import shop
        from hypothesis import strategies

        tries = []


        @pytest.mark.flaky(reruns=2)
        def test_flaky():
            tries.append(shop.price(1))
            assert len(tries) == 2


        @pytest.mark.timeout(0.2)
        def test_slow():
            shop.name(1)
            time.sleep(5)


        @pytest.mark.repeat(2)
        def test_repeated():
            assert shop.name(1) == 1


        def test_benchmark(benchmark):
            assert benchmark.pedantic(shop.price, args=(2,), rounds=2) == 4


        def test_mocked(mocker):
            mocker.patch("shop.name", return_value="near")
            assert shop.fetch() == "near"


        @hypothesis.given(strategies.integers())
        @hypothesis.settings(max_examples=5)
        def test_given(x):
            assert shop.price(x) == x + x


        @hypothesis.given(strategies.integers(min_value=1))
        def test_wrong(x):
            assert shop.name(x) != x


        def test_subtests(subtests):
            for x in range(2):
                with subtests.test(x=x):
                    assert shop.name(x) == 0


        class TestNose:
            def setup_method(self):
                self.value = shop.price(1)

            def test_nose(self):
                assert self.value == 2


        class Case(unittest.TestCase):
            def setUp(self):
                shop.name(0)

            def test_case(self):
                self.assertEqual(shop.price(1), 2)

            def test_parts(self):
                for x in range(2):
                    with self.subTest(x=x):
                        self.assertEqual(x, 0)
        """,
}


def summary(text: str) -> str:
    """The last line of pytest, without the time."""
    return re.sub(r" in [\d.]+s.*", "", text.strip().splitlines()[-1])


def test_plugins_together(suite: Suite, capfd: pytest.CaptureFixture[str]) -> None:
    needs(*PLUGINS)
    options = ["-q", *OPTIONS]
    if tuple(map(int, pytest.__version__.split(".")[:2])) < (9, 0):
        needs("pytest_subtests")
        options += ["-p", "pytest_subtests.plugin"]
    suite.project.write(FILES)
    plain = suite.plain(*options)
    assert suite.collect(*options) == plain.returncode == 1
    assert summary(capfd.readouterr().out) == summary(plain.stdout)
    assert suite.functions() == {
        "flaky": {"price"},
        "slow": {"name"},
        "repeated[1-2]": {"name"},
        "repeated[2-2]": {"name"},
        "benchmark": {"price"},
        "mocked": {"fetch"},
        "given": {"price"},
        "wrong": {"name"},
        "subtests": {"name"},
        "nose": {"price"},
        "case": {"name", "price"},
        "parts": {"name"},
    }
    outcomes = suite.outcomes()
    assert {nodeid.rpartition("::")[2] for nodeid, outcome in outcomes.items() if outcome == "failed"} == {
        "test_slow", "test_wrong", "test_subtests", "test_parts",
    }  # fmt: skip
    assert suite.unsure() == {"test_plugins.py::test_flaky": "it was rerun after a failure"}
    seen = suite.known()
    assert not [
        name for test in seen.values() for _, name in test.resources if ".hypothesis" in name
    ]
    suite.project.edit("shop.py", "x * 2", "2 * x")
    selected = {argument.rpartition("::test_")[2] for argument in suite.select()}
    assert selected == {
        "flaky",
        "slow",
        "benchmark",
        "given",
        "wrong",
        "subtests",
        "nose",
        "case",
        "parts",
    }


def test_any_order(suite: Suite) -> None:
    needs("pytest_randomly")
    tests = "\n\n".join(
        f"def test_{n}(base):\n    assert shop.price({n}) == {2 * n}" for n in range(6)
    )
    fixture = "import pytest\nimport shop\n\n\n@pytest.fixture(scope='module')\ndef base():\n    return shop.fetch()\n"
    suite.project.write({"shop.py": SHOP, "test_order.py": f"{fixture}\n\n{tests}"})
    found = []
    for seed in ("1", "2"):
        assert suite.collect("-q", "-p", "pytest_randomly", f"--randomly-seed={seed}") == 0
        found.append(suite.known())
    assert found[0] == found[1]
    assert {frozenset(seen.functions) for seen in found[0].values()} == {
        frozenset({"shop.py::fetch", "shop.py::name", "shop.py::price"})
    }


DJANGO = {
    "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = site_settings\npythonpath = .\n",
    "site_settings.py": """
        SECRET_KEY = "x"
        INSTALLED_APPS = ["store"]
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
        ROOT_URLCONF = "store.urls"
        ALLOWED_HOSTS = ["*"]
        USE_TZ = True
        DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
        TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
        """,
    "store/__init__.py": "",
    "store/models.py": """
        from django.db import models


        class Book(models.Model):
            title = models.CharField(max_length=20)

            def shout(self):
                return self.title.upper()

            def whisper(self):
                return self.title.lower()
        """,
    "store/views.py": """
        from django.shortcuts import render

        from store.models import Book


        def index(request):
            return render(request, "index.html", {"books": [book.shout() for book in Book.objects.all()]})


        def about(request):
            return render(request, "about.html")
        """,
    "store/urls.py": """
        from django.urls import path

        from store import views

        urlpatterns = [path("", views.index), path("about", views.about)]
        """,
    "store/templates/index.html": "{% for book in books %}{{ book }}{% endfor %}",
    "store/templates/about.html": "about",
    "test_store.py": """
        import pytest
        from django.test import TestCase
        from store.models import Book


        @pytest.mark.django_db
        def test_index(client):
            Book.objects.create(title="a")
            assert client.get("/").content == b"A"


        def test_about(client):
            assert client.get("/about").content == b"about"


        def test_whisper():
            assert Book(title="A").whisper() == "a"


        class TestBooks(TestCase):
            @classmethod
            def setUpTestData(cls):
                cls.book = Book.objects.create(title="b")

            def test_stored(self):
                self.assertEqual(Book.objects.get().shout(), "B")
        """,
}


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("store/models.py", "title.upper()", "title.upper() + ''", {"test_index", "TestBooks::test_stored"}),
        ("store/models.py", "title.lower()", "title.lower() + ''", {"test_whisper"}),
        ("store/templates/about.html", "about", "about us", {"test_about"}),
        ("store/templates/index.html", "{{ book }}", "{{ book }}!", {"test_index"}),
        # the whole file: it imports the class
        ("store/models.py", "max_length=20", "max_length=30", {""}),
    ],
)  # fmt: skip
def test_django(django: Suite, name: str, old: str, new: str, expected: set[str]) -> None:
    django.project.edit(name, old, new)
    try:
        assert {argument.partition("::")[2] for argument in django.select()} == expected
    finally:
        django.project.edit(name, new, old)


@pytest.fixture(scope="module")
def django(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    needs("django", "pytest_django")
    suite = Suite(Project(tmp_path_factory.mktemp("django")))
    suite.project.write(DJANGO)
    assert suite.collect("-q", "-p", "pytest_django.plugin") == 0
    assert suite.unsure() == {}
    return suite


ITEMS = {
    "conftest.py": """
        import pytest
        import shop


        def pytest_collect_file(parent, file_path):
            if file_path.suffix == ".yaml":
                return YamlFile.from_parent(parent, path=file_path)


        class YamlFile(pytest.File):
            def collect(self):
                for line in self.path.read_text().splitlines():
                    given, expected = line.split(": ")
                    yield YamlItem.from_parent(self, name=given, expected=int(expected))


        class YamlItem(pytest.Item):
            def __init__(self, *, expected, **named):
                super().__init__(**named)
                self.expected = expected

            def runtest(self):
                assert shop.price(int(self.name)) == self.expected
        """,
    "shop.py": '''
        def price(x):
            """Twice.

            >>> price(2)
            4
            """
            return x * 2


        def name(x):
            """As it is.

            >>> name(1)
            1
            """
            return x
        ''',
    "test_prices.yaml": "1: 2\n3: 6\n",
    "page.txt": "A page.\n\n>>> import shop\n>>> shop.name(3)\n3\n",
}


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("test_prices.yaml", "3: 6", "3: 7", {"test_prices.yaml"}),
        ("shop.py", "x * 2", "2 * x", {"test_prices.yaml::1", "test_prices.yaml::3", "shop.py::shop.price"}),
        ("shop.py", "price(2)\n    4", "price(3)\n    6", {"shop.py::shop.price", "shop.py::shop.name"}),
        ("shop.py", "return x\n", "return x + 0\n", {"shop.py::shop.name", "page.txt::page.txt"}),
        ("page.txt", "A page.", "Another page.", {"page.txt"}),
        ("conftest.py", "== self.expected", "== self.expected + 0", {"test_prices.yaml::1", "test_prices.yaml::3"}),
    ],
)  # fmt: skip
def test_items_of_other_kinds(
    items: Suite, name: str, old: str, new: str, expected: set[str]
) -> None:
    items.project.edit(name, old, new)
    try:
        assert set(items.select()) == expected
    finally:
        items.project.edit(name, new, old)


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    suite = Suite(Project(tmp_path_factory.mktemp("items")))
    suite.project.write(ITEMS)
    assert suite.collect("-q", "--doctest-modules", "--doctest-glob=*.txt") == 0
    return suite
