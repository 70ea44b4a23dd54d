"""The command line: click parses, and calls functions of `testmon_cli.commands`.

What a command needs is imported when it runs, because importing is most of the time that a short
command takes.
"""

import gc as garbage
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from testmon_cli.domain.errors import (
    EXIT_INTERRUPTED,
    EXIT_IO,
    EXIT_USAGE,
    OutputError,
    TestmonError,
)

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from testmon_cli.application.settings import Settings

EXIT_BROKEN_PIPE = 141  # what a shell reports for a program that SIGPIPE ended
COMPLETE_VARIABLE = "_TESTMON_COMPLETE"

Function = TypeVar("Function", bound=Callable[..., Any])


class Shared(NamedTuple):
    """Options given before the command's name."""

    datafile: str | None
    start: str | None = None  # the working directory before --directory


class ElsewhereError(Exception):
    """Another Python is to answer."""

    def __init__(self, python: str, start: str | None) -> None:
        super().__init__(python)
        self.python = python
        self.start = start


def _settings(
    context: click.Context,
    datafile: str | None,
    env: str | None,
    engine: str | None = None,
    hub: str | None = None,
) -> "Settings":
    from testmon_cli.application import settings

    shared: Shared = context.obj
    return settings.load(datafile=datafile or shared.datafile, env=env, engine=engine, hub=hub)


@contextmanager
def _keeping_garbage() -> Iterator[None]:
    """Do not look for garbage: a command makes next to no cycles, and looking takes long.

    It takes as long when the command is over, so that what there is by then is left alone.
    """
    enabled = garbage.isenabled()
    garbage.disable()
    try:
        yield
    finally:
        if enabled:
            garbage.freeze()
            garbage.enable()


def _datafile_option(function: Function) -> Function:
    return click.option(
        "--datafile",
        metavar="PATH",
        help="Path of the testmon data file.  [default: TESTMON_DATAFILE, the setting, or .testmondata in the root]",
    )(function)


