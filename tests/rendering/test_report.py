"""What report prints of texts that hold marks of the format itself."""

from testmon_cli.domain.report import Failure, Report
from testmon_cli.rendering.report import as_markdown

REPORT = Report(
    environment="default, Python 3.12 on linux",
    datafile="a|b/.testmondata",
    datafile_bytes=4096,
    tests=1,
    outcomes={"failed": 1},
    last_run=None,
    selected=1,
    selected_by_reason={"failed": 1},
    failures=(Failure("t.py::test[`]", "failed", "~~~~\n`````\nE assert 0\n"),),
    slowest=(("t.py::test[`|`]", 0.5),),
    all_seconds=0.5,
    selected_seconds=0.5,
)


def test_markdown_marks_in_the_values_do_not_end_code_or_cells() -> None:
    lines = as_markdown(REPORT).splitlines()
    assert lines[5] == "| datafile | a\\|b/.testmondata (4,096 bytes) |"
    assert lines[12:] == [
        "",
        "### failed: `` t.py::test[`] ``",
        "",
        "``````text",
        "~~~~",
        "`````",
        "E assert 0",
        "``````",
        "",
        "| slowest tests | seconds |",
        "| --- | ---: |",
        "| `` t.py::test[`\\|`] `` | 0.500 |",
    ]
