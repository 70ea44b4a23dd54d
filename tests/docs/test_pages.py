"""The documentation says all there is, and nothing stale."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from testmon_cli.application.settings import KEYS
from testmon_cli.cli import EXIT_BROKEN_PIPE, cli
from testmon_cli.domain import errors

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))

INCUMBENT = (
    "--testmon",
    "--testmon-noselect",
    "--testmon-nocollect",
    "--testmon-forceselect",
    "--no-testmon",
    "--testmon-env",
    "TESTMON_DATAFILE",
    "testmon_env_expression",
    "remembered failures",
    "watching",
)


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def first_cells(text: str) -> set[str]:
    return set(re.findall(r"^\| `?([^`|]+?)`? +\|", text, re.MULTILINE))


def test_generated_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(DOCS / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow  # it depends on no version of Python
def test_pictures_show_what_is_so() -> None:
    command = [sys.executable, "docs/pictures.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_every_setting_is_documented() -> None:
    assert set(KEYS) <= first_cells(page("settings.md"))


def test_every_exit_code_is_documented() -> None:
    codes = {str(value) for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert codes | {str(EXIT_BROKEN_PIPE)} <= first_cells(page("exit-codes.md"))


@pytest.mark.parametrize("word", INCUMBENT)
def test_every_option_of_pytest_testmon_has_an_equivalent(word: str) -> None:
    rows = [
        line for line in page("coming-from-pytest-testmon.md").splitlines() if line.startswith("| ")
    ]
    assert [row for row in rows if word in row.split(" | ")[0]]


def documented_commands() -> list[str]:
    found: set[str] = set()
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES]:
        found.update(
            re.findall(
                r"testmon (?:collect|diff|select|report|gc)\b[^|`\n>#.]*",
                path.read_text(encoding="utf-8"),
            )
        )
    return sorted(command.strip() for command in found)


@pytest.mark.parametrize("command", documented_commands())
def test_commands_in_the_documentation_use_options_that_exist(command: str) -> None:
    _, name, *words = command.split()
    known = {
        option
        for parameter in cli.commands[name].params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    pytest_options = (
        {"-x", "-n", "-k", "-q", "-v", "--tb", "--pdb", "--"} if name == "collect" else set()
    )
    used = {
        word.partition("=")[0]
        for word in words[: words.index("--") if "--" in words else None]
        if word[0] == "-"
    }
    assert used <= known | pytest_options | {"--help"}


def test_every_page_is_in_the_navigation() -> None:
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert set(re.findall(r": (\S+\.md)$", config, re.MULTILINE)) == {
        path.relative_to(DOCS).as_posix() for path in PAGES
    }


@pytest.mark.parametrize(
    "name",
    ["CONTRIBUTING.md", "docs/development/architecture.md", "docs/development/how-to-add.md"],
)
def test_files_that_developers_are_sent_to_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:testmon_cli|tests|migrations|benchmarks|docs)/[\w./]*)`", text))
    packages = "|".join(path.parent.name for path in (ROOT / "testmon_cli").glob("*/__init__.py"))
    named |= {
        f"testmon_cli/{path}" for path in re.findall(rf"(?<!/)\b((?:{packages})/\w+\.py)", text)
    }
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_the_architecture_has_a_row_for_every_package() -> None:
    rows = first_cells(page("development/architecture.md"))
    packages = {
        f"testmon_cli/{path.parent.name}/" for path in (ROOT / "testmon_cli").glob("*/__init__.py")
    }
    assert packages - rows == set()


def test_the_performance_page_and_the_measurements_have_the_tables_that_scripts_write() -> None:
    marker = re.compile(r"^<!-- (?!end)(\w+) -->$", re.MULTILINE)
    assert marker.findall(page("performance.md")) == ["overhead", "growth"]
    assert marker.findall(page("development/measurements.md")) == [
        "scaling",
        "asking",
        "real",
        "balance",
    ]


def test_commits_are_checked_by_what_lint_runs() -> None:
    lint = (
        (ROOT / "noxfile.py")
        .read_text(encoding="utf-8")
        .partition("def lint(")[2]
        .partition("\n\n\n")[0]
    )
    commands = {
        " ".join(re.findall(r'"([^"]+)"', line))
        for line in re.findall(r"session\.run\((.*)\)", lint)
    }
    hooks = re.findall(
        r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    )
    assert {command.removesuffix(" .") for command in commands} == {
        hook.replace(" --force-exclude", "") for hook in hooks
    }
