"""Which part of a selection a user asks for: by paths, node ids and the words of `-k`."""

import ast
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from testmon_cli.application.settings import Settings
from testmon_cli.domain.selection import Selection

if TYPE_CHECKING:  # mostly everything is asked for
    from testmon_cli.application.select.keyword_grammar import Expression
    from testmon_cli.application.select.paths import ChangedFiles, Known, Place


class Narrowing(NamedTuple):
    """A filter for a selection: paths, an expression of `-k`, changed files."""

    places: "tuple[Place, ...] | None" = None  # None: all
    expression: "Expression | None" = None
    differing: "ChangedFiles | None" = (
        None  # files; tests that neither stand there nor can be affected are not asked for
    )
    # whether the places were read from a list, that may name files which nobody knows any more
    is_listed: bool = False
    # A test file: of known tests in others it is not asked whether they still exist. What is
    # counted, and which tests of others are selected, is of no use then.
    of_file: str | None = None

    def also(self, differing: "ChangedFiles") -> "Narrowing":
        """Add to the filter that some differing files must be able to affect a test."""
        return self._replace(differing=differing)

    def is_of_tests(self, selection: Selection) -> bool:
        """Tell whether pytest itself would understand the places.

        Whole ones hold tests of a selection.
        """
        whole = [place for place in self.places or () if not place.name]
        return all(any(place.holds(test.nodeid) for test in selection.tests) for place in whole)

    def of(self, selection: Selection, known: "Known") -> Selection:
        """The part of a selection that is asked for.

        A test that may belong to it, for all that is known, is kept.
        """
        selection = selection._replace(is_part=any(part is not None for part in self[:3]))
        if self.differing is not None:
            from testmon_cli.application.select.paths import within

            selection = within(selection, [self.differing], known, is_listed=False)
        if self.places is not None:
            from testmon_cli.application.select.paths import within

            selection = within(selection, self.places, known, is_listed=self.is_listed)
        if self.expression is not None:
            from testmon_cli.application.select.keywords import Keywords

            keywords = Keywords({run.id: run for run in known.runs}, selection.unsettled)
            kept = tuple(test for test in selection.tests if keywords.holds(test, self.expression))
            selection = selection._replace(tests=kept)
        return selection


def narrowing_of(
    settings: Settings,
    paths: Sequence[str] | None = None,
    words: str = "",
    *,
    is_listed: bool = False,
) -> Narrowing:
    """Make the filter for a command line.

    Without paths (None) it passes everything, with an empty list nothing.
    """
    asked, expression = None, None
    if paths is not None:
        from testmon_cli.application.select.paths import places

        asked = places(Path(os.path.realpath(settings.root)), settings.source, paths)
    if words.strip():
        from testmon_cli.application.select.keyword_grammar import compiled

        expression = compiled(words)
    return Narrowing(asked, expression, is_listed=is_listed)


def paths_in(data: bytes) -> list[str]:
    """The paths of a list: one a line, as git quotes them, or each ended by a null byte."""
    if b"\0" in data:
        return [os.fsdecode(entry) for entry in data.split(b"\0") if entry]
    return [_unquoted(os.fsdecode(line)) for line in data.splitlines() if line.strip()]


def _unquoted(line: str) -> str:
    r"""A path as it is, of one that git put in quotes because of special characters.

    git writes `"caf\303\251.py"`.
    """
    if not (line.startswith('"') and line.endswith('"') and len(line) > 1):
        return line
    try:
        return os.fsdecode(ast.literal_eval(f"b{line}"))
    except (SyntaxError, ValueError):
        return line
