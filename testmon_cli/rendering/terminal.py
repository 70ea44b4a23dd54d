"""Text on stdout: as it is for programs and logs, with colour where a person looks."""

import io
import sys
from collections.abc import Mapping


def write(text: str, styles: Mapping[str, str]) -> None:
    """Print a text; on a terminal, what a pattern finds is shown in its style.

    A character that stdout cannot take is printed as its number: it must not end a report in the middle.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if not sys.stdout.isatty():
        sys.stdout.write(text)
        return
    from rich.console import Console
    from rich.text import Text

    shown = Text(text)
    for pattern, style in styles.items():
        shown.highlight_regex(pattern, style)
    Console(highlight=False).print(shown, end="", soft_wrap=True)
