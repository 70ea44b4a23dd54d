"""What `testmon doctor` finds, and what it says to do."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.commands.test_agent import SHOP
from tests.conftest import Project


def found(
    project: Project, level: str, code: int = 0, **environ: str
) -> dict[str, tuple[str, str | None]]:
    answer = project.testmon("doctor", "--json", **environ)
    assert answer.code == code, answer
    listed = json.loads(answer.out)["findings"]
    return {f["topic"]: (f["text"], f["advice"]) for f in listed if f["level"] == level}


@pytest.fixture(scope="module")
def _once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("shop"))
    project.write({**SHOP, "pyproject.toml": "", ".gitignore": ".testmon*\n__pycache__\n"})
    project.git("init", "-q")
    assert project.testmon("collect", "-q").code == 0
    return project.path


@pytest.fixture
def shop(_once: Path, tmp_path: Path) -> Project:
    import shutil

    return Project(shutil.copytree(_once, tmp_path / "shop", symlinks=True))


def test_all_is_well(shop: Project) -> None:
    assert (found(shop, "wrong"), found(shop, "slow")) == ({}, {})
    fine = found(shop, "fine")
    assert fine["Python"] == (f"{sys.executable} is that of the tests", None)
    assert fine["last run"] == ("0.0 hours ago, 2 tests known", None)
    text = shop.testmon("doctor")
    assert text.out.endswith("nothing to do\n")


def test_nothing_was_collected(project: Project) -> None:
    assert found(project, "wrong", 1)["datafile"][1] == "run `testmon collect`"


def test_another_environment(shop: Project) -> None:
    text, advice = found(shop, "wrong", 1, TESTMON_ENV="other")["environment"]
    assert text.startswith("nothing was collected for environment 'other' with Python ")
    assert "there is: environment 'default'" in text
    assert advice == "run `testmon collect` here"


def test_a_damaged_datafile(shop: Project) -> None:
    path = shop.path / ".testmondata"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    assert found(shop, "wrong", 1)["datafile"] == (
        "the checksum does not match: it is damaged",
        "take a backup, or run `testmon db repair`",
    )


def test_a_datafile_in_git(shop: Project) -> None:
    shop.write({".gitignore": ""})
    assert (
        found(shop, "slow")["git"][1]
        == "add .testmondata* to .gitignore, so that nobody commits it"
    )
    shop.git("add", ".testmondata")
    assert (
        found(shop, "wrong", 1)["git"][1]
        == "git rm --cached .testmondata, and add .testmondata* to .gitignore"
    )


def test_a_file_that_cannot_be_collected(shop: Project) -> None:
    shop.write({"test_more.py": "import nosuch\n"})
    assert shop.testmon("collect", "-q").code == 2
    text, _ = found(shop, "wrong", 1)["collection"]
    assert text == "1 test files could not be collected last time: test_more.py"
    shop.write({"shop.py": "def"})
    assert found(shop, "wrong", 1)["source"] == (
        "shop.py does not parse: who depends on it is selected",
        "mend it",
    )


def test_a_slow_engine_and_tests_that_run_every_time(shop: Project) -> None:
    shop.write(
        {"pyproject.toml": '[tool.testmon]\nengine = "coverage"\nalways = ["test_shop.py"]\n'}
    )
    assert shop.testmon("collect", "-q").code == 0
    slow = found(shop, "slow")
    assert (
        slow["engine"][1]
        == '`engine = "auto"` takes probes where they are safe; the setting says so'
    )
    assert slow["every time"][0].startswith("2 tests (0.0 s) are selected every time: ")


def test_a_file_that_is_another_in_each_run(shop: Project) -> None:
    shop.write({"test_more.py": "def test_a():\n    open('stamp.txt').read()\n"})
    for number in range(4):
        shop.write({"stamp.txt": "x" * number})
        assert shop.testmon("collect", "-q").code == 0
    text, advice = found(shop, "slow")["volatile"]
    assert text == "file stamp.txt was found in 4 states in the last 5 runs"
    assert advice == "if it does not matter to tests, name it in the setting `ignore`"


def test_a_variable_that_selects_many(shop: Project) -> None:
    shop.write(
        {
            "conftest.py": "import os, pytest\n\n@pytest.fixture(autouse=True)\ndef mode():\n    os.getenv('MODE')\n"
        }
    )
    assert shop.testmon("collect", "-q").code == 0
    text, advice = found(shop, "slow", MODE="fast")["changes"]
    assert text == "2 tests are selected since environment MODE is not as it was"
    assert advice == "set it as it was, or name it in the setting `ignore_env`"


def test_a_configuration_below_the_root(shop: Project) -> None:
    shop.write({"inner/pytest.ini": "[pytest]\n", "inner/test_inner.py": "def test_a(): pass\n"})
    assert (
        found(shop, "fine")["pytest"][0]
        == "pytest has configurations below the root: inner/pytest.ini"
    )


def test_a_folder_of_sources_that_is_not_there(shop: Project) -> None:
    shop.write({"pyproject.toml": "[tool.testmon]\nsource = ['libs']\n"})
    text, advice = found(shop, "wrong", 1)["source"]
    assert text == f"the setting `source` names {shop.path}/libs, and there is no such folder"
    assert advice == "name one that is there, or leave it out"
    (shop.path / "libs").mkdir()
    assert "source" not in found(shop, "wrong")


def _installed(root: Path, name: str) -> Path:
    """A folder in which a module of that name is installed, but its code."""
    info = root / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n")
    (info / "top_level.txt").write_text(f"{name}\n")
    (info / "RECORD").write_text(f"{name}/__init__.py,,\n")
    return root


def test_a_package_of_the_checkout_that_tests_import_from_elsewhere(
    shop: Project, tmp_path: Path
) -> None:
    lib = _installed(tmp_path / "lib", "tax")
    source = "def rate():\n    return 2\n"
    shop.write(
        {
            "src/tax/__init__.py": source,
            "test_tax.py": "import tax\n\ndef test_rate():\n    assert tax.rate() == 2\n",
        }
    )
    told = "tests import tax as it is installed, not src/tax: edits there select nothing"
    editable = f"{shop.path / 'src'}{os.pathsep}{lib}"
    assert "tax" not in shop.testmon("collect", PYTHONPATH=editable).err
    assert "source" not in found(shop, "fine", PYTHONPATH=editable)

    (shop.path / ".testmondata").unlink()
    (lib / "tax").mkdir()
    (lib / "tax" / "__init__.py").write_text(source)
    collected = shop.testmon("collect", PYTHONPATH=str(lib))
    assert f"testmon: {told}; `pip install -e .` makes them count\n" in collected.err
    text, advice = found(shop, "wrong", 1, PYTHONPATH=str(lib))["source"]
    assert (text, advice) == (told, "install the checkout itself: pip install -e .")


def test_code_of_ones_own_outside_of_the_root(shop: Project, tmp_path: Path) -> None:
    lib = _installed(tmp_path / "lib", "tax")
    info = lib / "tax-1.0.dist-info"
    (lib / "tax.py").write_text("RATE = 2\n")
    (info / "RECORD").write_text("tax.py,,\n")
    (info / "direct_url.json").write_text('{"url": "file:///lib", "dir_info": {"editable": true}}')
    shop.write({"test_tax.py": "import tax\n\ndef test_rate():\n    assert tax.RATE == 2\n"})
    assert shop.testmon("collect", "-q", PYTHONPATH=str(lib)).code == 0
    text, advice = found(shop, "slow", PYTHONPATH=str(lib))["source"]
    assert text.startswith(f"tax is a local install outside of the root, at {lib}: ")
    assert advice == 'name its folder in the setting `source`, like source = ["../lib"]'
    shop.write({"pyproject.toml": "[tool.testmon]\nsource = ['../lib']\n", "inner/a.txt": ""})
    assert shop.testmon("collect", "-q", PYTHONPATH=str(lib)).code == 0
    assert "source" not in found(shop, "slow", PYTHONPATH=str(lib))
    inner = Project(shop.path / "inner")
    assert "source" not in found(inner, "slow", PYTHONPATH=str(lib))


def test_another_tracer(shop: Project) -> None:
    shop.write({"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--cov=shop'\n"})
    text, advice = found(shop, "slow")["tracers"]
    assert text == "pytest-cov measures as well (--cov=shop)"
    assert advice is not None
    assert advice.startswith("leave it out of `addopts`; ")


def test_a_hub_and_its_signatures(shop: Project, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    hub.mkdir()
    shop.testmon("push", "--hub", str(hub))
    named = {"TESTMON_HUB": str(hub)}
    said = f"{hub}: 1 bundles, signatures"
    assert found(shop, "fine", **named)["hub"][0] == f"{said} are not asked for"
    signed = named | {"TESTMON_HUB_KEY": "secret"}
    assert found(shop, "fine", **signed)["hub"][0] == f"{said} are asked for"
    shop.write({"pyproject.toml": "[tool.testmon]\nrequire_signatures = true\n"})
    text, advice = found(shop, "wrong", 1, **named)["hub"]
    assert text.startswith("signatures are asked for, and there is no TESTMON_HUB_KEY: ")
    assert advice == "set TESTMON_HUB_KEY in the jobs whose results count"
    assert found(shop, "fine", **signed)["hub"][0] == f"{said} are asked for"


def test_a_hub_that_is_not_there(shop: Project, tmp_path: Path) -> None:
    assert "hub" in found(shop, "wrong", 1, TESTMON_HUB=str(tmp_path / "nowhere"))