def _environments(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    from testmon_cli.commands import completion

    return completion.environments(context, incomplete)


def _places(context: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    from testmon_cli.commands import completion

    return completion.places(context, incomplete)


def _env_option(function: Function) -> Function:
    return click.option(
        "--env",
        metavar="NAME",
        shell_complete=_environments,
        help="Name of the environment whose results count.  [default: TESTMON_ENV, the setting, or 'default']",
    )(function)


def _hub_option(function: Function) -> Function:
    return click.option(
        "--hub",
        metavar="URL",
        help="The hub: a folder or a URL.  [default: TESTMON_HUB, or the setting]",
    )(function)


def _python_option(function: Function) -> Function:
    return click.option(
        "--python",
        metavar="PATH",
        type=click.Path(),
        expose_value=False,
        callback=_look_elsewhere,
        help="Let this Python, or virtual environment, answer: the one that the tests ran with.",
    )(function)


def _look_elsewhere(context: click.Context, _: click.Parameter, python: str | None) -> None:
    from testmon_cli.application.checkout.interpreters import is_to_be_asked

    if python and not context.resilient_parsing and is_to_be_asked(python):
        shared: Shared = context.obj
        raise ElsewhereError(python, shared.start)


def _format_option(*formats: str) -> Callable[[Function], Function]:
    return click.option(
        "--format",
        "format_",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="How the result is printed.",
    )


_SECTIONS = {
    "Every day": ("collect", "select", "explain", "diff", "watch", "report"),
    "Several machines": ("ci", "plan", "push", "pull", "hub", "combine", "bundle"),
    "Proof": ("replay", "audit"),
    "Agents": ("agent", "mcp"),
    "Upkeep": ("doctor", "gc", "db"),
}
_EXAMPLES = """\b
Examples:
  testmon collect                       run all tests once and remember
  testmon select | xargs -r pytest      run what your edits can affect
  testmon collect --select              the same, and remember
  testmon explain app/price.py:41       which tests reach this line?
"""


class _Whole(click.Group):
    """A group that lists its commands with whole sentences."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(200)) for name, command in found if command]
            )


class _Sections(click.Group):
    """A group that lists its commands by what they are for."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        left = {
            name: command
            for name in self.list_commands(ctx)
            if (command := self.get_command(ctx, name))
        }
        for title, names in (*_SECTIONS.items(), ("Others", tuple(left))):
            rows = [
                (name, left.pop(name).get_short_help_str(200)) for name in names if name in left
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from testmon_cli.commands import version as command

        click.echo(command.line())
        context.exit()


@click.group(
    invoke_without_command=True,
    cls=_Sections,
    epilog=_EXAMPLES,
    context_settings={"max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version, with those of Python, pytest and coverage, the engines and the schema, and exit.",
)
@click.option("-C", "--directory", metavar="DIR", help="Run as if started in this folder.")
@_datafile_option
@click.pass_context
def cli(context: click.Context, directory: str | None, datafile: str | None) -> None:
    """Tell which tests a change can affect, and why.

    `testmon collect` runs pytest once and remembers what every test depended on. From then on
    `testmon select | xargs -r pytest` runs what your changes can affect and nothing else.
    """
    start = None
    if directory is not None:
        start = os.getcwd()
        _change_directory(directory)
    context.obj = Shared(datafile, start)
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _change_directory(directory: str) -> None:
    try:
        os.chdir(directory)
    except OSError as error:
        raise click.BadParameter(
            f"{directory!r}: {error.strerror}", param_hint="'-C' / '--directory'"
        ) from error


@cli.command(context_settings={"ignore_unknown_options": True}, options_metavar="[OPTIONS]")
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED, shell_complete=_places)
@click.option(
    "--select", is_flag=True, help="Run only the tests that `testmon select` would print."
)
@click.option(
    "--engine",
    type=click.Choice(("auto", "coverage", "probes")),
    help="How tests are observed; auto takes the fastest that is safe here.  [default: the setting, or auto]",
)
@_env_option
@_datafile_option
@click.option(
    "--verbose",
    is_flag=True,
    help="Say on stderr which engine was taken and why, and what was stored.",
)
@click.pass_context
def collect(
    context: click.Context,
    pytest_args: tuple[str, ...],
    select: bool,
    engine: str | None,
    env: str | None,
    datafile: str | None,
    verbose: bool,
) -> int:
    """Run pytest and remember what every test depended on.

    Options that are not listed here go to pytest as they are, and so does everything after `--`:
    `testmon collect -x -k price tests/unit`. A run of some tests, or one that is interrupted,
    updates the tests that finished and forgets nothing else. The exit code is pytest's.
    """
    from testmon_cli.commands import collect as command

    settings = _settings(context, datafile, env, engine)
    with _keeping_garbage():
        return command.run(settings, pytest_args=pytest_args, select=select, verbose=verbose)


@cli.command()
@click.option(
    "--base",
    metavar="REV",
    help="Compare with this git revision, not with what was last collected.",
)
@_format_option("text", "json")
@_env_option
@_python_option
@_datafile_option
@click.pass_context
def diff(
    context: click.Context, base: str | None, format_: str, env: str | None, datafile: str | None
) -> int:
    """Show what has changed and how many tests depend on it."""
    from testmon_cli.commands import diff as command

    with _keeping_garbage():
        return command.run(_settings(context, datafile, env), base=base, format_=format_)


@cli.command()
@click.argument("paths", nargs=-1, metavar="[PATHS]...", type=click.Path(), shell_complete=_places)
@click.option(
    "--stdin",
    is_flag=True,
    help="Read more PATHS from stdin, one a line, like those of `git diff --name-only`.",
)
@click.option(
    "--staged", is_flag=True, help="Take the sources from git's index in place of the working tree."
)
@click.option(
    "--base",
    metavar="REV",
    help="Select the tests that the difference to this git revision can affect.",
)
@click.option(
    "--static",
    is_flag=True,
    help="Ask no datafile: select test files by what imports and names lead to. --base is HEAD unless given.",
)
@click.option(
    "--coverage",
    metavar="FILE",
    type=click.Path(),
    help="With --static: add the tests that this data of coverage.py, with contexts, shows to run what differs, first.",
)
@click.option(
    "-k",
    "keyword",
    metavar="EXPR",
    default="",
    help="Keep tests whose names or markers match, as in pytest.",
)
@click.option(
    "--no-failed", is_flag=True, help="Leave out tests that failed last time and are not affected."
)
@click.option("--explain", is_flag=True, help="Print each test with the reason why it is selected.")
@click.option(
    "--why-not",
    metavar="NODEID",
    shell_complete=_places,
    help="The same as `testmon explain NODEID`.",
)
@click.option(
    "--null", "-0", is_flag=True, help="End each argument with a null byte, for `xargs -0`."
)
@click.option(
    "--shard",
    metavar="K/N",
    help="Keep the tests of job K of N; each test file has its place in one of them.",
)
@click.option(
    "--order", metavar="KEYS", help="Order by these, the first one first: failed, changed, fast."
)
@click.option(
    "--budget",
    metavar="TIME",
    help="Keep what can be run in this time, like 90s or 5m; stderr names the rest.",
)
@click.option(
    "--rest", metavar="FILE", type=click.Path(), help="Write what --budget left out to this file."
)
@_format_option("text", "json", "agent")
@_env_option
@_python_option
@_datafile_option
@click.pass_context
def select(
    context: click.Context,
    paths: tuple[str, ...],
    stdin: bool,
    staged: bool,
    base: str | None,
    static: bool,
    coverage: str | None,
    keyword: str,
    no_failed: bool,
    explain: bool,
    why_not: str | None,
    null: bool,
    shard: str | None,
    order: str | None,
    budget: str | None,
    rest: str | None,
    format_: str,
    env: str | None,
    datafile: str | None,
) -> int:
    """Print what pytest must run, one argument a line.

    Selected are the tests that a change can affect, those that failed last time, those that were
    never recorded and new ones. PATHS narrow the answer: node ids to these tests, files and folders
    of any kind to the selected tests that stand there or that can be affected from there. For use
    with `testmon select | xargs -r pytest`: without -r, an empty answer would run every test.
    """
    if null and (explain or why_not or format_ != "text"):
        raise click.UsageError(
            "--null prints plain arguments; leave out --explain, --why-not and --format"
        )
    if coverage is not None and not static:
        raise click.UsageError("--coverage adds to what text alone tells: give --static as well")
    if rest is not None and budget is None:
        raise click.UsageError("--rest takes what --budget leaves out: give a --budget, like 5m")
    if shard is not None and "@" in shard and not (null or format_ == "json"):
        raise click.UsageError(
            "a plan is made of exact node ids: with its --shard, give --null or --format json"
        )
    if why_not is not None:
        from testmon_cli.commands import explain as explain_command

        with _keeping_garbage():
            settings = _settings(context, datafile, env)
            return explain_command.run(settings, why_not, everything=False, format_=format_)
    from testmon_cli.commands import select as command

    with _keeping_garbage():
        return command.run(
            _settings(context, datafile, env),
            command.Question(keyword, not no_failed, static, coverage, staged, base),
            command.Portion(shard, order, budget, rest),
            paths=paths,
            stdin=stdin,
            explain=explain,
            null=null,
            format_=format_,
        )


@cli.command(context_settings={"ignore_unknown_options": True}, options_metavar="[OPTIONS]")
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED)
@click.option("--all", "is_all", is_flag=True, help="Run all tests.")
@click.option(
    "--shard",
    metavar="K/N",
    envvar="TESTMON_SHARD",
    help="Run the part of job K of N.  [default: TESTMON_SHARD, or what the provider says]",
)
@click.option(
    "--plan",
    metavar="FILE",
    type=click.Path(),
    help="Run the part that `testmon plan` gave to this job.",
)
@click.option(
    "--summary",
    metavar="FILE",
    type=click.Path(),
    help="Add a summary in Markdown to this file.  [default: that of GitHub Actions]",
)
@_hub_option
@_env_option
@_datafile_option
@click.option("--verbose", is_flag=True, help="Say on stderr which engine was taken and why.")
@click.pass_context
def ci(
    context: click.Context,
    pytest_args: tuple[str, ...],
    is_all: bool,
    shard: str | None,
    plan: str | None,
    summary: str | None,
    hub: str | None,
    env: str | None,
    datafile: str | None,
    verbose: bool,
) -> int:
    """Pull, select, run the part of this job, and push.

    It is the same line in every job of every provider.

    What is not listed here goes to pytest, as with `testmon collect`. The provider's variables tell
    whose code this is and which part is that of this job. A hub is optional, and one that cannot be
    used is no error: more tests run. All tests are run where nothing is known, where the datafile
    cannot be used, with --all, where a commit message or the title or text of a pull request holds
    `[testmon all]`, and where the setting `full_every` says so. The exit code is pytest's, or 0
    where no test is left for this job.
    """
    from testmon_cli.application.ci.jobs import Request
    from testmon_cli.commands import ci as command

    settings = _settings(context, datafile, env, hub=hub)
    request = Request(pytest_args, is_all, shard, plan)
    with _keeping_garbage():
        return command.run(settings, request, summary=summary, verbose=verbose)


@cli.command()
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(1, 10_000),
    required=True,
    help="How many jobs there can be.",
)
@click.option(
    "--all", "is_all", is_flag=True, help="Divide all tests, not only those that are selected."
)
@click.option(
    "--max-time", metavar="TIME", help="Take as few jobs as are done in this time, like 90s or 5m."
)
@click.option(
    "--base",
    metavar="REV",
    help="Select the tests that the difference to this git revision can affect.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(),
    help="Write the plan as JSON to this file as well.",
)
@click.option(
    "--pull", is_flag=True, help="Take what the hub has before; without it if it cannot be used."
)
@_hub_option
@_format_option("json", "github")
@_env_option
@_python_option
@_datafile_option
@click.pass_context
def plan(
    context: click.Context,
    jobs: int,
    is_all: bool,
    max_time: str | None,
    base: str | None,
    output: str | None,
    pull: bool,
    hub: str | None,
    format_: str,
    env: str | None,
    datafile: str | None,
) -> int:
    """Divide the selection among jobs that run at once.

    The longest job takes as little time as possible, by what tests took last. Tests of a file stay
    together where that costs nothing. Jobs without tests are left out. Each job gets its part by
    `testmon select --shard`, with the name that the plan has for it. `--format github` prints lines
    for GITHUB_OUTPUT: `jobs`, their number, and `matrix`.
    """
    from testmon_cli.commands import plan as command

    settings = _settings(context, datafile, env, hub=hub)
    with _keeping_garbage():
        return command.run(
            settings,
            jobs=jobs,
            is_all=is_all,
            max_time=max_time,
            base=base,
            output=output,
            pull=pull,
            format_=format_,
        )


