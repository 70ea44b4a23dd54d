"""Where settings come from and how a wrong one is refused."""

import hashlib
from pathlib import Path

import pytest

from testmon_cli.application.settings import KEYS, ROOT_MARKERS, Settings, find_root, load
from testmon_cli.domain.errors import SettingsError

ALL_KEYS = """
[tool.testmon]
datafile = "build/data"
env = "nightly"
source = ["../shared/src"]
exclude = ["app/generated/*"]
without_probes = ["tests/test_code.py"]
ignore = ["*.log"]
ignore_env = ["TERM"]
ignore_packages = ["Some_Tool"]
always = ["tests/smoke/*"]
depends = {"tests/sql/*" = ["schema/*.sql"]}
keep = 3
store_failures = false
engine = "coverage"
hub = "../hub"
trust = ["main", "release/*"]
require_signatures = true
full_every = "2d"
audit = "12.5%"
"""


def write(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def test_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, environ={}) == Settings(
        root=tmp_path, datafile=str(tmp_path / ".testmondata")
    )


def test_every_key_is_read(tmp_path: Path) -> None:
    assert load(write(tmp_path, ALL_KEYS), environ={}) == Settings(
        root=tmp_path,
        datafile=str(tmp_path / "build/data"),
        env="nightly",
        source=(str((tmp_path / "../shared/src").resolve()),),
        exclude=("app/generated/*",),
        without_probes=("tests/test_code.py",),
        ignore=("*.log",),
        ignore_env=("TERM",),
        ignore_packages=("Some_Tool",),
        always=("tests/smoke/*",),
        depends={"tests/sql/*": ("schema/*.sql",)},
        keep=3,
        store_failures=False,
        engine="coverage",
        hub=str((tmp_path / "../hub").resolve()),
        trust=("main", "release/*"),
        require_signatures=True,
        full_every=172_800.0,
        audit=0.125,
    )
    assert set(KEYS) == {line.partition(" ")[0] for line in ALL_KEYS.splitlines()[2:]} | {
        "env_expression"
    }


def test_the_hub_is_a_url_or_a_path_from_where_it_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path, '[tool.testmon]\nhub = "s3://bucket/x"\n')
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert load(root, environ={}).hub == "s3://bucket/x"
    assert load(root, environ={"TESTMON_HUB": "mine"}).hub == str(tmp_path / "below" / "mine")
    assert load(root, hub="file:///x", environ={"TESTMON_HUB": "mine"}).hub == "file:///x"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param(
            "datafil = 'x'", "has an unknown key 'datafil'; did you mean 'datafile'?", id="close"
        ),
        pytest.param(
            "ignore-env = []",
            "has an unknown key 'ignore-env'; did you mean 'ignore_env'?",
            id="dash",
        ),
        pytest.param(
            "zzz = 1",
            "has an unknown key 'zzz'; known keys are always, audit, datafile, ",
            id="far",
        ),
        pytest.param("datafile = 3", "datafile must be a path (string); it is 3", id="text"),
        pytest.param("env = ''", "env must be a name (string); it is ''", id="empty"),
        pytest.param("always = 'x'", "always must be a list of strings; it is 'x'", id="list"),
        pytest.param("always = [1]", "always must be a list of strings; it is [1]", id="list-of"),
        pytest.param(
            "keep = true", "keep must be a whole number from 1 to 1000000; it is True", id="bool"
        ),
        pytest.param(
            "keep = 0", "keep must be a whole number from 1 to 1000000; it is 0", id="zero"
        ),
        pytest.param(
            "keep = 99999999999",
            "keep must be a whole number from 1 to 1000000; it is 9999",
            id="absurd",
        ),
        pytest.param("audit = '0%'", "audit must be a share like \"10%\"; it is '0%'", id="share"),
        pytest.param(
            "store_failures = 0", "store_failures must be true or false; it is 0", id="flag"
        ),
        pytest.param(r'datafile = "a\u0000b"', "datafile must be a path (string); it is", id="nul"),
        pytest.param(
            r'source = ["a\u0000b"]', "source must be a list of strings; it is", id="nul-in-list"
        ),
        pytest.param(
            "depends = ['a']", "depends must be a table of lists of strings, like", id="table"
        ),
        pytest.param(
            "depends = {a = 'b'}",
            "depends must be a table of lists of strings, like",
            id="table-of",
        ),
        pytest.param(
            "engine = 'fast'",
            'engine must be one of "auto", "coverage", "probes"; it is \'fast\'',
            id="engine",
        ),
        pytest.param(
            "exclude = ['/gen/*']",
            "exclude: '/gen/*' would match nothing: write it relative",
            id="absolute",
        ),
        pytest.param(
            "depends = {'/t/*' = ['a']}",
            "depends: '/t/*' would match nothing: write it",
            id="absolute-key",
        ),
        pytest.param(
            "depends = {a = ['/']}", "depends: '/' is no pattern of files: ", id="no-pattern"
        ),
        pytest.param(
            "env = 'a'\nenv_expression = 'b'",
            "sets both env and env_expression; keep one",
            id="both",
        ),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, f"[tool.testmon]\n{line}\n"), environ={})
    assert str(caught.value).startswith(f"{tmp_path / 'pyproject.toml'}: [tool.testmon] {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"[tool.testmon\n", "not valid TOML: ", id="syntax"),
        pytest.param(
            b"[tool.testmon]\nenv = '\xff'\n",
            "not valid TOML: 'utf-8' codec can't decode",
            id="encoding",
        ),
        pytest.param(b"[tool.testmon]\nkeep = " + b"9" * 5000, "not valid TOML: ", id="digits"),
        pytest.param(b"[tool.testmon]\nsource = " + b"[" * 5000, "not valid TOML: ", id="nested"),
        pytest.param(b"tool.testmon = 1\n", "tool.testmon must be a table", id="no-table"),
    ],
)
def test_an_unreadable_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "pyproject.toml").write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, environ={})
    assert str(caught.value).startswith(f"{tmp_path / 'pyproject.toml'}: {message}")


