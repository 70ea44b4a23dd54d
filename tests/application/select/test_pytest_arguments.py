"""What stands for a node id on pytest's command line."""

from pathlib import Path

import pytest

from testmon_cli.application.select.pytest_arguments import Arguments
from testmon_cli.domain.nodeid import NodeId

ROOT = Path("/project")


@pytest.mark.parametrize(
    ("nodeid", "folder", "argument"),
    [
        pytest.param("t/a.py::f[1]", ".", "t/a.py::f[1]", id="as-it-is"),
        pytest.param("t/a.py::f", "t", "a.py::f", id="from-below"),
        pytest.param("t/a.py::f", "src", "../t/a.py::f", id="from-beside"),
        pytest.param("t/a.py::f[x y]", ".", "t/a.py::f", id="split-by-xargs"),
        pytest.param("t/a.py::it's a case", ".", "t/a.py", id="name-split-by-xargs"),
        pytest.param("my tests/u/a.py::f", ".", ".", id="folder-split-by-xargs"),
        pytest.param("t/my tests/a.py", ".", "t", id="inner-folder-split-by-xargs"),
        pytest.param(
            "--deselect=t/a.py::f", ".", "./--deselect=t/a.py::f", id="looks-like-an-option"
        ),
        pytest.param("-k.py", ".", "./-k.py", id="file-looks-like-an-option"),
        pytest.param("@all/a.py::f", ".", "./@all/a.py::f", id="looks-like-a-file-of-arguments"),
        pytest.param("@all/a.py::f", "@all", "a.py::f", id="from-inside"),
        pytest.param("t/p[1]/a.py::f[2]", ".", "t", id="bracket-in-a-folder"),
        pytest.param("t/p[1]/a.py::f[2]", "t/p[1]", "a.py::f[2]", id="from-inside-brackets"),
        pytest.param("t/a::b.py::f", ".", "t", id="colons-in-a-file"),
        pytest.param("a::b.py::f", ".", ".", id="colons-in-a-file-of-the-root"),
    ],
)
def test_argument(nodeid: str, folder: str, argument: str) -> None:
    assert Arguments(ROOT, folder=ROOT / folder).of(NodeId.parse(nodeid)) == argument


def test_exact_arguments_keep_what_xargs_would_split() -> None:
    arguments = Arguments(ROOT, exact=True, folder=ROOT)
    assert arguments.of(NodeId.parse("my tests/a.py::f[x y]")) == "my tests/a.py::f[x y]"
    assert arguments.of(NodeId.parse("t/p[1]/a.py::f")) == "t"