@cli.command()
@click.argument("what", metavar="NODEID|PATH:LINE|PATH::NAME|PATH", shell_complete=_places)
@click.option("--all", "everything", is_flag=True, help="Print long lists in full.")
@click.option(
    "--would-select",
    is_flag=True,
    help="Of a place: list also tests that a change there selects without running it.",
)
@_format_option("text", "json")
@_env_option
@_python_option
@_datafile_option
@click.pass_context
def explain(
    context: click.Context,
    what: str,
    everything: bool,
    would_select: bool,
    format_: str,
    env: str | None,
    datafile: str | None,
) -> int:
    """Tell what a test relies on, or which tests reach a place in the code.

    Of a test: what it ran, which definitions that mentions, fixtures, files, variables and
    packages, and why it is or is not selected now. Of a line (`app/price.py:41`), a function, class
    or name (`app/price.py::total`) or a file: the tests that reach it, the fastest first.
    """
    from testmon_cli.commands import explain as command

    with _keeping_garbage():
        settings = _settings(context, datafile, env)
        return command.run(
            settings, what, everything=everything, format_=format_, would_select=would_select
        )


@cli.command()
@click.option(
    "--slowest",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="How many of the slowest tests to list.",
)
@click.option(
    "--fail-on-failure",
    is_flag=True,
    help="Exit with 1 if the newest result of any test is a failure.",
)
@click.option(
    "--coverage",
    metavar="PATH",
    help="Write the lines that all tests ran to this data file, for `coverage report`, `html` and `xml`.",
)
@click.option(
    "--branch",
    is_flag=True,
    help="With --coverage: write branches as well, as far as they can be known.",
)
@click.option("--contexts", is_flag=True, help="With --coverage: write which test ran which line.")
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="With --coverage: exit with 1 if less is covered.",
)
@click.option(
    "--html",
    metavar="FILE",
    help="Write a page to browse: tests with reasons, failures, code by tests, time. It needs the extra `html`.",
)
@click.option(
    "--base",
    metavar="REV",
    help="A failure is new if its test passes at this revision of git, and known if it fails there.",
)
@click.option(
    "--runs",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    help="List the last N runs: tests that ran, failures, and time of that of the whole suite.",
)
@_format_option("text", "json", "markdown", "github", "gitlab", "junit", "ctrf")
@_env_option
@_python_option
@_datafile_option
@click.pass_context
def report(
    context: click.Context,
    slowest: int,
    fail_on_failure: bool,
    coverage: str | None,
    branch: bool,
    contexts: bool,
    fail_under: float | None,
    html: str | None,
    base: str | None,
    runs: int,
    format_: str,
    env: str | None,
    datafile: str | None,
) -> int:
    """Sum up what is known: last run, failures, slow tests, time saved."""
    from testmon_cli.commands import report as command

    if coverage is None and (branch or contexts or fail_under is not None):
        raise click.UsageError("--branch, --contexts and --fail-under belong to --coverage PATH")
    return command.run(
        _settings(context, datafile, env),
        slowest=slowest,
        fail_on_failure=fail_on_failure,
        format_=format_,
        coverage=coverage,
        branch=branch,
        contexts=contexts,
        fail_under=fail_under,
        html=html,
        base=base,
        runs=runs,
    )


