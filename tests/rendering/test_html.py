"""The page of `report --html`: whole, without network, and inert whatever a project puts into names and texts."""

import json
import re
import shutil
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from testmon_cli.application.report import html_page
from testmon_cli.domain.causes import Cause, Kind, Manner
from testmon_cli.domain.errors import OutputError
from testmon_cli.domain.page import Flaky, KnownTest, Page, ReachedFile, ReachedFunction, ShownRun
from testmon_cli.domain.report import Failure, Report
from tests.conftest import Project

pytest.importorskip("jinja2", reason="the extra html is not installed")

EVIL = "</script></pre><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">{{ 7*7 }}"


def page_of(tests: int, text: str = EVIL) -> Page:
    origin = Cause(Kind.DEFINITION, Manner.CHANGED, "b.py", "TAX", 4)
    chain = Cause(Kind.BLOCK, Manner.MENTIONS, f"{text}.py", text, 3, origin).chain()
    report = Report(
        environment=text,
        datafile=text,
        datafile_bytes=4096,
        tests=tests,
        outcomes={"failed": 1},
        last_run=None,
        selected=1,
        selected_by_reason={"failed": 1},
        failures=(Failure(f"t.py::{text}", "failed", f"E {text}"),),
        slowest=((f"t.py::{text}", 0.5),),
        all_seconds=0.5,
        selected_seconds=0.5,
        notes=(text,),
    )
    known = [KnownTest(f"t.py::{text}", "failed", 0.5, f"runs {text}", "affected", chain)]
    known += [
        KnownTest(f"tests/test_many.py::test_number[{n}]", "passed", 0.001)
        for n in range(tests - 1)
    ]
    runs = tuple(ShownRun(1e9 + n, 2.0, 5, 1.0, 3.0, 0, text, text, (text,)) for n in range(3))
    files = (ReachedFile(f"{text}.py", 9, 4, (ReachedFunction(text, 3, 2, (5,), 4),)),)
    return Page(report, tuple(known), runs, files, (Flaky(text, ("failed", "passed")),))


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))


def test_nothing_of_a_project_becomes_markup() -> None:
    from testmon_cli.rendering.html import as_html

    text = as_html(page_of(3))
    elements = Elements()
    elements.feed(text)
    tags = [tag for tag, _ in elements.tags]
    assert tags.count("script") == 2
    assert "img" not in tags
    assert not [a for _, attributes in elements.tags for a in attributes if a.startswith("on")]
    assert "{{ 7*7 }}" in text
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    values = json.loads(data[1])
    assert values["tests"][0] == [f"t.py::{EVIL}", "failed", 0.5, 0]
    assert values["reasons"][0][2][1] == ["definition", "changed", "TAX", "b.py:4"]


def test_nothing_is_loaded_from_anywhere() -> None:
    from testmon_cli.rendering.html import as_html

    elements = Elements()
    text = as_html(page_of(3, "plain"))
    elements.feed(text)
    places = [
        v
        for _, attributes in elements.tags
        for k, v in attributes.items()
        if k in ("src", "href", "srcset")
    ]
    assert [place for place in places if not str(place).startswith("#")] == []
    assert "default-src &#39;none&#39;" in text
    assert "http" not in text.replace("http-equiv", "")


def test_the_page_of_a_project(project: Project) -> None:
    project.write(
        {
            "shop.py": """
                def total(x):
                    if x > 9:
                        return 0
                    return x + 1


                def unused():
                    return 3
                """,
            "test_shop.py": """
                import os

                import pytest

                import shop


                @pytest.fixture(scope="module")
                def three():
                    return shop.total(2)


                def test_total(three):
                    assert three == 3


                def test_flaky():
                    assert not os.path.exists("../flag")
                """,
        }
    )
    assert project.testmon("collect", "-q").code == 0
    (project.path.parent / "flag").touch()
    assert project.testmon("collect", "-q", "test_shop.py").code == 1
    answer = project.testmon("report", "--html", "out.html")
    assert (answer.code, answer.err) == (0, "testmon: wrote the page to out.html\n")
    text = (project.path / "out.html").read_text(encoding="utf-8")
    data = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    values = json.loads(data[1])
    assert [test[:2] for test in values["tests"]] == [
        ["test_shop.py::test_flaky", "failed"],
        ["test_shop.py::test_total", "passed"],
    ]
    (shop,) = [file for file in values["files"] if file[0] == "shop.py"]
    assert shop[2:] == [1, [["total", 1, 3, [3], 1], ["unused", 7, 1, [7], 0]]]
    assert "<td>failed, passed</td>" in text
    wrong = project.testmon("report", "--html", ".")
    assert (wrong.code, wrong.out) == (64, "")
    wrong = project.testmon("report", "--html", "missing/page.html")
    assert (wrong.code, wrong.out) == (74, "")


def test_a_page_for_which_there_is_no_room_leaves_nothing(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OutputError, match="File too large"):
            html_page.write(str(tmp_path / "page.html"), "x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra(project: Project) -> None:
    project.write({"test_a.py": "def test_a(): pass\n"})
    assert project.testmon("collect", "-q").code == 0
    program = (
        "import sys; sys.modules['jinja2'] = None; from testmon_cli import cli; "
        "sys.exit(cli.main(['report', '--html', 'x.html']))"
    )
    answer = project.run(sys.executable, "-c", program)
    assert (answer.code, answer.out) == (66, "")
    assert (
        answer.err
        == 'testmon: error: the package jinja2 is missing: pip install "testmon-cli[html]"\n'
    )


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no browser")
@pytest.mark.slow
def test_a_browser_shows_it_and_runs_nothing_of_a_project(tmp_path: Path) -> None:
    from testmon_cli.rendering.html import as_html

    file = tmp_path / "page.html"
    file.write_text(as_html(page_of(20_000)), encoding="utf-8")
    command = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=2000",
        "--dump-dom",
    ]
    done = subprocess.run(
        [*command, str(file)], capture_output=True, text=True, check=True, timeout=120
    )
    assert "<title>testmon: 1 of 20000 tests to run</title>" in done.stdout
    assert '<output id="count">1 tests</output>' in done.stdout
    assert done.stdout.count('<button type="button" title=') == 1
