"""Completion for shells: the script, and the words that it offers.

Environments, and tests that were collected, from the datafile.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    split_arg_string,
)

from testmon_cli.application import settings
from testmon_cli.application.checkout import environment
from testmon_cli.domain.errors import TestmonError
from testmon_cli.domain.nodeid import function_of, path_of
from testmon_cli.storage.datafile import Datafile

# what no shell takes for something else, but for brackets
_PLAIN = re.compile(r"[\w./:\[\]+=@,-]+")


def environments(context: click.Context, incomplete: str) -> list[str]:
    """Names of environments that were collected."""
    return [name for name in _asked(context, _environments) if name.startswith(incomplete)]


def places(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Files, which the shell knows, and behind a double colon the tests of one.

    Files of tests come before them.
    """
    if "::" in incomplete:
        path = path_of(incomplete)
        found = _asked(context, lambda datafile, chosen: _tests(datafile, chosen, path))
        return [CompletionItem(name) for name in found if name.startswith(incomplete)]
    files = [name for name in _asked(context, _files) if name.startswith(incomplete)]
    if len(files) == 1:
        return [CompletionItem(files[0]), CompletionItem(f"{files[0]}::")]
    return [CompletionItem(incomplete, type="file")]


def _asked(
    context: click.Context, question: Callable[[Datafile, settings.Settings], Iterator[str]]
) -> Sequence[str]:
    given = context.params.get("datafile") or (
        context.parent.params.get("datafile") if context.parent else None
    )
    try:
        chosen = settings.load(datafile=given, env=context.params.get("env"))
        with Datafile.open(chosen.datafile) as datafile:
            return sorted(set(question(datafile, chosen)))
    except (TestmonError, OSError):  # what is wrong will be said by the command
        return []


def _environments(datafile: Datafile, _: settings.Settings) -> Iterator[str]:
    yield from (known.name for known in datafile.environments())


def _files(datafile: Datafile, chosen: settings.Settings) -> Iterator[str]:
    """Files of tests, as they are called from the working directory."""
    for run in datafile.runs(environment.current(chosen.env))[:1]:
        for path in datafile.test_files(run.id):
            yield os.path.relpath(chosen.root / path).replace(os.sep, "/")


def _tests(datafile: Datafile, chosen: settings.Settings, path: str) -> Iterator[str]:
    """Tests of a file, beginning with its path as it was given."""
    known = os.path.relpath(os.path.realpath(path), os.path.realpath(chosen.root)).replace(
        os.sep, "/"
    )
    for nodeid, _ in datafile.ran_below(environment.current(chosen.env), [known]):
        for name in (nodeid, function_of(nodeid, known)):
            if name.startswith(f"{known}::") and _PLAIN.fullmatch(name):
                yield path + name.removeprefix(known)


class _Bash(BashComplete):
    """Bash takes a colon for the end of a word.

    Here the parts are one again, and only what follows it is offered.
    """

    def get_completion_args(self) -> tuple[list[str], str]:
        words = split_arg_string(os.environ["COMP_WORDS"])
        place = int(os.environ["COMP_CWORD"])
        found: list[str] = []
        for word in (*words[1:place], words[place] if place < len(words) else ""):
            if (
                found
                and ("" not in (found[-1], word))
                and (found[-1].endswith(":") or word.startswith(":"))
            ):
                found[-1] += word
            else:
                found.append(word)
        return found[:-1], found[-1]

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        start = incomplete.rfind(":") + 1
        found = super().get_completions(args, incomplete)
        return [CompletionItem(item.value[start:], item.type, item.help) for item in found]


def prepare() -> None:
    """Make node ids complete in bash as well."""
    add_completion_class(_Bash, "bash")