@cli.command()
@click.option(
    "--keep",
    type=click.IntRange(1, 1_000_000),
    help="Executions kept of each test in each environment.  [default: the setting, or 5]",
)
@click.option(
    "--older-than", metavar="AGE", help="Remove runs older than this, like 30d, 12h or 8w."
)
@click.option(
    "--env",
    "envs",
    metavar="NAME",
    multiple=True,
    help="Remove all results of this environment; may be repeated.",
)
@click.option(
    "--missing/--no-missing",
    default=True,
    show_default=True,
    help="Remove tests that no longer exist.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Report what would be removed and how many bytes; change nothing.",
)
@_format_option("text", "json")
@_datafile_option
@click.pass_context
def gc(
    context: click.Context,
    keep: int | None,
    older_than: str | None,
    envs: tuple[str, ...],
    missing: bool,
    dry_run: bool,
    format_: str,
    datafile: str | None,
) -> int:
    """Remove what the datafile no longer needs and give the space back."""
    from testmon_cli.commands import gc as command

    return command.run(
        _settings(context, datafile, None),
        keep=keep,
        older_than=older_than,
        environments=envs,
        missing=missing,
        dry_run=dry_run,
        format_=format_,
    )


@cli.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATHS...", type=click.Path())
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="The datafile to unite them in.  [default: that of --datafile]",
)
@_format_option("text", "json")
@_datafile_option
@click.pass_context
def combine(
    context: click.Context,
    paths: tuple[str, ...],
    output: str | None,
    format_: str,
    datafile: str | None,
) -> int:
    """Unite datafiles and bundles, like those of shards or of a matrix.

    PATHS are datafiles, bundles, or folders of them. What the output already knows stays, so this
    adds to it. It is the same in whatever order evidence comes, and how often: of each test, the
    newest results that still hold count. It is done in full or not at all.
    """
    from testmon_cli.commands import combine as command

    target = output or _settings(context, datafile, None).datafile
    with _keeping_garbage():
        return command.run(paths, output=target, format_=format_)


