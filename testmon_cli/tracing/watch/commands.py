"""What a command says: its words, and whether they start Python."""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from testmon_cli.tracing.originals import environ, is_file, open_file, paths

_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})
_VARIABLE = re.compile(r"\$\{?[#!]?([A-Za-z_]\w*)")
_ISOLATED = frozenset("IES")  # options of Python that keep sitecustomize or PYTHONPATH out


def command_words(arguments: Any) -> list[str]:
    """The words of a command, however it was given."""
    if isinstance(arguments, str | bytes):
        import shlex

        text = os.fsdecode(arguments)
        try:
            return shlex.split(text)
        except ValueError:
            return text.split()
    if isinstance(arguments, os.PathLike):
        return [os.fsdecode(arguments)]
    return [os.fsdecode(word) for word in arguments if isinstance(word, str | bytes | os.PathLike)]


def text_for_shell(words: list[str]) -> str:
    """What a shell is told to run: `cat names.txt` of `sh -ec "cat names.txt"`; "" if none is."""
    if not words or paths.basename(words[0]) not in _SHELLS:
        return ""
    for option, text in pairwise(words[1:]):
        if not option.startswith("-"):
            return ""
        if option.endswith("c") and not option.startswith("--"):
            return text
    return ""


def words_of_text(text: str) -> list[str]:
    """The words of what a shell is told to run."""
    if not text:
        return []
    import shlex

    try:
        return list(shlex.shlex(text, posix=True, punctuation_chars=True))
    except ValueError:
        return text.split()


def variables_of_text(text: str) -> list[str]:
    """The variables that a text for a shell names: `$HOME`, `${HOME}`."""
    return _VARIABLE.findall(text)


def with_values(words: Iterable[str]) -> Iterator[str]:
    """Words, and the values of options among them: `--file=names.txt`."""
    for word in words:
        yield word
        value = word.partition("=")[2]
        if value:
            yield value


def path_of(program: str, env: Any) -> str:
    """The path of a program that is looked for in the folders of PATH.

    Returns its name when it is in none.
    """
    if paths.dirname(program):
        return program
    path = env.get("PATH") or (os.defpath if env is environ else env.get(b"PATH", os.defpath))
    places = (paths.join(folder, program) for folder in os.fsdecode(path).split(paths.pathsep))
    return next((place for place in places if is_file(place)), program)


def is_isolated(program: str, words: list[str]) -> str:
    """The option of a command, or of the first line of a script, that keeps us out of the process.

    Returns "" where there is none.
    """
    for options in (words[1:], _first_line(program)[1:]):
        for word in options:
            if not word.startswith("-") or word in ("-c", "-m", "-"):
                break
            if not word.startswith("--") and not _ISOLATED.isdisjoint(word):
                return word
    return ""


def is_python(program: str) -> bool:
    """Tell whether a program is Python, or a script for it."""
    name = paths.basename(program).lower()
    if name.startswith(("python", "pypy")) or program == sys.executable:
        return True
    return name not in ("sh", "bash", "env", "git", "make") and bool(_first_line(program))


def _first_line(program: str) -> list[str]:
    """How a script starts Python, with its options; nothing for another program."""
    try:
        with open_file(program, "rb") as handle:
            line = handle.readline(200) if handle.read(2) == b"#!" else b""
    except OSError:
        return []
    words = os.fsdecode(line).split()
    return next((words[n:] for n, word in enumerate(words) if "python" in word), [])