def test_a_project_file_without_our_table_is_not_our_business(tmp_path: Path) -> None:
    assert load(write(tmp_path, "[tool.other\n"), environ={}).env == "default"


def test_the_datafile_follows_option_variable_setting_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path, "[tool.testmon]\ndatafile = 'set'\n")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    environ = {"TESTMON_DATAFILE": "variable"}
    assert load(root, datafile="option", environ=environ).datafile == str(tmp_path / "sub/option")
    assert load(root, environ=environ).datafile == str(tmp_path / "sub/variable")
    assert load(root, environ={}).datafile == str(tmp_path / "set")
    assert load(root, datafile="sqlite:////x/y", environ={}).datafile == "sqlite:////x/y"


def test_the_environment_follows_option_variable_setting_default(tmp_path: Path) -> None:
    root = write(tmp_path, "[tool.testmon]\nenv = 'set'\n")
    environ = {"TESTMON_ENV": "variable"}
    assert load(root, env="option", environ=environ).env == "option"
    assert load(root, environ=environ).env == "variable"
    assert load(root, environ={}).env == "set"


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        pytest.param("'db-' + os.environ.get('DB', 'none')", "db-none", id="os"),
        pytest.param("sys.implementation.name", "cpython", id="sys"),
        pytest.param("md5('x')", hashlib.md5(b"x").hexdigest(), id="md5"),
        pytest.param(
            "hashlib.sha1(b'x').hexdigest()", hashlib.sha1(b"x").hexdigest(), id="hashlib"
        ),
        pytest.param(
            "[md5(part) for part in ['x']][0]", hashlib.md5(b"x").hexdigest(), id="comprehension"
        ),
    ],
)
def test_env_expression_names_the_environment(
    tmp_path: Path, expression: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DB", raising=False)
    assert (
        load(write(tmp_path, f'[tool.testmon]\nenv_expression = "{expression}"\n'), environ={}).env
        == name
    )


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        pytest.param(
            "nope",
            "env_expression failed: NameError: name 'nope' is not defined in 'nope'",
            id="name",
        ),
        pytest.param("1 +", "env_expression failed: SyntaxError: ", id="syntax"),
        pytest.param("exit(0)", "env_expression failed: SystemExit: 0 in 'exit(0)'", id="exit"),
        pytest.param("None", "env_expression must give a name; 'None' gave None", id="none"),
    ],
)
def test_an_error_in_env_expression_is_never_a_name(
    tmp_path: Path, expression: str, message: str
) -> None:
    root = write(tmp_path, f'[tool.testmon]\nenv_expression = "{expression}"\n')
    with pytest.raises(SettingsError) as caught:
        load(root, environ={})
    assert message in str(caught.value)
    assert load(root, env="given", environ={}).env == "given"


@pytest.mark.parametrize("marker", ROOT_MARKERS)
def test_the_root_is_the_nearest_folder_that_a_project_begins_in(
    tmp_path: Path, marker: str
) -> None:
    below = tmp_path / "a" / "b" / "c"
    below.mkdir(parents=True)
    assert find_root(below) == below
    (tmp_path / marker).touch()
    assert find_root(below) == tmp_path
    (tmp_path / "a" / marker).mkdir()
    assert find_root(below) == tmp_path / "a"