@cli.command(context_settings={"ignore_unknown_options": True}, options_metavar="[OPTIONS]")
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED)
@_env_option
@_datafile_option
@click.pass_context
def watch(
    context: click.Context, pytest_args: tuple[str, ...], env: str | None, datafile: str | None
) -> int:
    """Run what a save can affect, each time that files are saved.

    Files that git ignores do not count. A run that a further save makes worthless is stopped; what
    finished is recorded. On a terminal, `a` runs all tests, `f` those that failed, `r` the same
    again, and `q` quits. Options that are not listed here go to pytest. It takes the extra: `pip
    install "testmon-cli[watch]"`.
    """
    from testmon_cli.commands import watch as command

    with _keeping_garbage():
        return command.run(lambda: _settings(context, datafile, env), pytest_args)


@cli.command()
@click.option("--json", is_flag=True, help="Answer for programs.")
@_env_option
@_python_option
@_datafile_option
@click.pass_context
def doctor(context: click.Context, json: bool, env: str | None, datafile: str | None) -> int:
    """Say what makes selection wrong or slow here, each with what to do.

    The exit code is 1 when something is wrong.

    Nothing is changed and no test runs.
    """
    from testmon_cli.commands import doctor as command

    with _keeping_garbage():
        return command.run(_settings(context, datafile, env), json=json)


@cli.group(cls=_Whole)
def agent() -> None:
    """Tell coding agents which tests their edits affect."""


def _host_argument(function: Function) -> Function:
    hosts = ("claude", "cursor", "codex", "aider")
    return click.argument("host", type=click.Choice(hosts), metavar="|".join(hosts))(function)


@agent.command("install")
@_host_argument
@click.option("--yes", is_flag=True, help="Write it without a question.")
@click.pass_context
def agent_install(context: click.Context, host: str, yes: bool) -> int:
    """Put a hook into the agent's configuration in the root of the project.

    What changes is shown first. Without a terminal to ask, nothing is written unless --yes is
    given.
    """
    from testmon_cli.commands import agent as command

    return command.install(_settings(context, None, None), host, yes=yes, confirm=click.confirm)


@agent.command("uninstall")
@_host_argument
@click.option("--yes", is_flag=True, help="Write it without a question.")
@click.pass_context
def agent_uninstall(context: click.Context, host: str, yes: bool) -> int:
    """Take the hook out of the agent's configuration, and leave all else there."""
    from testmon_cli.commands import agent as command

    return command.uninstall(_settings(context, None, None), host, yes=yes, confirm=click.confirm)


@agent.command("hook")
@click.option(
    "--reply",
    type=click.Choice(("exit-code", "cursor")),
    default="exit-code",
    show_default=True,
    help="How the agent wants its answer.",
)
@_env_option
@_python_option
@_datafile_option
@click.pass_context
def agent_hook(context: click.Context, reply: str, env: str | None, datafile: str | None) -> int:
    """Answer an agent that has edited a file, named as `tool_input.file_path` in JSON on stdin.

    The exit code is 0 when no test must run, and 2 when some must; then stderr says which and why.
    """
    from testmon_cli.application import settings
    from testmon_cli.commands import agent as command

    shared: Shared = context.obj
    with _keeping_garbage():
        return command.hook(
            lambda root: settings.load(root, datafile=datafile or shared.datafile, env=env), reply
        )


