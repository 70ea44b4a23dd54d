"""A name that may stand for a test is looked at by running its file once."""

from tests.conftest import Project

FILES = {
    "make.py": "def make():\n    return [1]\n",
    "test_one.py": "from make import make\n\n\ndef test_first():\n    assert make()\n",
}


def test_a_name_that_is_no_test_is_looked_at_once(project: Project) -> None:
    project.write(FILES)
    assert project.testmon("collect", "-q").code == 0
    project.edit("test_one.py", "def test_first", "test_values = make()\n\n\ndef test_first")
    assert project.testmon("select").out == "test_one.py\n"
    assert project.testmon("collect", "--select", "-q").code == 0
    assert project.testmon("select").out == ""
