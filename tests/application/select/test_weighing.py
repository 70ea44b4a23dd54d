"""Which runs are looked at when a test has run many times."""

import pytest

from testmon_cli.application import settings
from testmon_cli.application.select.run_changes import RunChanges
from testmon_cli.application.select.use_case import select
from tests.conftest import Project

SHOP = {
    "shop.py": "def price(x):\n    return x * 2\n\n\ndef name(x):\n    return x.strip()\n",
    "test_shop.py": """
        import shop


        def test_price():
            assert shop.price(2)


        def test_name():
            assert shop.name("a")
        """,
}


def test_runs_are_not_matched_for_what_ran_code_that_is_gone(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(SHOP)
    monkeypatch.chdir(project.path)
    assert project.testmon("collect", "-q").code == 0
    for factor in (3, 4, 5):
        project.edit("shop.py", f"x * {factor - 1}", f"x * {factor}")
        assert project.testmon("collect", "--select", "-q").code == 0
    matched: list[int] = []
    monkeypatch.setattr(
        RunChanges,
        "_match",
        lambda self, run, own=RunChanges._match: matched.append(run.id) or own(self, run),
    )
    project.edit("shop.py", "x * 5", "x * 6")
    assert [test.nodeid for test in select(settings.load()).tests] == ["test_shop.py::test_price"]
    assert len(matched) == 2  # the first run, of which the other test stands, and the newest
    project.edit("shop.py", "x * 6", "x * 4")
    assert select(settings.load()).tests == ()  # the third run knows
