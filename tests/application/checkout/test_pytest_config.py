"""pytest's options as its configuration files say them."""

from pathlib import Path

import pytest

from testmon_cli.application.checkout import pytest_config

INI = "[pytest]\npython_files = check_*.py\naddopts = --doctest-modules\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", INI),
        (".pytest.ini", INI),
        ("tox.ini", INI),
        ("setup.cfg", INI.replace("[pytest]", "[tool:pytest]")),
        (
            "pytest.toml",
            '[pytest]\npython_files = ["check_*.py"]\naddopts = ["--doctest-modules"]\n',
        ),
        (
            "pyproject.toml",
            '[tool.pytest.ini_options]\npython_files = ["check_*.py"]\naddopts = "--doctest-modules"\n',
        ),
        (
            "pyproject.toml",
            '[tool.pytest]\npython_files = ["check_*.py"]\naddopts = ["--doctest-modules"]\n',
        ),
    ],
)
def test_every_place(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    config = pytest_config.read(tmp_path, environ={})
    naming = config.naming()
    assert (config.path, naming.files, naming.doctest_modules) == (name, ("check_*.py",), True)


def test_an_ini_file_wins_even_when_it_is_empty(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\npython_files = "check_*.py"\n'
    )
    assert pytest_config.read(tmp_path, environ={}).path == "pytest.ini"


def test_other_tables_and_comments_do_not_count(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text('[tool.pytest.ini_options]\naddopts = "-x"\n')
    before = pytest_config.read(tmp_path, environ={}).digest
    file.write_text(
        '# said\n[tool.other]\na = 1\n[tool.pytest.ini_options]\naddopts = "-x"  # first\n'
    )
    assert pytest_config.read(tmp_path, environ={}).digest == before
    file.write_text('[tool.pytest.ini_options]\naddopts = "-q"\n')
    assert pytest_config.read(tmp_path, environ={}).digest != before


def test_options_of_the_environment_count(tmp_path: Path) -> None:
    assert (
        pytest_config.read(tmp_path, environ={"PYTEST_ADDOPTS": "-W error"}).digest
        != pytest_config.read(tmp_path, environ={}).digest
    )


def test_a_file_that_cannot_be_parsed_is_a_configuration_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest\n")
    first = pytest_config.read(tmp_path, environ={}).digest
    (tmp_path / "pytest.ini").write_text("[pytest\n# more\n")
    assert pytest_config.read(tmp_path, environ={}).digest != first


@pytest.mark.parametrize(
    "text",
    [
        "[metadata]\nname\n",
        "name = shop\n",
        "[metadata]\nname = a\nname = b\n",
        "[metadata]\n[metadata]\n",
    ],
)
@pytest.mark.parametrize("name", ["tox.ini", "setup.cfg"])
def test_a_file_that_pytest_refuses_beside_its_configuration_counts(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / "pytest.toml").write_text('[pytest]\naddopts = ["-x"]\n')
    file = tmp_path / name
    file.write_text("[metadata]\nname = shop\n")
    before = pytest_config.read(tmp_path, environ={})
    file.write_text("[metadata]\nname = other\n")
    assert pytest_config.read(tmp_path, environ={}).digest == before.digest
    file.write_text(text)
    after = pytest_config.read(tmp_path, environ={})
    assert after.digest != before.digest
    assert (after.path, after.naming()) == (before.path, before.naming())


def test_options_of_the_run_count_for_names() -> None:
    config = pytest_config.PytestConfig("", {}, ())
    assert [config.naming(given).doctest_modules for given in ([], ["--doctest-modules"])] == [
        False,
        True,
    ]
    given = ["--doctest-glob", "*.rst", "--doctest-glob=docs/*.md"]
    assert [config.naming(each).doctest_globs for each in ([], given)] == [
        ("test*.txt",),
        ("*.rst", "docs/*.md"),
    ]


def test_a_command_line_puts_others_in_the_place_of_options() -> None:
    config = pytest_config.PytestConfig(
        "pytest.ini",
        {"addopts": "--doctest-modules --doctest-glob=*.md", "python_files": "check_*.py"},
        ("--doctest-modules", "--doctest-glob=*.md", "-q"),
    )
    plain = config.naming()
    assert plain.doctest_modules
    assert (plain.doctest_globs, plain.files) == (("*.md",), ("check_*.py",))
    bare = config.naming(["-o", "addopts=", "--override-ini=python_files=test_*.py x_*.py"])
    assert not bare.doctest_modules
    assert (bare.doctest_globs, bare.files) == (("test*.txt",), ("test_*.py", "x_*.py"))
    other = config.naming(["-oaddopts=--doctest-glob=*.rst"])
    assert other.doctest_globs == ("*.rst",)


def test_options_of_the_environment_stay_where_others_are_replaced() -> None:
    config = pytest_config.PytestConfig(
        "pytest.ini", {"addopts": ["-x"]}, ("-x", "--doctest-modules")
    )
    assert config.naming(["-o", "addopts="]).doctest_modules
