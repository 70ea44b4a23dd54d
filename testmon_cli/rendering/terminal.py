"""Prints results on stdout and notes on stderr.

Names of files and tests, and failure texts, hold what a project puts there. On their way to a
person, characters that would steer a terminal are shown as their numbers.
"""

import io
import os
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType

_NO_STYLES: Mapping[str, str] = MappingProxyType({})
# Controls but for the tab, what begins a new line, and what turns the direction of writing.
_STEERING = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """A text as one line that steers nothing."""
    return text if text.isprintable() else _STEERING.sub(_number, text)


def _number(match: "re.Match[str]") -> str:
    return match[0].encode("unicode_escape").decode()


def joined(lines: Iterable[str]) -> str:
    """Lines as one text; what they hold begins none of its own."""
    return "".join([f"{visible(line)}\n" for line in lines])


def duration(seconds: float) -> str:
    """A time for people: 0.25 s, 14 min, 1.5 h."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def write(text: str, styles: Mapping[str, str] = _NO_STYLES) -> None:
    """Print a text; on a terminal, what a pattern finds is shown in its style.

    A character that stdout cannot take is printed as its number: it must not end a report in the
    middle.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if not styles or not sys.stdout.isatty():
        sys.stdout.write(text)
        return
    from rich.console import Console
    from rich.text import Text

    shown = Text(text)
    for pattern, style in styles.items():
        shown.highlight_regex(pattern, style)
    Console(highlight=False).print(shown, end="", soft_wrap=True)


def write_arguments(text: str) -> None:
    """Print arguments for another program.

    They are written as bytes of the file system, whatever the encoding of stdout is.
    """
    if sys.stdout.isatty():
        write(joined(text.splitlines()))
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.flush()
        sys.stdout.buffer.write(os.fsencode(text))
    else:
        sys.stdout.write(text)


def say(text: str) -> None:
    """Tell something on stderr; what cannot be told there must not spoil the result."""
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