@agent.command("skill")
def agent_skill() -> int:
    """Print a SKILL.md that tells an agent how to use testmon."""
    from testmon_cli.commands import agent as command

    return command.skill()


@cli.command(context_settings={"ignore_unknown_options": True}, options_metavar="[OPTIONS]")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[REV..REV] [-- PYTEST_ARGS]...")
@click.option(
    "--commits",
    metavar="N",
    type=click.IntRange(1, 100_000),
    default=50,
    show_default=True,
    help="How many commits of the main line, the newest ones, where no range is given.",
)
@click.option(
    "--setup", metavar="COMMAND", help="Run this in a shell at each commit before its tests."
)
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="How many parts of the history are replayed at once.",
)
@click.option(
    "--state",
    metavar="FOLDER",
    type=click.Path(),
    help="Where what is found is kept, so that it can be gone on with.  [default: in the user's cache]",
)
@click.option("--anew", is_flag=True, help="Forget what an earlier replay found.")
@click.option(
    "--html",
    metavar="FILE",
    type=click.Path(),
    help="Write a page with plots. It needs the extra `html`.",
)
@_format_option("text", "json")
@_env_option
@click.pass_context
def replay(
    context: click.Context,
    words: tuple[str, ...],
    commits: int,
    setup: str | None,
    jobs: int,
    state: str | None,
    anew: bool,
    html: str | None,
    format_: str,
    env: str | None,
) -> int:
    """Prove selection on the history of this project.

    It goes through commits and holds each selection against all tests.

    Each commit is checked out in a temporary worktree; the checkout is not touched. There plain
    pytest runs all tests, and `testmon collect --select` those that are selected. A test that comes
    out otherwise than before, that is new or fails, and was not selected has escaped, unless more
    runs of both commits show that it is unstable. The exit code is 1 when a test escaped. A replay
    that was ended goes on where it was.
    """
    from testmon_cli.application.proof.replay import Request
    from testmon_cli.commands import replay as command

    between, arguments = command.words_of(words)
    request = Request(between, commits, setup, arguments, jobs, state, anew)
    return command.run(_settings(context, None, env), request, html=html, format_=format_)


@cli.command(context_settings={"ignore_unknown_options": True}, options_metavar="[OPTIONS]")
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--sample", metavar="SHARE", help="Run this share of the tests, like 10%.  [default: all]"
)
@click.option(
    "--seed", metavar="TEXT", help="Which tests are in the sample: the same ones for the same seed."
)
@_format_option("text", "json")
@_env_option
@_datafile_option
@click.pass_context
def audit(
    context: click.Context,
    pytest_args: tuple[str, ...],
    sample: str | None,
    seed: str | None,
    format_: str,
    env: str | None,
    datafile: str | None,
) -> int:
    """Run all tests, or a sample, and name those that selection misses in the present state.

    Plain pytest runs them, and shows what it does on stderr; the datafile stays as it is. A test
    that fails or comes out otherwise than is known, and would not have been selected, has escaped,
    unless it comes out otherwise again. Of each you are told what has changed that it was not seen
    to rely on, and the known limit that explains it. The exit code is 1 when a test escaped. What
    is not listed here goes to pytest.
    """
    from testmon_cli.commands import audit as command

    settings = _settings(context, datafile, env)
    return command.run(settings, pytest_args, sample=sample, seed=seed, format_=format_)


@cli.command()
@_env_option
@_python_option
@_datafile_option
@click.pass_context
def mcp(context: click.Context, env: str | None, datafile: str | None) -> int:
    """Serve agents over the Model Context Protocol, on stdin and stdout.

    The tools are `select_tests`, `explain` and `tests_for`. It takes the extra: `pip install
    "testmon-cli[mcp]"`.
    """
    from testmon_cli.commands import mcp as command

    return command.run(lambda: _settings(context, datafile, env))


@cli.group(cls=_Whole)
def bundle() -> None:
    """Put what runs learned into a file that travels, and look into one."""


@bundle.command("create")
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="The file to write, or a folder for a file named after its content.  [default: the working directory]",
)
@click.option(
    "--last", metavar="N", type=click.IntRange(1), help="Put in this many runs, the newest ones."
)
@click.option(
    "--newer-than",
    metavar="AGE",
    help="Put in runs that are not older than this, like 30d, 12h or 8w.",
)
@_format_option("text", "json")
@_env_option
@_datafile_option
@click.pass_context
def bundle_create(
    context: click.Context,
    output: str | None,
    last: int | None,
    newer_than: str | None,
    format_: str,
    env: str | None,
    datafile: str | None,
) -> int:
    """Write what was learned in one environment into a file, and print its path.

    Unless --last or --newer-than says which, all runs are put in. `testmon combine` takes the file
    on another machine.
    """
    from testmon_cli.commands import bundle as command

    settings = _settings(context, datafile, env)
    with _keeping_garbage():
        return command.create(
            settings, output=output, last=last, newer_than=newer_than, format_=format_
        )


