"""What is recorded of keywords is what `-k` of pytest matches besides names."""

from textwrap import dedent

from testmon_cli.tracing import wire
from tests.tracing.projects import Project

FILES = {
    "pytest.ini": "[pytest]\nmarkers =\n  slow\n  db\n  late\n",
    "conftest.py": """
        import pytest


        def pytest_collection_modifyitems(items):
            for item in items:
                if "late" in item.name:
                    item.add_marker("late")
                    item.extra_keyword_matches.add("extra")
        """,
    "test_plain.py": "def test_plain(): pass\n\n\ndef test_other(): pass\n",
    "test_marked.py": """
        import pytest


        @pytest.mark.slow
        class TestGroup:
            def test_in_group(self):
                pass

            @pytest.mark.parametrize("x", [1, pytest.param(2, marks=pytest.mark.db), 3])
            def test_some(self, x):
                pass


        def test_late():
            pass


        def test_attribute():
            pass


        test_attribute.word = True
        """,
}


def test_keywords_of_markers_attributes_and_plugins(project: Project) -> None:
    project.write({name: dedent(text) for name, text in FILES.items()})
    recorded = project.collect("-q", "-k", "not plain", engine="probes")
    (collected,) = [r for r in recorded.records if isinstance(r, wire.Collected)]
    found = {
        nodeid.partition("::")[2]: set(words)
        for words, nodeids in collected.keywords
        for nodeid in nodeids
    }
    # pytest before 9 counts the attribute that holds the markers, too.
    assert {name: words - {"pytestmark"} for name, words in found.items()} == {
        "TestGroup::test_in_group": {"slow"},
        "TestGroup::test_some[1]": {"slow", "parametrize"},
        "TestGroup::test_some[2]": {"slow", "parametrize", "db"},
        "TestGroup::test_some[3]": {"slow", "parametrize"},
        "test_late": {"late", "extra"},
        "test_attribute": {"word"},
    }
    for word, count in (("slow", 4), ("db", 1), ("extra", 1), ("word", 1)):
        found = project.plain("-q", "-k", word).stdout.splitlines()[-1]
        assert found.startswith(f"{count} passed")
