"""The command line as a whole: what it imports, how it fails and what it hands on."""

import os
import re
import subprocess
import sys

import click
import pytest

from testmon_cli import __version__
from testmon_cli.cli import cli, main
from testmon_cli.commands import collect as collect_command
from testmon_cli.domain.errors import DatafileError, TestmonError
from tests.conftest import Project

HEAVY = ("alembic", "coverage", "pytest", "rich", "sqlalchemy", "tomllib")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    python = ".".join(map(str, sys.version_info[:3]))
    parts = capsys.readouterr().out.split("; ")
    assert parts[0].startswith(f"testmon {__version__}: Python {python}")
    assert [part.split()[0] for part in parts[1:]] == [
        "pytest",
        "coverage",
        "engines",
        "schema",
        "analysis",
    ]


def test_without_a_command_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("Usage: testmon [OPTIONS] ")


def test_the_help_lists_each_command_once_by_what_it_is_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["--help"]) == 0
    text = capsys.readouterr().out.partition("Every day:\n")[2]
    assert sorted(re.findall(r"^  ([a-z]+)  +[A-Z]", text, re.MULTILINE)) == sorted(cli.commands)
    assert "..." not in text
    assert "Others:" not in text


@pytest.mark.parametrize("group", ["agent", "bundle", "db", "hub"])
def test_the_help_of_a_group_cuts_nothing(
    group: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([group, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "..." not in "".join(lines[1:])


@pytest.mark.parametrize("instruction", ["bash_source", "zsh_source", "fish_source"])
def test_a_shell_is_given_its_script(
    instruction: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_TESTMON_COMPLETE", instruction)
    assert main([]) == 0
    assert (
        f"_TESTMON_COMPLETE={instruction.replace('source', 'complete')}" in capsys.readouterr().out
    )


def test_commands_and_options_are_completed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_TESTMON_COMPLETE", "bash_complete")
    answers = []
    for words in ("testmon s", "testmon select --ex", "testmon select tests/"):
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
        answers.append((main([]), capsys.readouterr().out))
    assert answers == [(0, "plain,select\n"), (0, "plain,--explain\n"), (0, "file,tests/\n")]


def test_environments_are_completed(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write({"test_a.py": "def test_a(): pass\n"})
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("_TESTMON_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "testmon select --env fa")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert (main([]), capsys.readouterr().out.strip()) == (0, "")
    monkeypatch.delenv("_TESTMON_COMPLETE")
    for name in ("fast", "slow"):
        assert project.testmon_process("collect", "-q", "--env", name).code == 0
    monkeypatch.setenv("_TESTMON_COMPLETE", "bash_complete")
    assert (main([]), capsys.readouterr().out) == (0, "plain,fast\n")


def test_tests_are_completed(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bash gives and takes what stands between colons; other shells whole words."""
    project.write(
        {
            "t/test_a.py": "def test_one(): pass\ndef test_two(): pass\n",
            "t/test_b.py": "def test_b(): pass\n",
        }
    )
    assert project.testmon_process("collect", "-q").code == 0
    monkeypatch.chdir(project.path)

    def completed(shell: str, words: str, place: int) -> str:
        monkeypatch.setenv("_TESTMON_COMPLETE", f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv(
            "COMP_CWORD", str(place) if shell != "fish" else words.rpartition(" ")[2]
        )
        assert main([]) == 0
        return capsys.readouterr().out

    assert completed("bash", "testmon explain t/", 2) == "file,t/\n"
    assert (
        completed("bash", "testmon explain t/test_a", 2)
        == "plain,t/test_a.py\nplain,t/test_a.py::\n"
    )
    assert completed("bash", "testmon explain t/test_a.py :: test_o", 4) == "plain,test_one\n"
    assert (
        completed("bash", "testmon select t/test_b.py :: test_b t/test_a.py ::", 6)
        == "plain,test_one\nplain,test_two\n"
    )
    assert (
        completed("fish", "testmon explain t/test_a.py::test_o", 2)
        == "plain,t/test_a.py::test_one\n"
    )
    assert (
        completed("zsh", "testmon explain t/test_a.py::test_t", 2)
        == "plain\nt/test_a.py::test_two\n_\n"
    )
    monkeypatch.chdir(project.path / "t")
    assert (
        completed("fish", "testmon explain test_a.py::test_o", 2) == "plain,test_a.py::test_one\n"
    )


def test_an_unknown_shell_is_an_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_TESTMON_COMPLETE", "tcsh_source")
    assert main([]) == 64
    message = (
        "_TESTMON_COMPLETE=tcsh_source is not known: give bash_source, zsh_source or fish_source"
    )
    assert capsys.readouterr() == ("", f"testmon: error: {message}\n")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["collect", "--help"], ["select", "--help"], ["gc", "--help"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from testmon_cli.cli import main; main(sys.argv[1:]);"
        f"print(sorted(set(sys.modules) & {set(HEAVY)!r}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["selct"], "No such command 'selct'. Did you mean", id="command"),
        pytest.param(["--color"], "No such option '--color'", id="group-option"),
        pytest.param(["diff", "--bse", "x"], "No such option '--bse'", id="option"),
        pytest.param(
            ["gc", "--keep", "0"], "Invalid value for '--keep': 0 is not in the range", id="range"
        ),
        pytest.param(
            ["select", "-0", "--explain"], "--null prints plain arguments", id="combination"
        ),
        pytest.param(
            ["-C", "missing", "diff"], "'missing': No such file or directory", id="directory"
        ),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_64(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 64
    out, err = capsys.readouterr()
    # Older releases of click end the sentence after the name and do not quote it.
    assert message.split(". ")[0].replace("'", "") in err.replace("'", "").replace(
        "option: ", "option "
    )
    assert (out, err.startswith("testmon: error: "), err.count("\n")) == ("", True, 1)


def _fails_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    def fail(context: click.Context) -> None:
        raise error

    monkeypatch.setitem(
        cli.commands, "fail", click.Command("fail", callback=click.pass_context(fail))
    )
    return main(["fail"])


def test_an_error_of_the_user_is_one_line_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _fails_with(TestmonError("x.toml: no"), monkeypatch) == 64
    assert _fails_with(DatafileError("data: locked"), monkeypatch) == 65
    assert capsys.readouterr() == ("", "testmon: error: x.toml: no\ntestmon: error: data: locked\n")


def test_an_interrupt_gives_130(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _fails_with(KeyboardInterrupt(), monkeypatch) == 130


def test_a_bug_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        _fails_with(ZeroDivisionError(), monkeypatch)


def test_a_reader_that_goes_away_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "testmon_cli", "--help"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("given", "handed_on"),
    [
        pytest.param(["-x", "-k", "a or b", "tests"], ("-x", "-k", "a or b", "tests"), id="short"),
        pytest.param(["-n", "4", "--dist=loadfile"], ("-n", "4", "--dist=loadfile"), id="long"),
        pytest.param(
            ["--maxfail", "2", "--engine", "coverage", "-vv"],
            ("--maxfail", "2", "-vv"),
            id="ours-between",
        ),
        pytest.param(
            ["-kvalue", "-pno:cacheprovider", "-vxs"],
            ("-kvalue", "-pno:cacheprovider", "-vxs"),
            id="attached",
        ),
        pytest.param(
            ["--", "--engine", "-h", "--help"], ("--engine", "-h", "--help"), id="after-dashes"
        ),
        pytest.param(
            ["-W", "error::UserWarning", "a.py::test[x-1]"],
            ("-W", "error::UserWarning", "a.py::test[x-1]"),
            id="ids",
        ),
    ],
)
def test_collect_hands_on_what_it_does_not_know(
    given: list[str], handed_on: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, ...]] = []

    def run(settings: object, *, pytest_args: tuple[str, ...], select: bool, verbose: bool) -> int:
        seen.append(pytest_args)
        return 5

    monkeypatch.setattr(collect_command, "run", run)
    assert (main(["collect", *given]), seen) == (5, [handed_on])


@pytest.mark.parametrize(
    "arguments", [["--datafile", "a.db", "collect"], ["collect", "--datafile", "a.db"]]
)
def test_the_datafile_can_be_named_before_and_after_the_command(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(
        collect_command, "run", lambda settings, **rest: seen.append(settings.datafile)
    )
    monkeypatch.chdir(project.path)
    main(arguments)
    assert seen == [str(project.path / "a.db")]


def test_directory_is_where_the_command_runs(
    monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(collect_command, "run", lambda settings, **rest: seen.append(settings.root))
    main(["-C", str(project.path), "collect"])
    assert seen == [project.path]


def test_every_command_and_option_says_what_it_is_for() -> None:
    silent = [
        f"{name} {parameter.name}"
        for name, command in cli.commands.items()
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert (silent, [name for name, command in cli.commands.items() if not command.help]) == (
        [],
        [],
    )
