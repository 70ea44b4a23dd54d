"""Evidence from several machines, put together."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import Project

SUITE = {
    "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\n",
    "shop/__init__.py": "",
    "shop/prices.py": "RATE = 2\n\n\ndef price(n):\n    return n * RATE\n\n\ndef free():\n    return 0\n",
    "shop/words.py": "def word():\n    with open('word.txt') as file:\n        return file.read()\n",
    "word.txt": "hello",
    "tests/conftest.py": """
        import pytest

        from shop.prices import price


        @pytest.fixture(scope="session")
        def two():
            yield price(1)
        """,
    "tests/test_one.py": "def test_two(two):\n    assert two == 2\n\n\ndef test_none():\n    pass\n",
    "tests/test_two.py": "from shop.prices import free\n\n\ndef test_free(two):\n    assert free() == 0\n",
    "tests/test_three.py": """
        import os

        import pytest

        from shop.words import word


        @pytest.mark.parametrize("n", [1, 2])
        def test_word(n):
            assert word() == "hello" and os.environ.get("SHOP_MODE") is None


        def test_fails():
            assert False
        """,
}
FILES = ("tests/test_one.py", "tests/test_two.py", "tests/test_three.py")


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    """A checkout on each machine that ran a shard, one that ran all of them, and one that ran nothing."""
    found = {}
    for name in ("one", "two/deeper", "three", "all", "here"):
        path = tmp_path_factory.mktemp("machines") / name
        path.mkdir(parents=True)
        found[name] = Project(path)
        found[name].write(SUITE)
        for place, file in enumerate(path.rglob("*.*")):
            os.utime(file, (1e9 + place, 1e9 + 7 * place))  # git gives files no times of their own
    for name, file in zip(("one", "two/deeper", "three"), FILES, strict=True):
        assert found[name].testmon("collect", file).code in (0, 1)
        assert found["all"].testmon("collect", file).code in (0, 1)
    return found


@pytest.fixture
def here(machines: dict[str, Project], tmp_path: Path) -> Project:
    shutil.copytree(machines["here"].path, tmp_path / "here")
    return Project(tmp_path / "here")


def _combine(project: Project, *paths: object) -> None:
    answer = project.testmon("combine", *map(str, paths))
    assert (answer.code, answer.err) == (0, "")


def _content(project: Project) -> str:
    answer = project.testmon("bundle", "create", "-o", "bundle", "--format", "json")
    return str(json.loads(answer.out)["content"])


EDITS = {
    "nothing": ("word.txt", "hello", "hello"),
    "a function": ("shop/prices.py", "return 0", "return 1"),
    "a constant": ("shop/prices.py", "RATE = 2", "RATE = 3"),
    "of a fixture": ("shop/prices.py", "n * RATE", "n * RATE + 1"),
    "a file that is read": ("word.txt", "hello", "hullo"),
    "a new test": (
        "tests/test_two.py",
        "def test_free",
        "def test_new():\n    pass\n\n\ndef test_free",
    ),
    "a test less": ("tests/test_one.py", "def test_none", "def none"),
}


def test_shards_of_three_machines_select_what_one_would(
    machines: dict[str, Project], here: Project
) -> None:
    shards = [machines[name].path / ".testmondata" for name in ("one", "two/deeper", "three")]
    _combine(here, *shards)
    every = Project(here.path.parent / "all")
    shutil.copytree(machines["all"].path, every.path)
    selected = {}
    for name, (file, old, new) in EDITS.items():
        for project in (here, every):
            text = (project.path / file).read_text()
            (project.path / file).write_text(text.replace(old, new))
        mine, theirs = here.testmon("select"), every.testmon("select")
        assert (mine.code, sorted(mine.out.split())) == (0, sorted(theirs.out.split())), name
        selected[name] = mine.out.split()
        for project in (here, every):
            text = (project.path / file).read_text()
            (project.path / file).write_text(text.replace(new, old))
    assert selected["nothing"] == ["tests/test_three.py::test_fails"]
    assert "tests/test_two.py::test_free" in selected["a function"]
    assert "tests/test_one.py::test_none" not in selected["a constant"]
    changed = here.testmon("select", SHOP_MODE="on").out.split()
    assert "tests/test_three.py::test_word[1]" in changed


def test_bundles_and_datafiles_in_any_order_give_the_same(
    machines: dict[str, Project], here: Project
) -> None:
    names = ("one", "two/deeper", "three")
    bundles = here.path / "bundles"
    bundles.mkdir()
    for name in names:
        made = machines[name].testmon("bundle", "create", "-o", str(bundles))
        assert made.code == 0, made.err
        shown = here.testmon("bundle", "show", made.out.strip())
        assert shown.out.splitlines()[0] == f"content      {Path(made.out.strip()).stem}"
    _combine(here, "bundles")
    content = _content(here)
    again = here.testmon("combine", "bundles", str(machines["one"].path / ".testmondata"), "bundle")
    assert again.out.splitlines()[-1].endswith("has 0 runs and 0 executions more")
    assert _content(here) == content
    (here.path / ".testmondata").unlink()
    _combine(here, *(machines[name].path / ".testmondata" for name in reversed(names)))
    assert _content(here) == content


def test_what_is_collected_here_counts_as_newer_than_all_that_came(
    machines: dict[str, Project], here: Project
) -> None:
    """The clock of another machine may be fast."""
    _combine(here, machines["three"].path / ".testmondata")
    here.edit("tests/test_three.py", "assert False", "assert True")
    assert here.testmon("collect", "tests/test_three.py").code == 0
    _combine(here, machines["one"].path / ".testmondata")
    assert here.testmon("select").out.split() == ["tests/test_two.py"]


def test_one_source_that_is_refused_changes_nothing(
    machines: dict[str, Project], here: Project
) -> None:
    bundle = here.path / "bundle"
    machines["two/deeper"].testmon("bundle", "create", "-o", str(bundle))
    damaged = bytearray(bundle.read_bytes())
    damaged[-20] ^= 1
    bundle.write_bytes(damaged)
    good = str(machines["one"].path / ".testmondata")
    refused = here.testmon("combine", good, "bundle")
    assert refused.code == 65
    assert refused.err.startswith(
        "testmon: error: bundle is damaged, or no bundle that testmon wrote"
    )
    assert refused.err.count("\n") == 1
    assert sorted(os.listdir(here.path)) == [
        "bundle",
        "pyproject.toml",
        "shop",
        "tests",
        "word.txt",
    ]
    _combine(here, good)
    before = (here.path / ".testmondata").read_bytes()
    assert (
        here.testmon("combine", str(machines["three"].path / ".testmondata"), "bundle").code == 65
    )
    content = _content(here)
    (here.path / ".testmondata").write_bytes(before)
    assert _content(here) == content
    for path, message in (
        ("word.txt", "word.txt is neither a datafile of testmon nor a bundle"),
        ("shop", "no datafile and no bundle"),
    ):
        answer = here.testmon("combine", path)
        assert answer.code in (64, 65)
        assert message in answer.err
    for command in (("combine", "nosuch"), ("bundle", "show", "nosuch")):
        answer = here.testmon(*command)
        assert (answer.code, answer.err.partition(":")[0]) == (66, "testmon")
        assert "there is no nosuch: name " in answer.err
    answer = here.testmon("bundle", "show", "word.txt")
    assert (answer.code, answer.err) == (
        65,
        "testmon: error: word.txt is no bundle of testmon: make one with testmon bundle create\n",
    )
