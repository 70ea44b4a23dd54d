"""A process that waits with pytest imported is taken for a new one only where it is the same."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testmon_cli.application import settings
from testmon_cli.application.collect.launching import Launch, Spare, Spares
from testmon_cli.application.collect.use_case import collect, expected
from testmon_cli.cli import main
from tests.conftest import Project

SHOP = {
    "shop.py": "import os\n\n\ndef price():\n    return os.environ.get('PRICE'), open('price.txt').read()\n",
    "price.txt": "3",
    "test_shop.py": "import shop\n\n\ndef test_price(tmp_path):\n    assert shop.price()[1] in '34'\n",
}
LIBRARY = {"lib/sitecustomize.py": "import helper\n", "lib/helper.py": ""}  # outside the root
TEST = "test_shop.py::test_price"


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    project.write(SHOP)
    Project(project.path.parent).write(LIBRARY)
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("PYTHONPATH", str(project.path.parent / "lib"))
    return project


@pytest.fixture
def spares(shop: Project) -> Iterator[Spares]:
    found = Spares()
    found.expect(expected(settings.load()))
    yield found
    found.send_away()


def _relies_on(capsys: pytest.CaptureFixture[str]) -> object:
    capsys.readouterr()
    assert main(["explain", TEST, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    return {name: value for name, value in told.items() if name not in ("seconds", "started")}


def test_the_record_of_a_run_is_the_same(
    spares: Spares, capsys: pytest.CaptureFixture[str]
) -> None:
    assert collect(settings.load(), ["-q"]).exitcode == 0
    new = _relies_on(capsys)
    waits = _waiting(spares)
    Path("price.txt").write_text("4")  # not what a new process reads before it knows what to run
    collected = collect(settings.load(), ["-q", TEST], launch=spares.launch)
    assert (collected.exitcode, collected.executed) == (0, 1)
    assert waits._process.returncode == 0
    assert not Path(waits.spool.folder).exists()
    assert _relies_on(capsys) == new
    Path("price.txt").write_text("3")
    assert main(["select"]) == 0
    assert capsys.readouterr().out == ""  # as the first run saw it
    Path("price.txt").write_text("5")
    assert main(["select"]) == 0
    assert capsys.readouterr().out == f"{TEST}\n"


def _waiting(spares: Spares) -> Spare:
    spares.prepare()
    assert spares._waiting is not None
    return spares._waiting


def test_what_makes_it_another_process(
    spares: Spares, shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = expected(settings.load())
    helper = shop.path.parent / "lib" / "helper.py"
    os.utime(helper, (1, 1))
    time.sleep(0.05)  # what came just before it began cannot be told from what came just after
    waits = _waiting(spares)
    assert waits.serves(now)
    with monkeypatch.context() as patch:
        patch.setenv("PRICE", "5")
        assert not waits.serves(now)
    with monkeypatch.context() as patch:
        patch.chdir(shop.path.parent)
        assert not waits.serves(now)
    assert not waits.serves(now._replace(ignore_environment=("P*",)))
    shop.write({"price.txt": "4", "conftest.py": "import shop\n", "pytest.ini": "[pytest]\n"})
    assert waits.serves(now)
    helper.write_text("x = 1\n")
    assert not waits.serves(now)
    with spares.launch(now) as launch:
        assert type(launch) is Launch
    assert waits._process.returncode == 0

    waits = _waiting(spares)
    assert waits.serves(now)
    shop.write({"pluggy.py": ""})  # which comes before the one that was imported
    assert not waits.serves(now)


def test_none_waits_where_code_of_the_project_comes_before_pytest(
    spares: Spares, shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.write({"helper.py": ""})
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(shop.path), os.environ["PYTHONPATH"]]))
    waits = _waiting(spares)
    waits._process.wait(30)
    assert waits.is_unfit
    with spares.launch(waits.settings) as launch:
        assert type(launch) is Launch
    spares.prepare()
    assert spares._waiting is None


def test_it_ends_when_nobody_wants_it(spares: Spares) -> None:
    waits = _waiting(spares)
    spares.send_away()
    assert waits._process.returncode == 0
    assert not Path(waits.spool.folder).exists()
