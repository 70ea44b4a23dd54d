"""What is built can be installed and does the main job, without the source beside it."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import Project

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    # From the sdist, as `build` does by default: so what the sdist lacks is missed here too.
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [found] = folder.glob("*.whl")
    return found


@pytest.mark.slow
def test_the_wheel_holds_the_migrations_and_nothing_foreign(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"testmon_cli"}
    assert "testmon_cli/py.typed" in names
    assert "testmon_cli/_migrations/env.py" in names
    assert not [name for name in names if name.endswith(".pyc")]


@pytest.mark.slow
def test_the_installed_wheel_does_the_main_job(
    wheel: Path, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)  # else it may be the checkout that runs
    place = tmp_path / "venv"
    venv.create(place, with_pip=True)
    project.run(str(place / "bin/python"), "-m", "pip", "install", "-q", str(wheel))
    project.write(
        {
            "price.py": "def double(n):\n    return n * 2\n\n\ndef triple(n):\n    return n * 3\n",
            "test_price.py": """
                from price import double, triple

                def test_double():
                    assert double(2) == 4

                def test_triple():
                    assert triple(2) == 6
                """,
        }
    )
    testmon = str(place / "bin/testmon")
    collected = project.run(testmon, "collect", "-q", PYTHONPATH=str(project.path))
    assert (collected.code, collected.err) == (0, "")
    assert project.run(testmon, "select").out == ""
    project.edit("price.py", "n * 3", "n * 4")
    assert project.run(testmon, "select").out == "test_price.py::test_triple\n"
    assert project.run(testmon, "gc").code == 0
    # Upgrading an older datafile needs the migrations that came with the wheel.
    script = "from testmon_cli.storage.layout import migrations_folder as folder; print(folder())"
    shipped = Path(project.run(str(place / "bin/python"), "-c", script).out.strip())
    assert (shipped.is_relative_to(place), (shipped / "env.py").exists()) == (True, True)