@bundle.command("show")
@click.argument("path", type=click.Path(), metavar="FILE")
@_format_option("text", "json")
def bundle_show(path: str, format_: str) -> int:
    """Say what is in a bundle, once all of it was read and is whole."""
    from testmon_cli.commands import bundle as command

    with _keeping_garbage():
        return command.show(path, format_=format_)


@cli.command()
@_hub_option
@_format_option("text", "json")
@_datafile_option
@click.pass_context
def push(context: click.Context, hub: str | None, format_: str, datafile: str | None) -> int:
    """Give the hub what was learned here and it does not have yet.

    That is a bundle for each run of the same origin as this one: of this branch, this pull request,
    or this person. In continuous integration the provider's variables say what that is. Runs of a
    fork are never pushed.
    """
    from testmon_cli.commands import push as command

    with _keeping_garbage():
        return command.run(_settings(context, datafile, None, hub=hub), format_=format_)


@cli.command()
@_hub_option
@click.option("--ref", metavar="NAME", help="Pull only what was learned on this branch.")
@click.option(
    "--since",
    metavar="AGE",
    help="Pull only runs that are not older than this, like 30d, 12h or 8w.",
)
@click.option(
    "--limit", metavar="N", type=click.IntRange(1), help="Pull at most this many bundles."
)
@_format_option("text", "json")
@_env_option
@_python_option
@_datafile_option
@click.pass_context
def pull(
    context: click.Context,
    hub: str | None,
    ref: str | None,
    since: str | None,
    limit: int | None,
    format_: str,
    env: str | None,
    datafile: str | None,
) -> int:
    """Merge what the hub has of this environment and is not here yet.

    What was learned near in the history of git comes first, then what is new. Bundles of trusted
    branches and of the own origin count; those that are damaged, not trusted, or not signed where
    they must be are ignored, and counted.
    """
    from testmon_cli.commands import pull as command

    with _keeping_garbage():
        settings = _settings(context, datafile, env, hub=hub)
        return command.run(settings, ref=ref, since=since, limit=limit, format_=format_)


@cli.group("hub", cls=_Whole)
def hub_() -> None:
    """Look after the hub, the place where bundles meet."""


@hub_.command("list")
@_hub_option
@_format_option("text", "json")
@click.pass_context
def hub_list(context: click.Context, hub: str | None, format_: str) -> int:
    """Print a line for each bundle: when its run began, commit, bytes, content and origin."""
    from testmon_cli.commands import hub as command

    return command.list_(_settings(context, None, None, hub=hub), format_=format_)


@hub_.command("gc")
@_hub_option
@click.option(
    "--older-than",
    metavar="AGE",
    default="30d",
    show_default=True,
    help="Remove runs older than this.",
)
@click.option(
    "--keep",
    metavar="N",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Keep this many of the newest runs of each origin and environment, however old.",
)
@click.option("--dry-run", is_flag=True, help="Report what would be removed; change nothing.")
@_format_option("text", "json")
@click.pass_context
def hub_gc(
    context: click.Context, hub: str | None, older_than: str, keep: int, dry_run: bool, format_: str
) -> int:
    """Remove old bundles.

    Tests whose results were in them alone are selected until they have run again.
    """
    from testmon_cli.commands import hub as command

    settings = _settings(context, None, None, hub=hub)
    return command.gc(settings, older_than=older_than, keep=keep, dry_run=dry_run, format_=format_)


@hub_.command("check")
@_hub_option
@_format_option("text", "json")
@click.pass_context
def hub_check(context: click.Context, hub: str | None, format_: str) -> int:
    """Read every bundle and say what is wrong. The exit code is 65 where anything is."""
    from testmon_cli.commands import hub as command

    with _keeping_garbage():
        return command.check(_settings(context, None, None, hub=hub), format_=format_)


@cli.group(cls=_Whole)
def db() -> None:
    """Keep the datafile in order, also while tests are collected into it."""


@db.command("current")
@click.option("--json", is_flag=True, help="Answer for programs.")
@_datafile_option
@click.pass_context
def db_current(context: click.Context, json: bool, datafile: str | None) -> int:
    """Say which schema the datafile has, and whether its checksum matches. Nothing is changed."""
    from testmon_cli.commands import db as command

    return command.current(_settings(context, datafile, None), json=json)


