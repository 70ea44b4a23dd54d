"""What report prints of texts that hold marks of the format itself."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

from markdown_it import MarkdownIt

from testmon_cli.domain.report import Failure, Report, Result
from testmon_cli.domain.verdicts import Judgement
from testmon_cli.rendering.annotations import as_commands
from testmon_cli.rendering.junit import as_junit
from testmon_cli.rendering.report import as_markdown, as_text

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
        "unknown",
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


_JUDGED = Judgement("new", "<b> at x.py")
HOSTILE = replace(
    REPORT,
    environment="<img src=x> [a](http://b) **c** `d` __e__ snake_case\n# heading",
    failures=(
        Failure(
            "t.py::test[\x1b[2J\n## heading]",
            "failed",
            "E \x1b]0;title\x07 <b>\r\n\u202eE end\n",
            judgement=_JUDGED,
        ),
    ),
    slowest=(("t.py::test[\n| a | b |]", 0.5),),
)


def test_markdown_takes_nothing_in_the_values_for_markup() -> None:
    lines = as_markdown(HOSTILE).splitlines()
    assert lines[4] == (
        "| environment | \\<img src=x\\> \\[a\\](http://b) \\*\\*c\\*\\* \\`d\\` \\_\\_e\\_\\_ snake_case\\n# heading |"
    )
    assert lines[13:] == [
        "### failed: `t.py::test[\\x1b[2J\\n## heading]`",
        "",
        "new: \\<b\\> at x.py",
        "",
        "```text",
        "E \\x1b]0;title\\x07 <b>\\r",
        "\\u202eE end",
        "```",
        "",
        "| slowest tests | seconds |",
        "| --- | ---: |",
        "| `t.py::test[\\n\\| a \\| b \\|]` | 0.500 |",
    ]


def test_text_holds_no_character_that_steers_a_terminal() -> None:
    text = as_text(HOSTILE)
    assert [line for line in text.splitlines() if not line.isprintable()] == []
    assert (
        "FAILED t.py::test[\\x1b[2J\\n## heading]\nnew: <b> at x.py\nE \\x1b]0;title\\x07 <b>\\r\n\\u202eE end\n"
        in text
    )


def test_a_renderer_shows_the_values_as_text() -> None:
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(as_markdown(HOSTILE))
    known = {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "pre", "code"}
    assert set(re.findall(r"</?([a-z]\w*)", page)) == known
    assert "<td>&lt;img src=x&gt; [a](http://b) **c** `d` __e__ snake_case\\n# heading</td>" in page
    assert "<td><code>t.py::test[\\n| a | b |]</code></td>" in page
    assert "<p>new: &lt;b&gt; at x.py</p>" in page


def test_xml_holds_no_character_that_it_cannot() -> None:
    text = "\x00\x1b\ud800 <b>]]>"
    failure = Failure(f"t.py::test[{text}]", "failed", f"E {text}", "t.py", 3, judgement=_JUDGED)
    result = Result(failure.nodeid, "t.py", "failed", 0.5, "")
    shown = "\\x00\\x1b\\ud800 <b>]]>"
    [[case]] = ET.fromstring(
        as_junit(replace(REPORT, failures=(failure,), results=(result,))).encode()
    )
    assert case.attrib == {
        "classname": "t",
        "name": f"test[{shown}]",
        "time": "0.500",
        "file": "t.py",
        "line": "3",
    }
    assert (case[0].text, case[0].get("message")) == (f"E {shown}", f"{shown}; new: <b> at x.py")


def test_a_command_ends_where_its_line_does() -> None:
    failure = Failure(
        "t.py::test[a\n::stop,x]", "failed", "E 1%\r::error::x\n", "a,b:c.py", 3, judgement=_JUDGED
    )
    assert as_commands(replace(REPORT, failures=(failure,))) == (
        "::error file=a%2Cb%3Ac.py,line=3,title=new failure%3A t.py%3A%3Atest[a\\n%3A%3Astop%2Cx]"
        "::1%25%0Anew: <b> at x.py\n"
    )