@db.command("upgrade")
@click.option("--json", is_flag=True, help="Answer for programs.")
@_datafile_option
@click.pass_context
def db_upgrade(context: click.Context, json: bool, datafile: str | None) -> int:
    """Bring the datafile to the newest schema, with a copy beside it.

    Every other command does so by itself when it comes upon an older one.
    """
    from testmon_cli.commands import db as command

    return command.upgrade(_settings(context, datafile, None), json=json)


@db.command("check")
@click.option("--json", is_flag=True, help="Answer for programs.")
@_datafile_option
@click.pass_context
def db_check(context: click.Context, json: bool, datafile: str | None) -> int:
    """Read every value of the datafile and say what is wrong.

    The exit code is 65 where anything is.
    """
    from testmon_cli.commands import db as command

    return command.check(_settings(context, datafile, None), json=json)


@db.command("repair")
@click.option(
    "-o", "--output", metavar="PATH", required=True, help="The new datafile; there must be none."
)
@click.option("--json", is_flag=True, help="Answer for programs.")
@_datafile_option
@click.pass_context
def db_repair(context: click.Context, output: str, json: bool, datafile: str | None) -> int:
    """Save what can be read of a damaged datafile into a new one.

    These are runs, outcomes, durations and failure texts. What tests relied on is not believed any
    more: each test is selected until it has run again.
    """
    from testmon_cli.commands import db as command

    return command.repair(_settings(context, datafile, None), output=output, json=json)


@db.command("backup")
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="The copy.  [default: beside the datafile, named after the time]",
)
@click.option("--json", is_flag=True, help="Answer for programs.")
@_datafile_option
@click.pass_context
def db_backup(context: click.Context, output: str | None, json: bool, datafile: str | None) -> int:
    """Copy the datafile, whole, while tests may be collected into it; print where the copy is."""
    from testmon_cli.commands import db as command

    return command.backup(_settings(context, datafile, None), output=output, json=json)


@db.command("vacuum")
@click.option("--json", is_flag=True, help="Answer for programs.")
@_datafile_option
@click.pass_context
def db_vacuum(context: click.Context, json: bool, datafile: str | None) -> int:
    """Give back the room that nothing in the datafile uses. `testmon gc` does so too."""
    from testmon_cli.commands import db as command

    return command.vacuum(_settings(context, datafile, None), json=json)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code: the one place where errors become messages."""
    if sys.stderr is None:  # it was closed
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    try:
        if sys.stdout is None:
            raise OutputError("stdout is closed: give the results a place to go, like /dev/null")
        instruction = os.environ.get(COMPLETE_VARIABLE)
        if instruction:
            return _complete(instruction)
        code = _invoke(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except TestmonError as error:
        return _fail(str(error), error.exit_code)
    except click.ClickException as error:
        return _fail(_usage_message(error), EXIT_USAGE)
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _give_up_stdout()
        return EXIT_BROKEN_PIPE
    except UnicodeEncodeError as error:
        return _fail(
            f"the encoding {error.encoding} of the system cannot say {error.object!r}", EXIT_IO
        )
    except OSError as error:
        return _fail(_refused(error), EXIT_IO)
    return code


def _complete(instruction: str) -> int:
    """Answer the shell, which asks for its script or for what may follow.

    Instructions are `bash_source`, `bash_complete` and the like.
    """
    from click.shell_completion import shell_complete

    from testmon_cli.commands import completion

    completion.prepare()
    if shell_complete(cli, {}, "testmon", COMPLETE_VARIABLE, instruction):
        return _fail(
            f"{COMPLETE_VARIABLE}={instruction} is not known: give bash_source, zsh_source or fish_source",
            EXIT_USAGE,
        )
    return 0


def _refused(error: OSError) -> str:
    """Say which file the system refused to read or write, and why."""
    reason = error.strerror or str(error)
    if error.filename is not None:
        return f"{error.filename}: {reason}"
    _give_up_stdout()
    return f"the results cannot be written: {reason}"


def _give_up_stdout() -> None:
    """Give stdout a place to write to: Python flushes it once more at exit and would complain."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _invoke(arguments: list[str]) -> int:
    # Not cli.main(): it would turn a broken pipe into exit code 1, which here means that tests
    # failed.
    try:
        with cli.make_context("testmon", [*arguments]) as context:
            return cli.invoke(context) or 0
    except ElsewhereError as other:
        from testmon_cli.application.checkout.interpreters import ask

        return ask(other.python, arguments, other.start)
    except click.exceptions.Exit as request:
        return request.exit_code


def _fail(message: str, code: int) -> int:
    from testmon_cli.rendering.terminal import joined, say

    say(joined([f"testmon: error: {message}"]))
    return code


def _usage_message(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    help_command = f" (see {context.command_path} --help)" if context else ""
    return error.format_message().rstrip(".") + help_command
